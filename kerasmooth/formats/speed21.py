"""SPEED21's climbs: one line a frame, `frame#x,y;x,y;...` or `frame#NULL`."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.raw_poses import RawPoses, X, Y
from kerasmooth.formats.safe_files import bad, decode, head_text, read_bytes, write_bytes
from kerasmooth.formats.skeleton_names import index_skeleton
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import MPII_16

_NOBODY = "NULL"
_LINE = re.compile(r"-?\d{1,15}#(NULL|(nan|[-+0-9.eE]+),)")
_METADATA_COLUMNS = 12


class Speed21(PoseFormat):
    """The frame rate comes from the data set's metadata.txt, if that lies in the folder or the one above."""

    name = "speed21"
    description = "SPEED21 speed climbing skeletons"
    suffix = ".data"
    holds_one = True

    def detect(self, path: Path) -> bool:
        return path.is_file() and _LINE.match(head_text(path, 256)) is not None

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        frames: list[int] = []
        points: list[list[float]] = []
        for number, line in enumerate(decode(path, read_bytes(path)).split("\n"), 1):
            if line.strip():
                frame, mark, rest = line.partition("#")
                if not mark or not frame.strip().lstrip("-").isdigit() or len(frame) > 15:
                    raise bad(path, f"line {number}", "be frame#x,y;...", line[:60], "write the file again")
                frames.append(int(frame))
                points.append([] if rest.strip() == _NOBODY else _points(path, number, rest))
        width = max(map(len, points), default=0) or 2 * MPII_16.num_keypoints
        odd = next((i for i, values in enumerate(points) if len(values) not in (0, width)), None)
        if odd is not None:
            expected, received = f"hold {width // 2} pairs x,y", f"{len(points[odd]) // 2}"
            raise bad(path, f"frame {frames[odd]}", expected, received, "write the file again")
        check_counts(path, len(frames), width // 2)
        values = np.array([each or [np.nan] * width for each in points], np.float64)
        values = values.reshape(len(points), 1, width // 2, 2)
        raw = RawPoses(values, (X, Y), np.array(frames, np.int64), is_single=True)
        skeleton = MPII_16 if width // 2 == MPII_16.num_keypoints else index_skeleton(width // 2)
        return Parsed(raw, skeleton, attributes={"fps": _rate(path)})

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, None]:
        return RawPoses.empty(table.skeleton.num_keypoints, (X, Y), places=1), None

    def save(self, path: Path, raw: RawPoses, rest: None, table: PoseTable) -> None:
        lines = []
        for at in raw.in_order().tolist():
            text = ";".join(f"{_text(x)},{_text(y)}" for x, y in raw.values[at, 0].tolist())
            lines.append(f"{raw.frames[at]}#{_NOBODY if np.isnan(raw.values[at]).all() else text}\n")
        write_bytes(path, "".join(lines).encode())


def _text(value: float) -> str:
    return repr(value).removesuffix(".0")


def _points(path: Path, number: int, text: str) -> list[float]:
    """x, y, x, y ... of a line."""
    pairs = [pair.split(",") for pair in text.strip().rstrip(";").split(";")]
    try:
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError(text)
        return [float(value) for pair in pairs for value in pair]
    except ValueError:
        raise bad(path, f"line {number}", "hold pairs x,y of numbers", text[:60], "write the file again") from None


def _rate(path: Path) -> float | None:
    """Frames per second of a climb in the data set's table, None where there is none."""
    for folder in path.resolve().parents[:2]:
        for line in head_text(folder / "metadata.txt", 1 << 22).splitlines():
            cells = line.split(";")
            if cells[0] == path.stem and len(cells) == _METADATA_COLUMNS and cells[-1].strip().isdigit():
                return float(cells[-1]) or None
    return None
