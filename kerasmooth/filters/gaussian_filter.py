"""Gaussian smoothing: normalised convolution with a local line, so that edges and gaps do not pull."""

import math

import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter1d

from kerasmooth.filters.base import Filtered, arrange, positive

TRUNCATE = 4.0
"""Half width of the kernel in sigmas."""

_NOTHING = 1e-12


def sigma_of(cutoff: float) -> float:
    """Sigma in seconds of the Gaussian whose amplitude falls to 1/sqrt(2) at `cutoff` Hz."""
    return math.sqrt(math.log(2)) / (2 * math.pi * cutoff)


def gaussian(
    positions: np.ndarray, *, weights: np.ndarray | None = None, fps: float, cutoff: float = 1.7, line: bool = True
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
    if weights is not None or len(positions) <= 2 * radius:
        even = np.ones((len(positions), 1)) if weights is None else weights
        return Filtered(_local(positions, even, sigma, radius, line).reshape(shape))
    result = gaussian_filter1d(positions, sigma, axis=0, mode="nearest", radius=radius)
    reach = 2 * radius
    even = np.ones((reach, 1))
    result[:radius] = _local(positions[:reach], even, sigma, radius, line)[:radius]
    result[len(result) - radius :] = _local(positions[-reach:], even, sigma, radius, line)[reach - radius :]
    return Filtered(result.reshape(shape))


def _local(positions: np.ndarray, weights: np.ndarray, sigma: float, radius: int, line: bool) -> np.ndarray:
    """Local constant or line of [T, K, D] with weights [T, K or 1]; where nothing is in reach the input is left."""
    steps = np.arange(-radius, radius + 1) / sigma
    kernel = np.exp(-(steps**2) / 2)
    # Moments about a reference near the data lose no digits to a large offset.
    reference = positions.mean(axis=0, keepdims=True)
    relative = (positions - reference) * weights[..., None]

    def moment(values: np.ndarray, power: int) -> np.ndarray:
        return correlate1d(values, kernel * steps**power, axis=0, mode="constant")

    count = moment(weights, 0)
    reached = count > _NOTHING
    count = np.where(reached, count, 1.0)[..., None]
    total = moment(relative, 0)
    estimate = total / count
    if line:
        first = moment(weights, 1)[..., None] / count
        spread = moment(weights, 2)[..., None] / count - first**2
        covariance = moment(relative, 1) / count - first * estimate
        slope = np.divide(covariance, spread, out=np.zeros_like(estimate), where=spread > 1e-9)
        estimate = estimate - slope * first
    return np.where(reached[..., None], estimate + reference, positions)
