"""Filters by rank: the running median, and Hampel's, which touches outliers only."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import median_filter

from kerasmooth.filters.base import Filtered, arrange, positive

_BLOCK = 1 << 20
"""Numbers sorted at once."""


def half_width(window: float, fps: float) -> int:
    """Frames to either side of a centred window of so many seconds, at least 1."""
    return max(1, round((window * fps - 1) / 2))


def median(
    positions: np.ndarray, *, weights: np.ndarray | None = None, fps: float, window: float = 0.25
) -> Filtered:  # fmt: skip
    """Running weighted median. At the edges the window shrinks on both sides, so that a slope is not bent.

    With equal weights it is `scipy.ndimage.median_filter`. Arguments: see `base.Filter`.

    Args:
      window: seconds from its first to its last frame.
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    positive(window=window)
    half = half_width(window, fps)
    return Filtered(_running_median(positions, weights, half).reshape(shape))


def hampel(
    positions: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    fps: float,
    window: float = 0.3,
    threshold: float = 3.5,
) -> Filtered:
    """Replaces what is further than `threshold` scaled MADs from the running median by that median.

    The MAD is the running median of the distances from the running median. Davies and Gather, The Identification of
    Multiple Outliers, 1993. Arguments: see `base.Filter`.

    Args:
      window: seconds.
      threshold: in standard deviations that the median absolute deviation stands for.
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    positive(window=window, threshold=threshold)
    half = half_width(window, fps)
    middle = _running_median(positions, weights, half)
    distance = np.abs(positions - middle)
    spread = 1.4826 * _running_median(distance, weights, half)
    return Filtered(np.where(distance > threshold * spread, middle, positions).reshape(shape))


def _running_median(positions: np.ndarray, weights: np.ndarray | None, half: int) -> np.ndarray:
    """[T, K, D]; where no weight is in the window the input is left."""
    frames = len(positions)
    half = min(half, (frames - 1) // 2)
    if half == 0:
        return np.array(positions)
    result = np.array(positions)
    inner = slice(half, frames - half)
    if weights is None:
        result[inner] = median_filter(positions, size=(2 * half + 1, 1, 1), mode="nearest")[inner]
    else:
        for keypoint in range(positions.shape[1]):
            result[inner, keypoint] = _weighted_medians(positions[:, keypoint], weights[:, keypoint], half)
    for edge in range(1, half):
        for centre in (edge, frames - 1 - edge):
            part = slice(centre - edge, centre + edge + 1)
            if weights is None:
                result[centre] = np.median(positions[part], axis=0)
                continue
            for keypoint in range(positions.shape[1]):
                result[centre, keypoint] = _weighted_medians(positions[part, keypoint], weights[part, keypoint], edge)
    return result


def _weighted_medians(positions: np.ndarray, weights: np.ndarray, half: int) -> np.ndarray:
    """Weighted medians of the full windows over [T, D] with weights [T]: [T - 2 half, D]."""
    size = 2 * half + 1
    values = sliding_window_view(positions, size, axis=0)
    shares = sliding_window_view(weights, size)[:, None]
    parts = []
    for start in range(0, len(values), max(1, _BLOCK // (size * values.shape[1]))):
        block = slice(start, start + max(1, _BLOCK // (size * values.shape[1])))
        order = np.argsort(values[block], axis=-1)
        ranked = np.take_along_axis(values[block], order, axis=-1)
        sums = np.cumsum(np.take_along_axis(np.broadcast_to(shares[block], order.shape), order, axis=-1), axis=-1)
        total = sums[..., -1:]
        # The mean of the first value that reaches half of the weight and the first that exceeds it.
        low = np.argmax(sums >= total * (0.5 - 1e-12), axis=-1)[..., None]
        high = np.argmax(sums > total * (0.5 + 1e-12), axis=-1)[..., None]
        middle = (np.take_along_axis(ranked, low, -1) + np.take_along_axis(ranked, high, -1)) / 2
        parts.append(np.where(total[..., 0] > 0, middle[..., 0], values[block][..., half]))
    return np.concatenate(parts)
