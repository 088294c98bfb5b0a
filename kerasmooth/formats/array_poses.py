"""Arrays of one's own: NPZ or NPY with keypoints [T, K, 2 or 3] or [people, T, K, 2 or 3]."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import head
from kerasmooth.formats.building import build_table, check_asked, check_counts, person_slots
from kerasmooth.formats.coordinates import is_normalised
from kerasmooth.formats.limits import AS_NPZ, MAX_PEOPLE, bad
from kerasmooth.formats.npz_archive import NpzFile, member_names, npy_header, read_npy, write_npy, write_npz
from kerasmooth.formats.person_columns import row_columns
from kerasmooth.formats.pose_format import PoseFormat, Source, changed_confidence, changed_positions, source_of
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.pose_table import PoseTable

_REMEDY = "save keypoints as [frames, keypoints, 2 or 3] or [people, frames, keypoints, 2 or 3]"


@dataclass(frozen=True, eq=False)
class Arrays:
    """The file's arrays, and (person, frame index) of each row.

    Attributes:
      keypoints: as in the file.
      confidence: as in the file, None where there is no such array.
      frames: int64 [T].
      third: the third coordinate is the confidence.
      others: further members of the archive, None for a .npy file.
      places: int64 [D, 2].
    """

    keypoints: np.ndarray
    confidence: np.ndarray | None
    frames: np.ndarray
    third: bool
    others: list[tuple[str, bytes]] | None
    places: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))


class ArrayPoses(PoseFormat):
    """NaN and confidence 0 are missing. A third coordinate within 0..1 is the confidence, any other one is copied."""

    name = "arrays"
    description = "NPZ or NPY with an array `keypoints`, perhaps `confidence`, `fps` and `frame_numbers`"
    suffix = ".npz"

    def detect(self, path: Path) -> bool:
        if not path.is_file():
            return False
        return head(path, 6) == b"\x93NUMPY" or "keypoints.npy" in member_names(path)

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        is_npy = head(path, 6) == b"\x93NUMPY"
        file = None if is_npy else NpzFile(path)
        shape = file.header("keypoints").shape if file else npy_header(path).shape
        people, length, count = sizes(path, shape)
        check_counts(path, people * length, count)
        keypoints = file.read("keypoints") if file else read_npy(path)
        check_others(file, shape)
        confidence = file.read("confidence") if file and "confidence" in file.arrays else None
        third = confidence is None and shape[-1] == 3 and are_scores(keypoints[..., 2])
        others = file.raw(leave_out=("keypoints", "confidence")) if file else None
        arrays = Arrays(keypoints, confidence, _frames(file, length), third, others)
        normalised = is_normalised(keypoints[..., :2].astype(np.float64))
        unit = "normalised" if normalised else "px"
        return self.table_of(path, arrays, fps=fps or read_fps(file), image_size=image_size, unit=unit)

    def table_of(self, path: Path, arrays: Arrays, **attributes: Any) -> PoseTable:
        """The table of arrays of some frames; their places are those found here. `attributes`: of the table."""
        keypoints, confidence = arrays.keypoints, arrays.confidence
        full = keypoints.reshape(-1, *keypoints.shape[-3:]).astype(np.float64)
        scores = np.asarray(full[..., 2]) if arrays.third else np.full(full.shape[:-1], np.nan)
        if confidence is not None:
            scores = confidence.reshape(full.shape[:-1]).astype(np.float64)
        there = ~np.isnan(full[..., :2]).any(axis=-1)
        places = np.argwhere(there.any(axis=-1).T)[:, ::-1]
        person, at = places.T
        return build_table(
            self.name,
            path,
            frames=arrays.frames[at],
            people=person,
            keypoints=full[person, at, :, :2],
            confidence=scores[person, at],
            skeleton=skeleton_of_count(full.shape[-2]),
            payload=replace(arrays, places=places),
            frame_numbers=arrays.frames,
            **attributes,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        keypoints, confidence = _fresh(table) if source is None else updated(table, source, path, {})
        if source is None:
            others: list[tuple[str, np.ndarray | bytes]] = [("frame_numbers", table.frame_numbers)]
            others += [] if table.fps is None else [("fps", np.array(table.fps))]
        else:
            others = list(source.payload.others or [])
        if path.suffix.lower() == ".npy" or (source is not None and source.payload.others is None):
            if confidence is not None and keypoints.shape[-1] == 2:
                keypoints = np.concatenate([keypoints, confidence[..., None]], axis=-1)
            write_npy(path, keypoints)
            return
        members: list[tuple[str, np.ndarray | bytes]] = [("keypoints", keypoints)]
        members += [] if confidence is None else [("confidence", confidence)]
        write_npz(path, members + others)


def sizes(path: Path, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(people, frames, keypoints) of the shape of an array."""
    if len(shape) not in (3, 4) or shape[-1] not in (2, 3) or not min(shape[-2:]):
        raise bad(path, "keypoints", "have 3 or 4 axes, the last of 2 or 3", f"shape {shape}", _REMEDY)
    people = shape[0] if len(shape) == 4 else 1
    if people > MAX_PEOPLE:
        raise bad(path, "keypoints", f"be of at most {MAX_PEOPLE:,} people", f"{people:,}", _REMEDY)
    return people, shape[-3], shape[-2]


def check_others(file: NpzFile | None, shape: tuple[int, ...]) -> None:
    """Raises InputError where what belongs to keypoints of a shape has another one."""
    for name, expected in (("confidence", shape[:-1]), ("frame_numbers", shape[-3:-2])):
        if file is not None and name in file.arrays and file.header(name).shape != expected:
            raise bad(file.path, name, f"have shape {expected}", f"{file.header(name).shape}", _REMEDY)


def _frames(file: NpzFile | None, length: int) -> np.ndarray:
    if file is None or "frame_numbers" not in file.arrays:
        return np.arange(length)
    return checked_numbers(file.path, file.read("frame_numbers", "iu"))


def checked_numbers(path: Path, numbers: np.ndarray) -> np.ndarray:
    """Frame numbers as int64. Raises InputError where they do not increase."""
    numbers = numbers.astype(np.int64)
    if np.any(np.diff(numbers) <= 0):
        raise bad(path, "frame_numbers", "increase", "numbers out of order", _REMEDY)
    return numbers


def read_fps(file: NpzFile | None) -> float | None:
    """What the file says, None where that is nothing. Raises InputError for anything but a number."""
    if file is None or "fps" not in file.arrays:
        return None
    if file.header("fps").shape not in ((), (1,)):
        raise bad(file.path, "fps", "be one number", f"shape {file.header('fps').shape}", "leave it out, or correct it")
    value = float(file.read("fps").reshape(()))
    return value if 0 < value < 1e6 else None


def are_scores(values: np.ndarray) -> bool:
    """Whether a third coordinate is the confidence: there is one, and all of it is within what scores are."""
    known = values[~np.isnan(values)]
    return bool(len(known)) and bool(known.min() >= 0) and bool(known.max() <= 1.5)


def _fresh(table: PoseTable) -> tuple[np.ndarray, np.ndarray | None]:
    """[people, T, K, 2] and [people, T, K]."""
    slots = person_slots(table.frames, table.people, {})
    shape = (max(1, int(slots.max(initial=0)) + 1), len(table.frame_numbers), table.skeleton.num_keypoints)
    check_counts(Path("arrays"), shape[0] * shape[1], shape[2])
    keypoints, confidence = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
    at = np.searchsorted(table.frame_numbers, table.frames)
    keypoints[slots, at], confidence[slots, at] = table.keypoints, table.confidence
    return keypoints, None if np.isnan(table.confidence).all() else confidence


def updated(
    table: PoseTable, source: Source, path: Path, taken: dict[int, int]
) -> tuple[np.ndarray, np.ndarray | None]:
    """The file's arrays with what changed; whole numbers become float64 where they no longer are whole.

    `taken`: see `person_columns.row_columns`.
    """
    known: Arrays = source.payload
    rows = len(source.frames)
    people = row_columns(table, source, known.places[:, 0], taken)
    at = np.searchsorted(known.frames, table.frames)
    outside = (at >= len(known.frames)) | (known.frames[np.minimum(at, len(known.frames) - 1)] != table.frames)
    shape = known.keypoints.shape
    full = known.keypoints.reshape(-1, *shape[-3:])
    if outside.any() or people.max(initial=0) >= len(full):
        received = f"rows beyond its {len(full)} people and {len(known.frames)} frames"
        raise bad(path, "keypoints", "fit the arrays of the file", received, AS_NPZ)
    moved = np.ones(table.confidence.shape, bool)
    rescored = moved.copy()
    moved[:rows], rescored[:rows] = changed_positions(table, source), changed_confidence(table, source)
    if not moved.any() and not rescored.any():
        return known.keypoints, known.confidence
    full = full.astype(np.result_type(full.dtype, np.float16) if full.dtype.kind == "f" else np.float64)
    row, k = np.nonzero(moved)
    full[people[row], at[row], k, :2] = table.keypoints[row, k]
    row, k = np.nonzero(rescored)
    confidence = known.confidence
    if known.third:
        full[people[row], at[row], k, 2] = table.confidence[row, k]
    elif confidence is not None:
        confidence = confidence.astype(np.result_type(confidence.dtype, np.float16)).reshape(full.shape[:-1])
        confidence[people[row], at[row], k] = table.confidence[row, k]
        confidence = confidence.reshape(shape[:-1])
    return full.reshape(shape), confidence
