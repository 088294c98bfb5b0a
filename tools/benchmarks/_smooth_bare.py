"""The filters by SciPy and NumPy alone, without weights and as one would write them with a weight a measurement."""

import math
from collections.abc import Callable

import numpy as np
from benchmarks._one_core import FPS
from numpy.lib.stride_tricks import sliding_window_view
from scipy.interpolate import make_smoothing_spline
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import butter, savgol_filter, sosfiltfilt

from kerasmooth.filters.banded import difference_penalty
from kerasmooth.filters.gaussian_filter import sigma_of

SIGMA = sigma_of(6.0) * FPS
HALF_POWER = math.sqrt(2) - 1


def _hampel(positions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Of ranks, to which weights above 0 do not matter."""
    middle = median_filter(positions, (9, 1, 1))
    distance = np.abs(positions - middle)
    return np.where(distance > 3.5 * 1.4826 * median_filter(distance, (9, 1, 1)), middle, positions)


def _median(positions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    return np.asarray(median_filter(positions, (3, 1, 1)))


def _weighted_gaussian(positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A mean: the line that ours fits takes three more passes over the weights and the positions."""
    shares = weights[..., None]
    return np.asarray(gaussian_filter1d(shares * positions, SIGMA, axis=0) / gaussian_filter1d(shares, SIGMA, axis=0))


def _weighted_savgol(positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The normal equations of every window; the input where the window is not full."""
    powers = (np.arange(-3, 4) / 3)[:, None] ** np.arange(4)
    products = (powers[:, :, None] * powers[:, None]).reshape(7, 16)
    matrices = (sliding_window_view(weights, 7, axis=0) @ products).reshape(-1, weights.shape[1], 4, 4)
    right = np.swapaxes(sliding_window_view(weights[..., None] * positions, 7, axis=0) @ powers, 2, 3)
    result = positions.copy()
    result[3:-3] = np.linalg.solve(matrices, right)[:, :, 0]
    return result


def _butterworth(positions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    edge = 2 / math.pi * math.atan(math.tan(math.pi * 6 / FPS) / HALF_POWER**0.25)
    sections = butter(2, edge, output="sos")
    result = np.asarray(sosfiltfilt(sections, positions, axis=0))
    if weights is not None:
        for _ in range(2):
            result = sosfiltfilt(sections, result + weights[..., None] * (positions - result), axis=0)
    return result


def _whittaker(positions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    bands = HALF_POWER / (2 * math.sin(math.pi * 6 / FPS)) ** 4 * difference_penalty(len(positions), 2)
    if weights is None:
        bands[0] += 1
        flat = solveh_banded(bands, positions.reshape(len(positions), -1), lower=True)
        return np.asarray(flat).reshape(positions.shape)
    result = np.empty_like(positions)
    for keypoint, shares in enumerate(weights.T):
        own = bands + np.eye(3, 1) * shares
        result[:, keypoint] = solveh_banded(own, shares[:, None] * positions[:, keypoint], lower=True)
    return result


def _spline(positions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """One coordinate: all of them would take minutes."""
    seconds = np.arange(len(positions)) / FPS
    shares = None if weights is None else weights[:, 0]
    return np.asarray(make_smoothing_spline(seconds, positions[:, 0, 0], w=shares)(seconds))


BARE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hampel": _hampel,
    "median": _median,
    "gaussian": lambda positions: gaussian_filter1d(positions, SIGMA, axis=0),
    "savgol": lambda positions: savgol_filter(positions, 7, 3, axis=0),
    "butterworth": _butterworth,
    "gcv_spline": _spline,
    "whittaker": _whittaker,
}
"""The same filters by SciPy alone."""

WEIGHTED: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "hampel": _hampel,
    "median": _median,
    "gaussian": _weighted_gaussian,
    "savgol": _weighted_savgol,
    "butterworth": _butterworth,
    "gcv_spline": _spline,
    "whittaker": _whittaker,
}
"""With weights [T, K]."""
