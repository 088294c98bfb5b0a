"""DeepLabCut's HDF5: a pandas data frame with columns (scorer, [individual,] bodypart, coord), read without unpickling.

PyTables keeps the names of the columns pickled in attributes. Only texts, numbers, lists, tuples and dicts are taken
from there: a pickle that names anything else is refused, so nothing in a file can run.
"""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from kerasmooth.formats.deeplabcut import fresh_labels, label_layout
from kerasmooth.formats.frame_names import Names, frame_names
from kerasmooth.formats.hdf5_files import dataset, holds, opened, text_attribute, updating
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.raw_poses import RawPoses
from kerasmooth.formats.safe_files import AS_NPZ, MAX_KEYPOINTS, bad, replacing
from kerasmooth.pose_table import PoseTable

_KEY = "df_with_missing"
_BLOCK = "values_block_0"
"""The numbers of each row."""
_MAX_PICKLE = 16 << 20
_REMEDY = 'save it with to_hdf(..., format="table"), or as CSV'


class DeepLabCutHdf5(PoseFormat):
    """The index are the frames, numbers or the names of images; individuals are the people. Other coords are copied."""

    name = "deeplabcut_h5"
    description = "DeepLabCut predictions as HDF5"
    suffix = ".h5"
    needs = "df_with_missing"

    def detect(self, path: Path) -> bool:
        return holds(path, lambda file: _frame_key(file) is not None)

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        with opened(path) as file:
            key = _frame_key(file)
            if key is None:
                raise bad(path, "content", "hold a data frame", "none", "check that it is DeepLabCut's file")
            labels, table = _read_labels(path, file, key)
            named = [(each[1] if len(each) == 4 else "", each[-2], each[-1]) for each in labels]
            found = label_layout(path, named, first=0)
            places = found.keypoints
            check_counts(path, len(table) * len(places), places.shape[1])
            rows = table[()]
        index = rows["index"]
        if index.dtype.kind == "S":
            names = frame_names(path, "index", [text.decode("utf-8", "replace") for text in index.tolist()])
        elif index.dtype.kind in "iu":
            names = Names(index.astype(np.int64))
        else:
            raise bad(path, "index", "be whole numbers or names of images", f"{index.dtype}", "one video a file")
        values = np.where(places >= 0, rows[_BLOCK][:, places], np.nan)
        raw = RawPoses(values, found.coords, names.numbers, is_single=len(places) == 1)
        return Parsed(raw, found.skeleton, (path, key, names, found, []), attributes=found.attributes)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        labels, layout = fresh_labels(table, first=0)
        places, count, _ = layout.keypoints.shape
        raw = RawPoses.empty(count, layout.coords, places)
        return raw, (None, _KEY, Names(), layout, labels)

    def save(self, path: Path, raw: RawPoses, rest: Any, table: PoseTable) -> None:
        """`rest`: file, name of the data frame, how frames are called, layout, labels of a fresh file."""
        source, key, frames, layout, labels = rest
        order, places = raw.in_order(), layout.keypoints
        if source is None:
            several = labels[0][0] != ""
            labels = [("kerasmooth", *(label if several else label[1:])) for label in labels]
            names = ["scorer", *(["individuals"] if several else []), "bodyparts", "coords"]
            columns = pd.MultiIndex.from_tuples(labels, names=names)
            _write(path, pd.DataFrame(raw.flat[order], index=raw.frames[order], columns=columns))
            return
        with updating(source, path) as file:
            old = file[f"{key}/table"][()]
            rows = np.zeros(len(order), old.dtype)
            rows[_BLOCK] = np.nan if old.dtype[_BLOCK].base.kind == "f" else 0
            rows[: len(old)] = old
            for line in raw.further:
                rows["index"][line] = frames.name(int(raw.frames[line]))
            rows[_BLOCK][:, places[places >= 0]] = raw.values[:, places >= 0]
            rows = rows[order]
            if rows.tobytes() != old.tobytes():
                _set_length(path, file, key, len(rows))
                # As they are: a text that fills its width would lose its end to the zero that C puts there.
                table_id = file[f"{key}/table"].id
                table_id.write(h5py.h5s.ALL, h5py.h5s.ALL, rows, table_id.get_type())


def _write(path: Path, frame: pd.DataFrame) -> None:
    """Writes a data frame as DeepLabCut does. Raises InputError where PyTables is not installed."""
    with replacing(path) as temporary:
        try:
            frame.to_hdf(temporary, key=_KEY, format="table", mode="w")
        except ImportError:
            remedy = "pip install 'kerasmooth[formats]'"
            raise bad(path, "deeplabcut_h5", "be written by PyTables", "none", remedy) from None


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")


def _plain(path: Path, name: str, data: bytes) -> Any:
    """The value of a pickle of plain values. Raises InputError for any other."""
    if not 0 < len(data) <= _MAX_PICKLE:
        raise bad(path, name, "be pickled plain values", f"{len(data):,} bytes", _REMEDY)
    try:
        return _PlainUnpickler(io.BytesIO(data)).load()
    # A damaged pickle may raise nearly anything.
    except (Exception, RecursionError) as error:
        raise bad(path, name, "be pickled plain values", f"{error}"[:60], _REMEDY) from None


def _frame_key(file: h5py.File) -> str | None:
    """Name of the first group that holds a data frame."""
    for key in list(file)[:100]:
        is_group = isinstance(file.get(key, getlink=True), h5py.HardLink) and isinstance(file[key], h5py.Group)
        if is_group and text_attribute(file[key], "pandas_type") in (b"frame_table", b"frame"):
            return str(key)
    return None


def _read_labels(path: Path, file: h5py.File, key: str) -> tuple[list[tuple[str, ...]], h5py.Dataset]:
    """The label of each column, a tuple of texts, and the table of index and values.

    Raises:
      InputError: another layout than pandas gives a frame of numbers with columns of several levels.
    """
    if text_attribute(file[key], "pandas_type") != b"frame_table":
        raise bad(path, key, "be stored as a table", "the fixed layout", _REMEDY)
    table = dataset(path, file, f"{key}/table")
    fields = table.dtype.fields or {}
    if table.ndim != 1 or set(fields) != {"index", _BLOCK}:
        raise bad(path, f"{key}/table", f"have the fields index and {_BLOCK}", f"{sorted(fields)[:5]}", _REMEDY)
    values = fields[_BLOCK][0]
    kind = values.base.kind
    labels = _plain(path, f"{_BLOCK}_kind", text_attribute(table, f"{_BLOCK}_kind"))
    valid = isinstance(labels, list) and all(
        isinstance(label, tuple) and 3 <= len(label) <= 4 and all(isinstance(part, str) for part in label)
        for label in labels
    )
    if not valid or kind not in "fiu" or values.shape != (len(labels),) or len(labels) > 300 * MAX_KEYPOINTS:
        received = f"{values.shape} of {values.base}"
        raise bad(path, f"{key}/table", "hold numbers under (scorer, bodypart, coord)", received, _REMEDY)
    return labels, table


def _set_length(path: Path, file: h5py.File, key: str, length: int) -> None:
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
