"""DeepLabCut and Lightning Pose: CSV with three or four header lines (scorer, individuals, bodyparts, coords)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.people import places_of
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, RawPoses, X, Y
from kerasmooth.formats.safe_files import bad
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.formats.text_table import dialect_of, first_lines, fresh_table, header_lines
from kerasmooth.formats.wide_csv import Layout, WideTable, fresh_wide, side_by_side
from kerasmooth.pose_table import PoseTable

COORDS = {"x": X, "y": Y, "z": DEPTH, "likelihood": CONFIDENCE}
_LINES = ("scorer", "individuals", "bodyparts", "coords")
_REMEDY = "check that it is a file of predictions"
Label = tuple[str, str, str]
"""(individual, bodypart, coord) of a column; the first and the last are empty where there is none."""


class DeepLabCutCsv(WideTable):
    """Lines are frames; with an `individuals` line its entries are the people. Image names may be the index."""

    name = "deeplabcut"
    description = "DeepLabCut predictions as CSV, of one or several animals"
    suffix = ".csv"
    needs = "scorer bodyparts coords"
    scorer: str = "kerasmooth"

    def detect(self, path: Path) -> bool:
        scorer = _scorer(path)
        return scorer != "" and not _is_tracker(scorer)

    def layout(self, path: Path, columns: Mapping[str, str]) -> Layout:
        lines = header_lines(path, len(_LINES))
        dialect = dialect_of(path, lines[0])
        labels, index, header = _labels(path, [dialect.split(line) for line in lines])
        layout = label_layout(path, labels, first=index)
        headings = [*["frame"] * index, *(f"{part} {coord}" for _, part, coord in labels)]
        # With several columns of index the last one is the image.
        return replace(layout, frame=index - 1, headings=headings, header=header, dialect=dialect)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        labels, layout = fresh_labels(table, first=1)
        people, parts, coords = zip(*labels, strict=True)
        header = [["scorer", *[self.scorer] * len(labels)], ["bodyparts", *parts], ["coords", *coords]]
        if people[0]:
            header.insert(1, ["individuals", *people])
        return fresh_wide(fresh_table(header, 1), layout)


class LightningPoseCsv(DeepLabCutCsv):
    """DeepLabCut's layout with a network's name as scorer."""

    name = "lightning_pose"
    description = "Lightning Pose predictions as CSV"
    scorer = "heatmap_tracker"

    def detect(self, path: Path) -> bool:
        return _is_tracker(_scorer(path))


def _scorer(path: Path) -> str:
    """What made the predictions of a file; empty for other files."""
    line = "".join(first_lines(path, 1)) if path.suffix.lower() == ".csv" else ""
    return line[6:].lstrip(",;\t").partition(",")[0].strip() or "unknown" if line.startswith("scorer") else ""


def _is_tracker(scorer: str) -> bool:
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
            received = ",".join(lines[0])[:60] if lines else "none"
            raise bad(path, "header", f"have a line that begins with {name}", received, _REMEDY)
    coords = rows["coords"]
    index = next((i for i in range(1, len(coords)) if coords[i].strip()), 1)
    people = rows.get("individuals", [""] * len(coords))
    return list(zip(people[index:], rows["bodyparts"][index:], coords[index:], strict=True)), index, len(rows)


def label_layout(path: Path, labels: Sequence[Label], first: int) -> Layout:
    """Where what is among columns with these labels. Raises InputError for no x and y, or a column twice."""
    individuals = list(dict.fromkeys(person for person, _, coord in labels if coord in ("x", "y")))
    bodyparts = list(dict.fromkeys(part for _, part, coord in labels if coord in ("x", "y")))
    if not bodyparts:
        raise bad(path, "coords", "hold x and y", sorted({coord for *_, coord in labels})[:4], _REMEDY)
    names = [name for name in COORDS if name != "z" or any(coord == "z" for *_, coord in labels)]
    columns = np.full((len(individuals), len(bodyparts), len(names)), -1, np.int64)
    at = {(person, part): (i, k) for i, person in enumerate(individuals) for k, part in enumerate(bodyparts)}
    for column, (person, part, coord) in enumerate(labels, first):
        if coord in COORDS and (person, part) in at:
            place = (*at[person, part], names.index(coord))
            if columns[place] >= 0:
                raise bad(path, f"{part} {coord}", "be one column", "several", _REMEDY)
            columns[place] = column
    if ((columns[..., 0] >= 0) != (columns[..., 1] >= 0)).any():
        raise bad(path, "coords", "hold x and y of each bodypart", "only one of them", _REMEDY)
    called = {"person_names": dict(enumerate(individuals))} if len(individuals) > 1 else {}
    coords = tuple(COORDS[name] for name in names)
    return Layout(columns, coords, skeleton_of_names("deeplabcut", bodyparts), attributes=called)


def fresh_labels(table: PoseTable, first: int) -> tuple[list[Label], Layout]:
    """The labels of a table's columns in DeepLabCut's layout, of which the first one is column `first`."""
    people, parts = places_of(table), table.skeleton.keypoints
    coords = (X, Y, CONFIDENCE) if table.depth is None else tuple(COORDS.values())
    names = [f"individual{person + 1}" if people > 1 else "" for person in range(people)]
    labels = [(each, part, name) for each in names for part in parts for name in COORDS if COORDS[name] in coords]
    return labels, Layout(side_by_side(first, people, len(parts), coords), coords, table.skeleton)
