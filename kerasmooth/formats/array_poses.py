"""Arrays of one's own: NPZ or NPY with keypoints [T, K, 2 or 3] or [people, T, K, 2 or 3]."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import head
from kerasmooth.formats.building import build_table, check_asked, check_counts, person_slots
from kerasmooth.formats.coordinates import is_normalised
from kerasmooth.formats.limits import AS_NPZ, MAX_PEOPLE, bad
from kerasmooth.formats.npz_archive import NpzFile, member_names, npy_header, read_npy, write_npy, write_npz
from kerasmooth.formats.pose_format import PoseFormat, Source, changed_confidence, changed_positions, source_of
from kerasmooth.formats.skeleton_names import skeleton_of_count
from kerasmooth.pose_table import PoseTable

_REMEDY = "save keypoints as [frames, keypoints, 2 or 3] or [people, frames, keypoints, 2 or 3]"


@dataclass(frozen=True, eq=False)
class _Arrays:
    """The file's arrays, and (person, frame index) of each row.

    Attributes:
      keypoints: as in the file.
      confidence: as in the file, None where there is no such array.
      frames: int64 [T].
      places: int64 [D, 2].
      third: the third coordinate is the confidence.
      others: further members of the archive, None for a .npy file.
    """

    keypoints: np.ndarray
    confidence: np.ndarray | None
    frames: np.ndarray
    places: np.ndarray
    third: bool
    others: list[tuple[str, bytes]] | None


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
        people, length, count = _sizes(path, file.header("keypoints").shape if file else npy_header(path).shape)
        keypoints = file.read("keypoints") if file else read_npy(path)
        confidence = _confidence(file, keypoints.shape[:-1])
        frames = _frames(file, length)
        full = keypoints.reshape(people, length, count, -1).astype(np.float64)
        third = confidence is None and full.shape[-1] == 3 and _are_scores(full[..., 2])
        scores = np.asarray(full[..., 2]) if third else np.full(full.shape[:-1], np.nan)
        if confidence is not None:
            scores = confidence.reshape(full.shape[:-1]).astype(np.float64)
        there = ~np.isnan(full[..., :2]).any(axis=-1)
        places = np.argwhere(there.any(axis=-1).T)[:, ::-1]
        person, at = places.T
        others = file.raw(leave_out=("keypoints", "confidence")) if file else None
        return build_table(
            self.name,
            path,
            frames=frames[at],
            people=person,
            keypoints=full[person, at, :, :2],
            confidence=scores[person, at],
            skeleton=skeleton_of_count(count),
            payload=_Arrays(keypoints, confidence, frames, places, third, others),
            frame_numbers=frames,
            fps=fps or _fps(file),
            image_size=image_size,
            unit="normalised" if is_normalised(full[..., :2]) else "px",
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        keypoints, confidence = _fresh(table) if source is None else _updated(table, source, path)
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


def _sizes(path: Path, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(people, frames, keypoints) of the shape of an array."""
    if len(shape) not in (3, 4) or shape[-1] not in (2, 3) or not min(shape[-2:]):
        raise bad(path, "keypoints", "have 3 or 4 axes, the last of 2 or 3", f"shape {shape}", _REMEDY)
    people = shape[0] if len(shape) == 4 else 1
    if people > MAX_PEOPLE:
        raise bad(path, "keypoints", f"be of at most {MAX_PEOPLE:,} people", f"{people:,}", _REMEDY)
    check_counts(path, people * shape[-3], shape[-2])
    return people, shape[-3], shape[-2]


def _confidence(file: NpzFile | None, shape: tuple[int, ...]) -> np.ndarray | None:
    if file is None or "confidence" not in file.arrays:
        return None
    if file.header("confidence").shape != shape:
        raise bad(file.path, "confidence", f"have shape {shape}", f"{file.header('confidence').shape}", _REMEDY)
    return file.read("confidence")


def _frames(file: NpzFile | None, length: int) -> np.ndarray:
    if file is None or "frame_numbers" not in file.arrays:
        return np.arange(length)
    if file.header("frame_numbers").shape != (length,):
        raise bad(
            file.path, "frame_numbers", f"have shape ({length},)", f"{file.header('frame_numbers').shape}", _REMEDY
        )
    frames = file.read("frame_numbers", "iu").astype(np.int64)
    if np.any(np.diff(frames) <= 0):
        raise bad(file.path, "frame_numbers", "increase", "numbers out of order", _REMEDY)
    return frames


def _fps(file: NpzFile | None) -> float | None:
    if file is None or "fps" not in file.arrays:
        return None
    if file.header("fps").shape not in ((), (1,)):
        raise bad(file.path, "fps", "be one number", f"shape {file.header('fps').shape}", "leave it out, or correct it")
    value = float(file.read("fps").reshape(()))
    return value if 0 < value < 1e6 else None


def _are_scores(values: np.ndarray) -> bool:
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


def _updated(table: PoseTable, source: Source, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """The file's arrays with what changed; whole numbers become float64 where they no longer are whole."""
    known: _Arrays = source.payload
    rows = len(source.frames)
    taken = {int(p): int(s) for p, s in zip(table.people[:rows], known.places[:, 0], strict=True) if p >= 0}
    people = np.concatenate([known.places[:, 0], person_slots(table.frames, table.people, taken)[rows:]])
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
