"""Smoothing splines: with the smoothness chosen by generalised cross-validation, and the discrete one of Whittaker."""

import math

import numpy as np
from scipy.linalg import solveh_banded

from kerasmooth.filters.banded import difference_penalty
from kerasmooth.filters.base import Filtered, arrange, positive
from kerasmooth.filters.smoothing_spline import smoothing_spline

_LEAST_POINTS = 5
_LEAST_WEIGHT = 1e-6
"""Of a missing frame: holds the matrix regular, and nothing else."""


def gcv_spline(
    positions: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    fps: float,
    stiffness: float | None = None,
    caution: float = 1.4,
) -> Filtered:
    """Cubic smoothing spline per coordinate, the one of `scipy.interpolate.make_smoothing_spline`.

    Its smoothness is chosen by generalised cross-validation (Craven and Wahba, 1979; Woltring, 1986), which takes noise
    that is correlated in time for motion, and in short recordings now and then all noise. Both happen less often where
    each degree of freedom counts for 1.4 (Kim and Gu, Journal of the Royal Statistical Society B, 2004). Fewer than
    five measurements stay as they are. Arguments: see `base.Filter`.

    Args:
      stiffness: the spline's lambda in seconds^3, instead of the chosen one.
      caution: what a degree of freedom counts for where the smoothness is chosen; 1 is SciPy's choice.
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    if stiffness is not None and not 0 <= stiffness < math.inf:
        raise ValueError(f"stiffness must not be negative. Received: stiffness={stiffness}")
    positive(caution=caution)
    # In frames, where the numbers are tame.
    penalty = None if stiffness is None else stiffness * fps**3
    frames, num_keypoints, dimensions = positions.shape
    result = np.array(positions)
    if weights is None:
        flat = positions.reshape(frames, num_keypoints * dimensions)
        return Filtered(_splines(flat, None, penalty, caution).reshape(shape))
    for keypoint in range(num_keypoints):
        result[:, keypoint] = _splines(positions[:, keypoint], weights[:, keypoint], penalty, caution)
    return Filtered(result.reshape(shape))


def _splines(
    positions: np.ndarray, weights: np.ndarray | None, penalty: float | None, caution: float
) -> np.ndarray:  # fmt: skip
    """Of the curves [T, C], which share their weights [T]."""
    frames = np.arange(len(positions), dtype=np.float64)
    used = np.ones(len(frames), bool) if weights is None else weights > 0
    if used.sum() < _LEAST_POINTS:
        return np.array(positions)
    values = positions[used]
    level, scale = values.mean(axis=0), values.std(axis=0)
    still = scale <= 1e-12 * np.maximum(1.0, np.abs(level))
    relative = (values[:, ~still] - level[~still]) / scale[~still]
    result = np.broadcast_to(level, positions.shape).copy()
    if relative.size:
        shares = None if weights is None else weights[used]
        splines = smoothing_spline(frames[used], relative, shares, frames, penalty, caution)
        result[:, ~still] += scale[~still] * splines
    return result


def whittaker(
    positions: np.ndarray, *, weights: np.ndarray | None = None, fps: float, cutoff: float = 6.0, order: int = 2
) -> Filtered:
    """Least squares with a penalty on the differences (Whittaker, 1923; Eilers, Analytical Chemistry, 2003).

    Weights enter exactly, gaps are crossed by the smoothest curve, edges keep a constant velocity. One banded system
    per set of weights, solved by `scipy.linalg.solveh_banded`. Arguments: see `base.Filter`.

    Args:
      cutoff: frequency in Hz at which half of the power passes.
      order: of the differences: 1, 2 (acceleration) or 3 (jerk).
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    positive(cutoff=cutoff)
    if order not in (1, 2, 3):
        raise ValueError(f"order must be 1, 2 or 3. Received: order={order}")
    frames, num_keypoints, dimensions = positions.shape
    if frames <= order:
        return Filtered(np.reshape(np.array(positions), shape))
    turn = 2 * math.sin(math.pi * min(cutoff / fps, 0.5))
    bands = (math.sqrt(2) - 1) / turn ** (2 * order) * difference_penalty(frames, order)
    level = positions.mean(axis=0, keepdims=True)
    relative = positions - level
    if weights is None:
        bands[0] += 1
        flat = relative.reshape(frames, num_keypoints * dimensions)
        result = solveh_banded(bands, flat, lower=True, check_finite=False).reshape(relative.shape)
        return Filtered((result + level).reshape(shape))
    result = np.empty_like(relative)
    for keypoint in range(num_keypoints):
        shares = np.maximum(weights[:, keypoint], _LEAST_WEIGHT)
        weighed = bands.copy()
        weighed[0] += shares
        right = shares[:, None] * relative[:, keypoint]
        result[:, keypoint] = solveh_banded(weighed, right, lower=True, check_finite=False)
    return Filtered((result + level).reshape(shape))
