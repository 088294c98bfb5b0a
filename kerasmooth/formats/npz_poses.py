"""Our own NPZ: everything a PoseTable has, one array an attribute."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.cells import Cells
from kerasmooth.formats.limits import MAX_FRAMES, bad
from kerasmooth.formats.npz_archive import NpzFile, member_names, write_npz
from kerasmooth.formats.pose_format import (
    Parsed,
    PoseFormat,
    Source,
    check_asked,
    check_counts,
    check_frames,
    check_positions,
    source_of,
)
from kerasmooth.formats.skeleton_json import from_json, to_json
from kerasmooth.pose_table import MISSING, PROVENANCE, PoseTable

SCHEMA_VERSION = 1
_ROWS = ("frames", "people", "keypoints", "confidence", "provenance", "deviation")
"""Arrays of all rows; a table with a depth has it beside them."""
_FACTS = ("fps", "image_size", "unit", "y_up", "is_single", "skeleton")
_FIELDS = ("schema_version", *_ROWS, "frame_numbers", "depth", *_FACTS)
_REMEDY = "write the file with kerasmooth"


class OwnFormat(PoseFormat):
    """A format of our own, which holds a table as it is."""

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        raise NotImplementedError(self.name)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        raise NotImplementedError(self.name)

    def save(self, path: Path, cells: Cells, rest: Any, table: PoseTable) -> None:
        raise NotImplementedError(self.name)

    def checked(self, path: Path, rest: Any, **attributes: Any) -> PoseTable:
        """The table of these attributes. Raises InputError for what cannot be a table."""
        frames, numbers, size = attributes["frames"], attributes["frame_numbers"], attributes["image_size"]
        if size is not None and (len(size) != 2 or not all(type(side) is int and side > 0 for side in size)):
            raise bad(path, "image_size", "be (height, width)", f"{size}"[:40], _REMEDY)
        if np.any(np.diff(numbers) <= 0) or not np.isin(frames, numbers).all():
            received = "numbers out of order or without those of frames"
            raise bad(path, "frame_numbers", "increase and hold every frame of frames", received, _REMEDY)
        check_frames(path, frames, numbers)
        check_positions(path, frames, **{name: attributes[name] for name in ("keypoints", "confidence", "depth")})
        provenance = attributes["provenance"]
        if provenance.size and not (provenance.min() >= 0 and provenance.max() <= MISSING):
            received = f"{provenance.min()} to {provenance.max()}"
            raise bad(path, "provenance", f"index {PROVENANCE}", received, _REMEDY)
        attributes["provenance"] = provenance.astype(np.uint8)
        missing = (attributes["confidence"] == 0) | np.isnan(attributes["keypoints"]).any(axis=-1)
        attributes["keypoints"][missing] = np.nan
        return PoseTable(**attributes, source=Source(self.name, path, attributes["skeleton"], None, rest))


class NpzPoses(OwnFormat):
    """Arrays frames [D], people [D], keypoints [D, K, 2], confidence, provenance, deviation [D, K], frame_numbers [N].

    Also fps (NaN: unknown), image_size (height, width; 0: unknown), unit, y_up, is_single, skeleton (JSON),
    schema_version; and depth [D, K] for tables that have one.
    """

    name = "npz"
    description = "our own NPZ: every attribute with provenance and standard deviation"
    suffix = ".npz"

    def detect(self, path: Path) -> bool:
        return path.is_file() and {"frames.npy", "keypoints.npy", "skeleton.npy"} <= set(member_names(path))

    def read(
        self,
        path: Path,
        *,
        fps: float | None = None,
        image_size: Size | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> PoseTable:
        check_asked(fps, image_size)
        file = NpzFile(path)
        if file.read("schema_version", "iu").tolist() != SCHEMA_VERSION:
            received = str(file.read("schema_version").tolist())[:40]
            raise bad(path, "schema_version", f"be {SCHEMA_VERSION}", received, "update kerasmooth")
        skeleton = from_json(path, str(file.read("skeleton", "U")))
        depth = {"depth"} & set(file.arrays)
        shape = file.header("keypoints").shape
        if len(shape) != 3 or shape[1:] != (skeleton.num_keypoints, 2):
            raise bad(path, "keypoints", f"have shape [rows, {skeleton.num_keypoints}, 2]", f"{shape}", _REMEDY)
        check_counts(path, *shape[:2])
        shapes: dict[str, tuple[int, ...]] = {
            name: shape[:1] if name in ("frames", "people") else shape[:2] for name in (*_ROWS, *depth)
        }
        shapes |= {"keypoints": shape, "fps": (), "y_up": (), "image_size": (2,)}
        numbers = file.header("frame_numbers").shape
        if len(numbers) != 1 or numbers[0] > MAX_FRAMES:
            raise bad(path, "frame_numbers", f"have shape [frames], at most {MAX_FRAMES:,}", f"{numbers}", _REMEDY)
        values = {name: _array(file, name, shapes[name]) for name in (*_ROWS, *depth, "fps", "y_up", "image_size")}
        height, width = values.pop("image_size").tolist()
        if min(height, width) < 0:
            raise bad(path, "image_size", "be (height, width)", f"{(height, width)}", _REMEDY)
        rate = float(values.pop("fps"))
        return self.checked(
            path,
            file.raw(leave_out=_FIELDS),
            **{name: values[name] for name in _ROWS},
            depth=values.get("depth"),
            frame_numbers=_array(file, "frame_numbers", numbers),
            skeleton=skeleton,
            fps=fps or (rate if 0 < rate < np.inf else None),
            image_size=image_size or ((height, width) if min(height, width) > 0 else None),
            unit=str(file.read("unit", "U")),
            y_up=bool(values.pop("y_up")),
            is_single=bool(_array(file, "is_single", ())) if "is_single" in file.arrays else False,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        values: dict[str, Any] = {name: getattr(table, name) for name in _FIELDS if name != "schema_version"}
        values |= {
            "schema_version": np.int64(SCHEMA_VERSION),
            "fps": np.float64(np.nan if table.fps is None else table.fps),
            "image_size": np.array(table.image_size or (0, 0), np.int64),
            "skeleton": np.str_(to_json(table.skeleton)),
        }
        members: list[tuple[str, Any]] = [(n, np.asarray(values[n])) for n in _FIELDS if values[n] is not None]
        write_npz(path, members + (source.rest if source else []))


def _array(file: NpzFile, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of this shape, checked before it is read; whole numbers where these are meant."""
    received = file.header(name).shape
    if received != shape:
        raise bad(file.path, name, f"have shape {shape}", f"{received}", _REMEDY)
    whole = name in ("frames", "people", "frame_numbers", "provenance", "image_size")
    array = file.read(name, "iu" if whole else "biuf")
    return array.astype(np.int64 if whole else np.float64)
