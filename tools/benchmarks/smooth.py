"""Smoothing keypoints: filters beside SciPy, in the whole call, beside packages, as a stream, and in little memory."""

from collections.abc import Callable

from benchmarks import _smooth_filters, _smooth_memory, _smooth_peers, _smooth_stream

TITLE = "Smoothing keypoints on one core"
LIMIT = (
    "gaussian, savgol, butterworth, whittaker: the compiled loops of SciPy, ten to twenty nanoseconds a coordinate; "
    "with weights BLAS's banded products (gaussian, savgol), three runs (butterworth), LAPACK's banded Cholesky for "
    "every keypoint (whittaker); median, hampel: the skip list of pandas; gcv_spline: LAPACK's "
    "banded Cholesky, 12 to 42 times a curve; one_euro and kalman: Python calling NumPy, from 12 times a frame on, "
    "whatever the number of keypoints; auto: banded Cholesky for some 12 cut-offs and every keypoint, with what all "
    "do together and without, and eighteen such calls a frame for its hidden Markov chains; the stream: the same, for "
    "20 to 28 Kalman filters and 13 levels of "
    "noise a keypoint; the whole call: passes over arrays of 4 MB, in memory, and with outliers the medians "
    "of their windows. Bars: a filter takes at most twice the time of SciPy, without weights and with; a step of a "
    "stream takes less than 1 ms of the processor in the median."
)

TABLES: tuple[tuple[str, Callable[[float], list[dict[str, object]]]], ...] = (
    (_smooth_filters.HEADING, _smooth_filters.measure),
    (_smooth_peers.HEADING, _smooth_peers.measure),
    (_smooth_stream.HEADING, _smooth_stream.measure),
    (_smooth_memory.HEADING, _smooth_memory.measure),
)
"""Heading and rows of each table; what is to be shown as well is added here."""


def measure(seconds: float) -> dict[str, list[dict[str, object]]]:
    """Heading -> rows."""
    return {heading: rows(seconds) for heading, rows in TABLES}
