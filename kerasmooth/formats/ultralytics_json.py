"""Ultralytics results as JSON: the people of an image (`Results.to_json`), or a list of these for a video."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.bounded_files import head_text
from kerasmooth.formats.cells import CONFIDENCE, X, Y
from kerasmooth.formats.json_files import first_and_keys, numbers
from kerasmooth.formats.json_folder import JsonFolder
from kerasmooth.formats.json_people import Frames, JsonFormat, Record, box_of, mean_score, records_of
from kerasmooth.formats.limits import bad
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "check what wrote the file"


class UltralyticsJson(JsonFormat):
    """Frame numbers are places in the list, from 0. Coordinates that are all within 0..1 count as normalised."""

    name = "ultralytics"
    description = "Ultralytics results as JSON, one list of people an image"
    needs = "keypoints x y box"
    fields = ("x", "y", "visible")
    nowhere = (0.0,)
    counts_from_zero = True

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        if first != "[" or "image_id" in keys:
            return False
        is_nested = re.match(r"\s*\[\s*\[\s*[\]{]", head_text(path, 256)) is not None
        return (is_nested and not keys) or {"keypoints", "x", "y", "box"} <= keys

    def split(self, path: Path, value: Any) -> Frames:
        if not isinstance(value, list):
            raise bad(path, "content", "be a list", value, _REMEDY)
        one_image = bool(value) and isinstance(value[0], dict)
        lists = [value] if one_image else value
        people = [records_of(path, f"image {at}", each) for at, each in enumerate(lists)]
        return Frames(list(range(len(people))), people, is_image=one_image)

    def join(self, frames: Frames, order: list[int]) -> Any:
        if frames.is_image:
            return frames.people[0]
        return [frames.people[at] for at in order]

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        keypoints = record.get("keypoints")
        if keypoints is not None and not (isinstance(keypoints, dict) and (not keypoints or "x" in keypoints)):
            raise bad(path, f"keypoints of {where}", "be an object with x and y", keypoints, _REMEDY)
        if not keypoints or (isinstance(keypoints["x"], list) and not keypoints["x"]):
            return {}
        found = {}
        for name in self.fields:
            values = keypoints.get(name)
            if values is None and name == "visible":
                continue
            found[name] = numbers(path, f"{name} of {where}", values)
            if len(found[name]) != len(found["x"]):
                received = f"{len(found[name])} values"
                raise bad(path, f"{name} of {where}", "be as many numbers as x", received, "one skeleton a file")
        record["keypoints"] = {**keypoints, **dict.fromkeys(found)}
        return found

    def put(self, record: Record, values: dict[str, list[Any]]) -> Record:
        return {**record, "keypoints": {**record["keypoints"], **values}}

    def columns(self, path: Path, fields: dict[str, int]) -> np.ndarray:
        count = fields["x"]
        columns = np.full((1, count, 4), -1, np.int64)
        for which, coord in enumerate((X, Y, CONFIDENCE)[: len(fields)]):
            columns[..., coord] = which * count + np.arange(count)
        return columns

    def empty_fields(self) -> dict[str, int]:
        return dict.fromkeys(self.fields, 17)

    def fresh_fields(self, table: PoseTable) -> dict[str, int]:
        return dict.fromkeys(self.fields, table.skeleton.num_keypoints)

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        x, y, width, height = box_of(table.keypoints[row])
        box = {"x1": x, "y1": y, "x2": x + width, "y2": y + height}
        score = mean_score(table.confidence[row])
        return {"name": "person", "class": 0, "confidence": score, "box": box, "keypoints": {}}

    def describe(self, keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
        largest = np.nanmax(np.abs(keypoints), initial=0) if not np.isnan(keypoints).all() else np.inf
        return {"unit": "normalised" if largest <= 1.5 else "px"}


class UltralyticsFolder(JsonFolder, UltralyticsJson):
    """The frame number is what varies in the names of the files."""

    name = "ultralytics_folder"
    counts_from_zero = False
    description = "a folder of Ultralytics results as JSON, one file an image"

    def is_image(self, value: Any) -> bool:
        return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
