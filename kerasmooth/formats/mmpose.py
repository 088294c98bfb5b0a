"""MMPose 1.x: {meta_info, instance_info} of its demos, or the bare list of its inferencer."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.cells import CONFIDENCE, Cells, X, Y
from kerasmooth.formats.json_files import first_and_keys, integer, numbers
from kerasmooth.formats.json_folder import JsonFolder
from kerasmooth.formats.json_people import Frames, JsonFormat, Record, box_of, mean_score, records_of
from kerasmooth.formats.limits import MAX_KEYPOINTS, bad
from kerasmooth.formats.skeleton_names import known_limbs, skeleton_of_count
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import SKELETONS, Skeleton

_REMEDY = "check what wrote the file"


class MMPose(JsonFormat):
    """Frame numbers are frame_id (from 1); one image is frame 0. Coordinates beyond x and y are copied."""

    name = "mmpose"
    description = "MMPose 1.x predictions of a video or an image"
    needs = "keypoints keypoint_scores"
    fields = ("keypoints", "keypoint_scores")

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        return "instance_info" in keys or (first == "{" and "meta_info" in keys) or "keypoint_scores" in keys

    def split(self, path: Path, value: Any) -> Frames:
        entries = records_of(path, "instance_info", value.get("instance_info") if isinstance(value, dict) else value)
        if not any("instances" in entry for entry in entries):
            return Frames([0], [entries], value, is_image=True) if entries else Frames([], [], value)
        numbers, people = [], []
        for index, entry in enumerate(entries):
            people.append(records_of(path, f"instances of frame entry {index}", entry.get("instances")))
            numbers.append(integer(path, f"frame_id of entry {index}", entry.get("frame_id", index)))
        if len(set(numbers)) < len(numbers):
            raise bad(path, "frame_id", "differ from frame to frame", "one twice", _REMEDY)
        return Frames(numbers, people, value)

    def join(self, frames: Frames, order: list[int]) -> Any:
        value = frames.value
        old = value["instance_info"] if isinstance(value, dict) else value or []
        if frames.is_image:
            entries: list[Any] = frames.people[0]
        else:
            entries = [
                {**(old[at] if at < len(old) else {"frame_id": frames.numbers[at]}), "instances": frames.people[at]}
                for at in order
            ]
        return {**value, "instance_info": entries} if isinstance(value, dict) else entries

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        points, scores = record.get("keypoints"), record.get("keypoint_scores")
        if points is None or (isinstance(points, list) and not points):
            return {}
        first = points[0] if isinstance(points, list | np.ndarray) else None
        width = len(first) if isinstance(first, list | np.ndarray) else 0
        if width not in (2, 3):
            raise bad(path, f"keypoints of {where}", "be a list of [x, y]", points, _REMEDY)
        flat = numbers(path, f"keypoints of {where}", points, width).ravel()
        confidence = numbers(path, f"keypoint_scores of {where}", scores)
        if len(confidence) * width != len(flat):
            raise bad(path, f"keypoint_scores of {where}", f"be {len(points)}", f"{len(confidence)}", _REMEDY)
        record |= {"keypoints": None, "keypoint_scores": None}
        return {"keypoints": flat, "keypoint_scores": confidence}

    def put(self, record: Record, values: dict[str, list[Any]]) -> Record:
        flat, scores = values["keypoints"], values["keypoint_scores"]
        width = len(flat) // len(scores)
        points = [flat[at : at + width] for at in range(0, len(flat), width)]
        return {**record, "keypoints": points, "keypoint_scores": scores}

    def columns(self, path: Path, fields: dict[str, int]) -> np.ndarray:
        count, width = fields["keypoint_scores"], fields["keypoints"] // fields["keypoint_scores"]
        columns = np.full((1, count, 4), -1, np.int64)
        columns[..., X] = width * np.arange(count)
        columns[..., Y] = columns[..., X] + 1
        columns[..., CONFIDENCE] = width * count + np.arange(count)
        return columns

    def empty_fields(self) -> dict[str, int]:
        return {"keypoints": 34, "keypoint_scores": 17}

    def fresh_fields(self, table: PoseTable) -> dict[str, int]:
        count = table.skeleton.num_keypoints
        return {"keypoints": 2 * count, "keypoint_scores": count}

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        x, y, width, height = box_of(table.keypoints[row])
        return {"bbox": [[x, y, x + width, y + height]], "bbox_score": mean_score(table.confidence[row])}

    def fresh(self, table: PoseTable, path: Path) -> Any:
        parsed = super().fresh(table, path)
        parsed.rest.frames.value = {"meta_info": _meta(table.skeleton), "instance_info": []}
        return parsed

    def skeleton(self, frames: Frames, fields: dict[str, int], cells: Cells) -> Skeleton:
        value, count = frames.value, cells.columns.shape[1]
        meta = value.get("meta_info") if isinstance(value, dict) else None
        meta = meta if isinstance(meta, dict) else {}
        names = meta.get("keypoint_id2name")
        if not isinstance(names, dict) or len(names) != count or count > MAX_KEYPOINTS:
            return skeleton_of_count(count)
        keypoints = [names.get(str(i)) for i in range(count)]
        if not all(isinstance(name, str) for name in keypoints) or len(set(keypoints)) < count:
            return skeleton_of_count(count)
        known = next((each for each in SKELETONS.values() if each.keypoints == tuple(keypoints)), None)
        links = meta.get("skeleton_links")
        links = links.get("__ndarray__") if isinstance(links, dict) else links
        texts = [str(name) for name in keypoints]
        return known or Skeleton(str(meta.get("dataset_name", "mmpose"))[:40], tuple(texts), _limbs(links, texts))


class MMPoseFolder(JsonFolder, MMPose):
    """The frame number is what varies in the names of the files."""

    name = "mmpose_folder"
    description = "a folder of MMPose predictions, one file an image"

    def is_image(self, value: Any) -> bool:
        return isinstance(value, list) and not any("instances" in each for each in value if isinstance(each, dict))

    def fresh(self, table: PoseTable, path: Path) -> Any:
        parsed = super().fresh(table, path)
        parsed.rest.frames.value = None
        return parsed


def _limbs(links: Any, names: list[str]) -> tuple[tuple[int, int], ...]:
    links = links.tolist() if isinstance(links, np.ndarray) else links
    if not isinstance(links, list):
        return known_limbs(names)
    index = {name: i for i, name in enumerate(names)} | {i: i for i in range(len(names))}
    pairs = [link for link in links if isinstance(link, list) and len(link) == 2]
    found = [(a, b) for a, b in pairs if isinstance(a, int | str) and isinstance(b, int | str)]
    return tuple(dict.fromkeys((index[a], index[b]) for a, b in found if a in index and b in index))


def _meta(skeleton: Skeleton) -> Record:
    return {
        "dataset_name": skeleton.name,
        "num_keypoints": skeleton.num_keypoints,
        "keypoint_id2name": {str(i): name for i, name in enumerate(skeleton.keypoints)},
        "keypoint_name2id": {name: i for i, name in enumerate(skeleton.keypoints)},
        "skeleton_links": [list(limb) for limb in skeleton.limbs],
    }
