"""The folder of a served model: one folder a version, whole or absent, and none is ever overwritten."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerasmooth import storage
from kerasmooth.errors import InputError

MAX_VERSION = 2**63 - 1
"""TensorFlow Serving's versions are 64-bit integers."""
_PARTIAL = ".partial-"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@contextlib.contextmanager
def new_version(export_dir: Path, name: str, version: int | None) -> Iterator[tuple[Path, Path]]:
    """Gives (path to write to, path that it gets) for a version of a model.

    What was written is renamed when the block ends well and goes when it fails, so that a server which watches the
    folder sees a whole version or none.

    Args:
      export_dir: holds the models' folders; made where it is absent.
      name: what the model is served as.
      version: at least 1; None is one more than the highest that is there.

    Raises:
      InputError: a name or version that cannot be, a version that exists, or a folder that cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"--name={name!r}: use letters, digits, '_', '-' and '.', not starting with '.' or '-'")
    folder = export_dir / name
    _make(folder)
    version = max(versions(folder), default=0) + 1 if version is None else version
    if not 1 <= version <= MAX_VERSION:
        raise InputError(f"--version={version}: a version is a whole number from 1 to {MAX_VERSION}")
    target = folder / str(version)
    _refuse_existing(target)
    if not isinstance(folder, Path):
        with tempfile.TemporaryDirectory(prefix="kerasmooth-") as local:
            yield (partial := Path(local) / target.name), target
            _refuse_existing(target)
            target.receive(partial)
        return
    partial = folder / f"{_PARTIAL}{version}-{os.getpid()}"
    try:
        yield partial, target
        _rename(partial, target)
    finally:
        storage.remove_tree(partial)


def versions(folder: Path) -> list[int]:
    """The versions in a model's folder, ascending."""
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isascii() and path.name.isdigit())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        abandoned = [path for path in folder.glob(f"{_PARTIAL}*") if not _is_alive(path.name.rpartition("-")[2])]
    except OSError as error:
        raise InputError(f"cannot make the folder {folder} ({error.strerror}): name another one") from None
    for path in abandoned:
        storage.remove_tree(path)


def _is_alive(process: str) -> bool:
    """Whether a process of this machine has this number; True where that cannot be known."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OverflowError, PermissionError):
        return True
    return True


def _refuse_existing(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise InputError(
            f"{target} exists and a version is never overwritten: leave out --version to get the next one, "
            "or remove that folder yourself"
        )


def _rename(partial: Path, target: Path) -> None:
    # A rename replaces an empty folder silently, so look once more; a filled one that appears in between makes it fail.
    _refuse_existing(target)
    try:
        partial.rename(target)
    except OSError as error:
        raise InputError(
            f"cannot rename {partial} to {target} ({error.strerror}): another export was faster; run again"
        ) from None
