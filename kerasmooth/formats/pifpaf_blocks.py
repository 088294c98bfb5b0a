"""Long OpenPifPaf videos, in blocks of lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kerasmooth.formats.block_file import BlockFile, WholeOnly
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.folder_blocks import without_rows
from kerasmooth.formats.json_records import Records
from kerasmooth.formats.limits import bad
from kerasmooth.formats.line_stream import LineStream, some
from kerasmooth.formats.openpifpaf import OpenPifPaf, records_of
from kerasmooth.formats.pose_format import source_of
from kerasmooth.pose_table import PoseTable


class _Lines(OpenPifPaf):
    """Reads given lines instead of those of a file."""

    def __init__(self, texts: list[str], first: int) -> None:
        self._texts, self._first = texts, first

    def _load(self, path: Path) -> Records:
        return records_of(path, self._texts, self._first)

    def text_of(self, table: PoseTable) -> bytes:
        """The lines of a table that this read, with what changed and what was added."""
        payload: Records = table.source.payload
        items, frames = self._written(table, source_of(table, self.name), payload)
        return self._text(table, items, frames, payload)


class PifPafBlocks(BlockFile):
    """One JSON value a line; the frames must increase."""

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        stream = LineStream(self.path)
        lines = (line for line in stream.lines() if line.strip())
        first, count = 1, 0
        while texts := some(lines, size):
            table = _Lines(texts, first).read(self.path, fps=self.fps, image_size=self.image_size)
            self.share = stream.share
            frames = [int(line["frame"]) for line in table.source.payload.lines]
            if (np.diff(frames) <= 0).any():
                raise WholeOnly("its frames are not in order")
            found = table.skeleton.num_keypoints if len(table.frames) else count
            count = count or found
            if found != count:
                where, received = f"lines from {first}", f"{found} after {count}"
                raise bad(self.path, f"keypoints in {where}", "be as many as before", received, "one skeleton a file")
            first += len(texts)
            yield table

    def items(self, table: PoseTable) -> list[Any]:
        return [table.skeleton] if len(table.frames) else []

    def learn(self, items: list[Any]) -> dict[str, Any]:
        return {"skeleton": items[0]} if items else {}

    def finished(self, table: PoseTable) -> PoseTable:
        skeleton = self.common.get("skeleton", table.skeleton)
        if table.skeleton.num_keypoints != skeleton.num_keypoints:
            table = without_rows(table, skeleton)
        return super().finished(table)

    @contextmanager
    def writer(self, path: Path) -> Iterator["_Writer"]:
        with replacing(path) as partial, partial.open("wb") as stream:
            yield _Writer(stream)


class _Writer:
    """Writes the lines of each block."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._form = stream, _Lines([], 1)

    def write(self, table: PoseTable) -> None:
        self._stream.write(self._form.text_of(table))
