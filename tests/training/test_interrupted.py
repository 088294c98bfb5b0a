"""Runs that are interrupted or killed end as if they had not been."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from short_runs import Finished, assert_same_weights, config_for, placed, recording, train

from kerasmooth.training import checkpoint, report, run_folder
from kerasmooth.training.learner import Learner
from kerasmooth.training.loop import Interrupted
from kerasmooth.training.loop import train as train_run

pytestmark = pytest.mark.usefixtures("determinism_ends", "no_curves")


def test_the_same_settings_give_the_same_bytes(finished: Finished, short_records: Path, tmp_path: Path) -> None:
    train(config_for(short_records), tmp_path / "again")
    assert_same_weights(finished[0], tmp_path / "again")


@contextlib.contextmanager
def at_call(number: int, target: Any, name: str, happens: Callable[[], None]) -> Iterator[None]:
    """Something happens at the end of the given call of a function."""
    original, calls = getattr(target, name), []

    def wrapped(*arguments: Any) -> Any:
        result = original(*arguments)
        calls.append(name)
        if len(calls) == number:
            happens()
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, name, wrapped)
        yield


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_interrupted_anywhere_a_run_ends_as_if_it_had_not_been(
    finished: Finished, short_records: Path, tmp_path: Path
) -> None:
    moments = [
        (Learner, "train_step", 2, "in epoch 1 after step 2 of 3"),
        (Learner, "train_step", 1, "in epoch 1 after step 3 of 3"),
        (Learner, "validation_step", 3, "in epoch 2 after step 3 of 3"),
    ]
    for target, name, call, where in moments:
        with at_call(call, target, name, press_ctrl_c), recording() as console, pytest.raises(Interrupted):
            train_run(placed(config_for(short_records), tmp_path / "run"), console=console)
        assert f"Interrupted {where}: run the same command again to continue" in console.export_text()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    train(config_for(short_records), tmp_path / "run")
    assert_same_weights(finished[0], tmp_path / "run")


class KilledError(Exception):
    pass


def die() -> None:
    raise KilledError


def test_killed_while_an_epoch_is_filed_a_run_ends_as_if_it_had_not_been(
    finished: Finished, short_records: Path, tmp_path: Path
) -> None:
    """The second save is the one of the epoch's end. The second epoch is added afterwards."""
    for target, name, call in ((run_folder, "save_model", 1), (checkpoint, "save", 1), (report, "write_history", 1)):
        with at_call(call, target, name, die), pytest.raises(KilledError):
            train(config_for(short_records, max_epochs=1), tmp_path / "run")
    _, said = train(config_for(short_records), tmp_path / "run")
    assert "Continuing in epoch 2 after step 0" in said
    assert_same_weights(finished[0], tmp_path / "run")
    assert (tmp_path / "run" / "history.csv").read_text().count("\n") == 3
