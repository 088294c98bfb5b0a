"""Ultralytics' labels folder: one text file a frame, one person a line, everything as shares of the image."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import decode, head_text, read_bytes, replacing_folder
from kerasmooth.formats.building import build_table, check_counts
from kerasmooth.formats.csv_lines import number_text
from kerasmooth.formats.frame_folder import MAX_FRAME_BYTES, FrameFolder, first_frame
from kerasmooth.formats.frame_names import FrameNames
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import (
    Source,
    changed_confidence,
    changed_positions,
    confidence_to_write,
    in_image_pixels,
    source_of,
)
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.formats.triples import box_of
from kerasmooth.pose_table import PoseTable

_BOX_CELLS = 5
"""Class, and centre, width and height of the box."""
_REMEDY = "check that it is a labels folder of a pose model"


@dataclass(frozen=True, eq=False)
class _Folder:
    """Files and their frames, (file, line) of each row, cells behind the keypoints, whether the last one is an id."""

    files: tuple[str, ...]
    names: FrameNames
    places: list[tuple[int, int]]
    tail: int
    has_ids: bool


class UltralyticsTxt(FrameFolder):
    """Lines are `class x y w h (x y score)*K [confidence] [id]`; frames without anyone have no file."""

    name = "ultralytics_txt"
    description = "Ultralytics' labels folder of one text file a frame"
    frame_suffix = ".txt"

    def detect(self, path: Path) -> bool:
        candidate = first_frame(path, self.frame_suffix)
        if candidate is None:
            return False
        cells = head_text(candidate, 4096).partition("\n")[0].split()
        return len(cells) >= _BOX_CELLS + 3 and all(_is_number(cell) for cell in cells)

    def read_files(
        self,
        path: Path,
        files: list[str],
        names: FrameNames,
        numbers: np.ndarray,
        fps: float | None,
        image_size: Size | None,
    ) -> PoseTable:
        places, cells = [], []
        for index, file in enumerate(files):
            for line, text in enumerate(_lines(path / file)):
                if text.strip():
                    cells.append(text.split())
                    _check_line(path / file, line, cells[-1], len(cells[0]))
                    places.append((index, line))
        width = len(cells[0]) if cells else _BOX_CELLS + 51
        count, tail = divmod(width - _BOX_CELLS, 3)
        check_counts(path, len(cells), count)
        values = np.array([[float(cell) for cell in row] for row in cells], np.float64).reshape(len(cells), width)
        has_ids = tail == 2 or (tail == 1 and all(row[-1].isdigit() for row in cells))
        points = values[:, _BOX_CELLS : width - tail].reshape(len(cells), count, 3)
        frames = numbers[[file for file, _ in places]] if places else np.empty(0, np.int64)
        return build_table(
            self.name,
            path,
            frames=frames,
            people=_ids(frames, values[:, -1]) if has_ids else np.full(len(cells), -1),
            keypoints=points[..., :2],
            confidence=points[..., 2],
            skeleton=skeleton_of_count(count),
            payload=_Folder(tuple(files), names, places, tail, has_ids),
            frame_numbers=np.unique(numbers),
            fps=fps,
            image_size=image_size,
            unit="normalised",
        )

    def write(self, table: PoseTable, path: Path) -> None:
        with replacing_folder(path) as target:
            self.write_into(target, table, source_of(table, self.name), path)

    def write_into(self, target: Path, table: PoseTable, source: Source | None, path: Path) -> None:
        """Writes the files of a table into a folder that is to become `path`."""
        files: dict[str, list[str]] = {}
        if source is None:
            table = _as_shares(table, path)
            names = FrameNames(table.frame_numbers, {}, (f"{path.name or 'frame'}_", 1, ".txt"))
            tail, has_ids, known = (1, True, 0) if (table.people >= 0).all() else (0, False, 0)
        else:
            folder: _Folder = source.payload
            names, tail, has_ids, known = folder.names, folder.tail, folder.has_ids, len(source.frames)
            moved, rescored = changed_positions(table, source), changed_confidence(table, source)
            renamed = (table.people[:known] != source.people) & (table.people[:known] >= 0) & has_ids
            files = {name: _lines(source.path / name) for name in folder.files}
            scores = confidence_to_write(table)
            for row in np.flatnonzero((moved | rescored).any(axis=1) | renamed).tolist():
                file, line = folder.places[row]
                lines = files[folder.files[file]]
                cells = lines[line].split(" ")
                points = np.concatenate([np.nan_to_num(table.keypoints[row]), scores[row, :, None]], axis=1).tolist()
                for k in np.flatnonzero(moved[row] | rescored[row]).tolist():
                    at = _BOX_CELLS + 3 * k
                    cells[at : at + 3] = [number_text(value) for value in points[k]]
                if renamed[row]:
                    cells[-1] = str(table.people[row])
                lines[line] = " ".join(cells)
        added = defaultdict(list)
        for row in range(known, len(table.frames)):
            added[int(table.frames[row])].append(_fresh_line(table, row, tail, has_ids))
        for frame, lines in sorted(added.items()):
            old = files.get(names.name(frame), [])
            while old and not old[-1].strip():
                old = old[:-1]
            files[names.name(frame)] = [*old, *lines, ""]
        for name, lines in files.items():
            (target / name).write_text("\n".join(lines), encoding="utf-8", newline="\n")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _lines(path: Path) -> list[str]:
    """Lines of one frame; a file may be empty."""
    if path.stat().st_size == 0:
        return [""]
    return decode(path, read_bytes(path, MAX_FRAME_BYTES)).split("\n")


def _check_line(path: Path, line: int, cells: list[str], width: int) -> None:
    if len(cells) != width or width < _BOX_CELLS + 3:
        received, expected = f"{len(cells)} cells", f"have {width} cells as the first one"
        raise bad(path, f"line {line + 1}", expected, received, _REMEDY)
    faulty = next((cell for cell in cells if not _is_number(cell)), None)
    if faulty is not None:
        raise bad(path, f"line {line + 1}", "hold numbers", faulty, _REMEDY)


def _ids(frames: np.ndarray, values: np.ndarray) -> np.ndarray:
    """int64 [D]; an id that two people of one frame have is left to the first, and -1 is none."""
    whole = (values >= 0) & (values < 1 << 53)
    ids = np.where(whole, values, -1).astype(np.int64)
    seen: set[tuple[int, int]] = set()
    for row, key in enumerate(zip(frames.tolist(), ids.tolist(), strict=True)):
        if key in seen:
            ids[row] = -1
        seen.add(key)
    return ids


def _as_shares(table: PoseTable, path: Path) -> PoseTable:
    """The table as shares of the image. Raises InputError where the image size is unknown."""
    if table.unit == "normalised" and not table.y_up:
        return table
    table = in_image_pixels(table, path, UltralyticsTxt.name)
    if table.image_size is None:
        remedy = "give the image size with --image_size=HEIGHTxWIDTH"
        raise bad(path, "coordinates", "be shares of the image", "pixels of an unknown image", remedy)
    height, width = table.image_size
    return table.with_(keypoints=table.keypoints / np.array([width, height]), unit="normalised")


def _fresh_line(table: PoseTable, row: int, tail: int, has_ids: bool) -> str:
    x, y, width, height = box_of(table.keypoints[row])
    scores = _scores(table, row)
    points = np.concatenate([np.nan_to_num(table.keypoints[row]), scores[:, None]], axis=1).ravel().tolist()
    cells = ["0", *(number_text(value) for value in (x + width / 2, y + height / 2, width, height, *points))]
    if tail - has_ids:
        there = scores[scores > 0]
        cells.append(number_text(there.mean()) if len(there) else "0")
    return " ".join([*cells, str(table.people[row])] if has_ids else cells)


def _scores(table: PoseTable, row: int) -> np.ndarray:
    missing = np.isnan(table.keypoints[row]).any(axis=-1)
    return np.where(missing, 0.0, np.where(np.isnan(table.confidence[row]), 1.0, table.confidence[row]))
