"""NWB pose estimation (ndx-pose): a group PoseEstimation with a series of positions for each body part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasmooth.formats.hdf5_files import dataset, holds, numbers, opened, replace_array, text_attribute, updating
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, RawPoses, X, Y
from kerasmooth.formats.safe_files import AS_NPZ, MAX_KEYPOINTS, MAX_PEOPLE, bad
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable

_DEEPEST = 6


class Nwb(PoseFormat):
    """Each PoseEstimation is a person or animal, the times of its series are the frames. Written back only.

    A series may leave out frames in which its body part was not seen: there it has no place for a filled one either.
    """

    name = "nwb"
    description = "NWB pose estimation (ndx-pose), written back into the file it came from"
    suffix = ".nwb"

    def detect(self, path: Path) -> bool:
        return holds(path, lambda file: "nwb_version" in file.attrs and bool(_groups(file, "PoseEstimation")))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        with opened(path) as file:
            poses = _groups(file, "PoseEstimation")
            names = _names(path, poses, [_groups(file[pose], "PoseEstimationSeries") for pose in poses])
            found = {f"{pose}/{name}": _series(path, file, f"{pose}/{name}") for pose in poses for name in names}
            lines, length, fps = _lines(path, {name: times for name, (times, _) in found.items()})
            check_counts(path, length * len(poses), len(names))
            facts = _facts(file, f"{poses[0]}/{names[0]}", poses[0]) | {"fps": fps}
        width = max(parts["data"].shape[1] for _, parts in found.values())
        values = np.full((length, len(poses), len(names), width + 1), np.nan)
        for at, (series, (_, parts)) in enumerate(found.items()):
            place = (lines[series], at // len(names), at % len(names))
            values[(*place, slice(parts["data"].shape[1]))] = parts["data"]
            if "confidence" in parts:
                values[(*place, -1)] = parts["confidence"]
        coords = (*(X, Y, DEPTH)[:width], CONFIDENCE)
        raw = RawPoses(values, coords, np.arange(length), is_single=len(poses) == 1)
        rest = path, lines, {series: list(parts) for series, (_, parts) in found.items()}
        return Parsed(raw, skeleton_of_names("nwb", names), rest, attributes=facts)

    def save(self, path: Path, raw: RawPoses, rest: Any, table: PoseTable) -> None:
        """`rest`: the file, and by series (its path in the file) its lines among the poses and its arrays."""
        source, lines, series_arrays = rest
        if len(raw.further):
            received = f"frame {raw.frames[raw.known]} beyond its {raw.known} frames"
            raise bad(path, "frames", "fit the series of the file", received, AS_NPZ)
        count = raw.values.shape[2]
        with updating(source, path) as file:
            for at, (series, arrays) in enumerate(series_arrays.items()):
                values = raw.values[lines[series], at // count, at % count]
                width = file[f"{series}/data"].shape[1]
                for name in arrays:
                    part = values[:, -1] if name == "confidence" else values[:, :width]
                    replace_array(file, f"{series}/{name}", part.reshape(file[f"{series}/{name}"].shape))


def _series(path: Path, file: h5py.File, series: str) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
    """The times of a series in seconds, None without any, and its positions [T, 2 or 3] and confidence [T]."""
    shape = dataset(path, file, f"{series}/data").shape
    if len(shape) != 2 or shape[1] not in (2, 3):
        raise bad(path, f"{series}/data", "have shape (frames, 2 or 3)", f"{shape}")
    parts = {"data": numbers(path, file, f"{series}/data")}
    if "confidence" in file[series]:
        parts["confidence"] = numbers(path, file, f"{series}/confidence").ravel()
        if len(parts["confidence"]) != shape[0]:
            raise bad(path, f"{series}/confidence", f"have {shape[0]} values", f"{len(parts['confidence'])}")
    start = file[series].get("starting_time")
    if isinstance(start, h5py.Dataset) and float(start.attrs.get("rate", 0)) > 0:
        return float(start[()]) + np.arange(shape[0]) / float(start.attrs["rate"]), parts
    # Series may share the times of one of them, but of no other file.
    link = file[series].get("timestamps", getlink=True)
    times = file[series].get("timestamps") if isinstance(link, h5py.HardLink | h5py.SoftLink) else None
    if isinstance(times, h5py.Dataset) and times.shape == shape[:1] and not times.external and not times.is_virtual:
        return np.asarray(times[()], np.float64), parts
    return None, parts


def _lines(path: Path, times: dict[str, np.ndarray | None]) -> tuple[dict[str, np.ndarray], int, float | None]:
    """Which frames each series has, of how many, and frames per second."""
    known = {name: each for name, each in times.items() if each is not None}
    if len(known) < len(times):
        raise bad(path, "series", "say their times", f"{len(times) - len(known)} that do not")
    every = np.unique(np.concatenate([each.round(6) for each in known.values()]))
    fps = round(1 / float(np.median(np.diff(every[:1000]))), 3) if len(every) > 1 else None
    return {name: np.searchsorted(every, each.round(6)) for name, each in known.items()}, len(every), fps


def _groups(place: h5py.Group, kind: str, depth: int = _DEEPEST) -> list[str]:
    """Names of the groups of a type in a group of the file itself, in alphabetical order; links are not followed."""
    found: list[str] = []
    for name in sorted(place):
        if not isinstance(place.get(name, getlink=True), h5py.HardLink) or not isinstance(place[name], h5py.Group):
            continue
        if text_attribute(place[name], "neurodata_type") == kind.encode():
            found.append(name)
        elif depth and len(found) <= MAX_PEOPLE:
            found += [f"{name}/{inner}" for inner in _groups(place[name], kind, depth - 1)]
    return found


def _names(path: Path, poses: list[str], parts: list[list[str]]) -> list[str]:
    if not poses or not parts[0]:
        raise bad(path, "content", "have PoseEstimation groups with series", "none")
    if any(each != parts[0] for each in parts) or len(poses) > MAX_PEOPLE or len(parts[0]) > MAX_KEYPOINTS:
        received = f"{len(poses)} that differ"
        raise bad(path, "PoseEstimation groups", "have the same body parts", received, "one skeleton a file")
    return parts[0]


def _facts(file: h5py.File, series: str, pose: str) -> dict[str, Any]:
    """Image size and unit, where the file says them."""
    facts: dict[str, Any] = {}
    sizes = file[pose].get("dimensions")
    if isinstance(sizes, h5py.Dataset) and sizes.ndim == 2 and sizes.shape[1] == 2 and len(sizes):
        width, height = sizes[0].tolist()
        facts["image_size"] = (int(height), int(width)) if min(width, height) > 0 else None
    unit = text_attribute(file[series]["data"], "unit").decode("utf-8", "replace")
    facts["unit"] = "px" if unit.lower() in ("", "pixels", "pixel", "px") else unit[:20]
    return facts
