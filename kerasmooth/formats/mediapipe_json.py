"""MediaPipe Tasks as JSON: frames of landmarks {x, y, z, visibility}, as scripts write PoseLandmarkerResult.

Its CSVs are in `wide_csv` (a line a frame) and `tidy_csv` (a line a landmark).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.json_files import numbers
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.json_frames import Frames, Record, Shapes
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, Coords, RawPoses, X, Y
from kerasmooth.formats.safe_files import AS_NPZ, bad
from kerasmooth.formats.skeleton_names import index_skeleton, skeleton_of_names
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BLAZEPOSE_33, Skeleton

_SCORES = ("visibility", "score", "confidence")


class MediaPipeJson(JsonFormat):
    """Frames are a list, the field frames of an object, or lines; their number is a field, or their place."""

    name = "mediapipe_json"
    description = "MediaPipe Tasks landmarks as JSON, or a line a frame"
    needs = "landmarks x y"
    frames_at = "frames"
    people_at = ("pose_landmarks", "poseLandmarks", "landmarks", "image_landmarks", "keypoints")
    number_at = ("frame", "frame_index", "frameIndex", "frame_id", "frame_number", "frameNumber", "frame_idx", "index")
    fields: Mapping[str, Coords] = {"x": (X,), "y": (Y,), "z": (DEPTH,), **dict.fromkeys(_SCORES, (CONFIDENCE,))}
    person_at = ""
    side_by_side = True
    unseen_at = (0.0,)
    num_keypoints = 33
    holds = "any"
    guesses_unit = True

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        is_bare = first == "[" and keys <= {"x", "y", "z", "name", "presence", *_SCORES}
        named = is_bare or bool(keys & set(self.people_at[:4]))
        return {"x", "y"} <= keys and named and not keys & {"image_id", "instance_info"}

    def people_of(self, path: Path, at: int, entry: Any) -> list[Record]:
        """Lists of points, or one list of points, or nobody."""
        found = entry
        if isinstance(entry, dict):
            found = next((entry[name] for name in self.people_at if name in entry), None)
        found = found or []
        alone = isinstance(found, list) and bool(found) and isinstance(found[0], dict)
        lists = [found] if alone else found
        for points in lists if isinstance(lists, list) else [None]:
            if not isinstance(points, list) or any(type(point) is not dict for point in points):
                raise bad(path, f"landmarks of frame {at}", "be lists of objects with x and y", found)
        return [{"points": points, "alone": alone} for points in lists if points]

    def with_people(self, entry: Any, name: str, people: list[Any]) -> Any:
        if not people:
            return entry
        found: Any = [person["points"] for person in people]
        if any(person["alone"] for person in people):
            if len(found) > 1:
                raise bad(self.name, "people", "be one a frame in this file", f"{len(found)}", AS_NPZ)
            found = found[0]
        return super().with_people(entry, name, found)

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        points = record["points"]
        found = [name for name in self.fields if any(name in point for point in points)]
        scores = [name for name in found if name in _SCORES][:1]
        return {
            name: numbers(path, f"{name} of {where}", [point.get(name) for point in points])[:, None]
            for name in [*(name for name in found if name not in _SCORES), *scores]
        }

    def put(self, record: Record, rows: dict[str, np.ndarray]) -> Record:
        lists = {name: each[:, 0].tolist() for name, each in rows.items()}
        return {**record, "points": [{**p, **{n: lists[n][i] for n in lists}} for i, p in enumerate(record["points"])]}

    def fresh_shapes(self, keypoints: int, has_depth: bool) -> Shapes:
        return dict.fromkeys(("x", "y", *(["z"] if has_depth else []), "visibility"), (keypoints, 1))

    def fresh_value(self, table: PoseTable, is_image: bool) -> Any:
        return {"frames": []}

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        points = example.get("points") or [{"name": name} for name in table.skeleton.keypoints]
        names = [{"name": point["name"]} if "name" in point else {} for point in points]
        return {"points": names, "alone": example.get("alone", False)}

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        count = raw.values.shape[2]
        names = [point.get("name") for _, record in frames.in_turn()[:1] for point in record["points"]]
        if names and all(isinstance(name, str) for name in names):
            return skeleton_of_names("mediapipe", [str(name) for name in names])
        return BLAZEPOSE_33 if count == 33 else index_skeleton(count)
