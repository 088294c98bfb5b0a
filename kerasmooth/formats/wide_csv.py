"""Tables of a line a frame, or a person in a frame: what they share, and CSV with columns L0_x, left_knee_y, x12."""

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.formats.frame_names import Names, frame_names
from kerasmooth.formats.headings import asked_roles, keypoint_columns
from kerasmooth.formats.people import places_of
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, Coords, RawPoses, X, Y, coords_of
from kerasmooth.formats.safe_files import bad
from kerasmooth.formats.skeleton_names import index_skeleton, skeleton_of_names
from kerasmooth.formats.text_table import (
    MISSING,
    TABLES,
    Dialect,
    TextTable,
    fresh_table,
    header_lines,
    headings_of,
    read_table,
)
from kerasmooth.pose_table import PROVENANCE, PoseTable, append_rows
from kerasmooth.skeletons import BLAZEPOSE_33, Skeleton

_COORDS = {X: "x", Y: "y", DEPTH: "z", CONFIDENCE: "visibility"}


@dataclass(frozen=True, eq=False)
class Layout:
    """Where in a table what is.

    Attributes:
      keypoints: int64 [S, K, C], the columns of the coordinates of S people side by side; -1 for what there is not.
      coords: what the C coordinates are.
      skeleton: of the K keypoints.
      frame, person: the columns that say frame and person; -1 for none.
      unseen_at: see `RawPoses`.
      headings: of all columns, for messages; header: how many lines they have.
      dialect, trimmed: see `text_table.read_table`.
      attributes: of the table.
    """

    keypoints: np.ndarray
    coords: Coords
    skeleton: Skeleton
    frame: int = 0
    person: int = -1
    unseen_at: tuple[float, ...] = ()
    headings: Sequence[str] = ()
    header: int = 1
    dialect: Dialect = field(default_factory=Dialect)
    trimmed: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Wide:
    """The rest of a table: its other columns, where frame and person are said, and what these are called."""

    table: TextTable
    layout: Layout
    frames: Names
    people: Names


class WideTable(PoseFormat):
    """A table of text. Subclasses say where in it what is, and how a fresh one begins."""

    @abstractmethod
    def layout(self, path: Path, columns: Mapping[str, str]) -> Layout:
        """How to read a file; `columns`: see `formats.read`. Raises InputError for another format."""

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        layout = self.layout(path, columns)
        positions = layout.keypoints.ravel()
        table, values = read_table(path, layout.header, positions, layout.headings, layout.dialect, layout.trimmed)
        return parse_wide(path, table, values, layout)

    def save(self, path: Path, raw: RawPoses, rest: Wide, table: PoseTable) -> None:
        save_wide(path, raw, rest, table)


def fresh_wide(table: TextTable, layout: Layout) -> tuple[RawPoses, Wide]:
    """A fresh file."""
    places, count, _ = layout.keypoints.shape
    raw = RawPoses.empty(count, layout.coords, places)
    return raw, Wide(table, layout, Names(), Names())


def side_by_side(first: int, places: int, count: int, coords: Coords) -> np.ndarray:
    """Columns [S, K, C] that follow each other."""
    return first + np.arange(places * count * len(coords)).reshape(places, count, len(coords))


def parse_wide(path: Path, table: TextTable, values: np.ndarray, layout: Layout) -> Parsed:
    """What a table with these numbers [L, S * K * C] holds."""
    frames = Names(np.arange(len(values)))
    if layout.frame >= 0:
        frames = frames_of(path, "frame number", table.others[layout.frame])
    people = None
    if layout.person >= 0 and not _numbers_lines(frames.numbers, table.others[layout.person]):
        people = people_of(table.others[layout.person])
    raw = RawPoses(
        values.reshape(len(values), *layout.keypoints.shape),
        layout.coords,
        frames.numbers,
        people=None if people is None else people.numbers,
        unseen_at=layout.unseen_at,
        is_single=people is None and len(layout.keypoints) == 1,
    )
    people = people or Names()
    attributes = {"person_names": people.names, **layout.attributes}
    return Parsed(raw, layout.skeleton, Wide(table, layout, frames, people), attributes=attributes)


def with_further(raw: RawPoses, rest: Wide, table: PoseTable) -> TextTable:
    """The other columns with the frames and people of further lines."""
    texts = rest.table.with_lines(len(raw.further))
    names = [str(rest.frames.name(frame)) for frame in raw.frames[raw.known :].tolist()]
    texts.put(rest.layout.frame, raw.further, names)
    renamed = raw.renamed(table)
    texts.put(rest.layout.person, renamed, [rest.people.name(who) for who in renamed.values()])
    return texts


def save_wide(path: Path, raw: RawPoses, rest: Wide, table: PoseTable) -> None:
    """Writes a table with its numbers, and with further lines."""
    with_further(raw, rest, table).write(path, raw.flat, raw.in_order())


def _numbers_lines(frames: np.ndarray, ids: pd.Series) -> bool:
    """Whether a column called id only numbers the lines: it never says the same twice, nor do the frames."""
    return len(ids) > 1 and ids.nunique() == len(ids) and len(np.unique(frames)) == len(frames)


def with_empty_frames(table: PoseTable, path: Path) -> PoseTable:
    """The table with a row without positions for each frame that has nobody: where a line is a person it needs one."""
    empty, count = np.setdiff1d(table.frame_numbers, table.frames), table.skeleton.num_keypoints
    if not len(empty):
        return table
    check_counts(path, len(table.frames) + len(empty), count)
    nothing = np.full((len(empty), count), np.nan)
    return append_rows(
        table,
        frames=empty,
        people=np.full(len(empty), min(table.people[table.people >= 0].tolist(), default=-1)),
        keypoints=np.stack([nothing, nothing], axis=-1),
        confidence=nothing,
        provenance=np.full(nothing.shape, PROVENANCE.index("missing"), np.uint8),
        deviation=nothing,
    )


def frames_of(path: Path, name: str, texts: pd.Series) -> Names:
    """Frame numbers in a column: whole numbers, or names of images. Raises InputError for others."""
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    whole = np.isfinite(numbers) & (np.abs(numbers) < 1 << 53) & (np.rint(numbers) == numbers)
    if whole.all():
        return Names(numbers.astype(np.int64))
    if np.isfinite(numbers).any():
        at = int(np.flatnonzero(~whole)[0])
        where, received = f"{name} of line {at + 1} of the table", str(texts.iloc[at])[:60]
        raise bad(path, where, "be a whole number", received, "correct the cell")
    return frame_names(path, name, texts.astype(str).tolist())


def people_of(texts: pd.Series) -> Names:
    """The people in a column, -1 where a cell is empty or says so.

    Whole numbers are ids as they are. So are the last numbers in names (track_0) where these tell all names apart;
    others are numbered in order of appearance. New people are called as the first one, with their own number.
    """
    texts = texts.astype(object).where(texts.notna(), "").astype(str)
    names = [name for name in dict.fromkeys(texts.tolist()) if name.strip() not in (*MISSING, "-1", "-1.0")]
    found = [re.search(r"(\d{1,15})(?:\.0+)?\s*$", name) for name in names]
    ids = [int(match.group(1)) for match in found if match]
    if len(set(ids)) < len(names):
        ids = list(range(len(names)))
    id_of = dict(zip(names, ids, strict=True))
    numbers = np.array([id_of.get(text, -1) for text in texts.tolist()], np.int64)
    before = re.sub(r"\d+(?:\.0+)?\s*$", "", "".join(names[:1]))
    return Names(numbers, dict(zip(ids, names, strict=True)), (before, 1, ""))


class WideCsv(WideTable):
    """The frame is a column so called, or the line; a column of people, if any, says who it is. z is the depth."""

    name = "wide_csv"
    description = "CSV with one line a frame and columns nose_x, nose_y ... (MediaPipe and many scripts)"
    suffix = ".csv"
    needs = "NAME_x NAME_y"
    holds = "any"
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

    def _converted(self, table: PoseTable, path: Path) -> PoseTable:
        table = super()._converted(table, path)
        return with_empty_frames(table, path) if places_of(table) > 1 else table

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        coords, count = coords_of(table), table.skeleton.num_keypoints
        points = [f"L{i}" for i in range(33)] if count == 33 else list(table.skeleton.keypoints)
        index = ["frame", "person"][: places_of(table)]
        headings = [*index, *[f"{point}_{_COORDS[coord]}" for point in points for coord in coords]]
        person = len(index) - 1 or -1
        layout = Layout(side_by_side(len(index), 1, count, coords), coords, table.skeleton, person=person)
        raw, rest = fresh_wide(fresh_table([headings], len(index)), layout)
        return raw if person < 0 else RawPoses.empty(count, coords), rest


def wide_layout(path: Path, headings: list[str], said: Mapping[str, str]) -> Layout:
    """Where what is in a table with these headings. Raises InputError where no keypoint is."""
    roles = asked_roles(path, headings, said)
    frame, person = roles.get("frame", -1), roles.get("person", -1)
    points = keypoint_columns(headings, {frame, person})
    if not points:
        expected = "name columns of x and y, such as nose_x and nose_y"
        raise bad(path, "header", expected, ",".join(headings)[:60], "say which they are with --columns=...")
    names, numbered = list(points), [re.fullmatch(r"(.*?)(\d{1,15})", name) for name in points]
    if all(numbered) and len({match.group(1) for match in numbered if match}) == 1:
        names = [match.group() for match in sorted(filter(None, numbered), key=lambda match: int(match.group(2)))]
        skeleton = BLAZEPOSE_33 if len(names) == 33 else index_skeleton(len(names))
    else:
        skeleton = skeleton_of_names("mediapipe", names)
    every = np.array([[points[name] for name in names]], np.int64)
    coords = tuple(coord for coord in _COORDS if (every[..., coord] >= 0).any())
    return Layout(every[..., list(coords)], coords, skeleton, frame, person, (0.0, -1.0), headings)
