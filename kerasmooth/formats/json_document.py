"""A JSON document of poses: its frames, and the people in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.frame_names import FrameNames
from kerasmooth.formats.json_files import integer
from kerasmooth.formats.limits import bad
from kerasmooth.pose_table import PoseTable

Record = dict[str, Any]
Shapes = dict[str, tuple[int, int]]
"""For each field of numbers how many keypoints it has, and how many coordinates of each."""


@dataclass(eq=False)
class Frames:
    """The people of a document.

    Attributes:
      numbers: the frame of each list of people.
      people: the lists; where a record had keypoints, its `Person` takes its place.
      entries: what each frame is in the document.
      value: the document.
      holder: the field of the document that holds the frames; empty where the document is the list of frames.
      is_image: the document is one frame, and has no place for others.
      names: what the images are called.
      frame_numbers: every frame, if the document knows of more.
      attributes: of the table, such as image_size.
    """

    numbers: list[int]
    people: list[list[Any]]
    entries: list[Any] = field(default_factory=list)
    value: Any = None
    holder: str = ""
    is_image: bool = False
    names: FrameNames | None = None
    frame_numbers: list[int] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    def with_people(self, further: list["Person"], frame_of_line: np.ndarray, frame_numbers: np.ndarray) -> "Frames":
        """A copy with further people in the frames of their lines, and with further frames behind."""
        people = [list(each) for each in self.people]
        numbers = list(self.numbers)
        place = {number: at for at, number in reversed(list(enumerate(numbers)))}
        for number in np.setdiff1d(frame_numbers, np.array(numbers, np.int64)).tolist():
            place[number] = len(numbers)
            numbers.append(number)
            people.append([])
        for person in further:
            people[place[int(frame_of_line[person.line])]].append(person)
        return replace(self, numbers=numbers, people=people)


@dataclass
class Person:
    """A record, the fields of numbers that were taken out of it, and the line of the raw poses that has them."""

    record: Record
    line: int
    fields: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Document:
    """A file's frames, the shapes of the numbers in a record, and one of its records as an example."""

    frames: Frames
    shapes: Shapes
    example: Record = field(default_factory=dict)


class FrameLists:
    """Where the frames of a document and the people of a frame are.

    Attributes:
      frames_at: fields of the document that may hold the list of frames; without any the document is the list.
      people_at: fields of a frame that may hold its list of people; without any the frame is the list.
      number_at: fields of a frame that may hold its number; without any it is the place in the list.
    """

    frames_at: tuple[str, ...] = ()
    people_at: tuple[str, ...] = ()
    number_at: tuple[str, ...] = ()

    def holder(self, value: Any) -> str:
        """The field of a document that holds its frames; empty where it is the list of them."""
        return first_name(self.frames_at, [value])

    def split(self, path: Path, value: Any) -> Frames:
        """The frames of a document. Raises InputError where it is none of this format."""
        holder = self.holder(value)
        entries = value[holder] if holder else value
        is_image = self.is_image(entries)
        if is_image:
            entries = [entries]
        if not isinstance(entries, list):
            expected = f"be a list of frames, or a frame with {' or '.join(self.people_at) or 'people'}"
            raise bad(path, holder or "content", expected, entries)
        people = [self.people_of(path, at, entry) for at, entry in enumerate(entries)]
        name, numbers = first_name(self.number_at, entries), list(range(len(entries)))
        if name:
            found = [each.get(name) if isinstance(each, dict) else None for each in entries]
            numbers = [integer(path, f"{name} of frame entry {at}", number) for at, number in enumerate(found)]
        if len(set(numbers)) < len(numbers):
            raise bad(path, name, "differ from frame to frame", "one twice")
        return Frames(numbers, people, entries, value, holder, is_image)

    def is_image(self, entries: Any) -> bool:
        """Whether this is one frame, not a list of them."""
        if isinstance(entries, dict):
            return any(name in entries for name in self.people_at)
        if not isinstance(entries, list) or not entries or not all(isinstance(each, dict) for each in entries):
            return False
        return not first_name((*self.people_at, *self.number_at), entries)

    def people_of(self, path: Path, at: int, entry: Any) -> list[Record]:
        """The people of a frame. Raises InputError where there is no list of them."""
        people = entry
        if isinstance(entry, dict):
            people = next((entry[name] for name in self.people_at if name in entry), None)
        return records_of(path, f"people of frame {at}", people)

    def join(self, frames: Frames, order: list[int], table: PoseTable) -> Any:
        """The document of frames, to be taken in this order."""
        people_name = first_name(self.people_at, frames.entries) or next(iter(self.people_at), "")
        number_name = first_name(self.number_at, frames.entries) or next(iter(self.number_at), "")
        entries = []
        for at in order:
            new: Record = {number_name: frames.numbers[at]} if number_name else {}
            entry = frames.entries[at] if at < len(frames.entries) else new
            entries.append(self.with_people(entry, people_name, frames.people[at]))
        joined: Any = entries[0] if frames.is_image else entries
        if frames.holder:
            return {**frames.value, frames.holder: joined}
        return type(frames.value)(joined) if isinstance(frames.value, list) else joined

    def with_people(self, entry: Any, name: str, people: list[Any]) -> Any:
        """A frame with its people, in the field of that name if the frame is an object."""
        if isinstance(entry, dict) and name:
            return {**entry, next((each for each in self.people_at if each in entry), name): people}
        return people


def check_shapes(path: Path, where: str, found: dict[str, np.ndarray], shapes: Shapes) -> None:
    """Adds the shapes of a record's numbers. Raises InputError where they differ from those of the others."""
    for name, values in found.items():
        count, width = shapes.setdefault(name, (values.shape[0], values.shape[1]))
        if values.shape != (count, width):
            expected = f"hold {count * width} numbers as the others"
            raise bad(path, f"{name} of {where}", expected, f"{values.size} values", "one skeleton a file")


def first_name(names: Sequence[str], entries: list[Any]) -> str:
    """The first of some names of fields that any of the entries has; empty where none does."""
    return next((name for name in names if any(isinstance(each, dict) and name in each for each in entries)), "")


def records_of(path: Path, what: str, value: Any) -> list[Record]:
    """A list of objects, copied. Raises InputError for anything else."""
    if not isinstance(value, list) or any(type(each) is not dict for each in value):
        culprit = value if not isinstance(value, list) else next(each for each in value if type(each) is not dict)
        raise bad(path, what, "be a list of objects", culprit)
    return list(value)


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
