"""The numbers of a smoothing: jitter before and after, lag."""

import numpy as np

from kerasmooth.lengths import lengths

MAX_LAG_SECONDS = 0.5
CHUNK_FRAMES = 8192
"""Frames that are worked on at once."""

CAUSAL = frozenset({"one_euro"})
"""Filters that look back only, and so lag; the others look both ways alike."""


def jitter(keypoints: np.ndarray, known: np.ndarray) -> np.ndarray:
    """float64 [K]: mean length of the second difference over three known frames in a row, NaN where there are none."""
    sums, counts = np.zeros(keypoints.shape[1]), np.zeros(keypoints.shape[1], np.int64)
    for first in range(0, len(keypoints) - 2, CHUNK_FRAMES):
        part = slice(first, first + CHUNK_FRAMES + 2)
        shown = known[part][:-2] & known[part][1:-1] & known[part][2:]
        bent = lengths(np.diff(keypoints[part], n=2, axis=0))
        counts += shown.sum(axis=0)
        sums += (bent if shown.all() else np.where(shown, bent, 0.0)).sum(axis=0)
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
    inner = slice(max_lag, frames - max_lag)
    shown = _rows(np.repeat(known[..., None], before.shape[-1], axis=-1)[inner].astype(np.float64))
    start = before.mean(axis=0)
    early, middle = _rows(before - start), _rows((after - start)[inner]) * shown
    squares, count = early**2, middle.shape[1]
    costs = np.zeros((max_lag + 2, num_keypoints))
    for row, lag in enumerate(range(-1, max_lag + 1)):
        part = slice(max_lag - lag, max_lag - lag + count)
        # The mean square of a difference but for what does not depend on the lag.
        crossed = np.einsum("ct,ct->c", shown, squares[:, part]) - 2 * np.einsum("ct,ct->c", middle, early[:, part])
        costs[row] = crossed.reshape(num_keypoints, -1).sum(axis=1)
    best = np.clip(np.argmin(costs, axis=0), 1, max_lag)
    left, centre, right = (np.take_along_axis(costs, best[None] + step, axis=0)[0] for step in (-1, 0, 1))
    bend = left - 2 * centre + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
    return np.maximum(best - 1 + np.clip(shift, -0.5, 0.5), 0.0)


def _rows(values: np.ndarray) -> np.ndarray:
    """[T, K, D] as contiguous [K * D, T]."""
    return np.ascontiguousarray(values.reshape(len(values), -1).T)
