"""Arrays of one's own: NPZ or NPY with keypoints [T, K, 2 or 3], [people, T, K, 2 or 3] or [T, people, K, 2 or 3]."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.bounded_files import head
from kerasmooth.formats.limits import AS_NPZ, MAX_PEOPLE, bad
from kerasmooth.formats.npz_archive import NpzFile, member_names, read_npy, write_npy, write_npz
from kerasmooth.formats.people import places_of
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, RawPoses, X, Y, coords_of
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.formats.units import is_normalised
from kerasmooth.pose_table import PoseTable

_REMEDY = "save keypoints as [frames, keypoints, 2 or 3] or [people, frames, keypoints, 2 or 3]"
_SCORES = ("confidence", "scores", "keypoint_scores", "score", "visibility")
_MOST_SCORE = 12.0
"""Some models' scores go up to about 10."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """How the poses lie in the file's arrays.

    Attributes:
      axes: of people and of frames in keypoints; None for people where there is no such axis.
      kinds: dtype of each array that has poses: keypoints, and perhaps the scores by their name.
      others: further members of the archive, None for a .npy file.
    """

    axes: tuple[int | None, int]
    kinds: dict[str, np.dtype]
    others: list[tuple[str, Any]] | None


class PlainArrays(PoseFormat):
    """NaN, (0, 0) and (-1, -1) are missing. A third coordinate is the confidence if it looks so, else the depth."""

    name = "arrays"
    description = "NPZ or NPY with an array `keypoints`, perhaps `scores`, `fps` and `frame_numbers`"
    suffix = ".npz"
    needs = "keypoints"
    holds = "any"

    def detect(self, path: Path) -> bool:
        if not path.is_file():
            return False
        return head(path, 6) == b"\x93NUMPY" or "keypoints.npy" in member_names(path)

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        file = None if head(path, 6) == b"\x93NUMPY" else NpzFile(path)
        keypoints = file.read("keypoints") if file else read_npy(path)
        scores = next((name for name in _SCORES if file and name in file.arrays), "")
        found = {"keypoints": keypoints} | ({scores: file.read(scores)} if file and scores else {})
        if scores and found[scores].shape != keypoints.shape[:-1]:
            received = f"{found[scores].shape}"
            raise bad(path, scores, f"have shape {keypoints.shape[:-1]}", received, _REMEDY)
        numbers = _frame_numbers(file)
        axes = _axes(path, keypoints, numbers, file)
        values = np.concatenate([keypoints, found[scores][..., None]], axis=-1) if scores else keypoints
        # -> [frame, person, keypoint, coordinate]
        values = values[:, None] if axes[0] is None else np.moveaxis(values, [axes[1], axes[0]], [0, 1])
        length, people, count = values.shape[:3]
        check_counts(path, people * length, count)
        if numbers is not None and numbers.shape != (length,):
            raise bad(path, "frame_numbers", f"have shape ({length},)", f"{numbers.shape}", _REMEDY)
        third = CONFIDENCE if not scores and keypoints.shape[-1] == 3 and are_scores(keypoints) else DEPTH
        coords = ((X, Y, third)[: keypoints.shape[-1]]) + ((CONFIDENCE,) if scores else ())
        has_depth = DEPTH in coords
        raw = RawPoses(
            values,
            coords,
            np.arange(length) if numbers is None else numbers,
            nowhere=() if has_depth else (0.0, -1.0),
            is_single=people == 1,
        )
        others = file.raw(leave_out=found) if file else None
        rest = Arrays(axes, {name: array.dtype for name, array in found.items()}, others)
        # Millimetres or metres of a 3D reconstruction: which one, the file does not say.
        unit = "normalised" if is_normalised(keypoints[..., :2]) else "units" if has_depth else "px"
        return Parsed(raw, skeleton_of_count(count), rest, attributes={"fps": _fps(file), "unit": unit})

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        people, coords = places_of(table), coords_of(table)
        names = ["keypoints", "confidence"] if CONFIDENCE in coords else ["keypoints"]
        others: list[tuple[str, Any]] = [("frame_numbers", table.frame_numbers)]
        others += [] if table.fps is None else [("fps", np.array(table.fps))]
        others += [] if people == 1 else [("axes", np.array("people, frames, keypoints, coordinates"))]
        kinds = dict.fromkeys(names, np.dtype(np.float64))
        rest = Arrays((None, 0) if people == 1 else (0, 1), kinds, others if path.suffix.lower() != ".npy" else None)
        return RawPoses.empty(table.skeleton.num_keypoints, coords, people), rest

    def save(self, path: Path, raw: RawPoses, rest: Arrays, table: PoseTable) -> None:
        if raw.known and len(raw.further):
            received = f"frame {raw.frames[raw.known]} beyond its {raw.known} frames"
            raise bad(path, "keypoints", "fit the arrays of the file", received, AS_NPZ)
        values = raw.values[np.argsort(raw.frames, kind="stable")]
        values = values[:, 0] if rest.axes[0] is None else np.moveaxis(values, [0, 1], [rest.axes[1], rest.axes[0]])
        apart = len(rest.kinds) == 2 and path.suffix.lower() != ".npy"
        arrays = [values[..., :-1], values[..., -1]] if apart else [values]
        members: list[tuple[str, Any]] = []
        for (name, kind), array in zip(rest.kinds.items(), arrays, strict=False):
            fits = kind.kind == "f" or np.array_equal(array, np.rint(array))
            members.append((name, array.astype(kind, copy=False) if fits else array))
        if rest.others is None or path.suffix.lower() == ".npy":
            write_npy(path, members[0][1])
        else:
            write_npz(path, members + rest.others)


def _axes(
    path: Path, keypoints: np.ndarray, numbers: np.ndarray | None, file: NpzFile | None
) -> tuple[int | None, int]:
    """The axes of people and of frames. Raises InputError where that cannot be told."""
    shape = keypoints.shape
    if len(shape) not in (3, 4) or shape[-1] not in (2, 3) or not min(shape[-2:]):
        raise bad(path, "keypoints", "have 3 or 4 axes, the last of 2 or 3", f"shape {shape}", _REMEDY)
    if len(shape) == 3:
        return None, 0
    said = str(file.read("axes", "U")) if file and "axes" in file.arrays else ""
    people = {"people": 0, "frames": 1}.get(said.partition(",")[0]) if said else _people_axis(keypoints, numbers)
    if people is None:
        remedy = 'save axes="people, frames" or "frames, people" beside them in an NPZ'
        raise bad(path, "keypoints", "show which axis is time", f"shape {shape}", remedy)
    if shape[people] > MAX_PEOPLE:
        raise bad(path, "keypoints", f"be of at most {MAX_PEOPLE:,} people", f"{shape[people]:,}", _REMEDY)
    return people, 1 - people


def _people_axis(keypoints: np.ndarray, numbers: np.ndarray | None) -> int | None:
    """The axis that is not time: along time positions change little. Otherwise the much shorter one, or None."""
    first, second = keypoints.shape[:2]
    if numbers is not None and (len(numbers) == second) != (len(numbers) == first):
        return 0 if len(numbers) == second else 1
    if min(first, second) == 1:
        return 0 if first == 1 else 1
    steps = []
    for axis in (0, 1):
        near = np.take(keypoints, range(min(200, keypoints.shape[axis])), axis=axis)[..., :2].astype(np.float64)
        change = np.abs(np.diff(near, axis=axis))
        steps.append(float(np.nanmedian(change)) if np.isfinite(change).any() else np.inf)
    if steps[1] * 1.5 < steps[0] or steps[0] * 1.5 < steps[1]:
        return 0 if steps[1] < steps[0] else 1
    if max(first, second) >= 4 * min(first, second):
        return 0 if first < second else 1
    return None


def are_scores(keypoints: np.ndarray) -> bool:
    """Whether a third coordinate is the confidence: not negative, and within 0..1 or small beside pixels."""
    third = keypoints[..., 2]
    known = third[np.isfinite(third)].astype(np.float64)
    if not len(known) or known.min() < 0:
        return False
    others = np.abs(keypoints[..., :2].astype(np.float64))
    typical = np.nanmedian(others) if np.isfinite(others).any() else 0.0
    return bool(known.max() <= 1.5 or (known.max() <= _MOST_SCORE and typical >= 8 * known.max()))


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
    if file.header("fps").shape not in ((), (1,)):
        raise bad(file.path, "fps", "be one number", f"shape {file.header('fps').shape}", "leave it out, or correct it")
    value = float(file.read("fps").reshape(()))
    return value if 0 < value < 1e6 else None
