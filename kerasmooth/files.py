"""Files that are whole or absent: written beside, then renamed into place."""

import contextlib
import errno
import os
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasmooth.errors import InputError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to, which replaces `path` when the block ends well, and goes when it fails.

    A reader, or a process that is killed at any moment, sees the old file or the new one, never a half. For a
    `storage.RemotePath` it is a local file, which is then sent there.
    """
    if not isinstance(path, Path):
        with tempfile.TemporaryDirectory(prefix="kerasmooth-") as folder:
            yield (local := Path(folder) / path.name)
            path.receive(local)
        return
    if path.exists() and not path.is_file():
        # Whoever may do all could otherwise put a file in the place of /dev/null.
        raise OSError(errno.EEXIST, "a folder, a device or a pipe", str(path))
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def save_figure(figure: Any, path: Path, dpi: int) -> None:
    """Writes a `matplotlib.figure.Figure` as PNG, whole or not at all; the same figure gives the same bytes."""
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=dpi, metadata={"Software": None})


def check_local(**folders: str | Path) -> None:
    """Raises InputError for the first that is of a remote file system: `Path` would make a local folder of it."""
    for name, folder in folders.items():
        scheme, remote, _ = str(folder).partition("://")
        if remote:
            raise InputError(f"--{name}={folder}: {scheme}:// is no folder of this machine: name one, and copy")


def clear_partial(folder: Path) -> None:
    """Removes what a killed process left half written in a folder."""
    for partial in folder.glob(".partial-*"):
        partial.unlink(missing_ok=True)


def installed(name: str) -> Path:
    """A file by its name: from the folder that the command runs in, or where kerasmooth is installed with its flags."""
    places = (Path(), Path(__file__).parents[1], Path(sysconfig.get_path("data"), "share", "kerasmooth"))
    return next((place / name for place in places if (place / name).is_file()), Path(name))
