"""NPZ archives that may be hostile: nothing is unpickled, and nothing is unpacked before its size is checked."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from kerasmooth.formats.safe_files import MAX_ARRAY_BYTES, bad, check_file, explained, head, replacing

_MAX_MEMBERS = 10_000
_PLAUSIBLE_RATIO = 100
"""Unpacked to packed bytes of a whole file; a zip bomb has 1,000."""
_ALWAYS_PLAUSIBLE = 256 << 20
_DATE = (1980, 1, 1, 0, 0, 0)
_REMEDY = "write the file again"


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
    """A checked NPZ archive of at most MAX_ARRAY_BYTES, packed and unpacked; arrays are read one by one.

    Raises:
      InputError: no archive, damaged, or larger than believable.
    """

    def __init__(self, path: Path) -> None:
        check_file(path, MAX_ARRAY_BYTES)
        self.path = path
        with explained(path, "content", "be an NPZ file"), zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        self._members = {info.filename: info.file_size for info in members}
        if len(members) != len(self._members) or len(members) > _MAX_MEMBERS:
            received = f"{len(members):,} of which {len(self._members):,} differ"
            raise bad(path, "members", f"be at most {_MAX_MEMBERS:,} with names of their own", received, _REMEDY)
        unpacked = sum(self._members.values())
        room = min(MAX_ARRAY_BYTES, max(_ALWAYS_PLAUSIBLE, _PLAUSIBLE_RATIO * path.stat().st_size))
        if unpacked > room:
            raise bad(path, "content", f"unpack to at most {room:,} bytes", f"{unpacked:,} bytes", "split the file")

    @property
    def arrays(self) -> list[str]:
        return [name.removesuffix(".npy") for name in self._members if name.endswith(".npy")]

    def read(self, name: str, kinds: str = "biuf") -> np.ndarray:
        """An array whose dtype is of one of the `kinds` (numpy's letters). Raises InputError otherwise."""
        if name not in self.arrays:
            raise bad(self.path, name, "be in the file", f"only {', '.join(self.arrays)[:60]!r}", _REMEDY)
        with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as stream:
            return _numbers(self.path, name, stream, kinds)

    def raw(self, leave_out: Iterable[str] = ()) -> list[tuple[str, bytes]]:
        """(member name, unpacked bytes) of every member but the arrays named, in the file's order."""
        with explained(self.path, "content", "be a readable NPZ file"), zipfile.ZipFile(self.path) as archive:
            names = [name for name in self._members if name not in {f"{name}.npy" for name in leave_out}]
            return [(name, archive.read(name)) for name in names]


def read_npy(path: Path) -> np.ndarray:
    """The numbers of a .npy file. Raises InputError for anything else."""
    check_file(path, MAX_ARRAY_BYTES)
    with path.open("rb") as stream:
        return _numbers(path, "content", stream, "biuf")


def _numbers(path: Path, name: str, stream: IO[bytes], kinds: str) -> np.ndarray:
    """An array of one of the kinds; what claims to be larger than it is ends before memory does."""
    with explained(path, name, "be a readable array"):
        found: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    if found.dtype.kind not in kinds:
        expected = "hold numbers" if kinds == "biuf" else f"be of kind {kinds}"
        raise bad(path, name, expected, f"dtype {found.dtype}", _REMEDY)
    return found


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
