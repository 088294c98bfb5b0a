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
from kerasmooth.formats.limits import AS_NPZ, MAX_KEYPOINTS, bad

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


def read_labels(path: Path, file: h5py.File, key: str) -> tuple[list[tuple[str, ...]], h5py.Dataset]:
    """The label of each column, a tuple of texts, and the table of index and values.

    Raises:
      InputError: another layout than pandas gives a frame of numbers with columns of several levels.
    """
    if file[key].attrs.get("pandas_type") != b"frame_table":
        raise bad(path, key, "be stored as a table", "the fixed layout", _REMEDY)
    table = dataset(path, file, f"{key}/table")
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
