"""easy_ViTPose: {"keypoints": frames, "skeleton": names}, a frame an object of [y, x, score] lists by person."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.cells import CONFIDENCE, Cells, X, Y
from kerasmooth.formats.json_files import first_and_keys, numbers
from kerasmooth.formats.json_folder import JsonFolder
from kerasmooth.formats.json_people import Frames, JsonFormat, Record
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed
from kerasmooth.formats.skeleton_names import skeleton_of_count, skeleton_of_names
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "check what wrote the file"


class EasyViTPose(JsonFormat):
    """Frame numbers are places in the list; ids are the names of a frame's fields."""

    name = "easy_vitpose"
    description = "easy_ViTPose results of a video or an image"
    needs = "keypoints skeleton"
    person_key = "id"
    joins_filled = True
    counts_from_zero = True

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        return first == "{" and {"keypoints", "skeleton"} <= keys and not keys & {"images", "annotations", "meta_info"}

    def split(self, path: Path, value: Any) -> Frames:
        frames = value.get("keypoints") if isinstance(value, dict) else None
        lists = [frames] if isinstance(frames, dict) else frames
        if not isinstance(lists, list) or any(type(frame) is not dict for frame in lists):
            raise bad(path, "keypoints", "be an object of people for each frame", frames, _REMEDY)
        people = [[{"id": name, "keypoints": points} for name, points in frame.items()] for frame in lists]
        return Frames(list(range(len(people))), people, value)

    def join(self, frames: Frames, order: list[int]) -> Any:
        value = frames.value or {}
        lists: list[dict[str, Any]] = []
        for place in order:
            people: dict[str, Any] = {}
            for at, person in enumerate(frames.people[place]):
                name = str(person.get("id", at))
                people[name if name not in people else f"{name}_{at}"] = person["keypoints"]
            lists.append(people)
        one_image = isinstance(value.get("keypoints"), dict)
        return {**value, "keypoints": lists[0] if one_image and len(lists) == 1 else lists}

    def person(self, path: Path, record: Record) -> int:
        name = str(record["id"])
        return int(name) if name.isdigit() and len(name) <= 15 else -1

    def with_person(self, record: Record, person: int) -> Record:
        return {**record, "id": str(person)}

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        points = record["keypoints"]
        if isinstance(points, list) and not points:
            return {}
        record["keypoints"] = None
        return {"keypoints": numbers(path, f"[y, x, score] of {where}", points, 3).ravel()}

    def put(self, record: Record, values: dict[str, list[Any]]) -> Record:
        flat = values["keypoints"]
        return {**record, "keypoints": [flat[at : at + 3] for at in range(0, len(flat), 3)]}

    def columns(self, path: Path, fields: dict[str, int]) -> np.ndarray:
        columns = super().columns(path, fields)
        return columns[..., [Y, X, CONFIDENCE, 3]]

    def skeleton(self, frames: Frames, fields: dict[str, int], cells: Cells) -> Skeleton:
        count = cells.columns.shape[1]
        names = frames.value.get("skeleton")
        texts = [names.get(str(i)) for i in range(len(names))] if isinstance(names, dict) else []
        if len(texts) != count or not all(isinstance(text, str) for text in texts):
            return skeleton_of_count(count)
        return skeleton_of_names("easy_vitpose", [str(text) for text in texts])

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        parsed = super().fresh(table, path)
        names = {str(i): name for i, name in enumerate(table.skeleton.keypoints)}
        parsed.rest.frames.value = {"keypoints": [], "skeleton": names}
        return parsed

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        return {}


class EasyViTPoseFolder(JsonFolder, EasyViTPose):
    """The frame number is what varies in the names of the files."""

    name = "easy_vitpose_folder"
    counts_from_zero = False
    description = "a folder of easy_ViTPose results, one file an image"
    ending = "_result.json"

    def is_image(self, value: Any) -> bool:
        return isinstance(value, dict) and (isinstance(value.get("keypoints"), dict) or len(value["keypoints"]) == 1)

    def skeleton(self, frames: Frames, fields: dict[str, int], cells: Cells) -> Skeleton:
        first: Record = next(iter(frames.value.values()), {})
        return super().skeleton(Frames([], [], first), fields, cells)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        parsed = super().fresh(table, path)
        names = {str(i): name for i, name in enumerate(table.skeleton.keypoints)}
        image = {"keypoints": {}, "skeleton": names}
        parsed.rest.frames.value = dict.fromkeys(table.frame_numbers.tolist(), image)
        return parsed
