"""COCO keypoint results: a list of {image_id, category_id, keypoints, score}, perhaps with COCO-WholeBody's lists."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.frame_names import FrameNames, frame_names
from kerasmooth.formats.json_document import Frames, Person, Record, Shapes, mean_score, records_of
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.limits import bad
from kerasmooth.formats.raw_poses import CONFIDENCE, RawPoses, X, Y
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
    image_names: tuple[str, int, str] | None = None
    """How further images are called (see `FrameNames.pattern`); None where they have numbers."""

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        return first == "[" and (not keys or {"image_id", "keypoints"} <= keys)

    def split(self, path: Path, value: Any) -> Frames:
        records = records_of(path, "content", value)
        names = frame_names(path, "image_id", [image_of(path, i, record) for i, record in enumerate(records)])
        return group(names.frames.tolist(), records, names=names)

    def join(self, frames: Frames, order: list[int], table: PoseTable) -> Any:
        names = frames.names or FrameNames(np.empty(0, np.int64), {}, self.image_names)
        people = in_turn(frames, order)
        for number, person in people:
            record_of(person).setdefault("image_id", names.name(number))
        return [person for _, person in people]

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        return _wholebody(shapes) or super().skeleton(frames, shapes, raw)

    def are_visibilities(self, scores: np.ndarray) -> bool:
        return bool(scores.size and scores.max() == 2 and np.isin(scores, (0, 1, 2)).all())

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        return {"category_id": example.get("category_id", 1), "score": mean_score(table.confidence[row])}


def group(numbers: list[int], records: list[Record], **facts: Any) -> Frames:
    """Frames of a list of people with the frame of each; those that follow each other are together."""
    frames = Frames([], [], **facts)
    for number, record in zip(numbers, records, strict=True):
        if not frames.numbers or frames.numbers[-1] != number:
            frames.numbers.append(number)
            frames.people.append([])
        frames.people[-1].append(record)
    return frames


def in_turn(frames: Frames, order: list[int]) -> list[tuple[int, Any]]:
    """The inverse of `group`: the frame number of each person, and the person."""
    return [(frames.numbers[at], person) for at in order for person in frames.people[at]]


def record_of(person: Any) -> Record:
    """The record of somebody with or without keypoints."""
    return person.record if isinstance(person, Person) else person


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
