"""DeepLabCut's HDF5: a pandas data frame with columns (scorer, [individual,] bodypart, coord)."""

from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.building import build_table, check_asked, check_counts
from kerasmooth.formats.deeplabcut_csv import DlcHeader, fresh_columns, parse_header
from kerasmooth.formats.hdf5_files import holds, opened, updating
from kerasmooth.formats.limits import AS_NPZ, MAX_ARRAY_BYTES, bad
from kerasmooth.formats.person_columns import row_columns
from kerasmooth.formats.pose_format import (
    PoseFormat,
    Source,
    changed_confidence,
    changed_positions,
    in_image_pixels,
    source_of,
)
from kerasmooth.formats.pytables_frame import block, create_frame, frame_key, read_labels, set_length
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable

_KEY = "df_with_missing"


@dataclass(frozen=True, eq=False)
class Frame:
    """Where the data frame is, its columns, its index int64 [L], and (line, person) of each row of the table.

    `rows` are those of a block; none are kept where the whole file was read.
    """

    key: str
    header: DlcHeader
    index: np.ndarray
    places: np.ndarray
    rows: np.ndarray = field(default_factory=lambda: np.empty(0))


class DeepLabCutHdf(PoseFormat):
    """The index are the frames; individuals are the people. Other coords are copied."""

    name = "deeplabcut_h5"
    description = "DeepLabCut predictions as HDF5"
    suffix = ".h5"

    def detect(self, path: Path) -> bool:
        return holds(path, lambda file: frame_key(file) is not None)

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        with opened(path) as file:
            key, header, table = open_frame(path, file)
            check_counts(path, len(table) * len(header.individuals), len(header.bodyparts))
            rows = table[()]
        return self.table_of(path, key, header, rows, fps, image_size)

    def table_of(
        self, path: Path, key: str, header: DlcHeader, rows: np.ndarray, fps: float | None, image_size: Size | None
    ) -> PoseTable:
        """The table of some rows of the data frame."""
        index = rows["index"].astype(np.int64)
        if len(np.unique(index)) < len(index):
            raise bad(path, "index", "be different numbers", "one twice", "one video a file")
        values = np.concatenate([np.full((len(rows), 1), np.nan), block(rows)], axis=1)
        # Column 0 is NaN: what columns that there are not point to.
        picked = values[:, np.maximum(header.columns[..., :3], 0)]
        places = np.argwhere(~np.isnan(picked[..., :2]).any(axis=-1).all(axis=-1))
        line, person = places.T
        return build_table(
            self.name,
            path,
            frames=index[line],
            people=person,
            keypoints=picked[line, person, :, :2],
            confidence=picked[line, person, :, 2],
            skeleton=skeleton_of_names("deeplabcut", header.bodyparts),
            payload=Frame(key, header, index, places),
            frame_numbers=np.sort(index),
            fps=fps,
            image_size=image_size,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is None:
            labels, frames, values = fresh_columns(in_image_pixels(table, path, self.name))
            several = bool(labels[0][0])
            names = ["scorer", "individuals", "bodyparts", "coords"] if several else ["scorer", "bodyparts", "coords"]
            full: list[tuple[str, ...]] = [("kerasmooth", *(label if several else label[1:])) for label in labels]
            with replacing(path) as temporary, h5py.File(temporary, "w") as file:
                create_frame(file, _KEY, full, names, frames, values)
            return
        with updating(source.path, path) as file:
            rows = file[f"{source.payload.key}/table"][()]
            rows, changed = updated_rows(rows, table, source, path, {})
            if changed:
                set_length(path, file, source.payload.key, len(rows))
                file[f"{source.payload.key}/table"][...] = rows


def open_frame(path: Path, file: h5py.File, max_bytes: int = MAX_ARRAY_BYTES) -> tuple[str, DlcHeader, h5py.Dataset]:
    """The name of the data frame, its columns, and the table of its rows. Raises InputError where there is none."""
    key = frame_key(file)
    if key is None:
        raise bad(path, "content", "hold a data frame", "none", "check that it is DeepLabCut's file")
    labels, table = read_labels(path, file, key, max_bytes)
    if table.dtype["index"].kind not in "iu":
        raise bad(path, "index", "be whole numbers", f"{table.dtype['index']}", "one video a file")
    # An index column is in front of the labels that the header's parser knows.
    return key, parse_header(path, [("", "", ""), *(_named(label) for label in labels)]), table


def _named(label: tuple[str, ...]) -> tuple[str, str, str]:
    """(individual, bodypart, coord) of a column's label."""
    return (label[1] if len(label) == 4 else "", label[-2], label[-1])


def updated_rows(
    rows: np.ndarray, table: PoseTable, source: Source, path: Path, taken: dict[int, int]
) -> tuple[np.ndarray, bool]:
    """The rows of the data frame that a table was read from with what changed, and whether anything did.

    `taken`: see `person_columns.row_columns`.
    """
    frame: Frame = source.payload
    known, columns = len(source.frames), frame.header.columns
    new = np.setdiff1d(table.frame_numbers, frame.index)
    if len(new):
        further = np.zeros(len(new), rows.dtype)
        further["index"] = new
        block(further)[:] = np.nan
        rows = np.concatenate([rows, further])
        rows = rows[np.argsort(rows["index"], kind="stable")]
    order = np.argsort(rows["index"])
    lines = order[np.searchsorted(rows["index"][order], table.frames)]
    people = row_columns(table, source, frame.places[:, 1], taken)
    if people.max(initial=0) >= len(columns):
        raise bad(path, "people", f"be at most {len(columns)} in this file", f"{people.max() + 1}", AS_NPZ)
    moved = np.ones(table.confidence.shape, bool)
    rescored = moved.copy()
    moved[:known], rescored[:known] = changed_positions(table, source), changed_confidence(table, source)
    for changed, coords, values in ((moved, (0, 1), table.keypoints), (rescored, (2,), table.confidence[..., None])):
        row, k = np.nonzero(changed)
        for i, coord in enumerate(coords):
            at = columns[people[row], k, coord]
            # Column numbers count the index, which the block does not have.
            block(rows)[lines[row[at > 0]], at[at > 0] - 1] = values[row[at > 0], k[at > 0], i]
    return rows, bool(moved.any() or rescored.any() or len(new))
