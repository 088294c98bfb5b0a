"""MediaPipe Tasks as JSON: frames of landmarks {x, y, z, visibility}, as scripts write PoseLandmarkerResult."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.bounded_files import head_text, replacing
from kerasmooth.formats.cells import CONFIDENCE, DEPTH, Cells, X, Y
from kerasmooth.formats.coordinates import unit_and_direction
from kerasmooth.formats.json_files import dump, first_and_keys, load, load_lines, numbers
from kerasmooth.formats.json_people import Frames, JsonFormat, Record
from kerasmooth.formats.limits import bad
from kerasmooth.formats.skeleton_json import index_skeleton
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BLAZEPOSE_33, Skeleton

_PEOPLE = ("pose_landmarks", "poseLandmarks", "landmarks", "image_landmarks", "keypoints")
_FRAME = ("frame", "frame_index", "frameIndex", "frame_id", "frame_number", "frameNumber", "frame_idx", "index")
_COORDS = {"x": X, "y": Y, "z": DEPTH, "visibility": CONFIDENCE, "score": CONFIDENCE, "confidence": CONFIDENCE}
_REMEDY = "check what wrote the file"


class MediaPipeJson(JsonFormat):
    """Frames are a list, the field frames of an object, or lines; their number is a field, or their place."""

    name = "mediapipe_json"
    description = "MediaPipe Tasks landmarks as JSON, or a line a frame"
    needs = "landmarks x y"
    fields = ("x", "y", "z", "visibility", "score", "confidence")
    absent = (0.0, 0.0, 0.0)
    joins_filled = True

    def detect(self, path: Path) -> bool:
        keys = first_and_keys(path)[1]
        return {"x", "y"} <= keys and bool(keys & set(_PEOPLE[:4])) and not keys & {"image_id", "instance_info"}

    def load(self, path: Path) -> Any:
        one_value = path.suffix.lower() != ".jsonl" and not head_text(path).lstrip().partition("\n")[0].endswith("}}")
        return load(path) if one_value else _Lines(load_lines(path))

    def split(self, path: Path, value: Any) -> Frames:
        frames = value.get("frames", [value]) if isinstance(value, dict) else value
        if not isinstance(frames, list) or any(type(frame) is not dict for frame in frames):
            raise bad(path, "frames", "be a list of objects", frames, _REMEDY)
        key = next((key for key in _PEOPLE if any(key in frame for frame in frames)), _PEOPLE[0])
        people = [_people(path, at, frame.get(key)) for at, frame in enumerate(frames)]
        return Frames(_numbers(frames), people, (value, frames, key))

    def join(self, frames: Frames, order: list[int]) -> Any:
        value, old, key = frames.value or ({"frames": []}, [], _PEOPLE[0])
        alone = any(
            isinstance(frame.get(key), list) and frame[key] and not isinstance(frame[key][0], list) for frame in old
        )
        number = next((name for name in _FRAME if any(name in frame for frame in old)), _FRAME[0])
        joined = []
        for at in order:
            frame = old[at] if at < len(old) else {number: frames.numbers[at]}
            people: list[Any] = [person["points"] for person in frames.people[at]]
            if alone and len(people) > 1:
                raise bad(
                    "mediapipe_json", "people", "be one a frame in this file", f"{len(people)}", "write npz instead"
                )
            joined.append({**frame, key: (people[0] if people else frame.get(key, [])) if alone else people})
        if isinstance(value, dict):
            return {**value, "frames": joined} if "frames" in value else joined[0]
        return _Lines(joined) if isinstance(value, _Lines) else joined

    def dump(self, value: Any, path: Path, fill: Any) -> None:
        if not isinstance(value, _Lines):
            super().dump(value, path, fill)
            return
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            for line in value:
                dump(line, stream)
                stream.write("\n")

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        points = record["points"]
        found = [name for name in self.fields if any(name in point for point in points)]
        return {
            name: numbers(path, f"{name} of {where}", [point.get(name) for point in points])
            for name in found[:3] + found[3:4]
        }

    def put(self, record: Record, values: dict[str, list[Any]]) -> Record:
        points = record.get("points") or [{} for _ in values["x"]]
        now = [dict(zip(values, each, strict=True)) for each in zip(*values.values(), strict=True)]
        return {**record, "points": [{**old, **new} for old, new in zip(points, now, strict=True)]}

    def columns(self, path: Path, fields: dict[str, int]) -> np.ndarray:
        count = fields["x"]
        columns = np.full((1, count, 4), -1, np.int64)
        for which, name in enumerate(fields):
            columns[..., _COORDS[name]] = which * count + np.arange(count)
        return columns

    def empty_fields(self) -> dict[str, int]:
        return dict.fromkeys(self.fields[:4], 33)

    def fresh_fields(self, table: PoseTable) -> dict[str, int]:
        names = [name for name in self.fields[:4] if name != "z" or table.depth is not None]
        return dict.fromkeys(names, table.skeleton.num_keypoints)

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        return {"points": [{"name": name} for name in table.skeleton.keypoints]}

    def person(self, path: Path, record: Record) -> int:
        return -1

    def with_person(self, record: Record, person: int) -> Record:
        return record

    def skeleton(self, frames: Frames, fields: dict[str, int], cells: Cells) -> Skeleton:
        count = cells.columns.shape[1]
        first = next((each for people in frames.people for each in people), None)
        names = [point.get("name") for point in first.record["points"]] if first else []
        if names and all(isinstance(name, str) for name in names):
            return skeleton_of_names("mediapipe", [str(name) for name in names])
        return BLAZEPOSE_33 if count == 33 else index_skeleton(count)

    def describe(self, keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
        return unit_and_direction(keypoints, skeleton)

    def converted(self, table: PoseTable, path: Path) -> PoseTable:
        return table


class _Lines(list[Any]):
    """The lines of a file with one frame a line."""


def _people(path: Path, at: int, found: Any) -> list[Record]:
    """The people of a frame: lists of points, or one list of points, or nobody."""
    lists = found or []
    if isinstance(lists, list) and lists and isinstance(lists[0], dict):
        lists = [lists]
    for points in lists if isinstance(lists, list) else [None]:
        if not isinstance(points, list) or any(type(point) is not dict for point in points):
            raise bad(path, f"landmarks of frame {at}", "be lists of objects with x and y", found, _REMEDY)
    return [{"points": points} for points in lists if points]


def _numbers(frames: list[Record]) -> list[int]:
    """The numbers of frames: a field that counts them, or their places."""
    for name in _FRAME:
        numbers = [frame.get(name) for frame in frames]
        if frames and all(type(number) is int for number in numbers) and len(set(numbers)) == len(frames):
            return [int(number) for number in numbers if number is not None]
    return list(range(len(frames)))
