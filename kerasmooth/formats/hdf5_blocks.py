"""Long HDF5 files of DeepLabCut and SLEAP, in blocks of frames."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.formats.block_file import MAX_LONG_BYTES, BlockFile, WholeOnly
from kerasmooth.formats.deeplabcut_hdf import DeepLabCutHdf, Frame, open_frame, updated_rows
from kerasmooth.formats.hdf5_files import dataset, opened, updating
from kerasmooth.formats.limits import bad
from kerasmooth.formats.pytables_frame import frame_key, set_length
from kerasmooth.formats.slabs import MAX_SLAB_BYTES, SlabWriter, check_slab, slabs
from kerasmooth.formats.sleap import SleapAnalysis, Tracks, has_occupancy, occupied, read_header, rows_people, stored
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton


def num_tracked(path: Path) -> int:
    """How many rows a file has room for, of every person in every frame; 0 for one that cannot be read."""
    try:
        with opened(path, MAX_LONG_BYTES) as file:
            key = frame_key(file)
            shape = dataset(path, file, f"{key}/table" if key else "tracks", MAX_LONG_BYTES).shape
            return int(shape[0] if len(shape) == 1 else shape[0] * shape[-1]) if shape else 0
    except InputError:
        return 0


class _Hdf5Blocks(BlockFile):
    """Positions are pixels, and the skeleton stands in the file."""

    def items(self, table: PoseTable) -> list[Any]:
        return []

    def learn(self, items: list[Any]) -> dict[str, Any]:
        return {}

    @contextmanager
    def writer(self, path: Path) -> Iterator["_RowsWriter | _TracksWriter"]:
        with updating(self.path, path) as file:
            writer = self.changes(file, path)
            yield writer
            writer.finish()

    @abstractmethod
    def changes(self, file: h5py.File, path: Path) -> "_RowsWriter | _TracksWriter":
        """Takes blocks, and changes a copy of the file, which will lie at `path`."""


class DeepLabCutHdfBlocks(_Hdf5Blocks):
    """The index must increase. In the output the rows are where they were, those of added frames among them."""

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        form = DeepLabCutHdf()
        with opened(self.path, MAX_LONG_BYTES) as file:
            key, header, array = open_frame(self.path, file, MAX_LONG_BYTES)
            for slab in slabs(len(array), check_slab(array, 0), size):
                rows = array[slab]
                for first in range(0, len(rows), size):
                    self.share = (slab.start + first) / len(array)
                    part = rows[first : first + size]
                    if (np.diff(part["index"].astype(np.int64)) <= 0).any():
                        raise WholeOnly("its frames are not in order")
                    table = form.table_of(self.path, key, header, part, self.fps, self.image_size)
                    payload = replace(table.source.payload, rows=part)
                    yield table.with_(source=replace(table.source, payload=payload))

    def changes(self, file: h5py.File, path: Path) -> "_RowsWriter":
        key, header, _ = open_frame(self.path, file, MAX_LONG_BYTES)
        return _RowsWriter(file, path, key, len(header.individuals))


class _RowsWriter:
    """Writes the rows of each block over those of a copy, further on where frames were added before."""

    def __init__(self, file: h5py.File, path: Path, key: str, people: int) -> None:
        self._path = path
        self._slabs = SlabWriter(file[f"{key}/table"], 0, lambda length: set_length(path, file, key, length))
        self._taken = {person: person for person in range(people)}
        self._added = 0

    def write(self, table: PoseTable) -> None:
        frame: Frame = table.source.payload
        rows, changed = updated_rows(frame.rows, table, table.source, self._path, self._taken)
        self._added += len(rows) - len(frame.index)
        self._slabs.write(rows, changed or self._added > 0)

    def finish(self) -> None:
        self._slabs.finish()


class SleapBlocks(_Hdf5Blocks):
    """Places in the arrays are the frames, so that these are in order."""

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        with opened(self.path, MAX_LONG_BYTES) as file:
            skeleton, shape = read_header(self.path, file, MAX_LONG_BYTES)
            arrays = {name: file[name] for name in ("tracks", "point_scores") if name in file}
            for array in arrays.values():
                _check_floats(self.path, array)
            # Mostly empty tracks may be very many.
            size = max(1, min(size, MAX_SLAB_BYTES // (32 * shape[0] * shape[1])))
            chunk = max(check_slab(array, array.ndim - 1) for array in arrays.values())
            for slab in slabs(shape[2], chunk, size):
                values = {name: array[..., slab] for name, array in arrays.items()}
                for first in range(slab.start, slab.stop, size):
                    self.share = first / shape[2]
                    place = slice(first - slab.start, min(first + size, slab.stop) - slab.start)
                    block = {name: value[..., place] for name, value in values.items()}
                    yield self._table(skeleton, Tracks(shape, np.empty((0, 2), np.int64), first, block))

    def _table(self, skeleton: Skeleton, part: Tracks) -> PoseTable:
        tracks = part.block["tracks"].astype(np.float64)
        nothing = np.broadcast_to(np.nan, (*part.shape[:2], tracks.shape[-1]))
        scores = part.block.get("point_scores", nothing).astype(np.float64)
        attributes = {"fps": self.fps, "image_size": self.image_size}
        return SleapAnalysis().table_of(self.path, skeleton, part, tracks, scores, **attributes)

    def changes(self, file: h5py.File, path: Path) -> "_TracksWriter":
        return _TracksWriter(file, path)


class _TracksWriter:
    """Writes the frames of each block over those of a copy."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._path = path
        self._slabs = {n: SlabWriter(file[n], file[n].ndim - 1) for n in ("tracks", "point_scores") if n in file}
        people, _, nodes, frames = file["tracks"].shape
        self._seen = file["track_occupancy"] if has_occupancy(file, (people, nodes, frames)) else None
        if self._seen is not None:
            self._slabs["track_occupancy"] = SlabWriter(self._seen, 0)
        self._taken = {person: person for person in range(people)}

    def write(self, table: PoseTable) -> None:
        """Raises WholeOnly where the arrays would have to grow."""
        tracks: Tracks = table.source.payload
        people = rows_people(table, table.source, self._path, self._taken)
        if people.max(initial=0) >= tracks.shape[0]:
            raise WholeOnly("it needs more tracks")
        frames, values = table.frames - tracks.first, dict(tracks.block)
        rows = {"tracks": table.keypoints.transpose(0, 2, 1), "point_scores": table.confidence}
        changed = {name: stored(values[name], rows[name], people, frames) for name in values}
        if self._seen is not None:
            values["track_occupancy"] = self._seen[tracks.first : tracks.first + values["tracks"].shape[-1]]
            changed["track_occupancy"] = occupied(values["track_occupancy"], frames, people)
        for name, value in values.items():
            self._slabs[name].write(value, changed[name])

    def finish(self) -> None:
        for slab in self._slabs.values():
            slab.finish()


def _check_floats(path: Path, array: h5py.Dataset) -> None:
    """Raises WholeOnly for positions in whole numbers, and InputError for what is no number."""
    if array.dtype.kind in "biu":
        raise WholeOnly("its positions are whole numbers")
    if array.dtype.kind != "f":
        raise bad(path, array.name.strip("/"), "hold numbers", f"dtype {array.dtype}", "export the file again")
