"""BRACE's keypoint files: automatic frames (JSON, one file a segment) and manual ones (.npz, one file a frame)."""

import json
import re
from itertools import chain
from pathlib import Path
from typing import NoReturn, cast

import numpy as np

from kerasmooth.datasets.raw_files import (
    MAX_FRAMES,
    check_numbers,
    check_positions,
    malformed,
    read_npz,
    read_text,
    shown,
)
from kerasmooth.errors import InputError
from kerasmooth.skeletons import COCO_17

MAX_JSON_BYTES = 64 << 20
"""The real files have 0.4 kB a frame: this is the size of MAX_FRAMES."""
REMEDY = "restore the file from the BRACE download"

_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]*\Z")
_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,9}\Z")


def read_automatic(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The frames of a JSON file in the order of their numbers.

    Returns:
      frame numbers int64 [T]; keypoints float64 [T, 17, 2], (x, y) in pixels; visibility bool [T, 17].
      A frame whose `keypoints` are [] or null has none visible.
    """
    names, rows = _entries(path)
    numbers = np.array([frame_number(path, name) for name in names], np.int64)
    order = np.argsort(numbers, kind="stable")
    numbers = numbers[order]
    repeated = np.flatnonzero(np.diff(numbers) == 0)
    if repeated.size:
        first, second = (shown(names[order[repeated[0] + i]]) for i in range(2))
        raise malformed(path, "frame names", "have different numbers", f"{first} and {second}", REMEDY)
    values = _values(path, names, rows)[order]
    keypoints, scores = values[..., :2], values[..., 2]
    if not np.isfinite(scores).all():
        raise malformed(path, "keypoints", "have finite scores", "inf", REMEDY)
    visibility = (scores > 0) & np.any(keypoints != 0, axis=-1)
    check_positions(path, "keypoints", keypoints, visibility, REMEDY)
    return numbers, keypoints, visibility


def find_manual(folder: Path) -> dict[int, Path]:
    """The manual files of a video by frame number; none if the folder is not there.

    Raises:
      InputError: two files are for the same frame, or a name has no number.
    """
    files: dict[int, Path] = {}
    if folder.exists() and not folder.is_dir():
        raise malformed(folder, "path", "be a folder", "a file", REMEDY)
    for path in sorted(folder.glob("*.npz")):
        if path.name.startswith("."):
            continue
        number = frame_number(path, path.name)
        if number in files:
            received = f"also {shown(files[number].name)}"
            raise malformed(path, f"frame {number}", "have one file", received, "remove one of the two")
        files[number] = path
    return files


def read_manual(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints float64 [17, 2] and visibility bool [17] of a manual frame; further columns mean nothing."""
    field = "coco_joints2d"
    array = read_npz(path, (field,), REMEDY)[field]
    columns = array.shape[-1] if array.ndim == 2 and array.shape[-1] > 2 else 2
    keypoints = check_numbers(path, field, array, (COCO_17.num_keypoints, columns), REMEDY)[:, :2]
    visibility = np.any(keypoints != 0, axis=-1)
    check_positions(path, field, keypoints[None], visibility[None], REMEDY)
    return keypoints, visibility


def frame_number(path: Path, name: str) -> int:
    """The number at the end of a frame's name, before the suffix: `<video>/img-000851.png` is 851."""
    match = _NUMBER.search(_SUFFIX.sub("", name))
    if not match:
        raise malformed(path, "frame name", "end in a number of at most 9 digits", shown(name), REMEDY)
    return int(match[0])


def _entries(path: Path) -> tuple[list[str], list[object]]:
    """Frame names and their `keypoints`, as the file has them."""
    content = _parse(path)
    if not isinstance(content, dict) or not content:
        received = "an empty one" if content == {} else type(content).__name__
        raise malformed(path, "content", "be a mapping of frames", received, REMEDY)
    if len(content) > MAX_FRAMES:
        raise malformed(path, "content", f"have 1 to {MAX_FRAMES:,} frames", f"{len(content):,}", REMEDY)
    for name, entry in content.items():
        if not isinstance(entry, dict) or "keypoints" not in entry:
            received = f"keys {shown(sorted(entry))}" if isinstance(entry, dict) else type(entry).__name__
            raise malformed(path, f"frame {shown(name)}", "be a mapping with keypoints", received, REMEDY)
    return list(content), [entry["keypoints"] for entry in content.values()]


def _parse(path: Path) -> object:
    def mapping(pairs: list[tuple[str, object]]) -> dict[str, object]:
        result = dict(pairs)
        if len(result) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise malformed(path, f"key {shown(twice)}", "be there once", "it twice", REMEDY)
        return result

    def constant(text: str) -> NoReturn:
        raise malformed(path, "content", "hold finite numbers", text, REMEDY)

    text = read_text(path, MAX_JSON_BYTES, REMEDY)
    try:
        return json.loads(text, object_pairs_hook=mapping, parse_constant=constant)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        # Besides syntax errors: integers of thousands of digits, and lists nested thousands deep.
        raise malformed(path, "content", "be JSON", f"{type(error).__name__} ({shown(str(error))})", REMEDY) from None


def _values(path: Path, names: list[str], frames: list[object]) -> np.ndarray:
    """The keypoint lists as float64 [T, 17, 3], in the order of the file; zeros where a frame has none.

    Types are checked before NumPy sees the values: it would read the text "1" as a number.
    """
    count = COCO_17.num_keypoints
    nobody: list[list[float]] = [[0.0, 0.0, 0.0]] * count
    people = [nobody if frame is None or frame == [] else frame for frame in frames]
    for name, person in zip(names, people, strict=True):
        if type(person) is not list or len(person) != count:
            received = f"{len(person)} of them" if type(person) is list else type(person).__name__
            raise malformed(path, f"frame {shown(name)}: keypoints", f"be a list of {count}", received, REMEDY)
    rows: list[object] = list(chain.from_iterable(cast(list[list[object]], people)))
    for i, row in enumerate(rows):
        if type(row) is not list or len(row) != 3:
            field = f"frame {shown(names[i // count])}: keypoints[{i % count}]"
            raise malformed(path, field, "be [x, y, score]", shown(row), REMEDY)
    values: list[object] = list(chain.from_iterable(cast(list[list[object]], rows)))
    if not set(map(type, values)) <= {int, float}:
        i, value = next((i, value) for i, value in enumerate(values) if type(value) not in (int, float))
        field = f"frame {shown(names[i // (3 * count)])}: keypoints[{i // 3 % count}]"
        raise malformed(path, field, "hold numbers", shown(value), REMEDY)
    try:
        return np.array(values, np.float64).reshape(-1, count, 3)
    except OverflowError:
        raise malformed(path, "keypoints", "be positions in pixels", "a whole number above 1e308", REMEDY) from None
