"""Ultralytics' labels folder: one text file a frame, one person a line, everything as shares of the image."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.frame_names import Names, file_frames
from kerasmooth.formats.json_folder import LOOKED_AT, MAX_FRAME_BYTES, list_files
from kerasmooth.formats.people import box_of, mean_score
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.raw_poses import CONFIDENCE, RawPoses, X, Y
from kerasmooth.formats.safe_files import bad, decode, head_text, read_bytes, replacing_folder
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.pose_table import PoseTable

_BOX = 5
"""Cells before the keypoints: class, and centre, width and height of the box."""
_REMEDY = "check that it is a labels folder of a pose model"
_LOOKED_AT = 500


class UltralyticsTxt(PoseFormat):
    """Lines are `class x y w h (x y [score])*K [confidence] [id]`; a point at (0, 0) was not seen."""

    name = "ultralytics_txt"
    description = "Ultralytics' labels folder of one text file a frame"
    suffix = ""
    holds = "normalised"

    def detect(self, path: Path) -> bool:
        lines = [head_text(path / name, 8192).partition("\n")[0].split() for name in _labels_in(path)[:LOOKED_AT]]
        return any(len(cells) >= _BOX + 3 and all(map(_is_number, cells)) for cells in lines)

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        files = _labels_in(path)
        if not files:
            raise bad(path, "folder", "hold .txt files", "none", "give the folder of all frames")
        names = file_frames(path, files)
        frames, lines = [], []
        for file, frame in zip(files, names.numbers.tolist(), strict=True):
            found = _lines(path / file)
            lines += found
            frames += [frame] * len(found)
        widths = {len(line) for line in lines} or {_BOX + 51}
        width = min(widths)
        if max(widths) > width + 1:
            raise bad(path, "lines", "have as many cells as each other", f"{width} to {max(widths)}", _REMEDY)
        step, tail = _layout(path, lines, width)
        count = (width - _BOX - tail) // step
        end = _BOX + step * count
        # An id that only some lines have stands behind what all have.
        some = len(widths) == 2
        last = np.array([line[-1] if len(line) > width or not some else -1.0 for line in lines])
        has_ids = some or tail == 2 or (tail == 1 and bool((last == np.rint(last)).all()))
        is_id = has_ids & (last >= 0) & (last < 1 << 53)
        raw = RawPoses(
            np.array([line[_BOX:end] for line in lines], np.float64).reshape(len(lines), 1, count, step),
            (X, Y, CONFIDENCE)[:step],
            np.array(frames, np.int64),
            people=np.where(is_id, last, -1).astype(np.int64),
            missing=(0.0, 0.0),
            missing_score=0.0,
            unseen_at=(0.0,),
        )
        heads = [_joined(line[:_BOX]) for line in lines]
        scores = [_joined(line[end : end + tail - (has_ids and not some)]) for line in lines]
        facts = {"unit": "normalised", "first_frame": 1}
        return Parsed(raw, skeleton_of_count(count), (names, heads, scores, has_ids), np.unique(names.numbers), facts)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        raw = RawPoses.empty(table.skeleton.num_keypoints, (X, Y, CONFIDENCE))
        names = Names(pattern=(f"{path.name or 'frame'}_", 1, ".txt"))
        return replace(raw, missing=(0.0, 0.0), missing_score=0.0), (names, [], [], bool((table.people >= 0).all()))

    def save(self, path: Path, raw: RawPoses, rest: Any, table: PoseTable) -> None:
        """`rest`: names of files, what stands before and behind the keypoints of lines, whether these end in ids."""
        names, heads, scores, has_ids = rest
        files: dict[str, list[str]] = {names.name(frame): [] for frame in names.names}
        people = np.array(raw.people)
        for line, who in raw.renamed(table).items():
            people[line] = who
        for line, (frame, values) in enumerate(zip(raw.frames.tolist(), raw.flat.tolist(), strict=True)):
            if line < raw.known:
                head, score = heads[line], scores[line]
            else:
                x, y, width, height = box_of(table.keypoints[line])
                head = _joined([0.0, x + width / 2, y + height / 2, width, height])
                score = _joined([mean_score(table.confidence[line])]) if any(scores) else ""
            last = str(people[line]) if has_ids and people[line] >= 0 else ""
            text = " ".join(filter(None, [head, _joined(values), score, last]))
            files.setdefault(names.name(frame), []).append(f"{text}\n")
        with replacing_folder(path) as target:
            for name, lines in files.items():
                (target / name).write_text("".join(lines), encoding="utf-8", newline="\n")


def _labels_in(path: Path) -> list[str]:
    return [name for name in list_files(path, ".txt") if name.lower() != "classes.txt"]


def _joined(values: list[float]) -> str:
    return " ".join(repr(float(value)).removesuffix(".0") for value in values)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _lines(path: Path) -> list[list[float]]:
    """The numbers of each line of a file, which may be empty."""
    text = decode(path, read_bytes(path, MAX_FRAME_BYTES)) if not path.is_file() or path.stat().st_size else ""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        cells = line.split()
        faulty = next((cell for cell in cells if not _is_number(cell)), None)
        if faulty is not None:
            raise bad(path, f"line {number}", "hold numbers", faulty, _REMEDY)
        if 0 < len(cells) < _BOX + 2:
            raise bad(path, f"line {number}", "have a box and keypoints", f"{len(cells)} cells", _REMEDY)
        found += [[float(cell) for cell in cells]] if cells else []
    return found


def _layout(path: Path, lines: list[list[float]], width: int) -> tuple[int, int]:
    """Numbers a keypoint (2 or 3), and how many stand behind the keypoints: so that the points lie in their boxes."""
    free = width - _BOX
    layouts = [(3, free % 3)] + [(2, tail) for tail in range(3) if (free - tail) % 2 == 0]
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
