"""The frames of a JSON document, and the records of people in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.frame_names import Names
from kerasmooth.formats.raw_poses import frame_order
from kerasmooth.formats.safe_files import bad

Record = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]
"""For each field of numbers how many keypoints it has, and how many coordinates of each."""


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of a document.

    Attributes:
      numbers: the number of each.
      people: the records of people in each.
      entries: what each is in the document; None for further ones.
      value: the document.
      is_image: the document is one frame, and has no place for others.
      names: what the images are called.
      frame_numbers: every frame, if the document knows of more.
      attributes: of the table, such as image_size.
    """

    numbers: list[int]
    people: list[list[Record]]
    entries: list[Any] = field(default_factory=list)
    value: Any = None
    is_image: bool = False
    names: Names = field(default_factory=Names)
    frame_numbers: list[int] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)

    def with_frames(self, numbers: list[int]) -> "Frames":
        """A copy whose lists of people may grow, with further frames behind."""
        further = sorted(set(numbers) - set(self.numbers))
        entries = self.entries + [None] * (len(self.numbers) + len(further) - len(self.entries))
        people = [list(each) for each in self.people] + [[] for _ in further]
        return replace(self, numbers=self.numbers + further, people=people, entries=entries)

    def in_order(self, known: int) -> "Frames":
        """A copy in the order of `frame_order`."""
        order = frame_order(np.array(self.numbers, np.int64), known).tolist()
        numbers, entries = [self.numbers[i] for i in order], [self.entries[i] for i in order]
        return replace(self, numbers=numbers, people=[self.people[i] for i in order], entries=entries)

    def in_turn(self) -> list[tuple[int, Record]]:
        """The frame number of each person, and the person."""
        return [(number, person) for number, people in zip(self.numbers, self.people, strict=True) for person in people]


def first_name(names: Sequence[str], entries: list[Any]) -> str:
    """The first of some names of fields that any of the entries has; empty where none does."""
    return next((name for name in names if any(isinstance(each, dict) and name in each for each in entries)), "")


def size_said(images: list[Any], height: str, width: str) -> dict[str, Any]:
    """The image_size of a table, where all images say the same one in these fields."""
    sizes = {(image.get(height), image.get(width)) if isinstance(image, dict) else None for image in images}
    size = sizes.pop() if len(sizes) == 1 else None
    return {"image_size": size} if size and all(type(side) is int and side > 0 for side in size) else {}


def records_of(path: Path, what: str, value: Any) -> list[Record]:
    """A list of objects. Raises InputError for anything else."""
    if not isinstance(value, list) or any(type(each) is not dict for each in value):
        culprit = value if not isinstance(value, list) else next(each for each in value if type(each) is not dict)
        raise bad(path, what, "be a list of objects", culprit)
    return value
