"""NWB pose estimation (ndx-pose): a group PoseEstimation with a series of positions for each body part."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasmooth.formats.cells import CONFIDENCE, DEPTH, Cells, X, Y
from kerasmooth.formats.hdf5_files import dataset, holds, numbers, opened, replace_array, updating
from kerasmooth.formats.limits import AS_NPZ, MAX_KEYPOINTS, MAX_PEOPLE, bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable

_REMEDY = "check what wrote the file"
_DEEPEST = 6


@dataclass(frozen=True, eq=False)
class Series:
    """The file, and for each array (its path in the file) the columns of the cells that it has."""

    path: Path
    arrays: dict[str, np.ndarray]


class Nwb(PoseFormat):
    """Each PoseEstimation is a person or animal, places in the series are the frame numbers. Written back only."""

    name = "nwb"
    description = "NWB pose estimation (ndx-pose), written back into the file it came from"
    suffix = ".nwb"

    def detect(self, path: Path) -> bool:
        return holds(path, lambda file: "nwb_version" in file.attrs and bool(_groups(file, "PoseEstimation")))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        with opened(path) as file:
            poses = _groups(file, "PoseEstimation")
            parts = [_groups(file[pose], "PoseEstimationSeries") for pose in poses]
            names = _names(path, poses, parts)
            arrays: dict[str, np.ndarray] = {}
            found: list[np.ndarray] = []
            places = np.full((len(poses), len(names), 4), -1, np.int64)
            length, width = -1, 0
            for person, pose in enumerate(poses):
                for k, name in enumerate(names):
                    series = f"{pose}/{name}"
                    shape = dataset(path, file, f"{series}/data").shape
                    length = shape[0] if length < 0 and shape else length
                    if len(shape) != 2 or shape[0] != length or shape[1] not in (2, 3):
                        raise bad(path, f"{series}/data", f"have shape ({max(length, 0)}, 2 or 3)", f"{shape}", _REMEDY)
                    check_counts(path, length * len(poses), len(names))
                    block = [(f"{series}/data", (X, Y, DEPTH)[: shape[1]])]
                    if "confidence" in file[series]:
                        block.append((f"{series}/confidence", (CONFIDENCE,)))
                    for array, coords in block:
                        values = numbers(path, file, array).reshape(-1, len(coords))
                        if len(values) != length:
                            raise bad(path, array, f"have {length} values", f"{len(values)}", _REMEDY)
                        arrays[array] = width + np.arange(len(coords))
                        places[person, k, list(coords)] = arrays[array]
                        width += len(coords)
                        found.append(values)
            attributes = _facts(file, f"{poses[0]}/{names[0]}", poses[0])
        cells = Cells(np.concatenate(found, axis=1), np.arange(length), places, is_single=len(poses) == 1)
        return Parsed(cells, skeleton_of_names("nwb", names), Series(path, arrays), attributes=attributes)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        raise bad(path, "format", "be one that is made anew", "nwb, which is only written back", AS_NPZ)

    def save(self, path: Path, cells: Cells, rest: Series, table: PoseTable) -> None:
        if len(cells.further):
            received = f"frame {cells.frames[cells.known]} beyond its {cells.known} frames"
            raise bad(path, "frames", "fit the series of the file", received, AS_NPZ)
        with updating(rest.path, path) as file:
            for array, columns in rest.arrays.items():
                replace_array(file, array, cells.values[:, columns].reshape(file[array].shape))


def _groups(place: h5py.Group, kind: str, depth: int = _DEEPEST) -> list[str]:
    """Names of the groups of a type in a group of the file itself, in alphabetical order; links are not followed."""
    found: list[str] = []
    for name in sorted(place):
        if not isinstance(place.get(name, getlink=True), h5py.HardLink) or not isinstance(place[name], h5py.Group):
            continue
        its_type = place[name].attrs.get("neurodata_type", "")
        if (its_type.decode() if isinstance(its_type, bytes) else its_type) == kind:
            found.append(name)
        elif depth and len(found) <= MAX_PEOPLE:
            found += [f"{name}/{inner}" for inner in _groups(place[name], kind, depth - 1)]
    return found


def _names(path: Path, poses: list[str], parts: list[list[str]]) -> list[str]:
    if not poses or not parts[0]:
        raise bad(path, "content", "have PoseEstimation groups with series", "none", _REMEDY)
    if any(each != parts[0] for each in parts) or len(poses) > MAX_PEOPLE or len(parts[0]) > MAX_KEYPOINTS:
        raise bad(
            path,
            "PoseEstimation groups",
            "have the same body parts",
            f"{len(poses)} that differ",
            "one skeleton a file",
        )
    return parts[0]


def _facts(file: h5py.File, series: str, pose: str) -> dict[str, Any]:
    """Frame rate and image size, where the file says them."""
    facts: dict[str, Any] = {}
    start, times = file[series].get("starting_time"), file[series].get("timestamps")
    if isinstance(start, h5py.Dataset) and float(start.attrs.get("rate", 0)) > 0:
        facts["fps"] = float(start.attrs["rate"])
    elif isinstance(times, h5py.Dataset) and times.ndim == 1 and len(times) > 1:
        step = float(np.median(np.diff(times[:1000])))
        facts["fps"] = round(1 / step, 6) if step > 0 else None
    sizes = file[pose].get("dimensions")
    if isinstance(sizes, h5py.Dataset) and sizes.ndim == 2 and sizes.shape[1] == 2 and len(sizes):
        width, height = sizes[0].tolist()
        facts["image_size"] = (int(height), int(width)) if min(width, height) > 0 else None
    unit = file[series]["data"].attrs.get("unit", "pixels")
    unit = unit.decode() if isinstance(unit, bytes) else str(unit)
    facts["unit"] = "px" if unit.lower() in ("pixels", "pixel", "px") else unit[:20]
    return facts
