"""TRC marker files: X Y Z of each marker a frame, one person, between tabs or, from a spreadsheet, commas."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.formats.pose_format import Parsed
from kerasmooth.formats.raw_poses import DEPTH, RawPoses, X, Y
from kerasmooth.formats.safe_files import MAX_KEYPOINTS, bad, head_text
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.formats.text_table import Dialect, TextTable, dialect_of, fresh_table, header_lines
from kerasmooth.formats.units import looks_up
from kerasmooth.formats.wide_csv import Layout, Wide, WideTable, fresh_wide, side_by_side, with_further
from kerasmooth.pose_table import PoseTable

_REMEDY = "check that it is a TRC file"
_HEADER = 5
_FACTS = ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"]
_FACTS += ["OrigDataRate", "OrigDataStartFrame", "OrigNumFrames"]
_COORDS = (X, Y, DEPTH)


class Trc(WideTable):
    """Z is the depth. Says frame rate and unit. y grows upwards unless the unit is px or heads would be below."""

    name = "trc"
    description = "TRC markers (Pose2Sim, Sports2D, OpenSim)"
    suffix = ".trc"
    holds = "any"
    holds_one = True

    def detect(self, path: Path) -> bool:
        beginning = head_text(path, 256)
        return beginning.startswith("PathFileType") or (path.suffix.lower() == ".trc" and "\t" in beginning)

    def layout(self, path: Path, columns: Mapping[str, str]) -> Layout:
        lines = header_lines(path, _HEADER + 3)
        if len(lines) < _HEADER or not lines[0].startswith("PathFileType"):
            raise bad(path, "header", "begin with PathFileType and have 5 lines", lines[0][:60], _REMEDY)
        dialect = dialect_of(path, lines[3])
        cells = zip(dialect.split(lines[1]), dialect.split(lines[2]), strict=False)
        facts = {name.strip(): fact.strip() for name, fact in cells}
        names = [cell.strip() for cell in dialect.split(lines[3])[2:] if cell.strip()]
        if not 1 <= len(names) <= MAX_KEYPOINTS or len(set(names)) < len(names):
            received = f"{len(names)} of which {len(set(names))} differ"
            raise bad(path, "markers in line 4", f"be 1 to {MAX_KEYPOINTS:,} different names", received, _REMEDY)
        width = _width(path, [len(dialect.split(line)) for line in lines[_HEADER:] if line.strip()], len(names))
        headings = ["Frame#", "Time", *(f"{name} {axis}" for name in names for axis in "XYZ")]
        headings += [""] * (width - len(headings))
        return Layout(
            side_by_side(2, 1, len(names), _COORDS),
            _COORDS,
            skeleton_of_names("trc", names),
            headings=headings,
            header=_HEADER,
            dialect=dialect,
            trimmed=3,
            attributes={"fps": _rate(path, facts.get("DataRate", "")), "unit": facts.get("Units") or "m"},
        )

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        parsed = super().parse(path, columns)
        up = looks_up(parsed.raw.positions(parsed.raw.rows())[0], parsed.skeleton)
        y_up = parsed.attributes["unit"] != "px" if up is None else up
        return replace(parsed, attributes={**parsed.attributes, "y_up": y_up})

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        if table.fps is None:
            raise bad(path, "DataRate", "be known for a TRC file", "no frame rate", "give --fps")
        markers, frames = table.skeleton.keypoints, table.frame_numbers
        rate, first = f"{table.fps:g}", str(frames[0] if len(frames) else 0)
        header = [
            ["PathFileType", "4", "(X/Y/Z)", path.name],
            _FACTS,
            [rate, rate, "0", str(len(markers)), table.unit, rate, first, "0"],
            ["Frame#", "Time", *(cell for marker in markers for cell in (marker, "", ""))],
            ["", "", *(f"{axis}{i + 1}" for i in range(len(markers)) for axis in "XYZ")],
        ]
        text = fresh_table(header, 2, Dialect(separator="\t"))
        return fresh_wide(text, Layout(side_by_side(2, 1, len(markers), _COORDS), _COORDS, table.skeleton))

    def save(self, path: Path, raw: RawPoses, rest: Wide, table: PoseTable) -> None:
        frames, texts = raw.frames[raw.known :], with_further(raw, rest, table)
        texts.put(1, raw.further, _times(rest.table.others, frames, table.fps))
        if len(frames):
            texts = replace(texts, header=_counted(texts, raw.known, len(raw.frames)))
        values = raw.flat
        if table.depth is None:
            values[raw.known :, 2::3] = np.where(np.isnan(values[raw.known :, ::3]), np.nan, 0.0)
        texts.write(path, values, raw.in_order())


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
    if not fps or (len(texts) and not len(known)):
        return [""] * len(frames)
    known = known if len(known) else np.zeros((1, 2))
    nearest = known[np.abs(known[:, 0] - frames[:, None]).argmin(axis=1)]
    return [repr(float(time + (frame - at) / fps)) for frame, (at, time) in zip(frames.tolist(), nearest, strict=True)]


def _counted(table: TextTable, before: int, frames: int) -> list[str]:
    """The header with the new number of frames, where it said the old one."""
    split = table.dialect.split
    facts, names = split(table.header[2]), [name.strip() for name in split(table.header[1])]
    for name in ("NumFrames", "OrigNumFrames"):
        at = names.index(name) if name in names else len(facts)
        if at < len(facts) and facts[at].strip() == str(before):
            facts[at] = str(frames)
    return [*table.header[:2], table.dialect.separator.join(facts), *table.header[3:]]
