"""Skeletons: keypoint names, left/right pairs, limbs, and index maps between them. Each skeleton is one table here."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Skeleton:
    """An ordered set of named keypoints.

    Attributes:
      name: what users call it.
      keypoints: names in index order; a side is the prefix `left_` or `right_`.
      limbs: index pairs to draw as lines.
    """

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]

    def index(self, keypoint: str) -> int:
        """Index of a keypoint by name. Raises ValueError for an unknown name."""
        if keypoint not in self.keypoints:
            raise ValueError(f"{self.name} has no keypoint of that name. Received: keypoint={keypoint!r}")
        return self.keypoints.index(keypoint)

    @property
    def num_keypoints(self) -> int:
        return len(self.keypoints)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(left, right) index pairs."""
        lefts = [name for name in self.keypoints if name.startswith("left_")]
        rights = {name: "right_" + name.removeprefix("left_") for name in lefts}
        return tuple((self.index(left), self.index(rights[left])) for left in lefts if rights[left] in self.keypoints)

    @property
    def torso(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """((left_shoulder, left_hip), (right_shoulder, right_hip)), or None if one of the four is not in it."""
        names = ("left_shoulder", "left_hip", "right_shoulder", "right_hip")
        if any(name not in self.keypoints for name in names):
            return None
        a, b, c, d = (self.index(name) for name in names)
        return (a, b), (c, d)


def _skeleton(name: str, keypoints: str, limbs: str) -> Skeleton:
    """`keypoints`: names separated by blanks; `limbs`: `a-b` name pairs separated by blanks."""
    names = tuple(keypoints.split())
    pairs = tuple((names.index(a), names.index(b)) for a, b in (limb.split("-") for limb in limbs.split()))
    return Skeleton(name, names, pairs)


_BODY_LIMBS = (
    "left_shoulder-right_shoulder left_shoulder-left_elbow left_elbow-left_wrist right_shoulder-right_elbow "
    "right_elbow-right_wrist left_shoulder-left_hip right_shoulder-right_hip left_hip-right_hip left_hip-left_knee "
    "left_knee-left_ankle right_hip-right_knee right_knee-right_ankle "
)

BOULDERING_25 = _skeleton(
    "bouldering_25",
    "nose left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist "
    "left_pinky right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee "
    "left_ankle right_ankle left_heel right_heel left_foot_index right_foot_index",
    _BODY_LIMBS + "nose-left_ear nose-right_ear left_wrist-left_pinky left_wrist-left_index left_wrist-left_thumb "
    "right_wrist-right_pinky right_wrist-right_index right_wrist-right_thumb left_ankle-left_heel "
    "left_heel-left_foot_index right_ankle-right_heel right_heel-right_foot_index",
)
"""The 25 outputs of the study (the names are MediaPipe BlazePose's)."""

COCO_17 = _skeleton(
    "coco_17",
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle",
    _BODY_LIMBS + "nose-left_eye nose-right_eye left_eye-left_ear right_eye-right_ear",
)

PENN_ACTION_13 = _skeleton(
    "penn_action_13",
    "nose left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_hip right_hip left_knee "
    "right_knee left_ankle right_ankle",
    _BODY_LIMBS,
)
"""Penn Action's joints; its head is used as the nose."""

SKELETONS = {skeleton.name: skeleton for skeleton in (BOULDERING_25, COCO_17, PENN_ACTION_13)}


def index_map(source: Skeleton, target: Skeleton) -> np.ndarray:
    """For each keypoint of `target` the index of the same name in `source`, or -1. Shape [target K], int64."""
    return np.array([source.keypoints.index(n) if n in source.keypoints else -1 for n in target.keypoints], np.int64)


def convert(values: np.ndarray, source: Skeleton, target: Skeleton, fill: float | bool) -> np.ndarray:
    """Reorders the keypoint axis (axis 1) of `values` [T, source K, ...] to `target`; absent ones become `fill`."""
    indices = index_map(source, target)
    result = np.full((values.shape[0], target.num_keypoints, *values.shape[2:]), fill, values.dtype)
    result[:, indices >= 0] = values[:, indices[indices >= 0]]
    return result
