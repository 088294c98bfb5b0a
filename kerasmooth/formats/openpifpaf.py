"""OpenPifPaf: the list of people in one image, or for videos one line {frame, predictions} per frame."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.bounded_files import decode, head_text, read_bytes
from kerasmooth.formats.frame_names import FrameNames
from kerasmooth.formats.json_files import (
    MAX_JSON_BYTES,
    JsonStyle,
    dumps,
    first_and_keys,
    integer,
    load,
    parse,
    style_of,
)
from kerasmooth.formats.json_records import JsonRecordFormat, Records
from kerasmooth.formats.limits import MAX_FRAMES, bad
from kerasmooth.formats.triples import Record, box_of, fresh_triples, mean_score
from kerasmooth.pose_table import PoseTable


class OpenPifPaf(JsonRecordFormat):
    """Ids are `id_`. The image of a single-image file is frame 0. A keypoint that is not there is at (0, -3)."""

    name = "openpifpaf"
    description = "OpenPifPaf predictions of an image, or of a video"
    suffix = ".openpifpaf.json"
    person_key = "id_"
    missing = (0.0, -3.0, 0.0)

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        if first == "{":
            return {"frame", "predictions"} <= keys
        has_person = {"keypoints", "bbox"} <= keys and "image_id" not in keys and "keypoint_scores" not in keys
        return first == "[" and (has_person or (not keys and path.name.endswith(".predictions.json")))

    def _load(self, path: Path) -> Records:
        if head_text(path, 64).lstrip().startswith("{"):
            return _load_lines(path)
        items, style = load(path)
        if not isinstance(items, list) or any(type(item) is not dict for item in items):
            raise bad(path, "content", "be a list of people", items, "check what wrote the file")
        return Records(items, np.empty(0, np.int64), FrameNames(np.zeros(len(items), np.int64), {}, None), style)

    def read(self, path: Path, **asked: Any) -> PoseTable:
        table = super().read(path, **asked)
        lines = table.source.payload.lines
        numbers = [int(line["frame"]) for line in lines] if lines else [0]
        return table.with_(frame_numbers=np.unique(np.array(numbers, np.int64)))

    def fresh(self, table: PoseTable, row: int, payload: Records) -> Record:
        box = box_of(table.keypoints[row])
        record: Record = {
            "keypoints": fresh_triples(table, row, self.missing),
            "bbox": box,
            "score": mean_score(table.confidence[row]),
            "category_id": 1,
        }
        if table.people[row] >= 0:
            record["id_"] = int(table.people[row])
        return record

    def _text(self, table: PoseTable, items: list[Record], frames: list[int], payload: Records) -> bytes:
        if table.source is not None and table.source.format == self.name and not payload.lines:
            if set(frames) - {0}:
                raise bad(
                    table.source.path, "content", "stay one image", "people in other frames", "choose another format"
                )
            return dumps(items, payload.style)
        by_frame: dict[int, list[Record]] = {int(frame): [] for frame in table.frame_numbers}
        for item, frame in zip(items, frames, strict=True):
            by_frame[frame].append(item)
        lines = {int(line["frame"]): line for line in payload.lines}
        return b"".join(
            dumps({**lines.get(frame, {"frame": frame}), "predictions": people}, payload.style) + b"\n"
            for frame, people in sorted(by_frame.items())
        )


def _load_lines(path: Path) -> Records:
    text = decode(path, read_bytes(path, MAX_JSON_BYTES))
    return records_of(path, [line for line in text.split("\n") if line.strip()])


def records_of(path: Path, texts: list[str], first: int = 1) -> Records:
    """The people in the lines of a video's file, the first of which has this number."""
    if len(texts) > MAX_FRAMES:
        raise bad(path, "lines", f"be at most {MAX_FRAMES:,}", f"{len(texts):,}", "split the file")
    items: list[Record] = []
    frames: list[int] = []
    lines: list[Record] = []
    for number, line in enumerate(texts, start=first):
        value = parse(path, line, f"line {number}")
        people = value.get("predictions") if isinstance(value, dict) else None
        if not isinstance(people, list) or any(type(person) is not dict for person in people):
            raise bad(
                path, f"line {number}", "have frame and a list of predictions", value, "check what wrote the file"
            )
        frame = integer(path, f"frame of line {number}", value.get("frame"))
        lines.append(value)
        items.extend(people)
        frames.extend([frame] * len(people))
    if len({line["frame"] for line in lines}) < len(lines):
        raise bad(path, "frame", "differ from line to line", "one twice", "check what wrote the file")
    style = style_of(texts[0]) if texts else JsonStyle()
    names = FrameNames(np.array(frames, np.int64), {}, None)
    return Records(items, np.empty(0, np.int64), names, style, lines=tuple(lines))
