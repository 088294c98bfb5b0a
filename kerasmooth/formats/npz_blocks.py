"""Long NPZ files of ours, in blocks of rows; and blocks of any format written as one."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.formats.block_file import MAX_LONG_BYTES, BlockFile, WholeOnly
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.limits import MAX_PEOPLE, bad
from kerasmooth.formats.npz_archive import ArrayRows, NpzFile, Write, write_members, writing
from kerasmooth.formats.npz_poses import FIELDS, ROWS, NpzPoses, check_rows, fields_of, read_facts, row_names
from kerasmooth.formats.spools import Spool, write_array
from kerasmooth.pose_table import PoseTable

_NUMBERS_AT_ONCE = 65_536
_REMEDY = "check what wrote the file"


def num_saved(path: Path) -> int:
    """How many rows a file says it has; 0 for one that cannot be read."""
    try:
        return NpzFile(path, MAX_LONG_BYTES).header("frames").shape[0]
    except (InputError, IndexError):
        return 0


class NpzBlocks(BlockFile):
    """Rows must be in the order of their frames; in the output added rows stand among the others."""

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        file = NpzFile(self.path, MAX_LONG_BYTES)
        facts = read_facts(file, self.fps, self.image_size)
        check_rows(file, facts["skeleton"])
        names = row_names(file)
        if any(file.header(name).is_fortran for name in names if name not in ("frames", "people")):
            raise WholeOnly("its arrays are in Fortran's order")
        total, seen = max(file.header("frames").shape[0], 1), 0
        with ExitStack() as stack:
            arrays = {name: stack.enter_context(file.rows(name)) for name in names}
            numbers = _Numbers(stack.enter_context(file.rows("frame_numbers")))
            for rows, end in _whole_frames(self.path, arrays, size):
                seen += len(rows["frames"])
                self.share = seen / total
                yield NpzPoses().table_of(self.path, rows, numbers.take(end), [], facts)

    def items(self, table: PoseTable) -> list[Any]:
        return []

    def learn(self, items: list[Any]) -> dict[str, Any]:
        return {"fps": read_facts(NpzFile(self.path, MAX_LONG_BYTES), self.fps, self.image_size)["fps"]}

    def writer(self, path: Path) -> AbstractContextManager["_Writer"]:
        return writing_npz(path, NpzFile(self.path, MAX_LONG_BYTES).copies(leave_out=FIELDS))


def _whole_frames(
    path: Path, arrays: dict[str, ArrayRows], size: int
) -> Iterator[tuple[dict[str, np.ndarray], int | None]]:
    """(rows, the frame before which they end) so that no frame is torn apart; None at the end."""
    rest = {name: array.take(0) for name, array in arrays.items()}
    while len((rows := {name: array.take(size) for name, array in arrays.items()})["frames"]):
        rows = {name: np.concatenate([rest[name], values]) for name, values in rows.items()}
        frames = rows["frames"].astype(np.int64)
        if (np.diff(frames) < 0).any():
            raise WholeOnly("its frames are not in order")
        cut = int(np.searchsorted(frames, frames[-1]))
        if cut:
            yield {name: values[:cut] for name, values in rows.items()}, int(frames[-1])
        rest = {name: values[cut:] for name, values in rows.items()}
        if len(frames) - cut > MAX_PEOPLE:
            raise bad(path, "people", f"be at most {MAX_PEOPLE:,} a frame", f"more in frame {frames[-1]}", _REMEDY)
    yield rest, None


class _Numbers:
    """Increasing frame numbers, taken from the front."""

    def __init__(self, array: ArrayRows) -> None:
        self._array = array
        self._held = array.take(0).astype(np.int64)

    def take(self, end: int | None) -> np.ndarray:
        """int64 [N]: those that were not taken and lie before `end`; None: all."""
        while end is None or not len(self._held) or self._held[-1] < end:
            more = self._array.take(_NUMBERS_AT_ONCE).astype(np.int64)
            if not len(more):
                break
            self._held = np.concatenate([self._held, more])
        cut = len(self._held) if end is None else int(np.searchsorted(self._held, end))
        taken, self._held = self._held[:cut], self._held[cut:]
        return taken


@contextmanager
def writing_npz(path: Path, others: list[tuple[str, Write]]) -> Iterator["_Writer"]:
    """Writes blocks of any format as NPZ of ours: whole when the block ends well, not at all when it does not."""
    with replacing(path) as partial, ExitStack() as stack:
        writer = _Writer(lambda: stack.enter_context(closing(Spool(path.parent))))
        yield writer
        write_members(partial, [*writer.members(), *others])


class _Writer:
    """Rows go in the order of their frames, added ones among the others, so that the file can be read in blocks."""

    def __init__(self, new_spool: Callable[[], Spool]) -> None:
        self._new_spool = new_spool
        self._spools: dict[str, Spool] = {}
        self._facts: dict[str, np.ndarray] = {}

    def write(self, table: PoseTable) -> None:
        self._facts = fields_of(table)
        order = np.argsort(table.frames, kind="stable")
        for name in self._facts.keys() & {*ROWS, "depth", "frame_numbers"}:
            values = self._facts.pop(name)
            if name not in self._spools:
                self._spools[name] = self._new_spool()
            self._spools[name].add(values if name == "frame_numbers" else values[order])

    def members(self) -> list[tuple[str, Write]]:
        return [(f"{name}.npy", self._writes(name)) for name in FIELDS if name in self._spools or name in self._facts]

    def _writes(self, name: str) -> Write:
        if name not in self._spools:
            return writing(self._facts[name])
        spool = self._spools[name]
        return lambda stream: write_array(stream, (spool.length, *spool.tail), [spool])
