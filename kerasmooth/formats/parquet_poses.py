"""Parquet: our own, one row a person in a frame with all that a table has; and tidy or wide tables of other tools."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.bounded_files import check_file, head, reason, replacing
from kerasmooth.formats.limits import MAX_ARRAY_BYTES, MAX_FRAMES, bad
from kerasmooth.formats.npz_poses import OwnFormat
from kerasmooth.formats.pose_format import check_asked, check_counts, source_of
from kerasmooth.formats.skeleton_json import from_json, to_json
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_KEY = b"kerasmooth"
_SCHEMA_VERSION = 1
_FIELDS = ("x", "y", "confidence", "deviation", "provenance")
_REMEDY = "write the file with kerasmooth"
_ALWAYS_PLAUSIBLE = 256 << 20


@dataclass(frozen=True, eq=False)
class Others:
    """Columns (a pyarrow table) and metadata that are not ours."""

    columns: Any
    metadata: dict[bytes, bytes]


class ParquetPoses(OwnFormat):
    """Columns frame, person and, for each keypoint, NAME.x, .y, .confidence, .deviation, .provenance.

    Also NAME.depth for tables that have one.
    """

    name = "parquet"
    description = "our own Parquet: one row a person in a frame, for data frames"
    suffix = ".parquet"

    def detect(self, path: Path) -> bool:
        return head(path, 4) == b"PAR1" and is_ours(path)

    def read(
        self,
        path: Path,
        *,
        fps: float | None = None,
        image_size: Size | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> PoseTable:
        check_asked(fps, image_size)
        with opened(path) as file:
            metadata = dict(file.schema_arrow.metadata or {}) | dict(file.metadata.metadata or {})
            metadata.pop(b"ARROW:schema", None)
            facts = _facts(path, metadata.pop(_KEY, b""))
            skeleton = from_json(path, json.dumps(facts.get("skeleton")))
            check_counts(path, file.metadata.num_rows, skeleton.num_keypoints)
            table = file.read()
            return self._table(path, table, facts, skeleton, metadata, fps, image_size)

    def _table(
        self,
        path: Path,
        table: Any,
        facts: dict[str, Any],
        skeleton: Skeleton,
        metadata: dict[bytes, bytes],
        fps: float | None,
        image_size: Size | None,
    ) -> PoseTable:
        deep = {f"{keypoint}.depth" for keypoint in skeleton.keypoints} & set(table.column_names)
        fields = [*_FIELDS, "depth"] if deep else list(_FIELDS)
        ours = ["frame", "person", *(f"{name}.{field}" for name in skeleton.keypoints for field in fields)]
        absent = set(ours) - set(table.column_names)
        if absent:
            raise bad(path, "columns", f"hold {min(absent)}", f"{len(table.column_names)} without it", _REMEDY)
        values = {
            field: np.stack(
                [table[f"{name}.{field}"].to_numpy().astype(np.float64) for name in skeleton.keypoints], axis=-1
            )
            for field in fields
        }
        size = facts.get("image_size")
        return self.checked(
            path,
            Others(table.drop_columns(ours), metadata),
            frames=table["frame"].to_numpy().astype(np.int64),
            people=table["person"].to_numpy().astype(np.int64),
            keypoints=np.stack([values["x"], values["y"]], axis=-1),
            confidence=values["confidence"],
            deviation=values["deviation"],
            provenance=values["provenance"],
            depth=values.get("depth"),
            frame_numbers=_from_ranges(path, facts.get("frame_numbers")),
            skeleton=skeleton,
            fps=fps or facts.get("fps"),
            image_size=image_size or (tuple(size) if size else None),
            unit=str(facts.get("unit")),
            y_up=bool(facts.get("y_up")),
            is_single=bool(facts.get("is_single")),
        )

    def write(self, table: PoseTable, path: Path) -> None:
        arrow = load_pyarrow()
        source = source_of(table, self.name)
        arrays: dict[str, Any] = {"frame": table.frames, "person": table.people}
        parts = {
            "x": table.keypoints[..., 0],
            "y": table.keypoints[..., 1],
            "confidence": table.confidence,
            "deviation": table.deviation,
            "provenance": table.provenance,
        } | ({} if table.depth is None else {"depth": table.depth})
        for k, keypoint in enumerate(table.skeleton.keypoints):
            arrays |= {f"{keypoint}.{field}": values[:, k] for field, values in parts.items()}
        columns = arrow.table(arrays)
        metadata = {_KEY: json.dumps(_describe(table)).encode()}
        if source is not None:
            others: Others = source.rest
            added = len(table.frames) - len(others.columns)
            for name in others.columns.column_names:
                column = others.columns[name]
                nothing = arrow.nulls(added, column.type)
                columns = columns.append_column(name, arrow.chunked_array([*column.chunks, nothing]))
            metadata |= others.metadata
        write_arrow(path, columns.replace_schema_metadata(metadata))


def is_ours(path: Path) -> bool:
    """Whether a Parquet file says that we wrote it; also where it cannot be opened, so that reading it says why."""
    try:
        with opened(path) as file:
            return _KEY in (dict(file.schema_arrow.metadata or {}) | dict(file.metadata.metadata or {}))
    except InputError:
        return True


def load_pyarrow() -> Any:
    """The module pyarrow. Raises InputError where it is not installed."""
    try:
        import pyarrow
    except ImportError:
        raise InputError(
            "parquet: pyarrow must be installed, received none: pip install 'kerasmooth[formats]'"
        ) from None
    return pyarrow


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A pyarrow ParquetFile of a believable size. Whatever is raised inside the block becomes an InputError."""
    load_pyarrow()
    from pyarrow import parquet

    check_file(path, MAX_ARRAY_BYTES)
    try:
        with parquet.ParquetFile(path) as file:
            rows, width = file.metadata.num_rows, file.metadata.num_columns
            claimed = rows * width * 8
            if claimed > max(_ALWAYS_PLAUSIBLE, 200 * path.stat().st_size) or claimed > MAX_ARRAY_BYTES:
                raise bad(path, "rows", "fit the size of the file", f"{rows:,} of {width:,} columns", "split the file")
            yield file
    except InputError:
        raise
    # What pyarrow raises for damaged files ranges from OSError to its own; a damaged header may be any JSON.
    except (Exception, RecursionError) as error:
        raise bad(path, "content", "be a Parquet file of poses", reason(error), _REMEDY) from None


def write_arrow(path: Path, table: Any) -> None:
    """Writes a pyarrow table whole or not at all."""
    from pyarrow import parquet

    with replacing(path) as temporary:
        parquet.write_table(table, temporary)


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
        "is_single": table.is_single,
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
        raise bad(path, "frame_numbers", f"be at most {MAX_FRAMES:,} in order", "others", _REMEDY)
    return np.concatenate([np.arange(a, b + 1) for a, b in bounds.tolist()] or [np.empty(0, np.int64)])
