"""What the formats share that are a JSON list of people, each with a flat list of x, y, score per keypoint."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import write_bytes
from kerasmooth.formats.building import build_table, check_asked, check_frames
from kerasmooth.formats.frame_names import FrameNames, frame_names
from kerasmooth.formats.json_files import JsonStyle, dumps, load
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import (
    PoseFormat,
    Source,
    changed_confidence,
    changed_positions,
    in_image_pixels,
    source_of,
)
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.formats.triples import Record, merged, read_triples
from kerasmooth.pose_table import PoseTable


@dataclass(frozen=True, eq=False)
class Records:
    """The people of a file as they were found, those without keypoints too.

    Attributes:
      items: every record.
      rows: int64 [D], index into items of each row of the table.
      names: of the images.
      style: of the text.
      flags: the third numbers are COCO's 0, 1, 2 instead of scores.
      lines: the values that the records were found in, for files with one JSON value a line.
      example: the first record of the file, None for that of `items`.
    """

    items: list[Record]
    rows: np.ndarray
    names: FrameNames
    style: JsonStyle
    flags: bool = False
    lines: tuple[Record, ...] = ()
    example: Record | None = None

    def first(self) -> Record:
        """The record that new ones follow; empty where there is none."""
        return self.example or (self.items[0] if self.items else {})


class JsonRecordFormat(PoseFormat):
    """A list of records, one a person in an image; subclasses say what they are called."""

    suffix = ".json"
    person_key: ClassVar[str]
    missing: ClassVar[tuple[float, float, float]] = (0.0, 0.0, 0.0)
    names_are_texts: ClassVar[bool] = False

    @abstractmethod
    def fresh(self, table: PoseTable, row: int, payload: Records) -> Record:
        """A record for a row that no record of a file is there for."""

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        return self.table_of(path, self._load(path), fps=fps, image_size=image_size)

    def table_of(
        self,
        path: Path,
        records: Records,
        *,
        fps: float | None,
        image_size: Size | None,
        first: int = 0,
        flags: bool | None = None,
    ) -> PoseTable:
        """The table of a file, or of its records from number `first`, where `flags` are told of all of them."""
        triples, rows = read_triples(path, records.items, "keypoints", first)
        skeleton = skeleton_of_count(triples.shape[1] or 17)
        triples = triples.reshape(len(rows), skeleton.num_keypoints, 3)
        frames = records.names.frames
        people = self._people(path, [records.items[row] for row in rows.tolist()], frames[rows])
        flags = self.are_flags(triples[..., 2]) if flags is None else flags
        return build_table(
            self.name,
            path,
            frames=frames[rows],
            people=people,
            keypoints=triples[..., :2],
            confidence=triples[..., 2] / (2 if flags else 1),
            skeleton=skeleton,
            payload=replace(records, rows=rows, flags=flags),
            frame_numbers=np.unique(frames),
            fps=fps,
            image_size=image_size,
        )

    def _load(self, path: Path) -> Records:
        items, style = load(path)
        if not isinstance(items, list) or any(type(item) is not dict for item in items):
            culprit = items if not isinstance(items, list) else next(item for item in items if type(item) is not dict)
            raise bad(path, "content", "be a list of objects, one a person", culprit, "check what wrote the file")
        check_images(path, items)
        names = frame_names(path, "image_id", [item["image_id"] for item in items])
        check_frames(path, names.frames, np.unique(names.frames))
        return Records(items, np.empty(0, np.int64), names, style)

    def are_flags(self, scores: np.ndarray) -> bool:
        """Whether the third numbers of a file are COCO's visibility."""
        return False

    def _people(self, path: Path, items: list[Record], frames: np.ndarray) -> np.ndarray:
        """int64 [D]; an id that two people of one frame have is left to the first."""
        people = np.full(len(items), -1, np.int64)
        seen: set[tuple[int, int]] = set()
        for row, (item, frame) in enumerate(zip(items, frames.tolist(), strict=True)):
            person = _person(path, self.person_key, item.get(self.person_key))
            if person >= 0 and (frame, person) not in seen:
                people[row] = person
                seen.add((frame, person))
        return people

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is None:
            table = in_image_pixels(table, path, self.name)
            names = FrameNames(table.frames, {}, ("", 1, ".jpg") if self.names_are_texts else None)
            payload = Records([], np.empty(0, np.int64), names, JsonStyle())
        else:
            payload = source.payload
        items, frames = self._written(table, source, payload)
        write_bytes(path, self._text(table, items, frames, payload))

    def changed(self, table: PoseTable) -> list[Record]:
        """The records that a table was read from, with what changed and what was added."""
        return self._written(table, source_of(table, self.name), table.source.payload)[0]

    def _written(self, table: PoseTable, source: Source | None, payload: Records) -> tuple[list[Record], list[int]]:
        """Every record and its frame: those of the file with what changed, and those that were added."""
        items = list(payload.items)
        if source is not None:
            moved = changed_positions(table, source) | changed_confidence(table, source)
            renamed = (table.people[: len(moved)] != source.people) & (table.people[: len(moved)] >= 0)
            for row in np.flatnonzero(moved.any(axis=1)).tolist():
                at = payload.rows[row]
                old = items[at]["keypoints"]
                score = flag_of if payload.flags else float
                items[at] = {**items[at], "keypoints": merged(old, table, row, moved[row], self.missing, score)}
            for row in np.flatnonzero(renamed).tolist():
                at = payload.rows[row]
                items[at] = self._with_person(items[at], int(table.people[row]))
        frames = payload.names.frames.tolist() if source else []
        in_order = all(a <= b for a, b in pairwise(frames))
        for row in range(len(source.frames) if source else 0, len(table.frames)):
            frame = int(table.frames[row])
            items.append(self.fresh(table, row, payload))
            frames.append(frame)
        if in_order:
            order = np.argsort(frames, kind="stable").tolist()
            items, frames = [items[i] for i in order], [frames[i] for i in order]
        return items, frames

    def _with_person(self, record: Record, person: int) -> Record:
        old = record.get(self.person_key)
        return {**record, self.person_key: [float(person)] if isinstance(old, list) else person}

    def _text(self, table: PoseTable, items: list[Record], frames: list[int], payload: Records) -> bytes:
        return dumps(items, payload.style)


def check_images(path: Path, items: list[Record], first: int = 0) -> None:
    """Raises InputError for a record that names no image; `first` is the number of the first one in the file."""
    for index, item in enumerate(items, first):
        if "image_id" not in item:
            raise bad(path, f"record {index}", "have an image_id", item, "check what wrote the file")


def flag_of(confidence: float) -> int:
    """COCO's visibility: 0 absent, 1 hidden, 2 seen."""
    return 0 if confidence == 0 else 1 if confidence <= 0.5 else 2


def _person(path: Path, key: str, value: Any) -> int:
    """The id in a record: a number, or the first one in a list of them; -1 for none."""
    for _ in range(3):
        if isinstance(value, list):
            value = value[0] if value else None
    if value is None:
        return -1
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1 << 53:
        raise bad(path, key, "be a number", value, "check what wrote the file")
    return int(value) if value >= 0 else -1
