"""Outliers: positions that the frames around them contradict."""

import numpy as np

from kerasmooth.filters.median_filter import half_width
from kerasmooth.filters.running_median import medians_and_spreads
from kerasmooth.smoothing.innovation_gate import find_runs
from kerasmooth.smoothing.vectors import lengths

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
    if len(positions) < 4:
        return np.zeros_like(known)
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
    return rejected | far


def _far_from_median(positions: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    rejected = np.zeros_like(known)
    for seconds in WINDOWS_SECONDS:
        rejected |= _hampel(positions, known & ~rejected, max(half_width(seconds, fps), 2))
    return rejected


def _hampel(positions: np.ndarray, known: np.ndarray, half: int) -> np.ndarray:
    middle, spread = medians_and_spreads(positions, known, half)
    distance = lengths(positions - middle)
    # The median length of a normal 2-vector is 1.1774 deviations.
    return known & (distance > np.maximum(THRESHOLD * spread / 1.1774, LEAST_DISTANCE))
