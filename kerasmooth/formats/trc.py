"""TRC marker files: tab-separated, X Y Z of each marker a frame, one person."""

from pathlib import Path

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import head_text, write_bytes
from kerasmooth.formats.building import check_asked
from kerasmooth.formats.coordinates import looks_up
from kerasmooth.formats.csv_grid import body_lines, grid_table, read_grid, updated_lines
from kerasmooth.formats.csv_lines import TextLines, frame_column, number_text, parse_columns, plain_float, read_lines
from kerasmooth.formats.limits import AS_NPZ, MAX_KEYPOINTS, bad
from kerasmooth.formats.pose_format import PoseFormat, source_of
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable

_REMEDY = "check that it is a TRC file"
HEADER_LINES = 5


class Trc(PoseFormat):
    """Z is the depth. Knows frame rate and unit."""

    name = "trc"
    description = "TRC markers (Pose2Sim, Sports2D, OpenSim)"
    suffix = ".trc"

    def detect(self, path: Path) -> bool:
        text = head_text(path, 4096)
        return text.startswith("PathFileType") or (path.suffix.lower() == ".trc" and "\t" in text)

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        return self.read_text(read_lines(path), fps, image_size)

    def read_text(self, text: TextLines, fps: float | None, image_size: Size | None) -> PoseTable:
        """The table of a header and some of the lines behind it."""
        path = text.path
        if len(text.lines) < HEADER_LINES or not text.lines[0].startswith("PathFileType"):
            raise bad(path, "header", "begin with PathFileType and have 5 lines", text.lines[0][:60], _REMEDY)
        facts = dict(zip(text.lines[1].split("\t"), text.lines[2].split("\t"), strict=False))
        names = _markers(path, text.lines[3].split("\t"))
        body = body_lines(text, HEADER_LINES)
        width = _width(text, body, len(names))
        x = 2 + 3 * np.arange(len(names))
        columns = np.stack([x, x + 1, np.full_like(x, -1), x + 2], axis=1)[None]
        positions, confidence = read_grid(text, columns, body=body, width=width, names=(), delimiter="\t")
        values = parse_columns(text, body.tolist(), [0], width, "\t", ("Frame#",))[:, 0]
        parts = {
            "text": text,
            "body": body,
            "frames": frame_column(text, body.tolist(), values, "Frame#"),
            "columns": columns,
            "frame_column": 0,
            "width": width,
            "delimiter": "\t",
        }
        skeleton = skeleton_of_names("trc", names)
        unit = facts.get("Units", "").strip() or "m"
        up = looks_up(positions[:, 0, :, :2], skeleton)
        rate = fps or _rate(path, facts.get("DataRate", ""))
        return grid_table(
            self.name,
            parts,
            positions,
            confidence,
            skeleton,
            fps=rate,
            image_size=image_size,
            unit=unit,
            y_up=unit != "px" if up is None else up,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is not None:
            text: TextLines = source.payload.text
            lines = updated_lines(table, source, path)
            if len(lines) > len(text.lines):
                complete_times(lines, table.fps)
                before = len(body_lines(text, HEADER_LINES))
                complete_header(lines, before, before + len(lines) - len(text.lines))
            data = text.with_lines(lines)
        else:
            data = "\n".join([*_fresh_lines(table, path), ""]).encode("utf-8")
        write_bytes(path, data)


def _markers(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells[2:] if cell.strip()]
    if not 1 <= len(names) <= MAX_KEYPOINTS or len(set(names)) < len(names):
        received = f"{len(names)} of which {len(set(names))} differ"
        raise bad(path, "markers in line 4", f"be 1 to {MAX_KEYPOINTS:,} different names", received, _REMEDY)
    return names


def _width(text: TextLines, body: np.ndarray, markers: int) -> int:
    """Cells a line: three for each marker after frame and time, and perhaps empty ones at the end."""
    least = 2 + 3 * markers
    found = len(text.lines[body[0]].split("\t")) if len(body) else least
    if not least <= found <= least + 3:
        where = f"line {text.number(int(body[0]))}"
        raise bad(text.path, where, f"have {least} cells for {markers} markers", f"{found}", "write the file again")
    return found


def _rate(path: Path, cell: str) -> float | None:
    try:
        rate = plain_float(cell)
    except ValueError:
        raise bad(path, "DataRate", "be a number", cell[:40], "correct the cell") from None
    return rate if 0 < rate < 1e6 else None


def complete_times(lines: list[str], fps: float | None) -> None:
    """Writes the times of the lines that were added, in place; none where the file's times are no numbers."""
    cells = {i: lines[i].split("\t") for i in range(HEADER_LINES, len(lines)) if lines[i].strip()}
    try:
        known = np.array([(float(row[0]), plain_float(row[1])) for row in cells.values() if row[1].strip()])
    except ValueError:
        return
    for i, row in cells.items():
        if not row[1].strip() and len(known):
            frame, time = known[np.argmin(np.abs(known[:, 0] - float(row[0])))].tolist()
            step = (float(row[0]) - frame) / fps if fps else 0.0
            lines[i] = "\t".join([row[0], number_text(time + step), *row[2:]])


def complete_header(lines: list[str], frames_before: int, frames: int) -> None:
    """Writes the number of frames into the header's lines, in place."""
    header = lines[1].split("\t")
    facts = lines[2].split("\t")
    for name in ("NumFrames", "OrigNumFrames"):
        if (
            name in header
            and header.index(name) < len(facts)
            and facts[header.index(name)].strip() == str(frames_before)
        ):
            facts[header.index(name)] = str(frames)
    lines[2] = "\t".join(facts)


def _fresh_lines(table: PoseTable, path: Path) -> list[str]:
    counts = np.unique(table.frames, return_counts=True)[1]
    if counts.max(initial=0) > 1:
        raise bad(path, "people", "be one in a TRC file", f"{counts.max()} in a frame", AS_NPZ)
    if table.fps is None:
        raise bad(path, "DataRate", "be known for a TRC file", "no frame rate", "give --fps")
    markers, frames = table.skeleton.keypoints, table.frame_numbers.tolist()
    rate = f"{table.fps:g}"
    facts = [
        rate,
        rate,
        str(len(frames)),
        str(len(markers)),
        table.unit,
        rate,
        str(frames[0] if frames else 0),
        str(len(frames)),
    ]
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        "\t".join(facts),
        "Frame#\tTime\t" + "\t\t\t".join(markers) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(len(markers)) for axis in "XYZ"),
    ]
    depth = np.zeros(table.confidence.shape) if table.depth is None else table.depth
    positions = np.concatenate([table.keypoints, depth[..., None]], axis=2)
    row_of = {int(frame): row for row, frame in enumerate(table.frames)}
    for frame in frames:
        points = positions[row_of[frame]].tolist() if frame in row_of else [[np.nan] * 3] * len(markers)
        cells = [str(frame), number_text(frame / table.fps)]
        for x, y, z in points:
            known = x == x and y == y
            cells += [number_text(value) if known and value == value else "" for value in (x, y, z)]
        lines.append("\t".join(cells))
    return lines
