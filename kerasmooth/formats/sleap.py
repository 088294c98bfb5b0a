"""SLEAP's analysis HDF5: tracks of instances, one array for all frames."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.building import build_table, check_asked, check_counts, person_slots
from kerasmooth.formats.hdf5_files import dataset, is_hdf5, numbers, opened, texts
from kerasmooth.formats.limits import AS_NPZ, MAX_PEOPLE, bad
from kerasmooth.formats.pose_format import PoseFormat, Source, in_image_pixels, source_of
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "export it again with sleap-convert --format analysis"


@dataclass(frozen=True, eq=False)
class _Tracks:
    """Shape of the tracks (people, nodes, frames), and (person, frame) of each row."""

    shape: tuple[int, int, int]
    places: np.ndarray


class SleapAnalysis(PoseFormat):
    """Tracks are the people, places in the array the frame numbers; point_scores, if there are, the confidence."""

    name = "sleap"
    description = "SLEAP analysis HDF5"
    suffix = ".h5"

    def detect(self, path: Path) -> bool:
        if not is_hdf5(path):
            return False
        try:
            with h5py.File(path, "r") as file:
                return "tracks" in file and "node_names" in file
        except (OSError, RuntimeError, ValueError, KeyError):
            return False

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        with opened(path) as file:
            names = texts(path, file, "node_names")
            shape = _shape(path, file, len(names))
            tracks = numbers(path, file, "tracks")
            scores = _scores(path, file, shape)
            edges = numbers(path, file, "edge_inds") if "edge_inds" in file else np.empty((0, 2))
        # [person, 2, node, frame] -> [person, frame, node, 2]
        positions = tracks.transpose(0, 3, 2, 1)
        places = np.argwhere(~np.isnan(positions).any(axis=-1).all(axis=-1))
        places = places[np.lexsort((places[:, 0], places[:, 1]))]
        person, frame = places.T
        skeleton = skeleton_of_names("sleap", names)
        return build_table(
            self.name,
            path,
            frames=frame,
            people=person,
            keypoints=positions[person, frame],
            confidence=scores.transpose(0, 2, 1)[person, frame],
            skeleton=_with_edges(skeleton, edges),
            payload=_Tracks(shape, places),
            frame_numbers=np.arange(shape[2]),
            fps=fps,
            image_size=image_size,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is None:
            table = in_image_pixels(table, path, self.name)
        shape, people, frames = _placed(table, source, path)
        with replacing(path) as temporary:
            if source is not None:
                shutil.copyfile(source.path, temporary)
                temporary.chmod(0o644)
                with h5py.File(temporary, "r+") as file:
                    _update(file, table, source, shape, people, frames)
            else:
                with h5py.File(temporary, "w") as file:
                    _create(file, table, shape, people, frames)


def _shape(path: Path, file: h5py.File, nodes: int) -> tuple[int, int, int]:
    """(people, nodes, frames), checked before anything is read."""
    shape: tuple[int, ...] = dataset(path, file, "tracks").shape
    if len(shape) != 4 or shape[1:3] != (2, nodes):
        raise bad(path, "tracks", f"have shape (tracks, 2, {nodes}, frames)", f"{shape}", _REMEDY)
    if shape[0] > MAX_PEOPLE:
        raise bad(path, "tracks", f"be at most {MAX_PEOPLE:,}", f"{shape[0]:,}", "join the tracks first")
    check_counts(path, shape[0] * shape[3], nodes)
    return shape[0], nodes, shape[3]


def _scores(path: Path, file: h5py.File, shape: tuple[int, int, int]) -> np.ndarray:
    if "point_scores" not in file:
        return np.broadcast_to(np.nan, shape)
    if file["point_scores"].shape != shape:
        raise bad(path, "point_scores", f"have shape {shape}", f"{file['point_scores'].shape}", _REMEDY)
    return numbers(path, file, "point_scores")


def _with_edges(skeleton: Skeleton, edges: np.ndarray) -> Skeleton:
    if edges.ndim != 2 or edges.shape[1:] != (2,) or not len(edges):
        return skeleton
    inside = ((edges >= 0) & (edges < skeleton.num_keypoints)).all(axis=1)
    limbs = dict.fromkeys((int(a), int(b)) for a, b in edges[inside])
    return Skeleton(skeleton.name, skeleton.keypoints, tuple(limbs))


def _placed(table: PoseTable, source: Source | None, path: Path) -> tuple[tuple[int, int, int], np.ndarray, np.ndarray]:
    """The shape (people, nodes, frames) that holds all rows, and person and frame of each row."""
    if len(table.frame_numbers) and table.frame_numbers[0] < 0:
        raise bad(path, "frames", "count from 0 in this format", f"{table.frame_numbers[0]}", AS_NPZ)
    known = source.payload.shape if source else (1, table.skeleton.num_keypoints, 0)
    if source is None:
        people = person_slots(table.frames, table.people, {})
    else:
        places, rows = source.payload.places, len(source.frames)
        # The file's rows keep their tracks, whatever they are called now.
        taken = {int(p): int(s) for p, s in zip(table.people[:rows], places[:, 0], strict=True) if p >= 0}
        people = np.concatenate([places[:, 0], person_slots(table.frames, table.people, taken)[rows:]])
    last = int(table.frame_numbers[-1]) + 1 if len(table.frame_numbers) else 0
    shape = (max(known[0], int(people.max(initial=-1)) + 1), known[1], max(known[2], last))
    check_counts(path, shape[0] * shape[2], shape[1])
    if len(set(zip(people.tolist(), table.frames.tolist(), strict=True))) < len(people):
        raise bad(path, "people", "be once in a frame", "a track twice", AS_NPZ)
    return shape, people, table.frames


def _update(
    file: h5py.File,
    table: PoseTable,
    source: Source,
    shape: tuple[int, int, int],
    people: np.ndarray,
    frames: np.ndarray,
) -> None:
    """Writes what changed into a copy of the file; arrays grow where people or frames were added."""
    old = source.payload.shape
    if shape != old:
        _grow(file, old, shape)
    _store(file["tracks"], table.keypoints.transpose(0, 2, 1), people, frames)
    if "point_scores" in file:
        _store(file["point_scores"], table.confidence, people, frames)
    occupancy = file.get("track_occupancy")
    if occupancy is not None and occupancy.ndim == 2 and occupancy.shape == (shape[2], shape[0]):
        values = occupancy[()]
        values[frames, people] = 1
        if not np.array_equal(values, occupancy[()]):
            occupancy[...] = values


def _store(dataset: h5py.Dataset, rows: np.ndarray, people: np.ndarray, frames: np.ndarray) -> None:
    """rows [D, ...] -> dataset [people, ..., frames]; untouched where nothing differs."""
    values = dataset[()]
    before = values.copy()
    # Advanced indices around slices put their axis first.
    current = values[people, ..., frames]
    same = (current == rows) | (np.isnan(current) & np.isnan(rows))
    values[people, ..., frames] = np.where(same, current, rows)
    if not np.array_equal(values, before, equal_nan=True):
        dataset[...] = values


def _grow(file: h5py.File, old: tuple[int, int, int], shape: tuple[int, int, int]) -> None:
    """Replaces every array that runs over people and frames by a larger one."""
    sizes = {
        "tracks": ((old[0], 2, old[1], old[2]), (shape[0], 2, shape[1], shape[2]), np.nan),
        "point_scores": (old, shape, np.nan),
        "instance_scores": ((old[0], old[2]), (shape[0], shape[2]), np.nan),
        "tracking_scores": ((old[0], old[2]), (shape[0], shape[2]), np.nan),
        "track_occupancy": ((old[2], old[0]), (shape[2], shape[0]), 0),
    }
    for name, (before, after, fill) in sizes.items():
        if name in file and file[name].shape == before:
            grown = np.full(after, fill, file[name].dtype)
            grown[tuple(slice(0, n) for n in before)] = file[name][()]
            _replace(file, name, grown)
    if "track_names" in file and shape[0] > old[0]:
        names = [*file["track_names"][()], *(f"track_{i}".encode() for i in range(old[0], shape[0]))]
        _replace(file, "track_names", np.array(names, dtype="S"))


def _replace(file: h5py.File, name: str, values: np.ndarray) -> None:
    attributes, compression = dict(file[name].attrs), file[name].compression
    del file[name]
    dataset = file.create_dataset(name, data=values, compression=compression)
    for key, value in attributes.items():
        dataset.attrs[key] = value


def _create(
    file: h5py.File, table: PoseTable, shape: tuple[int, int, int], people: np.ndarray, frames: np.ndarray
) -> None:
    tracks = np.full((shape[0], 2, shape[1], shape[2]), np.nan)
    tracks[people, :, :, frames] = table.keypoints.transpose(0, 2, 1)
    scores = np.full(shape, np.nan)
    scores[people, :, frames] = table.confidence
    occupancy = np.zeros((shape[2], shape[0]), np.uint8)
    occupancy[frames, people] = 1
    arrays: dict[str, Any] = {
        "tracks": tracks,
        "track_occupancy": occupancy,
        "track_names": np.array([f"track_{i}" for i in range(shape[0])], dtype="S"),
        "node_names": np.array([name.encode() for name in table.skeleton.keypoints]),
        "edge_inds": np.array(table.skeleton.limbs, np.int64).reshape(-1, 2),
    }
    if not np.isnan(table.confidence).all():
        arrays["point_scores"] = scores
    for name, values in arrays.items():
        packed = "gzip" if values.ndim > 1 and values.size else None
        file.create_dataset(name, data=values, compression=packed)
