"""Long arrays of one's own (NPZ, NPY), in blocks of frames."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.array_poses import (
    ArrayPoses,
    Arrays,
    are_scores,
    check_others,
    checked_numbers,
    read_fps,
    sizes,
    updated,
)
from kerasmooth.formats.block_file import MAX_LONG_BYTES, BlockFile, WholeOnly
from kerasmooth.formats.bounded_files import head, replacing
from kerasmooth.formats.coordinates import is_normalised
from kerasmooth.formats.npz_archive import ArrayRows, NpzFile, Write, npy_header, npy_rows, write_members
from kerasmooth.formats.spools import Spool, write_array
from kerasmooth.pose_table import PoseTable

MAX_READERS = 64
"""Most people: each is read, and written, by itself."""


def num_places(path: Path) -> int:
    """How many rows a file has room for, of every person in every frame; 0 for one that cannot be read."""
    try:
        is_npy = head(path, 6) == b"\x93NUMPY"
        header = npy_header(path, MAX_LONG_BYTES) if is_npy else NpzFile(path, MAX_LONG_BYTES).header("keypoints")
        people, length, _ = sizes(path, header.shape)
        return people * length
    except InputError:
        return 0


class ArrayBlocks(BlockFile):
    """Keypoints, and the confidence if there is one, must be floats in C order.

    Attributes:
      third: the third coordinate is the confidence; found by the survey.
    """

    def __init__(self, path: Path, fps: float | None, image_size: Size | None) -> None:
        super().__init__(path, fps, image_size)
        self._file = None if head(path, 6) == b"\x93NUMPY" else NpzFile(path, MAX_LONG_BYTES)
        header = self._file.header("keypoints") if self._file else npy_header(path, MAX_LONG_BYTES)
        self.people, self.length, _ = sizes(path, header.shape)
        check_others(self._file, header.shape)
        self._shape = header.shape
        self._scored = self._file is not None and "confidence" in self._file.arrays
        headers = [header, self._file.header("confidence")] if self._file and self._scored else [header]
        self._plain = all(each.dtype.kind == "f" and not each.is_fortran for each in headers)
        self._extremes = np.empty(0)
        self.third = False

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        if not self._plain:
            raise WholeOnly("its arrays are not floats in C order")
        if self.people > MAX_READERS:
            raise WholeOnly(f"it has more than {MAX_READERS} people")
        with ExitStack() as stack:
            keypoints = self._readers(stack, "keypoints")
            confidence = self._readers(stack, "confidence") if self._scored else []
            numbers = None
            if self._file and "frame_numbers" in self._file.arrays:
                numbers = stack.enter_context(self._file.rows("frame_numbers", "iu"))
            for first in range(0, self.length, size):
                count = min(size, self.length - first)
                self.share = (first + count) / self.length
                frames = np.arange(first, first + count)
                if numbers:
                    frames = checked_numbers(self.path, numbers.take(count))
                points = np.stack([reader.take(count) for reader in keypoints])
                scores = np.stack([reader.take(count) for reader in confidence]) if confidence else None
                yield self._table(Arrays(points, scores, frames, self.third, None))

    def _readers(self, stack: ExitStack, name: str) -> list[ArrayRows]:
        """Of each person's frames."""
        axes = len(self._shape) - 2
        readers = []
        for person in range(self.people):
            rows = self._file.rows(name, axes=axes) if self._file else npy_rows(self.path, axes)
            readers.append(stack.enter_context(rows))
            readers[-1].skip(person * self.length)
        return readers

    def _table(self, arrays: Arrays) -> PoseTable:
        if self._shape[-1] == 3 and not self._scored:
            values = arrays.keypoints[..., 2]
            known = np.concatenate([self._extremes, values[~np.isnan(values)]])
            self._extremes = np.array([known.min(), known.max()]) if len(known) else known
        return ArrayPoses().table_of(self.path, arrays, fps=self.fps, image_size=self.image_size)

    def items(self, table: PoseTable) -> list[Any]:
        # Views would keep all of the block.
        return [row.copy() for row in table.keypoints]

    def learn(self, items: list[Any]) -> dict[str, Any]:
        self.third = are_scores(self._extremes)
        normalised = bool(items) and is_normalised(np.stack(items))
        return {"unit": "normalised" if normalised else "px", "fps": read_fps(self._file)}

    @contextmanager
    def writer(self, path: Path) -> Iterator["_Writer"]:
        if self._file and path.suffix.lower() == ".npy":
            raise WholeOnly("an archive becomes one array")
        with replacing(path) as partial, ExitStack() as stack:
            writer = _Writer(path, self.people, stack)
            yield writer
            if self._file:
                names = ["keypoints", "confidence"] if self._scored else ["keypoints"]
                ours = [(f"{name}.npy", writer.writes(name, self._shape)) for name in names]
                write_members(partial, ours + self._file.copies(leave_out=names))
            else:
                with partial.open("wb") as stream:
                    writer.writes("keypoints", self._shape)(stream)


class _Writer:
    """Each person's frames are held apart until all are known: they stand one after the other in the arrays."""

    def __init__(self, path: Path, people: int, stack: ExitStack) -> None:
        self._path, self._stack, self._people = path, stack, people
        self._spools: dict[str, list[Spool]] = {}
        self._taken = {person: person for person in range(people)}

    def write(self, table: PoseTable) -> None:
        keypoints, confidence = updated(table, table.source, self._path, self._taken)
        self._add("keypoints", keypoints)
        if confidence is not None:
            self._add("confidence", confidence)

    def _add(self, name: str, values: np.ndarray) -> None:
        if name not in self._spools:
            spools = [Spool(self._path.parent) for _ in range(self._people)]
            self._spools[name] = [self._stack.enter_context(closing(spool)) for spool in spools]
        # As what did change: bytes in the order of this machine.
        kind = np.result_type(values.dtype, np.float16)
        for spool, part in zip(self._spools[name], values.astype(kind, copy=False), strict=True):
            spool.add(part)

    def writes(self, name: str, shape: tuple[int, ...]) -> Write:
        """What writes the array of a name, of which `shape` are the keypoints."""
        spools = self._spools[name]
        whole = shape if name == "keypoints" else shape[:-1]
        return lambda stream: write_array(stream, whole, spools)
