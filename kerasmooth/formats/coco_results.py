"""COCO keypoint results: a list of {image_id, category_id, keypoints, score}."""

from pathlib import Path

import numpy as np

from kerasmooth.formats.json_files import first_and_keys
from kerasmooth.formats.json_records import JsonRecordFormat, Records, flag_of
from kerasmooth.formats.triples import Record, fresh_triples, mean_score
from kerasmooth.pose_table import PoseTable


class CocoResults(JsonRecordFormat):
    """The image ids are the frame numbers; third numbers that are all 0, 1 or 2 count as visibility (2: seen)."""

    name = "coco"
    description = "COCO keypoint results"
    person_key = "track_id"

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        if first != "[":
            return False
        return not keys or {"image_id", "keypoints"} <= keys

    def are_flags(self, scores: np.ndarray) -> bool:
        return bool(scores.size and scores.max() == 2 and np.isin(scores, (0, 1, 2)).all())

    def fresh(self, table: PoseTable, row: int, payload: Records) -> Record:
        first = payload.first()
        record: Record = {
            "image_id": payload.names.name(int(table.frames[row])),
            "category_id": first.get("category_id", 1),
            "keypoints": fresh_triples(table, row, self.missing, flag_of if payload.flags else float),
            "score": mean_score(table.confidence[row]),
        }
        if table.people[row] >= 0:
            record["track_id"] = int(table.people[row])
        return record
