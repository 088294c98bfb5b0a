"""Filters by rank: the running median, and Hampel's, which touches outliers only."""

import numpy as np
import pandas as pd

from kerasmooth.filters.base import Filtered, arrange, positive


def half_width(window: float, fps: float) -> int:
    """Frames to either side of a centred window of so many seconds, at least 1."""
    return max(1, round((window * fps - 1) / 2))


def median(
    positions: np.ndarray, *, weights: np.ndarray | None = None, fps: float, window: float = 0.1
) -> Filtered:  # fmt: skip
    """Running median of what has a weight; what it weighs does not matter. Away from the ends it is
    `scipy.ndimage.median_filter`. Arguments: see `base.Filter`.

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

    It is for outliers in recordings of slow motion: to it a kick is one, and is cut.

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
    """[T, K, D], of what has a weight in each window; beyond the ends the values go on as their mirror image about the
    end, so that a slope is not bent. Where nothing is in the window the input is left."""
    frames = len(positions)
    half = min(half, (frames - 1) // 2)
    if half == 0:
        return np.array(positions)
    known = positions if weights is None else np.where(weights[..., None] > 0, positions, np.nan)
    flat = np.pad(known.reshape(frames, -1), ((half, half), (0, 0)), mode="reflect", reflect_type="odd")
    windows = pd.DataFrame(flat).rolling(2 * half + 1, center=True, min_periods=1)
    medians = windows.median().to_numpy()[half : half + frames].reshape(positions.shape)
    return np.where(np.isnan(medians), positions, medians)
