"""What each epoch was: rows that a checkpoint holds, written as CSV and as TensorBoard events."""

import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from kerasmooth import files
from kerasmooth.training.experiment import PCK_THRESHOLDS

HISTORY_FILE = "history.csv"
TENSORBOARD_FOLDER = "tensorboard"

Row = Mapping[str, float]
"""One epoch, by the names of `COLUMNS`; shares and rates as plain numbers, time in seconds."""


def pck_column(threshold: float) -> str:
    """The column of the validation PCK at a threshold (a share of the torso diameter)."""
    return f"pck@{threshold:g}"


COLUMNS = (
    "epoch",
    "train_loss",
    "validation_loss",
    *(pck_column(threshold) for threshold in PCK_THRESHOLDS),
    "learning_rate",
    "seconds",
    "windows_per_second",
)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Writes all epochs; numbers keep every digit."""
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    files.write_text(path, table.to_csv(index=False, lineterminator="\n", na_rep="nan"))


class TensorBoardLog:
    """Scalars for TensorBoard, where it is installed; else nothing.

    The folder is written anew from the rows at hand, so that a continued run shows each epoch once.
    """

    def __init__(self, run_dir: Path, rows: Sequence[Row]) -> None:
        self._writer = None
        if importlib.util.find_spec("tensorboard") is None:
            return
        import tensorflow as tf

        shutil.rmtree(run_dir / TENSORBOARD_FOLDER, ignore_errors=True)
        self._writer = tf.summary.create_file_writer(str(run_dir / TENSORBOARD_FOLDER))
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Writes one epoch."""
        if self._writer is None:
            return
        import tensorflow as tf

        with self._writer.as_default(step=int(row["epoch"])):
            for name in COLUMNS[1:]:
                tf.summary.scalar(name, row[name])
        self._writer.flush()
