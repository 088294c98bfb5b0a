"""JSON whose people lie in lists of their frames: what MMPose and Ultralytics share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.json_files import JsonStyle, integer
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Source, changed_confidence, changed_positions
from kerasmooth.formats.triples import Record
from kerasmooth.pose_table import PoseTable

People = list[Record]


@dataclass(frozen=True, eq=False)
class Instances:
    """A file's people by frame.

    Attributes:
      value: the whole file.
      frames: frame number of each list of people.
      people: the lists.
      places: (list, person) of each row.
      style: of the text.
    """

    value: Any
    frames: list[int]
    people: list[People]
    places: list[tuple[int, int]]
    style: JsonStyle


def check_people(path: Path, where: str, people: Any) -> People:
    """`people` if it is a list of objects. Raises InputError otherwise."""
    if not isinstance(people, list) or any(type(person) is not dict for person in people):
        raise bad(path, where, "be a list of people", people, "check what wrote the file")
    return people


def find_places(people: list[People], has_keypoints: Callable[[Record], bool]) -> list[tuple[int, int]]:
    """(list, person) of everyone with keypoints."""
    return [(at, i) for at, each in enumerate(people) for i, person in enumerate(each) if has_keypoints(person)]


def person_ids(path: Path, instances: Instances, key: str) -> np.ndarray:
    """int64 [D]; -1 for none, and for the second one with the same id in a frame."""
    seen: set[tuple[int, int]] = set()
    ids = []
    for at, i in instances.places:
        value = instances.people[at][i].get(key)
        person = -1 if value is None else max(-1, integer(path, key, value))
        ids.append(-1 if (at, person) in seen else person)
        seen.add((at, person))
    return np.array(ids, np.int64)


def updated(
    table: PoseTable,
    source: Source,
    person_key: str,
    change: Callable[[Record, int, np.ndarray], Record],
    fresh: Callable[[int], Record],
) -> tuple[list[People], dict[int, People]]:
    """The lists of people with what changed and what was added, and the lists of frames that the file did not have.

    Args:
      table: to write.
      source: of the table, with an Instances payload.
      person_key: of the id in a record.
      change: (record, row, moved bool [K]) -> the record with the keypoints `moved`.
      fresh: row -> record of an added row.
    """
    instances: Instances = source.payload
    moved = changed_positions(table, source) | changed_confidence(table, source)
    rows = len(moved)
    renamed = (table.people[:rows] != source.people) & (table.people[:rows] >= 0)
    people = [list(each) for each in instances.people]
    for row in np.flatnonzero(moved.any(axis=1) | renamed).tolist():
        at, i = instances.places[row]
        record = change(people[at][i], row, moved[row]) if moved[row].any() else people[at][i]
        people[at][i] = {**record, person_key: int(table.people[row])} if renamed[row] else record
    index = {frame: at for at, frame in enumerate(instances.frames)}
    further: dict[int, People] = {int(f): [] for f in table.frame_numbers if int(f) not in index}
    for row in range(rows, len(table.frames)):
        frame = int(table.frames[row])
        (people[index[frame]] if frame in index else further[frame]).append(fresh(row))
    return people, further
