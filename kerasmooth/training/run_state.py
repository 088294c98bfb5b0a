"""Where a run stands, besides its variables."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kerasmooth.training.experiment import ExperimentConfig
from kerasmooth.training.schedule import Schedule


@dataclass
class RunState:
    """What a checkpoint's `state` holds.

    Attributes:
      schedule: learning rate, early stopping, best epoch.
      records: what identifies the records; a run goes on with the same ones only.
      epoch: the epoch under way, counted from 1.
      step: its steps that are done.
      sums: (total, count) of each loss term over these steps.
      epoch_seconds: time spent in this epoch.
      seconds: time spent in the epochs before.
      rows: history of the epochs before.
      identity: PCK of no smoothing on the validation windows, by the names of the PCK columns.
    """

    schedule: Schedule
    records: str
    epoch: int = 1
    step: int = 0
    sums: list[list[float]] = field(default_factory=list)
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    rows: list[dict[str, float]] = field(default_factory=list)
    identity: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "RunState":
        """From what `to_json` gave."""
        return cls(**dict(values) | {"schedule": Schedule.from_json(values["schedule"])})

    @property
    def best_row(self) -> dict[str, float]:
        """The history of the best epoch."""
        return self.rows[self.schedule.best_epoch - 1]

    def end_epoch(self, row: dict[str, float]) -> None:
        """Takes in the history of the epoch under way and goes to the next."""
        self.rows.append(row)
        self.seconds += row["seconds"]
        self.epoch, self.step, self.sums, self.epoch_seconds = self.epoch + 1, 0, [], 0.0

    def why_finished(self, config: ExperimentConfig) -> str:
        """Why there is nothing left to train, or "" where there is."""
        if self.step:
            return ""
        if self.schedule.should_stop:
            return f"the validation loss has not fallen for {config.patience_stop} epochs (--patience_stop)"
        if self.epoch > config.max_epochs:
            return f"{config.max_epochs} epochs (--max_epochs) are done"
        if self.rows and 0 < 60 * config.max_minutes < self.seconds + self.rows[-1]["seconds"]:
            return (
                f"{self.seconds / 60:.1f} minutes are spent and another epoch would exceed the "
                f"{config.max_minutes:g} of --max_minutes"
            )
        return ""
