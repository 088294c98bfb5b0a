"""Ultralytics results as JSON: the people of an image (`Results.to_json`), or a list of these for a video."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import head_text, write_bytes
from kerasmooth.formats.building import build_table, check_asked, check_counts
from kerasmooth.formats.instance_lists import Instances, People, check_people, find_places, person_ids, updated
from kerasmooth.formats.json_files import JsonStyle, dumps, first_and_keys, load, numbers
from kerasmooth.formats.limits import MAX_FRAMES, bad
from kerasmooth.formats.pose_format import PoseFormat, confidence_to_write, in_image_pixels, source_of
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.formats.triples import Record, box_of, mean_score
from kerasmooth.pose_table import PoseTable


class UltralyticsJson(PoseFormat):
    """Frame numbers are places in the list, from 0. Coordinates that are all within 0..1 count as normalised."""

    name = "ultralytics"
    description = "Ultralytics results as JSON, one list of people an image"
    suffix = ".json"

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        if first != "[" or "image_id" in keys:
            return False
        is_nested = re.match(r"\s*\[\s*\[\s*[\]{]", head_text(path, 256)) is not None
        return (is_nested and not keys) or {"keypoints", "x", "y", "box"} <= keys

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        value, style = load(path)
        if not isinstance(value, list):
            raise bad(path, "content", "be a list", value, "check what wrote the file")
        one_image = bool(value) and isinstance(value[0], dict)
        lists = [value] if one_image else value
        return self.table_of(path, value, lists, style, fps=fps, image_size=image_size)

    def table_of(
        self,
        path: Path,
        value: Any,
        lists: list[Any],
        style: JsonStyle,
        *,
        fps: float | None,
        image_size: Size | None,
        first: int = 0,
    ) -> PoseTable:
        """The table of a file, or of the lists from number `first`, as the value of a file of their own."""
        people = [check_people(path, f"image {i}", each) for i, each in enumerate(lists, first)]
        places = find_places(people, lambda person: _has_keypoints(path, person))
        instances = Instances(value, list(range(first, first + len(people))), people, places, style)
        keypoints, confidence = _arrays(path, [people[at][i] for at, i in places])
        skeleton = skeleton_of_count(confidence.shape[1])
        normalised = bool(keypoints.size) and bool(np.nanmax(np.abs(keypoints), initial=0) <= 1.5)
        return build_table(
            self.name,
            path,
            frames=first + np.array([at for at, _ in places], np.int64),
            people=person_ids(path, instances, "track_id"),
            keypoints=keypoints,
            confidence=confidence,
            skeleton=skeleton,
            payload=instances,
            frame_numbers=first + np.arange(len(people)),
            fps=fps,
            image_size=image_size,
            unit="normalised" if normalised else "px",
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is not None:
            write_bytes(path, dumps(self.changed(table, path), source.payload.style))
            return
        table = in_image_pixels(table, path, self.name)
        scores = confidence_to_write(table)
        lists: list[People] = [[] for _ in range(_last(table, path) + 1)]
        for row, frame in enumerate(table.frames.tolist()):
            lists[frame].append(_fresh(table, scores, row))
        write_bytes(path, dumps(lists, JsonStyle()))

    def changed(self, table: PoseTable, path: Path) -> Any:
        """The value that a table was read from, with what changed and what was added."""
        instances: Instances = table.source.payload
        scores, last = confidence_to_write(table), _last(table, path)
        lists, further = updated(
            table,
            table.source,
            "track_id",
            lambda record, row, moved: _changed(record, table, scores, row, moved),
            lambda row: _fresh(table, scores, row),
        )
        one_image = bool(instances.value) and isinstance(instances.value[0], dict)
        if further and one_image:
            raise bad(path, "content", "stay one image", "people in other frames", "choose another format")
        known = instances.frames[-1] if instances.frames else -1
        lists += [further.get(frame, []) for frame in range(known + 1, last + 1)]
        return lists[0] if one_image else lists


def _last(table: PoseTable, path: Path) -> int:
    """The last frame number. Raises InputError for numbers that are no places in a list."""
    last = int(table.frame_numbers[-1]) if len(table.frame_numbers) else -1
    if last >= MAX_FRAMES or any(table.frame_numbers < 0):
        received = f"{table.frame_numbers[0]} to {last}"
        raise bad(path, "frames", f"be 0 to {MAX_FRAMES:,} in this format", received, "choose another format")
    return last


def _changed(record: Record, table: PoseTable, scores: np.ndarray, row: int, moved: np.ndarray) -> Record:
    known = record["keypoints"]
    fields = {name: list(values) for name, values in known.items() if name in ("x", "y", "visible")}
    xy, confidence = np.nan_to_num(table.keypoints[row]).tolist(), scores[row].tolist()
    for k in np.flatnonzero(moved).tolist():
        fields["x"][k], fields["y"][k] = xy[k]
        if "visible" in fields:
            fields["visible"][k] = confidence[k]
    return {**record, "keypoints": {**known, **fields}}


def _fresh(table: PoseTable, scores: np.ndarray, row: int) -> Record:
    x, y, width, height = box_of(table.keypoints[row])
    xs, ys = np.nan_to_num(table.keypoints[row]).T.tolist()
    record: Record = {
        "name": "person",
        "class": 0,
        "confidence": mean_score(table.confidence[row]),
        "box": {"x1": x, "y1": y, "x2": x + width, "y2": y + height},
        "keypoints": {"x": xs, "y": ys, "visible": scores[row].tolist()},
    }
    return {**record, "track_id": int(table.people[row])} if table.people[row] >= 0 else record


def _has_keypoints(path: Path, person: Record) -> bool:
    keypoints = person.get("keypoints")
    if keypoints is not None and not (isinstance(keypoints, dict) and (not keypoints or "x" in keypoints)):
        raise bad(path, "keypoints", "be an object with x and y", keypoints, "check what wrote the file")
    return bool(keypoints and keypoints["x"] != [])


def _arrays(path: Path, records: list[Record]) -> tuple[np.ndarray, np.ndarray]:
    """float64 [D, K, 2] and [D, K] of the records; an unseen keypoint is at (0, 0)."""
    if not records:
        return np.empty((0, 17, 2)), np.empty((0, 17))
    first = records[0]["keypoints"]["x"]
    count = len(first) if isinstance(first, list) else 0
    check_counts(path, len(records), count)
    fields: dict[str, list[Any]] = {"x": [], "y": [], "visible": []}
    for row, record in enumerate(records):
        for name, values in fields.items():
            found = record["keypoints"].get(name)
            if found is None and name == "visible":
                found = [None] * count
            if not isinstance(found, list) or len(found) != count:
                received = f"{len(found)} values" if isinstance(found, list) else found
                raise bad(path, f"{name} of person {row}", f"be {count} numbers", received, "one skeleton a file")
            values.extend(found)
    x, y, visible = (numbers(path, name, values).reshape(-1, count) for name, values in fields.items())
    nowhere = (x == 0) & (y == 0)
    return np.stack([x, y], axis=-1), np.where(nowhere, 0.0, visible)
