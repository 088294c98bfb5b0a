"""Where a run stands: what a checkpoint holds beside variables, and what follows from the epochs so far."""

import math
from dataclasses import dataclass, field

from kerasmooth.training.config import TrainingConfig

Row = dict[str, float]
"""One epoch by the names of `report.COLUMNS`; shares and rates as plain numbers, time in seconds."""


@dataclass
class RunState:
    """What a checkpoint's `state` holds. Learning rate, best epoch and the end are functions of it.

    Attributes:
      records: what identifies the records; a run goes on with the same ones only.
      epoch: the epoch under way, counted from 1.
      step: its steps that are done.
      sums: (weighted total, count) of each loss term over these steps.
      epoch_seconds: time spent in this epoch.
      rows: history of the epochs before.
      identity: scores of no smoothing on the validation windows, by the names of the history's columns.
      stopped: a callback asked for the end.
    """

    records: str
    epoch: int = 1
    step: int = 0
    sums: list[list[float]] = field(default_factory=list)
    epoch_seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)
    identity: Row = field(default_factory=dict)
    stopped: bool = False

    def end_epoch(self, row: Row) -> None:
        """Files the epoch under way and goes to the next."""
        self.rows.append(row)
        self.epoch, self.step, self.sums, self.epoch_seconds = self.epoch + 1, 0, [], 0.0

    def learning_rate(self, config: TrainingConfig, steps_per_epoch: int) -> float:
        """Of the next step: it rises over the first `warmup_steps` of the run, and is multiplied by `lr_factor` after
        each `patience_lr` epochs without a lower validation loss.
        """
        rate, lowest, waited = config.learning_rate, math.inf, 0
        for row in self.rows:
            waited = 0 if row["val_loss"] < lowest else waited + 1
            lowest = min(lowest, row["val_loss"])
            if waited >= config.patience_lr:
                rate, waited = rate * config.lr_factor, 0
        done = (self.epoch - 1) * steps_per_epoch + self.step
        return min(1.0, (done + 1) / max(config.warmup_steps, 1)) * rate

    def best_epoch(self, config: TrainingConfig) -> int:
        """The earliest epoch of the highest score, counted from 1; a score that is not a number is lower than any."""
        scores = [-math.inf if math.isnan(row[config.best_column]) else row[config.best_column] for row in self.rows]
        return 1 + scores.index(max(scores))

    def why_finished(self, config: TrainingConfig) -> str:
        """Why there is nothing left to train, or "" where there is."""
        if self.step:
            return ""
        if self.stopped:
            return "a callback asked for it"
        losses = [row["val_loss"] for row in self.rows]
        lowest = [loss for loss in losses if not math.isnan(loss)]
        waited = len(losses) - 1 - losses.index(min(lowest)) if lowest else len(losses)
        if waited >= config.patience_stop:
            return f"the validation loss has not fallen for {config.patience_stop} epochs (--patience_stop)"
        if self.epoch > config.max_epochs:
            return f"{config.max_epochs} epochs (--max_epochs) are done"
        seconds = sum(row["seconds"] for row in self.rows)
        if self.rows and 0 < 60 * config.max_minutes < seconds + self.rows[-1]["seconds"]:
            return (
                f"{seconds / 60:.1f} minutes are spent and another epoch would exceed the "
                f"{config.max_minutes:g} of --max_minutes"
            )
        return ""
