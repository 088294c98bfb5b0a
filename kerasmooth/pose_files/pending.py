"""Blocks of a long file that wait until all of their rows are smoothed."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kerasmooth.formats.block_file import BlockWriter
from kerasmooth.pose_files.part_stream import Done
from kerasmooth.pose_files.put_back import Added, Rows, Unit, put_back
from kerasmooth.pose_table import PoseTable


@dataclass(eq=False)
class _Block:
    """A block; its rows are `start`, `start` + 1 ... of the file, `missing` of them are not smoothed."""

    table: PoseTable
    people: np.ndarray
    rows: Rows
    start: int
    missing: int
    first: int
    added: list[Added] = field(default_factory=list)


class Pending:
    """The blocks between the one that was written last and the one that was read last.

    Args:
      writer: gets each block when it is complete, in order.
      unit: of the smoothed positions.
      on_added: told the people of the rows that were added to a block.

    Attributes:
      written: frames of the file that are written.
    """

    def __init__(self, writer: BlockWriter, unit: Unit, on_added: Callable[[np.ndarray], None]) -> None:
        self._writer, self._unit, self._on_added = writer, unit, on_added
        self._blocks: list[_Block] = []
        self._rows = 0
        self._frame = 0
        self.written = 0

    def add(self, table: PoseTable, people: np.ndarray) -> int:
        """The next block, whose rows are of these people; returns the number of its first row in the file.

        Where others have ids, rows without one repeat somebody: nothing is done to them.
        """
        self._frame = int(table.frame_numbers[0]) if len(table.frame_numbers) else self._frame
        start, count = self._rows, len(table.frames)
        missing = int((people >= 0).sum()) or count
        self._blocks.append(_Block(table, people, Rows.of(table, self._unit), start, missing, self._frame))
        self._rows += count
        return start

    def put(self, done: Done) -> None:
        """Takes smoothed rows, and those that are to be added."""
        frames = done.added["frames"]
        owner = np.searchsorted([block.first for block in self._blocks], frames, side="right") - 1
        for index, block in enumerate(self._blocks):
            first, end = np.searchsorted(done.rows, [block.start, block.start + len(block.people)])
            places = done.rows[first:end] - block.start
            for name, values in done.values.items():
                getattr(block.rows, name)[places] = values[first:end]
            block.missing -= len(places)
            mine = np.maximum(owner, 0) == index
            if mine.any():
                block.added.append({name: values[mine] for name, values in done.added.items()})

    def write_until(self, frame: int | None) -> None:
        """Writes the blocks whose frames all lie before `frame`, of which no more results are to come; None: all."""
        while self._blocks:
            block = self._blocks[0]
            end = self._blocks[1].first if len(self._blocks) > 1 else None
            if frame is not None and (block.missing or end is None or end > frame):
                return
            table, added = put_back(block.table, block.people, block.rows, block.added, self._unit)
            if len(added["people"]):
                self._on_added(added["people"])
            self._writer.write(table)
            self.written += len(block.table.frame_numbers)
            self._blocks.pop(0)
