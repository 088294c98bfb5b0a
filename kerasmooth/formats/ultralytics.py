"""Ultralytics results as JSON: the people of an image (`Results.to_json`), or a list of these for a video."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerasmooth.formats.json_files import first_and_keys, numbers
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.json_frames import Record
from kerasmooth.formats.people import box_of, mean_score
from kerasmooth.formats.raw_poses import CONFIDENCE, Coords, X, Y
from kerasmooth.formats.safe_files import bad, head_text
from kerasmooth.pose_table import PoseTable

_NESTED = re.compile(r"\s*\[\s*\[\s*[\]{]")


class UltralyticsJson(JsonFormat):
    """Frame numbers are places in the list, from 0."""

    name = "ultralytics"
    description = "Ultralytics results as JSON, one list of people an image"
    folder_ending = ".json"
    needs = "keypoints x y box"
    fields: Mapping[str, Coords] = {"x": (X,), "y": (Y,), "visible": (CONFIDENCE,)}
    side_by_side = True
    unseen_at = (0.0,)
    counts_from_zero = True
    guesses_unit = True

    def detect(self, path: Path) -> bool:
        # Frames without anybody have no keys.
        is_empty = first_and_keys(path) == ("[", set()) and _NESTED.match(head_text(path, 256)) is not None
        return is_empty or super().detect(path)

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        return first == "[" and "image_id" not in keys and {"keypoints", "x", "y", "box"} <= keys

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        keypoints = record.get("keypoints")
        if keypoints is not None and not (isinstance(keypoints, dict) and (not keypoints or "x" in keypoints)):
            raise bad(path, f"keypoints of {where}", "be an object with x and y", keypoints)
        if not keypoints or (isinstance(keypoints["x"], list) and not keypoints["x"]):
            return {}
        names = [name for name in self.fields if name != "visible" or keypoints.get(name) is not None]
        found = {name: numbers(path, f"{name} of {where}", keypoints.get(name))[:, None] for name in names}
        for name, values in found.items():
            if len(values) != len(found["x"]):
                received = f"{len(values)} values"
                raise bad(path, f"{name} of {where}", "be as many numbers as x", received, "one skeleton a file")
        return found

    def put(self, record: Record, rows: dict[str, np.ndarray]) -> Record:
        return {**record, "keypoints": {**record["keypoints"], **{name: each[:, 0] for name, each in rows.items()}}}

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        x, y, width, height = box_of(table.keypoints[row])
        box = {"x1": x, "y1": y, "x2": x + width, "y2": y + height}
        score = mean_score(table.confidence[row])
        return {"name": "person", "class": 0, "confidence": score, "box": box, "keypoints": {}}
