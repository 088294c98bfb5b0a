"""The numbers of a pose file and where its keypoints stand among them: what every format reads from and writes into."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from kerasmooth.formats.limits import AS_NPZ, bad
from kerasmooth.pose_table import PoseTable

X, Y, CONFIDENCE, DEPTH = range(4)
ROUNDING = 1e-14
"""Share by which a coordinate may differ and still be the file's: 366.93 is to stay so, not 366.92999999999995."""
_AT_ONCE = 4096
"""Lines that are looked at together, so that little is held twice."""
Rows = tuple[np.ndarray, np.ndarray]
"""For each row of a table its line and which of the line's people it is, int64 [D] each."""


@dataclass(frozen=True, eq=False)
class Cells:
    """The numbers of a file, line by line.

    Attributes:
      values: [L, N], what the file has; a line is a frame, or one person in a frame.
      frames: int64 [L], the frame of each line.
      columns: int64 [S, K, 4], where in a line x, y, confidence and depth of each of S people's keypoints stand;
        -1 for what there is not.
      people: int64 [L], who a line is, -1 unknown; None where a line is a frame, whose people have their columns.
      missing: x and y, and the confidence, of a keypoint that is not there. None: the confidence stays.
      nowhere: a keypoint whose x and y both are one of these was not seen.
      flags: the confidence is COCO's visibility: 0 absent, 1 hidden, 2 seen.
      can_grow: further people may get columns of their own.
      is_single: the format holds one person: whoever is in it is the same one.
      known: how many lines the file had; further ones follow them.
    """

    values: np.ndarray
    frames: np.ndarray
    columns: np.ndarray
    people: np.ndarray | None = None
    missing: tuple[float, float, float | None] = (np.nan, np.nan, None)
    nowhere: tuple[float, ...] = ()
    flags: bool = False
    can_grow: bool = False
    is_single: bool = False
    known: int = -1

    def __post_init__(self) -> None:
        if self.known < 0:
            object.__setattr__(self, "known", len(self.frames))

    @property
    def further(self) -> range:
        """The lines that the file did not have."""
        return range(self.known, len(self.frames))

    def rows(self) -> Rows:
        """Those who have a row in a table: everybody who is a line, and of lines of frames who has any keypoint."""
        if self.people is not None:
            return np.arange(len(self.values)), np.zeros(len(self.values), np.int64)
        lines, slots = [], []
        for slot in range(len(self.columns)):
            for at in _chunks(np.arange(len(self.values))):
                lines.append(at[self._parts(self.values, slot, at)[3].any(axis=1)])
                slots.append(np.full(len(lines[-1]), slot))
        found = np.concatenate(lines or [np.empty(0, np.int64)]), np.concatenate(slots or [np.empty(0, np.int64)])
        order = np.lexsort(found[::-1])
        return found[0][order], found[1][order]

    def positions(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Keypoints [D, K, 2], confidence [D, K] and depth [D, K] (None where no keypoint has any) of rows."""
        if (views := self._views(rows)) is not None:
            return views
        shape = (len(rows[0]), self.columns.shape[1])
        keypoints, confidence = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
        depth = np.full(shape, np.nan) if (self.columns[..., DEPTH] >= 0).any() else None
        for slot, at in self._by_slot(rows):
            x, y, scores, known = self._parts(self.values, slot, rows[0][at])
            keypoints[at, :, 0], keypoints[at, :, 1] = np.where(known, x, np.nan), np.where(known, y, np.nan)
            confidence[at] = scores
            if depth is not None:
                depth[at] = np.where(known, self._column(self.values[rows[0][at]], slot, DEPTH), np.nan)
        return keypoints, confidence, depth

    def _views(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, None] | None:
        """As `positions`, without copies: read-only, where keypoints stand evenly and no number hides a missing one."""
        x, y, scores = self.columns[:1, :, [X, Y, CONFIDENCE]].reshape(-1, 3).T
        steps = np.diff(self.columns[..., [X, Y, CONFIDENCE]], axis=1)
        if self.values.dtype != np.float64 or len(rows[0]) != len(self.values) or len(self.columns) != 1 or self.flags:
            return None
        if not len(steps[0]) or (steps != steps[0, 0, 0]).any() or not 0 <= x[0] < min(y[0], scores[0]):
            return None
        if (self.columns[..., DEPTH] >= 0).any():
            return None
        for at in _chunks(rows[0]):
            one, _, _, known = self._parts(self.values, 0, at)
            if (~known & ~np.isnan(one)).any():
                return None
        base, (line, cell) = self.values[:, x[0] :], self.values.strides
        shape, step = (len(self.values), len(x)), cell * int(steps[0, 0, 0])
        view = np.lib.stride_tricks.as_strided
        keypoints = view(base, (*shape, 2), (line, step, cell * int(y[0] - x[0])), writeable=False)
        return keypoints, view(self.values[:, scores[0] :], shape, (line, step), writeable=False), None

    def with_table(self, table: PoseTable, path: object) -> "Cells":
        """The cells with what changed in a table that begins with their rows, and with lines for its further ones.

        Raises:
          InputError: the file at `path` has no place for a person.
          ValueError: the table does not begin with the rows of the file.
        """
        known = self.rows()
        if not np.array_equal(self.frames[known[0]], table.frames[: len(known[0])]):
            raise ValueError(
                "a table read from a file must keep the file's rows first and in order; add rows with append_rows. "
                f"Received: frames of {len(table.frames)} rows that do not begin with the file's {len(known[0])}"
            )
        cells, rows = self._with_lines(table, known, path)
        values = cells.values.astype(np.result_type(cells.values.dtype, np.float16))
        for slot, at in cells._by_slot(rows):
            cells._write(values, table, slot, rows[0][at], at)
        if self.values.dtype.kind in "iu" and np.array_equal(values, np.rint(values)):
            values = values.astype(self.values.dtype)
        return replace(cells, values=values)

    def renamed(self, table: PoseTable) -> dict[int, int]:
        """Line -> id of the lines, one a person, of whom a table says another id than the file, or the file nothing."""
        if self.people is None:
            return {}
        old = once_a_frame(self.frames[: self.known], self.people[: self.known])
        changed = table.people >= 0
        changed[: self.known] &= table.people[: self.known] != old
        return dict(zip(np.flatnonzero(changed).tolist(), table.people[changed].tolist(), strict=True))

    def in_order(self) -> np.ndarray:
        """The order to write the lines in: those of the file as they were, the others after those of earlier frames."""
        if np.all(np.diff(self.frames[: self.known]) >= 0):
            return np.argsort(self.frames, kind="stable")
        return np.arange(len(self.frames))

    def _column(self, block: np.ndarray, slot: int, which: int) -> np.ndarray:
        """float64 [n, K] of one coordinate of a person in lines; NaN where there is no column."""
        at = self.columns[slot, :, which]
        found = block[:, np.maximum(at, 0)].astype(np.float64)
        found[:, at < 0] = np.nan
        return found

    def _parts(
        self, values: np.ndarray, slot: int, lines: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """x, y, confidence and whether it is there, [n, K] each, of a person in lines."""
        block = values[lines]
        x, y, scores = (self._column(block, slot, which) for which in (X, Y, CONFIDENCE))
        if self.flags:
            scores /= 2
        known = ~(np.isnan(x) | np.isnan(y) | (scores == 0))
        for nothing in self.nowhere:
            known &= ~((x == nothing) & (y == nothing))
        return x, y, scores, known

    def _by_slot(self, rows: Rows) -> Iterator[tuple[int, np.ndarray]]:
        """The rows of each person, some at a time."""
        for slot in range(len(self.columns)):
            for at in _chunks(np.flatnonzero(rows[1] == slot)):
                yield slot, at

    def _with_lines(self, table: PoseTable, known: Rows, path: object) -> tuple["Cells", Rows]:
        """The cells with places for all rows of a table, and these."""
        count = len(known[0])
        frames, people = table.frames[count:], table.people[count:]
        if self.people is not None:
            lines = np.arange(len(self.values), len(self.values) + len(frames))
            slots = np.zeros(len(frames), np.int64)
            cells = self._extended(frames, people)
        else:
            taken = {int(p): int(s) for p, s in zip(table.people[:count], known[1], strict=True) if p >= 0}
            slots = person_slots(table.frames, table.people, taken)[count:] if len(frames) else known[1][:0]
            cells = self._with_columns(int(slots.max(initial=-1)) + 1, path)
            cells = cells._extended(np.setdiff1d(table.frame_numbers, self.frames), None)
            order = np.argsort(cells.frames, kind="stable")
            lines = order[np.searchsorted(cells.frames[order], frames)]
        rows = np.concatenate([known[0], lines]), np.concatenate([known[1], slots])
        if self.people is None and len(np.unique(np.stack(rows), axis=1).T) < len(rows[0]):
            raise bad(str(path), "people", "be once in a frame", "one twice", AS_NPZ)
        return cells, rows

    def _extended(self, frames: np.ndarray, people: np.ndarray | None) -> "Cells":
        """Further lines, without anybody."""
        if not len(frames):
            return self
        kind = self.values.dtype if self.values.dtype.kind == "f" else np.dtype(np.float64)
        empty = np.full((len(frames), self.values.shape[1]), np.nan, kind)
        for which in (X, Y, CONFIDENCE):
            at, nothing = self.columns[..., which], self.missing[which]
            empty[:, at[at >= 0]] = np.nan if nothing is None else nothing
        return replace(
            self,
            values=np.concatenate([self.values, empty]) if len(self.values) else empty,
            frames=np.concatenate([self.frames, frames]),
            people=None if people is None or self.people is None else np.concatenate([self.people, people]),
        )

    def _with_columns(self, people: int, path: object) -> "Cells":
        """Columns for so many people. Raises InputError where the file cannot have them."""
        now = len(self.columns)
        if people <= now:
            return self
        if not self.can_grow:
            raise bad(str(path), "people", f"be at most {now} in this file", f"{people} in a frame", AS_NPZ)
        width = self.values.shape[1]
        first = self.columns[0] >= 0
        further = [np.where(first, np.cumsum(first).reshape(first.shape) - 1 + width, -1)]
        for _ in range(people - now - 1):
            further.append(np.where(first, further[-1] + int(first.sum()), -1))
        empty = np.full((len(self.values), int(first.sum()) * (people - now)), np.nan)
        values = np.concatenate([self.values, empty.astype(np.result_type(self.values.dtype, np.float16))], axis=1)
        return replace(self, values=values, columns=np.concatenate([self.columns, np.stack(further)]))

    def _write(self, values: np.ndarray, table: PoseTable, slot: int, lines: np.ndarray, at: np.ndarray) -> None:
        """Puts rows `at` of a table into lines, where they differ from what stands there."""
        columns = self.columns[slot]
        x, y, scores, there = self._parts(values, slot, lines)
        new: np.ndarray = table.keypoints[at]
        confidence: np.ndarray = table.confidence[at]
        seen = ~np.isnan(new).any(axis=-1) & (confidence != 0)
        moved: np.ndarray = seen & (_differ(new[..., 0], x) | _differ(new[..., 1], y) | ~there)
        gone = there & ~seen
        for which, old in ((X, x), (Y, y)):
            self._put(values, lines, columns[:, which], moved, new[..., which])
            self._put(values, lines, columns[:, which], gone, np.full_like(old, self.missing[which]))
        # The confidence of a keypoint that was not there, and still is not, is the file's affair.
        rescored = _differ(confidence, scores) & ~np.isnan(confidence) & (seen | gone | (lines >= self.known)[:, None])
        # A keypoint that appears without a confidence must not count as missing.
        sure = moved & ~there & np.isnan(confidence)
        self._put(values, lines, columns[:, CONFIDENCE], rescored, self._in_file(confidence))
        self._put(values, lines, columns[:, CONFIDENCE], sure, self._in_file(np.ones_like(confidence)))
        if self.missing[CONFIDENCE] is not None:
            self._put(values, lines, columns[:, CONFIDENCE], gone, np.full_like(x, self.missing[CONFIDENCE]))
        if table.depth is not None and (columns[:, DEPTH] >= 0).any():
            depth = np.array(table.depth[at])
            deepened = _differ(depth, self._column(values[lines], slot, DEPTH)) & (seen | gone)
            depth[gone] = self.missing[X]
            self._put(values, lines, columns[:, DEPTH], deepened, depth)

    def _in_file(self, confidence: np.ndarray) -> np.ndarray:
        return np.where(confidence == 0, 0, np.where(confidence <= 0.5, 1, 2)) if self.flags else confidence

    @staticmethod
    def _put(values: np.ndarray, lines: np.ndarray, columns: np.ndarray, where: np.ndarray, new: np.ndarray) -> None:
        """values[lines, columns] = new where `where`, all [n, K]; nothing for columns of -1."""
        row, k = np.nonzero(where & (columns >= 0))
        values[lines[row], columns[k]] = new[row, k]


def _chunks(rows: np.ndarray) -> list[np.ndarray]:
    return np.split(rows, range(_AT_ONCE, len(rows), _AT_ONCE)) if len(rows) else []


def _differ(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Beyond the rounding of a weighted mean."""
    return ~((np.abs(new - old) <= ROUNDING * np.abs(old)) | (np.isnan(new) & np.isnan(old)))


def once_a_frame(frames: np.ndarray, people: np.ndarray) -> np.ndarray:
    """int64 [D]; an id that several people of one frame have is left to the first, the others have none (-1)."""
    result = np.maximum(people, -1)
    order = np.lexsort((result, frames))
    again = (np.diff(frames[order]) == 0) & (np.diff(result[order]) == 0)
    result[order[1:][again]] = -1
    return result


def person_slots(frames: np.ndarray, people: np.ndarray, taken: dict[int, int]) -> np.ndarray:
    """For files with columns of their own for each person: whose columns each row goes to, int64 [D].

    Args:
      frames: [D].
      people: [D]; rows of unknown people (-1) take the first columns that are free in their frame.
      taken: columns that people already have; more are given out in order of appearance.
    """
    columns = dict(taken)
    used: set[tuple[int, int]] = set()
    slots = np.empty(len(frames), np.int64)
    rows = list(enumerate(zip(frames.tolist(), people.tolist(), strict=True)))
    # Those who are known have the first choice, so that nobody else gets into their columns.
    for row, (frame, person) in sorted(rows, key=lambda item: item[1][1] < 0):
        slot = columns.setdefault(person, len(set(columns.values()))) if person >= 0 else len(set(columns.values()))
        while (frame, slot) in used:
            slot += 1
        used.add((frame, slot))
        slots[row] = slot
    return slots


def columns_of(num_people: int, num_keypoints: int, coords: tuple[int, ...]) -> np.ndarray:
    """Columns [S, K, 4] where people, keypoints and their coordinates (X, Y, CONFIDENCE, DEPTH) follow each other."""
    columns = np.full((num_people, num_keypoints, 4), -1, np.int64)
    at = np.arange(num_people * num_keypoints * len(coords)).reshape(num_people, num_keypoints, len(coords))
    columns[..., list(coords)] = at
    return columns


def coords_of(table: PoseTable) -> tuple[int, ...]:
    """X, Y, DEPTH, CONFIDENCE, without those of which a table says nothing."""
    says = {DEPTH: table.depth is not None, CONFIDENCE: not np.isnan(table.confidence).all()}
    return tuple(coord for coord in (X, Y, DEPTH, CONFIDENCE) if says.get(coord, True))
