"""What no smoother of independent noise exceeds without knowing more than its window: the mean of the window."""

from collections.abc import Sequence

import numpy as np

from kerasmooth.metrics import THRESHOLDS, torso_diameter

_ROUNDING_VARIANCE = 1 / 12
"""Of a detection that is rounded to a whole cell, along one axis."""


def information_bound(
    truth: np.ndarray,
    visibility: np.ndarray,
    *,
    shift_std: float,
    window: int,
    thresholds: Sequence[float] = THRESHOLDS,
) -> np.ndarray:
    """PCK of the mean of `window` independent detections of keypoints that stand still.

    Along each axis a detection errs by a normal shift and by rounding to a cell, so the mean of T of them errs by
    s = sqrt((shift_std^2 + 1 / 12) / T), and lies within r of the truth with probability 1 - exp(-r^2 / (2 s^2)).
    Among estimates that know nothing but the window, and no pose, the mean is the best one for a keypoint that stands
    still, and one that moves is harder. More takes a longer window or knowledge of how people look and move.

    Args:
      truth: [N, T, K, 2], (x, y) in heatmap cells: gives the torso diameters.
      visibility: bool [N, T, K].
      shift_std: standard deviation of the shifts along one axis, in cells.
      window: how many frames are averaged.
      thresholds: A shares of the torso diameter.

    Returns:
      float64 [A], the mean over all keypoints that PCK judges; NaN if there are none.
    """
    diameter = torso_diameter(truth.astype(np.float64), visibility)
    judged = diameter > 0
    keypoints = visibility.sum(axis=-1)[judged]
    if not keypoints.sum():
        return np.full(len(thresholds), np.nan)
    variance = (shift_std**2 + _ROUNDING_VARIANCE) / window
    radius = np.multiply.outer(np.asarray(thresholds), diameter[judged])
    return np.average(1 - np.exp(-(radius**2) / (2 * variance)), axis=1, weights=keypoints)
