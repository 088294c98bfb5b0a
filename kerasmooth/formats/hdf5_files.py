"""HDF5 files that may be hostile: sizes are checked before anything is read, and links to other files are not taken."""

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from kerasmooth.formats.safe_files import MAX_ARRAY_BYTES, MAX_KEYPOINTS, bad, check_file, explained, head, replacing

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_REMEDY = "export the file again"


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 does."""
    return path.is_file() and head(path, 8) == _SIGNATURE


def holds(path: Path, wanted: Callable[[h5py.File], object]) -> bool:
    """Whether a file is HDF5, can be opened, and has what is wanted."""
    if not is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            return bool(wanted(file))
    # Damaged files.
    except Exception:
        return False


def names_in(path: Path) -> list[str]:
    """What is at the top of a file, at most 100 names; none where it is damaged."""
    found: list[str] = []
    # A damaged name is bytes.
    holds(path, lambda file: found.extend(map(str, list(file)[:100])))
    return found


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file for reading. Whatever the library raises inside the block becomes an InputError."""
    check_file(path, MAX_ARRAY_BYTES)
    if not is_hdf5(path):
        raise bad(path, "content", "be HDF5", f"{head(path, 8)!r} at its beginning", "check that it is a pose file")
    with explained(path, "content", "be a whole HDF5 file", _REMEDY), h5py.File(path, "r") as file:
        yield file


@contextmanager
def updating(source: Path | None, path: Path) -> Iterator[h5py.File]:
    """A copy of a file, or an empty one, to be changed: at `path` when the block ends well, otherwise unchanged."""
    with replacing(path) as temporary, explained(source or path, "content", "be a whole HDF5 file", _REMEDY):
        if source:
            shutil.copyfile(source, temporary)
        with h5py.File(temporary, "r+" if source else "w") as file:
            yield file


def dataset(path: Path, file: h5py.File, name: str, shape: tuple[int, ...] | None = None) -> h5py.Dataset:
    """An array that lies in the file itself and is not too large, of a shape in which -1 is any length.

    Raises:
      InputError: there is none.
    """
    if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
        raise bad(path, name, "be an array in the file", "none", _REMEDY)
    found = file[name]
    size = math.prod(found.shape or ()) * found.dtype.itemsize
    if found.shape is None or found.external or found.is_virtual or size > MAX_ARRAY_BYTES:
        received = "one elsewhere" if size <= MAX_ARRAY_BYTES else f"{size:,} bytes"
        raise bad(path, name, f"be an array of at most {MAX_ARRAY_BYTES:,} bytes in the file", received, _REMEDY)
    # A tiny file may claim terabytes of fill values, or of zeros packed a thousandfold.
    if size > max(256 << 20, 100 * Path(file.filename).stat().st_size):
        raise bad(path, name, "fit the size of its file", f"{size:,} bytes", "split the file")
    if shape and (found.ndim != len(shape) or any(a not in (-1, b) for a, b in zip(shape, found.shape, strict=True))):
        raise bad(path, name, f"have shape {shape}, where -1 is any", f"{found.shape}", _REMEDY)
    return found


def numbers(path: Path, file: h5py.File, name: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """An array of numbers as float64; see `dataset`. Raises InputError for anything else."""
    found = dataset(path, file, name, shape)
    if found.dtype.kind not in "biuf":
        raise bad(path, name, "hold numbers", f"dtype {found.dtype}", _REMEDY)
    return np.asarray(found[()], np.float64)


def texts(path: Path, file: h5py.File, name: str, most: int) -> list[str]:
    """The first so many of a list of texts. Raises InputError for anything else, which the library may die of."""
    found = dataset(path, file, name)
    if found.ndim != 1 or h5py.check_string_dtype(found.dtype) is None:
        raise bad(path, name, "be a list of texts", f"shape {found.shape} of {found.dtype}", _REMEDY)
    return [value.decode("utf-8", "replace") for value in found[:most]]


def different_names(path: Path, file: h5py.File, name: str) -> list[str]:
    """A list of different names. Raises InputError for anything else."""
    values = texts(path, file, name, MAX_KEYPOINTS + 1)
    if not 1 <= len(values) <= MAX_KEYPOINTS or len(set(values)) < len(values):
        received = f"{len(values)} of which {len(set(values))} differ"
        raise bad(path, name, f"be 1 to {MAX_KEYPOINTS:,} different names", received, _REMEDY)
    return values


def text_attribute(place: h5py.Group | h5py.Dataset, name: str) -> bytes:
    """An attribute that is a text, as bytes; none of them where there is no such attribute."""
    if name not in place.attrs or h5py.check_string_dtype(place.attrs.get_id(name).dtype) is None:
        return b""
    value = place.attrs[name]
    return value if isinstance(value, bytes) else str(value).encode()


def replace_array(file: h5py.File, name: str, values: np.ndarray) -> None:
    """Gives an array new values, in its own type; with another shape it is made anew, attributes and packing kept."""
    old = file[name]
    if old.shape == values.shape:
        if not np.array_equal(old[()], values.astype(old.dtype), equal_nan=old.dtype.kind == "f"):
            old[...] = values
        return
    attributes, compression = dict(old.attrs), old.compression
    kind = old.dtype if values.dtype.kind == "f" and old.dtype.kind == "f" else values.dtype
    del file[name]
    made = file.create_dataset(name, data=values.astype(kind), compression=compression)
    for key, value in attributes.items():
        made.attrs[key] = value
