"""When to lower the learning rate, when to stop, and which epoch was best: plain state that a checkpoint can hold."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerasmooth.training.experiment import ExperimentConfig


@dataclass
class Schedule:
    """Learning rate x `factor` after `patience_lr` epochs without a lower validation loss; stop after `patience_stop`.

    Attributes:
      learning_rate: of the next epoch.
      factor: what a plateau multiplies it by.
      patience_lr: epochs without a lower validation loss before it does.
      patience_stop: epochs without one before training stops.
      lowest_loss: the lowest validation loss so far.
      waited: epochs since it.
      waited_at_rate: epochs since it or since the learning rate fell, whichever is later.
      best_score: the highest validation score (a PCK) so far; the earliest of equals is kept.
      best_epoch: its epoch, counted from 1; 0 before the first.
    """

    learning_rate: float
    factor: float
    patience_lr: int
    patience_stop: int
    lowest_loss: float = math.inf
    waited: int = 0
    waited_at_rate: int = 0
    best_score: float = -math.inf
    best_epoch: int = 0

    @classmethod
    def start(cls, config: ExperimentConfig) -> "Schedule":
        """The schedule of a run before its first epoch."""
        return cls(config.learning_rate, config.lr_factor, config.patience_lr, config.patience_stop)

    @property
    def should_stop(self) -> bool:
        """True when the validation loss has not fallen for `patience_stop` epochs."""
        return self.waited >= self.patience_stop

    def update(self, epoch: int, loss: float, score: float) -> bool:
        """Takes in an epoch's validation loss and score; returns True where the epoch is the best so far.

        A loss or score that is not a number counts as no improvement.
        """
        if loss < self.lowest_loss:
            self.lowest_loss, self.waited, self.waited_at_rate = loss, 0, 0
        else:
            self.waited += 1
            self.waited_at_rate += 1
        if self.waited_at_rate >= self.patience_lr:
            self.learning_rate *= self.factor
            self.waited_at_rate = 0
        improved = score > self.best_score
        if improved or not self.best_epoch:
            self.best_score, self.best_epoch = (score if improved else self.best_score), epoch
            return True
        return False

    def to_json(self) -> dict[str, Any]:
        """Plain values (JSON as Python writes it, with Infinity)."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Schedule":
        """From what `to_json` gave."""
        return cls(**values)
