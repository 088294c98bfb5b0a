"""What every filter takes and returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Filtered:
    """What a filter returns.

    Attributes:
      positions: float64, the shape of the positions it was given.
      deviation: standard deviation of a position, the shape of the weights; None where the filter knows none.
      notes: name -> value or array [K], what the filter chose itself.
    """

    positions: np.ndarray
    deviation: np.ndarray | None = None
    notes: dict[str, Any] | None = None


Filter = Callable[..., Filtered]
"""A smoother along the first axis: filter(positions, *, weights=None, fps, **parameters).

Args of a call:
  positions: float64 [T, C] or [T, K, D], finite; any value where the weight is 0.
  weights: [T, C] or, shared by the D coordinates of a keypoint, [T, K]; in 0..1, the share of a full measurement that
    it counts for; 0 is none. None is 1 everywhere.
  fps: frames per second.
  parameters: frequencies in Hz, durations in seconds, lengths in the unit of the positions.
"""


def arrange(
    positions: np.ndarray, weights: np.ndarray | None, fps: float
) -> tuple[np.ndarray, np.ndarray | None, float]:
    """Checks the arguments that filters share: positions become float64 [T, K, D], weights float64 [T, K] or None.

    Raises:
      ValueError: shapes that do not fit, positions that are not finite, weights outside 0..1, fps not positive.
    """
    positions = np.asarray(positions, np.float64)
    if positions.ndim not in (2, 3):
        raise ValueError(f"positions must be [T, C] or [T, K, D]. Received: positions.shape={positions.shape}")
    if not np.isfinite(positions).all():
        raise ValueError("positions must be finite; say in weights what is missing. Received: positions with NaN")
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be positive. Received: fps={fps}")
    solid = positions if positions.ndim == 3 else positions[..., None]
    if weights is None:
        return solid, None, float(fps)
    weights = np.asarray(weights, np.float64)
    if weights.shape != solid.shape[:2]:
        raise ValueError(f"weights must have shape {solid.shape[:2]}. Received: weights.shape={weights.shape}")
    if not ((weights >= 0) & (weights <= 1)).all():
        raise ValueError(
            f"weights must lie in 0..1. Received: weights from {weights.min(initial=0)} to {weights.max(initial=0)}"
        )
    return solid, None if (weights == 1).all() else weights, float(fps)


def positive(**values: float) -> None:
    """Raises ValueError unless all values are positive and finite."""
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive. Received: {name}={value}")
