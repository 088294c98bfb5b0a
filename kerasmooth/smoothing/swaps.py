"""Left/right swaps: frames in which a detector exchanged the two sides."""

import numpy as np

from kerasmooth.smoothing.vectors import lengths

CHANGE_COST = 0.3
"""In person sizes: by how much less a pair must move altogether for it to count as exchanged."""
SWAPPED_COST = 0.01
"""In person sizes a frame: of two explanations that are as good, the one with fewer exchanged frames."""
LEAST_DISTANCE = 0.2
"""In person sizes: keypoints nearer to each other than this cannot be told apart, and stay."""
FORGET_SECONDS = 0.5
"""After a longer gap nothing is known of where the two were."""


def find_swaps(positions: np.ndarray, known: np.ndarray, pairs: tuple[tuple[int, int], ...], fps: float) -> np.ndarray:
    """Finds exchanged pairs by the cheapest sequence of "as is" and "exchanged" over time (Viterbi, 1967).

    A frame costs how far both keypoints move from where their velocity would take them; a change of state costs
    CHANGE_COST on top. The state that more frames are in is taken for right, as no one says which side is left.

    Args:
      positions: [T, K, D] in person sizes, finite.
      known: bool [T, K].
      pairs: (left, right) keypoint indices.
      fps: frames per second.

    Returns:
      bool [T, K]: the keypoint has its partner's position; True for both of a pair.
    """
    swapped = np.zeros_like(known)
    for pair in pairs:
        sides = np.array(pair)
        both = np.flatnonzero(known[:, sides].all(axis=1))
        if len(both) < 3:
            continue
        found = _swapped_pair(positions[both][:, sides], both, fps)
        swapped[np.ix_(both, sides)] = found[:, None]
    return swapped


def _swapped_pair(positions: np.ndarray, frames: np.ndarray, fps: float) -> np.ndarray:
    """bool [N]: of positions [N, 2 sides, D] at these frames, which are exchanged."""
    costs = _costs(positions, frames, fps)
    count = len(positions)
    if (costs[1:, 1] + CHANGE_COST >= costs[1:, 0]).all():
        # Each change costs more than it saves: the usual recording, seen without a loop.
        return np.zeros(count, bool)
    apart = lengths(positions[:, 0] - positions[:, 1])
    # Plain numbers: two states are too few for arrays to pay.
    as_is, exchanged = 0.0, SWAPPED_COST
    came_from = [(0, 1)]
    for stay, change in costs[1:].tolist():
        change += CHANGE_COST
        to_as_is, to_exchanged = exchanged + change < as_is + stay, exchanged + stay < as_is + change
        came_from.append((int(to_as_is), int(to_exchanged)))
        as_is, exchanged = (
            min(as_is + stay, exchanged + change),
            min(as_is + change, exchanged + stay) + SWAPPED_COST,
        )
    state = int(exchanged < as_is)
    swapped = np.zeros(count, bool)
    for index in range(count - 1, -1, -1):
        swapped[index] = state == 1
        state = came_from[index][state]
    if swapped.sum() > count / 2:
        swapped = ~swapped
    return swapped & (apart >= LEAST_DISTANCE)


def _costs(positions: np.ndarray, frames: np.ndarray, fps: float) -> np.ndarray:
    """float64 [N, 2]: cost of each frame if the state stays, and if it changes, against the frame before."""
    costs = np.zeros((len(positions), 2))
    steps = np.diff(frames)
    before, after = positions[:-1], positions[1:]
    for column, other in enumerate((after, after[:, ::-1])):
        costs[1:, column] = lengths(other - before).sum(axis=-1)
    costs[1:][steps > FORGET_SECONDS * fps] = 0.0
    return costs
