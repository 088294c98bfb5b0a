"""Savitzky-Golay: the value at the centre of a polynomial that is fitted to a window."""

import numpy as np
from scipy.ndimage import correlate1d, maximum_filter1d
from scipy.signal import savgol_filter

from kerasmooth.filters.base import Filtered, arrange, positive
from kerasmooth.filters.median_filter import half_width


def savgol(
    positions: np.ndarray, *, weights: np.ndarray | None = None, fps: float, window: float = 0.5, order: int = 2
) -> Filtered:
    """Weighted least squares by a polynomial in a sliding window.

    Where all weights in the window are 1 it is `scipy.signal.savgol_filter(mode="interp")`. Arguments: see
    `base.Filter`.

    Args:
      window: seconds; never less than `order` + 2 frames, nor more than there are.
      order: of the polynomial.
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    positive(window=window)
    if not (isinstance(order, int) and 0 <= order <= 5):
        raise ValueError(f"order must be an integer in 0..5. Received: order={order}")
    frames = len(positions)
    size = 2 * max(half_width(window, fps), (order + 2) // 2) + 1
    size = min(size, frames - (frames + 1) % 2)
    order = min(order, size - 1)
    if size < 3:
        return Filtered(np.reshape(positions, shape))
    result = savgol_filter(positions, size, order, axis=0, mode="interp")
    if weights is not None:
        uneven = maximum_filter1d((weights != 1).any(axis=1).astype(np.uint8), size, mode="nearest") > 0
        # The ends share one window each.
        uneven[: size // 2], uneven[frames - size // 2 :] = uneven[size // 2], uneven[frames - 1 - size // 2]
        result[uneven] = _weighted(positions, weights, size, order)[uneven]
    return Filtered(result.reshape(shape))


def _weighted(positions: np.ndarray, weights: np.ndarray, size: int, order: int) -> np.ndarray:
    """The weighted fits of [T, K, D]; where the window holds too little for a polynomial, the smallest that fits."""
    half = size // 2
    steps = np.arange(-half, half + 1) / half
    reference = positions.mean(axis=0, keepdims=True)
    relative = (positions - reference) * weights[..., None]
    moments = [correlate1d(weights, steps**power, axis=0, mode="constant") for power in range(2 * order + 1)]
    sums = [correlate1d(relative, steps**power, axis=0, mode="constant") for power in range(order + 1)]
    # A trace of stiffness settles what the window cannot; it moves nothing else by more than a millionth.
    trace = np.maximum(moments[0], 1e-6)
    matrix = [[moments[i + j] for j in range(i + 1)] for i in range(order + 1)]
    for power in range(order + 1):
        matrix[power][power] = matrix[power][power] + (1e-12 + (1e-7 if power else 0.0)) * trace
    level = _constant_term(matrix, sums)
    return np.where(moments[0][..., None] > 1e-9, level + reference, positions)


def _constant_term(matrix: list[list[np.ndarray]], sums: list[np.ndarray]) -> np.ndarray:
    """The first unknown of many small systems at once: the others are eliminated, from the last on.

    Args:
      matrix: the rows of the lower triangle, symmetric and positive; each element [T, K].
      sums: right side, each [T, K, D].
    """
    for last in range(len(sums) - 1, 0, -1):
        pivots = matrix[last]
        for row in range(last):
            factor = pivots[row] / pivots[last]
            for column in range(row + 1):
                matrix[row][column] = matrix[row][column] - factor * pivots[column]
            sums[row] = sums[row] - factor[..., None] * sums[last]
    return np.asarray(sums[0] / matrix[0][0][..., None])
