from collections.abc import Iterator
from pathlib import Path

import pytest
from running import ALREADY, SERVER_VARIABLE, Running, Server
from small_bundle import Bundle


def served(bundle: Bundle, folder: Path, *, batching: bool) -> Iterator[Server]:
    if ALREADY:
        yield ALREADY
        return
    running = Running(bundle.path, folder, batching=batching).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server(small_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from served(small_bundle, tmp_path_factory.mktemp("server"), batching=False)


@pytest.fixture(scope="session")
def batching_server(small_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that runs already batches or not, as it was started: what is asked of it holds for both."""
    yield from served(small_bundle, tmp_path_factory.mktemp("batching"), batching=True)


@pytest.fixture
def ours_to_stop() -> None:
    """For tests that stop a server, or change what it serves."""
    if ALREADY:
        pytest.skip(f"the server that {SERVER_VARIABLE} names is not ours to stop")
