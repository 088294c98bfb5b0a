"""The state of a stream: arrays of people who come and go, and its bytes."""

import io
import json
from typing import Any

import numpy as np

from kerasmooth.pose_table import MISSING
from kerasmooth.skeletons import Skeleton
from kerasmooth.streaming.adaptive_filter import State

STATE_VERSION = 5
_BORN_WITH = {"past_provenance": MISSING, "last": np.nan, "origin": np.nan, "past_early_logs": -np.inf}
"""What is not 0 of a new person."""


def _axis(name: str) -> int:
    """Which axis is people."""
    return 1 if name.startswith("past_") else 0


def nobody(num_keypoints: int, lookahead: int) -> State:
    """What a stream itself remembers of people, of whom there are none yet."""
    shape, past = (0, num_keypoints), (lookahead + 1, 0, num_keypoints)
    return {
        "ids": np.empty(0, np.int64),
        "size": np.empty(0),
        "size_seconds": np.empty(0),
        "unseen": np.empty(0),
        "since": np.empty(shape),
        "last": np.empty((*shape, 2)),
        "trust": np.empty(shape),
        "past_provenance": np.empty(past, np.uint8),
        "past_confidence": np.empty(past),
    }


def keep_people(state: State, which: np.ndarray) -> State:
    """Without the people where `which` [P] is False."""
    return {name: np.compress(which, values, axis=_axis(name)) for name, values in state.items()}


def add_people(state: State, count: int) -> State:
    """With `count` more people, of whom nothing is known."""
    result = {}
    for name, values in state.items():
        shape = list(values.shape)
        shape[_axis(name)] = count
        more = np.full(shape, _BORN_WITH.get(name, 0), values.dtype)
        result[name] = np.concatenate([values, more], axis=_axis(name))
    return result


def pack(state: State, settings: dict[str, Any], skeleton: Skeleton | None, counters: dict[str, int]) -> bytes:
    """An NPZ archive of everything."""
    limbs = None if skeleton is None else [skeleton.name, list(skeleton.keypoints), list(skeleton.limbs)]
    told = {"version": STATE_VERSION, "settings": settings, "skeleton": limbs, "counters": counters}
    stream = io.BytesIO()
    arrays: dict[str, Any] = {f"state_{name}": values for name, values in state.items()}
    np.savez(stream, told=np.str_(json.dumps(told)), **arrays)
    return stream.getvalue()


def unpack(data: bytes) -> tuple[State, dict[str, Any], Skeleton | None, dict[str, int]]:
    """What `pack` was given. Raises ValueError, or whatever a damaged archive raises."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        told = json.loads(str(archive["told"]))
        arrays = {name.removeprefix("state_"): archive[name] for name in archive.files if name != "told"}
    if told["version"] != STATE_VERSION:
        raise ValueError("of another version")
    skeleton = None
    if told["skeleton"] is not None:
        name, keypoints, limbs = told["skeleton"]
        skeleton = Skeleton(name, tuple(keypoints), tuple((int(a), int(b)) for a, b in limbs))
    return arrays, told["settings"], skeleton, told["counters"]


def check_like(state: State, empty: State) -> None:
    """Raises ValueError unless the arrays are those of `empty`, with any number of people."""
    if set(state) != set(empty):
        raise ValueError("other arrays")
    for name, values in state.items():
        shape = list(empty[name].shape)
        shape[_axis(name)] = len(state["ids"])
        if values.dtype != empty[name].dtype or list(values.shape) != shape:
            raise ValueError(f"{name} of {values.dtype} {values.shape}")
