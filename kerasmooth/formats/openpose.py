"""OpenPose: a folder with one JSON file a frame; hands and face, where there are any, are further keypoints."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.cells import CONFIDENCE, Cells, X, Y
from kerasmooth.formats.json_files import first_and_keys
from kerasmooth.formats.json_folder import JsonFolder, list_files
from kerasmooth.formats.json_people import Frames, JsonFormat, Record, records_of
from kerasmooth.formats.limits import MAX_COORDINATE, bad
from kerasmooth.formats.skeleton_json import index_skeleton
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BODY_25, BODY_25B, OPENPOSE_COCO_18, OPENPOSE_MPI_15, Skeleton

_BODIES = ("pose_keypoints_2d", "pose_keypoints", "joints")
"""The second was written before version 1.2, the third is AlphaPose's."""
_PARTS = {"hand_left_keypoints_2d": "left_hand", "hand_right_keypoints_2d": "right_hand", "face_keypoints_2d": "face"}
_OTHERS = ("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d")


class OpenPoseFrame(JsonFormat):
    """The file of one frame."""

    person_key = "person_id"
    fields = (*_BODIES, *_PARTS)

    def detect(self, path: Path) -> bool:
        return bool(first_and_keys(path)[1] & {"people", "bodies"})

    def split(self, path: Path, value: Any) -> Frames:
        people = value.get("people", value.get("bodies")) if isinstance(value, dict) else None
        if people is None:
            raise bad(path, "people", "be a list of objects", value, "check that it is an OpenPose file")
        return Frames([0], [records_of(path, "people", people)], value)

    def join(self, frames: Frames, order: list[int]) -> Any:
        value = frames.value or {"version": 1.3, "people": []}
        return {**value, "people" if "people" in value else "bodies": frames.people[0]}

    def empty_fields(self) -> dict[str, int]:
        return {_BODIES[0]: 75}

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        empty: list[float] = []
        lists = [name for name in (*_PARTS, *_OTHERS) if name in example or not example]
        # An id is written as OpenPose does, in a list; -1 is none.
        return {"person_id": [-1], **dict.fromkeys(lists, empty)}

    def skeleton(self, frames: Frames, fields: dict[str, int], cells: Cells) -> Skeleton:
        counts = {name: length // 3 for name, length in fields.items()}
        body = next((counts[name] for name in _BODIES if name in counts), 0)
        skeleton = _body(cells, body) if body else Skeleton("openpose", (), ())
        names = list(skeleton.keypoints)
        for name, part in _PARTS.items():
            names += [f"{part}_{i}" for i in range(counts.get(name, 0))]
        return Skeleton(f"{skeleton.name}_parts", tuple(names), skeleton.limbs) if len(names) > body else skeleton


class OpenPose(JsonFolder, OpenPoseFrame):
    """The frame number is what varies in the names of the files. 3D is copied, not smoothed."""

    name = "openpose"
    description = "OpenPose's folder of one JSON file a frame"
    needs = "people pose_keypoints_2d"
    ending = "_keypoints.json"
    digits = 12

    def detect(self, path: Path) -> bool:
        # One frame alone, or files that are not counted, are known too: reading them says what is wrong.
        files = [path / name for name in list_files(path, ".json")] if path.is_dir() else [path]
        return bool(files) and OpenPoseFrame.detect(self, files[0])


def _body(cells: Cells, count: int) -> Skeleton:
    """By the number of keypoints; of the two with 25 the one whose limbs come out shorter."""
    if count != 25:
        return {18: OPENPOSE_COCO_18, 15: OPENPOSE_MPI_15}.get(count) or index_skeleton(count)
    return BODY_25B if _limb_length(cells, BODY_25B) < _limb_length(cells, BODY_25) else BODY_25


def _limb_length(cells: Cells, skeleton: Skeleton) -> float:
    """Mean over the limbs of their median length; 0 where there is nothing to measure."""
    ends, columns = np.array(skeleton.limbs), cells.columns[0]
    scores = cells.values[:, columns[:, CONFIDENCE]]
    seen = (scores[:, ends[:, 0]] > 0) & (scores[:, ends[:, 1]] > 0)
    # Wild numbers, which are refused later, must not overflow here.
    points = np.clip(cells.values[:, columns[:, [X, Y]]].astype(np.float64), -MAX_COORDINATE, MAX_COORDINATE)
    lengths = np.linalg.norm(points[:, ends[:, 0]] - points[:, ends[:, 1]], axis=2)
    medians = [np.median(lengths[seen[:, i], i]) for i in range(len(ends)) if seen[:, i].any()]
    return float(np.mean(medians)) if medians else 0.0
