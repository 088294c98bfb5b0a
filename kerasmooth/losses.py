"""Losses as sums and counts, so that a value does not depend on how a batch is split over devices or steps."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from keras import ops

from kerasmooth.masked_mse import MaskedMSE

__all__ = ["LOSSES", "Loss", "LossTerm", "MaskedMSE", "deciwatch", "distance", "mse", "register", "value"]

RECOVER_WEIGHT = 5.0
DENOISE_WEIGHT = 1.0
_LEAST_DISTANCE = 0.01
"""Cells below which a distance costs as its square does: a root has no gradient at 0."""

Tensors = Mapping[str, Any]


class LossTerm(NamedTuple):
    """One part of a loss, `weight * total / count`.

    Add up `total` and `count` over everything that belongs to the batch (devices, accumulated steps) before dividing.

    Attributes:
      weight: factor of the term.
      total: scalar float32, sum of the errors of all supervised values.
      count: scalar float32, how many values are supervised.
    """

    weight: float
    total: Any
    count: Any


def value(terms: Sequence[LossTerm]) -> Any:
    """The loss, a scalar: the sum of weight * total / count. A term without a supervised value is 0."""
    return sum(term.weight * term.total / ops.maximum(term.count, 1.0) for term in terms)


def mse(targets: Tensors, outputs: Tensors) -> list[LossTerm]:
    """Mean squared error over annotated keypoints, of heatmaps where the model gives them, else of coordinates.

    Args:
      targets: "visibility" bool [B, T, K], and what the model gives: "heatmaps" [B, T, H, W, K] or
        "keypoints" [B, T, K, 2] in heatmap cells.
      outputs: of the model, with the same key.

    Returns:
      One term. Whatever stands in the targets of a keypoint without annotation, NaN too, has no effect.
    """
    shown = targets["visibility"]
    if "heatmaps" in outputs:
        error = _errors(targets["heatmaps"], outputs["heatmaps"], shown[:, :, None, None, :])
    else:
        error = _errors(targets["keypoints"], outputs["keypoints"], shown[..., None])
    return [LossTerm(1.0, ops.sum(ops.square(error)), _count(shown, error))]


def deciwatch(targets: Tensors, outputs: Tensors) -> list[LossTerm]:
    """The loss of DeciWatch's authors: 5 times the recovered poses' L1 plus the denoised poses' (arXiv 2203.08713).

    Each L1 is the mean over annotated coordinates in heatmap cells: recovered poses over all frames, denoised ones
    over the frames that the model reads.

    Args:
      targets: "keypoints" [B, T, K, 2] in heatmap cells, "visibility" bool [B, T, K].
      outputs: "keypoints" and "denoised" [B, T, K, 2], "sampled" [B, T], 1 for frames that the model reads.

    Returns:
      Two terms, recover and denoise.
    """
    terms = []
    shown = ops.cast(targets["visibility"], "bool")
    sampled = ops.logical_and(shown, outputs["sampled"][..., None] > 0.5)
    for weight, name, counted in ((RECOVER_WEIGHT, "keypoints", shown), (DENOISE_WEIGHT, "denoised", sampled)):
        error = _errors(targets["keypoints"], outputs[name], counted[..., None])
        terms.append(LossTerm(weight, ops.sum(ops.abs(error)), _count(counted, error)))
    return terms


def distance(targets: Tensors, outputs: Tensors) -> list[LossTerm]:
    """Mean distance of annotated keypoints, in heatmap cells: what is far off counts less than in `mse`.

    Args:
      targets: "keypoints" [B, T, K, 2] in heatmap cells, "visibility" bool [B, T, K].
      outputs: "keypoints" [B, T, K, 2].

    Returns:
      One term.
    """
    shown = ops.cast(targets["visibility"], "bool")
    error = _errors(targets["keypoints"], outputs["keypoints"], shown[..., None])
    distances = ops.sqrt(ops.sum(ops.square(error), axis=-1) + _LEAST_DISTANCE**2) - _LEAST_DISTANCE
    return [LossTerm(1.0, ops.sum(distances), ops.sum(ops.cast(shown, "float32")))]


@dataclass(frozen=True)
class Loss:
    """A loss by its name, called with (targets, outputs of the model).

    Attributes:
      name: what `--loss` calls it.
      terms: (targets, outputs) -> terms; `keras.ops` only, runs inside the compiled step.
      needs: outputs of the model without which it cannot be computed.
    """

    name: str
    terms: Callable[[Tensors, Tensors], list[LossTerm]]
    needs: tuple[str, ...] = ()

    def missing(self, outputs: Iterable[str]) -> list[str]:
        """Names of the outputs that it needs and that are not there."""
        return sorted(set(self.needs) - set(outputs))

    def __call__(self, targets: Tensors, outputs: Tensors) -> list[LossTerm]:
        if self.missing(outputs):
            raise ValueError(f"the loss {self.name} needs {self.needs}. Received: outputs={sorted(outputs)}")
        return self.terms(targets, outputs)


LOSSES: dict[str, Loss] = {}


def register(loss: Loss) -> Loss:
    """Makes a loss known by its name, also one from outside this package."""
    LOSSES[loss.name] = loss
    return loss


register(Loss("mse", mse))
register(Loss("distance", distance, needs=("keypoints",)))
register(Loss("deciwatch", deciwatch, needs=("keypoints", "denoised", "sampled")))


def _errors(truth: Any, predicted: Any, shown: Any) -> Any:
    """float32 predicted - truth where `shown` (broadcast), else 0."""
    difference = ops.cast(predicted, "float32") - ops.cast(truth, "float32")
    return ops.where(ops.cast(shown, "bool"), difference, 0.0)


def _count(shown: Any, error: Any) -> Any:
    """float32 scalar: values of `error` [B, T, ..., K, ...] that belong to a keypoint in `shown` [B, T, K]."""
    shape, keypoints = ops.shape(error), ops.shape(shown)[2]
    values_per_keypoint = 1
    for dimension in shape[2:]:
        values_per_keypoint *= dimension
    return ops.sum(ops.cast(shown, "float32")) * ops.cast(values_per_keypoint // keypoints, "float32")
