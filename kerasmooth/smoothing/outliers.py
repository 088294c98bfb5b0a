"""Outliers: positions that the frames around them contradict."""

import numpy as np
from scipy.ndimage import correlate1d

from kerasmooth.filters.median_filter import half_width

WINDOWS_SECONDS = (0.3, 0.6)
"""The short one finds spikes in fast motion, the long one runs of them."""
THRESHOLD = 5.0
"""Hampel: distance from the running median in robust standard deviations."""
GATE = 30.0
"""Innovation gating: squared distance from the prediction in variances, 2 degrees of freedom (once in 3 million)."""
LEAST_DISTANCE = 0.1
"""In person sizes: nearer than this is never an outlier."""
PREDICTOR_SECONDS = 0.2
ROUNDS = 2


def find_outliers(positions: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    """Finds outliers by Hampel's rule, then by gating the innovations of a predictor that runs both ways.

    A position goes when it is far from the running median (Hampel), or when both the prediction from before and the
    one from after miss it (at the ends and beside gaps, the one that there is). Distances are those of the keypoint,
    over all coordinates, against the keypoint's own robust noise.

    Args:
      positions: [T, K, D] in person sizes, finite.
      known: bool [T, K].
      fps: frames per second.

    Returns:
      bool [T, K]; never what is not known.
    """
    if len(positions) < 4:
        return np.zeros_like(known)
    rejected = np.zeros_like(known)
    for seconds in WINDOWS_SECONDS:
        rejected |= _hampel(positions, known & ~rejected, max(half_width(seconds, fps), 2))
    for _ in range(ROUNDS):
        kept = known & ~rejected
        found = _gated(positions, kept, fps)
        if not found.any():
            break
        rejected |= found
    return rejected


def _hampel(positions: np.ndarray, known: np.ndarray, half: int) -> np.ndarray:
    windowed = _windows(np.where(known[..., None], positions, np.nan), half)
    with np.errstate(invalid="ignore"):
        middle = _nan_median(windowed)
        distance = np.linalg.norm(positions - middle, axis=-1)
        around = np.linalg.norm(windowed - middle[..., None], axis=2)
        # The median length of a normal 2-vector is 1.1774 deviations.
        spread = _nan_median(around) / 1.1774
        return known & (distance > np.maximum(THRESHOLD * spread, LEAST_DISTANCE))


def _windows(values: np.ndarray, half: int) -> np.ndarray:
    """[T, K, D, 2 half + 1], NaN beyond the ends."""
    padded = np.pad(values, ((half, half), (0, 0), (0, 0)), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)


def _nan_median(values: np.ndarray) -> np.ndarray:
    """Median of the last axis without NaN, which sorts last; NaN where all are."""
    ranked = np.sort(values, axis=-1)
    counts = np.isfinite(ranked).sum(axis=-1)[..., None]
    low = np.take_along_axis(ranked, np.maximum(counts - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ranked, np.minimum(counts // 2, values.shape[-1] - 1), axis=-1)
    return ((low + high) / 2)[..., 0]


def _gated(positions: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    """What the predictions from before and after both miss."""
    ahead, spread_ahead = _innovations(positions, known, fps)
    behind, spread_behind = (a[::-1] for a in _innovations(positions[::-1], known[::-1], fps))
    far = []
    for distance, spread in ((ahead, spread_ahead), (behind, spread_behind)):
        judged = known & np.isfinite(distance)
        scale = np.array(
            [
                np.median((distance / spread)[judged[:, k], k]) if judged[:, k].sum() > 4 else np.inf
                for k in range(known.shape[1])
            ]
        )
        # The median of a chi-squared variable with 2 degrees of freedom is 1.3863.
        variance = scale / 1.3863 * spread
        missed = distance > np.maximum(GATE * variance, LEAST_DISTANCE**2)
        far.append((missed, judged))
    (missed_a, judged_a), (missed_b, judged_b) = far
    return known & (missed_a | ~judged_a) & (missed_b | ~judged_b) & (judged_a | judged_b)


def _innovations(positions: np.ndarray, known: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Squared innovations [T, K], NaN where there is no prediction, and their variances in those of a measurement.

    The prediction continues the line through the known positions of the last PREDICTOR_SECONDS.
    """
    reach = max(4, round(PREDICTOR_SECONDS * fps))
    steps = np.arange(-reach, reach + 1)
    shown = known.astype(np.float64)
    relative = np.where(known[..., None], positions, 0.0)

    def moment(values: np.ndarray, power: int) -> np.ndarray:
        kernel = np.where(steps < 0, np.abs(steps / reach) ** power, 0.0)
        return correlate1d(values, kernel, axis=0, mode="constant")

    count = moment(shown, 0)
    ready = known & (count > 2.5)
    safe = np.where(ready, count, 1.0)
    first = moment(shown, 1) / safe
    width = np.where(ready, moment(shown, 2) / safe - first**2, 1.0)
    mean = moment(relative, 0) / safe[..., None]
    slope = (moment(relative, 1) / safe[..., None] - first[..., None] * mean) / width[..., None]
    predicted = mean - slope * first[..., None]
    distance = np.where(ready, np.sum((positions - predicted) ** 2, axis=-1), np.nan)
    return distance, 1 + (1 + first**2 / width) / safe
