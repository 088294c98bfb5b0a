"""Folders on this machine or, such as gs://bucket/folder, on a file system that TensorFlow knows."""

import contextlib
import errno
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath
from types import SimpleNamespace
from typing import Any, cast

from kerasmooth.errors import InputError
from kerasmooth.quiet import import_tensorflow


def path(place: str | PurePath, flag: str = "") -> Path:
    """A `pathlib.Path`, or a `RemotePath`, which does as much of it as records, run folders and exports need.

    Raises InputError, which names `flag`, where TensorFlow has no file system of that name.
    """
    scheme, remote, _ = str(place).partition("://")
    if not remote:
        return Path(place)
    import_tensorflow()
    import tensorflow as tf

    if scheme not in (known := sorted(filter(None, tf.io.gfile.get_registered_schemes()))):
        raise InputError(
            f"{f'--{flag}=' if flag else ''}{place}: TensorFlow has no file system {scheme}:// here, it has "
            f"{', '.join(f'{name}://' for name in known)}: name a folder of this machine, and copy"
        )
    return cast(Path, RemotePath(place))


class RemotePath(PurePosixPath):
    """The part of `pathlib.Path` that is needed, by `tf.io.gfile`.

    What is not there is a FileNotFoundError; any other failure of its file system an InputError.
    """

    def __str__(self) -> str:
        return super().__str__().replace(":/", "://", 1)

    def exists(self) -> bool:
        return bool(self._ask("exists"))

    def is_dir(self) -> bool:
        return bool(self._ask("isdir"))

    def is_file(self) -> bool:
        return self.exists() and not self.is_dir()

    def is_symlink(self) -> bool:
        return False

    def resolve(self) -> "RemotePath":
        return self

    def iterdir(self) -> Iterator["RemotePath"]:
        return (self / name.rstrip("/") for name in sorted(self._ask("listdir")))

    def glob(self, pattern: str) -> Iterator["RemotePath"]:
        return (RemotePath(name) for name in sorted((self / pattern)._ask("glob")))

    def stat(self) -> Any:
        found = self._ask("stat")
        return SimpleNamespace(st_size=found.length, st_mtime_ns=found.mtime_nsec)

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        self._ask("makedirs")

    def rename(self, target: "RemotePath") -> "RemotePath":
        self._ask("rename", str(target), overwrite=True)
        return target

    def unlink(self, missing_ok: bool = False) -> None:
        with contextlib.suppress(*[FileNotFoundError] * missing_ok):
            self._ask("remove")

    def read_bytes(self) -> bytes:
        with _as_os_error(self) as gfile, gfile.GFile(str(self), "rb") as file:
            return bytes(file.read())

    def read_text(self) -> str:
        return self.read_bytes().decode()

    def open(self, mode: str = "rb") -> io.BytesIO:
        return io.BytesIO(self.read_bytes())

    def receive(self, local: Path) -> None:
        """Becomes what a local file, or a folder with all that is in it, is; one that is there is replaced.

        All is written beside and then renamed: file by file, since no file system of TensorFlow but the local one
        renames a folder at once; those at the top, by which a folder is known, come last.
        """
        beside = self.with_name(f".partial-{os.getpid()}-{self.name}")
        sources = [local] if local.is_file() else [one for one in local.rglob("*") if one.is_file()]
        names = [one.relative_to(local) for one in sorted(sources, key=lambda one: -len(one.parts))]
        for name in names:
            (beside / name).parent.mkdir(parents=True)
            with _as_os_error(beside / name) as gfile:
                gfile.copy(str(local / name), str(beside / name), overwrite=True)
        for name in names:
            (self / name).parent.mkdir(parents=True)
            (beside / name).rename(self / name)
        if local.is_dir():
            remove_tree(cast(Path, beside))

    def _ask(self, name: str, *arguments: Any, **settings: Any) -> Any:
        with _as_os_error(self) as gfile:
            return getattr(gfile, name)(str(self), *arguments, **settings)


@contextlib.contextmanager
def _as_os_error(place: RemotePath) -> Iterator[Any]:
    import tensorflow as tf

    try:
        yield tf.io.gfile
    except tf.errors.OpError as error:
        if isinstance(error, tf.errors.NotFoundError):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(place)) from None
        raise InputError(f"{place}: {error.message or type(error).__name__}: see that it can be reached") from None


@contextlib.contextmanager
def local_copy(place: Path) -> Iterator[Path]:
    """A file of this machine with the same content, for what reads no other; a local one is given as it is."""
    if isinstance(place, Path):
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="kerasmooth-") as folder:
        copy = Path(folder) / place.name
        copy.write_bytes(place.read_bytes())
        yield copy


def remove_tree(folder: Path) -> None:
    """Removes a folder with all that is in it, as far as that is possible."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        with contextlib.suppress(OSError, InputError):
            folder._ask("rmtree")
