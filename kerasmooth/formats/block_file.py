"""Pose files that are too long for memory: read, and written, in blocks of consecutive frames."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.limits import MAX_FRAMES, bad
from kerasmooth.pose_table import PoseTable

MAX_LONG_BYTES = 1 << 40
"""Largest file that is read in blocks."""
SAMPLE = 8192
"""Lines (or files) from all over a long file by which its unit, skeleton and the like are judged."""


class WholeOnly(Exception):  # noqa: N818 - no error: the file is read whole instead
    """This file cannot be read in blocks; the message is the reason, such as that its frames are not in order."""


class BlockWriter(Protocol):
    """Takes the blocks of a file, in order."""

    def write(self, table: PoseTable) -> None:
        """Writes a block's table: its rows first and in order, then those that were added in its frames."""


class Survey:
    """What a first reading of a long file finds; it also is the check of the whole file before anything is written.

    Attributes:
      frames: how many frame numbers there are.
      first, last: of them.
      steps: how often frame numbers increase by how much.
      crowded: whether any frame has two people.
      highest: the largest id, -1 for none.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.first = self.last = 0
        self.steps: Counter[int] = Counter()
        self.crowded = False
        self.highest = -1

    def add(self, table: PoseTable, path: Path) -> None:
        """Counts a block. Raises WholeOnly where it does not follow on the one before."""
        numbers = table.frame_numbers
        if not len(numbers):
            return
        if self.frames and numbers[0] <= self.last:
            raise WholeOnly("its frames are not in order")
        self.first = self.first if self.frames else int(numbers[0])
        joined = np.concatenate([[self.last], numbers]) if self.frames else numbers
        values, counts = np.unique(np.diff(joined), return_counts=True)
        self.steps.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
        self.last = int(numbers[-1])
        self.frames += len(numbers)
        self.crowded |= len(np.unique(table.frames)) < len(table.frames)
        self.highest = max(self.highest, int(table.people.max(initial=-1)))
        if self.frames > MAX_FRAMES:
            raise bad(path, "frames", f"be at most {MAX_FRAMES:,}", f"{self.frames:,} and more", "split the file")


class Thinned:
    """At most SAMPLE of the things it is given, evenly spread."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._every, self._seen = 1, 0

    def add(self, things: list[Any]) -> None:
        self.items += things[-self._seen % self._every :: self._every]
        self._seen += len(things)
        while len(self.items) > SAMPLE:
            self.items = self.items[::2]
            self._every *= 2


class BlockFile(ABC):
    """A long pose file. `survey` is to be called first: it finds what the single blocks do not say.

    Attributes:
      share: how much of the file was read, 0 to 1, while one of the iterators runs.
    """

    name: ClassVar[str] = ""

    def __init__(self, path: Path, fps: float | None, image_size: Size | None) -> None:
        self.path, self.fps, self.image_size = path, fps, image_size
        self.share = 0.0
        self.common: dict[str, Any] = {}

    def survey(self, size: int) -> Iterator[Survey]:
        """Reads the file once, `size` frames at a time, and yields what is known so far; the last is of all of it.

        Raises:
          WholeOnly: it cannot be read in blocks.
          InputError: it is damaged.
        """
        found, thinned = Survey(), Thinned()
        for table in self.raw_blocks(size):
            found.add(table, self.path)
            thinned.add(self.items(table))
            yield found
        if not found.frames:
            raise WholeOnly("it has no frames")
        self.common = self.learn(thinned.items)
        self.common = {**self.common, "fps": self.fps or self.common.get("fps")}

    def blocks(self, size: int) -> Iterator[PoseTable]:
        """The tables of `size` frames each, in order; every frame is in one of them."""
        for table in self.raw_blocks(size):
            yield self.finished(table)

    def finished(self, table: PoseTable) -> PoseTable:
        """A block with what the survey found."""
        return table.with_(**self.common)

    @abstractmethod
    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        """The tables, without what only the whole file says."""

    @abstractmethod
    def items(self, table: PoseTable) -> list[Any]:
        """Of a block, what `learn` is to get a sample of."""

    @abstractmethod
    def learn(self, items: list[Any]) -> dict[str, Any]:
        """Attributes that all blocks share, from a sample."""

    @abstractmethod
    def writer(self, path: Path) -> AbstractContextManager[BlockWriter]:
        """Writes the file's form anew: whole when the block ends well, not at all when it does not."""
