"""Parquet: tidy tables, which is what we write, and wide ones. Other columns keep their types."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.errors import InputError
from kerasmooth.formats.headings import asked_roles, keypoint_columns, roles_of
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.raw_poses import RawPoses, coords_of
from kerasmooth.formats.safe_files import MAX_ARRAY_BYTES, bad, check_file, explained, head, replacing
from kerasmooth.formats.text_table import Dialect, TextTable
from kerasmooth.formats.tidy_csv import NEEDED, Tidy, number_columns, parse_tidy, save_tidy
from kerasmooth.formats.wide_csv import parse_wide, save_wide, wide_layout
from kerasmooth.pose_table import PoseTable

_KEY = b"kerasmooth"
_FACTS = ("fps", "image_size", "unit", "y_up")
_REMEDY = "name columns frame, keypoint, x and y, or say which they are with --columns=..."
_ALWAYS_PLAUSIBLE = 256 << 20


@dataclass(frozen=True, eq=False)
class ArrowTable(TextTable):
    """A table whose other columns are of any type; `schema` is pyarrow's, of all columns."""

    schema: Any = None

    def with_lines(self, count: int) -> "TextTable":
        return replace(self, others=self.others.reindex(range(len(self.others) + count)))

    def put(self, position: int, lines: Iterable[int], texts: Iterable[Any]) -> None:
        if position in self.others.columns:
            column = self.others[position].astype(object)
            found = _pyarrow().array(list(texts), from_pandas=True).cast(self.schema.field(position).type)
            column.iloc[list(lines)] = found.to_pylist()
            self.others[position] = column

    def write(self, path: Path, values: np.ndarray, order: np.ndarray) -> None:
        """Writes the table, each column of the type that it had where its numbers fit."""
        arrow, place = _pyarrow(), {column: i for i, column in enumerate(self.positions.tolist())}
        arrays = []
        for column, field in enumerate(self.schema):
            if column not in place:
                arrays.append(arrow.array(self.others[column].iloc[order], type=field.type, from_pandas=True))
                continue
            numbers = values[order, place[column]]
            whole = np.array_equal(numbers, np.rint(numbers), equal_nan=True)
            kind = field.type if whole or "int" not in str(field.type) else arrow.float64()
            arrays.append(arrow.array(numbers, from_pandas=True).cast(kind))
        _write(path, arrow.table(arrays, names=self.schema.names), self.schema.metadata)


class ParquetTable(PoseFormat):
    """A line a keypoint (frame, keypoint, x, y), or a line a frame (nose_x, nose_y ...).

    A fresh one is `PoseTable.to_pandas`; frame rate, image size, unit, direction of y and frames without anybody are in
    its metadata.
    """

    name = "parquet"
    description = "Parquet tables of a line a keypoint (frame, keypoint, x, y), or a line a frame"
    suffix = ".parquet"
    needs = "keypoint x y"
    holds = "any"
    guesses_unit = True

    def detect(self, path: Path) -> bool:
        if head(path, 4) != b"PAR1":
            return False
        try:
            with _opened(path) as file:
                names = file.schema_arrow.names
        except InputError:
            return True  # Reading it says why.
        return set(NEEDED) <= set(roles_of(names)) or bool(keypoint_columns(names, set()))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        with _opened(path) as file:
            data = file.read()
            facts = json.loads((data.schema.metadata or {}).get(_KEY, b"{}"))
            names = data.column_names
            roles = asked_roles(path, names, columns)
            wide = None if set(NEEDED) <= set(roles) else wide_layout(path, names, columns)
            positions = number_columns(roles) if wide is None else wide.keypoints.ravel()
            table, values = _table(path, data, positions)
            parsed = parse_wide(path, table, values, wide) if wide else parse_tidy(path, table, values, roles)
            numbers = np.union1d(parsed.raw.frames, np.array(facts.pop("empty_frames", []), np.int64))
            return replace(parsed, frame_numbers=numbers, attributes={**parsed.attributes, **_checked(facts)})

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        return RawPoses.empty(table.skeleton.num_keypoints, coords_of(table)), None

    def save(self, path: Path, raw: RawPoses, rest: Any, table: PoseTable) -> None:
        if rest is not None:
            (save_tidy if isinstance(rest, Tidy) else save_wide)(path, raw, rest, table)
            return
        made = _pyarrow().Table.from_pandas(table.to_pandas(), preserve_index=False)
        facts = {name: getattr(table, name) for name in _FACTS}
        facts["empty_frames"] = np.setdiff1d(table.frame_numbers, table.frames).tolist()
        _write(path, made, {_KEY: json.dumps(facts)})


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Attributes of a table. Raises TypeError, ValueError and others where they cannot be."""
    if "unit" not in facts:
        return {}
    fps, size = facts["fps"], facts["image_size"]
    found = {"fps": float(fps) if fps else None, "image_size": (int(size[0]), int(size[1])) if size else None}
    return {**found, "unit": str(facts["unit"]), "y_up": bool(facts["y_up"])}


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
    """A pyarrow ParquetFile of a believable size."""
    _pyarrow()
    from pyarrow import parquet

    check_file(path, MAX_ARRAY_BYTES)
    with explained(path, "content", "be a Parquet file of poses"), parquet.ParquetFile(path) as file:
        rows, width = file.metadata.num_rows, file.metadata.num_columns
        claimed = rows * width * 8
        if claimed > max(_ALWAYS_PLAUSIBLE, 200 * path.stat().st_size) or claimed > MAX_ARRAY_BYTES:
            raise bad(path, "rows", "fit the size of the file", f"{rows:,} of {width:,} columns", "split the file")
        yield file


def _table(path: Path, data: Any, positions: np.ndarray) -> tuple[TextTable, np.ndarray]:
    """The other columns and the numbers [L, N] of a pyarrow table."""
    values, whole = np.full((data.num_rows, len(positions)), np.nan), np.zeros(len(positions), bool)
    for i, column in enumerate(positions.tolist()):
        if column < 0:
            continue
        kind = str(data.schema.field(column).type)
        if not kind.startswith(("int", "uint", "float", "double", "half")):
            raise bad(path, data.column_names[column], "be numbers", kind, _REMEDY)
        values[:, i] = data.column(column).to_numpy()
    others = data.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    others.columns = range(data.num_columns)
    others = others.drop(columns=[column for column in positions.tolist() if column >= 0])
    return ArrowTable([], Dialect(), positions, whole, others, data.schema), values


def _write(path: Path, table: Any, metadata: Any) -> None:
    from pyarrow import parquet

    with replacing(path) as temporary:
        parquet.write_table(table.replace_schema_metadata(metadata), temporary)
