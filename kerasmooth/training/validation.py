"""Judging an epoch: loss and PCK of the validation windows, over batches, devices and processes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
from rich.console import Console

from kerasmooth.metrics import Scorer
from kerasmooth.progress import Meter
from kerasmooth.training.data import Batches
from kerasmooth.training.learner import Learner
from kerasmooth.training.state import Row


class Validation:
    """Scores by the names of the history's columns, on windows whose simulated detections never change.

    Args:
      learner: what is judged.
      batches: of its run.
      callbacks: told of it.
      console: where progress goes.
      after_each_batch: may raise to interrupt.
    """

    def __init__(
        self,
        learner: Learner,
        batches: Batches,
        callbacks: keras.callbacks.CallbackList,
        console: Console,
        after_each_batch: Callable[[], None],
    ) -> None:
        self._learner, self._batches, self._callbacks = learner, batches, callbacks
        self._console, self._after_each_batch = console, after_each_batch

    def model(self) -> Row:
        """Loss and scores of the model as it is."""
        sums: list[np.ndarray] = []

        def predictions() -> Iterator[list[dict[str, Any]]]:
            for step, batch in enumerate(self._batches.validation()):
                self._callbacks.on_test_batch_begin(step)
                terms, predicted = self._learner.validation_step(batch)
                sums.append(terms.numpy())
                self._callbacks.on_test_batch_end(step)
                yield predicted

        self._callbacks.on_test_begin()
        scores = self._scores("validation", predictions())
        row = {"val_loss": self._learner.loss_value(np.sum(sums, axis=0)), **scores}
        self._callbacks.on_test_end({name.removeprefix("val_"): value for name, value in row.items()})
        return row

    def detector(self) -> Row:
        """Scores of the detector's own keypoints: no smoothing."""
        return self._scores("no smoothing", map(self._learner.detector_step, self._batches.validation()))

    def _scores(self, title: str, predictions: Iterable[list[dict[str, Any]]]) -> Row:
        """PCK of predictions, each a list over local replicas."""
        scorer, size = Scorer(), self._learner.config.batch_size
        with Meter(self._console, title, self._batches.validation_steps, unit_per_step=size) as meter:
            for replicas in predictions:
                for replica in replicas:
                    values = {name: tensor.numpy() for name, tensor in replica.items()}
                    scorer.add(values["keypoints"], values["predicted"], values["visibility"])
                self._after_each_batch()
                meter.advance()
        scores = scorer.result(self._learner.cluster.sum_over_workers)
        return {f"val_{name}": value for name, value in scores.items()}
