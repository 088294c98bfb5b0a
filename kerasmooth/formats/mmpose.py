"""MMPose 1.x: {meta_info, instance_info} of its demos, or the bare list of its inferencer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.json_files import numbers
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.json_frames import Frames, Record, Shapes
from kerasmooth.formats.people import box_of, mean_score
from kerasmooth.formats.raw_poses import CONFIDENCE, Coords, RawPoses, X, Y
from kerasmooth.formats.safe_files import bad
from kerasmooth.formats.skeleton_names import known_limbs, with_links
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton


class MMPose(JsonFormat):
    """Frame numbers are frame_id (from 1); one image is frame 0. Coordinates beyond x and y are copied."""

    name = "mmpose"
    description = "MMPose 1.x predictions of a video or an image"
    folder_ending = ".json"
    needs = "keypoints keypoint_scores"
    frames_at = "instance_info"
    people_at = ("instances",)
    number_at = ("frame_id",)
    fields: Mapping[str, Coords] = {"keypoints": (X, Y), "keypoint_scores": (CONFIDENCE,)}
    side_by_side = True

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        return "instance_info" in keys or (first == "{" and "meta_info" in keys) or "keypoint_scores" in keys

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        points, scores = record.get("keypoints"), record.get("keypoint_scores")
        if points is None or (isinstance(points, list) and not points):
            return {}
        first = points[0] if isinstance(points, list | np.ndarray) else None
        width = len(first) if isinstance(first, list | np.ndarray) else 0
        if width not in (2, 3):
            raise bad(path, f"keypoints of {where}", "be a list of [x, y]", points)
        positions = numbers(path, f"keypoints of {where}", points, width)
        confidence = numbers(path, f"keypoint_scores of {where}", scores)[:, None]
        if len(confidence) != len(positions):
            raise bad(path, f"keypoint_scores of {where}", f"be {len(positions)}", f"{len(confidence)}")
        return {"keypoints": positions, "keypoint_scores": confidence}

    def put(self, record: Record, rows: dict[str, np.ndarray]) -> Record:
        return {**record, "keypoints": rows["keypoints"], "keypoint_scores": rows["keypoint_scores"][:, 0]}

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        x, y, width, height = box_of(table.keypoints[row])
        return {"bbox": [[x, y, x + width, y + height]], "bbox_score": mean_score(table.confidence[row])}

    def fresh_value(self, table: PoseTable, is_image: bool) -> Any:
        skeleton = table.skeleton
        meta = {
            "dataset_name": skeleton.name,
            "num_keypoints": skeleton.num_keypoints,
            "keypoint_id2name": {str(i): name for i, name in enumerate(skeleton.keypoints)},
            "keypoint_name2id": {name: i for i, name in enumerate(skeleton.keypoints)},
            "skeleton_links": [list(limb) for limb in skeleton.limbs],
        }
        return [] if is_image else {"meta_info": meta, "instance_info": []}

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        value, count = frames.value, raw.values.shape[2]
        meta = value.get("meta_info") if isinstance(value, dict) else None
        meta = meta if isinstance(meta, dict) else {}
        names, links = meta.get("keypoint_id2name"), meta.get("skeleton_links")
        keypoints = [names.get(str(i)) for i in range(count)] if isinstance(names, dict) and len(names) == count else []
        if not keypoints or not all(isinstance(name, str) for name in keypoints) or len(set(keypoints)) < count:
            return super().skeleton(frames, shapes, raw)
        texts = [str(name) for name in keypoints]
        found = Skeleton(str(meta.get("dataset_name", "mmpose"))[:40], tuple(texts), known_limbs(texts))
        return with_links(found, links.get("__ndarray__") if isinstance(links, dict) else links)
