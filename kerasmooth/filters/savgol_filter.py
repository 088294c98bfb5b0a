"""Savitzky-Golay: the value at the centre of a polynomial that is fitted to a window."""

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.signal import savgol_filter

from kerasmooth.filters.base import Filtered, arrange, positive
from kerasmooth.filters.local_polynomial import local_polynomial
from kerasmooth.filters.median_filter import half_width

RIDGE = 1e-7
"""Settles what a window cannot: where it holds too little for the polynomial, the smallest that fits."""


def savgol(
    positions: np.ndarray, *, weights: np.ndarray | None = None, fps: float, window: float = 0.25, order: int = 3
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
    half = size // 2
    uneven = np.zeros(frames, bool)
    if weights is not None:
        uneven = maximum_filter1d((weights != 1).any(axis=1), size, mode="nearest")
        # The ends share one window each.
        uneven[:half], uneven[frames - half :] = uneven[half], uneven[frames - 1 - half]
    if weights is None or not uneven.all():
        result = savgol_filter(positions, size, order, axis=0, mode="interp")
    if weights is not None:
        steps = np.arange(-half, half + 1) / half
        fits = local_polynomial(positions, weights, np.ones(size), steps, order, RIDGE)
        result = fits if uneven.all() else np.where(uneven[:, None, None], fits, result)
    return Filtered(result.reshape(shape))
