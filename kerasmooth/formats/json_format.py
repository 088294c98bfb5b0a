"""What the JSON formats share: a document holds frames, a frame holds people, a person holds lists of numbers."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.frame_names import Names
from kerasmooth.formats.json_files import dump, first_and_keys, integer, load, numbers
from kerasmooth.formats.json_frames import Frames, Record, Shapes, first_name, records_of
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts, check_people
from kerasmooth.formats.raw_poses import CONFIDENCE, OTHER, Coords, RawPoses, X, Y
from kerasmooth.formats.safe_files import bad, replacing
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton


class JsonFormat(PoseFormat):
    """A JSON file of people. Subclasses say by name where frames, people, ids and numbers are.

    Attributes:
      frames_at: the field of the document that may hold the list of frames; otherwise the document is the list.
      people_at: fields of a frame that may hold its list of people; without any the frame is the list.
      number_at: fields of a frame that may hold its number; without any it is the place in the list.
      person_at: the field of a person's id; empty where people have none.
      fields: a person's lists of numbers, and what coordinates of a keypoint each has; others are kept.
      side_by_side: each field has other coordinates of the same keypoints; otherwise each has further keypoints.
      missing, unseen_at: see `RawPoses`.
      num_keypoints: of a file without anybody.
      image_names: how images of fresh files are called (see `Names.pattern`); None where they have numbers.
      folder_ending: of the names of files in a folder of one an image; empty where there are no such folders.
    """

    suffix = ".json"
    frames_at: str = ""
    people_at: tuple[str, ...] = ()
    number_at: tuple[str, ...] = ()
    person_at: str = "track_id"
    fields: Mapping[str, Coords] = {"keypoints": (X, Y, CONFIDENCE)}
    side_by_side: bool = False
    missing: tuple[float, float] = (0.0, 0.0)
    unseen_at: tuple[float, ...] = ()
    num_keypoints: int = 17
    image_names: tuple[str, int, str] | None = None
    folder_ending: str = ""

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
        """The numbers of a record by field, [n, c]; without fields that are absent or empty."""
        found = {}
        for name in self.fields:
            values = record.get(name)
            if values is None or (isinstance(values, list) and not values):
                continue
            flat = numbers(path, f"{name} of {where}", values)
            if len(flat) % 3:
                raise bad(path, name, "hold x, y, score of each keypoint", f"{len(flat)} values", "one skeleton a file")
            found[name] = flat.reshape(-1, 3)
        return found

    def put(self, record: Record, rows: dict[str, np.ndarray]) -> Record:
        """A record with its numbers, the inverse of `take`."""
        return {**record, **{name: each.ravel() for name, each in rows.items()}}

    def fresh_shapes(self, keypoints: int, has_depth: bool) -> Shapes:
        """Of the numbers of a person in a fresh file."""
        names = list(self.fields) if self.side_by_side else list(self.fields)[:1]
        return {name: (keypoints, len(self.fields[name])) for name in names}

    def skeleton(self, frames: Frames, shapes: Shapes, raw: RawPoses) -> Skeleton:
        """Of the keypoints of a document."""
        return skeleton_of_count(raw.values.shape[2])

    def are_visibilities(self, scores: np.ndarray) -> bool:
        """Whether the scores of a file are COCO's visibility."""
        return False

    def person(self, path: Path, record: Record) -> int:
        """Who it is, -1 if the record does not say."""
        value = record.get(self.person_at)
        while isinstance(value, list):
            value = next(iter(value), None)
        # Some trackers write 3.0 or, before they have an id, -1.
        return -1 if value is None else max(-1, integer(path, self.person_at, value))

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        return first != "" and self.fits(first, keys)

    def split(self, path: Path, value: Any) -> Frames:
        """The frames of a document. Raises InputError where it is none of this format."""
        is_held = isinstance(value, dict) and self.frames_at in value
        entries = value[self.frames_at] if is_held else value
        is_image = self.is_image(entries)
        entries = [entries] if is_image else entries
        if not isinstance(entries, list):
            expected = f"be a list of frames, or a frame with {' or '.join(self.people_at) or 'people'}"
            raise bad(path, self.frames_at if is_held else "content", expected, entries)
        people = [self.people_of(path, at, entry) for at, entry in enumerate(entries)]
        name, frame_numbers = first_name(self.number_at, entries), list(range(len(entries)))
        if name:
            found = [each.get(name) if isinstance(each, dict) else None for each in entries]
            frame_numbers = [integer(path, f"{name} of frame entry {at}", each) for at, each in enumerate(found)]
        if len(set(frame_numbers)) < len(frame_numbers):
            raise bad(path, name, "differ from frame to frame", "one twice")
        return Frames(frame_numbers, people, entries, value, is_image)

    def is_image(self, entries: Any) -> bool:
        """Whether this is one frame, not a list of them."""
        if isinstance(entries, dict):
            return any(name in entries for name in self.people_at)
        are_objects = isinstance(entries, list) and entries != [] and all(isinstance(each, dict) for each in entries)
        return are_objects and not first_name((*self.people_at, *self.number_at), entries)

    def people_of(self, path: Path, at: int, entry: Any) -> list[Record]:
        """The people of a frame. Raises InputError where there is no list of them."""
        people = entry
        if isinstance(entry, dict):
            people = next((entry[name] for name in self.people_at if name in entry), None)
        return records_of(path, f"people of frame {at}", people)

    def join(self, frames: Frames, table: PoseTable) -> Any:
        """The document of frames, the inverse of `split`."""
        people_at = first_name(self.people_at, frames.entries) or "".join(self.people_at[:1])
        number_at = first_name(self.number_at, frames.entries) or "".join(self.number_at[:1])
        are_lists = any(isinstance(entry, list) for entry in frames.entries)
        entries = []
        for number, people, entry in zip(frames.numbers, frames.people, frames.entries, strict=True):
            new: Any = [] if are_lists else {number_at: number} if number_at else {}
            entries.append(self.with_people(new if entry is None else entry, people_at, people))
        joined: Any = entries[0] if frames.is_image else entries
        if isinstance(frames.value, dict) and self.frames_at in frames.value:
            return {**frames.value, self.frames_at: joined}
        return type(frames.value)(joined) if isinstance(frames.value, list) else joined

    def with_people(self, entry: Any, name: str, people: list[Record]) -> Any:
        """A frame with its people, in the field of that name if the frame is an object."""
        if isinstance(entry, dict) and name:
            return {**entry, next((each for each in self.people_at if each in entry), name): people}
        return people

    def _read(self, path: Path) -> Frames:
        return self.split(path, load(path))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        frames = self._read(path)
        for number, people in zip(frames.numbers, frames.people, strict=True):
            check_people(path, len(people), number)
        shapes: Shapes = {}
        found: list[dict[str, np.ndarray]] = []
        lines: list[tuple[int, int]] = []
        for number, record in frames.in_turn():
            where = f"person {len(found)} (frame {number})"
            who, taken = self.person(path, record), self.take(path, where, record)
            for name, values in taken.items():
                if shapes.setdefault(name, values.shape) != values.shape:
                    expected = f"hold {math.prod(shapes[name])} numbers as the others"
                    raise bad(path, f"{name} of {where}", expected, f"{values.size} values", "one skeleton a file")
            if taken:
                found.append(taken)
                lines.append((number, who))
        shapes = {name: shapes[name] for name in self.fields if name in shapes}
        shapes = shapes or self.fresh_shapes(self.num_keypoints, has_depth=True)
        raw = self._raw(path, found, np.array(lines, np.int64).reshape(-1, 2), shapes)
        every = np.unique(np.array([*frames.numbers, *frames.frame_numbers], np.int64))
        return Parsed(raw, self.skeleton(frames, shapes, raw), (frames, shapes), every, frames.attributes)

    def _raw(self, path: Path, found: list[dict[str, np.ndarray]], lines: np.ndarray, shapes: Shapes) -> RawPoses:
        """The raw poses of the numbers of people, [L, 2] with the frame and the id of each."""
        keypoints, coords = self._layout(shapes)
        check_counts(path, len(found), keypoints)
        is_whole = all(len(each) == len(shapes) and all(v.dtype.kind == "i" for v in each.values()) for each in found)
        values = np.empty((len(found), 1, keypoints, len(coords)), np.int64 if is_whole and found else np.float64)
        for line, each in enumerate(found):
            blocks = [each[name] if name in each else np.full(shapes[name], np.nan) for name in shapes]
            values[line, 0] = np.concatenate(blocks, axis=int(self.side_by_side))
        scores = values[..., coords.index(CONFIDENCE)] if CONFIDENCE in coords else np.empty(0)
        is_visibility = self.are_visibilities(scores)
        return RawPoses(values, coords, lines[:, 0], lines[:, 1], self.missing, 0.0, self.unseen_at, is_visibility)

    def _layout(self, shapes: Shapes) -> tuple[int, Coords]:
        """How many keypoints there are, and what the coordinates of each are."""
        counts = [each for each, _ in shapes.values()]
        coords = [(self.fields[name] + (OTHER,) * width)[:width] for name, (_, width) in shapes.items()]
        return (counts[0], tuple(chain.from_iterable(coords))) if self.side_by_side else (sum(counts), coords[0])

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        shapes = self.fresh_shapes(table.skeleton.num_keypoints, table.depth is not None)
        raw = self._raw(path, [], np.empty((0, 2), np.int64), shapes)
        value, names = self.fresh_value(table, False), Names(pattern=self.image_names)
        return raw, (Frames([], [], value=value, names=names), shapes)

    def save(self, path: Path, raw: RawPoses, rest: tuple[Frames, Shapes], table: PoseTable) -> None:
        frames, shapes = rest
        grown = frames.with_frames(table.frame_numbers.tolist())
        if frames.is_image and len(grown.numbers) > 1:
            raise bad(path, "content", "stay one image", "people in other frames", "choose another format")
        example = next((record for people in frames.people for record in people), {})
        lines, renamed = count(), raw.renamed(table)
        for people in grown.people:
            for at, record in enumerate(people):
                if had := self.take(path, "a person", record):
                    people[at] = self._filled(record, next(lines), had, raw, shapes, renamed)
        of_frame = dict(zip(reversed(grown.numbers), reversed(grown.people), strict=True))
        for line in raw.further:
            record = self.fresh_person(table, line, example)
            of_frame[int(raw.frames[line])].append(self._filled(record, line, shapes, raw, shapes, renamed))
        self._write(self.join(grown.in_order(known=len(frames.numbers)), table), path)

    def _filled(
        self, record: Record, line: int, had: Iterable[str], raw: RawPoses, shapes: Shapes, renamed: dict[int, int]
    ) -> Record:
        """A record with its numbers and id; without fields that it had not, and of which nobody knows anything."""
        if line in renamed and self.person_at:
            who = renamed[line]
            record = {**record, self.person_at: [who] if isinstance(record.get(self.person_at), list) else who}
        axis = int(self.side_by_side)
        ends = np.cumsum([shape[axis] for shape in shapes.values()])[:-1]
        rows = {}
        for name, block in zip(shapes, np.split(raw.values[line, 0], ends, axis=axis), strict=True):
            nothing = np.isnan(block)
            if name not in had and nothing.all():
                continue
            rows[name] = block.astype(object) if nothing.any() or raw.is_visibility else block
            if nothing.any():
                rows[name][nothing] = None
            for row in rows[name] if raw.is_visibility else []:
                row[-1] = int(row[-1] or 0)
        return self.put(record, rows)

    def _write(self, value: Any, path: Path) -> None:
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            dump(value, stream)
