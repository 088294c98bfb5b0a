"""Our own NPZ: everything a PoseTable has, one array an attribute."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.building import build_table, check_asked, check_counts
from kerasmooth.formats.limits import bad
from kerasmooth.formats.npz_archive import NpzFile, member_names, write_npz
from kerasmooth.formats.pose_format import PoseFormat, source_of
from kerasmooth.formats.skeleton_json import from_json, to_json
from kerasmooth.pose_table import MISSING, PROVENANCE, PoseTable

SCHEMA_VERSION = 1
_FIELDS = (
    "schema_version",
    "frames",
    "people",
    "keypoints",
    "confidence",
    "frame_numbers",
    "provenance",
    "deviation",
    "fps",
    "image_size",
    "unit",
    "y_up",
    "skeleton",
)
_REMEDY = "write the file with kerasmooth"


class NpzPoses(PoseFormat):
    """Arrays frames [D], people [D], keypoints [D, K, 2], confidence, provenance, deviation [D, K], frame_numbers [N].

    Also fps (NaN: unknown), image_size (height, width; 0: unknown), unit, y_up, skeleton (JSON), schema_version.
    """

    name = "npz"
    description = "our own NPZ: every attribute with provenance and standard deviation"
    suffix = ".npz"

    def detect(self, path: Path) -> bool:
        return path.is_file() and {"frames.npy", "keypoints.npy", "skeleton.npy"} <= set(member_names(path))

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        file = NpzFile(path)
        if file.read("schema_version", "iu").tolist() != SCHEMA_VERSION:
            received = str(file.read("schema_version").tolist())[:40]
            raise bad(path, "schema_version", f"be {SCHEMA_VERSION}", received, "update kerasmooth")
        skeleton = from_json(path, _text(file, "skeleton"))
        shape = file.header("keypoints").shape
        if len(shape) != 3 or shape[1:] != (skeleton.num_keypoints, 2):
            raise bad(path, "keypoints", f"have shape [rows, {skeleton.num_keypoints}, 2]", f"{shape}", _REMEDY)
        check_counts(path, shape[0], shape[1])
        rows = (shape[0],)
        frames, numbers = _integers(file, "frames", rows), _integers(file, "frame_numbers", None)
        if np.any(np.diff(numbers) <= 0) or not np.isin(frames, numbers).all():
            received = "numbers out of order or without those of frames"
            raise bad(path, "frame_numbers", "increase and hold every frame of frames", received, _REMEDY)
        return build_table(
            self.name,
            path,
            frames=frames,
            people=_integers(file, "people", rows),
            keypoints=_floats(file, "keypoints", shape),
            confidence=_floats(file, "confidence", shape[:2]),
            skeleton=skeleton,
            payload=file.raw(leave_out=_FIELDS),
            frame_numbers=numbers,
            fps=fps or _positive(float(_floats(file, "fps", ()))),
            image_size=image_size or _size(path, _integers(file, "image_size", (2,))),
            unit=_text(file, "unit"),
            y_up=bool(_floats(file, "y_up", ())),
            provenance=_provenance(file, shape[:2]),
            deviation=_floats(file, "deviation", shape[:2]),
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        values: dict[str, Any] = {
            "schema_version": np.int64(SCHEMA_VERSION),
            "frames": table.frames,
            "people": table.people,
            "keypoints": table.keypoints,
            "confidence": table.confidence,
            "frame_numbers": table.frame_numbers,
            "provenance": table.provenance,
            "deviation": table.deviation,
            "fps": np.float64(np.nan if table.fps is None else table.fps),
            "image_size": np.array(table.image_size or (0, 0), np.int64),
            "unit": np.str_(table.unit),
            "y_up": np.bool_(table.y_up),
            "skeleton": np.str_(to_json(table.skeleton)),
        }
        ours: list[tuple[str, np.ndarray | bytes]] = [(name, np.asarray(values[name])) for name in _FIELDS]
        write_npz(path, ours + (source.payload if source else []))


def _text(file: NpzFile, name: str) -> str:
    return str(file.read(name, "U"))


def _floats(file: NpzFile, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of numbers of a shape. Raises InputError for another shape, before it is read."""
    _check_shape(file, name, shape)
    return file.read(name).astype(np.float64)


def _integers(file: NpzFile, name: str, shape: tuple[int, ...] | None) -> np.ndarray:
    _check_shape(file, name, shape)
    return file.read(name, "iu").astype(np.int64)


def _check_shape(file: NpzFile, name: str, shape: tuple[int, ...] | None) -> None:
    received = file.header(name).shape
    if (len(received) != 1) if shape is None else (received != shape):
        raise bad(file.path, name, f"have shape {'[frames]' if shape is None else shape}", f"{received}", _REMEDY)


def _provenance(file: NpzFile, shape: tuple[int, ...]) -> np.ndarray:
    values = _integers(file, "provenance", shape)
    if values.size and not (values.min() >= 0 and values.max() <= MISSING):
        raise bad(file.path, "provenance", f"index {PROVENANCE}", f"{values.min()} to {values.max()}", _REMEDY)
    return values.astype(np.uint8)


def _positive(fps: float) -> float | None:
    return fps if 0 < fps < np.inf else None


def _size(path: Path, values: np.ndarray) -> Size | None:
    height, width = values.tolist()
    if min(height, width) < 0:
        raise bad(path, "image_size", "be (height, width)", f"{(height, width)}", _REMEDY)
    return (height, width) if min(height, width) > 0 else None
