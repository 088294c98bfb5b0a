"""What all keypoints of a person do together: sway, step and turn, or how the camera moves."""

import dataclasses
import math

import numpy as np

from kerasmooth.smoothing.local_cutoffs import Fit, fit_cutoffs
from kerasmooth.smoothing.local_spline import smoothed
from kerasmooth.smoothing.noise_level import LEAST_KNOWN, Noise

LEAST_KEYPOINTS = 6
"""Of fewer the median is no better known than each."""
MEDIAN_DEVIATION = 1.25
"""Of the median of many measurements, in deviations of their mean: sqrt(pi / 2)."""


def common_motion(
    positions: np.ndarray, weights: np.ndarray, noise: Noise, fps: float, joined: np.ndarray
) -> tuple[np.ndarray, Fit]:
    """The motion that is common to all, for each keypoint that is likelier smooth without it; 0 for the others.

    The median of all keypoints moves as the person does, and hardly by a limb or an outlier. What is left of a keypoint
    that rests in the body is then stiffer, and better smoothed, than its way through the picture; a foot on the ground
    is better smoothed as it is.

    Args:
      positions: float64 [T, K, D], finite, gaps bridged.
      weights: [T, K], one over the variance of each measurement, in those of a full one; 0 is none.
      noise: of the K keypoints.
      fps: frames per second.
      joined: bool [K, K], which keypoints a limb joins.

    Returns:
      the common motion [T, K, D], and what fits the positions without it.
    """
    frames, num_keypoints, dimensions = positions.shape
    common = np.zeros_like(positions)
    watched = np.mean(weights > 0, axis=0) >= LEAST_KNOWN
    if watched.sum() < LEAST_KEYPOINTS:
        return common, fit_cutoffs(positions, weights, noise, fps, joined)
    moved = positions - positions.mean(axis=0)
    median = np.median(moved[:, watched], axis=1, keepdims=True)
    most = MEDIAN_DEVIATION * np.median(noise.most[watched]) / math.sqrt(watched.sum())
    of_median = Noise(noise.memory, np.full(1, most), np.zeros(1), np.ones(dimensions))
    full, alone = np.ones((frames, 1)), np.zeros((1, 1), bool)
    fit = fit_cutoffs(median, full, of_median, fps, alone)
    curve, _ = smoothed(median, full, fit, noise.memory, fps, variances=False)
    both = np.concatenate([moved, moved - curve], axis=1)
    of_both = dataclasses.replace(noise, most=np.tile(noise.most, 2))
    fit = fit_cutoffs(both, np.tile(weights, 2), of_both, fps, np.kron(np.eye(2, dtype=bool), joined))
    own, without = fit.log_likelihood.reshape(2, num_keypoints)
    # The median holds its share of the noise of each: so much is gained for nothing.
    follows = without - own > frames / watched.sum()
    common[:, follows] = curve
    return common, fit.of(np.arange(num_keypoints) + num_keypoints * follows)
