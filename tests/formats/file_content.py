"""What is in a file or folder, as other parsers see it: numbers as numbers, so that 1.50 and 1.5 are the same."""

import csv
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def content(path: Path) -> Any:
    """Comparable with ==; NaN is a text."""
    if path.is_dir():
        return {file.name: content(file) for file in sorted(path.iterdir())}
    data = path.read_bytes()
    if data[:4] == b"PAR1":
        from pyarrow import parquet

        table = parquet.read_table(path)
        return str(table.schema), table.to_pylist()
    if data[:4] == b"\x89HDF":
        found: dict[str, Any] = {}
        with h5py.File(path) as file:
            file.visititems(lambda name, place: found.update({name: _place(place)}))
        return found
    if data[:2] == b"PK":
        with np.load(path) as archive:
            return {name: _array(archive[name]) for name in archive}
    if data[:6] == b"\x93NUMPY":
        return _array(np.load(path))
    text = data.decode("utf-8-sig")
    if text.lstrip()[:1] in ("[", "{"):
        values = [json.loads(text)] if "\n{" not in text.strip() else [json.loads(line) for line in text.splitlines()]
        return json.loads(json.dumps(values))
    mark = "," if path.suffix == ".data" else max("\t;, ", key=text.count)
    rows = csv.reader(
        (text.replace("#", ",").replace(";", ",") if path.suffix == ".data" else text).splitlines(), delimiter=mark
    )
    return [[_number(cell) for cell in row] for row in rows if any(cell.strip() for cell in row)]


def _place(place: Any) -> Any:
    attributes = {name: str(value) for name, value in place.attrs.items()}
    return (attributes, _array(place[()])) if isinstance(place, h5py.Dataset) else attributes


def _array(array: np.ndarray) -> Any:
    return str(array.dtype), array.shape, array.tobytes() if array.dtype.kind != "O" else str(array.tolist())


def _number(cell: str) -> Any:
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        return cell.strip()
    return value if value == value else "nan"
