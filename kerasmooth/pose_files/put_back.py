"""Smoothed positions put back where the rows of a table were, in the unit that they had."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.formats import append_rows
from kerasmooth.pose_table import PoseTable

COLUMNS = ("frames", "people", "keypoints", "confidence", "provenance", "deviation")
Added = dict[str, np.ndarray]
"""Rows of people in frames where the file had nobody: COLUMNS, as `formats.append_rows` takes them."""


@dataclass(frozen=True, eq=False)
class Unit:
    """A unit that is the same along x and y, with y downwards, so that distances and angles mean something.

    Attributes:
      scale: [2], what a table's coordinates are multiplied by.
    """

    scale: np.ndarray

    @classmethod
    def of(cls, table: PoseTable) -> "Unit":
        height, width = table.image_size if table.unit == "normalised" and table.image_size else (1, 1)
        return cls(np.array([width, -height if table.y_up else height], np.float64))

    @property
    def size(self) -> float:
        """How much longer lengths are, in the mean of both axes."""
        return float(np.sqrt(np.abs(self.scale.prod())))


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table in such a unit, before and while they are being smoothed; arrays as in PoseTable."""

    before: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    provenance: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, table: PoseTable, unit: Unit) -> "Rows":
        before = table.keypoints * unit.scale
        copies = (before, table.confidence, table.provenance, table.deviation)
        return cls(before, *(np.array(values) for values in copies))


def put_back(
    table: PoseTable, people: np.ndarray, rows: Rows, added: list[Added], unit: Unit
) -> tuple[PoseTable, Added]:
    """The table with new values, and with new rows behind its own; and these rows, by frame.

    A new row that the table has already, that person in that frame, is left out. Where an id jumped to and fro, both of
    its parts may fill a frame: the surer one stays.
    """
    # Back through the unit only what moved: the rest keeps every digit.
    same = (rows.keypoints == rows.before) | (np.isnan(rows.keypoints) & np.isnan(rows.before))
    result = table.with_(
        people=people,
        keypoints=np.where(same, table.keypoints, rows.keypoints / unit.scale),
        confidence=rows.confidence,
        provenance=rows.provenance,
        deviation=rows.deviation / unit.size,
    )
    if not added:
        num_keypoints = table.skeleton.num_keypoints
        empty = np.empty((0, num_keypoints))
        return result, dict(zip(COLUMNS, (*np.empty((2, 0), np.int64), empty[..., None], *[empty] * 3), strict=True))
    columns = {key: np.concatenate([part[key] for part in added]) for key in COLUMNS}
    columns["keypoints"] = columns["keypoints"] / unit.scale
    columns["deviation"] = columns["deviation"] / unit.size
    taken = set(zip(table.frames.tolist(), people.tolist(), strict=True))
    order = np.lexsort((-np.nansum(columns["confidence"], axis=1), columns["people"], columns["frames"]))
    chosen: list[int] = []
    for row in order.tolist():
        pair = (int(columns["frames"][row]), int(columns["people"][row]))
        if pair not in taken:
            taken.add(pair)
            chosen.append(row)
    columns = {key: values[np.array(chosen, np.int64)] for key, values in columns.items()}
    return append_rows(result, **columns), columns
