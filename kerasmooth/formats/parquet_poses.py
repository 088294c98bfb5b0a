"""Parquet: our own, one row a person in a frame with all that a table has; and tidy or wide tables of other tools."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.errors import InputError
from kerasmooth.formats.bounded_files import check_file, head, reason, replacing
from kerasmooth.formats.cells import Cells
from kerasmooth.formats.coordinates import unit_and_direction
from kerasmooth.formats.headings import asked_roles, keypoint_columns, roles
from kerasmooth.formats.limits import MAX_ARRAY_BYTES, MAX_FRAMES, bad
from kerasmooth.formats.npz_poses import own_fresh, own_table
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.skeleton_json import from_json, to_json
from kerasmooth.formats.text_table import Dialect, TextTable
from kerasmooth.formats.tidy_csv import COORDS, NEEDED, Tidy, parse_tidy, tidy_lines
from kerasmooth.formats.wide_csv import parse_wide, wide_lines
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_KEY = b"kerasmooth"
_SCHEMA_VERSION = 1
_FIELDS = ("x", "y", "confidence", "deviation", "provenance")
_OWN = "write the file with kerasmooth"
_OTHERS = "name columns frame, keypoint, x and y, or say which they are with --columns=..."
_ALWAYS_PLAUSIBLE = 256 << 20


@dataclass(frozen=True, eq=False)
class Others:
    """Columns (a pyarrow table) and metadata of a file of ours that are not ours."""

    columns: Any
    metadata: dict[bytes, bytes]


@dataclass(frozen=True, eq=False)
class ArrowTable(TextTable):
    """A table whose texts are columns of any type; `schema` is pyarrow's, of all columns."""

    schema: Any = None

    def with_lines(self, count: int) -> "TextTable":
        return replace(self, texts=self.texts.reindex(range(len(self.texts) + count)))

    def put(self, position: int, lines: Iterable[int], texts: Iterable[str]) -> None:
        if position in self.texts.columns:
            arrow = _pyarrow()
            column = self.texts[position].astype(object)
            kind = self.schema.field(position).type
            column.iloc[list(lines)] = arrow.array(list(texts), arrow.string()).cast(kind).to_pylist()
            self.texts[position] = column


class ParquetPoses(PoseFormat):
    """Ours: frame, person and, for each keypoint, NAME.x, .y, .confidence, .deviation, .provenance, perhaps .depth.

    Others': a line a keypoint (frame, keypoint, x, y), or a line a frame (nose_x, nose_y ...), written back as it was.
    """

    name = "parquet"
    description = "our own Parquet, and tables of other tools: frame, keypoint, x, y, or a line a frame"
    suffix = ".parquet"

    def detect(self, path: Path) -> bool:
        if head(path, 4) != b"PAR1":
            return False
        try:
            with _opened(path) as file:
                names, ours = file.schema_arrow.names, _KEY in _metadata(file)
        except InputError:
            return True  # Reading it says why.
        return ours or set(NEEDED) <= set(roles(names)) or bool(keypoint_columns(names, set()))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        with _opened(path) as file:
            metadata = _metadata(file)
            if _KEY not in metadata:
                return _parse_table(path, file.read(), columns)
            facts = json.loads(metadata.pop(_KEY))
            if not isinstance(facts, dict) or facts.get("schema_version") != _SCHEMA_VERSION:
                received = str(facts)[:40] if not isinstance(facts, dict) else f"{facts.get('schema_version')}"[:40]
                raise bad(path, "schema_version", f"be {_SCHEMA_VERSION}", received, "update kerasmooth")
            skeleton = from_json(path, json.dumps(facts.get("skeleton")))
            check_counts(path, file.metadata.num_rows, skeleton.num_keypoints)
            return _parse_own(path, file.read(), facts, skeleton, metadata)

    def describe(self, keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
        return unit_and_direction(keypoints, skeleton)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        return own_fresh(table, None)

    def converted(self, table: PoseTable, path: Path) -> PoseTable:
        return table

    def save(self, path: Path, cells: Cells, rest: Any, table: PoseTable) -> None:
        made = _own_columns(table, rest) if rest is None or isinstance(rest, Others) else _columns(cells, rest, table)
        from pyarrow import parquet

        with replacing(path) as temporary:
            parquet.write_table(made, temporary)


def _pyarrow() -> Any:
    """The module pyarrow. Raises InputError where it is not installed."""
    try:
        import pyarrow
    except ImportError:
        remedy = "pip install 'kerasmooth[formats]'"
        raise InputError(f"parquet: pyarrow must be installed, received none: {remedy}") from None
    return pyarrow


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A pyarrow ParquetFile of a believable size. Whatever is raised inside the block becomes an InputError."""
    _pyarrow()
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
        raise bad(path, "content", "be a Parquet file of poses", reason(error), _OWN) from None


def _metadata(file: Any) -> dict[bytes, bytes]:
    metadata = dict(file.schema_arrow.metadata or {}) | dict(file.metadata.metadata or {})
    return {name: value for name, value in metadata.items() if name != b"ARROW:schema"}


def _parse_own(
    path: Path, data: Any, facts: dict[str, Any], skeleton: Skeleton, metadata: dict[bytes, bytes]
) -> Parsed:
    deep = {f"{keypoint}.depth" for keypoint in skeleton.keypoints} & set(data.column_names)
    fields = [*_FIELDS, "depth"] if deep else list(_FIELDS)
    ours = ["frame", "person", *(f"{name}.{field}" for name in skeleton.keypoints for field in fields)]
    absent = set(ours) - set(data.column_names)
    if absent:
        raise bad(path, "columns", f"hold {min(absent)}", f"{len(data.column_names)} without it", _OWN)
    values = {
        field: np.stack([data[f"{name}.{field}"].to_numpy().astype(np.float64) for name in skeleton.keypoints], axis=-1)
        for field in fields
    }
    values["keypoints"] = np.stack([values.pop("x"), values.pop("y")], axis=-1)
    for name, column in (("frames", "frame"), ("people", "person")):
        values[name] = data[column].to_numpy().astype(np.int64)
    known = {name: facts.get(name) for name in ("fps", "unit", "y_up", "is_single", "image_size")}
    known |= {"unit": str(known["unit"]), "y_up": bool(known["y_up"]), "is_single": bool(known["is_single"])}
    known["image_size"] = tuple(known["image_size"]) if known["image_size"] else None
    numbers = _from_ranges(path, facts.get("frame_numbers"))
    rest = Others(data.drop_columns(ours), metadata)
    return own_table(path, skeleton, known, rest, frame_numbers=numbers, **values)


def _own_columns(table: PoseTable, others: Others | None) -> Any:
    """Our columns of a table, and those of the file that are not ours, as a pyarrow table."""
    arrow = _pyarrow()
    arrays: dict[str, Any] = {"frame": table.frames, "person": table.people}
    parts = {"x": table.keypoints[..., 0], "y": table.keypoints[..., 1]}
    parts |= {name: getattr(table, name) for name in ("confidence", "deviation", "provenance")}
    parts |= {} if table.depth is None else {"depth": table.depth}
    for k, keypoint in enumerate(table.skeleton.keypoints):
        arrays |= {f"{keypoint}.{field}": np.ascontiguousarray(values[:, k]) for field, values in parts.items()}
    columns = arrow.table(arrays)
    facts = {name: getattr(table, name) for name in ("fps", "image_size", "unit", "y_up", "is_single")}
    facts |= {"schema_version": _SCHEMA_VERSION, "skeleton": json.loads(to_json(table.skeleton))}
    metadata = {_KEY: json.dumps({**facts, "frame_numbers": _to_ranges(table.frame_numbers)}).encode()}
    for name in others.columns.column_names if others else []:
        column = others.columns[name]  # type: ignore[union-attr]
        nothing = arrow.nulls(len(table.frames) - len(column), column.type)
        columns = columns.append_column(name, arrow.chunked_array([*column.chunks, nothing]))
    return columns.replace_schema_metadata(metadata | (others.metadata if others else {}))


def _parse_table(path: Path, data: Any, columns: Mapping[str, str]) -> Parsed:
    names = data.column_names
    found = asked_roles(path, names, columns)
    if set(NEEDED) <= set(found):
        points, wanted = {}, [found[name] for name in COORDS if name in found]
    else:
        points = keypoint_columns(names, {found[role] for role in ("frame", "person") if role in found})
        wanted = [column for each in points.values() for column in each if column >= 0]
    if not wanted:
        raise bad(path, "columns", "be those of poses", ", ".join(names)[:60], _OTHERS)
    positions = sorted(set(wanted))
    kinds = [str(data.schema.field(column).type) for column in positions]
    for column, kind in zip(positions, kinds, strict=True):
        if not kind.startswith(("int", "uint", "float", "double", "half")):
            raise bad(path, names[column], "be numbers", kind, _OTHERS)
    values = np.stack([data.column(column).to_numpy().astype(np.float64) for column in positions], axis=1)
    frame = data.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    frame.columns = range(len(names))
    whole = np.array(["int" in kind for kind in kinds], bool)
    table = ArrowTable([], Dialect(), positions, whole, frame.drop(columns=positions), len(names), data.schema)
    return parse_wide(path, table, values, names, found, points) if points else parse_tidy(path, table, values, found)


def _columns(cells: Cells, rest: Any, table: PoseTable) -> Any:
    """The columns of another tool's file as a pyarrow table, each of the type that it had where its numbers fit."""
    arrow = _pyarrow()
    texts, values, order = (tidy_lines if isinstance(rest, Tidy) else wide_lines)(cells, rest, table)
    schema, place = rest.table.schema, {column: i for i, column in enumerate(texts.positions)}
    arrays = []
    for column, field in enumerate(schema):
        if column not in place:
            arrays.append(arrow.array(texts.texts[column].iloc[order], type=field.type, from_pandas=True))
            continue
        numbers = values[order, place[column]]
        whole = np.array_equal(numbers, np.rint(numbers), equal_nan=True)
        kind = field.type if whole or "int" not in str(field.type) else arrow.float64()
        arrays.append(arrow.array(numbers, from_pandas=True).cast(kind))
    return arrow.table(arrays, names=schema.names).replace_schema_metadata(schema.metadata)


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
        raise bad(path, "frame_numbers", f"be at most {MAX_FRAMES:,} in order", "others", _OWN)
    return np.concatenate([np.arange(a, b + 1) for a, b in bounds.tolist()] or [np.empty(0, np.int64)])
