"""How near `auto` could come if it knew the truth, and chose only how stiff its spline is by it."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kerasmooth.smoothing.local_cutoffs import CLEAR, Fit, cutoff_grid
from kerasmooth.smoothing.local_spline import smoothed

NEAR_SECONDS = 0.05
"""Deviation of the Gaussian over which expected errors are averaged: a cut-off is not chosen for a single frame."""


def smoothed_by_the_truth(
    truth: np.ndarray, measured: np.ndarray, rate: int, deviation: float, memory: float
) -> np.ndarray:
    """The spline of `auto`, with the cut-off of least expected squared error in every frame of every keypoint.

    That error is how far the spline of a cut-off bends the truth, squared, plus what it leaves of the noise.

    Args:
      truth, measured: [T, K, 2].
      rate: frames per second.
      deviation, memory: of the noise that was added, along an axis, and in seconds.
    """
    frames, count, _ = truth.shape
    together, even, cutoffs = truth.reshape(frames, 1, -1), np.ones((frames, 1)), cutoff_grid(rate)
    errors = np.empty((len(cutoffs), frames, count))
    for error, cutoff in zip(errors, cutoffs, strict=True):
        curve, variance = smoothed(together, even, _fit(np.full((frames, 1), cutoff)), memory, rate)
        bent = ((curve - together) ** 2).reshape(truth.shape).sum(axis=-1)
        error[:] = bent + 2 * deviation**2 * variance
    nearby = gaussian_filter1d(errors, NEAR_SECONDS * rate, axis=1)
    fit = _fit(cutoffs[nearby.argmin(axis=0)])
    return smoothed(measured, np.ones((frames, count)), fit, memory, rate, variances=False)[0]


def _fit(cutoff: np.ndarray) -> Fit:
    """Of given cut-offs [T, K]."""
    count = cutoff.shape[1]
    return Fit(cutoff, CLEAR, np.ones(count), np.zeros(count, bool), np.zeros(count))
