"""CSV with one line a landmark: frame, landmark, x, y, perhaps z (MediaPipe landmarks, long)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import head_text, write_bytes
from kerasmooth.formats.building import build_table, check_asked, check_counts
from kerasmooth.formats.coordinates import is_normalised, looks_up
from kerasmooth.formats.csv_grid import insert_in_order
from kerasmooth.formats.csv_lines import TextLines, join, number_text, parse_columns, read_lines, split
from kerasmooth.formats.limits import MAX_KEYPOINTS, bad
from kerasmooth.formats.pose_format import (
    PoseFormat,
    Source,
    changed_confidence,
    changed_depth,
    changed_positions,
    confidence_to_write,
    source_of,
)
from kerasmooth.formats.skeleton_json import index_skeleton
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BLAZEPOSE_33, Skeleton

_NAMES = {
    "frame": {"frame", "frame_id", "frame_number", "frame_num", "frame_idx", "frame_index", "frame_no"},
    "person": {"person", "person_id", "pose", "pose_id", "pose_index", "track_id"},
    "landmark": {"landmark_id", "landmark", "landmark_index", "landmark_idx", "keypoint", "keypoint_id", "joint_id"},
    "x": {"x", "landmark_x", "x_coordinate"},
    "y": {"y", "landmark_y", "y_coordinate"},
    "z": {"z", "landmark_z", "z_coordinate"},
    "confidence": {"visibility", "landmark_visibility", "score", "confidence", "likelihood"},
}
_VALUES = ("x", "y", "z", "confidence")


@dataclass(frozen=True)
class Landmarks:
    """The first landmark's number (some count from 1 to 33), and how many there are."""

    first: int = 0
    count: int = BLAZEPOSE_33.num_keypoints

    @classmethod
    def between(cls, lowest: int, highest: int) -> "Landmarks":
        """Those of a file in which these are the lowest and the highest number."""
        first = 1 if (lowest, highest) == (1, 33) else 0
        return cls(first, highest + 1 - first)


@dataclass(frozen=True, eq=False)
class Long:
    """The text, its columns, and the line (index into the file) of each keypoint of each row, -1 for none."""

    text: TextLines
    columns: dict[str, int]
    width: int
    lines: np.ndarray
    landmarks: Landmarks


class LongCsv(PoseFormat):
    """Landmarks are numbers; 33 of them are MediaPipe's. z is the depth; other columns are copied."""

    name = "mediapipe_long"
    description = "CSV with one line a landmark (MediaPipe landmarks, long)"
    suffix = ".csv"

    def detect(self, path: Path) -> bool:
        if path.suffix.lower() != ".csv":
            return False
        return {"frame", "landmark", "x", "y"} <= set(_columns(split(head_text(path).partition("\n")[0].strip())))

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        return self.read_text(read_lines(path), fps, image_size)

    def read_text(
        self, text: TextLines, fps: float | None, image_size: Size | None, known: Landmarks | None = None
    ) -> PoseTable:
        """The table of a header and of lines behind it; `known` are the landmarks of the whole file."""
        path = text.path
        cells = split(text.lines[0])
        columns = checked_columns(text, cells)
        body = np.array([i for i in range(1, len(text.lines)) if text.lines[i].strip()], np.int64)
        values = parse_columns(text, body.tolist(), list(columns.values()), len(cells), names=cells)
        numbers = {name: values[:, i] for i, name in enumerate(columns)}
        frames, landmarks, persons = _keys(text, body, numbers)
        if known is None:
            known = Landmarks.between(int(landmarks.min()), int(landmarks.max())) if len(landmarks) else Landmarks()
        landmarks, count = landmarks - known.first, known.count
        rows, row_of = np.unique(np.stack([frames, persons], axis=1), axis=0, return_inverse=True)
        check_counts(path, len(rows), count)
        if len(np.unique(row_of * count + landmarks)) < len(landmarks):
            raise bad(path, "landmark", "be once in a frame", "one twice", "one recording and one person a file")
        lines = np.full((len(rows), count), -1, np.int64)
        lines[row_of, landmarks] = body
        laid = {name: np.full((len(rows), count), np.nan) for name in ("x", "y", "confidence", *({"z"} & set(columns)))}
        for name in set(laid) & set(columns):
            laid[name][row_of, landmarks] = numbers[name]
        keypoints = np.stack([laid["x"], laid["y"]], axis=-1)
        skeleton = skeleton_of(count)
        return build_table(
            self.name,
            path,
            frames=rows[:, 0],
            people=rows[:, 1],
            keypoints=keypoints,
            confidence=laid["confidence"],
            skeleton=skeleton,
            payload=Long(text, columns, len(cells), lines, known),
            depth=laid.get("z"),
            fps=fps,
            image_size=image_size,
            **directions(keypoints, skeleton),
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is not None:
            write_bytes(path, source.payload.text.with_lines(updated_lines(table, source)))
        else:
            write_bytes(path, "\n".join([*_fresh_lines(table), ""]).encode("utf-8"))


def skeleton_of(count: int) -> Skeleton:
    """The skeleton of so many landmarks."""
    return BLAZEPOSE_33 if count == BLAZEPOSE_33.num_keypoints else index_skeleton(count)


def directions(keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
    """Unit and direction of y of keypoints [T, K, 2], as attributes of a table."""
    normalised = is_normalised(keypoints)
    return {
        "unit": "normalised" if normalised else "px",
        "y_up": not normalised and bool(looks_up(keypoints, skeleton)),
    }


def checked_columns(text: TextLines, cells: list[str]) -> dict[str, int]:
    """Where what is in a file of `cells`. Raises InputError where a needed column is not there."""
    columns = _columns(cells)
    absent = {"frame", "landmark", "x", "y"} - set(columns)
    if absent:
        raise bad(text.path, "header", f"name a column of {min(absent)}", text.lines[0][:60], "check the first line")
    return columns


def _columns(cells: list[str]) -> dict[str, int]:
    plain = [cell.strip().lower().replace(" ", "_") for cell in cells]
    found = {}
    for name, spellings in _NAMES.items():
        at = next((i for i, cell in enumerate(plain) if cell in spellings), None)
        if at is not None:
            found[name] = at
    return found


def _keys(
    text: TextLines, body: np.ndarray, numbers: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame, landmark and person of every line, int64."""
    keys = []
    for name, limit in (("frame", 1 << 53), ("landmark", MAX_KEYPOINTS), ("person", 1 << 53)):
        values = numbers.get(name, np.zeros(len(body)))
        faulty = ~((np.abs(values) < limit) & (values == np.rint(values)) & ((values >= 0) | (name == "frame")))
        if faulty.any():
            at = int(np.flatnonzero(faulty)[0])
            expected = f"be a whole number below {limit:,}"
            where = f"{name} in line {text.number(int(body[at]))}"
            raise bad(text.path, where, expected, f"{values[at]:g}", "correct the cell")
        keys.append(values.astype(np.int64))
    return keys[0], keys[1], keys[2]


def updated_lines(table: PoseTable, source: Source) -> list[str]:
    """The lines of the file with what changed, and lines for landmarks that it did not have."""
    long: Long = source.payload
    lines = list(long.text.lines)
    moved, rescored = changed_positions(table, source), changed_confidence(table, source)
    changed = np.stack([moved, moved, changed_depth(table, source), rescored], axis=-1)
    values = _values(table)
    further: dict[int, list[str]] = {}
    for row, k in np.argwhere(changed.any(axis=-1)).tolist():
        at = int(long.lines[row, k])
        if at < 0:
            _add(further, table, long, row, k, values)
            continue
        cells = split(lines[at])
        for name, new, value in zip(_VALUES, changed[row, k].tolist(), values[row, k].tolist(), strict=True):
            if new and name in long.columns:
                cells[long.columns[name]] = _text(value)
        lines[at] = join(cells)
    for row in range(len(moved), len(table.frames)):
        for k in range(table.skeleton.num_keypoints):
            _add(further, table, long, row, k, values)
    return insert_in_order(lines, *lines_in_order(source), further)


def lines_in_order(source: Source) -> tuple[np.ndarray, np.ndarray]:
    """The lines that have a landmark, int64 [L], and their frames."""
    rows, landmarks = np.nonzero(source.payload.lines >= 0)
    body = source.payload.lines[rows, landmarks]
    order = np.argsort(body)
    return body[order], source.frames[rows[order]]


def _add(further: dict[int, list[str]], table: PoseTable, long: Long, row: int, k: int, values: np.ndarray) -> None:
    if np.isnan(table.keypoints[row, k]).any():
        return
    texts = {
        "frame": str(table.frames[row]),
        "person": str(table.people[row]),
        "landmark": str(k + long.landmarks.first),
        **dict(zip(_VALUES, map(_text, values[row, k].tolist()), strict=True)),
    }
    cells = [""] * long.width
    for name, column in long.columns.items():
        cells[column] = texts[name]
    further.setdefault(int(table.frames[row]), []).append(join(cells))


def _values(table: PoseTable) -> np.ndarray:
    """float64 [D, K, 4]: the _VALUES of every keypoint."""
    depth = np.full_like(table.confidence, np.nan) if table.depth is None else table.depth
    return np.concatenate([table.keypoints, depth[..., None], table.confidence[..., None]], axis=2)


def _text(value: float) -> str:
    return "" if value != value else number_text(value)


def _fresh_lines(table: PoseTable) -> list[str]:
    depth = [] if table.depth is None else [table.depth]
    lines = [f"frame,person,landmark,x,y,{'z,' if depth else ''}visibility"]
    columns = [table.keypoints, *(each[..., None] for each in [*depth, confidence_to_write(table)])]
    for row, points in enumerate(np.concatenate(columns, axis=2).tolist()):
        start = f"{table.frames[row]},{max(0, int(table.people[row]))}"
        for k, values in enumerate(points):
            if values[0] == values[0] and values[1] == values[1]:
                lines.append(",".join([start, str(k), *map(_text, values)]))
    return lines
