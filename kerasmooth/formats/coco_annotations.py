"""COCO annotations: {images, annotations, categories}, of COCO, CVAT, Label Studio, Roboflow, PoseTrack18, MMPose."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.coco import CocoResults, group, image_of
from kerasmooth.formats.frame_names import Names, are_counted, frame_names
from kerasmooth.formats.json_frames import Frames, Record, Shapes, records_of, size_said
from kerasmooth.formats.people import box_of
from kerasmooth.formats.raw_poses import RawPoses
from kerasmooth.formats.safe_files import bad
from kerasmooth.formats.skeleton_names import skeleton_of_names, with_links
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton


class CocoAnnotations(CocoResults):
    """The frame is an image's frame_id, the number in its file_name, or its place among the images."""

    name = "coco_annotations"
    description = "COCO annotations {images, annotations, categories} (CVAT, Label Studio, PoseTrack18)"
    needs = "images annotations categories"
    image_names = ("frame_", 6, ".jpg")

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        return first == "{" and "images" in keys and bool(keys & {"annotations", "categories"})

    def person(self, path: Path, record: Record) -> int:
        """As CVAT writes it the id is one of the attributes of a record."""
        attributes = record.get("attributes")
        return super().person(path, {**attributes, **record} if isinstance(attributes, dict) else record)

    def split(self, path: Path, value: Any) -> Frames:
        if type(value) is not dict or not {"images", "annotations"} <= set(value):
            raise bad(path, "content", "be an object with images and annotations", value)
        images = records_of(path, "images", value["images"])
        numbers, names = _frames(path, images)
        frame_of = {image["id"]: number for image, number in zip(images, numbers, strict=True)}
        records = records_of(path, "annotations", value["annotations"])
        frames = []
        for index, record in enumerate(records):
            image = image_of(path, index, record)
            if isinstance(image, list | dict) or image not in frame_of:
                raise bad(path, f"image_id of annotation {index}", "be one of the images'", image)
            frames.append(frame_of[image])
        attributes = size_said(images, "height", "width")
        return group(frames, records, value=value, names=names, frame_numbers=numbers, attributes=attributes)

    def join(self, frames: Frames, table: PoseTable) -> Any:
        images, people = list(frames.value["images"]), frames.in_turn()
        ids = {number: image["id"] for number, image in zip(frames.frame_numbers, images, strict=True)}
        free = _free_id(images)
        like = images[0] if images else dict(zip(("height", "width"), table.image_size or (), strict=False))
        size = {name: like[name] for name in ("width", "height") if name in like}
        for number in sorted(set(frames.numbers) - set(ids)):
            ids[number] = free
            images.append({**size, "id": free, "file_name": frames.names.name(number)})
            free += 1
        free = _free_id([record for _, record in people])
        for number, record in people:
            if "image_id" not in record:
                record |= {"image_id": ids[number], "id": free}
                free += 1
        return {**frames.value, "images": images, "annotations": [record for _, record in people]}

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        count = raw.values.shape[2]
        for category in frames.value.get("categories") or []:
            names = category.get("keypoints") if isinstance(category, dict) else None
            if isinstance(names, list) and len(names) == count and all(isinstance(name, str) for name in names):
                return with_links(skeleton_of_names("coco", names), category.get("skeleton"), first=1)
        return super().skeleton(frames, shapes, raw)

    def fresh_value(self, table: PoseTable, is_image: bool) -> Any:
        links = [[a + 1, b + 1] for a, b in table.skeleton.limbs]
        category = {"id": 1, "name": "person", "keypoints": list(table.skeleton.keypoints), "skeleton": links}
        return {"images": [], "annotations": [], "categories": [category]}

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        box = box_of(table.keypoints[row])
        seen = int((~np.isnan(table.keypoints[row]).any(axis=-1)).sum())
        record = {"category_id": example.get("category_id", 1), "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        return {**record, "num_keypoints": seen}


def _free_id(records: list[Record]) -> int:
    return 1 + max((record["id"] for record in records if type(record.get("id")) is int), default=0)


def _frames(path: Path, images: list[Record]) -> tuple[list[int], Names]:
    """The frame of each image, and what further images are called."""
    for index, image in enumerate(images):
        if isinstance(image.get("id"), list | dict | None):
            raise bad(path, f"image {index}", "have an id", image)
    files = [image["file_name"] for image in images if isinstance(image.get("file_name"), str)]
    complete = len(files) == len(images)
    names = frame_names(path, "file_name", files) if complete else Names(pattern=("", 1, ".jpg"))
    for key in ("frame_id", "frame"):
        numbers = [image[key] for image in images if type(image.get(key)) is int]
        if len(set(numbers)) == len(images):
            return numbers, names
    if complete and are_counted(files):
        return names.numbers.tolist(), names
    return list(range(len(images))), names
