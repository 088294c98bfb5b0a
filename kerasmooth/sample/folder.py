"""A folder of generated files that appears whole or not at all, and never takes the place of somebody else's files."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from kerasmooth.errors import InputError
from kerasmooth.sample.raw_bytes import json_bytes

MARKER = "kerasmooth_sample.json"
"""Lies in every generated folder: what made it, and the files that belong to it."""


def replace_folder(folder: Path, files: Iterable[tuple[str, bytes]], settings: dict[str, object]) -> None:
    """Writes `files` (relative path with /, content) beside `folder`, then puts the whole in its place.

    Args:
      folder: absent, empty, or made by an earlier call and not added to since.
      files: consumed one at a time.
      settings: what is said of the folder in MARKER.

    Raises:
      InputError: `folder` holds anything else, or cannot be written.
    """
    target = Path(os.path.abspath(folder))
    _refuse_foreign(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    replaced = target.with_name(f".{target.name}.{os.getpid()}.replaced")
    try:
        partial.mkdir(parents=True)
        _write(partial, files, settings)
        if target.exists():
            os.replace(target, replaced)
        os.replace(partial, target)
    except OSError as error:
        raise InputError(
            f"{folder}: raw_dir cannot be written ({error.strerror or error}): choose a folder that can be, with room"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def _write(root: Path, files: Iterable[tuple[str, bytes]], settings: dict[str, object]) -> None:
    names = []
    for name, content in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        names.append(name)
    (root / MARKER).write_bytes(json_bytes({"made_by": "kerasmooth.sample", **settings, "files": sorted(names)}))


def _refuse_foreign(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target}: raw_dir must be a folder, received a file: choose another --raw_dir")
    present = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    foreign = sorted(present - _own_files(target))
    if foreign:
        raise InputError(
            f"{target}: raw_dir holds {len(foreign)} files that were not generated here (first {foreign[0]!r}) and "
            f"they are not overwritten: choose an absent or empty --raw_dir"
        )


def _own_files(target: Path) -> set[str]:
    """The files that MARKER lists; none if there is no such list."""
    try:
        listed = json.loads((target / MARKER).read_bytes())["files"]
        return {MARKER, *map(str, listed)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
