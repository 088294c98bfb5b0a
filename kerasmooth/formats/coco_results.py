"""COCO keypoint results: a list of {image_id, category_id, keypoints, score}, perhaps with COCO-WholeBody's lists."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.cells import Cells
from kerasmooth.formats.frame_names import FrameNames, frame_names
from kerasmooth.formats.json_files import first_and_keys
from kerasmooth.formats.json_people import Frames, JsonFormat, Record, mean_score, records_of, runs
from kerasmooth.formats.limits import bad
from kerasmooth.formats.skeleton_names import known_limbs, skeleton_of_count
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import COCO_WHOLEBODY_133, Skeleton

_PARTS = {"keypoints": 0, "foot_kpts": 17, "face_kpts": 23, "lefthand_kpts": 91, "righthand_kpts": 112}
"""The lists of COCO-WholeBody, and which of its keypoints each begins with."""


class CocoResults(JsonFormat):
    """The image ids are the frame numbers; third numbers that are all 0, 1 or 2 count as visibility (2: seen)."""

    name = "coco"
    description = "COCO keypoint results"
    needs = "image_id keypoints"
    fields = tuple(_PARTS)
    names_are_texts = False

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        return first == "[" and (not keys or {"image_id", "keypoints"} <= keys)

    def split(self, path: Path, value: Any) -> Frames:
        records = records_of(path, "content", value)
        names = frame_names(path, "image_id", [image_of(path, i, record) for i, record in enumerate(records)])
        return Frames(*runs(names.frames.tolist(), records), names=names)

    def join(self, frames: Frames, order: list[int]) -> Any:
        names = self._names(frames)
        for at in order:
            for each in frames.people[at]:
                record = getattr(each, "record", each)
                record.setdefault("image_id", names.name(frames.numbers[at]))
        return [each for at in order for each in frames.people[at]]

    def _names(self, frames: Frames) -> FrameNames:
        pattern = ("", 1, ".jpg") if self.names_are_texts else None
        return frames.names or FrameNames(np.empty(0, np.int64), {}, pattern)

    def skeleton(self, frames: Frames, fields: dict[str, int], cells: Cells) -> Skeleton:
        return wholebody_skeleton(fields) or skeleton_of_count(cells.columns.shape[1])

    def are_flags(self, scores: np.ndarray) -> bool:
        return bool(scores.size and scores.max() == 2 and np.isin(scores, (0, 1, 2)).all())

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        return {"category_id": example.get("category_id", 1), "score": mean_score(table.confidence[row])}


def wholebody_skeleton(fields: dict[str, int]) -> Skeleton | None:
    """The keypoints of COCO-WholeBody that are in some of its lists; None where these are not its."""
    if list(fields) == ["keypoints"]:
        return None
    names: list[str] = []
    for name, length in fields.items():
        names += COCO_WHOLEBODY_133.keypoints[_PARTS[name] : _PARTS[name] + length // 3]
    if tuple(names) == COCO_WHOLEBODY_133.keypoints:
        return COCO_WHOLEBODY_133
    return Skeleton("coco_wholebody", tuple(names), known_limbs(names)) if len(set(names)) == len(names) else None


def image_of(path: Path, index: int, record: Record) -> Any:
    """The image_id of a record. Raises InputError where there is none."""
    if "image_id" not in record:
        raise bad(path, f"record {index}", "have an image_id", record, "check what wrote the file")
    return record["image_id"]
