"""Our own NPZ: everything a PoseTable has, one array an attribute."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.limits import MAX_FRAMES, bad
from kerasmooth.formats.npz_archive import NpzFile, member_names, write_npz
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, RawPoses, X, Y
from kerasmooth.formats.skeleton_names import from_json, to_json
from kerasmooth.pose_table import MISSING, PROVENANCE, PoseTable

SCHEMA_VERSION = 1
_ROWS = ("frames", "people", "keypoints", "confidence", "provenance", "deviation")
"""Arrays of all rows; a table with a depth has it beside them."""
_FACTS = ("fps", "image_size", "unit", "y_up", "is_single", "skeleton")
_FIELDS = ("schema_version", *_ROWS, "frame_numbers", "depth", *_FACTS)
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
        shape, numbers = file.header("keypoints").shape, file.header("frame_numbers").shape
        if len(shape) != 3 or shape[1:] != (skeleton.num_keypoints, 2):
            raise bad(path, "keypoints", f"have shape [rows, {skeleton.num_keypoints}, 2]", f"{shape}", _REMEDY)
        if len(numbers) != 1 or numbers[0] > MAX_FRAMES:
            raise bad(path, "frame_numbers", f"have shape [frames], at most {MAX_FRAMES:,}", f"{numbers}", _REMEDY)
        check_counts(path, *shape[:2])
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys((*_ROWS, *({"depth"} & set(file.arrays))), shape[:2])
        shapes |= {"frames": shape[:1], "people": shape[:1], "keypoints": shape, "frame_numbers": numbers}
        values = {name: _array(file, name, each) for name, each in shapes.items()}
        height, width = _array(file, "image_size", (2,)).tolist()
        rate = float(_array(file, "fps", ()))
        facts: dict[str, Any] = {
            "fps": rate if 0 < rate < np.inf else None,
            "image_size": (height, width) if (height, width) != (0, 0) else None,
            "unit": str(file.read("unit", "U")),
            "y_up": bool(_array(file, "y_up", ())),
            "provenance": values["provenance"].astype(np.uint8),
            "deviation": values["deviation"],
        }
        if facts["image_size"] and min(height, width) <= 0:
            raise bad(path, "image_size", "be (height, width)", f"{facts['image_size']}"[:40], _REMEDY)
        kinds = values["provenance"]
        if kinds.size and not (kinds.min() >= 0 and kinds.max() <= MISSING):
            raise bad(path, "provenance", f"index {PROVENANCE}", f"{kinds.min()} to {kinds.max()}", _REMEDY)
        single = bool(_array(file, "is_single", ())) if "is_single" in file.arrays else False
        parts = [values["keypoints"], *(values[name][..., None] for name in ("confidence", "depth") if name in values)]
        coords = (X, Y, CONFIDENCE, DEPTH)[: len(parts) + 1]
        together = np.concatenate(parts, axis=2)[:, None]
        raw = RawPoses(together, coords, values["frames"], people=values["people"], is_single=single)
        return Parsed(raw, skeleton, file.raw(leave_out=_FIELDS), values["frame_numbers"], facts)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        return RawPoses.empty(table.skeleton.num_keypoints, (X, Y, CONFIDENCE)), []

    def save(self, path: Path, raw: RawPoses, rest: list[tuple[str, Any]], table: PoseTable) -> None:
        values: dict[str, Any] = {name: getattr(table, name) for name in _FIELDS if name != "schema_version"}
        values |= {
            "schema_version": np.int64(SCHEMA_VERSION),
            "fps": np.float64(np.nan if table.fps is None else table.fps),
            "image_size": np.array(table.image_size or (0, 0), np.int64),
            "skeleton": np.str_(to_json(table.skeleton)),
        }
        write_npz(path, [(name, np.asarray(values[name])) for name in _FIELDS if values[name] is not None] + rest)


def _array(file: NpzFile, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of this shape, checked before it is read; whole numbers where these are meant."""
    received = file.header(name).shape
    if received != shape:
        raise bad(file.path, name, f"have shape {shape}", f"{received}", _REMEDY)
    whole = name in ("frames", "people", "frame_numbers", "provenance", "image_size")
    return file.read(name, "iu" if whole else "biuf").astype(np.int64 if whole else np.float64)
