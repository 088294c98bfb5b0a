from collections.abc import Iterator
from pathlib import Path

import pytest
from short_runs import Finished, config_for, train
from small_records import write_records
from tensorflow.python.framework import config as tf_config

from kerasmooth.training import report


@pytest.fixture
def determinism_ends() -> Iterator[None]:
    yield
    tf_config.disable_op_determinism()


@pytest.fixture
def no_curves(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than the epochs here; the run `finished`, made once, has them."""
    monkeypatch.setattr(report, "draw_curves", lambda *_: None)


@pytest.fixture(scope="session")
def short_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    write_records(folder, windows=(40, 20))
    return folder


@pytest.fixture(scope="session")
def finished(short_records: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of two epochs."""
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    state, said = train(config_for(short_records), run_dir)
    tf_config.disable_op_determinism()
    return run_dir, state, said
