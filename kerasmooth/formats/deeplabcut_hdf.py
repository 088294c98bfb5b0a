"""DeepLabCut's HDF5: a pandas data frame with columns (scorer, [individual,] bodypart, coord)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.cells import Cells
from kerasmooth.formats.deeplabcut_csv import fresh_labels, label_columns
from kerasmooth.formats.frame_names import FrameNames, frame_names
from kerasmooth.formats.hdf5_files import holds, opened, updating
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.pytables_frame import block, create_frame, frame_key, read_labels, set_length
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable

_KEY = "df_with_missing"


@dataclass(frozen=True, eq=False)
class Frame:
    """The file, the name of the data frame in it, and how frames are called; of a fresh file its columns' labels."""

    path: Path | None
    key: str
    frames: FrameNames
    labels: list[tuple[str, ...]]


class DeepLabCutHdf(PoseFormat):
    """The index are the frames, numbers or the names of images; individuals are the people. Other coords are copied."""

    name = "deeplabcut_h5"
    description = "DeepLabCut predictions as HDF5"
    suffix = ".h5"
    needs = "df_with_missing"

    def detect(self, path: Path) -> bool:
        return holds(path, lambda file: frame_key(file) is not None)

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        with opened(path) as file:
            key = frame_key(file)
            if key is None:
                raise bad(path, "content", "hold a data frame", "none", "check that it is DeepLabCut's file")
            labels, table = read_labels(path, file, key)
            named = [(label[1] if len(label) == 4 else "", label[-2], label[-1]) for label in labels]
            places, bodyparts = label_columns(path, named)
            check_counts(path, len(table) * len(places), len(bodyparts))
            rows = table[()]
        index = rows["index"]
        if index.dtype.kind == "S":
            names = frame_names(path, "index", [text.decode("utf-8", "replace") for text in index.tolist()])
        elif index.dtype.kind in "iu":
            names = FrameNames(index.astype(np.int64), {}, None)
        else:
            raise bad(path, "index", "be whole numbers or names of images", f"{index.dtype}", "one video a file")
        if len(np.unique(names.frames)) < len(index):
            raise bad(path, "index", "be different numbers", "one twice", "one video a file")
        cells = Cells(block(rows), names.frames, places, is_single=len(places) == 1)
        return Parsed(cells, skeleton_of_names("deeplabcut", bodyparts), Frame(path, key, names, []))

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        labels, columns = fresh_labels(table)
        several = bool(labels[0][0])
        full: list[tuple[str, ...]] = [("kerasmooth", *(label if several else label[1:])) for label in labels]
        cells = Cells(np.empty((0, len(labels))), np.empty(0, np.int64), columns)
        return Parsed(cells, table.skeleton, Frame(None, _KEY, FrameNames(cells.frames, {}, None), full))

    def save(self, path: Path, cells: Cells, rest: Frame, table: PoseTable) -> None:
        order = cells.in_order()
        if rest.path is None:
            several = len(rest.labels[0]) == 4
            names = ["scorer", "individuals", "bodyparts", "coords"] if several else ["scorer", "bodyparts", "coords"]
            with replacing(path) as temporary, h5py.File(temporary, "w") as file:
                create_frame(file, _KEY, rest.labels, names, cells.frames[order], cells.values[order])
            return
        with updating(rest.path, path) as file:
            old = file[f"{rest.key}/table"][()]
            rows = np.zeros(len(order), old.dtype)
            rows[: len(old)] = old
            for line in cells.further:
                rows["index"][line] = rest.frames.name(int(cells.frames[line]))
            block(rows)[:] = cells.values
            rows = rows[order]
            if rows.tobytes() != old.tobytes():
                set_length(path, file, rest.key, len(rows))
                file[f"{rest.key}/table"][...] = rows
