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

_HEAD_LIMBS = "nose-left_eye nose-right_eye left_eye-left_ear right_eye-right_ear "
_FEET = (
    "left_ankle-left_heel left_ankle-left_big_toe left_big_toe-left_small_toe "
    "right_ankle-right_heel right_ankle-right_big_toe right_big_toe-right_small_toe"
)

BODY_25 = _skeleton(
    "body_25",
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear left_big_toe left_small_toe "
    "left_heel right_big_toe right_small_toe right_heel",
    "nose-neck neck-right_shoulder right_shoulder-right_elbow right_elbow-right_wrist neck-left_shoulder "
    "left_shoulder-left_elbow left_elbow-left_wrist neck-mid_hip mid_hip-right_hip right_hip-right_knee "
    "right_knee-right_ankle mid_hip-left_hip left_hip-left_knee left_knee-left_ankle nose-right_eye nose-left_eye "
    "right_eye-right_ear left_eye-left_ear " + _FEET,
)
"""OpenPose's default."""

BODY_25B = _skeleton(
    "body_25b",
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle neck head_top left_big_toe "
    "left_small_toe left_heel right_big_toe right_small_toe right_heel",
    _BODY_LIMBS + _HEAD_LIMBS + "nose-neck neck-head_top " + _FEET,
)
"""OpenPose's more accurate model; it has as many keypoints as BODY_25 in another order."""

OPENPOSE_COCO_18 = _skeleton(
    "openpose_coco_18",
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear",
    "nose-neck neck-right_shoulder right_shoulder-right_elbow right_elbow-right_wrist neck-left_shoulder "
    "left_shoulder-left_elbow left_elbow-left_wrist neck-right_hip right_hip-right_knee right_knee-right_ankle "
    "neck-left_hip left_hip-left_knee left_knee-left_ankle nose-right_eye nose-left_eye right_eye-right_ear "
    "left_eye-left_ear",
)

OPENPOSE_MPI_15 = _skeleton(
    "openpose_mpi_15",
    "head neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle chest",
    "head-neck neck-right_shoulder right_shoulder-right_elbow right_elbow-right_wrist neck-left_shoulder "
    "left_shoulder-left_elbow left_elbow-left_wrist neck-chest chest-right_hip right_hip-right_knee "
    "right_knee-right_ankle chest-left_hip left_hip-left_knee left_knee-left_ankle",
)

HALPE_26 = _skeleton(
    "halpe_26",
    " ".join(COCO_17.keypoints) + " head neck mid_hip left_big_toe right_big_toe left_small_toe right_small_toe "
    "left_heel right_heel",
    _BODY_LIMBS + _HEAD_LIMBS + "head-neck neck-mid_hip " + _FEET,
)
"""AlphaPose's body with feet."""

BLAZEPOSE_33 = _skeleton(
    "blazepose_33",
    "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
    "left_mouth right_mouth left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
    "right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle left_heel right_heel left_foot_index right_foot_index",
    _BODY_LIMBS + "nose-left_eye_inner left_eye_inner-left_eye left_eye-left_eye_outer left_eye_outer-left_ear "
    "nose-right_eye_inner right_eye_inner-right_eye right_eye-right_eye_outer right_eye_outer-right_ear "
    "left_mouth-right_mouth left_wrist-left_pinky left_wrist-left_index left_wrist-left_thumb right_wrist-right_pinky "
    "right_wrist-right_index right_wrist-right_thumb left_ankle-left_heel left_heel-left_foot_index "
    "right_ankle-right_heel right_heel-right_foot_index",
)
"""MediaPipe's; its mouth corners are called mouth_left and mouth_right there."""

MPII_16 = _skeleton(
    "mpii_16",
    "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax neck head right_wrist right_elbow "
    "right_shoulder left_shoulder left_elbow left_wrist",
    "right_ankle-right_knee right_knee-right_hip right_hip-pelvis left_hip-pelvis left_hip-left_knee "
    "left_knee-left_ankle pelvis-thorax thorax-neck neck-head right_wrist-right_elbow right_elbow-right_shoulder "
    "right_shoulder-thorax left_shoulder-thorax left_shoulder-left_elbow left_elbow-left_wrist",
)

SHELF_15 = _skeleton(
    "shelf_15",
    "right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow right_shoulder "
    "left_shoulder left_elbow left_wrist neck head_top mid_hip",
    "right_ankle-right_knee right_knee-right_hip right_hip-mid_hip left_hip-mid_hip left_hip-left_knee "
    "left_knee-left_ankle right_wrist-right_elbow right_elbow-right_shoulder right_shoulder-neck left_shoulder-neck "
    "left_shoulder-left_elbow left_elbow-left_wrist neck-head_top neck-mid_hip",
)


def _numbered(prefix: str, count: int) -> str:
    return " ".join(f"{prefix}_{i}" for i in range(count))


COCO_WHOLEBODY_133 = _skeleton(
    "coco_wholebody_133",
    " ".join(COCO_17.keypoints)
    + " left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel "
    + " ".join(_numbered(*part) for part in (("face", 68), ("left_hand", 21), ("right_hand", 21))),
    _BODY_LIMBS + _HEAD_LIMBS + _FEET,
)
"""Body, feet, face outline and hands."""

SKELETONS = {
    skeleton.name: skeleton
    for skeleton in (
        BOULDERING_25,
        COCO_17,
        PENN_ACTION_13,
        BODY_25,
        BODY_25B,
        OPENPOSE_COCO_18,
        OPENPOSE_MPI_15,
        HALPE_26,
        BLAZEPOSE_33,
        MPII_16,
        SHELF_15,
        COCO_WHOLEBODY_133,
    )
}


_ALSO_CALLED = {
    COCO_17: ("coco", "yolo", "ultralytics"),
    BLAZEPOSE_33: ("mediapipe", "mediapipe_33", "blazepose"),
    HALPE_26: ("halpe",),
    COCO_WHOLEBODY_133: ("wholebody", "wholebody_133", "coco_wholebody"),
    BODY_25: ("openpose", "openpose_body_25"),
    MPII_16: ("mpii",),
    PENN_ACTION_13: ("penn", "penn_action"),
    OPENPOSE_COCO_18: ("openpose_coco",),
    OPENPOSE_MPI_15: ("openpose_mpi",),
    BOULDERING_25: ("bouldering",),
    SHELF_15: ("shelf",),
}


def skeleton_named(name: str) -> Skeleton:
    """The skeleton that people call so: body25, BODY_25, openpose, mediapipe, coco ... Raises ValueError for others."""
    names = {
        each: skeleton for skeleton in SKELETONS.values() for each in (skeleton.name, *_ALSO_CALLED.get(skeleton, ()))
    }
    found = {_plain(each): skeleton for each, skeleton in names.items()}.get(_plain(name))
    if found is None:
        raise ValueError(f"skeleton must be one of {', '.join(sorted(names))}. Received: skeleton={name!r}")
    return found


def _plain(name: str) -> str:
    return "".join(mark for mark in name.lower() if mark.isalnum())


def index_map(source: Skeleton, target: Skeleton) -> np.ndarray:
    """For each keypoint of `target` the index of the same name in `source`, or -1. Shape [target K], int64."""
    return np.array([source.keypoints.index(n) if n in source.keypoints else -1 for n in target.keypoints], np.int64)


def convert(values: np.ndarray, source: Skeleton, target: Skeleton, fill: float | bool) -> np.ndarray:
    """Reorders the keypoint axis (axis 1) of `values` [T, source K, ...] to `target`; absent ones become `fill`."""
    indices = index_map(source, target)
    result = np.full((values.shape[0], target.num_keypoints, *values.shape[2:]), fill, values.dtype)
    result[:, indices >= 0] = values[:, indices[indices >= 0]]
    return result
