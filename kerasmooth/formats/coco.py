"""COCO keypoint results: a list of {image_id, category_id, keypoints, score}, perhaps with COCO-WholeBody's lists."""

from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.frame_names import frame_names
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.json_frames import Frames, Record, Shapes, records_of
from kerasmooth.formats.people import mean_score
from kerasmooth.formats.raw_poses import CONFIDENCE, RawPoses, X, Y
from kerasmooth.formats.safe_files import bad
from kerasmooth.formats.skeleton_names import known_limbs
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import COCO_WHOLEBODY_133, Skeleton

_PARTS = {"keypoints": 0, "foot_kpts": 17, "face_kpts": 23, "lefthand_kpts": 91, "righthand_kpts": 112}
"""The lists of COCO-WholeBody, and which of its keypoints each begins with."""


class CocoResults(JsonFormat):
    """The image ids are the frame numbers; third numbers that are all 0, 1 or 2 count as visibility (2: seen)."""

    name = "coco"
    description = "COCO keypoint results"
    needs = "image_id keypoints"
    fields = dict.fromkeys(_PARTS, (X, Y, CONFIDENCE))

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        return first == "[" and (not keys or {"image_id", "keypoints"} <= keys)

    def split(self, path: Path, value: Any) -> Frames:
        records = records_of(path, "content", value)
        names = frame_names(path, "image_id", [image_of(path, i, record) for i, record in enumerate(records)])
        return group(names.numbers.tolist(), records, names=names)

    def join(self, frames: Frames, table: PoseTable) -> Any:
        people = frames.in_turn()
        return [{**each, "image_id": each.get("image_id", frames.names.name(number))} for number, each in people]

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        return _wholebody(shapes) or super().skeleton(frames, shapes, raw)

    def are_visibilities(self, scores: np.ndarray) -> bool:
        return bool(scores.size and scores.max() == 2 and np.isin(scores, (0, 1, 2)).all())

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        return {"category_id": example.get("category_id", 1), "score": mean_score(table.confidence[row])}


def group(numbers: list[int], records: list[Record], **facts: Any) -> Frames:
    """Frames of a list of people with the frame of each; those that follow each other are together."""
    runs = [(number, list(run)) for number, run in groupby(zip(numbers, records, strict=True), key=itemgetter(0))]
    return Frames([number for number, _ in runs], [[record for _, record in run] for _, run in runs], **facts)


def image_of(path: Path, index: int, record: Record) -> Any:
    """The image_id of a record. Raises InputError where there is none."""
    if "image_id" not in record:
        raise bad(path, f"record {index}", "have an image_id", record)
    return record["image_id"]


def _wholebody(shapes: Shapes) -> Skeleton | None:
    """The keypoints of COCO-WholeBody that are in some of its lists; None where these are not its."""
    if list(shapes) == ["keypoints"]:
        return None
    names: list[str] = []
    for name, (count, _) in shapes.items():
        names += COCO_WHOLEBODY_133.keypoints[_PARTS[name] : _PARTS[name] + count]
    if tuple(names) == COCO_WHOLEBODY_133.keypoints:
        return COCO_WHOLEBODY_133
    return Skeleton("coco_wholebody", tuple(names), known_limbs(names)) if len(set(names)) == len(names) else None
