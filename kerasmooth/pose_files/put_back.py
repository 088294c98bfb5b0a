"""Smoothed positions put back where the rows of a table were, in the unit that they had."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.formats import append_rows
from kerasmooth.pose_table import PoseTable
from kerasmooth.smoothing.keypoints import Smoothed

VALUES = ("keypoints", "confidence", "provenance", "deviation", "depth")
Added = dict[str, np.ndarray]
"""Rows of people in frames where the file had nobody: frames, people and VALUES, what `formats.append_rows` takes."""


@dataclass(frozen=True, eq=False)
class Unit:
    """A unit that is the same along x and y, with y downwards, so that distances and angles mean something.

    Attributes:
      scale: [2], what a table's coordinates are multiplied by; depths by that of x.
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
    """The rows of a table in such a unit, before and while they are being smoothed; `before` are the keypoints."""

    before: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    provenance: np.ndarray
    deviation: np.ndarray
    depth: np.ndarray | None

    @classmethod
    def of(cls, table: PoseTable, unit: Unit) -> "Rows":
        before = table.keypoints * unit.scale
        confidence, provenance, deviation = map(np.array, (table.confidence, table.provenance, table.deviation))
        depth = None if table.depth is None else table.depth * unit.scale[0]
        return cls(before, np.array(before), confidence, provenance, deviation, depth)


def values_of(done: Smoothed, part: slice | np.ndarray) -> dict[str, np.ndarray]:
    """VALUES of some frames, without a depth where there is none."""
    found = {name: getattr(done, name) for name in VALUES}
    return {name: values[part] for name, values in found.items() if values is not None}


def put_back(
    table: PoseTable, people: np.ndarray, rows: Rows, added: list[Added], unit: Unit
) -> tuple[PoseTable, Added]:
    """The table with new values, and with new rows behind its own; and these rows, by frame.

    A new row that the table has already, that person in that frame, is left out. Where an id jumped to and fro, both of
    its parts may fill a frame: the surer one stays.
    """
    result = table.with_(
        people=people,
        keypoints=_back(table.keypoints, rows.keypoints, unit.scale),
        confidence=rows.confidence,
        provenance=rows.provenance,
        deviation=rows.deviation / unit.size,
    )
    if table.depth is not None and rows.depth is not None:
        result = result.with_(depth=_back(table.depth, rows.depth, unit.scale[0]))
    if not added:
        return result, {"frames": np.empty(0, np.int64), "people": np.empty(0, np.int64)}
    columns = {key: np.concatenate([part[key] for part in added]) for key in added[0]}
    columns["keypoints"] = columns["keypoints"] / unit.scale
    columns["deviation"] = columns["deviation"] / unit.size
    if "depth" in columns:
        columns["depth"] = columns["depth"] / unit.scale[0]
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


def _back(before: np.ndarray, now: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Values in the table's unit again; only what moved goes through it, so that the rest keeps every digit."""
    same = (now == before * scale) | (np.isnan(now) & np.isnan(before))
    return np.where(same, before, now / scale)
