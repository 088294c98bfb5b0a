"""OpenPifPaf: the list of people in one image, or for videos one line {frame, predictions} per frame."""

from pathlib import Path
from typing import Any

from kerasmooth.formats.json_files import Lines, first_and_keys
from kerasmooth.formats.json_format import JsonFormat
from kerasmooth.formats.json_frames import Record
from kerasmooth.formats.people import box_of, mean_score
from kerasmooth.pose_table import PoseTable


class OpenPifPaf(JsonFormat):
    """The image of a single-image file is frame 0. A keypoint that is not there is at (0, -3)."""

    name = "openpifpaf"
    description = "OpenPifPaf predictions of an image, or of a video"
    folder_ending = ".jpg.predictions.json"
    suffix = ".openpifpaf.json"
    needs = "keypoints bbox"
    people_at = ("predictions",)
    number_at = ("frame",)
    person_at = "id_"
    missing = (0.0, -3.0)

    def detect(self, path: Path) -> bool:
        # A file of nobody has no keys.
        return super().detect(path) or (
            path.name.endswith(".predictions.json") and first_and_keys(path) == ("[", set())
        )

    def fits(self, first: str, keys: frozenset[str]) -> bool:
        if first == "{":
            return {"frame", "predictions"} <= keys
        return {"keypoints", "bbox"} <= keys and "image_id" not in keys and "keypoint_scores" not in keys

    def fresh_value(self, table: PoseTable, is_image: bool) -> Any:
        return [] if is_image else Lines()

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        score = mean_score(table.confidence[row])
        return {"bbox": box_of(table.keypoints[row]), "score": score, "category_id": 1}
