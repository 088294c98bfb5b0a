"""SLEAP's analysis HDF5: tracks of instances, one array for all frames."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.building import build_table, check_asked, check_counts, person_slots
from kerasmooth.formats.hdf5_files import dataset, holds, numbers, opened, texts, updating
from kerasmooth.formats.limits import AS_NPZ, MAX_ARRAY_BYTES, MAX_PEOPLE, bad
from kerasmooth.formats.person_columns import row_columns
from kerasmooth.formats.pose_format import PoseFormat, Source, in_image_pixels, source_of
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "export it again with sleap-convert --format analysis"
Shape = tuple[int, int, int]
"""(people, nodes, frames)."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """Shape of the tracks, and (person, frame) of each row; of a block also its first frame and its arrays by name."""

    shape: Shape
    places: np.ndarray
    first: int = 0
    block: dict[str, np.ndarray] = field(default_factory=dict)


class SleapAnalysis(PoseFormat):
    """Tracks are the people, places in the array the frame numbers; point_scores, if there are, the confidence."""

    name = "sleap"
    description = "SLEAP analysis HDF5"
    suffix = ".h5"

    def detect(self, path: Path) -> bool:
        return holds(path, lambda file: "tracks" in file and "node_names" in file)

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        with opened(path) as file:
            skeleton, shape = read_header(path, file)
            check_counts(path, shape[0] * shape[2], shape[1])
            tracks = numbers(path, file, "tracks")
            scores = numbers(path, file, "point_scores") if "point_scores" in file else np.broadcast_to(np.nan, shape)
        everything = Tracks(shape, np.empty((0, 2), np.int64))
        return self.table_of(path, skeleton, everything, tracks, scores, fps=fps, image_size=image_size)

    def table_of(
        self, path: Path, skeleton: Skeleton, part: Tracks, tracks: np.ndarray, scores: np.ndarray, **attributes: Any
    ) -> PoseTable:
        """The table of some frames.

        Args:
          path: of the file.
          skeleton: of the nodes.
          part: which frames; its places are those found here.
          tracks: [people, 2, nodes, frames].
          scores: [people, nodes, frames].
          **attributes: fps, image_size.
        """
        # -> [person, frame, node, 2]
        positions = tracks.transpose(0, 3, 2, 1)
        places = np.argwhere(~np.isnan(positions).any(axis=-1).all(axis=-1))
        places = places[np.lexsort((places[:, 0], places[:, 1]))]
        person, at = places.T
        return build_table(
            self.name,
            path,
            frames=part.first + at,
            people=person,
            keypoints=positions[person, at],
            confidence=scores.transpose(0, 2, 1)[person, at],
            skeleton=skeleton,
            payload=replace(part, places=places + [0, part.first]),
            frame_numbers=part.first + np.arange(tracks.shape[-1]),
            **attributes,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is None:
            table = in_image_pixels(table, path, self.name)
        shape, people = _placed(table, source, path)
        if source is not None:
            with updating(source.path, path) as file:
                _update(file, table, source, shape, people)
            return
        with replacing(path) as temporary, h5py.File(temporary, "w") as file:
            _create(file, table, shape, people)


def read_header(path: Path, file: h5py.File, max_bytes: int = MAX_ARRAY_BYTES) -> tuple[Skeleton, Shape]:
    """The skeleton and the shape, checked before any position is read."""
    names = texts(path, file, "node_names")
    shape: tuple[int, ...] = dataset(path, file, "tracks", max_bytes).shape
    if len(shape) != 4 or shape[1:3] != (2, len(names)):
        raise bad(path, "tracks", f"have shape (tracks, 2, {len(names)}, frames)", f"{shape}", _REMEDY)
    if shape[0] > MAX_PEOPLE:
        raise bad(path, "tracks", f"be at most {MAX_PEOPLE:,}", f"{shape[0]:,}", "join the tracks first")
    people, _, nodes, frames = shape
    scores = dataset(path, file, "point_scores", max_bytes).shape if "point_scores" in file else None
    if scores not in (None, (people, nodes, frames)):
        raise bad(path, "point_scores", f"have shape {(people, nodes, frames)}", f"{scores}", _REMEDY)
    edges = numbers(path, file, "edge_inds") if "edge_inds" in file else np.empty((0, 2))
    return _with_edges(skeleton_of_names("sleap", names), edges), (people, nodes, frames)


def _with_edges(skeleton: Skeleton, edges: np.ndarray) -> Skeleton:
    if edges.ndim != 2 or edges.shape[1:] != (2,) or not len(edges):
        return skeleton
    inside = ((edges >= 0) & (edges < skeleton.num_keypoints)).all(axis=1)
    limbs = dict.fromkeys((int(a), int(b)) for a, b in edges[inside])
    return Skeleton(skeleton.name, skeleton.keypoints, tuple(limbs))


def _placed(table: PoseTable, source: Source | None, path: Path) -> tuple[Shape, np.ndarray]:
    """The shape that holds all rows, and the person of each row."""
    if len(table.frame_numbers) and table.frame_numbers[0] < 0:
        raise bad(path, "frames", "count from 0 in this format", f"{table.frame_numbers[0]}", AS_NPZ)
    known: Shape = source.payload.shape if source else (1, table.skeleton.num_keypoints, 0)
    people = rows_people(table, source, path, {}) if source else person_slots(table.frames, table.people, {})
    last = int(table.frame_numbers[-1]) + 1 if len(table.frame_numbers) else 0
    shape = (max(known[0], int(people.max(initial=-1)) + 1), known[1], max(known[2], last))
    check_counts(path, shape[0] * shape[2], shape[1])
    return shape, people


def rows_people(table: PoseTable, source: Source, path: Path, taken: dict[int, int]) -> np.ndarray:
    """The track of each row; `taken`: see `person_columns.row_columns`."""
    people = row_columns(table, source, source.payload.places[:, 0], taken)
    if len(np.unique(np.stack([people, table.frames], axis=1), axis=0)) < len(people):
        raise bad(path, "people", "be once in a frame", "a track twice", AS_NPZ)
    return people


def _update(file: h5py.File, table: PoseTable, source: Source, shape: Shape, people: np.ndarray) -> None:
    """Writes what changed into a copy of the file; arrays grow where people or frames were added."""
    old = source.payload.shape
    if shape != old:
        _grow(file, old, shape)
    for name, rows in (("tracks", table.keypoints.transpose(0, 2, 1)), ("point_scores", table.confidence)):
        if name in file:
            values = file[name][()]
            if stored(values, rows, people, table.frames):
                file[name][...] = values
    if has_occupancy(file, shape):
        values = file["track_occupancy"][()]
        if occupied(values, table.frames, people):
            file["track_occupancy"][...] = values


def has_occupancy(file: h5py.File, shape: Shape) -> bool:
    """Whether the file says in an array [frames, people] who is in which frame."""
    found = file.get("track_occupancy")
    return isinstance(found, h5py.Dataset) and found.shape == (shape[2], shape[0])


def occupied(values: np.ndarray, frames: np.ndarray, people: np.ndarray) -> bool:
    """Sets values [frames, people] to 1 for rows; whether any was something else."""
    before = values[frames, people]
    values[frames, people] = 1
    return bool((before != 1).any())


def stored(values: np.ndarray, rows: np.ndarray, people: np.ndarray, frames: np.ndarray) -> bool:
    """Puts rows [D, ...] into values [people, ..., frames] where they differ; whether any does."""
    # Advanced indices around slices put their axis first.
    current = values[people, ..., frames]
    same = (current == rows) | (np.isnan(current) & np.isnan(rows))
    values[people, ..., frames] = np.where(same, current, rows)
    return not same.all()


def _grow(file: h5py.File, old: Shape, shape: Shape) -> None:
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


def _create(file: h5py.File, table: PoseTable, shape: Shape, people: np.ndarray) -> None:
    frames = table.frames
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
