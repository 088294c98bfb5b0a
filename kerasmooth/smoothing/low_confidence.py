"""Longer runs that a detector itself is not sure of, and that what they are joined to contradicts."""

import itertools

import numpy as np

from kerasmooth.lengths import lengths
from kerasmooth.skeletons import Skeleton

LONGEST_SECONDS = 1.0
FALL = 0.35
"""Share of the keypoint's usual confidence below which a run is looked at."""
AROUND_FRAMES = 3
"""Frames before and behind a run between which the keypoint is expected on a straight line."""
LEAST_DISTANCE = 0.15
"""In person sizes, the median over a run."""
COMPANY = 0.5
"""Share of the distance that what it is joined to may be away from its own line."""


def find_unsure(
    positions: np.ndarray, known: np.ndarray, confidence: np.ndarray, fps: float, skeleton: Skeleton | None
) -> np.ndarray:
    """Finds runs of low confidence in which a keypoint is away while what it is joined to stays on its way.

    Args:
      positions: float64 [T, K, D] in person sizes, finite.
      known: bool [T, K].
      confidence: [T, K]; NaN is unknown, which is no evidence.
      fps: frames per second.
      skeleton: its limbs say what is joined to what; without one, all keypoints are.

    Returns:
      bool [T, K]; never what is not known.
    """
    found = np.zeros_like(known)
    frames, num_keypoints = known.shape
    joined: dict[int, set[int]] = {keypoint: set() for keypoint in range(num_keypoints)}
    pairs = skeleton.limbs if skeleton is not None else tuple(itertools.combinations(range(num_keypoints), 2))
    for a, b in pairs:
        joined[a].add(b)
        joined[b].add(a)
    sure = known & np.isfinite(confidence)
    for keypoint in np.flatnonzero(sure.any(axis=0)).tolist():
        usual = float(np.median(confidence[sure[:, keypoint], keypoint]))
        unsure = sure[:, keypoint] & (confidence[:, keypoint] < FALL * usual)
        edges = np.flatnonzero(np.diff(np.pad(unsure.astype(np.int8), 1))).reshape(-1, 2)
        for first, end in edges.tolist():
            if end - first > LONGEST_SECONDS * fps or first < AROUND_FRAMES or end + AROUND_FRAMES > frames:
                continue
            away = _away(positions[:, keypoint], first, end)
            others = [_away(positions[:, other], first, end) for other in joined[keypoint]]
            if away > LEAST_DISTANCE and others and max(others) < COMPANY * away:
                found[first:end, keypoint] = known[first:end, keypoint]
    return found


def _away(positions: np.ndarray, first: int, end: int) -> float:
    """Median distance of positions [T, D] in a run from the line between the medians before and behind it."""
    before = np.median(positions[first - AROUND_FRAMES : first], axis=0)
    behind = np.median(positions[end : end + AROUND_FRAMES], axis=0)
    share = ((np.arange(first, end) - first + 1) / (end - first + 1))[:, None]
    return float(np.median(lengths(positions[first:end] - before - share * (behind - before))))
