"""Long folders of one file a frame, in blocks of files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.block_file import BlockFile
from kerasmooth.formats.bounded_files import replacing_folder
from kerasmooth.formats.limits import bad
from kerasmooth.formats.openpose import OpenPose
from kerasmooth.formats.pose_format import source_of
from kerasmooth.formats.ultralytics_txt import UltralyticsTxt
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton


class FolderBlocks(BlockFile):
    """OpenPose and Ultralytics' labels. The names of all files are held, some 200 bytes each, and a block of files."""

    def __init__(self, form: OpenPose | UltralyticsTxt, path: Path, fps: float | None, image_size: Size | None) -> None:
        super().__init__(path, fps, image_size)
        self._form = form
        self._files, self._names = form.frames_in(path)
        self._order = np.argsort(self._names.frames, kind="stable")
        self._skeleton: Skeleton | None = None

    def _read(self, chosen: np.ndarray) -> PoseTable:
        files = [self._files[index] for index in chosen.tolist()]
        numbers = self._names.frames[chosen]
        return self._form.read_files(self.path, files, self._names, numbers, self.fps, self.image_size)

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        count = 0
        for first in range(0, len(self._order), size):
            table = self._read(self._order[first : first + size])
            self.share = min(first + size, len(self._order)) / len(self._order)
            found = table.skeleton.num_keypoints if len(table.frames) else count
            count = count or found
            if found != count:
                where = table.source.payload.files[0]
                received = f"{found} after {count}"
                raise bad(self.path / where, "keypoints", "be as many as before", received, "one skeleton a folder")
            yield table

    def items(self, table: PoseTable) -> list[str]:
        people = {file for file, _ in table.source.payload.places}
        return [table.source.payload.files[file] for file in sorted(people)]

    def learn(self, items: list[str]) -> dict[str, Any]:
        index = {name: i for i, name in enumerate(self._files)}
        table = self._read(np.array([index[name] for name in items], np.int64))
        return {"skeleton": table.skeleton}

    def finished(self, table: PoseTable) -> PoseTable:
        skeleton: Skeleton = self.common["skeleton"]
        if table.skeleton.num_keypoints != skeleton.num_keypoints:
            table = without_rows(table, skeleton)
        return super().finished(table)

    @contextmanager
    def writer(self, path: Path) -> Iterator["_Writer"]:
        with replacing_folder(path) as target:
            yield _Writer(self._form, target, path)


def without_rows(table: PoseTable, skeleton: Skeleton) -> PoseTable:
    """A block of nobody, with the skeleton of the others."""
    empty = np.empty((0, skeleton.num_keypoints))
    points = np.empty((*empty.shape, 2))
    source = replace(table.source, keypoints=points, confidence=empty)
    return table.with_(
        skeleton=skeleton,
        keypoints=points,
        confidence=empty,
        provenance=np.empty(empty.shape, np.uint8),
        deviation=empty,
        source=source,
    )


class _Writer:
    """Writes the files of each block into a folder."""

    def __init__(self, form: OpenPose | UltralyticsTxt, target: Path, path: Path) -> None:
        self._form, self._target, self._path = form, target, path

    def write(self, table: PoseTable) -> None:
        source = source_of(table, self._form.name)
        if isinstance(self._form, OpenPose):
            self._form.write_into(self._target, table, source, table.source.payload)
        else:
            self._form.write_into(self._target, table, source, self._path)
