"""Gaussian smoothing: normalised convolution with a local line, so that edges and gaps do not pull."""

import math

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kerasmooth.filters.base import Filtered, arrange, positive
from kerasmooth.filters.local_polynomial import local_polynomial

TRUNCATE = 4.0
"""Half width of the kernel in sigmas."""


def sigma_of(cutoff: float) -> float:
    """Sigma in seconds of the Gaussian whose amplitude falls to 1/sqrt(2) at `cutoff` Hz."""
    return math.sqrt(math.log(2)) / (2 * math.pi * cutoff)


def gaussian(
    positions: np.ndarray, *, weights: np.ndarray | None = None, fps: float, cutoff: float = 6.0, line: bool = True
) -> Filtered:
    """Weighted Gaussian mean; where the weights are lopsided (edges, gaps) the value of the weighted Gaussian line.

    With equal weights, far from the edges, it is `scipy.ndimage.gaussian_filter1d`. The line keeps a constant velocity
    at the edges as it is, where a mean would lag and shrink. Arguments: see `base.Filter`.

    Args:
      cutoff: frequency in Hz at which half of the power passes.
      line: fit a line (order 1); otherwise a mean, the normalised convolution of Knutsson and Westin, 1993.
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    positive(cutoff=cutoff)
    sigma = sigma_of(cutoff) * fps
    radius = int(TRUNCATE * sigma + 0.5)
    steps = np.arange(-radius, radius + 1) / sigma
    kernel, degree = np.exp(-(steps**2) / 2), 1 if line else 0
    even = np.ones((len(positions), 1))
    if weights is not None or len(positions) <= 2 * radius:
        weights = even if weights is None else weights
        return Filtered(local_polynomial(positions, weights, kernel, steps, degree).reshape(shape))
    result = gaussian_filter1d(positions, sigma, axis=0, mode="nearest", radius=radius)
    for end in (slice(None), slice(None, None, -1)):
        near = positions[end][: 2 * radius]
        result[end][:radius] = local_polynomial(near, even[: 2 * radius], kernel, steps, degree)[:radius]
    return Filtered(result.reshape(shape))
