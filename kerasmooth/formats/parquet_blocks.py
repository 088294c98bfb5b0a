"""Long Parquet files of poses, in blocks of rows."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.block_file import MAX_LONG_BYTES, BlockFile, WholeOnly
from kerasmooth.formats.bounded_files import check_file, reason, replacing
from kerasmooth.formats.limits import MAX_FRAMES, bad
from kerasmooth.formats.parquet_poses import KEY, REMEDY, ParquetPoses, load_pyarrow, read_header
from kerasmooth.pose_table import PoseTable

GROUP_ROWS = 16_384
"""Rows that are written together."""
_BUFFER_BYTES = 1 << 20


def num_rows(path: Path) -> int:
    """How many rows a file says it has; 0 for one that cannot be read."""
    try:
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            return int(file.metadata.num_rows)
    # As for reading: pyarrow raises whatever it likes; the reader says what is wrong.
    except Exception:
        return 0


class ParquetBlocks(BlockFile):
    """Rows must be in the order of their frames; row groups may be as long as they like."""

    def __init__(self, form: ParquetPoses, path: Path, fps: float | None, image_size: Size | None) -> None:
        super().__init__(path, fps, image_size)
        self._form = form
        load_pyarrow()
        check_file(path, MAX_LONG_BYTES)

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(self.path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
                yield from self._tables(file, size)
        except (InputError, WholeOnly, GeneratorExit):
            raise
        # What pyarrow raises for damaged files ranges from OSError to its own; a damaged header may be any JSON.
        except (Exception, RecursionError) as error:
            raise bad(self.path, "content", "be a Parquet file of poses", reason(error), REMEDY) from None

    def _tables(self, file: Any, size: int) -> Iterator[PoseTable]:
        header = read_header(self.path, file)
        ranges = _Ranges(self.path, header.facts.get("frame_numbers"))
        total, seen = max(file.metadata.num_rows, 1), 0
        for columns, end in _whole_frames(file.iter_batches(batch_size=size, use_threads=False)):
            seen += len(columns)
            self.share = seen / total
            numbers = ranges.take(end)
            yield self._form.table_of(self.path, columns, header, numbers, self.fps, self.image_size)

    def items(self, table: PoseTable) -> list[Any]:
        return []

    def learn(self, items: list[Any]) -> dict[str, Any]:
        from pyarrow import parquet

        with parquet.ParquetFile(self.path) as file:
            return {"fps": read_header(self.path, file).facts.get("fps")}

    @contextmanager
    def writer(self, path: Path) -> Iterator["_Writer"]:
        with writing_parquet(path) as writer:
            yield writer


def _whole_frames(batches: Iterator[Any]) -> Iterator[tuple[Any, int | None]]:
    """(pyarrow table, the frame before which it ends) so that no frame is torn apart; None at the end."""
    import pyarrow

    rest = None
    for batch in batches:
        columns = pyarrow.Table.from_batches([batch])
        columns = pyarrow.concat_tables([rest, columns]).combine_chunks() if rest is not None else columns
        frames = columns["frame"].to_numpy()
        if not len(frames):
            continue
        if (np.diff(frames) < 0).any():
            raise WholeOnly("its frames are not in order")
        cut = int(np.searchsorted(frames, frames[-1]))
        if cut:
            yield columns.slice(0, cut), int(frames[-1])
        rest = columns.slice(cut)
    if rest is not None:
        yield rest, None


class _Ranges:
    """Frame numbers as [first, last] of each run, taken from the front."""

    def __init__(self, path: Path, ranges: Any) -> None:
        bounds = np.array(ranges, np.int64).reshape(-1, 2)
        lengths = bounds[:, 1] - bounds[:, 0] + 1
        if (lengths < 1).any() or lengths.sum() > MAX_FRAMES or (lengths > MAX_FRAMES).any():
            raise bad(path, "frame_numbers", f"be at most {MAX_FRAMES:,} in order", "others", REMEDY)
        self._bounds = bounds.tolist()
        self._at = 0

    def take(self, end: int | None) -> np.ndarray:
        """int64 [N]: those that were not taken and lie before `end`; None: all."""
        parts = [np.empty(0, np.int64)]
        while self._at < len(self._bounds) and (end is None or self._bounds[self._at][0] < end):
            first, last = self._bounds[self._at]
            until = last + 1 if end is None else min(last + 1, end)
            parts.append(np.arange(first, until))
            if until <= last:
                self._bounds[self._at][0] = until
                break
            self._at += 1
        return np.concatenate(parts)


@contextmanager
def writing_parquet(path: Path) -> Iterator["_Writer"]:
    """Writes blocks of any format as Parquet: whole when the block ends well, not at all when it does not."""
    with replacing(path) as partial:
        writer = _Writer(partial)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


class _Writer:
    """Rows go in the order of their frames, added ones among the others, so that the file can be read in blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._form = ParquetPoses()
        self._file: Any = None
        self._facts: dict[str, Any] = {}
        self._runs: list[list[int]] = []
        self._waiting: list[Any] = []

    def write(self, table: PoseTable) -> None:
        from pyarrow import parquet

        columns, metadata = self._form.columns_of(table)
        self._facts = json.loads(metadata.pop(KEY))
        for first, last in self._facts["frame_numbers"]:
            if self._runs and self._runs[-1][1] + 1 == first:
                self._runs[-1][1] = last
            else:
                self._runs.append([first, last])
        columns = columns.replace_schema_metadata(metadata).take(np.argsort(table.frames, kind="stable"))
        if self._file is None:
            self._file = parquet.ParquetWriter(self._path, columns.schema, compression="zstd")
        self._waiting.append(columns)
        if sum(len(each) for each in self._waiting) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow

        if self._waiting:
            self._file.write_table(pyarrow.concat_tables(self._waiting))
        self._waiting = []

    def finish(self) -> None:
        self._flush()
        if self._file is not None:
            self._file.add_key_value_metadata({KEY: json.dumps(self._facts | {"frame_numbers": self._runs}).encode()})

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
