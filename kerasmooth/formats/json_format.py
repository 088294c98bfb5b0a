"""What the JSON formats share: a document holds frames, a frame holds people, a person holds lists of numbers."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.json_document import Document, FrameLists, Frames, Person, Record, Shapes, check_shapes
from kerasmooth.formats.json_files import dump, first_and_keys, integer, load, numbers
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts, check_people
from kerasmooth.formats.raw_poses import CONFIDENCE, OTHER, Coords, RawPoses, X, Y, frame_order
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton


class JsonFormat(FrameLists, PoseFormat):
    """A JSON file of people. Subclasses say where its frames and people are (see `FrameLists`), and their numbers.

    Attributes:
      person_at: the field of a person's id; empty where people have none.
      fields: a person's lists of numbers, and what coordinates of a keypoint each has; further ones are kept.
      side_by_side: each field has other coordinates of the same keypoints; otherwise each has further keypoints.
      missing, nowhere: see `RawPoses`.
      num_keypoints: of a file without anybody.
      joins_filled: `join` needs people with their numbers; otherwise these are filled in one by one when written.
    """

    suffix = ".json"
    person_at: str = "track_id"
    fields: Mapping[str, Coords] = {"keypoints": (X, Y, CONFIDENCE)}
    side_by_side: bool = False
    missing: tuple[float, float] = (0.0, 0.0)
    nowhere: tuple[float, ...] = ()
    num_keypoints: int = 17
    joins_filled: bool = False

    @abstractmethod
    def fits(self, first: str, keys: frozenset[str]) -> bool:
        """Whether a file is of this format that begins with this character and has these keys near its ends."""

    @abstractmethod
    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        """A record for a row of a table, without numbers and id; `example` is one of the file's."""

    def fresh_value(self, table: PoseTable, is_image: bool) -> Any:
        """The document of a fresh file, without frames, or of one image, without people."""
        return []

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        """The numbers of a record by field, [n, c], taken out of it; without fields that are absent or empty."""
        found = {}
        for name in self.fields:
            values = record.get(name)
            if values is None or (isinstance(values, list) and not values):
                continue
            flat = numbers(path, f"{name} of {where}", values)
            if len(flat) % 3:
                raise bad(path, name, "hold x, y, score of each keypoint", f"{len(flat)} values", "one skeleton a file")
            found[name] = flat.reshape(-1, 3)
            record[name] = None
        return found

    def put(self, record: Record, rows: dict[str, list[list[Any]]]) -> Any:
        """A record with its numbers, which are a list of coordinates for each keypoint of a field."""
        return {**record, **{name: list(chain.from_iterable(each)) for name, each in rows.items()}}

    def fresh_fields(self, has_depth: bool) -> list[str]:
        """Which of the fields a person of a fresh file has."""
        return list(self.fields) if self.side_by_side else list(self.fields)[:1]

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        """Of the keypoints of a document."""
        return skeleton_of_count(raw.values.shape[2])

    def are_visibilities(self, scores: np.ndarray) -> bool:
        """Whether the scores of a file are COCO's visibility."""
        return False

    def person(self, path: Path, record: Record) -> int:
        """Who it is, -1 if the record does not say."""
        value = record.get(self.person_at) if self.person_at else None
        while isinstance(value, list):
            value = value[0] if value else None
        # Some trackers write 3.0 or, before they have an id, -1.
        return -1 if value is None else max(-1, integer(path, self.person_at, value))

    def with_person(self, record: Record, person: int) -> Record:
        """A record with another id, if it can have one."""
        if not self.person_at:
            return record
        return {**record, self.person_at: [person] if isinstance(record.get(self.person_at), list) else person}

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        return first != "" and self.fits(first, keys)

    def dump(self, value: Any, path: Path, fill: Any) -> None:
        """Writes a value whose people are filled in with `fill`."""
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            dump(value, stream, fill)

    def read_frames(self, path: Path) -> Frames:
        """The frames of a file. Raises InputError where it is none of this format."""
        return self.split(path, load(path))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        frames = self.read_frames(path)
        shapes: Shapes = {}
        found: list[dict[str, np.ndarray]] = []
        lines: list[tuple[int, int]] = []
        example: Record = {}
        for number, people in zip(frames.numbers, frames.people, strict=True):
            check_people(path, len(people), number)
            for at, record in enumerate(people):
                where = f"person {len(found)} (frame {number})"
                who, taken = self.person(path, record), self.take(path, where, record)
                check_shapes(path, where, taken, shapes)
                if taken:
                    people[at] = Person(record, len(found), tuple(taken))
                    example = example or record
                    found.append(taken)
                    lines.append((number, who))
        shapes = {name: shapes[name] for name in self.fields if name in shapes}
        shapes = shapes or self._fresh_shapes(self.num_keypoints, has_depth=True)
        raw = self._raw(path, found, np.array(lines, np.int64).reshape(-1, 2), shapes)
        numbers = np.array(frames.numbers if frames.frame_numbers is None else frames.frame_numbers, np.int64)
        rest = Document(frames, shapes, example)
        return Parsed(raw, self.skeleton(frames, shapes, raw), rest, np.unique(numbers), frames.attributes)

    def _raw(self, path: Path, found: list[dict[str, np.ndarray]], lines: np.ndarray, shapes: Shapes) -> RawPoses:
        """The raw poses of the numbers of people, [L, 2] with the frame and the id of each."""
        count, width = self._size(shapes)
        check_counts(path, len(found), count)
        is_whole = all(len(each) == len(shapes) and all(v.dtype.kind == "i" for v in each.values()) for each in found)
        values = np.empty((len(found), 1, count, width), np.int64 if is_whole and found else np.float64)
        for line, each in enumerate(found):
            blocks = [each[name] if name in each else np.full(shapes[name], np.nan) for name in shapes]
            values[line, 0] = np.concatenate(blocks, axis=int(self.side_by_side))
            each.clear()
        coords = self._coords(shapes)
        scores = values[..., coords.index(CONFIDENCE)] if CONFIDENCE in coords else np.empty(0)
        return RawPoses(
            values,
            coords,
            lines[:, 0],
            people=lines[:, 1],
            missing=self.missing,
            missing_score=0.0,
            nowhere=self.nowhere,
            is_visibility=self.are_visibilities(scores),
        )

    def _fresh_shapes(self, count: int, has_depth: bool) -> Shapes:
        return {name: (count, len(self.fields[name])) for name in self.fresh_fields(has_depth)}

    def _coords(self, shapes: Shapes) -> Coords:
        """What the coordinates of a keypoint are."""
        each = [self.fields[name] + (OTHER,) * (width - len(self.fields[name])) for name, (_, width) in shapes.items()]
        return tuple(chain.from_iterable(each)) if self.side_by_side else each[0]

    def _size(self, shapes: Shapes) -> tuple[int, int]:
        """How many keypoints, and coordinates of each."""
        counts, widths = zip(*shapes.values(), strict=True)
        return (counts[0], sum(widths)) if self.side_by_side else (sum(counts), widths[0])

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        shapes = self._fresh_shapes(table.skeleton.num_keypoints, table.depth is not None)
        raw = RawPoses.empty(self._size(shapes)[0], self._coords(shapes))
        value, numbers = self.fresh_value(table, False), table.frame_numbers.tolist()
        frames = Frames(numbers, [[] for _ in numbers], value=value, holder=self.holder(value))
        return replace(raw, missing=self.missing, missing_score=0.0), Document(frames, shapes)

    def save(self, path: Path, raw: RawPoses, rest: Document, table: PoseTable) -> None:
        further = [
            Person(self.fresh_person(table, line, rest.example), line, tuple(rest.shapes)) for line in raw.further
        ]
        frames = rest.frames.with_people(further, raw.frames, table.frame_numbers)
        renamed = raw.renamed(table)

        def fill(person: Any) -> Any:
            rows = self._rows(person, raw, rest.shapes)
            record = person.record
            record = self.with_person(record, renamed[person.line]) if person.line in renamed else record
            return self.put(record, rows)

        if self.joins_filled:
            frames.people = [[fill(p) if isinstance(p, Person) else p for p in people] for people in frames.people]
        if frames.is_image and len(frames.numbers) > 1:
            raise bad(path, "content", "stay one image", "people in other frames", "choose another format")
        order = frame_order(np.array(frames.numbers, np.int64), len(rest.frames.numbers))
        self.dump(self.join(frames, order.tolist(), table), path, fill)

    def _rows(self, person: Person, raw: RawPoses, shapes: Shapes) -> dict[str, list[list[Any]]]:
        """The numbers of a person by field; without fields that the record did not have, and of which nobody knows."""
        values, axis = raw.values[person.line, 0], int(self.side_by_side)
        ends = np.cumsum([shape[axis] for shape in shapes.values()])[:-1]
        found = {}
        for name, block in zip(shapes, np.split(values, ends, axis=axis), strict=True):
            nothing = np.isnan(block)
            if name in person.fields or not nothing.all():
                rows = block.astype(object) if nothing.any() else block
                if nothing.any():
                    rows[nothing] = None
                found[name] = rows.tolist()
                for row in found[name] if raw.is_visibility else []:
                    row[-1] = int(row[-1] or 0)
        return found
