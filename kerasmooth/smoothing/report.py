"""The numbers of a smoothing: jitter before and after, lag."""

import numpy as np

MAX_LAG_SECONDS = 0.5

CAUSAL = frozenset({"one_euro"})
"""Filters that look back only, and so lag; the others look both ways alike."""


def jitter(keypoints: np.ndarray, known: np.ndarray) -> np.ndarray:
    """float64 [K]: mean length of the second difference over three known frames in a row, NaN where there are none."""
    if len(keypoints) < 3:
        return np.full(keypoints.shape[1], np.nan)
    shown = known[:-2] & known[1:-1] & known[2:]
    bent = np.linalg.norm(keypoints[2:] - 2 * keypoints[1:-1] + keypoints[:-2], axis=-1)
    counts = shown.sum(axis=0)
    sums = np.where(shown, bent, 0.0).sum(axis=0)
    return np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)


def lag_frames(before: np.ndarray, after: np.ndarray, max_lag: int, known: np.ndarray) -> np.ndarray:
    """By how many frames `after` follows `before`: the shift at which they differ least in the mean square.

    Args:
      before: [T, K, D], finite.
      after: [T, K, D], finite.
      max_lag: frames; longer lags are not looked for.
      known: bool [T, K], where to compare.

    Returns:
      float64 [K], not negative, with fractions.
    """
    frames, num_keypoints = known.shape
    max_lag = min(max_lag, (frames - 1) // 2)
    if max_lag < 1:
        return np.zeros(num_keypoints)
    shown = known[max_lag : frames - max_lag]
    middle = np.where(shown[..., None], after[max_lag : frames - max_lag], 0.0)
    costs = np.zeros((max_lag + 2, num_keypoints))
    for row, lag in enumerate(range(-1, max_lag + 1)):
        shifted = before[max_lag - lag : frames - max_lag - lag]
        costs[row] = np.where(shown[..., None], (middle - shifted) ** 2, 0.0).sum(axis=(0, 2))
    best = np.clip(np.argmin(costs, axis=0), 1, max_lag)
    left, centre, right = (np.take_along_axis(costs, best[None] + step, axis=0)[0] for step in (-1, 0, 1))
    bend = left - 2 * centre + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
    return np.maximum(best - 1 + np.clip(shift, -0.5, 0.5), 0.0)
