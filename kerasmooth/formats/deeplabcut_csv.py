"""DeepLabCut and Lightning Pose: CSV with three or four header lines (scorer, individuals, bodyparts, coords)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import head_text, write_bytes
from kerasmooth.formats.building import check_asked, person_slots
from kerasmooth.formats.csv_grid import CONFIDENCE, X, Y, body_lines, grid_table, read_grid, updated_lines
from kerasmooth.formats.csv_lines import TextLines, frame_column, join, number_text, parse_columns, read_lines, split
from kerasmooth.formats.frame_names import frame_names
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import PoseFormat, confidence_to_write, in_image_pixels, source_of
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable

_COORDS = {"x": X, "y": Y, "likelihood": CONFIDENCE}
_REMEDY = "check that it is a file of predictions"


@dataclass(frozen=True)
class DlcHeader:
    """What the header lines say: names, and columns int64 [S, K, 4] of the people S."""

    individuals: tuple[str, ...]
    bodyparts: tuple[str, ...]
    columns: np.ndarray


class DeepLabCutCsv(PoseFormat):
    """Lines are frames; with an `individuals` line its entries are the people. Other coords are copied."""

    name = "deeplabcut"
    description = "DeepLabCut predictions as CSV, of one or several animals"
    suffix = ".csv"
    scorer: ClassVar[str] = "kerasmooth"

    def detect(self, path: Path) -> bool:
        return path.suffix.lower() == ".csv" and head_text(path, 64).startswith("scorer,")

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        return self.read_text(read_lines(path), fps, image_size)

    def read_text(self, text: TextLines, fps: float | None, image_size: Size | None) -> PoseTable:
        """The table of a header and some of the lines behind it."""
        header, lines, width = read_header(text)
        body = body_lines(text, lines)
        positions, confidence = read_grid(
            text, header.columns, body=body, width=width, names=split(text.lines[lines - 2])
        )
        parts = {
            "text": text,
            "body": body,
            "frames": _frames(text, body, width),
            "columns": header.columns,
            "frame_column": 0,
            "width": width,
            "delimiter": ",",
        }
        skeleton = skeleton_of_names("deeplabcut", header.bodyparts)
        return grid_table(self.name, parts, positions, confidence, skeleton, fps=fps, image_size=image_size)

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is not None:
            data = source.payload.text.with_lines(updated_lines(table, source, path))
        else:
            table = in_image_pixels(table, path, self.name)
            data = ("\n".join([*_fresh_lines(table, self.scorer), ""])).encode("utf-8")
        write_bytes(path, data)


class LightningPoseCsv(DeepLabCutCsv):
    """DeepLabCut's layout with a network's name as scorer."""

    name = "lightning_pose"
    description = "Lightning Pose predictions as CSV"
    scorer = "heatmap_tracker"

    def detect(self, path: Path) -> bool:
        if not super().detect(path):
            return False
        scorer = head_text(path, 256).partition("\n")[0].removeprefix("scorer,").partition(",")[0].strip()
        return scorer.endswith("_tracker") or scorer.startswith(("heatmap_", "regression_"))


def read_header(text: TextLines) -> tuple[DlcHeader, int, int]:
    """The header, its number of lines and the number of columns."""
    rows = {}
    for index, line in enumerate(text.lines[:4]):
        cells = split(line)
        if cells[0] not in ("scorer", "individuals", "bodyparts", "coords"):
            break
        rows[cells[0]] = cells
        if len(cells) != len(rows.get("scorer", cells)):
            raise bad(text.path, f"line {index + 1}", f"have {len(rows['scorer'])} cells", f"{len(cells)}", _REMEDY)
    for name in ("bodyparts", "coords"):
        if name not in rows:
            raise bad(text.path, "header", f"have a line that begins with {name}", text.lines[0][:60], _REMEDY)
    people = rows.get("individuals", [""] * len(rows["coords"]))
    return (
        parse_header(text.path, list(zip(people, rows["bodyparts"], rows["coords"], strict=True))),
        len(rows),
        len(people),
    )


def parse_header(path: Path, labels: Sequence[tuple[str, str, str]]) -> DlcHeader:
    """The header from (individual, bodypart, coord) of every column, the first of which is the index's.

    Raises:
      InputError: no x and y, or a column twice.
    """
    positions = labels[1:]
    individuals = tuple(dict.fromkeys(person for person, _, coord in positions if coord in ("x", "y")))
    bodyparts = tuple(dict.fromkeys(part for _, part, coord in positions if coord in ("x", "y")))
    if not bodyparts:
        raise bad(path, "coords", "hold x and y", sorted({coord for *_, coord in positions})[:4], _REMEDY)
    columns = np.full((len(individuals), len(bodyparts), 4), -1, np.int64)
    person_of = {name: i for i, name in enumerate(individuals)}
    part_of = {name: i for i, name in enumerate(bodyparts)}
    for column, (person, part, coord) in enumerate(labels):
        if column and coord in _COORDS and person in person_of and part in part_of:
            place = (person_of[person], part_of[part], _COORDS[coord])
            if columns[place] >= 0:
                raise bad(path, f"{part} {coord}", "be one column", "several", _REMEDY)
            columns[place] = column
    if ((columns[..., X] >= 0) != (columns[..., Y] >= 0)).any():
        raise bad(path, "coords", "hold x and y of each bodypart", "only one of them", _REMEDY)
    return DlcHeader(individuals, bodyparts, columns)


def _frames(text: TextLines, body: np.ndarray, width: int) -> np.ndarray:
    """int64 [L]: the first column, a number or the name of an image."""
    cells = [split(text.lines[line])[0] for line in body.tolist()]
    if all(cell.isdigit() for cell in cells):
        values = parse_columns(text, body.tolist(), [0], width, names=("frame",))[:, 0]
        return frame_column(text, body.tolist(), values, "frame")
    return frame_names(text.path, "first column", cells).frames if cells else np.empty(0, np.int64)


def fresh_columns(table: PoseTable) -> tuple[list[tuple[str, str, str]], np.ndarray, np.ndarray]:
    """Labels of the columns, frames [L] and values [L, columns] of a table in DeepLabCut's layout."""
    slots = person_slots(table.frames, table.people, {})
    people = max(1, int(slots.max(initial=0)) + 1)
    frames = table.frame_numbers
    values = np.full((len(frames), people, table.skeleton.num_keypoints, 3), np.nan)
    at = np.searchsorted(frames, table.frames)
    values[at, slots, :, :2] = table.keypoints
    values[at, slots, :, 2] = confidence_to_write(table)
    labels = [
        (f"individual{person + 1}" if people > 1 else "", part, coord)
        for person in range(people)
        for part in table.skeleton.keypoints
        for coord in _COORDS
    ]
    return labels, frames, values.reshape(len(frames), -1)


def _fresh_lines(table: PoseTable, scorer: str) -> list[str]:
    labels, frames, values = fresh_columns(table)
    people, parts, coords = zip(*labels, strict=True)
    lines = [join(["scorer", *[scorer] * len(labels)])]
    if people[0]:
        lines.append(join(["individuals", *people]))
    lines += [join(["bodyparts", *parts]), join(["coords", *coords])]
    for frame, row in zip(frames.tolist(), values.tolist(), strict=True):
        lines.append(",".join([str(frame), *["" if value != value else number_text(value) for value in row]]))
    return lines
