"""Long HDF5 arrays, read and written along one axis in slabs of whole chunks, so that each is unpacked once."""

import math
from collections.abc import Callable, Iterator

import h5py
import numpy as np

from kerasmooth.formats.block_file import WholeOnly

MAX_SLAB_BYTES = 256 << 20
"""Largest slab that is one chunk long; longer chunks are read with the whole file."""


def check_slab(array: h5py.Dataset, axis: int) -> int:
    """How long the chunks of an array are along an axis, 1 for one that has none. Raises WholeOnly for huge ones."""
    length = array.chunks[axis] if array.chunks else 1
    around = math.prod(array.shape) // max(array.shape[axis], 1)
    if min(length, array.shape[axis]) * around * array.dtype.itemsize > MAX_SLAB_BYTES:
        raise WholeOnly(f"{array.name} is stored in chunks of {length:,} frames")
    return int(length)


def slabs(length: int, chunk: int, size: int) -> Iterator[slice]:
    """Slices of 0 ... length, each of whole chunks and, but for the last one, of `size` or more."""
    step = -(-size // chunk) * chunk
    for first in range(0, length, step):
        yield slice(first, min(first + step, length))


class SlabWriter:
    """Writes an array from its beginning on, along one axis.

    Args:
      array: in a file that can be written.
      axis: along which it is written.
      make_room: called with the length that is needed where it is longer.
    """

    def __init__(self, array: h5py.Dataset, axis: int, make_room: Callable[[int], None] | None = None) -> None:
        self._array, self._axis, self._make_room = array, axis, make_room
        self._chunk = array.chunks[axis] if array.chunks else 1
        self._at = self._waiting = 0
        self._parts: list[np.ndarray] = []
        self._changed = False

    def write(self, values: np.ndarray, changed: bool) -> None:
        """The next values; where they did not change the file is left alone."""
        self._parts.append(values)
        self._waiting += values.shape[self._axis]
        self._changed |= changed
        if self._waiting >= self._chunk:
            self._put(self._waiting - self._waiting % self._chunk)

    def finish(self) -> None:
        if self._waiting:
            self._put(self._waiting)

    def _put(self, count: int) -> None:
        values = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts, axis=self._axis)
        axis = (slice(None),) * self._axis
        if self._make_room and self._at + count > self._array.shape[self._axis]:
            self._make_room(self._at + count)
        if self._changed:
            self._array[(*axis, slice(self._at, self._at + count))] = values[(*axis, slice(count))]
        self._at += count
        self._waiting -= count
        self._parts = [values[(*axis, slice(count, None))]]
        # What waits is of a block that may have changed.
        self._changed = self._changed and self._waiting > 0
