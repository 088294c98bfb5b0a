"""Arrays of one's own: NPZ or NPY with keypoints [T, K, C], [people, T, K, C] or [T, people, K, C], C of 2 to 4."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.npz_archive import NpzFile, member_names, read_npy, write_npy, write_npz
from kerasmooth.formats.people import places_of
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, RawPoses, X, Y, coords_of
from kerasmooth.formats.safe_files import AS_NPZ, MAX_PEOPLE, bad, head
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.formats.units import is_normalised
from kerasmooth.pose_table import PoseTable

_REMEDY = "save keypoints as [frames, keypoints, 2 to 4] or [people, frames, keypoints, 2 to 4]"
_NAMES = ("keypoints", "keypoints_2d", "kpts", "kps", "poses", "pose", "joints", "landmarks", "xy", "arr_0")
_SCORES = ("confidence", "scores", "keypoint_scores", "score", "visibility", "conf")
_LOOKED_AT = 200
_MUCH_SMALLER = 4.0
"""Keypoints of a person lie further apart than one moves in a frame; so does time differ from keypoints."""
_FEW = 0.1
_MOST_SCORE = 12.0
"""Some models' scores go up to about 10."""


class PlainArrays(PoseFormat):
    """NaN, (0, 0) and (-1, -1) are missing. A third coordinate is the confidence if it looks so, else the depth.

    A fourth is the confidence.
    """

    name = "arrays"
    description = "NPZ or NPY with an array `keypoints`, perhaps `scores`, `fps` and `frame_numbers`"
    suffix = ".npz"
    needs = "keypoints"
    holds = "any"

    def detect(self, path: Path) -> bool:
        return path.is_file() and (head(path, 6) == b"\x93NUMPY" or _keypoints_in(member_names(path)) != "")

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        file = None if head(path, 6) == b"\x93NUMPY" else NpzFile(path)
        name = _keypoints_in(member_names(path)) or "keypoints"
        arrays = {name: file.read(name) if file else read_npy(path)}
        keypoints = arrays[name]
        shape = keypoints.shape
        if len(shape) not in (3, 4) or shape[-1] not in (2, 3, 4) or not min(shape[-2:]):
            raise bad(path, name, "have 3 or 4 axes, the last of 2 to 4", f"shape {shape}", _REMEDY)
        scores = next((name for name in _SCORES if file and name in file.arrays and shape[-1] < 4), "")
        is_depth = shape[-1] == 4 or (shape[-1] == 3 and (scores != "" or not are_scores(keypoints)))
        values, coords = keypoints, (X, Y, *([DEPTH] if is_depth else []), CONFIDENCE)[: shape[-1]]
        if file and scores:
            arrays[scores] = file.read(scores)
            if arrays[scores].shape != shape[:-1]:
                raise bad(path, scores, f"have shape {shape[:-1]}", f"{arrays[scores].shape}", _REMEDY)
            values, coords = np.concatenate([keypoints, arrays[scores][..., None]], axis=-1), (*coords, CONFIDENCE)
        numbers = _frame_numbers(file)
        axis = _people_axis(path, keypoints, numbers, file) if len(shape) == 4 else None
        _check_time(path, keypoints if axis is None else np.moveaxis(keypoints, axis, 1), numbers)
        # -> [frame, person, keypoint, coordinate]
        values = values[:, None] if axis is None else np.moveaxis(values, axis, 1)
        if numbers is not None and numbers.shape != (len(values),):
            raise bad(path, "frame_numbers", f"have shape ({len(values)},)", f"{numbers.shape}", _REMEDY)
        frames = np.arange(len(values)) if numbers is None else numbers
        unseen_at = () if is_depth else (0.0, -1.0)
        raw = RawPoses(values, coords, frames, unseen_at=unseen_at, is_single=values.shape[1] == 1)
        others = file.raw(leave_out=arrays) if file else None
        rest = axis, {name: array.dtype for name, array in arrays.items()}, others
        # Millimetres or metres of a 3D reconstruction: which one, the file does not say.
        unit = "normalised" if is_normalised(keypoints[..., :2]) else "units" if is_depth else "px"
        attributes = {"fps": _fps(file), "unit": unit}
        return Parsed(raw, skeleton_of_count(values.shape[2]), rest, attributes=attributes)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        people, coords = places_of(table), coords_of(table)
        others: list[tuple[str, Any]] = [("frame_numbers", table.frame_numbers)]
        others += [] if table.fps is None else [("fps", np.array(table.fps))]
        others += [] if people == 1 else [("axes", np.array("people, frames, keypoints, coordinates"))]
        names = ["keypoints", "confidence"] if CONFIDENCE in coords else ["keypoints"]
        kinds = dict.fromkeys(names, np.dtype(np.float64))
        rest = None if people == 1 else 0, kinds, others if path.suffix.lower() != ".npy" else None
        return RawPoses.empty(table.skeleton.num_keypoints, coords, people), rest

    def save(self, path: Path, raw: RawPoses, rest: Any, table: PoseTable) -> None:
        """`rest`: the axis of people, the dtypes of the arrays with poses, further members (None for a .npy file)."""
        axis, kinds, others = rest
        if raw.known and len(raw.further):
            received = f"frame {raw.frames[raw.known]} beyond its {raw.known} frames"
            raise bad(path, "keypoints", "fit the arrays of the file", received, AS_NPZ)
        values = raw.values[np.argsort(raw.frames, kind="stable")]
        values = values[:, 0] if axis is None else np.moveaxis(values, 1, axis)
        is_npy = others is None or path.suffix.lower() == ".npy"
        arrays = [values] if is_npy or len(kinds) == 1 else [values[..., :-1], values[..., -1]]
        members: list[tuple[str, Any]] = []
        for (name, kind), array in zip(kinds.items(), arrays, strict=False):
            fits = kind.kind == "f" or np.array_equal(array, np.rint(array))
            members.append((name, array.astype(kind, copy=False) if fits else array))
        if is_npy:
            write_npy(path, members[0][1])
        else:
            write_npz(path, members + (others or []))


def _people_axis(path: Path, keypoints: np.ndarray, numbers: np.ndarray | None, file: NpzFile | None) -> int:
    """The axis of people of four. Raises InputError where it cannot be told from that of time."""
    shape = keypoints.shape
    said = str(file.read("axes", "U")) if file and "axes" in file.arrays else ""
    axis = {"people": 0, "frames": 1}.get(said.partition(",")[0]) if said else _steady_axis(keypoints, numbers)
    if axis is None:
        remedy = 'save axes="people, frames" or "frames, people" beside them in an NPZ'
        raise bad(path, "keypoints", "show which axis is time", f"shape {shape}", remedy)
    if shape[axis] > MAX_PEOPLE:
        raise bad(path, "keypoints", f"be of at most {MAX_PEOPLE:,} people", f"{shape[axis]:,}", _REMEDY)
    return axis


def _steady_axis(keypoints: np.ndarray, numbers: np.ndarray | None) -> int | None:
    """The axis that is not time: along time positions change little. Otherwise the much shorter one, or None."""
    first, second = keypoints.shape[:2]
    if numbers is not None and (len(numbers) == second) != (len(numbers) == first):
        return 0 if len(numbers) == second else 1
    if min(first, second) == 1:
        return 0 if first == 1 else 1
    steps = [_step(keypoints, axis) for axis in (0, 1)]
    if steps[1] * 1.5 < steps[0] or steps[0] * 1.5 < steps[1]:
        return 0 if steps[1] < steps[0] else 1
    if max(first, second) >= 4 * min(first, second):
        return 0 if first < second else 1
    return None


def _step(keypoints: np.ndarray, axis: int) -> float:
    """By how much x and y usually change along an axis."""
    # Neighbours along this axis, here and there along the others.
    some = [slice(None, None, max(1, side // _LOOKED_AT)) for side in keypoints.shape[:-1]]
    some[axis] = slice(_LOOKED_AT)
    near = keypoints[(*some, slice(2))].astype(np.float64)
    with np.errstate(invalid="ignore"):  # What is infinite is refused later.
        change = np.abs(np.diff(near, axis=axis))
    return float(np.nanmedian(change)) if np.isfinite(change).any() else np.inf


def _check_time(path: Path, keypoints: np.ndarray, numbers: np.ndarray | None) -> None:
    """Raises InputError where keypoints [T, ..., K, C] are rather [K, ..., T, C]."""
    if numbers is None and np.inf > _step(keypoints, 0) > _MUCH_SMALLER * _step(keypoints, keypoints.ndim - 2):
        received = f"shape {keypoints.shape} in which the last but one axis is time"
        remedy = f"{_REMEDY}; where they are so, put frame_numbers beside them in an NPZ"
        raise bad(path, "keypoints", "have frames before keypoints", received, remedy)


def _keypoints_in(names: Iterable[str]) -> str:
    """The name of the array of keypoints among those of an archive; an empty text where there is none."""
    return next((name for name in _NAMES if f"{name}.npy" in names), "")


def are_scores(keypoints: np.ndarray) -> bool:
    """Whether a third coordinate is the confidence: not negative, and small beside pixels or as x and y within 0..1."""
    third = keypoints[..., 2]
    known = third[np.isfinite(third)].astype(np.float64)
    if not len(known) or known.min() < 0:
        return False
    others = np.abs(keypoints[..., :2].astype(np.float64))
    typical = np.nanmedian(others) if np.isfinite(others).any() else 0.0
    if typical >= 8 * known.max():
        return bool(known.max() <= _MOST_SCORE)
    # Shares of an image are rarely negative but for what is missing, metres around an origin often.
    negative = (keypoints[..., :2] < 0) & (keypoints[..., :2] != -1)
    return bool(known.max() <= 1.5 and np.mean(negative) < _FEW)


def _frame_numbers(file: NpzFile | None) -> np.ndarray | None:
    if file is None or "frame_numbers" not in file.arrays:
        return None
    numbers = np.atleast_1d(file.read("frame_numbers", "iu")).astype(np.int64)
    if numbers.ndim != 1 or np.any(np.diff(numbers) <= 0):
        raise bad(file.path, "frame_numbers", "increase", "numbers out of order", _REMEDY)
    return numbers


def _fps(file: NpzFile | None) -> float | None:
    """What the file says, None where that is nothing. Raises InputError for anything but a number."""
    if file is None or "fps" not in file.arrays:
        return None
    found = file.read("fps")
    if found.size != 1:
        raise bad(file.path, "fps", "be one number", f"shape {found.shape}", "leave it out, or correct it")
    return float(found.item()) if 0 < found.item() < 1e6 else None
