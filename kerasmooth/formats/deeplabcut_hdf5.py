"""DeepLabCut's HDF5: a pandas data frame with columns (scorer, [individual,] bodypart, coord)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.deeplabcut_csv import fresh_labels, label_layout
from kerasmooth.formats.frame_names import FrameNames, frame_names
from kerasmooth.formats.hdf5_files import holds, opened, updating
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.pytables_frame import BLOCK, frame_key, read_labels, set_length
from kerasmooth.formats.raw_poses import RawPoses
from kerasmooth.pose_table import PoseTable

_KEY = "df_with_missing"


class DeepLabCutHdf5(PoseFormat):
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
            named = [(each[1] if len(each) == 4 else "", each[-2], each[-1]) for each in labels]
            found = label_layout(path, named, first=0)
            places = found.keypoints
            check_counts(path, len(table) * len(places), places.shape[1])
            rows = table[()]
        index = rows["index"]
        if index.dtype.kind == "S":
            names = frame_names(path, "index", [text.decode("utf-8", "replace") for text in index.tolist()])
        elif index.dtype.kind in "iu":
            names = FrameNames(index.astype(np.int64), {}, None)
        else:
            raise bad(path, "index", "be whole numbers or names of images", f"{index.dtype}", "one video a file")
        values = np.where(places >= 0, rows[BLOCK][:, places], np.nan)
        raw = RawPoses(values, found.coords, names.frames, is_single=len(places) == 1)
        return Parsed(raw, found.skeleton, (path, key, names, found, []), attributes=found.attributes)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        labels, layout = fresh_labels(table, first=0)
        places, count, _ = layout.keypoints.shape
        raw = RawPoses.empty(count, layout.coords, places)
        return raw, (None, _KEY, FrameNames(raw.frames, {}, None), layout, labels)

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
            rows[BLOCK] = np.nan if old.dtype[BLOCK].base.kind == "f" else 0
            rows[: len(old)] = old
            for line in raw.further:
                rows["index"][line] = frames.name(int(raw.frames[line]))
            rows[BLOCK][:, places[places >= 0]] = raw.values[:, places >= 0]
            rows = rows[order]
            if rows.tobytes() != old.tobytes():
                set_length(path, file, key, len(rows))
                file[f"{key}/table"][...] = rows


def _write(path: Path, frame: pd.DataFrame) -> None:
    """Writes a data frame as DeepLabCut does. Raises InputError where PyTables is not installed."""
    with replacing(path) as temporary:
        try:
            frame.to_hdf(temporary, key=_KEY, format="table", mode="w")
        except ImportError:
            remedy = "pip install 'kerasmooth[formats]'"
            raise bad(path, "deeplabcut_h5", "be written by PyTables", "none", remedy) from None
