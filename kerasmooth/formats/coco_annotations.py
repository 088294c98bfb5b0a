"""COCO annotations: {images, annotations, categories}, of COCO, CVAT, Label Studio, Roboflow, PoseTrack18, MMPose."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.cells import Cells
from kerasmooth.formats.coco_results import CocoResults, image_of
from kerasmooth.formats.frame_names import FrameNames, are_counted, frame_names
from kerasmooth.formats.json_files import first_and_keys
from kerasmooth.formats.json_people import Frames, Record, box_of, records_of, runs
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed
from kerasmooth.formats.skeleton_names import known_limbs, skeleton_of_names
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "check what wrote the file"


class CocoAnnotations(CocoResults):
    """The frame is an image's frame_id, the number in its file_name, or its place among the images."""

    name = "coco_annotations"
    description = "COCO annotations {images, annotations, categories} (CVAT, Label Studio, PoseTrack18)"
    needs = "images annotations categories"

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        return first == "{" and "images" in keys and bool(keys & {"annotations", "categories"})

    def split(self, path: Path, value: Any) -> Frames:
        if type(value) is not dict or not {"images", "annotations"} <= set(value):
            raise bad(path, "content", "be an object with images and annotations", value, _REMEDY)
        images = records_of(path, "images", value["images"])
        frames, names = _frames(path, images)
        frame_of = {image.get("id"): frame for image, frame in zip(images, frames, strict=True)}
        records = records_of(path, "annotations", value["annotations"])
        numbers = []
        for index, record in enumerate(records):
            image = image_of(path, index, record)
            if isinstance(image, list | dict) or image not in frame_of:
                raise bad(path, f"image_id of annotation {index}", "be one of the images'", image, _REMEDY)
            numbers.append(frame_of[image])
        ids = FrameNames(np.array(frames, np.int64), {frame: id_ for id_, frame in frame_of.items()}, None)
        return Frames(*runs(numbers, records), value=(value, names), names=ids)

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        parsed = super().parse(path, columns)
        frames: Frames = parsed.rest.frames
        images = frames.value[0]["images"]
        sizes = {(image.get("height"), image.get("width")) for image in images}
        size = next(iter(sizes)) if len(sizes) == 1 else (0, 0)
        known = all(type(side) is int and side > 0 for side in size)
        attributes = {"image_size": size} if known else {}
        numbers = frames.names.frames if frames.names else np.empty(0, np.int64)
        return replace(parsed, frame_numbers=np.unique(numbers), attributes=attributes)

    def skeleton(self, frames: Frames, fields: dict[str, int], cells: Cells) -> Skeleton:
        count = cells.columns.shape[1]
        for category in frames.value[0].get("categories") or []:
            names = category.get("keypoints") if isinstance(category, dict) else None
            if isinstance(names, list) and len(names) == count and all(isinstance(name, str) for name in names):
                return _with_limbs(skeleton_of_names("coco", names), category.get("skeleton"))
        return super().skeleton(frames, fields, cells)

    def join(self, frames: Frames, order: list[int]) -> Any:
        value, names = frames.value or (_empty(), FrameNames(np.empty(0, np.int64), {}, ("frame_", 6, ".jpg")))
        images = list(value["images"])
        ids: dict[int, Any] = dict(frames.names.names) if frames.names else {}
        free = 1 + max((i for i in ids.values() if type(i) is int), default=0)
        for frame in sorted(set(frames.numbers) - set(ids)):
            ids[frame] = free
            images.append({**_like(images), "id": free, "file_name": names.name(frame)})
            free += 1
        records = [each for at in order for each in frames.people[at]]
        used = [record.get("id") for record in (getattr(each, "record", each) for each in records)]
        next_id = 1 + max((i for i in used if type(i) is int), default=0)
        for at in order:
            for each in frames.people[at]:
                record = getattr(each, "record", each)
                if "image_id" not in record:
                    record |= {"image_id": ids[frames.numbers[at]], "id": next_id}
                    next_id += 1
        return {**value, "images": images, "annotations": records}

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        box = box_of(table.keypoints[row])
        seen = int((~np.isnan(table.keypoints[row]).any(axis=-1)).sum())
        record = {"category_id": example.get("category_id", 1), "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        return {**record, "num_keypoints": seen}

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        parsed = super().fresh(table, path)
        height, width = table.image_size or (0, 0)
        value = _empty(table.skeleton) | {"images": []}
        value["info"] = {"height": height, "width": width} if table.image_size else {}
        parsed.rest.frames.value = (value, FrameNames(np.empty(0, np.int64), {}, ("frame_", 6, ".jpg")))
        return parsed


def _empty(skeleton: Skeleton | None = None) -> dict[str, Any]:
    category: dict[str, Any] = {"id": 1, "name": "person"}
    if skeleton:
        category |= {"keypoints": list(skeleton.keypoints), "skeleton": [[a + 1, b + 1] for a, b in skeleton.limbs]}
    return {"images": [], "annotations": [], "categories": [category]}


def _like(images: list[Record]) -> Record:
    """The size of the other images."""
    first = images[0] if images else {}
    return {name: first[name] for name in ("width", "height") if name in first}


def _frames(path: Path, images: list[Record]) -> tuple[list[int], FrameNames]:
    """The frame of each image, and what further images are called."""
    for index, image in enumerate(images):
        if isinstance(image.get("id"), list | dict | None):
            raise bad(path, f"image {index}", "have an id", image, _REMEDY)
    files = [image.get("file_name") for image in images]
    texts = [name for name in files if isinstance(name, str)]
    complete = len(texts) == len(images)
    names = (
        frame_names(path, "file_name", texts) if complete else FrameNames(np.empty(0, np.int64), {}, ("", 1, ".jpg"))
    )
    for key in ("frame_id", "frame"):
        numbers = [image.get(key) for image in images]
        if all(type(number) is int for number in numbers) and len(set(numbers)) == len(images):
            return [int(number) for number in numbers if number is not None], names
    if complete and are_counted(texts):
        return names.frames.tolist(), names
    return list(range(len(images))), names


def _with_limbs(skeleton: Skeleton, links: Any) -> Skeleton:
    """A skeleton with the links of a category, which count from 1, or else with the limbs that known skeletons have."""
    count = skeleton.num_keypoints
    links = links.tolist() if isinstance(links, np.ndarray) else links
    pairs = [tuple(link) for link in links if isinstance(link, list)] if isinstance(links, list) else []
    limbs = [
        (p[0] - 1, p[1] - 1) for p in pairs if len(p) == 2 and all(type(end) is int and 1 <= end <= count for end in p)
    ]
    found = tuple(limbs) if limbs else known_limbs(skeleton.keypoints)
    return skeleton if skeleton.limbs else Skeleton(skeleton.name, skeleton.keypoints, found)
