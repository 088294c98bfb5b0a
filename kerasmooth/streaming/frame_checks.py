"""What a stream makes of a frame: how large people are, and what each keypoint is."""

import numpy as np

from kerasmooth.pose_table import INTERPOLATED, MEASURED, MISSING, PREDICTED, REPLACED
from kerasmooth.skeletons import Skeleton
from kerasmooth.smoothing.person_scale import size_in_frame
from kerasmooth.streaming.adaptive_filter import State

SIZE_SECONDS = 2.0
"""A person's size is averaged over this."""
STEPS = 20.0
"""A keypoint alone counts as so many of its steps large."""


def measure_sizes(
    state: State,
    positions: np.ndarray,
    known: np.ndarray,
    seconds: float,
    fixed: float | None,
    skeleton: Skeleton | None,
) -> None:
    """Keeps the mean of each person's size, or the `fixed` one. positions: [P, K, 2]; known: bool [P, K]."""
    if fixed is not None:
        state["size"][:] = fixed
        return
    for person in np.flatnonzero(known.sum(axis=1) >= min(2, known.shape[1])).tolist():
        if known.shape[1] > 1:
            size = size_in_frame(positions[person], known[person], skeleton)
        else:
            # A keypoint alone has no size: it is measured by how far it goes from frame to frame.
            size = STEPS * float(np.linalg.norm(positions[person] - state["last"][person]))
            if not size > 0:
                continue
        spent = min(float(state["size_seconds"][person]) + seconds, SIZE_SECONDS)
        state["size_seconds"][person] = spent
        state["size"][person] += seconds / spent * (size - state["size"][person])


def note(
    state: State, positions: np.ndarray, known: np.ndarray, trust: np.ndarray, refused: np.ndarray, max_gap: float
) -> None:
    """Remembers where, when and how well keypoints were measured, and what was made of them."""
    if known.all():
        # The usual frame, and a shorter way to the same.
        state["since"], state["last"], state["trust"] = np.zeros(known.shape), np.array(positions), np.array(trust)
        kinds, shown = np.full(known.shape, MEASURED, np.uint8), trust
    else:
        state["since"] = np.where(known, 0.0, state["since"])
        state["last"] = np.where(known[..., None], positions, state["last"])
        state["trust"] = np.where(known, trust, state["trust"])
        alive = state["since"] <= max_gap + 1e-9
        kinds = np.where(known, MEASURED, np.where(refused & alive, REPLACED, np.where(alive, PREDICTED, MISSING)))
        shown = np.where(alive, state["trust"], 0.0)
    past = np.concatenate([state["past_provenance"][1:], kinds[None].astype(np.uint8)])
    state["past_provenance"] = past
    state["past_confidence"] = np.concatenate([state["past_confidence"][1:], shown[None]])
    # What was predicted lies between two measurements once it is measured again.
    for frame in range(len(past) - 2, -1, -1):
        bridged = past[frame] == PREDICTED
        if not bridged.any():
            break
        bridged &= (past[frame + 1] == MEASURED) | (past[frame + 1] == INTERPOLATED)
        past[frame][bridged] = INTERPOLATED
