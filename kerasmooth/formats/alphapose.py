"""AlphaPose: its results list (COCO results whose images have names), and its files of people by image."""

from pathlib import Path
from typing import Any

from kerasmooth.formats.coco import CocoResults
from kerasmooth.formats.frame_names import frame_names
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.json_frames import Frames, Record, Shapes
from kerasmooth.formats.people import box_of, mean_score
from kerasmooth.formats.raw_poses import CONFIDENCE, RawPoses, X, Y
from kerasmooth.formats.safe_files import bad
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import OPENPOSE_COCO_18, Skeleton

_IMAGES = ("", 1, ".jpg")


class AlphaPose(CocoResults):
    """Frame numbers are those in the image names ("12.jpg"); ids are `idx`, a number or lists of one."""

    name = "alphapose"
    description = "AlphaPose results"
    needs = "image_id keypoints box"
    person_at = "idx"
    image_names = _IMAGES

    def fits(self, first: str, keys: frozenset[str]) -> bool:
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
    people_at = ("bodies", "people")
    person_at = "idx"
    image_names = _IMAGES
    fields = dict.fromkeys(("keypoints", "joints", "pose_keypoints_2d"), (X, Y, CONFIDENCE))

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        named = any(key.lower().endswith((".jpg", ".jpeg", ".png", ".bmp")) for key in keys)
        return first == "{" and named and bool(keys & set(self.fields))

    def split(self, path: Path, value: Any) -> Frames:
        if type(value) is not dict:
            raise bad(path, "content", "be an object of images", value)
        names = frame_names(path, "image names", list(value))
        people = [self.people_of(path, at, entry) for at, entry in enumerate(value.values())]
        return Frames(names.numbers.tolist(), people, list(value.values()), value, names=names)

    def join(self, frames: Frames, table: PoseTable) -> Any:
        return dict(zip(map(frames.names.name, frames.numbers), super().join(frames, table), strict=True))

    def with_people(self, entry: Any, name: str, people: list[Any]) -> Any:
        return super().with_people(entry, name, people) if entry or isinstance(entry, list) else people

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        return OPENPOSE_COCO_18 if raw.values.shape[2] == 18 else super().skeleton(frames, shapes, raw)

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        return {"scores": mean_score(table.confidence[row])} if "scores" in example or not example else {}
