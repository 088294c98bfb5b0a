"""Reading raw files that may be damaged: every fault becomes an InputError, sizes are checked before allocating."""

import math
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerasmooth.errors import InputError

MAX_FRAMES = 100_000
"""Most frames in one file: half an hour at 60 fps; more is a damaged header, not a clip."""
MAX_COORDINATE = 1e5
"""Largest believable position in pixels."""
MAX_ARRAY_BYTES = 2 << 30
"""Largest array in an .npz file: 6,800 frames of 25 float32 heatmaps of 56 x 56."""


def malformed(path: Path, field: str, expected: str, received: object, remedy: str) -> InputError:
    """The error for a bad `field` of the file `path`; `received` is shown shortened unless it is a str."""
    text = received if isinstance(received, str) else shown(received)
    return InputError(f"{path}: {field} must {expected}, received {text}: {remedy}")


def shown(value: object) -> str:
    """A short printable form of any value."""
    if isinstance(value, np.ndarray):
        return f"shape={value.shape} dtype={value.dtype}"
    text = ascii(value[:100]) if isinstance(value, str | bytes | list) else ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


def list_files(raw_dir: Path, folder: str, pattern: str, obtain: str) -> list[str]:
    """Sorted relative paths (with /) of the files under `raw_dir/folder` that match `pattern`, hidden ones left out.

    Raises:
      InputError: the folder is not there, or nothing in it matches.
    """
    root = raw_dir / folder
    if not root.is_dir():
        raise malformed(raw_dir, "raw_dir", f"hold the folder {folder}/", "none", obtain)
    names = [path.relative_to(raw_dir).as_posix() for path in root.glob(pattern) if not path.name.startswith(".")]
    if not names:
        raise malformed(raw_dir, f"{folder}/", f"hold files {pattern}", "none", obtain)
    for name in names:
        if not name.isprintable():  # Bytes that are not UTF-8 are not printable either.
            raise malformed(root, "file names", "be printable UTF-8", shown(name), "rename the file")
    return sorted(names)


def check_file(path: Path, max_bytes: int, remedy: str) -> None:
    """Raises InputError unless `path` is a file that is not empty and has at most `max_bytes` bytes."""
    if path.is_dir():
        raise malformed(path, "path", "be a file", "a folder", remedy)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise malformed(path, "path", "be a readable file", error.strerror or "an error", remedy) from None
    if not path.is_file():
        raise malformed(path, "path", "be a file", "something that is neither file nor folder", remedy)
    if not 0 < size <= max_bytes:
        raise malformed(path, "content", f"have 1 to {max_bytes:,} bytes", f"{size:,} bytes", remedy)


def read_bytes(path: Path, max_bytes: int, remedy: str) -> bytes:
    """The bytes of a file. Raises InputError if it is no file, empty, unreadable or larger than `max_bytes`."""
    check_file(path, max_bytes, remedy)
    try:
        return path.read_bytes()
    except OSError as error:
        raise malformed(path, "path", "be a readable file", error.strerror or "an error", remedy) from None


def read_text(path: Path, max_bytes: int, remedy: str) -> str:
    """The UTF-8 text of a file, without a byte order mark. Raises InputError as `read_bytes`, or if it is not UTF-8."""
    data = read_bytes(path, max_bytes, remedy)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = f"byte {data[error.start]:#04x} at offset {error.start}"
        raise malformed(path, "content", "be UTF-8 text", at, remedy) from None


def read_npz(path: Path, fields: Sequence[str], remedy: str) -> dict[str, np.ndarray]:
    """The named arrays of an .npz file; never unpickles, and allocates no more than the file really holds.

    Raises:
      InputError: no such file, not an .npz file, damaged, or an array is absent, holds no numbers or is too large.
    """
    check_file(path, MAX_ARRAY_BYTES, remedy)
    # What a damaged archive raises is not documented (zlib, zipfile, struct, tokenize, Memory ... errors).
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:
        raise malformed(path, "content", "be an .npz file", _reason(error), remedy) from None
    with archive:
        members = Counter(archive.namelist())
        for field in fields:
            if members[f"{field}.npy"] != 1:
                received = f"{members[f'{field}.npy']} of them among {shown(sorted(members))}"
                raise malformed(path, field, "be in the file once", received, remedy)
        return {field: _member(path, archive, field, remedy) for field in fields}


def _member(path: Path, archive: zipfile.ZipFile, field: str, remedy: str) -> np.ndarray:
    info = archive.getinfo(f"{field}.npy")
    try:
        with archive.open(info) as stream:
            version = np.lib.format.read_magic(stream)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(stream)
            room = info.file_size - stream.tell()
    except Exception as error:
        raise malformed(path, field, "be a readable array", _reason(error), remedy) from None
    if dtype.kind not in "biuf":
        raise malformed(path, field, "hold real numbers", f"dtype={shown(str(dtype))}", remedy)
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != room or claimed > MAX_ARRAY_BYTES or min(shape, default=0) < 0:
        received = f"shape={shown(shape)} dtype={dtype} in {room:,} bytes"
        raise malformed(path, field, f"fill its place, at most {MAX_ARRAY_BYTES:,} bytes", received, remedy)
    try:
        with archive.open(info) as stream:
            return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
    except Exception as error:
        raise malformed(path, field, "be a readable array", _reason(error), remedy) from None


def _reason(error: Exception) -> str:
    return f"{type(error).__name__} ({shown(str(error))})"


def check_numbers(path: Path, field: str, value: object, shape: tuple[int | None, ...], remedy: str) -> np.ndarray:
    """`value` as float64, after checking that it is an array of real numbers of `shape` (None: 1 to MAX_FRAMES).

    Unsigned integers, as some files hold, are safe to subtract afterwards.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        received = f"dtype={shown(str(value.dtype))}" if isinstance(value, np.ndarray) else type(value).__name__
        raise malformed(path, field, "hold real numbers", received, remedy)
    if value.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, value.shape, strict=True)):
        wanted = ", ".join("frames" if want is None else str(want) for want in shape)
        raise malformed(path, field, f"have shape [{wanted}]", f"shape={value.shape}", remedy)
    if any(want is None and not 0 < got <= MAX_FRAMES for want, got in zip(shape, value.shape, strict=True)):
        raise malformed(path, field, f"have 1 to {MAX_FRAMES:,} frames", f"shape={value.shape}", remedy)
    return value.astype(np.float64)


def check_positions(path: Path, field: str, positions: np.ndarray, visibility: np.ndarray, remedy: str) -> None:
    """Raises InputError if a visible one of the `positions` [T, K] or [T, K, 2] is no believable pixel position."""
    shown_ones = visibility if positions.ndim == 2 else visibility[..., None]
    faulty = shown_ones & ~(np.abs(positions) <= MAX_COORDINATE)
    if faulty.any():
        frame, keypoint = np.argwhere(faulty)[0][:2]
        expected = f"be finite and within {MAX_COORDINATE:g} pixels where visible"
        received = f"{positions[faulty][0]} (frame index {frame}, keypoint {keypoint})"
        raise malformed(path, field, expected, received, remedy)
