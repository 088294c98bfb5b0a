"""Every filter beside bare SciPy doing the same, and inside `smooth_keypoints`."""

import math
from collections.abc import Callable

import numpy as np
from benchmarks._one_core import FPS, KEYPOINTS, Way, motion, rates
from scipy.interpolate import make_smoothing_spline
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import butter, savgol_filter, sosfiltfilt

import kerasmooth
from kerasmooth.filters import FILTERS
from kerasmooth.filters.gaussian_filter import sigma_of
from kerasmooth.filters.spline_filter import difference_penalty

HEADING = f"""Filters: one person x {KEYPOINTS} keypoints, {FPS:.0f} frames/s, float64; person-frames/s of one core

"filter" is the bare function on the array, "SciPy" is SciPy's on the same array in turns, and their ratio is the claim
(at least 0.5). "weighted" is the filter with a confidence on every measurement, which SciPy's filters do not know;
"call" is `smooth_keypoints` (checks, units, gaps, report) and "call, mended" with outliers and swaps as well."""

FRAMES = 10_000
SLOW = {"auto": 1_000, "kalman": 2_000}
"""Frames where all would take minutes."""
SPLINE_FRAMES = 400
"""Frames of one coordinate that SciPy's cross-validated spline gets; the rate is that of all coordinates."""


def _hampel(positions: np.ndarray) -> np.ndarray:
    middle = median_filter(positions, (9, 1, 1))
    distance = np.abs(positions - middle)
    return np.where(distance > 3.5 * 1.4826 * median_filter(distance, (9, 1, 1)), middle, positions)


def _butterworth(positions: np.ndarray) -> np.ndarray:
    edge = 2 / math.pi * math.atan(math.tan(math.pi * 3 / FPS) / (math.sqrt(2) - 1) ** 0.25)
    return np.asarray(sosfiltfilt(butter(2, edge, output="sos"), positions, axis=0))


def _whittaker(positions: np.ndarray) -> np.ndarray:
    bands = (math.sqrt(2) - 1) / (2 * math.sin(math.pi * 2 / FPS)) ** 4 * difference_penalty(len(positions), 2)
    bands[0] += 1
    return np.asarray(solveh_banded(bands, positions.reshape(len(positions), -1), lower=True)).reshape(positions.shape)


def _spline(positions: np.ndarray) -> np.ndarray:
    """One coordinate: all of them would take minutes."""
    frames = np.arange(len(positions), dtype=np.float64)
    return np.asarray(make_smoothing_spline(frames, positions[:, 0, 0])(frames))


BARE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hampel": _hampel,
    "median": lambda positions: median_filter(positions, (7, 1, 1)),
    "gaussian": lambda positions: gaussian_filter1d(positions, sigma_of(1.7) * FPS, axis=0),
    "savgol": lambda positions: savgol_filter(positions, 15, 2, axis=0),
    "butterworth": _butterworth,
    "gcv_spline": _spline,
    "whittaker": _whittaker,
}
"""The same filters by SciPy alone."""


def measure(seconds: float) -> list[dict[str, object]]:
    """A row a method, `auto` last."""
    return [_row(name, seconds) for name in [*FILTERS, "auto"]]


def _row(name: str, seconds: float) -> dict[str, object]:
    positions = motion(SLOW.get(name, FRAMES))
    frames = len(positions)
    weights = np.random.default_rng(1).uniform(0.2, 1.0, positions.shape[:2])
    ways = {
        "call": Way(lambda: _smooth(positions, name, mended=False), frames),
        "call, mended": Way(lambda: _smooth(positions, name, mended=True), frames),
    }
    if name in FILTERS:
        ways["filter"] = Way(lambda: FILTERS[name](positions, fps=FPS), frames)
        ways["weighted"] = Way(lambda: FILTERS[name](positions, weights=weights, fps=FPS), frames)
    if name == "gcv_spline":
        short = positions[:SPLINE_FRAMES]
        ways["SciPy"] = Way(lambda: BARE[name](short), SPLINE_FRAMES / (2 * KEYPOINTS))
    elif name in BARE:
        ways["SciPy"] = Way(lambda: BARE[name](positions), frames)
    agree(name, positions[:SPLINE_FRAMES])
    found = rates(ways, seconds)
    ratio = f"{found['filter'] / found['SciPy']:.2f}" if "SciPy" in found else "-"
    cells = {key: found.get(key, "-") for key in ("filter", "SciPy")}
    rest = {key: found.get(key, "-") for key in ("weighted", "call", "call, mended")}
    return {"method": name} | cells | {"filter / SciPy": ratio} | rest


def _smooth(positions: np.ndarray, method: str, mended: bool) -> object:
    return kerasmooth.smooth_keypoints(
        positions, fps=FPS, method=method, skeleton="bouldering_25", outliers=mended, swaps=mended
    )


def agree(name: str, positions: np.ndarray) -> None:
    """Raises ValueError unless the filter and SciPy's give the same, far from the edges."""
    if name not in BARE:
        return
    bare, ours = BARE[name](positions), FILTERS[name](positions, fps=FPS).positions
    ours = ours[:, 0, 0] if bare.ndim == 1 else ours
    if not np.allclose(bare[60:-60], ours[60:-60], atol=0.02):
        raise ValueError(f"{name} and SciPy's disagree by {np.abs(bare - ours)[60:-60].max()} pixels")
