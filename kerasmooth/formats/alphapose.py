"""AlphaPose: its results list (COCO results whose images have names), and its files of people by image."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.cells import Cells
from kerasmooth.formats.coco_results import CocoResults
from kerasmooth.formats.frame_names import FrameNames, frame_names
from kerasmooth.formats.json_files import first_and_keys
from kerasmooth.formats.json_people import Frames, JsonFormat, Record, box_of, mean_score, records_of
from kerasmooth.formats.limits import bad
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import OPENPOSE_COCO_18, Skeleton


class AlphaPose(CocoResults):
    """Frame numbers are those in the image names ("12.jpg"); ids are `idx`, a number or lists of one."""

    name = "alphapose"
    description = "AlphaPose results"
    needs = "image_id keypoints box"
    person_key = "idx"
    names_are_texts = True

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        return first == "[" and {"image_id", "keypoints"} <= keys and bool(keys & {"box", "idx"})

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        record = super().fresh_person(table, row, example)
        # Where the file has lists of ids, so have new people.
        ids: Record = {"idx": []} if isinstance(example.get("idx"), list) else {}
        return {**record, "box": box_of(table.keypoints[row]), **ids}


class AlphaPoseImages(JsonFormat):
    """Files of --format cmu and open, and of its trackers: an object with the people of each image by its name."""

    name = "alphapose_images"
    description = "AlphaPose people by image (tracked, --format=cmu, --format=open)"
    person_key = "idx"
    fields = ("keypoints", "joints", "pose_keypoints_2d")

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        named = any(key.lower().endswith((".jpg", ".jpeg", ".png", ".bmp")) for key in keys)
        return first == "{" and named and bool(keys & set(self.fields))

    def split(self, path: Path, value: Any) -> Frames:
        if type(value) is not dict:
            raise bad(path, "content", "be an object of images", value, "check what wrote the file")
        names = frame_names(path, "image names", list(value))
        people = [records_of(path, image, _people(each)) for image, each in value.items()]
        return Frames(names.frames.tolist(), people, value, names)

    def join(self, frames: Frames, order: list[int]) -> Any:
        names = frames.names or FrameNames(np.empty(0, np.int64), {}, ("", 1, ".jpg"))
        value = frames.value or {}
        first: Any = next(iter(value.values()), [])
        joined = {}
        for at in order:
            image = names.name(frames.numbers[at])
            joined[image] = _with_people(value.get(image, first), frames.people[at])
        return joined

    def skeleton(self, frames: Frames, fields: dict[str, int], cells: Cells) -> Skeleton:
        count = cells.columns.shape[1]
        return OPENPOSE_COCO_18 if count == 18 else skeleton_of_count(count)

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        return {"scores": mean_score(table.confidence[row])} if "scores" in example or not example else {}


def _people(image: Any) -> Any:
    if isinstance(image, dict):
        return image.get("bodies", image.get("people"))
    return image


def _with_people(image: Any, people: list[Any]) -> Any:
    if isinstance(image, dict):
        return {**image, "bodies" if "bodies" in image else "people": people}
    return people
