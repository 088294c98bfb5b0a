"""Ultralytics' labels folder: one text file a frame, one person a line, everything as shares of the image."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kerasmooth.formats.bounded_files import decode, head_text, read_bytes, replacing_folder
from kerasmooth.formats.frame_names import FrameNames, file_frames
from kerasmooth.formats.json_document import box_of, mean_score
from kerasmooth.formats.json_folder import MAX_FRAME_BYTES, list_files
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.raw_poses import CONFIDENCE, RawPoses, X, Y
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.pose_table import PoseTable

_BOX = 5
"""Cells before the keypoints: class, and centre, width and height of the box."""
_REMEDY = "check that it is a labels folder of a pose model"
_LOOKED_AT = 500


@dataclass(frozen=True, eq=False)
class Labels:
    """Files, what stands before and behind the keypoints of each line, and whether lines end in ids."""

    names: FrameNames
    heads: list[str]
    scores: list[str]
    ids: bool


class UltralyticsTxt(PoseFormat):
    """Lines are `class x y w h (x y [score])*K [confidence] [id]`; a point at (0, 0) was not seen."""

    name = "ultralytics_txt"
    description = "Ultralytics' labels folder of one text file a frame"
    suffix = ""
    holds = "normalised"

    def detect(self, path: Path) -> bool:
        for name in list_files(path, ".txt")[:20] if path.is_dir() else []:
            cells = head_text(path / name, 8192).partition("\n")[0].split()
            if cells:
                return len(cells) >= _BOX + 3 and all(map(_is_number, cells))
        return False

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        files = list_files(path, ".txt")
        if not files:
            raise bad(path, "folder", "hold .txt files", "none", "give the folder of all frames")
        names = file_frames(path, files)
        frames, lines = [], []
        for file, frame in zip(files, names.frames.tolist(), strict=True):
            for number, line in enumerate(_text(path / file).split("\n"), 1):
                if line.strip():
                    lines.append(_numbers(path / file, number, line))
                    frames.append(frame)
        widths = {len(line) for line in lines}
        width = min(widths, default=_BOX + 51)
        if max(widths, default=width) > width + 1:
            received = f"{width} to {max(widths)}"
            raise bad(path, "lines", "have as many cells as each other", received, _REMEDY)
        step, tail = _layout(path, lines, width)
        count = (width - _BOX - tail) // step
        check_counts(path, len(lines), count)
        # An id that only some lines have stands behind what all have.
        some = len(widths) == 2
        last = [line[-1] if len(line) > width or not some else -1.0 for line in lines]
        ids = some or tail == 2 or (tail == 1 and all(value.is_integer() for value in last))
        end = _BOX + step * count
        values = np.array([line[_BOX:end] for line in lines], np.float64)
        whose = np.array(last if ids else [-1.0] * len(lines))
        people = np.where((whose >= 0) & (whose < 1 << 53), whose, -1).astype(np.int64)
        scored = tail - (ids and not some) > 0
        heads = [" ".join(map(_short, line[:_BOX])) for line in lines]
        scores = [_short(line[end]) if scored else "" for line in lines]
        raw = RawPoses(
            values.reshape(len(lines), 1, count, step),
            (X, Y, CONFIDENCE)[:step],
            np.array(frames, np.int64),
            people=people,
            missing=(0.0, 0.0),
            missing_score=0.0,
            nowhere=(0.0,),
        )
        rest = Labels(names, heads, scores, ids)
        numbers = np.unique(names.frames)
        return Parsed(raw, skeleton_of_count(count), rest, numbers, {"unit": "normalised", "first_frame": 1})

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Labels]:
        raw = replace(
            RawPoses.empty(table.skeleton.num_keypoints, (X, Y, CONFIDENCE)), missing=(0.0, 0.0), missing_score=0.0
        )
        names = FrameNames(raw.frames, {}, (f"{path.name or 'frame'}_", 1, ".txt"))
        return raw, Labels(names, [], [], bool((table.people >= 0).all()))

    def save(self, path: Path, raw: RawPoses, rest: Labels, table: PoseTable) -> None:
        files: dict[str, list[str]] = {rest.names.name(frame): [] for frame in rest.names.names}
        people = np.concatenate([raw.people[: raw.known], table.people[raw.known :]])  # type: ignore[index]
        for line, who in raw.renamed(table).items():
            people[line] = who
        scored = any(rest.scores)
        for line, (frame, values) in enumerate(zip(raw.frames.tolist(), raw.flat.tolist(), strict=True)):
            if line < raw.known:
                head, score = rest.heads[line], rest.scores[line]
            else:
                x, y, width, height = box_of(table.keypoints[line])
                head = " ".join(map(_short, (0.0, x + width / 2, y + height / 2, width, height)))
                score = _short(mean_score(table.confidence[line])) if scored else ""
            last = str(people[line]) if rest.ids and people[line] >= 0 else ""
            text = " ".join(filter(None, [head, *map(_short, values), score, last]))
            files.setdefault(rest.names.name(frame), []).append(text)
        with replacing_folder(path) as target:
            for name, lines in files.items():
                (target / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _short(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _text(path: Path) -> str:
    """The text of one frame; a file may be empty."""
    if path.is_file() and path.stat().st_size == 0:
        return ""
    return decode(path, read_bytes(path, MAX_FRAME_BYTES))


def _numbers(path: Path, number: int, line: str) -> list[float]:
    cells = line.split()
    faulty = next((cell for cell in cells if not _is_number(cell)), None)
    if faulty is not None:
        raise bad(path, f"line {number}", "hold numbers", faulty, _REMEDY)
    if len(cells) < _BOX + 2:
        raise bad(path, f"line {number}", "have a box and keypoints", f"{len(cells)} cells", _REMEDY)
    return [float(cell) for cell in cells]


def _layout(path: Path, lines: list[list[float]], width: int) -> tuple[int, int]:
    """Numbers a keypoint (2 or 3), and how many stand behind the keypoints: so that the points lie in their boxes."""
    free = width - _BOX
    layouts = [(3, free % 3)] + [(2, tail) for tail in range(3) if (free - tail) % 2 == 0 and free > tail]
    layouts = [(step, tail) for step, tail in layouts if free >= step + tail]
    if not layouts:
        raise bad(path, "lines", "have a box and keypoints", f"{width} cells", _REMEDY)
    values = np.array([line[:width] for line in lines[:: max(1, len(lines) // _LOOKED_AT)]]).reshape(-1, width)
    return max(layouts, key=lambda layout: _likelihood(values, *layout))


def _likelihood(values: np.ndarray, step: int, tail: int) -> float:
    """How well lines fit a layout: points lie anywhere in their boxes, rarely outside; scores are rather high."""
    points = values[:, _BOX : values.shape[1] - tail].reshape(len(values), -1, step)
    centre, size = values[:, None, 1:3], values[:, None, 3:5]
    inside = (np.abs(points[..., :2] - centre) <= 0.6 * size + 0.01).all(axis=-1)
    area = np.clip(size.prod(axis=-1), 1e-4, 1.0)
    fits = np.where(inside, -np.log(area), np.log(0.02))[(points[..., :2] != 0).any(axis=-1)].sum()
    if step == 3:
        scores = points[..., 2]
        fits += np.where((scores < 0) | (scores > 2), -100, np.log(3 * np.clip(scores, 0, 1) ** 2 + 0.05)).sum()
    return float(fits)
