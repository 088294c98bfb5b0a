"""Arrays that are written row by row, though their header says how many rows there are."""

import shutil
import tempfile
from pathlib import Path
from typing import IO

import numpy as np


class Spool:
    """Rows of an array, in a nameless file until their number is known."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it goes with the writer
        self.length = 0
        self.tail: tuple[int, ...] = ()
        self.dtype = np.dtype(np.float64)

    def add(self, rows: np.ndarray) -> None:
        self.length, self.tail, self.dtype = self.length + len(rows), rows.shape[1:], rows.dtype
        self._file.write(np.ascontiguousarray(rows).data)

    def copy_to(self, stream: IO[bytes]) -> None:
        self._file.seek(0)
        shutil.copyfileobj(self._file, stream)

    def close(self) -> None:
        self._file.close()


def write_array(stream: IO[bytes], shape: tuple[int, ...], spools: list[Spool]) -> None:
    """Writes the rows of all spools, one after the other, as an array of a shape."""
    kind = np.lib.format.dtype_to_descr(spools[0].dtype)
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    for spool in spools:
        spool.copy_to(stream)
