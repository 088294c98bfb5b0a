"""Outliers: positions that the frames around them contradict."""

import numpy as np

from kerasmooth import gaps
from kerasmooth.filters.median_filter import half_width

WINDOW_SECONDS = 0.3
THRESHOLD = 5.0
"""Hampel: distance from the running median in robust standard deviations."""
GATE = 30.0
"""Innovation gating: squared distance from the prediction in variances, 2 degrees of freedom (once in 3 million)."""
LEAST_DISTANCE = 0.1
"""In person sizes: nearer than this is never an outlier."""
GATE_CUTOFF = 3.0
"""Hz, of the predictor that gates."""
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
    rejected = _hampel(positions, known, fps)
    for _ in range(ROUNDS):
        kept = known & ~rejected
        found = _gated(positions, kept, fps)
        if not found.any():
            break
        rejected |= found
    return rejected


def _hampel(positions: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    half = max(half_width(WINDOW_SECONDS, fps), 2)
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
    """Squared innovations [T, K] of a constant-velocity predictor, NaN where it has no opinion, and their variances.

    A fading-memory predictor (alpha-beta) from the median of three, so that one outlier does not drag it along.
    """
    frames, num_keypoints, dimensions = positions.shape
    distance = np.full((frames, num_keypoints), np.nan)
    spread = np.ones((frames, num_keypoints))
    turn = min(2 * np.pi * GATE_CUTOFF / fps, 1.0)
    alpha, beta = 1 - (1 - turn / 2) ** 2, (turn / 2) ** 2
    value, velocity = np.zeros((num_keypoints, dimensions)), np.zeros((num_keypoints, dimensions))
    seen, since = np.zeros(num_keypoints, np.int64), np.zeros(num_keypoints)
    longest = gaps.longest_run(0.5, fps)
    for frame in range(frames):
        since += 1
        stale = since > longest
        seen[stale] = 0
        value = value + velocity
        shown = known[frame]
        innovation = positions[frame] - value
        squared = np.sum(innovation**2, axis=1)
        ready = shown & (seen >= 5)
        distance[frame, ready] = squared[ready]
        spread[frame] = since**2
        first = shown & (seen == 0)
        value[first], velocity[first] = positions[frame, first], 0.0
        # Alpha and beta fall from 1 as measurements come in, as in a least-squares fit.
        n = seen + 1.0
        a = np.maximum(alpha, 2 * (2 * n - 1) / (n * (n + 1)))[:, None]
        b = np.maximum(beta, 6 / (n * (n + 1)))[:, None]
        # A measurement that is far out moves the predictor by no more than a near one would.
        update = (shown & ~first)[:, None]
        limit = np.minimum(1.0, 3 * LEAST_DISTANCE / np.sqrt(np.maximum(squared, 1e-30)))[:, None]
        limit = np.where(seen[:, None] >= 5, limit, 1.0)
        value = np.where(update, value + np.minimum(a, 1.0) * limit * innovation, value)
        velocity = np.where(
            update, velocity + np.where(n[:, None] >= 2, np.minimum(b, 1.0), 0) * limit * innovation, velocity
        )
        seen[shown] += 1
        since[shown] = 0
    return distance, spread
