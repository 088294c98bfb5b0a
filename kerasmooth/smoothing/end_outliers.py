"""Outliers at the ends of a stretch: before the first good position or behind the last, with nothing beyond them.

There is no way back to tell them by from a fast movement that has just begun. But a movement gathers speed: if a
position is far from where the velocity led, the next one may be as far. What is further than that is wrong.
"""

import numpy as np

from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.innovation_gate import FRAME_PRICE, JUMP_PRICE, RUN_PRICE, VELOCITY_GAIN

END_SECONDS = 0.12
"""The longest end that is replaced: what is away for longer may have gone there."""
NOISE = 4.0
"""A squared innovation in variances that says nothing of a movement."""


def find_ends(
    positions: np.ndarray, good: np.ndarray, doubtful: np.ndarray, variances: np.ndarray, fps: float, max_gap: float
) -> np.ndarray:
    """Finds ends that the good positions inside contradict.

    Args:
      positions: float64 [T, K, D] in person sizes.
      good: bool [T, K].
      doubtful: bool [T, K], what is to be judged: none lies between good positions that are near each other.
      variances: [T, K], of an innovation along one axis.
      fps: frames per second.
      max_gap: seconds; what is further from a good position stays.

    Returns:
      bool [T, K]: the frames from an outermost wrong position to the good one next to it.
    """
    found = np.zeros_like(good)
    reach = gaps.longest_run(min(max_gap, END_SECONDS), fps)
    nearer = _distances(good) <= _distances(good[::-1])[::-1]
    for backwards, own in ((False, doubtful & nearer), (True, doubtful & ~nearer)):
        arrays = (positions, good, own, variances, found)
        points, inside, judged, usual, wrong = (a[::-1] if backwards else a for a in arrays)
        for keypoint in np.flatnonzero(judged.any(axis=0)).tolist():
            known, frames = np.flatnonzero(inside[:, keypoint]), np.flatnonzero(judged[:, keypoint])
            behind = np.searchsorted(known, frames)
            for count in np.unique(behind[behind >= 3]).tolist():
                end = frames[behind == count]
                if end[-1] - known[count - 1] > reach:
                    continue
                series = np.concatenate([known[count - 3 : count], end])
                if _is_contradicted(points[series, keypoint], series, usual[series, keypoint]):
                    wrong[known[count - 1] + 1 : end[-1] + 1, keypoint] = True
    return found


def _distances(good: np.ndarray) -> np.ndarray:
    """float64 [T, K]: how many frames ago the last good position was."""
    last = gaps.previous_known(good)
    return np.where(last >= 0, np.arange(len(good))[:, None] - last, np.inf)


def _is_contradicted(positions: np.ndarray, frames: np.ndarray, variances: np.ndarray) -> bool:
    """Whether what comes behind the first three positions [N, D] is dearer to take than to pass over."""
    steps, waits = np.diff(positions, axis=0), np.diff(frames)
    velocity = steps[1] / waits[1]
    surprise = float(np.sum((steps[1] - steps[0] / waits[0] * waits[1]) ** 2))
    price = 0.0
    for step, wait, variance in zip(steps[2:], waits[2:].tolist(), variances[3:].tolist(), strict=True):
        innovation = step - velocity * wait
        allowed = variance * wait + max(surprise - NOISE * variance, 0.0)
        surprise = float(np.sum(innovation**2))
        cost = min(surprise / allowed, JUMP_PRICE)
        price += cost
        velocity = velocity + VELOCITY_GAIN * innovation / wait if cost < JUMP_PRICE else 0 * velocity
    return price > RUN_PRICE + FRAME_PRICE * (len(positions) - 3)
