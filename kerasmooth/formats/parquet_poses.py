"""Our own Parquet: one row a person in a frame, five or six columns a keypoint, the rest as metadata."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.bounded_files import check_file, head, reason, replacing
from kerasmooth.formats.building import build_table, check_asked, check_counts
from kerasmooth.formats.limits import MAX_ARRAY_BYTES, MAX_FRAMES, bad
from kerasmooth.formats.pose_format import PoseFormat, source_of
from kerasmooth.formats.skeleton_json import from_json, to_json
from kerasmooth.pose_table import MISSING, PoseTable
from kerasmooth.skeletons import Skeleton

KEY = b"kerasmooth"
_SCHEMA_VERSION = 1
_FIELDS = ("x", "y", "confidence", "deviation", "provenance")
REMEDY = "write the file with kerasmooth"
_ALWAYS_PLAUSIBLE = 256 << 20


@dataclass(frozen=True, eq=False)
class _Others:
    """Columns (a pyarrow table) and metadata that are not ours."""

    columns: Any
    metadata: dict[bytes, bytes]


@dataclass(frozen=True, eq=False)
class ParquetHeader:
    """What a file says of itself: ours as `facts`, and the metadata of others."""

    facts: dict[str, Any]
    skeleton: Skeleton
    metadata: dict[bytes, bytes]


class ParquetPoses(PoseFormat):
    """Columns frame, person and, for each keypoint, NAME.x, .y, .confidence, .deviation, .provenance.

    Also NAME.depth for tables that have one.
    """

    name = "parquet"
    description = "our own Parquet: one row a person in a frame, for data frames"
    suffix = ".parquet"

    def detect(self, path: Path) -> bool:
        return path.is_file() and head(path, 4) == b"PAR1"

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        load_pyarrow()
        check_file(path, MAX_ARRAY_BYTES)
        try:
            return self._read(path, fps, image_size)
        except InputError:
            raise
        # What pyarrow raises for damaged files ranges from OSError to its own; a damaged header may be any JSON.
        except (Exception, RecursionError) as error:
            raise bad(path, "content", "be a Parquet file of poses", reason(error), REMEDY) from None

    def _read(self, path: Path, fps: float | None, image_size: Size | None) -> PoseTable:
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            header = read_header(path, file)
            rows, width = file.metadata.num_rows, file.metadata.num_columns
            check_counts(path, rows, header.skeleton.num_keypoints)
            claimed = rows * width * 8
            if claimed > max(_ALWAYS_PLAUSIBLE, 200 * path.stat().st_size) or claimed > MAX_ARRAY_BYTES:
                raise bad(path, "rows", "fit the size of the file", f"{rows:,} of {width:,} columns", "split the file")
            columns = file.read()
        numbers = _from_ranges(path, header.facts.get("frame_numbers"))
        return self.table_of(path, columns, header, numbers, fps, image_size)

    def table_of(
        self,
        path: Path,
        columns: Any,
        header: "ParquetHeader",
        frame_numbers: np.ndarray,
        fps: float | None,
        image_size: Size | None,
    ) -> PoseTable:
        """The table of some of a file's rows, a pyarrow table."""
        facts, skeleton = header.facts, header.skeleton
        fields = _fields(columns, skeleton)
        ours = _column_names(skeleton, fields)
        absent = set(ours) - set(columns.column_names)
        if absent:
            raise bad(path, "columns", f"hold {min(absent)}", f"{len(columns.column_names)} without it", REMEDY)
        values = {field: _matrix(columns, skeleton, field) for field in fields}
        size = facts.get("image_size")
        return build_table(
            self.name,
            path,
            frames=columns["frame"].to_numpy(),
            people=columns["person"].to_numpy(),
            keypoints=np.stack([values["x"], values["y"]], axis=-1),
            confidence=values["confidence"],
            skeleton=skeleton,
            payload=_Others(columns.drop_columns(ours), header.metadata),
            frame_numbers=frame_numbers,
            fps=fps or (float(facts["fps"]) if facts.get("fps") else None),
            image_size=image_size or ((int(size[0]), int(size[1])) if size else None),
            unit=str(facts.get("unit", "px")),
            y_up=bool(facts.get("y_up", False)),
            provenance=np.clip(values["provenance"], 0, MISSING).astype(np.uint8),
            deviation=values["deviation"],
            depth=values.get("depth"),
        )

    def write(self, table: PoseTable, path: Path) -> None:
        load_pyarrow()
        from pyarrow import parquet

        columns, metadata = self.columns_of(table)
        with replacing(path) as temporary:
            parquet.write_table(columns.replace_schema_metadata(metadata), temporary, compression="zstd")

    def columns_of(self, table: PoseTable) -> tuple[Any, dict[bytes, bytes]]:
        """The table as a pyarrow table, and its metadata."""
        arrow = load_pyarrow()
        source = source_of(table, self.name)
        arrays: dict[str, Any] = {"frame": table.frames, "person": table.people}
        parts = {
            "x": table.keypoints[..., 0],
            "y": table.keypoints[..., 1],
            "confidence": table.confidence,
            "deviation": table.deviation,
            "provenance": table.provenance,
        }
        if table.depth is not None:
            parts["depth"] = table.depth
        for k, keypoint in enumerate(table.skeleton.keypoints):
            arrays |= {f"{keypoint}.{field}": values[:, k] for field, values in parts.items()}
        columns = arrow.table(arrays)
        metadata = {KEY: json.dumps(_describe(table)).encode()}
        if source is not None:
            others: _Others = source.payload
            added = len(table.frames) - len(source.frames)
            for name in others.columns.column_names:
                column = others.columns[name]
                nothing = arrow.nulls(added, column.type)
                columns = columns.append_column(name, arrow.chunked_array([*column.chunks, nothing]))
            metadata |= others.metadata
        return columns, metadata


def load_pyarrow() -> Any:
    """The module pyarrow. Raises InputError where it is not installed."""
    try:
        import pyarrow
    except ImportError:
        raise InputError(
            "parquet: pyarrow must be installed, received none: pip install 'kerasmooth[formats]'"
        ) from None
    return pyarrow


def read_header(path: Path, file: Any) -> ParquetHeader:
    """What a pyarrow ParquetFile says of itself."""
    metadata = dict(file.schema_arrow.metadata or {}) | dict(file.metadata.metadata or {})
    metadata.pop(b"ARROW:schema", None)
    facts = _facts(path, metadata.pop(KEY, b""))
    return ParquetHeader(facts, from_json(path, json.dumps(facts.get("skeleton"))), metadata)


def _fields(columns: Any, skeleton: Skeleton) -> list[str]:
    """What there is of each keypoint: a depth only where the file has one of any."""
    deep = {f"{keypoint}.depth" for keypoint in skeleton.keypoints} & set(columns.column_names)
    return [*_FIELDS, "depth"] if deep else list(_FIELDS)


def _column_names(skeleton: Skeleton, fields: list[str]) -> list[str]:
    return ["frame", "person", *(f"{keypoint}.{field}" for keypoint in skeleton.keypoints for field in fields)]


def _matrix(columns: Any, skeleton: Skeleton, field: str) -> np.ndarray:
    """float64 [D, K] of one field; null is NaN."""
    names = [f"{keypoint}.{field}" for keypoint in skeleton.keypoints]
    return np.stack([columns[name].to_numpy().astype(np.float64) for name in names], axis=-1)


def _facts(path: Path, text: bytes) -> dict[str, Any]:
    facts = json.loads(text) if text else None
    if not isinstance(facts, dict):
        raise bad(path, "metadata", "say kerasmooth", "none", "save x, y arrays as NPZ instead")
    if facts.get("schema_version") != _SCHEMA_VERSION:
        received = str(facts.get("schema_version"))[:40]
        raise bad(path, "schema_version", f"be {_SCHEMA_VERSION}", received, "update kerasmooth")
    return facts


def _describe(table: PoseTable) -> dict[str, Any]:
    return {
        "schema_version": _SCHEMA_VERSION,
        "skeleton": json.loads(to_json(table.skeleton)),
        "fps": table.fps,
        "image_size": table.image_size,
        "unit": table.unit,
        "y_up": table.y_up,
        "frame_numbers": _to_ranges(table.frame_numbers),
    }


def _to_ranges(frames: np.ndarray) -> list[list[int]]:
    """[first, last] of each run of consecutive numbers."""
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > 1)
    return np.stack([frames[np.append(0, breaks + 1)], frames[np.append(breaks, len(frames) - 1)]], axis=1).tolist()


def _from_ranges(path: Path, ranges: Any) -> np.ndarray:
    bounds = np.array(ranges, np.int64).reshape(-1, 2)
    lengths = bounds[:, 1] - bounds[:, 0] + 1
    if (lengths < 1).any() or lengths.sum() > MAX_FRAMES or (lengths > MAX_FRAMES).any():
        raise bad(path, "frame_numbers", f"be at most {MAX_FRAMES:,} in order", "others", REMEDY)
    return np.concatenate([np.arange(a, b + 1) for a, b in bounds.tolist()] or [np.empty(0, np.int64)])
