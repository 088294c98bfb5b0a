"""Short runs on small records, for the tests of training."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console

from kerasmooth.tfrecord.record_sets import RecordSets
from kerasmooth.training import devices
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.data import open_records
from kerasmooth.training.learner import Learner
from kerasmooth.training.loop import train as train_run
from kerasmooth.training.state import RunState

Finished = tuple[Path, RunState, str]
"""A run's folder, its state, and what it said."""


def config_for(records: Path, **changes: Any) -> TrainingConfig:
    base = TrainingConfig(records_dir=str(records), datasets=("sample",), shifting_scalar=0.5, max_epochs=2, jit="off")
    return base.replace(**changes)


@contextlib.contextmanager
def recording() -> Iterator[Console]:
    with open(os.devnull, "w") as nowhere:
        yield Console(width=200, record=True, file=nowhere)


def placed(config: TrainingConfig, run_dir: Path) -> TrainingConfig:
    return config.replace(runs_dir=str(run_dir.parent), run_name=run_dir.name)


def train(config: TrainingConfig, run_dir: Path) -> tuple[RunState, str]:
    with recording() as console:
        return train_run(placed(config, run_dir), console=console), console.export_text()


def arrays(run_dir: Path) -> dict[str, np.ndarray]:
    with np.load(run_dir / "checkpoint.npz") as archive:
        return {name: archive[name] for name in archive.files if name != "state"}


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = arrays(one), arrays(other)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name].tobytes() != second[name].tobytes()] == []
    assert (one / "best.keras").read_bytes() == (other / "best.keras").read_bytes()
    assert (one / "best.json").read_bytes() == (other / "best.json").read_bytes()


def make_learner(records: Path, **changes: Any) -> tuple[Learner, RecordSets]:
    config, sets = open_records(config_for(records, **changes), lambda _: None)
    keras.utils.set_random_seed(config.seed)
    return Learner(config, devices.build("single")), sets


def numbers_of(batch: dict[str, Any]) -> dict[str, Any]:
    """The only replica's part of a batch, without what steps do not take."""
    return {name: value[0] for name, value in batch.items() if name != "clip_id"}
