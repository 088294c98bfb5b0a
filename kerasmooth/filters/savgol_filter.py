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
    matrix = np.stack([np.stack([moments[i + j] for j in range(order + 1)], -1) for i in range(order + 1)], -2)
    # A trace of stiffness settles what the window cannot; it moves nothing else by more than a millionth.
    penalty = np.diag([0.0] + [1e-7] * order) + 1e-12 * np.eye(order + 1)
    matrix = matrix + penalty * np.maximum(moments[0], 1e-6)[..., None, None]
    solution = np.linalg.solve(matrix, np.stack(sums, axis=-2))
    return np.where(moments[0][..., None] > 1e-9, solution[..., 0, :] + reference, positions)
