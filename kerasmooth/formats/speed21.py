"""SPEED21's climbs: one line a frame, `frame#x,y;x,y;...` or `frame#NULL`."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import head_text, write_bytes
from kerasmooth.formats.building import build_table, check_asked, check_counts
from kerasmooth.formats.csv_grid import insert_in_order
from kerasmooth.formats.csv_lines import TextLines, number_text, read_lines
from kerasmooth.formats.limits import AS_NPZ, bad
from kerasmooth.formats.pose_format import PoseFormat, Source, changed_positions, in_image_pixels, source_of
from kerasmooth.formats.skeleton_json import index_skeleton
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import MPII_16

_NOBODY = "NULL"
_LINE = re.compile(r"-?\d{1,15}#(NULL|(nan|[-+0-9.eE]+),)")
_METADATA_COLUMNS = 12


@dataclass(frozen=True, eq=False)
class _Lines:
    """The text, and frame number and line of everything in it; int64."""

    text: TextLines
    body: np.ndarray
    frames: np.ndarray


class Speed21(PoseFormat):
    """The frame rate comes from the data set's metadata.txt, if that lies in the folder or the one above."""

    name = "speed21"
    description = "SPEED21 speed climbing skeletons"
    suffix = ".data"

    def detect(self, path: Path) -> bool:
        return path.is_file() and _LINE.match(head_text(path, 256)) is not None

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        text = read_lines(path)
        body = np.array([i for i, line in enumerate(text.lines) if line.strip()], np.int64)
        frames: list[int] = []
        rows: list[int] = []
        points: list[list[float]] = []
        for line in body.tolist():
            number, mark, rest = text.lines[line].partition("#")
            if not mark or not number.strip().lstrip("-").isdigit() or len(number) > 15:
                raise bad(path, f"line {line + 1}", "be frame#x,y;...", text.lines[line][:60], "write the file again")
            frames.append(int(number))
            if rest.strip() != _NOBODY:
                rows.append(int(number))
                points.append(_points(path, line, rest, len(points[0]) if points else 0))
        if len(set(frames)) < len(frames):
            raise bad(path, "frame", "differ from line to line", "one twice", "one climb a file")
        count = len(points[0]) // 2 if points else MPII_16.num_keypoints
        check_counts(path, len(rows), count)
        return build_table(
            self.name,
            path,
            frames=np.array(rows, np.int64),
            people=np.zeros(len(rows), np.int64),
            keypoints=np.array(points, np.float64).reshape(len(rows), count, 2),
            confidence=np.full((len(rows), count), np.nan),
            skeleton=MPII_16 if count == MPII_16.num_keypoints else index_skeleton(count),
            payload=_Lines(text, body, np.array(frames, np.int64)),
            frame_numbers=np.sort(np.array(frames, np.int64)),
            fps=fps or _rate(path),
            image_size=image_size,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is not None:
            write_bytes(path, source.payload.text.with_lines(_updated(table, source, path)))
            return
        table = in_image_pixels(table, path, self.name)
        row_of = _row_of(table, path)
        lines = [_line(table, frame, row_of.get(frame)) for frame in table.frame_numbers.tolist()]
        write_bytes(path, "\n".join([*lines, ""]).encode("utf-8"))


def _points(path: Path, line: int, text: str, length: int) -> list[float]:
    """x, y, x, y ... of a line."""
    pairs = [pair.split(",") for pair in text.strip().rstrip(";").split(";")]
    if any(len(pair) != 2 for pair in pairs) or (length and 2 * len(pairs) != length):
        expected = f"hold {length // 2} pairs x,y" if length else "hold pairs x,y"
        raise bad(path, f"line {line + 1}", expected, text[:60], "write the file again")
    try:
        return [float(value) for pair in pairs for value in pair]
    except ValueError:
        raise bad(path, f"line {line + 1}", "hold numbers", text[:60], "write the file again") from None


def _rate(path: Path) -> float | None:
    """Frames per second of a climb in the data set's table, None where there is none."""
    for folder in path.resolve().parents[:2]:
        for line in head_text(folder / "metadata.txt", 1 << 22).splitlines():
            cells = line.split(";")
            if cells[0] == path.stem and len(cells) == _METADATA_COLUMNS and cells[-1].strip().isdigit():
                return float(cells[-1]) or None
    return None


def _row_of(table: PoseTable, path: Path) -> dict[int, int]:
    """The row of each frame. Raises InputError where a frame has several."""
    row_of = {int(frame): row for row, frame in enumerate(table.frames)}
    if len(row_of) < len(table.frames):
        raise bad(path, "people", "be one in a frame of this format", "several", AS_NPZ)
    return row_of


def _line(table: PoseTable, frame: int, row: int | None) -> str:
    """One line of a frame; a keypoint that is not there is written as nan."""
    if row is None or np.isnan(table.keypoints[row]).all():
        return f"{frame}#{_NOBODY}"
    return f"{frame}#" + ";".join(f"{number_text(x)},{number_text(y)}" for x, y in table.keypoints[row].tolist())


def _updated(table: PoseTable, source: Source, path: Path) -> list[str]:
    known: _Lines = source.payload
    lines = list(known.text.lines)
    row_of = _row_of(table, path)
    moved = changed_positions(table, source)
    line_of = dict(zip(known.frames.tolist(), known.body.tolist(), strict=True))
    for row in np.flatnonzero(moved.any(axis=1)).tolist():
        at = line_of[int(table.frames[row])]
        pairs = lines[at].partition("#")[2].strip().rstrip(";").split(";")
        for k in np.flatnonzero(moved[row]).tolist():
            x, y = table.keypoints[row, k].tolist()
            pairs[k] = f"{number_text(x)},{number_text(y)}"
        lines[at] = f"{lines[at].partition('#')[0]}#{';'.join(pairs)}"
    further: dict[int, list[str]] = {}
    for frame in table.frame_numbers.tolist():
        at_row = row_of.get(frame)
        if frame not in line_of:
            further[frame] = [_line(table, frame, at_row)]
        elif at_row is not None and at_row >= len(moved):
            lines[line_of[frame]] = _line(table, frame, at_row)
    return insert_in_order(lines, known.body, known.frames, further)
