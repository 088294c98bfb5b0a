"""DeepLabCut and Lightning Pose: CSV with three or four header lines (scorer, individuals, bodyparts, coords)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from kerasmooth.formats.cells import CONFIDENCE, Cells, X, Y, columns_of, person_slots
from kerasmooth.formats.frame_names import FrameNames
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat
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

COORDS = {"x": X, "y": Y, "likelihood": CONFIDENCE}
_LINES = ("scorer", "individuals", "bodyparts", "coords")
_REMEDY = "check that it is a file of predictions"
Label = tuple[str, str, str]
"""(individual, bodypart, coord) of a column; the first and the last are empty where there is none."""


@dataclass(frozen=True, eq=False)
class Dlc:
    """The table, how many columns of index it has, and how frames are called."""

    table: TextTable
    index: int
    frames: FrameNames


class DeepLabCutCsv(PoseFormat):
    """Lines are frames; with an `individuals` line its entries are the people. Image names may be the index."""

    name = "deeplabcut"
    description = "DeepLabCut predictions as CSV, of one or several animals"
    suffix = ".csv"
    needs = "scorer bodyparts coords"
    scorer: ClassVar[str] = "kerasmooth"

    def detect(self, path: Path) -> bool:
        return path.suffix.lower() == ".csv" and "".join(first_lines(path, 1))[:6] == "scorer"

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        lines = header_lines(path, len(_LINES))
        dialect = dialect_of(path, lines[0] if lines else "")
        labels, index, height = _labels(path, [dialect.split(line) for line in lines])
        places, bodyparts = label_columns(path, labels)
        names = [*["frame"] * index, *(f"{part} {coord}" for _, part, coord in labels)]
        table, values = read_table(path, height, range(index, len(names)), names, dialect)
        # With several columns of index the last one is the image.
        frames = frames_of(path, "first column", table.texts[index - 1])
        if len(np.unique(frames.frames)) < len(values):
            raise bad(path, "frame numbers", "differ from line to line", "one twice", "one recording a file")
        cells = Cells(values, frames.frames, places, is_single=len(places) == 1)
        individuals = dict.fromkeys(person for person, _, coord in labels if coord in ("x", "y"))
        called = {"person_names": dict(enumerate(individuals))} if len(places) > 1 else {}
        return Parsed(cells, skeleton_of_names("deeplabcut", bodyparts), Dlc(table, index, frames), attributes=called)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        labels, columns = fresh_labels(table)
        people, parts, coords = zip(*labels, strict=True)
        lines = [["scorer", *[self.scorer] * len(labels)], ["bodyparts", *parts], ["coords", *coords]]
        if people[0]:
            lines.insert(1, ["individuals", *people])
        empty = fresh_table(lines[0], [0], Dialect())
        header = [line for names in lines for line in fresh_table(names, [0], Dialect()).header]
        cells = Cells(np.empty((0, len(labels))), np.empty(0, np.int64), columns)
        text = TextTable(header, empty.dialect, empty.positions, empty.whole, empty.texts, empty.width)
        return Parsed(cells, table.skeleton, Dlc(text, 1, FrameNames(cells.frames, {}, None)))

    def save(self, path: Path, cells: Cells, rest: Dlc, table: PoseTable) -> None:
        texts = rest.table.with_lines(len(cells.further))
        names = [str(rest.frames.name(frame)) for frame in cells.frames[cells.known :].tolist()]
        texts.put(rest.index - 1, cells.further, names)
        write_table(path, texts, cells.values, cells.in_order())


class LightningPoseCsv(DeepLabCutCsv):
    """DeepLabCut's layout with a network's name as scorer."""

    name = "lightning_pose"
    description = "Lightning Pose predictions as CSV"
    scorer = "heatmap_tracker"

    def detect(self, path: Path) -> bool:
        if not super().detect(path):
            return False
        scorer = first_lines(path, 1)[0].removeprefix("scorer,").lstrip(",").partition(",")[0].strip()
        return scorer.endswith("_tracker") or scorer.startswith(("heatmap_", "regression_"))


def _labels(path: Path, lines: Sequence[list[str]]) -> tuple[list[Label], int, int]:
    """The label of each column behind the index, the number of columns of index, and of header lines."""
    rows: dict[str, list[str]] = {}
    for number, cells in enumerate(lines, 1):
        if not cells or cells[0] not in _LINES:
            break
        rows[cells[0]] = cells
        if len(cells) != len(rows.get("scorer", cells)):
            raise bad(path, f"line {number}", f"have {len(rows['scorer'])} cells", f"{len(cells)}", _REMEDY)
    for name in ("bodyparts", "coords"):
        if name not in rows:
            raise bad(
                path,
                "header",
                f"have a line that begins with {name}",
                ",".join(lines[0])[:60] if lines else "none",
                _REMEDY,
            )
    coords = rows["coords"]
    index = next((i for i in range(1, len(coords)) if coords[i].strip()), 1)
    people = rows.get("individuals", [""] * len(coords))
    return list(zip(people[index:], rows["bodyparts"][index:], coords[index:], strict=True)), index, len(rows)


def label_columns(path: Path, labels: Sequence[Label]) -> tuple[np.ndarray, list[str]]:
    """Columns [S, K, 4] of the labels of all columns behind the index, and the names of the K bodyparts.

    Raises:
      InputError: no x and y, or a column twice.
    """
    individuals = dict.fromkeys(person for person, _, coord in labels if coord in ("x", "y"))
    bodyparts = dict.fromkeys(part for _, part, coord in labels if coord in ("x", "y"))
    if not bodyparts:
        raise bad(path, "coords", "hold x and y", sorted({coord for *_, coord in labels})[:4], _REMEDY)
    columns = np.full((len(individuals), len(bodyparts), 4), -1, np.int64)
    person_of = {name: i for i, name in enumerate(individuals)}
    part_of = {name: i for i, name in enumerate(bodyparts)}
    for column, (person, part, coord) in enumerate(labels):
        if coord in COORDS and person in person_of and part in part_of:
            place = (person_of[person], part_of[part], COORDS[coord])
            if columns[place] >= 0:
                raise bad(path, f"{part} {coord}", "be one column", "several", _REMEDY)
            columns[place] = column
    if ((columns[..., X] >= 0) != (columns[..., Y] >= 0)).any():
        raise bad(path, "coords", "hold x and y of each bodypart", "only one of them", _REMEDY)
    return columns, list(bodyparts)


def fresh_labels(table: PoseTable) -> tuple[list[Label], np.ndarray]:
    """The labels of a table's columns in DeepLabCut's layout, and the columns [S, K, 4]."""
    people = int(person_slots(table.frames, table.people, {}).max(initial=0)) + 1
    labels = [
        (f"individual{person + 1}" if people > 1 else "", part, coord)
        for person in range(people)
        for part in table.skeleton.keypoints
        for coord in COORDS
    ]
    return labels, columns_of(people, table.skeleton.num_keypoints, tuple(COORDS.values()))
