from collections.abc import Iterator

import pytest
from running import Running
from small_bundle import Bundle


@pytest.fixture(scope="session")
def server(small_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(small_bundle.path, tmp_path_factory.mktemp("server")).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def batching_server(small_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(small_bundle.path, tmp_path_factory.mktemp("batching"), batching=True).start()
    yield running
    running.stop()
