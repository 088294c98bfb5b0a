"""NPZ archives that may be hostile: nothing is unpickled, and nothing is unpacked before its size is checked."""

import math
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from kerasmooth.formats.bounded_files import check_file, head, reason, replacing
from kerasmooth.formats.limits import MAX_ARRAY_BYTES, bad

_MAX_MEMBERS = 10_000
_PLAUSIBLE_RATIO = 100
"""Unpacked to packed bytes of a whole file; a zip bomb has 1,000."""
_ALWAYS_PLAUSIBLE = 256 << 20
_DATE = (1980, 1, 1, 0, 0, 0)
_REMEDY = "write the file again"


@dataclass(frozen=True)
class ArrayHeader:
    """What the header of an array says."""

    shape: tuple[int, ...]
    dtype: np.dtype
    is_fortran: bool


def member_names(path: Path) -> list[str]:
    """Names in a zip archive as they are stored; [] for a file that is none."""
    if head(path, 2) != b"PK":
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()[:_MAX_MEMBERS]
    # What a damaged archive raises is not documented (zlib, zipfile, struct, Unicode, Memory ... errors).
    except Exception:
        return []


class NpzFile:
    """A checked NPZ archive of at most `max_bytes`, packed and unpacked; arrays are read one by one.

    Raises:
      InputError: no archive, damaged, or larger than believable.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_ARRAY_BYTES) -> None:
        check_file(path, max_bytes)
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self._members = {info.filename: info for info in archive.infolist()}
                count = len(archive.infolist())
        except Exception as error:
            raise bad(path, "content", "be an NPZ file", reason(error), _REMEDY) from None
        if count != len(self._members) or count > _MAX_MEMBERS:
            received = f"{count:,} of which {len(self._members):,} differ"
            raise bad(path, "members", f"be at most {_MAX_MEMBERS:,} with names of their own", received, _REMEDY)
        unpacked = sum(info.file_size for info in self._members.values())
        room = min(max_bytes, max(_ALWAYS_PLAUSIBLE, _PLAUSIBLE_RATIO * path.stat().st_size))
        if unpacked > room:
            raise bad(path, "content", f"unpack to at most {room:,} bytes", f"{unpacked:,} bytes", "split the file")

    @property
    def arrays(self) -> list[str]:
        return [name.removesuffix(".npy") for name in self._members if name.endswith(".npy")]

    def header(self, name: str) -> ArrayHeader:
        """Shape and type of an array, checked against the place that it has in the file."""
        info = self._members.get(f"{name}.npy")
        if info is None:
            raise bad(self.path, name, "be in the file", f"only {', '.join(self.arrays)[:60]!r}", _REMEDY)
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(info) as stream:
                return _read_header(stream, info.file_size)
        except Exception as error:
            raise bad(self.path, name, "be a readable array", reason(error), _REMEDY) from None

    def check_kind(self, name: str, kinds: str = "biuf") -> None:
        """Raises InputError unless the dtype of an array is of one of the `kinds` (numpy's letters)."""
        header = self.header(name)
        if header.dtype.kind not in kinds:
            expected = "hold numbers" if kinds == "biuf" else f"be of kind {kinds}"
            raise bad(self.path, name, expected, f"dtype {header.dtype}", _REMEDY)

    def read(self, name: str, kinds: str = "biuf") -> np.ndarray:
        """An array whose dtype is of one of the `kinds`. Raises InputError otherwise."""
        self.check_kind(name, kinds)
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as stream:
                return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
        except Exception as error:
            raise bad(self.path, name, "be a readable array", reason(error), _REMEDY) from None

    def chunks(self, name: str, rows: int) -> Iterator[np.ndarray]:
        """An array of floats in parts of at most `rows` along its first axis, so that it is never whole in memory."""
        header = self.header(name)
        if header.dtype.kind != "f" or not header.shape or header.is_fortran:
            raise bad(self.path, name, "be floats in C order", f"{header.dtype}, shape {header.shape}", _REMEDY)
        size = math.prod(header.shape[1:]) * header.dtype.itemsize
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as stream:
                _read_header(stream, self._members[f"{name}.npy"].file_size)
                for start in range(0, header.shape[0], rows):
                    count = min(rows, header.shape[0] - start)
                    yield np.frombuffer(stream.read(count * size), header.dtype).reshape(count, *header.shape[1:])
        except Exception as error:
            raise bad(self.path, name, "be a readable array", reason(error), _REMEDY) from None

    def raw(self, leave_out: Iterable[str] = ()) -> list[tuple[str, bytes]]:
        """(member name, unpacked bytes) of every member but the arrays named, in the file's order."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = [name for name in self._members if name not in {f"{name}.npy" for name in leave_out}]
                return [(name, archive.read(name)) for name in names]
        except Exception as error:
            raise bad(self.path, "content", "be a readable NPZ file", reason(error), _REMEDY) from None


def _read_header(stream: IO[bytes], size: int) -> ArrayHeader:
    version = np.lib.format.read_magic(stream)
    parse = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = parse(stream)
    claimed, place = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if dtype.kind != "O" and (claimed != place or min(shape, default=0) < 0):
        raise ValueError(f"shape {shape} of {dtype} in {place:,} bytes")
    return ArrayHeader(shape, dtype, is_fortran)


def npy_header(path: Path, max_bytes: int = MAX_ARRAY_BYTES) -> ArrayHeader:
    """What a .npy file says of itself. Raises InputError for other files and for arrays of objects."""
    check_file(path, max_bytes)
    try:
        with path.open("rb") as stream:
            header = _read_header(stream, path.stat().st_size)
    except Exception as error:
        raise bad(path, "content", "be a NPY file", reason(error), _REMEDY) from None
    if header.dtype.kind not in "biuf":
        raise bad(path, "content", "hold numbers", f"dtype {header.dtype}", _REMEDY)
    return header


def read_npy(path: Path) -> np.ndarray:
    """The numbers of a .npy file. Raises InputError for anything else."""
    npy_header(path)
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except Exception as error:
        raise bad(path, "content", "be a whole NPY file", reason(error), _REMEDY) from None


def write_npz(path: Path, members: list[tuple[str, np.ndarray | bytes]]) -> None:
    """Writes arrays (under `name.npy`) and raw members, unpacked and undated: the same bytes for the same content."""
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name, value in members:
            member = f"{name}.npy" if isinstance(value, np.ndarray) else name
            with archive.open(zipfile.ZipInfo(member, _DATE), "w", force_zip64=True) as stream:
                if isinstance(value, np.ndarray):
                    np.lib.format.write_array(stream, np.asarray(value, order="C"), allow_pickle=False)
                else:
                    stream.write(value)


def write_npy(path: Path, array: np.ndarray) -> None:
    """Writes one array whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.lib.format.write_array(stream, np.asarray(array, order="C"), allow_pickle=False)
