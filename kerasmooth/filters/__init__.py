"""Classical smoothers in seconds and hertz, weighted by confidence. NumPy and SciPy only."""

from kerasmooth.filters.base import Filter, Filtered
from kerasmooth.filters.gaussian_filter import gaussian

__all__ = ["FILTERS", "Filter", "Filtered"]

FILTERS: dict[str, Filter] = {"gaussian": gaussian}
"""Name -> filter."""
