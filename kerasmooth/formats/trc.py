"""TRC marker files: X Y Z of each marker a frame, one person, between tabs or, from a spreadsheet, commas."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from kerasmooth.formats.cells import DEPTH, Cells, X, Y, columns_of
from kerasmooth.formats.coordinates import looks_up
from kerasmooth.formats.limits import MAX_KEYPOINTS, bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_single
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.formats.text_table import (
    Dialect,
    TextTable,
    dialect_of,
    first_lines,
    frames_of,
    fresh_table,
    header_lines,
    read_table,
    write_table,
)
from kerasmooth.pose_table import PoseTable

_REMEDY = "check that it is a TRC file"
_HEADER_LINES = 5
_FACTS = "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames"


class Trc(PoseFormat):
    """Z is the depth. Says frame rate and unit. y grows upwards unless the unit is px or heads would be below."""

    name = "trc"
    description = "TRC markers (Pose2Sim, Sports2D, OpenSim)"
    suffix = ".trc"

    def detect(self, path: Path) -> bool:
        lines = first_lines(path, 1)
        return bool(lines) and (
            lines[0].startswith("PathFileType") or (path.suffix.lower() == ".trc" and "\t" in lines[0])
        )

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        lines = header_lines(path, _HEADER_LINES + 3)
        if len(lines) < _HEADER_LINES or not lines[0].startswith("PathFileType"):
            received = lines[0][:60] if lines else "no text"
            raise bad(path, "header", "begin with PathFileType and have 5 lines", received, _REMEDY)
        dialect = dialect_of(path, lines[3])
        facts = {
            name.strip(): fact.strip()
            for name, fact in zip(dialect.split(lines[1]), dialect.split(lines[2]), strict=False)
        }
        names = [cell.strip() for cell in dialect.split(lines[3])[2:] if cell.strip()]
        if not 1 <= len(names) <= MAX_KEYPOINTS or len(set(names)) < len(names):
            received = f"{len(names)} of which {len(set(names))} differ"
            raise bad(path, "markers in line 4", f"be 1 to {MAX_KEYPOINTS:,} different names", received, _REMEDY)
        width = _width(path, [len(dialect.split(line)) for line in lines[_HEADER_LINES:] if line.strip()], len(names))
        headings = ["Frame#", "Time", *(f"{name} {axis}" for name in names for axis in "XYZ")]
        headings += [""] * (width - len(headings))
        positions = range(2, 2 + 3 * len(names))
        table, values = read_table(path, _HEADER_LINES, positions, headings, dialect, trimmed=3)
        frames = frames_of(path, "Frame#", table.texts[0]).frames
        if len(np.unique(frames)) < len(frames):
            raise bad(path, "frame numbers", "differ from line to line", "one twice", "one recording a file")
        cells = Cells(values, frames, columns_of(1, len(names), (X, Y, DEPTH)), is_single=True)
        unit, skeleton = facts.get("Units") or "m", skeleton_of_names("trc", names)
        up = looks_up(cells.positions(cells.rows())[0], skeleton)
        attributes = {"fps": _rate(path, facts.get("DataRate", "")), "unit": unit}
        return Parsed(cells, skeleton, table, attributes=attributes | {"y_up": unit != "px" if up is None else up})

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        check_single(table, path, "a TRC file")
        if table.fps is None:
            raise bad(path, "DataRate", "be known for a TRC file", "no frame rate", "give --fps")
        markers, frames = table.skeleton.keypoints, table.frame_numbers
        rate, first = f"{table.fps:g}", str(frames[0] if len(frames) else 0)
        facts = [rate, rate, "0", str(len(markers)), table.unit, rate, first, "0"]
        headings = ["Frame#", "Time", *(cell for marker in markers for cell in (marker, "", ""))]
        header = [
            f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
            _FACTS,
            "\t".join(facts),
            "\t".join(headings),
            "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(len(markers)) for axis in "XYZ"),
        ]
        text = replace(fresh_table(headings, [0, 1], Dialect(separator="\t")), header=header)
        columns = columns_of(1, len(markers), (X, Y, DEPTH))
        cells = Cells(np.empty((0, 3 * len(markers))), np.empty(0, np.int64), columns)
        return Parsed(cells, table.skeleton, text)

    def converted(self, table: PoseTable, path: Path) -> PoseTable:
        return table if table.depth is not None else table.with_(depth=np.zeros(table.confidence.shape))

    def save(self, path: Path, cells: Cells, rest: TextTable, table: PoseTable) -> None:
        frames = cells.frames[cells.known :]
        texts = rest.with_lines(len(frames))
        texts.put(0, cells.further, [str(frame) for frame in frames.tolist()])
        texts.put(1, cells.further, _times(rest.texts, frames, table.fps))
        header = _counted(texts, cells.known, len(cells.frames)) if len(frames) else texts.header
        write_table(path, replace(texts, header=header), cells.values, cells.in_order())


def _width(path: Path, found: list[int], markers: int) -> int:
    """Cells a line: three for each marker after frame and time, fewer where empty ones were cut, or some behind."""
    least = 2 + 3 * markers
    widest = max(found, default=least)
    if widest > least + 3:
        raise bad(path, "lines", f"have {least} cells for {markers} markers", f"{widest}", "write the file again")
    return max(least, widest)


def _rate(path: Path, cell: str) -> float | None:
    try:
        # To float, 6_0 is sixty.
        rate = float(cell.replace(",", ".").replace("_", "?"))
    except ValueError:
        raise bad(path, "DataRate", "be a number", cell[:40], "correct the cell") from None
    return rate if 0 < rate < 1e6 else None


def _times(texts: pd.DataFrame, frames: np.ndarray, fps: float | None) -> list[str]:
    """The times of further frames, as far from those of the nearest known ones as the frame rate says."""
    known = texts.apply(pd.to_numeric, errors="coerce")[[0, 1]].to_numpy(np.float64)
    known = known[np.isfinite(known).all(axis=1)]
    if not len(known):
        return [repr(frame / fps) if fps and not len(texts) else "" for frame in frames.tolist()]
    nearest = known[np.abs(known[:, 0] - frames[:, None]).argmin(axis=1)] if len(frames) else known[:0]
    return [
        repr(float(time + (frame - at) / fps)) if fps else ""
        for frame, (at, time) in zip(frames.tolist(), nearest, strict=True)
    ]


def _counted(table: TextTable, before: int, frames: int) -> list[str]:
    """The header with the new number of frames, where it said the old one."""
    split = table.dialect.split
    facts, names = split(table.header[2]), [name.strip() for name in split(table.header[1])]
    for name in ("NumFrames", "OrigNumFrames"):
        at = names.index(name) if name in names else len(facts)
        if at < len(facts) and facts[at].strip() == str(before):
            facts[at] = str(frames)
    return [*table.header[:2], table.dialect.separator.join(facts), *table.header[3:]]
