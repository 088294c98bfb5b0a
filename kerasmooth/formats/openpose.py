"""OpenPose: a folder with one JSON file a frame, or all frames in a file; hands and face are further keypoints."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.json_folder import LOOKED_AT, JsonFolder, list_files
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.json_frames import Frames, Record, Shapes, size_said
from kerasmooth.formats.raw_poses import CONFIDENCE, RawPoses, X, Y
from kerasmooth.formats.safe_files import MAX_COORDINATE, bad
from kerasmooth.formats.skeleton_names import index_skeleton
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BODY_25, BODY_25B, OPENPOSE_COCO_18, OPENPOSE_MPI_15, Skeleton

_BODIES = ("pose_keypoints_2d", "pose_keypoints", "joints")
"""The second was written before version 1.2, the third is AlphaPose's."""
_PARTS = {"hand_left_keypoints_2d": "left_hand", "hand_right_keypoints_2d": "right_hand", "face_keypoints_2d": "face"}
_OTHERS = ("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d")


class OpenPoseFrames(JsonFormat):
    """Frame numbers are places in the list, from 0; one frame alone is frame 0."""

    name = "openpose_frames"
    description = "OpenPose frames in one JSON file (ComfyUI, DWPose)"
    needs = "people pose_keypoints_2d"
    people_at = ("people", "bodies")
    person_at = "person_id"
    fields = dict.fromkeys((*_BODIES, *_PARTS), (X, Y, CONFIDENCE))
    num_keypoints = 25
    counts_from_zero = True
    guesses_unit = True

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        return bool(keys & {"people", "bodies"}) and bool(keys & {*self.fields, "version", "canvas_height"})

    def split(self, path: Path, value: Any) -> Frames:
        frames = super().split(path, value)
        return replace(frames, attributes=size_said(frames.entries, "canvas_height", "canvas_width"))

    def fresh_value(self, table: PoseTable, is_image: bool) -> Any:
        return {"version": 1.3, "people": []} if is_image else []

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        empty: list[float] = []
        lists = [name for name in (*_PARTS, *_OTHERS) if name in example or not example]
        # An id is written as OpenPose does, in a list; -1 is none.
        return {"person_id": [-1], **dict.fromkeys(lists, empty)}

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        body = next((shapes[name][0] for name in _BODIES if name in shapes), 0)
        skeleton = _body(raw, body) if body else Skeleton("openpose", (), ())
        parts = [f"{part}_{i}" for name, part in _PARTS.items() if name in shapes for i in range(shapes[name][0])]
        if not parts:
            return skeleton
        return Skeleton(f"{skeleton.name}_parts", (*skeleton.keypoints, *parts), skeleton.limbs)


class OpenPose(JsonFolder, OpenPoseFrames):
    """The frame number is what varies in the names of the files. 3D is copied, not smoothed."""

    name = "openpose"
    description = "OpenPose's folder of one JSON file a frame"
    needs = "people pose_keypoints_2d"
    folder_ending = "_keypoints.json"
    digits = 12
    guesses_unit = False

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        return bool(keys & {"people", "bodies"})

    def detect(self, path: Path) -> bool:
        # Files that are not counted are known too: reading them says what is wrong.
        return any(OpenPoseFrames.detect(self, path / name) for name in list_files(path, ".json")[:LOOKED_AT])

    def split(self, path: Path, value: Any) -> Frames:
        if not isinstance(value, dict):
            raise bad(path, "content", "be an object with people", value, "check that it is an OpenPose file")
        return super().split(path, value)


def _body(raw: RawPoses, count: int) -> Skeleton:
    """By the number of keypoints; of the two with 25 the one whose limbs come out shorter."""
    if count != 25:
        return {18: OPENPOSE_COCO_18, 15: OPENPOSE_MPI_15}.get(count) or index_skeleton(count)
    return BODY_25B if _limb_length(raw, BODY_25B) < _limb_length(raw, BODY_25) else BODY_25


def _limb_length(raw: RawPoses, skeleton: Skeleton) -> float:
    """Mean over the limbs of their median length; 0 where there is nothing to measure."""
    lengths = []
    # Wild numbers, which are refused later, must not overflow here.
    points = np.clip(raw.values[:, 0, :, :2].astype(np.float64), -MAX_COORDINATE, MAX_COORDINATE)
    for a, b in skeleton.limbs:
        seen = (raw.values[:, 0, [a, b], 2] > 0).all(axis=1)
        if seen.any():
            lengths.append(float(np.median(np.linalg.norm(points[seen, a] - points[seen, b], axis=1))))
    return float(np.mean(lengths)) if lengths else 0.0
