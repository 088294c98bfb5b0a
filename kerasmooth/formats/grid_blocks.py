"""Long files with one line a frame and columns for each keypoint, in blocks of lines."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kerasmooth import files
from kerasmooth.boxes import Size
from kerasmooth.formats.block_file import BlockFile, WholeOnly
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.csv_grid import Grid, updated_lines
from kerasmooth.formats.csv_lines import TextLines
from kerasmooth.formats.deeplabcut_csv import DeepLabCutCsv, read_header
from kerasmooth.formats.line_stream import LineStream, some
from kerasmooth.formats.trc import HEADER_LINES, Trc, complete_header, complete_times
from kerasmooth.formats.wide_csv import WideCsv
from kerasmooth.pose_table import PoseTable

CONTEXT_LINES = 256
"""Lines of the neighbouring blocks from which the times of added lines follow."""


class GridBlocks(BlockFile):
    """DeepLabCut, Lightning Pose, wide CSV and TRC: a block is the header and some of the lines behind it."""

    def __init__(
        self, form: DeepLabCutCsv | WideCsv | Trc, path: Path, fps: float | None, image_size: Size | None
    ) -> None:
        super().__init__(path, fps, image_size)
        self.form = form
        self.text = self._header()

    def _header(self) -> TextLines:
        """The header's lines, and how the text is laid out."""
        stream = LineStream(self.path)
        lines = list(islice(stream.lines(), HEADER_LINES))
        text = TextLines(self.path, lines, stream.start, stream.newline, "")
        if isinstance(self.form, DeepLabCutCsv):
            count = read_header(text)[1]
        else:
            count = HEADER_LINES if isinstance(self.form, Trc) else 1
        return replace(text, lines=lines[:count], header=count)

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        stream = LineStream(self.path)
        lines = stream.lines()
        list(islice(lines, self.text.header))
        skipped = numbered = 0
        last = None
        while block := some(lines, size):
            self.share = stream.share
            if isinstance(self.form, DeepLabCutCsv):
                _check_numbered(block)
            text = replace(self.text, lines=self.text.lines + block, skipped=skipped)
            table = _moved_on(self.form.read_text(text, self.fps, self.image_size), numbered)
            frames = table.source.payload.frames
            if (np.diff(frames) <= 0).any() or (last is not None and len(frames) and frames[0] <= last):
                raise WholeOnly("its frames are not in order")
            last = frames[-1] if len(frames) else last
            skipped += len(block)
            numbered += len(frames)
            yield table
        self.text = replace(self.text, final=stream.final)

    def items(self, table: PoseTable) -> list[str]:
        return table.source.payload.text.lines[self.text.header :]

    def learn(self, items: list[str]) -> dict[str, Any]:
        text = replace(self.text, lines=self.text.lines + items)
        table = self.form.read_text(text, self.fps, self.image_size)
        self._missing = table.source.payload.missing
        return {"unit": table.unit, "y_up": table.y_up, "fps": table.fps}

    def finished(self, table: PoseTable) -> PoseTable:
        grid: Grid = table.source.payload
        slots = {slot: slot for slot in range(len(grid.columns))}
        grid = replace(grid, missing=grid.missing or self._missing, slots=slots)
        return super().finished(table.with_(source=replace(table.source, payload=grid)))

    @contextmanager
    def writer(self, path: Path) -> Iterator["_Writer"]:
        with replacing(path) as partial:
            with partial.open("wb") as stream:
                writer = _Writer(self, stream, path)
                yield writer
                writer.finish()
            if isinstance(self.form, Trc) and writer.added:
                self._count_anew(partial, writer)

    def _count_anew(self, partial: Path, writer: "_Writer") -> None:
        """Replaces the header by one that says how many frames there are now."""
        lines = list(self.text.lines)
        complete_header(lines, writer.lines, writer.lines + writer.added)
        with files.replacing(partial) as second, second.open("wb") as target, partial.open("rb") as body:
            target.write((self.text.start + self.text.newline.join(lines)).encode())
            body.seek(len((self.text.start + self.text.newline.join(self.text.lines)).encode()))
            shutil.copyfileobj(body, target)


def _check_numbered(lines: list[str]) -> None:
    """Raises WholeOnly where the first cells are names of images: these are counted over the whole file."""
    if not all(line.split(",", 1)[0].isdigit() for line in lines if line.strip()):
        raise WholeOnly("its frames are not numbered")


def _moved_on(table: PoseTable, numbered: int) -> PoseTable:
    """The table of a block, whose frames follow those of the blocks before where lines are not numbered."""
    grid: Grid = table.source.payload
    if grid.frame_column >= 0 or not numbered:
        return table
    grid = replace(grid, frames=grid.frames + numbered)
    frames = table.frames + numbered
    source = replace(table.source, frames=frames, payload=grid)
    return table.with_(frames=frames, frame_numbers=table.frame_numbers + numbered, source=source)


@dataclass(frozen=True, eq=False)
class _Context:
    """Some lines with frames, and the frames."""

    lines: list[str]
    frames: np.ndarray


def _context(grid: Grid, part: slice) -> _Context:
    return _Context([grid.text.lines[line] for line in grid.body[part].tolist()], grid.frames[part])


class _Writer:
    """Writes block after block, each when the next one is known.

    Attributes:
      lines, added: how many lines with frames the file had, and how many were added.
    """

    def __init__(self, file: GridBlocks, stream: BinaryIO, path: Path) -> None:
        self._file, self._stream, self._path = file, stream, path
        self._held: PoseTable | None = None
        self._before: _Context | None = None
        self.lines = self.added = 0
        text = file.text
        stream.write((text.start + text.newline.join(text.lines)).encode())

    def write(self, table: PoseTable) -> None:
        if self._held is not None:
            self._put(self._held, _context(table.source.payload, slice(None, CONTEXT_LINES)))
        self._held = table

    def finish(self) -> None:
        if self._held is not None:
            self._put(self._held, None)
        self._stream.write(self._file.text.final.encode())

    def _put(self, table: PoseTable, after: _Context | None) -> None:
        grid: Grid = table.source.payload
        nothing = _Context([], np.empty(0, np.int64))
        timed = isinstance(self._file.form, Trc)
        before, after = (context if context and timed else nothing for context in (self._before, after))
        self._before = _context(grid, slice(-CONTEXT_LINES, None))
        head, count = grid.text.header, len(before.lines)
        core = grid.text.lines[head:]
        lines = [*grid.text.lines[:head], *before.lines, *core, *after.lines]
        around = head + count + len(core) + np.arange(len(after.lines))
        wide = replace(
            grid,
            text=replace(grid.text, lines=lines),
            body=np.concatenate([head + np.arange(count), grid.body + count, around]),
            frames=np.concatenate([before.frames, grid.frames, after.frames]),
            places=grid.places + [count, 0],
        )
        new = updated_lines(table, replace(table.source, payload=wide), self._path)
        if timed and len(new) > len(lines):
            complete_times(new, table.fps)
        self.lines += len(grid.body)
        self.added += len(new) - len(lines)
        new = new[head + count : len(new) - len(after.lines)]
        self._stream.write("".join(grid.text.newline + line for line in new).encode())
