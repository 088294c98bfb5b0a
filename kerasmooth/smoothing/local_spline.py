"""A smoothing spline whose stiffness changes along the recording."""

import numpy as np
from scipy.linalg.lapack import dpbtrf, dpbtrs

from kerasmooth.filters.banded import (
    banded_product,
    difference_penalty,
    inverse_diagonals,
    noise_precision,
    stiffness_at,
    weighed,
)
from kerasmooth.smoothing.local_cutoffs import Fit

LEAST_WEIGHT = 1e-6
"""Of a frame without measurement: holds the matrix regular, and nothing else."""


def smoothed(
    positions: np.ndarray,
    weights: np.ndarray,
    fit: Fit,
    memory: float,
    fps: float,
    strength: float = 1.0,
    *,
    variances: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """The least squares curves of K keypoints, with a penalty on differences that changes along the recording.

    Args:
      positions: float64 [T, K, D].
      weights: [T, K], one over the variance of each measurement, in those of a full one; 0 is none.
      fit: cut-offs, and the order of the differences.
      memory: seconds for which the noise lasts.
      fps: frames per second.
      strength: divides all cut-offs.
      variances: whether they are wanted.

    Returns:
      the curves, and their variances [T, K] in those of the noise; 1 unless wanted.
    """
    frames, num_keypoints, _ = positions.shape
    order, half = fit.order, fit.order // 2
    stiffness = stiffness_at(fit.cutoff[half : frames - order + half], fps, order) * strength ** (2 * order)
    precision = noise_precision(frames, memory, fps)
    curve, factors = np.empty_like(positions), []
    for keypoint in range(num_keypoints):
        measured = weighed(precision, np.maximum(weights[:, keypoint], LEAST_WEIGHT))
        bands = difference_penalty(frames, order, stiffness[:, keypoint])
        bands[:2] += measured
        factor = dpbtrf(bands, lower=1)[0]
        level = positions[:, keypoint].mean(axis=0)
        right = banded_product(measured, positions[:, keypoint] - level)
        curve[:, keypoint] = dpbtrs(factor, np.asfortranarray(right), lower=1)[0] + level
        factors.append(factor)
    if not variances:
        return curve, np.ones(weights.shape)
    return curve, inverse_diagonals(np.stack(factors)).T
