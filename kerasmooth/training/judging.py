"""Judging epochs: loss and PCK of the validation windows, summed over batches, devices and processes, divided once."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console

from kerasmooth import input_pipeline
from kerasmooth.input_pipeline import RecordSets, Share
from kerasmooth.metrics import Scorer
from kerasmooth.progress import Meter
from kerasmooth.training.experiment import PCK_THRESHOLDS
from kerasmooth.training.learner import Learner

Scores = dict[str, float]
"""PCK as a share, by the names of the history's columns."""


def distributed(learner: Learner, batches: tf.data.Dataset) -> Iterator[Any]:
    """Batches [L, P, ...] as `strategy.run` takes them. Strings, which accelerators do not hold, stay behind."""
    for batch in batches:
        numbers = {name: tensor for name, tensor in batch.items() if tensor.dtype != tf.string}
        replicas = range(learner.cluster.local_replicas)
        yield learner.cluster.distribute([{name: tensor[i] for name, tensor in numbers.items()} for i in replicas])


class Judge:
    """Scores a learner on the validation windows of its run, whose simulated detections never change.

    Args:
      learner: what is judged.
      records: where the windows are.
      share: this process's part of each batch.
      console: where progress goes.
    """

    def __init__(self, learner: Learner, records: RecordSets, share: Share, console: Console) -> None:
        self._learner, self._records, self._share, self._console = learner, records, share, console
        in_all = records.num_windows("validation")
        self.num_windows = min(in_all, learner.config.validation_windows or in_all)

    def model(self, still_wanted: Callable[[], None]) -> tuple[float, Scores]:
        """Loss and PCK of the model; `still_wanted` is called after each batch and may raise."""
        terms: list[np.ndarray] = []

        def predictions() -> Iterator[list[dict[str, Any]]]:
            for batch in self._batches("validation"):
                sums, predicted = self._learner.judge_step(batch)
                terms.append(sums.numpy())
                still_wanted()
                yield predicted

        scores = self._pck(predictions())
        return self._learner.loss_value(np.sum(terms, axis=0)), scores

    def identity(self, still_wanted: Callable[[], None]) -> Scores:
        """PCK of the detector's own keypoints."""

        def predictions() -> Iterator[list[dict[str, Any]]]:
            for batch in self._batches("no smoothing"):
                still_wanted()
                yield self._learner.identity_step(batch)

        return self._pck(predictions())

    def _batches(self, title: str) -> Iterator[Any]:
        size = self._learner.config.batch_size
        batches = input_pipeline.evaluation_batches(
            self._records, "validation", batch_size=size, max_windows=self.num_windows, share=self._share
        )
        with Meter(self._console, title, input_pipeline.steps_for(self.num_windows, size), unit_per_step=size) as meter:
            for batch in distributed(self._learner, batches):
                yield batch
                meter.advance()

    def _pck(self, predictions: Iterable[list[dict[str, Any]]]) -> Scores:
        """PCK of predictions, each a list over local replicas; NaN where nothing was judged."""
        scorer = Scorer(PCK_THRESHOLDS)
        for replicas in predictions:
            for replica in replicas:
                values = {name: tensor.numpy() for name, tensor in replica.items()}
                scorer.add(values["keypoints"], values["predicted"], values["visibility"])
        return scorer.result(self._learner.cluster.sum_over_workers)
