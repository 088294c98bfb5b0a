"""Parquet of other tools: tables with a line a keypoint, or a line a frame, as in CSV but with types."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.formats.bounded_files import head
from kerasmooth.formats.cells import Cells
from kerasmooth.formats.coordinates import unit_and_direction
from kerasmooth.formats.headings import asked_roles, keypoint_columns, roles
from kerasmooth.formats.limits import AS_NPZ, bad
from kerasmooth.formats.parquet_poses import is_ours, load_pyarrow, opened, write_arrow
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.text_table import Dialect, TextTable
from kerasmooth.formats.tidy_csv import COORDS, NEEDED, Tidy, parse_tidy, tidy_lines
from kerasmooth.formats.wide_csv import parse_wide, wide_lines
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "name columns frame, keypoint, x and y, or say which they are with --columns=..."


@dataclass(frozen=True, eq=False)
class ArrowTable(TextTable):
    """A table whose texts are columns of any type; `schema` is pyarrow's, of all columns."""

    schema: Any = None

    def with_lines(self, count: int) -> "TextTable":
        blank = self.texts.reindex(range(len(self.texts) + count))
        return replace(self, texts=blank)

    def put(self, position: int, lines: Iterable[int], texts: Iterable[str]) -> None:
        if position in self.texts.columns:
            arrow = load_pyarrow()
            values = arrow.array(list(texts), arrow.string()).cast(self.schema.field(position).type).to_pylist()
            column = self.texts[position].astype(object)
            column.iloc[list(lines)] = values
            self.texts[position] = column


class ParquetTables(PoseFormat):
    """A line a keypoint (frame, keypoint, x, y), or a line a frame (nose_x, nose_y ...)."""

    name = "parquet_table"
    description = "Parquet of other tools: frame, keypoint, x, y, or a line a frame"
    suffix = ".parquet"

    def detect(self, path: Path) -> bool:
        if head(path, 4) != b"PAR1" or is_ours(path):
            return False
        with opened(path) as file:
            names = file.schema_arrow.names
        return set(NEEDED) <= set(roles(names)) or bool(keypoint_columns(names, set()))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        with opened(path) as file:
            data = file.read()
        names = data.column_names
        found = asked_roles(path, names, columns)
        is_tidy = set(NEEDED) <= set(found)
        points = (
            {} if is_tidy else keypoint_columns(names, {found[role] for role in ("frame", "person") if role in found})
        )
        if not is_tidy and not points:
            raise bad(path, "columns", "be those of poses", ", ".join(names)[:60], _REMEDY)
        wanted = (
            [found[name] for name in COORDS if name in found]
            if is_tidy
            else [c for p in points.values() for c in p if c >= 0]
        )
        positions = sorted(set(wanted))
        for column in positions:
            kind = str(data.schema.field(column).type)
            if not kind.startswith(("int", "uint", "float", "double", "half")):
                raise bad(path, names[column], "be numbers", kind, _REMEDY)
        values = np.stack([data.column(column).to_numpy().astype(np.float64) for column in positions], axis=1)
        frame = data.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
        frame.columns = range(len(names))
        texts = frame.drop(columns=positions)
        whole = np.array(["int" in str(data.schema.field(column).type) for column in positions], bool)
        table = ArrowTable([], Dialect(), positions, whole, texts, len(names), data.schema)
        return (
            parse_tidy(path, table, values, found) if is_tidy else parse_wide(path, table, values, names, found, points)
        )

    def describe(self, keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
        return unit_and_direction(keypoints, skeleton)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        raise bad(
            path, "format", "be one that holds all of a table", self.name, f"write parquet (--to=parquet), or {AS_NPZ}"
        )

    def save(self, path: Path, cells: Cells, rest: Any, table: PoseTable) -> None:
        arrow = load_pyarrow()
        lines = tidy_lines if isinstance(rest, Tidy) else wide_lines
        texts, values, order = lines(cells, rest, table)
        schema = rest.table.schema
        place = {column: i for i, column in enumerate(texts.positions)}
        arrays = []
        for column, field in enumerate(schema):
            if column in place:
                numbers = values[order, place[column]]
                known = numbers[~np.isnan(numbers)]
                kind = (
                    field.type
                    if "int" not in str(field.type) or np.array_equal(known, np.rint(known))
                    else arrow.float64()
                )
                arrays.append(arrow.array(numbers, from_pandas=True).cast(kind))
            else:
                arrays.append(arrow.array(texts.texts[column].iloc[order], type=field.type, from_pandas=True))
        names = schema.names
        write_arrow(path, arrow.table(arrays, names=names).replace_schema_metadata(schema.metadata))
