"""OpenPifPaf: the list of people in one image, or for videos one line {frame, predictions} per frame."""

from pathlib import Path
from typing import Any

from kerasmooth.formats.bounded_files import head_text, replacing
from kerasmooth.formats.json_files import dump, first_and_keys, integer, load, load_lines
from kerasmooth.formats.json_folder import JsonFolder
from kerasmooth.formats.json_people import Frames, JsonFormat, Record, box_of, mean_score, records_of
from kerasmooth.formats.limits import bad
from kerasmooth.pose_table import PoseTable


class OpenPifPaf(JsonFormat):
    """Ids are `id_`. The image of a single-image file is frame 0. A keypoint that is not there is at (0, -3)."""

    name = "openpifpaf"
    description = "OpenPifPaf predictions of an image, or of a video"
    suffix = ".openpifpaf.json"
    needs = "keypoints bbox"
    person_key = "id_"
    absent = (0.0, -3.0, 0.0)

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        if first == "{":
            return {"frame", "predictions"} <= keys
        has_person = {"keypoints", "bbox"} <= keys and "image_id" not in keys and "keypoint_scores" not in keys
        return first == "[" and (has_person or (not keys and path.name.endswith(".predictions.json")))

    def load(self, path: Path) -> Any:
        return _Lines(load_lines(path)) if head_text(path, 64).lstrip().startswith("{") else load(path)

    def split(self, path: Path, value: Any) -> Frames:
        if not isinstance(value, _Lines):
            return Frames([0], [records_of(path, "content", value)], is_image=True)
        numbers, people = [], []
        for at, line in enumerate(value, 1):
            predictions = line.get("predictions") if isinstance(line, dict) else None
            people.append(records_of(path, f"predictions of line {at}", predictions))
            numbers.append(integer(path, f"frame of line {at}", line.get("frame")))
        if len(set(numbers)) < len(numbers):
            raise bad(path, "frame", "differ from line to line", "one twice", "check what wrote the file")
        return Frames(numbers, people, dict(zip(numbers, value, strict=True)))

    def join(self, frames: Frames, order: list[int]) -> Any:
        if frames.is_image:
            return frames.people[0]
        lines = frames.value or {}
        return _Lines(
            {**lines.get(number, {"frame": number}), "predictions": people}
            for number, people in ((frames.numbers[at], frames.people[at]) for at in order)
        )

    def dump(self, value: Any, path: Path, fill: Any) -> None:
        if not isinstance(value, _Lines):
            super().dump(value, path, fill)
            return
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            for line in value:
                dump(line, stream, fill)
                stream.write("\n")

    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        score = mean_score(table.confidence[row])
        return {"bbox": box_of(table.keypoints[row]), "score": score, "category_id": 1}


class OpenPifPafFolder(JsonFolder, OpenPifPaf):
    """The frame number is what varies in the names of the files."""

    name = "openpifpaf_folder"
    description = "a folder of OpenPifPaf predictions, one file an image"
    ending = ".jpg.predictions.json"

    def is_image(self, value: Any) -> bool:
        return isinstance(value, list)


class _Lines(list[Any]):
    """The lines of a video's file."""
