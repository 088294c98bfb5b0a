"""SLEAP's analysis HDF5: tracks of instances, one array for all frames. Its analysis CSV is in `wide_csv`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasmooth.formats.hdf5_files import (
    dataset,
    different_names,
    holds,
    numbers,
    opened,
    replace_array,
    text_attribute,
    updating,
)
from kerasmooth.formats.people import places_of
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.raw_poses import CONFIDENCE, RawPoses, X, Y
from kerasmooth.formats.safe_files import MAX_PEOPLE, bad
from kerasmooth.formats.skeleton_names import skeleton_of_names, with_links
from kerasmooth.pose_table import PoseTable


class SleapAnalysis(PoseFormat):
    """Tracks are the people, places in the array the frame numbers; point_scores, if there are, the confidence."""

    name = "sleap"
    description = "SLEAP analysis HDF5"
    suffix = ".h5"
    needs = "tracks node_names"
    counts_from_zero = True

    def detect(self, path: Path) -> bool:
        return holds(path, lambda file: "tracks" in file and "node_names" in file)

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        with opened(path) as file:
            dims = text_attribute(dataset(path, file, "tracks"), "dims").decode()
            if dims and re.findall("[a-z]+", dims) != ["track", "xy", "node", "frame"]:
                raise bad(path, "tracks", "be of track, xy, node, frame", dims[:60], 'export it with preset="matlab"')
            names = different_names(path, file, "node_names")
            people, _, nodes, length = dataset(path, file, "tracks", (-1, 2, len(names), -1)).shape
            if people > MAX_PEOPLE:
                raise bad(path, "tracks", f"be at most {MAX_PEOPLE:,}", f"{people:,}", "join the tracks first")
            # -> [frame, person, node, coordinate]
            values = numbers(path, file, "tracks").transpose(3, 0, 2, 1)
            if "point_scores" in file:
                scores = numbers(path, file, "point_scores", (people, nodes, length))
                values = np.concatenate([values, scores.transpose(2, 0, 1)[..., None]], axis=-1)
            called = different_names(path, file, "track_names") if len(file.get("track_names", ())) == people else []
            edges = numbers(path, file, "edge_inds") if "edge_inds" in file else None
        coords = (X, Y, CONFIDENCE)[: values.shape[-1]]
        raw = RawPoses(values, coords, np.arange(length), can_grow=True, is_single=people == 1)
        attributes = {"person_names": dict(enumerate(called)), "first_frame": 0}
        return Parsed(raw, with_links(skeleton_of_names("sleap", names), edges), path, attributes=attributes)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        return RawPoses.empty(table.skeleton.num_keypoints, (X, Y, CONFIDENCE), places_of(table)), None

    def save(self, path: Path, raw: RawPoses, rest: Path | None, table: PoseTable) -> None:
        # -> [person, coordinate, node, frame]
        values = raw.values[raw.in_order()].transpose(1, 3, 2, 0)
        tracks = values[:, :2]
        arrays: dict[str, Any] = {"tracks": tracks}
        if CONFIDENCE in raw.coords:
            arrays["point_scores"] = values[:, 2]
        with updating(rest, path) as file:
            if rest is not None:
                _update(file, arrays)
                return
            names = np.array([name.encode() for name in table.skeleton.keypoints])
            edges = np.array(table.skeleton.limbs, np.int64).reshape(-1, 2)
            arrays |= {
                # All that SLEAP's own readers ask for.
                "instance_scores": np.nan_to_num(values[:, 2]).mean(axis=1),
                "tracking_scores": np.full(tracks.shape[::3], np.nan),
                "track_occupancy": _occupied(tracks).astype(np.uint8),
                "track_names": np.array([f"track_{i}" for i in range(len(tracks))], dtype="S"),
                "node_names": names,
                "edge_inds": edges,
                "edge_names": names[edges],
            }
            for name, array in arrays.items():
                packed = "gzip" if array.ndim > 1 and array.size else None
                file.create_dataset(name, data=array, compression=packed)


def _occupied(tracks: np.ndarray) -> np.ndarray:
    """bool [frames, people]."""
    return ~np.isnan(tracks).all(axis=(1, 2)).T


def _update(file: h5py.File, arrays: dict[str, np.ndarray]) -> None:
    """Writes new arrays into a copy of the file; what runs over people and frames too grows with them."""
    old, new = file["tracks"].shape, arrays["tracks"].shape
    (people, frames), (more_people, more_frames) = (old[0], old[3]), (new[0], new[3])
    for name in ("instance_scores", "tracking_scores"):
        if name in file and file[name].shape == (people, frames):
            grown = np.full((more_people, more_frames), np.nan, file[name].dtype)
            grown[:people, :frames] = file[name][()]
            replace_array(file, name, grown)
    if "track_occupancy" in file and file["track_occupancy"].shape == (frames, people):
        occupied = np.zeros((more_frames, more_people), file["track_occupancy"].dtype)
        occupied[:frames, :people] = file["track_occupancy"][()]
        occupied[_occupied(arrays["tracks"])] = 1
        replace_array(file, "track_occupancy", occupied)
    if "track_names" in file and more_people > people:
        names = [*file["track_names"][()], *(f"track_{i}".encode() for i in range(people, more_people))]
        replace_array(file, "track_names", np.array(names, dtype="S"))
    for name, array in arrays.items():
        replace_array(file, name, array)
