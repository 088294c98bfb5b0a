"""Our own NPZ: everything a PoseTable has, one array an attribute."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.npz_archive import NpzFile, member_names, write_npz
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, RawPoses, X, Y
from kerasmooth.formats.safe_files import MAX_FRAMES, bad
from kerasmooth.formats.skeleton_names import from_json, to_json
from kerasmooth.pose_table import MISSING, PROVENANCE, PoseTable

SCHEMA_VERSION = 1
_ROWS = ("frames", "people", "keypoints", "confidence", "provenance", "deviation", "frame_numbers", "depth")
_FACTS = ("fps", "image_size", "unit", "y_up", "is_single", "skeleton")
_WHOLE = ("frames", "people", "frame_numbers", "provenance", "image_size")
_REMEDY = "write the file with kerasmooth"


class OwnNpz(PoseFormat):
    """Arrays frames [D], people [D], keypoints [D, K, 2], confidence, provenance, deviation [D, K], frame_numbers [N].

    Also fps (NaN: unknown), image_size (height, width; 0: unknown), unit, y_up, is_single, skeleton (JSON),
    schema_version; and depth [D, K] for tables that have one.
    """

    name = "npz"
    description = "our own NPZ: every attribute with provenance and standard deviation"
    suffix = ".npz"
    holds = "any"

    def detect(self, path: Path) -> bool:
        return path.is_file() and {"frames.npy", "keypoints.npy", "skeleton.npy"} <= set(member_names(path))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        file = NpzFile(path)
        if file.read("schema_version", "iu").tolist() != SCHEMA_VERSION:
            received = str(file.read("schema_version").tolist())[:40]
            raise bad(path, "schema_version", f"be {SCHEMA_VERSION}", received, "update kerasmooth")
        skeleton = from_json(path, str(file.read("skeleton", "U")))
        rows = len(_array(file, "frames", (-1,)))
        shape = (rows, skeleton.num_keypoints)
        shapes = dict.fromkeys(_ROWS, shape) | {"frames": (rows,), "people": (rows,), "keypoints": (*shape, 2)}
        shapes["frame_numbers"] = (-1,)
        names = [name for name in _ROWS if name != "depth" or name in file.arrays]
        values = {name: _array(file, name, shapes[name]) for name in names}
        if len(values["frame_numbers"]) > MAX_FRAMES:
            raise bad(path, "frame_numbers", f"be at most {MAX_FRAMES:,}", f"{len(values['frame_numbers'])}", _REMEDY)
        kinds, size = values["provenance"], tuple(_array(file, "image_size", (2,)).tolist())
        if kinds.size and not (kinds.min() >= 0 and kinds.max() <= MISSING):
            raise bad(path, "provenance", f"index {PROVENANCE}", f"{kinds.min()} to {kinds.max()}", _REMEDY)
        if size != (0, 0) and min(size) <= 0:
            raise bad(path, "image_size", "be (height, width)", f"{size}"[:40], _REMEDY)
        rate = float(_array(file, "fps", ()))
        facts: dict[str, Any] = {
            "fps": rate if 0 < rate < np.inf else None,
            "image_size": None if size == (0, 0) else size,
            "unit": str(file.read("unit", "U")),
            "y_up": bool(_array(file, "y_up", ())),
            "provenance": kinds.astype(np.uint8),
            "deviation": values["deviation"],
        }
        parts = [values["keypoints"], *(values[name][..., None] for name in ("confidence", "depth") if name in values)]
        raw = RawPoses(
            np.concatenate(parts, axis=2)[:, None],
            (X, Y, CONFIDENCE, DEPTH)[: len(parts) + 1],
            values["frames"],
            people=values["people"],
            is_single="is_single" in file.arrays and bool(_array(file, "is_single", ())),
        )
        rest = file.raw(leave_out=("schema_version", *_ROWS, *_FACTS))
        return Parsed(raw, skeleton, rest, values["frame_numbers"], facts)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        return RawPoses.empty(table.skeleton.num_keypoints, (X, Y, CONFIDENCE)), []

    def save(self, path: Path, raw: RawPoses, rest: list[tuple[str, Any]], table: PoseTable) -> None:
        values = {"schema_version": np.int64(SCHEMA_VERSION)} | {
            name: getattr(table, name) for name in (*_ROWS, *_FACTS)
        }
        values |= {
            "fps": np.float64(np.nan if table.fps is None else table.fps),
            "image_size": np.array(table.image_size or (0, 0), np.int64),
            "skeleton": np.str_(to_json(table.skeleton)),
        }
        write_npz(path, [(name, np.asarray(value)) for name, value in values.items() if value is not None] + rest)


def _array(file: NpzFile, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of this shape, where -1 is any length; whole numbers where these are meant."""
    found = file.read(name, "iu" if name in _WHOLE else "biuf")
    if found.ndim != len(shape) or any(want not in (-1, side) for want, side in zip(shape, found.shape, strict=True)):
        raise bad(file.path, name, f"have shape {shape}", f"{found.shape}", _REMEDY)
    return found.astype(np.int64 if name in _WHOLE else np.float64)
