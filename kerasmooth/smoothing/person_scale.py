"""How large a person is in the unit of the positions: what lengths are measured by."""

import math

import numpy as np

from kerasmooth.lengths import lengths
from kerasmooth.skeletons import Skeleton

TORSO_PER_BOX = 0.3
"""A torso is about this share of the diagonal of a person's box: makes the two measures agree."""


def person_size(keypoints: np.ndarray, known: np.ndarray, skeleton: Skeleton | None = None) -> float:
    """The person's size: the median over frames of the torso's length, else of its share of the box's diagonal.

    Args:
      keypoints: [T, K, D], (x, y, ...).
      known: bool [T, K].
      skeleton: names the torso; without one, or with no torso to see, the box is measured.

    Returns:
      A positive float; 1.0 where there is nothing to measure.
    """
    sizes = _box_diagonals(keypoints, known) * TORSO_PER_BOX
    torso = skeleton.torso if skeleton is not None else None
    if torso is not None:
        lengths = _torso_lengths(keypoints, known, torso)
        if lengths.size and np.median(lengths) > 0:
            # A side view or a wrong shoulder may collapse the torso: never below half of what the box says.
            box = float(np.median(sizes)) if sizes.size else 0.0
            return float(max(np.median(lengths), box / 2))
    sizes = sizes[sizes > 0]
    return float(np.median(sizes)) if sizes.size else 1.0


def size_in_frame(keypoints: np.ndarray, known: np.ndarray, skeleton: Skeleton | None = None) -> float:
    """`person_size` of a single frame, in plain numbers: keypoints [K, D], known bool [K]."""
    shown = keypoints if known.all() else keypoints[known]
    if len(shown) < 2:
        return 1.0
    box = TORSO_PER_BOX * math.hypot(*(shown.max(axis=0) - shown.min(axis=0)).tolist())
    torso = skeleton.torso if skeleton is not None else None
    if torso is not None:
        corners = [corner for side in torso for corner in side]
        if all(known[corners].tolist()):
            a, b, c, d = keypoints[corners].tolist()
            length = (math.dist(a, b) + math.dist(c, d)) / 2
            if length > 0:
                return max(length, box / 2)
    return box if box > 0 else 1.0


def _torso_lengths(
    keypoints: np.ndarray, known: np.ndarray, torso: tuple[tuple[int, int], tuple[int, int]]
) -> np.ndarray:
    indices = np.ravel(torso)
    seen = known[:, indices].all(axis=1)
    corners = keypoints[seen][:, indices]
    sides = [lengths(corners[:, a] - corners[:, a + 1]) for a in (0, 2)]
    return (sides[0] + sides[1]) / 2


def _box_diagonals(keypoints: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Diagonals of the boxes of the frames in which at least half of the usual number of keypoints is known."""
    counts = known.sum(axis=1)
    seen = (counts >= max(2.0, np.median(counts[counts > 0]) / 2)) if (counts > 0).any() else np.zeros(len(known), bool)
    shown, corners = known[seen], keypoints[seen]
    whole = shown.all()
    extents = []
    for axis in range(keypoints.shape[-1]):
        # A copy of its own: the smallest and largest along a row are found much faster there.
        values = np.ascontiguousarray(corners[..., axis])
        low, high = (values, values) if whole else (np.where(shown, values, end) for end in (np.inf, -np.inf))
        extents.append(high.max(axis=1, initial=-np.inf) - low.min(axis=1, initial=np.inf))
    return lengths(np.stack(extents, axis=-1))
