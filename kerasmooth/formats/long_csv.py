"""CSV with one line a landmark: frame, landmark, x, y (MediaPipe landmarks, long)."""

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
    "confidence": {"visibility", "landmark_visibility", "score", "confidence", "likelihood"},
}


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
    """Landmarks are numbers; 33 of them are MediaPipe's. Depth and other columns are copied."""

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
        used = [columns[name] for name in columns]
        values = parse_columns(text, body.tolist(), used, len(cells), names=cells)
        numbers = {name: values[:, i] for i, name in enumerate(columns)}
        frames, landmarks, persons = _keys(text, body, numbers)
        if known is None:
            known = Landmarks.between(int(landmarks.min()), int(landmarks.max())) if len(landmarks) else Landmarks()
        landmarks, count = landmarks - known.first, known.count
        rows, row_of = np.unique(np.stack([frames, persons], axis=1), axis=0, return_inverse=True)
        check_counts(path, len(rows), count)
        if len(np.unique(row_of * count + landmarks)) < len(landmarks):
            raise bad(path, "landmark", "be once in a frame", "one twice", "one recording and one person a file")
        keypoints = np.full((len(rows), count, 2), np.nan)
        keypoints[row_of, landmarks] = np.stack([numbers["x"], numbers["y"]], axis=1)
        confidence = np.full((len(rows), count), np.nan)
        confidence[row_of, landmarks] = numbers.get("confidence", np.full(len(body), np.nan))
        lines = np.full((len(rows), count), -1, np.int64)
        lines[row_of, landmarks] = body
        skeleton = skeleton_of(count)
        return build_table(
            self.name,
            path,
            frames=rows[:, 0],
            people=rows[:, 1],
            keypoints=keypoints,
            confidence=confidence,
            skeleton=skeleton,
            payload=Long(text, columns, len(cells), lines, known),
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
    further: dict[int, list[str]] = {}
    for row, k in np.argwhere(moved | rescored).tolist():
        at = int(long.lines[row, k])
        if at < 0:
            _add(further, table, long, row, k)
            continue
        cells = split(lines[at])
        cells[long.columns["x"]], cells[long.columns["y"]] = _texts(table.keypoints[row, k])
        if rescored[row, k] and "confidence" in long.columns:
            cells[long.columns["confidence"]] = _texts(table.confidence[row, k : k + 1])[0]
        lines[at] = join(cells)
    for row in range(len(moved), len(table.frames)):
        for k in range(table.skeleton.num_keypoints):
            _add(further, table, long, row, k)
    return insert_in_order(lines, *lines_in_order(source), further)


def lines_in_order(source: Source) -> tuple[np.ndarray, np.ndarray]:
    """The lines that have a landmark, int64 [L], and their frames."""
    rows, landmarks = np.nonzero(source.payload.lines >= 0)
    body = source.payload.lines[rows, landmarks]
    order = np.argsort(body)
    return body[order], source.frames[rows[order]]


def _add(further: dict[int, list[str]], table: PoseTable, long: Long, row: int, k: int) -> None:
    if np.isnan(table.keypoints[row, k]).any():
        return
    values = {
        "frame": str(table.frames[row]),
        "person": str(table.people[row]),
        "landmark": str(k + long.landmarks.first),
        **dict(zip(("x", "y"), _texts(table.keypoints[row, k]), strict=True)),
        "confidence": _texts(table.confidence[row, k : k + 1])[0],
    }
    cells = [""] * long.width
    for name, column in long.columns.items():
        cells[column] = values[name]
    further.setdefault(int(table.frames[row]), []).append(join(cells))


def _texts(values: np.ndarray) -> list[str]:
    return ["" if value != value else number_text(value) for value in values.tolist()]


def _fresh_lines(table: PoseTable) -> list[str]:
    lines = ["frame,person,landmark,x,y,visibility"]
    confidence = confidence_to_write(table).tolist()
    for row, points in enumerate(table.keypoints.tolist()):
        start = f"{table.frames[row]},{max(0, int(table.people[row]))}"
        for k, (x, y) in enumerate(points):
            if x == x and y == y:
                lines.append(f"{start},{k},{number_text(x)},{number_text(y)},{number_text(confidence[row][k])}")
    return lines
