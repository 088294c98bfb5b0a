"""Files with one line a frame and columns for each keypoint: what several CSV formats and TRC share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.building import build_table, check_counts, person_slots
from kerasmooth.formats.csv_lines import TextLines, join, number_text, parse_columns, split
from kerasmooth.formats.limits import AS_NPZ, bad
from kerasmooth.formats.pose_format import Source, changed_confidence, changed_depth, changed_positions
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

X, Y, CONFIDENCE, DEPTH = range(4)


@dataclass(frozen=True, eq=False)
class Grid:
    """Where in a text the numbers lie.

    Attributes:
      text: the file.
      body: int64 [L], the lines with frames, as indices into the lines of the text.
      frames: int64 [L], their frame numbers.
      columns: int64 [S, K, 4], for each of S people and each keypoint the columns of x, y, confidence and depth;
        -1 for one that there is not.
      frame_column: where the frame number stands, -1 where it is not in the file.
      width: cells a line.
      delimiter: between cells.
      places: int64 [D, 2], (index into body, person) of each row of the table.
      missing: text of a cell without a number.
      slots: person -> index into the people, of people who have no row here.
    """

    text: TextLines
    body: np.ndarray
    frames: np.ndarray
    columns: np.ndarray
    frame_column: int
    width: int
    delimiter: str
    places: np.ndarray
    missing: str = ""
    slots: dict[int, int] = field(default_factory=dict)


def body_lines(text: TextLines, first: int) -> np.ndarray:
    """int64 [L]: indices of the lines from `first` on that are not blank."""
    return np.array([i for i in range(first, len(text.lines)) if text.lines[i].strip()], np.int64)


def read_grid(
    text: TextLines, columns: np.ndarray, *, body: np.ndarray, width: int, names: Sequence[str], delimiter: str = ","
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and confidence of a grid's lines; NaN where there is no column.

    Positions are float64 [L, S, K, 2], or [L, S, K, 3] where any keypoint has a column of depth; confidence [L, S, K].
    """
    people, num_keypoints = columns.shape[:2]
    check_counts(text.path, len(body) * people, num_keypoints)
    used = np.unique(columns[columns >= 0])
    values = parse_columns(text, body.tolist(), used.tolist(), width, delimiter, names)
    values = np.concatenate([values, np.full((len(body), 1), np.nan)], axis=1)
    # Column -1 finds the NaNs behind the last one.
    picked = values[:, np.where(columns >= 0, np.searchsorted(used, columns), -1)]
    coordinates = [X, Y, DEPTH] if (columns[..., DEPTH] >= 0).any() else [X, Y]
    return picked[..., coordinates], picked[..., CONFIDENCE]


def grid_table(
    name: str,
    grid_parts: dict[str, Any],
    positions: np.ndarray,
    confidence: np.ndarray,
    skeleton: Skeleton,
    **attributes: Any,
) -> PoseTable:
    """The table of the people that have any keypoint in a line.

    Args:
      name: of the format.
      grid_parts: attributes of the Grid but places and missing.
      positions, confidence: as `read_grid` gives them.
      skeleton: of the K keypoints.
      **attributes: of the table.
    """
    text: TextLines = grid_parts["text"]
    frames: np.ndarray = grid_parts["frames"]
    if len(np.unique(frames)) < len(frames):
        raise bad(text.path, "frame numbers", "differ from line to line", "one twice", "one recording a file")
    places = np.argwhere(~np.isnan(positions[..., :2]).any(axis=-1).all(axis=-1))
    grid = Grid(places=places, missing=_missing_text(grid_parts, positions), **grid_parts)
    line, person = places.T
    return build_table(
        name,
        text.path,
        frames=frames[line],
        people=person,
        keypoints=positions[line, person, :, :2],
        confidence=confidence[line, person],
        skeleton=skeleton,
        payload=grid,
        frame_numbers=np.sort(frames),
        depth=positions[line, person, :, 2] if positions.shape[-1] == 3 else None,
        **attributes,
    )


def _missing_text(grid_parts: dict[str, Any], positions: np.ndarray) -> str:
    """How the file writes a missing number; nothing at all if it never does."""
    gaps = np.argwhere(np.isnan(positions[..., 0]) & (grid_parts["columns"][None, ..., X] >= 0))
    if not len(gaps):
        return ""
    line, person, keypoint = gaps[0]
    cells = split(grid_parts["text"].lines[grid_parts["body"][line]], grid_parts["delimiter"])
    return cells[grid_parts["columns"][person, keypoint, X]].strip()


def updated_lines(table: PoseTable, source: Source, path: Path) -> list[str]:
    """The lines of the file with what changed, and lines of further frames in their places.

    Raises:
      InputError: an added person has no columns, or its columns are taken in that frame.
    """
    grid: Grid = source.payload
    cells = _Cells(table, grid)
    moved, rescored = changed_positions(table, source), changed_confidence(table, source)
    deepened = changed_depth(table, source)
    for row in np.flatnonzero((moved | rescored | deepened).any(axis=1)).tolist():
        line, person = grid.places[row].tolist()
        cells.put(row, int(grid.frames[line]), person, moved[row], rescored[row], deepened[row])
    taken = dict(grid.slots)
    taken |= {int(p): int(s) for p, s in zip(table.people[: len(moved)], grid.places[:, 1], strict=True) if p >= 0}
    slots = person_slots(table.frames, table.people, taken)
    occupied = {(int(grid.frames[line]), int(person)) for line, person in grid.places}
    everything = np.ones(table.skeleton.num_keypoints, bool)
    for row in range(len(moved), len(table.frames)):
        frame, person = int(table.frames[row]), int(slots[row])
        if person >= len(grid.columns) or (frame, person) in occupied:
            received = f"one more person in frame {frame}"
            raise bad(path, "people", f"be at most {len(grid.columns)} in this file", received, AS_NPZ)
        occupied.add((frame, person))
        cells.put(row, frame, person, everything, everything, everything)
    return cells.lines()


class _Cells:
    """The lines of a grid being edited."""

    def __init__(self, table: PoseTable, grid: Grid) -> None:
        self.table = table
        self.grid = grid
        self._line_of = {int(frame): int(line) for frame, line in zip(grid.frames, grid.body, strict=True)}
        self._edited: dict[int, list[str]] = {}

    def put(
        self, row: int, frame: int, person: int, moved: np.ndarray, rescored: np.ndarray, deepened: np.ndarray
    ) -> None:
        """Writes the keypoints of a row that moved or have another confidence or depth."""
        if frame not in self._edited:
            self._edited[frame] = self._cells(frame)
        cells = self._edited[frame]
        xy, confidence = self.table.keypoints[row].tolist(), self.table.confidence[row].tolist()
        depth = self.table.depth[row].tolist() if self.table.depth is not None else [np.nan] * len(xy)
        for k in np.flatnonzero(moved | rescored | deepened).tolist():
            columns = self.grid.columns[person, k].tolist()
            there = xy[k][0] == xy[k][0] and xy[k][1] == xy[k][1]
            if moved[k]:
                for column, value in zip(columns, xy[k], strict=False):
                    self._set(cells, column, value if there else np.nan)
            if rescored[k]:
                self._set(cells, columns[CONFIDENCE], confidence[k])
            if deepened[k]:
                self._set(cells, columns[DEPTH], depth[k])

    def _cells(self, frame: int) -> list[str]:
        if frame in self._line_of:
            return split(self.grid.text.lines[self._line_of[frame]], self.grid.delimiter)
        cells = [""] * self.grid.width
        if self.grid.frame_column >= 0:
            cells[self.grid.frame_column] = str(frame)
        return cells

    def _set(self, cells: list[str], column: int, value: float) -> None:
        if column >= 0:
            cells[column] = number_text(value) if value == value else self.grid.missing

    def lines(self) -> list[str]:
        grid = self.grid
        lines = list(grid.text.lines)
        further = []
        for frame, cells in self._edited.items():
            if frame in self._line_of:
                lines[self._line_of[frame]] = join(cells, grid.delimiter)
            else:
                further.append(frame)
        return insert_in_order(
            lines, grid.body, grid.frames, {f: [join(self._edited[f], grid.delimiter)] for f in further}
        )


def insert_in_order(lines: list[str], body: np.ndarray, frames: np.ndarray, further: dict[int, list[str]]) -> list[str]:
    """`lines` with those of `further` frames before the first line of a later frame, or at the end.

    Args:
      lines: of a file.
      body: int64 [L], which of them have frames.
      frames: int64 [L], these.
      further: lines by frame.
    """
    if not further:
        return lines
    in_order = bool(np.all(np.diff(frames) >= 0))
    starts = np.append(body, len(lines))
    result: list[str] = []
    done = 0
    for frame in sorted(further):
        at = int(starts[np.searchsorted(frames, frame, side="right")]) if in_order else len(lines)
        result += lines[done:at] + further[frame]
        done = at
    return result + lines[done:]
