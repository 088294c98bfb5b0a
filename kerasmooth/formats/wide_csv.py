"""CSV with one line a frame, or a person in a frame, and columns such as L0_x, left_knee_y, x12: of many tools."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.formats.cells import CONFIDENCE, DEPTH, Cells, X, Y, columns_of, coords_of
from kerasmooth.formats.coordinates import unit_and_direction
from kerasmooth.formats.frame_names import FrameNames
from kerasmooth.formats.headings import asked_roles, keypoint_columns
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_single
from kerasmooth.formats.skeleton_json import index_skeleton
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.formats.text_table import (
    TABLES,
    Dialect,
    TextTable,
    frames_of,
    fresh_table,
    header_lines,
    headings_of,
    people_of,
    person_names,
    read_table,
    write_table,
)
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BLAZEPOSE_33, Skeleton

_REMEDY = "one recording a file, or say who is who with --columns=person=HEADING"
_COORDS = {X: "x", Y: "y", DEPTH: "z", CONFIDENCE: "visibility"}


@dataclass(frozen=True, eq=False)
class Wide:
    """The table, the columns of frames and people (-1: none), and what frames and people are called."""

    table: TextTable
    frame_column: int
    person_column: int
    frames: FrameNames
    people: dict[int, str]


class WideCsv(PoseFormat):
    """The frame is a column so called, or the line; a column of people, if any, says who it is. z is the depth."""

    name = "wide_csv"
    description = "CSV with one line a frame and columns nose_x, nose_y ... (MediaPipe and many scripts)"
    suffix = ".csv"
    needs = "NAME_x NAME_y"

    def detect(self, path: Path) -> bool:
        if path.suffix.lower() not in TABLES:
            return False
        headings = headings_of(path)[0]
        return bool(keypoint_columns(headings, set())) and not headings[0].startswith("scorer")

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        header_lines(path, 1)
        headings, dialect = headings_of(path)
        found = asked_roles(path, headings, columns)
        known = {found[role] for role in ("frame", "person") if role in found}
        points = keypoint_columns(headings, known)
        if not points:
            expected = "name columns of x and y, such as nose_x and nose_y"
            raise bad(path, "header", expected, ",".join(headings)[:60], "say which they are with --columns=...")
        wanted = [column for columns_ in points.values() for column in columns_ if column >= 0]
        table, values = read_table(path, 1, wanted, headings, dialect)
        return parse_wide(path, table, values, headings, found, points)

    def describe(self, keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
        return unit_and_direction(keypoints, skeleton)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        check_single(table, path, "this format")
        coords = coords_of(table)
        points = [f"L{i}" for i in range(33)] if table.skeleton.num_keypoints == 33 else list(table.skeleton.keypoints)
        headings = ["frame", *[f"{point}_{_COORDS[coord]}" for point in points for coord in coords]]
        empty = fresh_table(headings, [0], Dialect())
        columns = columns_of(1, len(points), coords)
        cells = Cells(np.empty((0, len(headings) - 1)), np.empty(0, np.int64), columns)
        return Parsed(cells, table.skeleton, Wide(empty, 0, -1, FrameNames(cells.frames, {}, None), {}))

    def converted(self, table: PoseTable, path: Path) -> PoseTable:
        return table

    def save(self, path: Path, cells: Cells, rest: Wide, table: PoseTable) -> None:
        write_table(path, *wide_lines(cells, rest, table))


def parse_wide(
    path: Path,
    table: TextTable,
    values: np.ndarray,
    headings: list[str],
    found: dict[str, int],
    points: dict[str, list[int]],
) -> Parsed:
    """What a table holds whose columns of frame and person are `found`, and those of keypoints `points`."""
    skeleton, names = _skeleton(list(points))
    places = np.array([[points[name] for name in names]], np.int64)
    frame, person = found.get("frame", -1), found.get("person", -1)
    frames = FrameNames(np.arange(len(values)), {}, None)
    if frame >= 0:
        frames = frames_of(path, headings[frame], table.texts[frame])
    people, called = None, dict[int, str]()
    if person >= 0 and not _numbers_lines(frames.frames, table.texts[person]):
        people, called = people_of(table.texts[person])
    if people is None and len(np.unique(frames.frames)) < len(values):
        raise bad(path, "frame numbers", "differ from line to line", "one twice", _REMEDY)
    cells = Cells(
        values,
        frames.frames,
        np.where(places >= 0, np.searchsorted(table.positions, places), -1),
        people=people,
        nowhere=(0.0, -1.0),
        is_single=people is None,
    )
    attributes = {"person_names": called} if called else {}
    return Parsed(cells, skeleton, Wide(table, frame, person, frames, called), attributes=attributes)


def wide_lines(cells: Cells, rest: Wide, table: PoseTable) -> tuple[TextTable, np.ndarray, np.ndarray]:
    """The table, its numbers, and the order of its lines: what there was and what came."""
    texts = rest.table.with_lines(len(cells.further))
    names = [str(rest.frames.name(frame)) for frame in cells.frames[cells.known :].tolist()]
    texts.put(rest.frame_column, cells.further, names)
    renamed = cells.renamed(table)
    texts.put(rest.person_column, renamed, person_names(rest.people, renamed.values()))
    return texts, cells.values, cells.in_order()


def _numbers_lines(frames: np.ndarray, ids: pd.Series) -> bool:
    """Whether a column called id only numbers the lines: it never says the same twice, nor do the frames."""
    return len(ids) > 1 and ids.nunique() == len(ids) and len(np.unique(frames)) == len(frames)


def _skeleton(names: list[str]) -> tuple[Skeleton, list[str]]:
    """The skeleton, and the names in its order."""
    numbers = [re.search(r"(\d{1,15})$", name) for name in names]
    if all(numbers):
        order = {name: int(match.group(1)) for name, match in zip(names, numbers, strict=True) if match}
        names = sorted(names, key=lambda name: order[name])
        return (BLAZEPOSE_33 if len(names) == 33 else index_skeleton(len(names))), names
    return skeleton_of_names("mediapipe", names), names
