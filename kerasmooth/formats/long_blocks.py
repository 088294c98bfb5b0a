"""Long CSV files with one line a landmark, in blocks of frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.block_file import BlockFile, WholeOnly
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.csv_lines import TextLines, split
from kerasmooth.formats.line_stream import LineStream, some
from kerasmooth.formats.long_csv import (
    Landmarks,
    Long,
    LongCsv,
    checked_columns,
    directions,
    lines_in_order,
    skeleton_of,
    updated_lines,
)
from kerasmooth.pose_table import PoseTable

MAX_FRAME_LINES = 1_000_000
"""Most lines of one frame that are held."""


class LongBlocks(BlockFile):
    """Lines must be in the order of their frames, all of a frame together."""

    def __init__(self, path: Path, fps: float | None, image_size: Size | None) -> None:
        super().__init__(path, fps, image_size)
        stream = LineStream(path)
        self.text = TextLines(path, some(stream.lines(), 1) or [""], stream.start, stream.newline, "", header=1)
        self._frame = checked_columns(self.text, split(self.text.lines[0]))["frame"]
        self._landmarks: Landmarks | None = None
        self._range: tuple[int, int] | None = None

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        stream = LineStream(self.path)
        lines = stream.lines()
        skipped = len(some(lines, 1)) - 1
        for block in self._whole_frames(lines, size * Landmarks().count):
            text = replace(self.text, lines=self.text.lines + block, skipped=skipped)
            self.share = stream.share
            table = LongCsv().read_text(text, self.fps, self.image_size, self._landmarks)
            if (np.diff(lines_in_order(table.source)[1]) < 0).any():
                raise WholeOnly("its frames are not in order")
            self._note(table)
            skipped += len(block)
            yield table
        self.text = replace(self.text, final=stream.final)

    def _whole_frames(self, lines: Iterator[str], count: int) -> Iterator[list[str]]:
        """`count` lines and more, so that no frame is torn apart."""
        rest: list[str] = []
        while more := some(lines, count):
            block = rest + more
            cut = self._last_frame(block)
            if len(block) - cut > MAX_FRAME_LINES:
                raise WholeOnly("one of its frames has very many lines")
            if cut:
                yield block[:cut]
            rest = block[cut:]
        if rest:
            yield rest

    def _last_frame(self, lines: list[str]) -> int:
        """Where the last frame begins."""
        first, last = 0, None
        for at in range(len(lines) - 1, -1, -1):
            if lines[at].strip():
                frame = split(lines[at])[self._frame : self._frame + 1]
                last = frame if last is None else last
                if frame != last:
                    break
                first = at
        return first if last is not None else 0

    def _note(self, table: PoseTable) -> None:
        """Remembers which landmarks there are."""
        long: Long = table.source.payload
        found = np.flatnonzero((long.lines >= 0).any(axis=0)) + long.landmarks.first
        if len(found):
            lowest, highest = self._range or (found[0], found[-1])
            self._range = (int(min(lowest, found[0])), int(max(highest, found[-1])))

    def items(self, table: PoseTable) -> list[np.ndarray]:
        """Of each row, the positions by number."""
        first = table.source.payload.landmarks.first
        return [np.concatenate([np.full((first, 2), np.nan), row]) for row in table.keypoints]

    def learn(self, items: list[np.ndarray]) -> dict[str, Any]:
        self._landmarks = Landmarks.between(*self._range) if self._range else Landmarks()
        keypoints = np.full((len(items), self._landmarks.count, 2), np.nan)
        for points, item in zip(keypoints, items, strict=True):
            row = item[self._landmarks.first :]
            points[: len(row)] = row
        return directions(keypoints, skeleton_of(self._landmarks.count))

    @contextmanager
    def writer(self, path: Path) -> Iterator["_Writer"]:
        with replacing(path) as partial, partial.open("wb") as stream:
            stream.write((self.text.start + self.text.lines[0]).encode())
            yield _Writer(stream)
            stream.write(self.text.final.encode())


class _Writer:
    """Writes the lines of each block."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, table: PoseTable) -> None:
        newline = table.source.payload.text.newline
        lines = updated_lines(table, table.source)
        self._stream.write("".join(newline + line for line in lines[1:]).encode())
