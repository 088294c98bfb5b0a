"""CSV with one line a keypoint: frame, keypoint, x, y, perhaps z (MediaPipe landmarks, FreeMoCap by frame)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.frame_names import FrameNames
from kerasmooth.formats.headings import asked_roles, roles_of
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.raw_poses import RawPoses, coords_of
from kerasmooth.formats.text_table import TABLES, fresh_table, header_lines, headings_of, read_table
from kerasmooth.formats.tidy_table import COORDS, NEEDED, Tidy, number_columns, parse_tidy, save_tidy
from kerasmooth.pose_table import PoseTable


class TidyCsv(PoseFormat):
    """Keypoints have numbers (33 are MediaPipe's) or names, or a group and a name. z is the depth."""

    name = "tidy_csv"
    description = "CSV with one line a keypoint: frame, keypoint, x, y (MediaPipe, FreeMoCap, tidy tables)"
    suffix = ".csv"
    needs = "keypoint x y"
    holds = "any"
    guesses_unit = True

    def detect(self, path: Path) -> bool:
        return path.suffix.lower() in TABLES and set(NEEDED) <= set(roles_of(headings_of(path)[0]))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        header_lines(path, 1)
        headings, dialect = headings_of(path)
        roles = asked_roles(path, headings, columns)
        for role in NEEDED:
            if role not in roles:
                remedy = f"say which it is with --columns={role}=HEADING"
                raise bad(path, "header", f"name a column of {role}", ",".join(headings)[:60], remedy)
        table, values = read_table(path, 1, number_columns(roles), headings, dialect)
        return parse_tidy(path, table, values, roles)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        coords = coords_of(table)
        headings = ["frame", "person", "keypoint", *(name for name, coord in COORDS.items() if coord in coords)]
        raw = RawPoses.empty(table.skeleton.num_keypoints, coords)
        roles = {name: column for column, name in enumerate(headings)}
        lines, names = np.empty((0, table.skeleton.num_keypoints), np.int64), FrameNames(raw.frames, {}, None)
        keypoints = [("", name) for name in table.skeleton.keypoints]
        return raw, Tidy(fresh_table([headings], 3), roles, lines, names, {}, keypoints)

    def save(self, path: Path, raw: RawPoses, rest: Tidy, table: PoseTable) -> None:
        save_tidy(path, raw, rest, table)
