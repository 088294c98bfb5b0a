"""CSV with one line a frame, or a person in a frame, and columns such as L0_x, left_knee_y, x12: of many tools."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.headings import asked_roles, keypoint_columns
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, RawPoses, X, Y, coords_of
from kerasmooth.formats.safe_files import bad
from kerasmooth.formats.skeleton_names import index_skeleton, skeleton_of_names
from kerasmooth.formats.text_table import TABLES, fresh_table, header_lines, headings_of
from kerasmooth.formats.wide_table import Layout, WideTable, fresh_wide, side_by_side
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BLAZEPOSE_33

_COORDS = {X: "x", Y: "y", DEPTH: "z", CONFIDENCE: "visibility"}


class WideCsv(WideTable):
    """The frame is a column so called, or the line; a column of people, if any, says who it is. z is the depth."""

    name = "wide_csv"
    description = "CSV with one line a frame and columns nose_x, nose_y ... (MediaPipe and many scripts)"
    suffix = ".csv"
    needs = "NAME_x NAME_y"
    holds = "any"
    holds_one = True
    guesses_unit = True

    def detect(self, path: Path) -> bool:
        if path.suffix.lower() not in TABLES:
            return False
        headings = headings_of(path)[0]
        return bool(keypoint_columns(headings, set())) and not headings[0].startswith("scorer")

    def layout(self, path: Path, columns: Mapping[str, str]) -> Layout:
        header_lines(path, 1)
        headings, dialect = headings_of(path)
        return replace(wide_layout(path, headings, columns), dialect=dialect)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        coords, count = coords_of(table), table.skeleton.num_keypoints
        points = [f"L{i}" for i in range(33)] if count == 33 else list(table.skeleton.keypoints)
        headings = ["frame", *[f"{point}_{_COORDS[coord]}" for point in points for coord in coords]]
        layout = Layout(side_by_side(1, 1, count, coords), coords, table.skeleton)
        return fresh_wide(fresh_table([headings], 1), layout)


def wide_layout(path: Path, headings: list[str], said: Mapping[str, str]) -> Layout:
    """Where what is in a table with these headings. Raises InputError where no keypoint is."""
    roles = asked_roles(path, headings, said)
    frame, person = roles.get("frame", -1), roles.get("person", -1)
    points = keypoint_columns(headings, {frame, person})
    if not points:
        expected = "name columns of x and y, such as nose_x and nose_y"
        raise bad(path, "header", expected, ",".join(headings)[:60], "say which they are with --columns=...")
    names, numbers = list(points), [re.search(r"(\d{1,15})$", name) for name in points]
    if all(numbers):
        order = {name: int(match.group(1)) for name, match in zip(points, numbers, strict=True) if match}
        names = sorted(names, key=lambda name: order[name])
        skeleton = BLAZEPOSE_33 if len(names) == 33 else index_skeleton(len(names))
    else:
        skeleton = skeleton_of_names("mediapipe", names)
    every = np.array([[points[name] for name in names]], np.int64)
    coords = tuple(coord for coord in _COORDS if (every[..., coord] >= 0).any())
    return Layout(every[..., list(coords)], coords, skeleton, frame, person, (0.0, -1.0), headings)
