"""Filters by rank: the running median, and Hampel's, which touches outliers only."""

import numpy as np
from scipy.ndimage import median_filter

from kerasmooth.filters.base import Filtered, arrange, positive
from kerasmooth.filters.running_median import full_medians, full_weighted_medians

_LONGEST_NETWORK = 8
"""Half width from which on a sorting network is slower than a heap."""


def half_width(window: float, fps: float) -> int:
    """Frames to either side of a centred window of so many seconds, at least 1."""
    return max(1, round((window * fps - 1) / 2))


def median(
    positions: np.ndarray, *, weights: np.ndarray | None = None, fps: float, window: float = 0.25
) -> Filtered:  # fmt: skip
    """Running weighted median. At the edges the window shrinks on both sides, so that a slope is not bent.

    With equal weights it gives what `scipy.ndimage.median_filter` gives. Arguments: see `base.Filter`.

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
    result[half : frames - half] = _full_windows(positions, weights, half)
    for edge in range(1, half):
        for centre in (edge, frames - 1 - edge):
            part = slice(centre - edge, centre + edge + 1)
            result[centre] = _full_windows(positions[part], None if weights is None else weights[part], edge)[0]
    return result


def _full_windows(positions: np.ndarray, weights: np.ndarray | None, half: int) -> np.ndarray:
    """Medians of the full windows over [T, K, D]: [T - 2 half, K, D]."""
    if weights is not None:
        return full_weighted_medians(positions, weights, half)
    frames = len(positions)
    if half <= _LONGEST_NETWORK:
        return full_medians(positions, half)
    if frames == 2 * half + 1:
        return np.median(positions, axis=0, keepdims=True)
    # One column at a time, for which SciPy keeps a heap.
    columns = np.ascontiguousarray(positions.reshape(frames, -1).T)
    medians = [median_filter(column, size=2 * half + 1)[half : frames - half] for column in columns]
    return np.stack(medians, axis=1).reshape(frames - 2 * half, *positions.shape[1:])
