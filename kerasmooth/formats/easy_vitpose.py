"""easy_ViTPose: {"keypoints": frames, "skeleton": names}, a frame an object of [y, x, score] lists by person."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.json_files import numbers
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.json_frames import Frames, Record, Shapes
from kerasmooth.formats.raw_poses import CONFIDENCE, Coords, RawPoses, X, Y
from kerasmooth.formats.safe_files import bad
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton


class EasyViTPose(JsonFormat):
    """Frame numbers are places in the list; ids are the names of a frame's fields."""

    name = "easy_vitpose"
    description = "easy_ViTPose results of a video or an image"
    folder_ending = "_result.json"
    needs = "keypoints skeleton"
    frames_at = "keypoints"
    person_at = "id"
    fields: Mapping[str, Coords] = {"keypoints": (Y, X, CONFIDENCE)}
    counts_from_zero = True

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        return first == "{" and {"keypoints", "skeleton"} <= keys and not keys & {"images", "annotations", "meta_info"}

    def is_image(self, entries: Any) -> bool:
        return isinstance(entries, dict)

    def people_of(self, path: Path, at: int, entry: Any) -> list[Record]:
        if type(entry) is not dict:
            raise bad(path, f"keypoints of frame {at}", "be an object of people", entry)
        return [{"id": name, "keypoints": points} for name, points in entry.items()]

    def with_people(self, entry: Any, name: str, people: list[Any]) -> Any:
        found: Record = {}
        for at, person in enumerate(people):
            who = str(person.get("id", at))
            found[who if who not in found else f"{who}_{at}"] = person["keypoints"]
        return found

    def person(self, path: Path, record: Record) -> int:
        name = str(record["id"])
        return int(name) if name.isdigit() and len(name) <= 15 else -1

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        points = record["keypoints"]
        if isinstance(points, list) and not points:
            return {}
        return {"keypoints": numbers(path, f"[y, x, score] of {where}", points, 3)}

    def put(self, record: Record, rows: dict[str, np.ndarray]) -> Record:
        return {**record, **rows}

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        names = frames.value.get("skeleton")
        texts = [names.get(str(i)) for i in range(len(names))] if isinstance(names, dict) else []
        if len(texts) != raw.values.shape[2] or not all(isinstance(text, str) for text in texts):
            return super().skeleton(frames, shapes, raw)
        return skeleton_of_names("easy_vitpose", [str(text) for text in texts])

    def fresh_value(self, table: PoseTable, is_image: bool) -> Any:
        names = {str(i): name for i, name in enumerate(table.skeleton.keypoints)}
        return {"keypoints": {} if is_image else [], "skeleton": names}

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        return {}
