"""Pose files may be hostile: sizes are checked before anything grows, and what is written is whole or absent."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerasmooth import files
from kerasmooth.errors import InputError

MAX_TEXT_BYTES = 1 << 30
"""Largest JSON, CSV or other text file."""
MAX_CELLS = 120_000_000
"""Most cells of a table of text: three hours of whole-body poses at 30 fps, in some 5 GiB of memory."""
MAX_ARRAY_BYTES = 2 << 30
"""Largest sum of the arrays of one binary file, unpacked."""
MAX_KEYPOINTS = 2_000
"""Most keypoints of a person; whole bodies with face and hands have 133 to 543."""
MAX_PEOPLE = 1_000
"""Most people in one frame."""
MAX_FRAMES = 20_000_000
"""Most frames in one file: four days at 60 fps."""
MAX_VALUES = 40_000_000
"""Most keypoints in one file over all rows; each takes about 120 bytes of memory while it is smoothed."""
MAX_COORDINATE = 1e9
"""Largest believable coordinate in any unit."""
AS_NPZ = "write npz instead (--to=npz)"
"""What to do with a table that another format cannot hold."""
REMEDY = "check what wrote the file"
"""What to do with a file that holds what no tool of its format writes."""
HEAD_BYTES = 1 << 16


def bad(path: Path | str, field: str, expected: str, received: object, remedy: str = REMEDY) -> InputError:
    """The error for `field` of the file `path`; `received` is shown shortened unless it is a str."""
    text = received if isinstance(received, str) else shown(received)
    return InputError(f"{path}: {field} must {expected}, received {text}: {remedy}")


def shown(value: object) -> str:
    """A short printable form of any value, quick for huge ones too."""
    if isinstance(value, str | bytes | list | tuple):
        value = value[:60]
    elif isinstance(value, dict):
        return f"an object with {len(value)} fields"
    elif isinstance(value, int) and abs(value) >= 1 << 64:
        return "an integer beyond 64 bits"
    try:
        text = ascii(value)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."


def check_file(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> None:
    """Raises InputError unless `path` is a readable file of 1 to `max_bytes` bytes."""
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise bad(path, "path", "be a readable file", reason(error), "check the name") from None
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "neither file nor folder"
        raise bad(path, "path", "be a file", kind, "give a file, or name the format that is a folder")
    if not size:
        raise bad(path, "content", "not be empty", "0 bytes", "write the file again")
    if size > max_bytes:
        raise bad(path, "content", f"have at most {max_bytes:,} bytes", f"{size:,} bytes", "split the file")


def read_bytes(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The bytes of a file. Raises InputError as `check_file`."""
    check_file(path, max_bytes)
    try:
        return path.read_bytes()
    except OSError as error:
        raise bad(path, "path", "be a readable file", reason(error), "check its permissions") from None


def decode(path: Path, data: bytes) -> str:
    """UTF-8 text of `data`, a byte order mark left in. Raises InputError where it is not UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        received = f"byte {data[error.start]:#04x} at offset {error.start}"
        raise bad(
            path, "content", "be UTF-8 text", received, "save it as UTF-8, or check that it is a pose file"
        ) from None


def head(path: Path, size: int = HEAD_BYTES) -> bytes:
    """The first bytes of a file; none where there is no readable file. Pipes, whose opening waits, are none."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as stream:
            return stream.read(size)
    except (OSError, ValueError):
        return b""


def head_text(path: Path, size: int = HEAD_BYTES) -> str:
    """The first characters of a text file; none where it is not text."""
    data = head(path, size)
    return "" if b"\0" in data else data.decode("utf-8-sig", errors="ignore")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when it does not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path) as temporary:
            yield temporary
    except OSError as error:
        raise bad(path, "output", "be a writable file", reason(error), "choose another --output") from None


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all. Raises InputError where it cannot be written."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """As `replacing`, for a folder of files. A folder that is there may hold nothing but files that are written anew.

    Raises:
      InputError: `path` is a file, holds something else, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise bad(path, "output", "be a writable folder", reason(error), "choose another --output") from None
    try:
        yield temporary
        _check_replaceable(path, temporary)
        # mkdtemp makes folders that only their owner may read.
        temporary.chmod(0o755)
        previous = temporary.with_suffix(".old")
        if path.exists():
            os.replace(path, previous)
        os.replace(temporary, path)
        shutil.rmtree(previous, ignore_errors=True)
    except OSError as error:
        raise bad(path, "output", "be a writable folder", reason(error), "choose another --output") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_replaceable(path: Path, temporary: Path) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise bad(path, "output", "be a folder for this format", "a file", "choose another --output")
    others = {entry.name for entry in path.iterdir()} - {entry.name for entry in temporary.iterdir()}
    if others:
        received = f"a folder that also holds {min(others)!r}"
        raise bad(path, "output", "be a new or empty folder", received, "choose another --output")


@contextmanager
def explained(path: Path, field: str, expected: str, remedy: str = "write the file again") -> Iterator[None]:
    """Whatever is raised inside the block becomes an InputError: what libraries raise for damaged files is endless."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise bad(path, field, expected, reason(error), remedy) from None


def reason(error: Exception) -> str:
    """What went wrong, in a few words and without the path."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = re.sub(r" at 0x[0-9a-f]+", "", " ".join(str(error).split()))
    return f"{type(error).__name__} ({text[:80]})"
