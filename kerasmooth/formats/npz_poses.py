"""Our own NPZ: everything a PoseTable has, one array an attribute."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.building import build_table, check_asked, check_counts
from kerasmooth.formats.limits import MAX_FRAMES, bad
from kerasmooth.formats.npz_archive import NpzFile, member_names, write_npz
from kerasmooth.formats.pose_format import PoseFormat, source_of
from kerasmooth.formats.skeleton_json import from_json, to_json
from kerasmooth.pose_table import MISSING, PROVENANCE, PoseTable
from kerasmooth.skeletons import Skeleton

SCHEMA_VERSION = 1
ROWS = ("frames", "people", "keypoints", "confidence", "provenance", "deviation")
"""Arrays of all rows; a table with a depth has it beside them."""
FIELDS = (
    *("schema_version", "frames", "people", "keypoints", "confidence", "frame_numbers", "provenance", "deviation"),
    "depth",
    *("fps", "image_size", "unit", "y_up", "skeleton"),
)
_REMEDY = "write the file with kerasmooth"


class NpzPoses(PoseFormat):
    """Arrays frames [D], people [D], keypoints [D, K, 2], confidence, provenance, deviation [D, K], frame_numbers [N].

    Also fps (NaN: unknown), image_size (height, width; 0: unknown), unit, y_up, skeleton (JSON), schema_version; and
    depth [D, K] for tables that have one.
    """

    name = "npz"
    description = "our own NPZ: every attribute with provenance and standard deviation"
    suffix = ".npz"

    def detect(self, path: Path) -> bool:
        return path.is_file() and {"frames.npy", "keypoints.npy", "skeleton.npy"} <= set(member_names(path))

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        file = NpzFile(path)
        facts = read_facts(file, fps, image_size)
        check_rows(file, facts["skeleton"])
        check_counts(path, *file.header("confidence").shape)
        rows = {name: file.read(name) for name in row_names(file)}
        return self.table_of(path, rows, file.read("frame_numbers"), file.raw(leave_out=FIELDS), facts)

    def table_of(
        self, path: Path, rows: dict[str, np.ndarray], numbers: np.ndarray, payload: Any, facts: dict[str, Any]
    ) -> PoseTable:
        """The table of some of a file's rows, and of the frame numbers around them."""
        numbers, frames = numbers.astype(np.int64), rows["frames"].astype(np.int64)
        if np.any(np.diff(numbers) <= 0) or not np.isin(frames, numbers).all():
            received = "numbers out of order or without those of frames"
            raise bad(path, "frame_numbers", "increase and hold every frame of frames", received, _REMEDY)
        provenance = rows["provenance"]
        if provenance.size and not (provenance.min() >= 0 and provenance.max() <= MISSING):
            received = f"{provenance.min()} to {provenance.max()}"
            raise bad(path, "provenance", f"index {PROVENANCE}", received, _REMEDY)
        return build_table(
            self.name,
            path,
            frames=frames,
            people=rows["people"],
            keypoints=rows["keypoints"].astype(np.float64),
            confidence=rows["confidence"],
            payload=payload,
            frame_numbers=numbers,
            provenance=provenance.astype(np.uint8),
            deviation=rows["deviation"].astype(np.float64),
            depth=rows["depth"].astype(np.float64) if "depth" in rows else None,
            **facts,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        values = fields_of(table)
        write_npz(path, [*values.items(), *(source.payload if source else [])])


def fields_of(table: PoseTable) -> dict[str, np.ndarray]:
    """The arrays of a file of a table, in their order."""
    values: dict[str, Any] = {
        "schema_version": np.int64(SCHEMA_VERSION),
        "fps": np.float64(np.nan if table.fps is None else table.fps),
        "image_size": np.array(table.image_size or (0, 0), np.int64),
        "unit": np.str_(table.unit),
        "y_up": np.bool_(table.y_up),
        "skeleton": np.str_(to_json(table.skeleton)),
    }
    values |= {name: getattr(table, name) for name in FIELDS if name not in values}
    return {name: np.asarray(values[name]) for name in FIELDS if values[name] is not None}


def row_names(file: NpzFile) -> list[str]:
    """The arrays of all rows of a file: ROWS, and depth where there is one."""
    return [*ROWS, *({"depth"} & set(file.arrays))]


def read_facts(file: NpzFile, fps: float | None, image_size: Size | None) -> dict[str, Any]:
    """What is said of all rows: attributes of the table. Raises InputError for another version, or nonsense."""
    if file.read("schema_version", "iu").tolist() != SCHEMA_VERSION:
        received = str(file.read("schema_version").tolist())[:40]
        raise bad(file.path, "schema_version", f"be {SCHEMA_VERSION}", received, "update kerasmooth")
    return {
        "skeleton": from_json(file.path, _text(file, "skeleton")),
        "fps": fps or _positive(float(_small(file, "fps", ()))),
        "image_size": image_size or _size(file.path, _small(file, "image_size", (2,), "iu")),
        "unit": _text(file, "unit"),
        "y_up": bool(_small(file, "y_up", ())),
    }


def check_rows(file: NpzFile, skeleton: Skeleton) -> None:
    """Raises InputError unless the arrays of rows have the shapes and types that they should have."""
    shape = file.header("keypoints").shape
    if len(shape) != 3 or shape[1:] != (skeleton.num_keypoints, 2):
        raise bad(file.path, "keypoints", f"have shape [rows, {skeleton.num_keypoints}, 2]", f"{shape}", _REMEDY)
    for name in (*row_names(file), "frame_numbers"):
        whole = name in ("frames", "people", "frame_numbers", "provenance")
        file.check_kind(name, "iu" if whole else "biuf")
        if name not in ("keypoints", "frame_numbers"):
            _check_shape(file, name, shape[:1] if name in ("frames", "people") else shape[:2])
    numbers = file.header("frame_numbers").shape
    if len(numbers) != 1 or numbers[0] > MAX_FRAMES:
        raise bad(file.path, "frame_numbers", f"have shape [frames], at most {MAX_FRAMES:,}", f"{numbers}", _REMEDY)


def _text(file: NpzFile, name: str) -> str:
    return str(file.read(name, "U"))


def _small(file: NpzFile, name: str, shape: tuple[int, ...], kinds: str = "biuf") -> np.ndarray:
    """An array of numbers of a shape. Raises InputError for another shape, before it is read."""
    _check_shape(file, name, shape)
    return file.read(name, kinds)


def _check_shape(file: NpzFile, name: str, shape: tuple[int, ...]) -> None:
    received = file.header(name).shape
    if received != shape:
        raise bad(file.path, name, f"have shape {shape}", f"{received}", _REMEDY)


def _positive(fps: float) -> float | None:
    return fps if 0 < fps < np.inf else None


def _size(path: Path, values: np.ndarray) -> Size | None:
    height, width = values.tolist()
    if min(height, width) < 0:
        raise bad(path, "image_size", "be (height, width)", f"{(height, width)}", _REMEDY)
    return (height, width) if min(height, width) > 0 else None
