"""What the JSON formats share: a document holds people in frames, and a person holds lists of numbers."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.cells import CONFIDENCE, Cells, X, Y, columns_of
from kerasmooth.formats.frame_names import FrameNames
from kerasmooth.formats.json_files import dump, integer, load, numbers
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

Record = dict[str, Any]
_REMEDY = "check what wrote the file"


@dataclass(eq=False)
class Frames:
    """The people of a document.

    Attributes:
      numbers: the frame of each list of people.
      people: the lists; the numbers of a record that has keypoints were taken out of it, its `Person` stands there.
      value: the document that the lists were in.
      names: what the images are called.
      is_image: the file is of one image, and has no place for other frames.
    """

    numbers: list[int]
    people: list[list[Any]]
    value: Any = None
    names: FrameNames | None = None
    is_image: bool = False


@dataclass
class Person:
    """A record whose numbers are in a line of the cells."""

    record: Record
    line: int


@dataclass(frozen=True, eq=False)
class Document:
    """A file's frames, the lengths of the lists of numbers in a record, and where all else of the cells comes from."""

    frames: Frames
    fields: dict[str, int]
    example: Record = field(default_factory=dict)


class JsonFormat(PoseFormat):
    """A JSON file of people. Subclasses say where its people are and where their numbers are.

    `fields` are the lists of numbers in a record, one after the other in a line of the cells: flat lists x, y, score of
    each keypoint unless `columns` says otherwise.
    """

    suffix = ".json"
    person_key: ClassVar[str] = "track_id"
    fields: ClassVar[tuple[str, ...]] = ("keypoints",)
    absent: ClassVar[tuple[float, float, float | None]] = (0.0, 0.0, 0.0)
    nowhere: ClassVar[tuple[float, ...]] = ()
    joins_filled: ClassVar[bool] = False
    """Whether `join` needs the people with their numbers; otherwise these are filled in one by one when written."""

    @abstractmethod
    def split(self, path: Path, value: Any) -> Frames:
        """The frames of a document. Raises InputError where it is none of this format."""

    @abstractmethod
    def join(self, frames: Frames, order: list[int]) -> Any:
        """The document of frames, to be taken in this order; `frames.value` is that which was split, or None."""

    def load(self, path: Path) -> Any:
        """The value in a file."""
        return load(path)

    def dump(self, value: Any, path: Path, fill: Any) -> None:
        """Writes a value whose people are filled in with `fill`."""
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            dump(value, stream, fill)

    def take(self, path: Path, where: str, record: Record) -> dict[str, np.ndarray]:
        """The lists of numbers of a record by field, taken out of it; without fields that are absent or empty."""
        found = {}
        for name in self.fields:
            values = record.get(name)
            if values is not None and not (isinstance(values, list) and not values):
                found[name] = numbers(path, f"{name} of {where}", values)
                record[name] = None
        return found

    def put(self, record: Record, values: dict[str, list[Any]]) -> Record:
        """A record with its lists of numbers."""
        return {**record, **values}

    def columns(self, path: Path, fields: dict[str, int]) -> np.ndarray:
        """Where in a line, which has so many numbers for each field, the keypoints stand: int64 [1, K, 4]."""
        total = sum(fields.values())
        if any(length % 3 for length in fields.values()):
            received = f"{total} values"
            raise bad(path, self.fields[0], "hold x, y, score of each keypoint", received, "one skeleton a file")
        return columns_of(1, total // 3, (X, Y, CONFIDENCE))

    def skeleton(self, frames: Frames, fields: dict[str, int], cells: Cells) -> Skeleton:
        """Of the keypoints of a document."""
        return skeleton_of_count(cells.columns.shape[1])

    def are_flags(self, scores: np.ndarray) -> bool:
        """Whether the scores of a file are COCO's visibility."""
        return False

    def person(self, path: Path, record: Record) -> int:
        """Who it is, -1 if the record does not say."""
        value = record.get(self.person_key)
        while isinstance(value, list):
            value = value[0] if value else None
        if value is None:
            return -1
        # Some trackers write 3.0 or, before they have an id, -1.
        return max(-1, integer(path, self.person_key, value))

    def with_person(self, record: Record, person: int) -> Record:
        """A record with another id."""
        return {**record, self.person_key: [person] if isinstance(record.get(self.person_key), list) else person}

    @abstractmethod
    def fresh_person(self, table: PoseTable, row: int, example: Record) -> Record:
        """A record for a row of a table, without numbers and id; `example` is one of the file's."""

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        return self.parsed(path, self.split(path, self.load(path)))

    def parsed(self, path: Path, frames: Frames) -> Parsed:
        """What frames hold; the numbers are taken out of their records."""
        found = _Lines(self, path)
        for number, people in zip(frames.numbers, frames.people, strict=True):
            for at, record in enumerate(people):
                people[at] = found.add(number, record)
        cells = found.cells()
        skeleton = self.skeleton(frames, found.fields, cells)
        rest = Document(frames, found.fields, found.example)
        return Parsed(cells, skeleton, rest, frame_numbers=np.unique(np.array(frames.numbers, np.int64)))

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        fields = self.fresh_fields(table)
        columns = self.columns(path, fields)
        empty = np.empty(0, np.int64)
        cells = Cells(np.empty((0, sum(fields.values()))), empty, columns, people=empty, missing=self.absent)
        frames = Frames(table.frame_numbers.tolist(), [[] for _ in table.frame_numbers])
        return Parsed(cells, table.skeleton, Document(frames, fields))

    def empty_fields(self) -> dict[str, int]:
        """As `fresh_fields`, for a file without anybody."""
        return {self.fields[0]: 51}

    def fresh_fields(self, table: PoseTable) -> dict[str, int]:
        """The lengths of the lists of numbers in a record of a fresh file."""
        return {self.fields[0]: 3 * table.skeleton.num_keypoints}

    def save(self, path: Path, cells: Cells, rest: Document, table: PoseTable) -> None:
        frames, fill = self.filled(cells, rest, table)
        if self.joins_filled:
            frames.people = [
                [fill(each) if isinstance(each, Person) else each for each in list_] for list_ in frames.people
            ]
        if frames.is_image and len(frames.numbers) > 1:
            raise bad(path, "content", "stay one image", "people in other frames", "choose another format")
        numbers = np.array(frames.numbers, np.int64)
        known = len(rest.frames.numbers)
        in_order = np.all(np.diff(numbers[:known]) >= 0)
        order = np.argsort(numbers, kind="stable") if in_order else np.arange(len(numbers))
        self.dump(self.join(frames, order.tolist()), path, fill)

    def filled(self, cells: Cells, rest: Document, table: PoseTable) -> tuple[Frames, Any]:
        """The frames of a document with the people that a table adds, and what gives the record of a `Person`."""
        people = [list(each) for each in rest.frames.people]
        numbers = list(rest.frames.numbers)
        place = {number: at for at, number in reversed(list(enumerate(numbers)))}
        for number in np.setdiff1d(table.frame_numbers, np.array(numbers, np.int64)).tolist():
            place[number] = len(numbers)
            numbers.append(number)
            people.append([])
        for line in cells.further:
            record = self.fresh_person(table, line, rest.example)
            people[place[int(cells.frames[line])]].append(Person(record, line))
        renamed = cells.renamed(table)
        starts = dict(zip(rest.fields, np.cumsum([0, *rest.fields.values()]).tolist(), strict=False))
        flags = set(cells.columns[..., CONFIDENCE].ravel().tolist()) if cells.flags else set()

        def fill(person: Any) -> Record:
            values = cells.values[person.line]
            lists: dict[str, list[Any]] = {}
            for name, length in rest.fields.items():
                part = values[starts[name] : starts[name] + length]
                # A list that a record of the file did not have, and still nobody knows anything of.
                known = person.line >= cells.known or person.record.get(name, _NOTHING) is None
                if known or not np.isnan(part).all():
                    lists[name] = [None if value != value else value for value in part.tolist()]
                    for at in flags & set(range(starts[name], starts[name] + length)):
                        lists[name][at - starts[name]] = int(values[at])
            record = self.put(person.record, lists)
            return self.with_person(record, renamed[person.line]) if person.line in renamed else record

        return replace(rest.frames, numbers=numbers, people=people), fill


_NOTHING = object()


class _Lines:
    """Collects the numbers of records, one line each."""

    def __init__(self, form: JsonFormat, path: Path) -> None:
        self._form, self._path = form, path
        self.fields: dict[str, int] = {}
        self.example: Record = {}
        self._frames: list[int] = []
        self._people: list[int] = []
        self._lines: list[dict[str, np.ndarray]] = []

    def add(self, frame: int, record: Any) -> Any:
        """The record, or the person that it is if it has any numbers."""
        if type(record) is not dict:
            raise bad(self._path, f"people of frame {frame}", "be a list of objects", record, _REMEDY)
        person = self._form.person(self._path, record)
        where = f"person {len(self._lines)} (frame {frame})"
        found = self._form.take(self._path, where, record)
        if not found:
            return record
        for name, values in found.items():
            if self.fields.setdefault(name, len(values)) != len(values):
                expected = f"hold {self.fields[name]} numbers as the others"
                raise bad(self._path, f"{name} of {where}", expected, f"{len(values)} values", "one skeleton a file")
        self._lines.append(found)
        self.example = self.example or record
        self._frames.append(frame)
        self._people.append(person)
        return Person(record, len(self._lines) - 1)

    def cells(self) -> Cells:
        form = self._form
        # The order of the format, not that of the first record.
        self.fields = {name: self.fields[name] for name in form.fields if name in self.fields}
        fields = self.fields or form.empty_fields()
        width = sum(fields.values())
        columns = form.columns(self._path, fields)
        check_counts(self._path, len(self._lines), columns.shape[1])
        whole = all(values.dtype.kind in "iu" for line in self._lines for values in line.values())
        complete = all(len(line) == len(fields) for line in self._lines)
        kind = np.int64 if whole and complete else np.float64
        values = (
            np.zeros((len(self._lines), width), kind)
            if kind is np.int64
            else np.full((len(self._lines), width), np.nan)
        )
        for at, line in enumerate(self._lines):
            start = 0
            for name, length in fields.items():
                if name in line:
                    values[at, start : start + length] = line[name]
                start += length
            line.clear()
        self.fields = fields
        scores = values[:, columns[0, :, CONFIDENCE]] if (columns[..., CONFIDENCE] >= 0).all() else np.empty(0)
        return Cells(
            values,
            np.array(self._frames, np.int64),
            columns,
            people=np.array(self._people, np.int64),
            missing=form.absent,
            nowhere=form.nowhere,
            flags=form.are_flags(scores),
        )


def records_of(path: Path, what: str, value: Any) -> list[Record]:
    """A list of objects, copied. Raises InputError for anything else."""
    if not isinstance(value, list) or any(type(each) is not dict for each in value):
        culprit = value if not isinstance(value, list) else next(each for each in value if type(each) is not dict)
        raise bad(path, what, "be a list of objects", culprit, _REMEDY)
    return list(value)


def runs(numbers: list[int], records: list[Record]) -> tuple[list[int], list[list[Record]]]:
    """Frames and lists of records that follow each other in a list of people with the frame of each."""
    frames: list[int] = []
    people: list[list[Record]] = []
    for number, record in zip(numbers, records, strict=True):
        if not frames or frames[-1] != number:
            frames.append(number)
            people.append([])
        people[-1].append(record)
    return frames, people


def box_of(keypoints: np.ndarray) -> list[float]:
    """x, y, width, height around the keypoints [K, 2] that are there; zeros around none."""
    there = keypoints[~np.isnan(keypoints).any(axis=1)]
    if not len(there):
        return [0.0, 0.0, 0.0, 0.0]
    low, high = there.min(axis=0), there.max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def mean_score(confidence: np.ndarray) -> float:
    """Mean over the keypoints of [K] that are there; 1 where all are unknown, 0 where none is there."""
    if np.isnan(confidence).all():
        return 1.0
    return float(confidence[confidence > 0].mean()) if (confidence > 0).any() else 0.0
