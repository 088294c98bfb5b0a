"""What a stream makes of a frame: how large people are, which keypoints are outliers, what each keypoint is."""

import numpy as np

from kerasmooth.pose_table import INTERPOLATED, MEASURED, MISSING, PREDICTED, REPLACED
from kerasmooth.skeletons import Skeleton
from kerasmooth.smoothing.person_scale import size_in_frame
from kerasmooth.streaming.filters import State

GATE, GATE_PER_SECOND = 0.3, 15.0
"""A keypoint farther from where it is expected, in person sizes, is an outlier ..."""
GATE_SECONDS = 0.1
"""... unless it stays there for longer: then it starts anew."""
SIZE_SECONDS = 2.0
"""A person's size is averaged over this."""


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
    for person in np.flatnonzero(known.any(axis=1)).tolist():
        size = size_in_frame(positions[person], known[person], skeleton)
        spent = min(float(state["size_seconds"][person]) + seconds, SIZE_SECONDS)
        state["size_seconds"][person] = spent
        state["size"][person] += seconds / spent * (size - state["size"][person])


def find_outliers(
    state: State, positions: np.ndarray, known: np.ndarray, expected: np.ndarray, seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    """bool [P, K] twice: what is left out, and what stays where it should not be, and so is believed in the end."""
    away = positions - expected
    with np.errstate(over="ignore"):
        away *= away
    reach = (GATE + GATE_PER_SECOND * np.minimum(state["since"], 1.0)) * state["size"][:, None]
    refused = known & (away.sum(axis=-1) > reach * reach)
    if not refused.any():
        state["refused"] = np.zeros(known.shape)
        return refused, refused
    refused &= state["since"] < np.inf
    state["refused"] = np.where(refused, state["refused"] + seconds, 0.0)
    moved = refused & (state["refused"] > GATE_SECONDS + 1e-9)
    state["refused"][moved] = 0.0
    return refused & ~moved, moved


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
