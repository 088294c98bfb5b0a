"""Data frames as pandas stores them in HDF5 (`DataFrame.to_hdf(format="table")`), read without unpickling objects.

PyTables keeps the names of the columns pickled in attributes. Only texts, numbers, lists, tuples and dicts are taken
from there: a pickle that names anything else is refused, so nothing in a file can run.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasmooth.formats.hdf5_files import dataset
from kerasmooth.formats.limits import AS_NPZ, MAX_ARRAY_BYTES, MAX_KEYPOINTS, bad

BLOCK = "values_block_0"
"""The numbers of each row."""
_MAX_PICKLE = 16 << 20
_REMEDY = 'save it with to_hdf(..., format="table"), or as CSV'


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")


def _plain(path: Path, name: str, data: Any) -> Any:
    """The value of a pickle of plain values. Raises InputError for any other."""
    if not isinstance(data, bytes) or len(data) > _MAX_PICKLE:
        raise bad(path, name, "be pickled plain values", f"{type(data).__name__}", _REMEDY)
    try:
        return _PlainUnpickler(io.BytesIO(data)).load()
    # A damaged pickle may raise nearly anything.
    except (Exception, RecursionError) as error:
        raise bad(path, name, "be pickled plain values", f"{error}"[:60], _REMEDY) from None


def frame_key(file: h5py.File) -> str | None:
    """Name of the first group that holds a data frame."""
    for key in list(file)[:100]:
        if isinstance(file.get(key, getlink=True), h5py.HardLink) and isinstance(file[key], h5py.Group):
            kind = file[key].attrs.get("pandas_type", b"")
            if kind in (b"frame_table", b"frame"):
                return str(key)
    return None


def read_labels(
    path: Path, file: h5py.File, key: str, max_bytes: int = MAX_ARRAY_BYTES
) -> tuple[list[tuple[str, ...]], h5py.Dataset]:
    """The label of each column, a tuple of texts, and the table of index and values, of at most so many bytes.

    Raises:
      InputError: another layout than pandas gives a frame of numbers with columns of several levels.
    """
    if file[key].attrs.get("pandas_type") != b"frame_table":
        raise bad(path, key, "be stored as a table", "the fixed layout", _REMEDY)
    table = dataset(path, file, f"{key}/table", max_bytes)
    fields = table.dtype.fields or {}
    if table.ndim != 1 or set(fields) != {"index", BLOCK}:
        raise bad(path, f"{key}/table", f"have the fields index and {BLOCK}", f"{sorted(fields)[:5]}", _REMEDY)
    values = fields[BLOCK][0]
    kind = values.base.kind
    labels = _plain(path, f"{BLOCK}_kind", table.attrs.get(f"{BLOCK}_kind"))
    valid = isinstance(labels, list) and all(
        isinstance(label, tuple) and 3 <= len(label) <= 4 and all(isinstance(part, str) for part in label)
        for label in labels
    )
    if not valid or kind not in "fiu" or values.shape != (len(labels),) or len(labels) > 300 * MAX_KEYPOINTS:
        received = f"{values.shape} of {values.base}"
        raise bad(path, f"{key}/table", "hold numbers under (scorer, bodypart, coord)", received, _REMEDY)
    return labels, table


def create_frame(
    file: h5py.File, key: str, labels: list[tuple[str, ...]], names: list[str], index: np.ndarray, values: np.ndarray
) -> None:
    """Writes what pandas reads back as a frame with these column labels (levels `names`), index and values [L, C]."""
    _attributes(file, CLASS="GROUP", PYTABLES_FORMAT_VERSION="2.1", TITLE="", VERSION="1.0")
    group = file.create_group(key)
    _attributes(group, CLASS="GROUP", TITLE="", VERSION="1.0", pandas_type="frame_table", table_type="appendable_frame")
    _attributes(group, encoding="UTF-8", errors="strict", pandas_version="0.15.2")
    group.attrs["levels"] = np.int64(1)
    pickled = {
        "data_columns": [],
        "index_cols": [(0, "index")],
        "info": {1: {"names": names, "type": "MultiIndex"}, "index": {}},
        "nan_rep": "nan",
        "non_index_axes": [(1, labels)],
        "values_cols": [BLOCK],
    }
    for name, value in pickled.items():
        group.attrs[name] = np.bytes_(pickle.dumps(value, 0))
    kind = np.dtype([("index", "<i8"), (BLOCK, "<f8", (len(labels),))])
    rows = np.zeros(len(index), kind)
    rows["index"], rows[BLOCK] = index, values
    table = group.create_dataset("table", data=rows, maxshape=(None,), chunks=(max(1, min(1024, len(rows))),))
    _attributes(table, CLASS="TABLE", TITLE="", VERSION="2.7", FIELD_0_NAME="index", FIELD_1_NAME=BLOCK)
    _attributes(table, index_kind="integer", values_block_0_dtype="float64")
    table.attrs["FIELD_0_FILL"], table.attrs["FIELD_1_FILL"] = np.int64(0), np.float64(0)
    table.attrs["NROWS"] = np.int64(len(rows))
    table.attrs[f"{BLOCK}_kind"] = np.bytes_(pickle.dumps(labels, 0))
    table.attrs[f"{BLOCK}_meta"] = np.bytes_(pickle.dumps(None, 0))


def _attributes(place: h5py.HLObject, **values: str) -> None:
    for name, value in values.items():
        # PyTables takes only UTF-8 for text; pickles stay ASCII.
        kind = h5py.string_dtype("utf-8", max(1, len(value.encode())))
        place.attrs.create(name, np.array(value.encode(), kind) if value else h5py.Empty(kind))


def set_length(path: Path, file: h5py.File, key: str, length: int) -> None:
    """Gives the table so many rows; PyTables' index of them is dropped where their number changes.

    Raises:
      InputError: it cannot grow; `path` is that of the file to write.
    """
    table = file[f"{key}/table"]
    if length == len(table):
        return
    if not table.chunks or table.maxshape[0] is not None:
        raise bad(path, f"{key}/table", "have a length that can grow", f"{len(table):,} rows for good", AS_NPZ)
    table.resize((length,))
    table.attrs["NROWS"] = np.int64(length)
    if "_i_table" in file[key]:
        del file[f"{key}/_i_table"]
