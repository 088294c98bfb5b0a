"""Classical smoothers in seconds and hertz, weighted by confidence. NumPy and SciPy only."""

from kerasmooth.filters.base import Filter, Filtered
from kerasmooth.filters.butterworth_filter import butterworth
from kerasmooth.filters.gaussian_filter import gaussian
from kerasmooth.filters.kalman_filter import kalman
from kerasmooth.filters.median_filter import hampel, median
from kerasmooth.filters.one_euro_filter import one_euro, one_euro_zero_phase
from kerasmooth.filters.savgol_filter import savgol
from kerasmooth.filters.spline_filter import gcv_spline, whittaker

__all__ = ["FILTERS", "Filter", "Filtered"]

FILTERS: dict[str, Filter] = {
    "hampel": hampel,
    "median": median,
    "gaussian": gaussian,
    "savgol": savgol,
    "butterworth": butterworth,
    "one_euro": one_euro,
    "one_euro_zero_phase": one_euro_zero_phase,
    "gcv_spline": gcv_spline,
    "whittaker": whittaker,
    "kalman": kalman,
}
"""Name -> filter."""

TIME_CONSTANTS: dict[str, dict[str, int]] = {
    "hampel": {"window": 1},
    "median": {"window": 1},
    "gaussian": {"cutoff": -1},
    "savgol": {"window": 1},
    "butterworth": {"cutoff": -1},
    "one_euro": {"min_cutoff": -1, "beta": -1},
    "one_euro_zero_phase": {"min_cutoff": -1, "beta": -1},
    "whittaker": {"cutoff": -1},
}
"""Name -> parameter -> the power of the strength that multiplies it; an absent filter is blended with its input."""
