"""DeepLabCut's HDF5: a pandas data frame with columns (scorer, [individual,] bodypart, coord)."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.building import build_table, check_asked, check_counts, person_slots
from kerasmooth.formats.deeplabcut_csv import DlcHeader, fresh_columns, parse_header
from kerasmooth.formats.hdf5_files import is_hdf5, opened
from kerasmooth.formats.limits import AS_NPZ, bad
from kerasmooth.formats.pose_format import (
    PoseFormat,
    Source,
    changed_confidence,
    changed_positions,
    in_image_pixels,
    source_of,
)
from kerasmooth.formats.pytables_frame import block, create_frame, frame_key, read_labels, replace_rows
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable

_KEY = "df_with_missing"


@dataclass(frozen=True, eq=False)
class _Frame:
    """Where the data frame is, its columns, its frames int64 [L], and (line, person) of each row."""

    key: str
    header: DlcHeader
    frames: np.ndarray
    places: np.ndarray


class DeepLabCutHdf(PoseFormat):
    """The index are the frames; individuals are the people. Other coords are copied."""

    name = "deeplabcut_h5"
    description = "DeepLabCut predictions as HDF5"
    suffix = ".h5"

    def detect(self, path: Path) -> bool:
        if not is_hdf5(path):
            return False
        try:
            with h5py.File(path, "r") as file:
                return frame_key(file) is not None
        except (OSError, RuntimeError, ValueError, KeyError):
            return False

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        with opened(path) as file:
            key = frame_key(file)
            if key is None:
                raise bad(path, "content", "hold a data frame", "none", "check that it is DeepLabCut's file")
            labels, table = read_labels(path, file, key)
            # An index column is in front of the labels that the header's parser knows.
            header = parse_header(path, [("", "", ""), *(_named(label) for label in labels)])
            check_counts(path, len(table) * len(header.individuals), len(header.bodyparts))
            rows = table[()]
        frames = rows["index"].astype(np.int64)
        if rows["index"].dtype.kind not in "iu" or len(np.unique(frames)) < len(frames):
            raise bad(path, "index", "be different whole numbers", f"{rows['index'].dtype}", "one video a file")
        values = np.concatenate([np.full((len(rows), 1), np.nan), block(rows)], axis=1)
        # Column 0 is NaN: what columns that there are not point to.
        picked = values[:, np.maximum(header.columns[..., :3], 0)]
        places = np.argwhere(~np.isnan(picked[..., :2]).any(axis=-1).all(axis=-1))
        line, person = places.T
        return build_table(
            self.name,
            path,
            frames=frames[line],
            people=person,
            keypoints=picked[line, person, :, :2],
            confidence=picked[line, person, :, 2],
            skeleton=skeleton_of_names("deeplabcut", header.bodyparts),
            payload=_Frame(key, header, frames, places),
            frame_numbers=np.sort(frames),
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
        with replacing(path) as temporary:
            shutil.copyfile(source.path, temporary)
            with h5py.File(temporary, "r+") as file:
                _update(file, table, source, path)


def _named(label: tuple[str, ...]) -> tuple[str, str, str]:
    """(individual, bodypart, coord) of a column's label."""
    return (label[1] if len(label) == 4 else "", label[-2], label[-1])


def _update(file: h5py.File, table: PoseTable, source: Source, path: Path) -> None:
    """Writes what changed into a copy of the file."""
    frame: _Frame = source.payload
    rows = file[f"{frame.key}/table"][()]
    known, columns = len(source.frames), frame.header.columns
    new = np.setdiff1d(table.frame_numbers, frame.frames)
    if len(new):
        further = np.zeros(len(new), rows.dtype)
        further["index"] = new
        block(further)[:] = np.nan
        rows = np.concatenate([rows, further])
        rows = rows[np.argsort(rows["index"], kind="stable")]
    order = np.argsort(rows["index"])
    lines = order[np.searchsorted(rows["index"][order], table.frames)]
    taken = {int(p): int(s) for p, s in zip(table.people[:known], frame.places[:, 1], strict=True) if p >= 0}
    people = np.concatenate([frame.places[:, 1], person_slots(table.frames, table.people, taken)[known:]])
    if people.max(initial=0) >= len(columns):
        raise bad(
            path,
            "people",
            f"be at most {len(columns)} in this file",
            f"{people.max() + 1}",
            AS_NPZ,
        )
    moved = np.ones(table.confidence.shape, bool)
    rescored = moved.copy()
    moved[:known], rescored[:known] = changed_positions(table, source), changed_confidence(table, source)
    for changed, coords, values in ((moved, (0, 1), table.keypoints), (rescored, (2,), table.confidence[..., None])):
        row, k = np.nonzero(changed)
        for i, coord in enumerate(coords):
            at = columns[people[row], k, coord]
            # Column numbers count the index, which the block does not have.
            block(rows)[lines[row[at > 0]], at[at > 0] - 1] = values[row[at > 0], k[at > 0], i]
    if moved.any() or rescored.any() or len(new):
        replace_rows(file, frame.key, rows)
