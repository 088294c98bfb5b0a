"""CSV with one line a keypoint: frame, keypoint, x, y, perhaps z (MediaPipe landmarks, FreeMoCap by frame)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.formats.cells import CONFIDENCE, DEPTH, Cells, X, Y, columns_of, coords_of
from kerasmooth.formats.coordinates import unit_and_direction
from kerasmooth.formats.frame_names import FrameNames
from kerasmooth.formats.headings import asked_roles, roles
from kerasmooth.formats.limits import MAX_KEYPOINTS, bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat
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
from kerasmooth.skeletons import BLAZEPOSE_33, SKELETONS, Skeleton

COORDS = {"x": X, "y": Y, "z": DEPTH, "confidence": CONFIDENCE}
NEEDED = ("keypoint", "x", "y")


@dataclass(frozen=True, eq=False)
class Tidy:
    """How the lines of a table of keypoints belong together.

    Attributes:
      table: the table.
      roles: the column of frame, person, keypoint, group, x, y, z, confidence.
      lines: int64 [L, K], the line of each keypoint of each person in a frame, -1 for none.
      frames: what frames are called.
      people: what people are called.
      keypoints: (group, keypoint) as they stand in the table.
    """

    table: TextTable
    roles: dict[str, int]
    lines: np.ndarray
    frames: FrameNames
    people: dict[int, str]
    keypoints: list[tuple[str, str]]


class TidyCsv(PoseFormat):
    """Keypoints have numbers (33 are MediaPipe's) or names, or a group and a name. z is the depth."""

    name = "tidy_csv"
    description = "CSV with one line a keypoint: frame, keypoint, x, y (MediaPipe, FreeMoCap, tidy tables)"
    suffix = ".csv"
    needs = "keypoint x y"

    def detect(self, path: Path) -> bool:
        return path.suffix.lower() in TABLES and set(NEEDED) <= set(roles(headings_of(path)[0]))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        header_lines(path, 1)
        headings, dialect = headings_of(path)
        found = asked_roles(path, headings, columns)
        for role in NEEDED:
            if role not in found:
                remedy = f"say which it is with --columns={role}=HEADING"
                raise bad(path, "header", f"name a column of {role}", ",".join(headings)[:60], remedy)
        positions = [found[name] for name in COORDS if name in found]
        table, values = read_table(path, 1, positions, headings, dialect)
        return parse_tidy(path, table, values, found)

    def describe(self, keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
        return unit_and_direction(keypoints, skeleton)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        coords = coords_of(table)
        names = [name for name, coord in COORDS.items() if coord in coords]
        headings = ["frame", "person", "keypoint", *names]
        found = {name: column for column, name in enumerate(headings)}
        keypoints = [("", name) for name in table.skeleton.keypoints]
        columns = columns_of(1, len(keypoints), coords)
        empty = np.empty(0, np.int64)
        cells = Cells(np.empty((0, columns.size - (columns < 0).sum())), empty, columns, people=empty)
        lines = np.empty((0, len(keypoints)), np.int64)
        rest = Tidy(
            fresh_table(headings, [0, 1, 2], Dialect()), found, lines, FrameNames(empty, {}, None), {}, keypoints
        )
        return Parsed(cells, table.skeleton, rest)

    def converted(self, table: PoseTable, path: Path) -> PoseTable:
        return table

    def save(self, path: Path, cells: Cells, rest: Tidy, table: PoseTable) -> None:
        write_table(path, *tidy_lines(cells, rest, table))


def parse_tidy(path: Path, table: TextTable, values: np.ndarray, found: dict[str, int]) -> Parsed:
    """What a table of keypoints holds whose columns are `found`."""
    keys, keypoints, skeleton = _keypoints(path, table.texts, found)
    people, called = np.zeros(len(values), np.int64), dict[int, str]()
    if "person" in found:
        people, called = people_of(table.texts[found["person"]])
    frames = _frames(path, table.texts, found, keys, people)
    # A person in a frame by one number.
    frame_at, frame_of = np.unique(frames.frames, return_inverse=True)
    person_at, person_of = np.unique(people, return_inverse=True)
    pairs, line = np.unique(frame_of * max(1, len(person_at)) + person_of, return_inverse=True)
    lines = np.full((len(pairs), skeleton.num_keypoints), -1, np.int64)
    lines[line, keys] = np.arange(len(values))
    if (lines >= 0).sum() < len(values):
        remedy = "one recording and one person a file, or say who is who with --columns=person=HEADING"
        raise bad(path, "keypoint", "be once in a frame", "one twice", remedy)
    coords = [COORDS[name] for name in COORDS if name in found]
    columns = columns_of(1, skeleton.num_keypoints, tuple(coords))
    laid = np.full((len(pairs), skeleton.num_keypoints, len(coords)), np.nan)
    order = [table.positions.index(found[name]) for name in COORDS if name in found]
    laid[line, keys] = values[:, order]
    cells = Cells(
        laid.reshape(len(pairs), laid[:1].size if len(laid) else skeleton.num_keypoints * len(coords)),
        frame_at[pairs // max(1, len(person_at))],
        columns,
        people=person_at[pairs % max(1, len(person_at))] if len(pairs) else np.empty(0, np.int64),
        nowhere=(0.0, -1.0),
        is_single="person" not in found,
    )
    rest = Tidy(table, found, lines, frames, called, keypoints)
    return Parsed(cells, skeleton, rest, attributes={"person_names": called} if called else {})


def _keypoints(
    path: Path, texts: pd.DataFrame, columns: dict[str, int]
) -> tuple[np.ndarray, list[tuple[str, str]], Skeleton]:
    """The index of each line's keypoint, (group, name) of each keypoint, and the skeleton."""
    names = texts[columns["keypoint"]].astype(str)
    groups = texts[columns["group"]].astype(str) if "group" in columns else names.str.slice(0, 0)
    if groups.nunique() < 2:
        numbers = pd.to_numeric(names, errors="coerce").to_numpy(np.float64)
        if np.isfinite(numbers).all():
            faulty = (numbers != np.rint(numbers)) | (numbers < 0) | (numbers >= MAX_KEYPOINTS)
            if faulty.any():
                expected, culprit = f"be a whole number below {MAX_KEYPOINTS:,}, or a name", numbers[faulty][0]
                raise bad(path, "keypoint", expected, f"{culprit:g}", "correct the cell")
            keys = numbers.astype(np.int64)
            first = 1 if len(keys) and (keys.min(), keys.max()) == (1, 33) else 0
            count = int(keys.max()) + 1 - first if len(keys) else 33
            group = groups.iloc[0] if len(groups) else ""
            skeleton = BLAZEPOSE_33 if count == 33 else index_skeleton(count)
            return keys - first, [(group, str(k + first)) for k in range(count)], skeleton
    pairs = pd.MultiIndex.from_arrays([groups, names])
    found: Any = pairs.factorize()
    keys, different = found[0], [(str(group), str(name)) for group, name in found[1].tolist()]
    if len(different) > MAX_KEYPOINTS:
        received = f"{len(different):,} different ones, such as {different[-1][1]!r}"
        raise bad(
            path, "keypoint", f"be one of at most {MAX_KEYPOINTS:,} names or numbers", received, "correct the cells"
        )
    labels = [_label(group, name, different) for group, name in different]
    skeleton = skeleton_of_names("tidy", labels or ["none"])
    for known in SKELETONS.values():
        # A keypoint that the first frame does not have comes late in the file.
        if set(known.keypoints) == set(skeleton.keypoints):
            order = np.array([known.keypoints.index(name) for name in skeleton.keypoints])
            return order[keys], [different[i] for i in np.argsort(order)], known
    return keys.astype(np.int64), different, skeleton


def _label(group: str, name: str, keypoints: list[tuple[str, str]]) -> str:
    """What a keypoint is called: those of a body by their names alone, of hands and faces with their group's."""
    if group.lower() not in ("", "body", "pose"):
        return f"{group}_{name}"
    if name.isdigit():
        of_body = sum(each == group for each, _ in keypoints)
        return BLAZEPOSE_33.keypoints[int(name)] if of_body == 33 and int(name) < 33 else f"keypoint_{name}"
    return name


def _frames(path: Path, texts: pd.DataFrame, found: dict[str, int], keys: np.ndarray, people: np.ndarray) -> FrameNames:
    """The frame of each line: as its column says; else by the time; else another frame where a keypoint comes again."""
    if "frame" in found:
        return frames_of(path, "frame", texts[found["frame"]])
    if "time" in found:
        codes, times = pd.factorize(texts[found["time"]])
        return FrameNames(codes.astype(np.int64), dict(enumerate(times.tolist())), None)
    again = pd.DataFrame({"person": people, "keypoint": keys}).groupby(["person", "keypoint"]).cumcount()
    return FrameNames(again.to_numpy(np.int64), {}, None)


def _time(times: dict[int, Any], frame: int) -> str:
    """The time of a frame: as in the file, or as its first ones go on; an empty text where these are no numbers."""
    if frame in times:
        return str(times[frame])
    known = pd.to_numeric(pd.Series(list(times.values()), dtype=object), errors="coerce").to_numpy(np.float64)
    if len(known) < 2 or np.isnan(known).any():
        return ""
    return repr(float(known[0] + frame * np.median(np.diff(known))))


def tidy_lines(cells: Cells, rest: Tidy, table: PoseTable) -> tuple[TextTable, np.ndarray, np.ndarray]:
    """The table, its numbers, and the order of its lines: what there was and what came."""
    count = len(rest.table.texts)
    coords = [name for name in COORDS if name in rest.roles]
    laid = cells.values.reshape(len(cells.frames), len(rest.keypoints), len(coords))
    lines = np.concatenate([rest.lines, np.full((len(cells.further), laid.shape[1]), -1)])
    # A fresh file says of every keypoint that there is one.
    added, k = np.nonzero((lines < 0) & (~np.isnan(laid[..., 0]) | (count == 0)))
    lines[added, k] = np.arange(count, count + len(added))
    numbers = np.full((count + len(added), len(coords)), np.nan)
    there = lines >= 0
    order = [rest.table.positions.index(rest.roles[name]) for name in coords]
    numbers[lines[there][:, None], order] = laid[there]
    texts = rest.table.with_lines(len(added))
    further = range(count, len(numbers))
    where = {role: rest.roles.get(role, -1) for role in ("frame", "time", "keypoint", "group", "person")}
    names = [str(rest.frames.name(frame)) for frame in cells.frames[added].tolist()]
    if where["frame"] < 0:
        names = [_time(rest.frames.names, frame) for frame in cells.frames[added].tolist()]
    texts.put(where["frame"] if where["frame"] >= 0 else where["time"], further, names)
    texts.put(where["keypoint"], further, [rest.keypoints[i][1] for i in k.tolist()])
    texts.put(where["group"], further, [rest.keypoints[i][0] for i in k.tolist()])
    renamed = [(line, who) for at, who in cells.renamed(table).items() for line in lines[at].tolist() if line >= 0]
    people = person_names(rest.people, [who for _, who in renamed])
    texts.put(where["person"], [line for line, _ in renamed], people)
    frames = np.empty(len(numbers), np.int64)
    frames[lines[there]] = np.broadcast_to(cells.frames[:, None], lines.shape)[there]
    if np.all(np.diff(frames[:count]) >= 0):
        return texts, numbers, np.argsort(frames, kind="stable")
    return texts, numbers, np.arange(len(frames))
