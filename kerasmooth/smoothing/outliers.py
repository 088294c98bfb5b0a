"""Outliers: positions that the frames around them contradict."""

import numpy as np

from kerasmooth.filters.median_filter import half_width
from kerasmooth.filters.running_median import medians_and_spreads
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.end_outliers import find_ends
from kerasmooth.smoothing.innovation_gate import find_runs, usual_variances
from kerasmooth.smoothing.vectors import MEDIAN_LENGTHS, lengths

WINDOWS_SECONDS = (0.3, 0.6)
"""The short one finds spikes in fast motion, the long one pairs of them."""
THRESHOLD = 5.0
"""Hampel: distance from the running median in robust standard deviations."""
LEAST_DISTANCE = 0.1
"""In person sizes: nearer to the median than this is never an outlier."""
ROUNDS = 2
"""Of gating: what the first finds no longer hides what is usual."""


def find_outliers(positions: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    """Finds outliers by gating innovations (`innovation_gate`) and by Hampel's rule.

    The gate knows runs of several frames, of which a median makes good ones as soon as they are half of its window;
    Hampel's rule knows what is slow to go and come back. Distances are those of the keypoint, over all coordinates,
    against the keypoint's own robust noise.

    Args:
      positions: [T, K, D] in person sizes, finite.
      known: bool [T, K].
      fps: frames per second.

    Returns:
      bool [T, K]; never what is not known.
    """
    runs, far = _found(positions, known, fps)
    return runs | far


def find_replaceable(
    positions: np.ndarray, known: np.ndarray, fps: float, max_gap: float
) -> tuple[np.ndarray, np.ndarray]:
    """The outliers that can be estimated from what is left; arguments as of `find_outliers`.

    Those that leave a gap of at most `max_gap` seconds, and short ends that what is inside contradicts (`find_ends`).
    At an end a running median looks to one side only, from which the start of a fast movement is far as well: what the
    gate does not find stays.

    Returns:
      Which, bool [T, K]; and, bool [T, K], the frames of the ends, in which the keypoint is to be continued.
    """
    runs, far = _found(positions, known, fps)
    rejected, ends = runs | far, np.zeros_like(known)
    if rejected.any():
        rejected &= gaps.find_gaps(known & ~rejected, gaps.longest_run(max_gap, fps)).inner
        doubtful = runs & ~rejected
        if doubtful.any():
            good = known & ~rejected & ~doubtful
            ends = find_ends(positions, good, doubtful, usual_variances(positions, known & ~runs), fps, max_gap)
            rejected |= doubtful & ends
    return rejected, ends


def _found(positions: np.ndarray, known: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """What the gate finds, and what is far from the medians: bool [T, K] twice."""
    if len(positions) < 4:
        return np.zeros_like(known), np.zeros_like(known)
    far = _far_from_median(positions, known, fps)
    rejected = np.zeros_like(known)
    for _ in range(ROUNDS):
        found = find_runs(positions, known, known & ~far & ~rejected, fps)
        settled = bool((found == rejected).all())
        rejected = found
        if settled:
            break
    touched = np.flatnonzero(rejected.any(axis=0))
    if len(touched):
        # Beside a long run the median is of the run, and good positions are far from it: ask again without the run.
        left = known[:, touched] & ~rejected[:, touched]
        far[:, touched] = _far_from_median(positions[:, touched], left, fps)
    return rejected, far


def _far_from_median(positions: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    rejected = np.zeros_like(known)
    for seconds in WINDOWS_SECONDS:
        rejected |= _hampel(positions, known & ~rejected, max(half_width(seconds, fps), 2))
    return rejected


def _hampel(positions: np.ndarray, known: np.ndarray, half: int) -> np.ndarray:
    middle, spread = medians_and_spreads(positions, known, half)
    distance = lengths(positions - middle)
    deviation = spread / MEDIAN_LENGTHS[positions.shape[-1]]
    return known & (distance > np.maximum(THRESHOLD * deviation, LEAST_DISTANCE))
