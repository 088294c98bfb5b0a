"""AlphaPose's alphapose-results.json: COCO results whose images have names, with box and, if tracked, idx."""

from pathlib import Path

from kerasmooth.formats.json_files import first_and_keys
from kerasmooth.formats.json_records import JsonRecordFormat, Records
from kerasmooth.formats.triples import Record, box_of, fresh_triples, mean_score
from kerasmooth.pose_table import PoseTable


class AlphaPose(JsonRecordFormat):
    """Frame numbers are those in the image names ("12.jpg"); ids are `idx`, a number or lists of one."""

    name = "alphapose"
    description = "AlphaPose results"
    person_key = "idx"
    names_are_texts = True

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        return first == "[" and {"image_id", "keypoints"} <= keys and bool(keys & {"box", "idx"})

    def fresh(self, table: PoseTable, row: int, payload: Records) -> Record:
        first = payload.first()
        record: Record = {
            "image_id": payload.names.name(int(table.frames[row])),
            "category_id": first.get("category_id", 1),
            "keypoints": fresh_triples(table, row, self.missing),
            "score": mean_score(table.confidence[row]),
            "box": box_of(table.keypoints[row]),
        }
        if table.people[row] >= 0:
            in_list = isinstance(first.get("idx"), list)
            record["idx"] = [float(table.people[row])] if in_list else int(table.people[row])
        return record
