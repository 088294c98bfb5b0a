"""Formats with one column group a person: which one each row of a table goes to."""

import numpy as np

from kerasmooth.formats.building import person_slots
from kerasmooth.formats.pose_format import Source
from kerasmooth.pose_table import PoseTable


def row_columns(table: PoseTable, source: Source, places: np.ndarray, taken: dict[int, int]) -> np.ndarray:
    """int64 [rows of table]: rows of the file stay where they are, added ones go where their person is.

    Args:
      table: read from a file, perhaps with other people and added rows.
      source: of the table.
      places: int64 [rows of the file], the column group of each.
      taken: person -> column group, for people who have no row here; those who have one are added to it.
    """
    rows = len(source.frames)
    # The file's rows keep their groups, whatever they are called now.
    taken |= {int(p): int(s) for p, s in zip(table.people[:rows], places, strict=True) if p >= 0}
    if len(table.frames) == rows:
        return places
    return np.concatenate([places, person_slots(table.frames, table.people, taken)[rows:]])
