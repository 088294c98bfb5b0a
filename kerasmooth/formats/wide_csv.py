"""CSV with one line a frame and columns such as L0_x, left_knee_y, x12: what scripts around MediaPipe write."""

import re
from pathlib import Path

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import head_text, write_bytes
from kerasmooth.formats.building import check_asked
from kerasmooth.formats.coordinates import is_normalised, looks_up
from kerasmooth.formats.csv_grid import CONFIDENCE, DEPTH, X, Y, body_lines, grid_table, read_grid, updated_lines
from kerasmooth.formats.csv_lines import TextLines, frame_column, join, number_text, parse_columns, read_lines, split
from kerasmooth.formats.limits import AS_NPZ, bad
from kerasmooth.formats.pose_format import PoseFormat, confidence_to_write, source_of
from kerasmooth.formats.skeleton_json import index_skeleton
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BLAZEPOSE_33, Skeleton

_FRAME = re.compile(r"(frame|image)?[ _-]?(number|num|no|idx|index|id|frame)?", re.IGNORECASE)
_COORDS = {
    "x": X,
    "y": Y,
    "z": DEPTH,
    "v": CONFIDENCE,
    "visibility": CONFIDENCE,
    "vis": CONFIDENCE,
    "score": CONFIDENCE,
    "confidence": CONFIDENCE,
    "conf": CONFIDENCE,
    "likelihood": CONFIDENCE,
}
_BEHIND = re.compile(r"(.+?)[ _.-]?(x|y|z|v|visibility|vis|score|confidence|conf|likelihood)", re.IGNORECASE)
_BEFORE = re.compile(r"(x|y|z|v|visibility|vis|score|confidence|conf)[ _.-]?(\d+)", re.IGNORECASE)


class WideCsv(PoseFormat):
    """The frame is a column so called, or the line; 33 numbered points are MediaPipe's. z is the depth.

    Other columns are copied.
    """

    name = "mediapipe"
    description = "CSV with one line a frame (MediaPipe landmarks, wide)"
    suffix = ".csv"

    def detect(self, path: Path) -> bool:
        if path.suffix.lower() != ".csv":
            return False
        cells = split(head_text(path).partition("\n")[0].strip())
        return len(_groups(cells)) >= 1 and not cells[0].startswith("scorer")

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        return self.read_text(read_lines(path), fps, image_size)

    def read_text(self, text: TextLines, fps: float | None, image_size: Size | None) -> PoseTable:
        """The table of a header and some of the lines behind it."""
        cells = split(text.lines[0])
        groups = _groups(cells)
        if not groups:
            raise bad(
                text.path, "header", "name columns of x and y", text.lines[0][:60], "check that it is a pose file"
            )
        skeleton, names = _skeleton(list(groups))
        columns = np.array([[groups[name] for name in names]], np.int64)
        body = body_lines(text, 1)
        positions, confidence = read_grid(text, columns, body=body, width=len(cells), names=cells)
        named = [i for i, cell in enumerate(cells) if cell.strip() and _FRAME.fullmatch(cell.strip())]
        frames = np.arange(len(body))
        if named:
            values = parse_columns(text, body.tolist(), named[:1], len(cells), names=cells)[:, 0]
            frames = frame_column(text, body.tolist(), values, cells[named[0]])
        parts = {
            "text": text,
            "body": body,
            "frames": frames,
            "columns": columns,
            "frame_column": named[0] if named else -1,
            "width": len(cells),
            "delimiter": ",",
        }
        normalised = is_normalised(positions[..., :2])
        return grid_table(
            self.name,
            parts,
            positions,
            confidence,
            skeleton,
            fps=fps,
            image_size=image_size,
            unit="normalised" if normalised else "px",
            y_up=not normalised and bool(looks_up(positions[:, 0, :, :2], skeleton)),
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is not None:
            write_bytes(path, source.payload.text.with_lines(updated_lines(table, source, path)))
        else:
            write_bytes(path, "\n".join([*_fresh_lines(table, path), ""]).encode("utf-8"))


def _groups(cells: list[str]) -> dict[str, list[int]]:
    """Columns of x, y, confidence and depth by what stands before or behind, for those that have x and y."""
    found: dict[str, list[int]] = {}
    for column, cell in enumerate(cells):
        plain = cell.strip()
        before, behind = _BEFORE.fullmatch(plain), _BEHIND.fullmatch(plain)
        if before:
            coord, name = before.group(1), before.group(2)
        elif behind:
            name, coord = behind.group(1), behind.group(2)
        else:
            continue
        place = _COORDS[coord.lower()]
        columns = found.setdefault(name, [-1] * 4)
        columns[place] = column if columns[place] < 0 else columns[place]
    return {name: columns for name, columns in found.items() if columns[X] >= 0 and columns[Y] >= 0}


def _skeleton(names: list[str]) -> tuple[Skeleton, list[str]]:
    """The skeleton, and the names in its order."""
    numbers = [re.search(r"(\d+)$", name) for name in names]
    if all(numbers):
        names = sorted(names, key=lambda name: int(name[re.search(r"\d+$", name).start() :][:15]))  # type: ignore[union-attr]
        return (BLAZEPOSE_33 if len(names) == 33 else index_skeleton(len(names))), names
    return skeleton_of_names("mediapipe", names), names


def _fresh_lines(table: PoseTable, path: Path) -> list[str]:
    counts = np.unique(table.frames, return_counts=True)[1]
    if counts.max(initial=0) > 1:
        raise bad(path, "people", "be one in this format", f"{counts.max()} in a frame", AS_NPZ)
    columns = [table.keypoints, confidence_to_write(table)[..., None]]
    coords = ["x", "y", "visibility"]
    if table.depth is not None:
        columns.insert(1, table.depth[..., None])
        coords.insert(2, "z")
    points = [f"L{i}" for i in range(33)] if table.skeleton.num_keypoints == 33 else list(table.skeleton.keypoints)
    lines = [join(["frame", *[f"{point}_{coord}" for point in points for coord in coords]])]
    values = np.concatenate(columns, axis=2).reshape(len(table.frames), len(coords) * len(points))
    row_of = {int(frame): row for row, frame in enumerate(table.frames)}
    for frame in table.frame_numbers.tolist():
        row = values[row_of[frame]].tolist() if frame in row_of else [np.nan] * values.shape[1]
        lines.append(",".join([str(frame), *["" if value != value else number_text(value) for value in row]]))
    return lines
