"""The keypoints of a file as they stand in it, and how a table's changes come into them."""

import math
from dataclasses import dataclass, replace

import numpy as np

from kerasmooth.formats.people import once_a_frame, person_places
from kerasmooth.formats.safe_files import AS_NPZ, bad
from kerasmooth.pose_table import PoseTable

X, Y, CONFIDENCE, DEPTH, OTHER = range(5)
"""What a coordinate is; others are kept as they are."""
Coords = tuple[int, ...]
ROUNDING = 1e-14
"""Share by which a coordinate may differ and still be the file's: 366.93 is to stay so, not 366.92999999999995."""
_ROWS_AT_ONCE = 4096
"""Rows that are changed together, so that little is held twice."""
Rows = tuple[np.ndarray, np.ndarray]
"""For each row of a table its line, and its place among the people of that line, int64 [D] each."""


@dataclass(frozen=True, eq=False)
class RawPoses:
    """The numbers of a file, line by line.

    Attributes:
      values: [L, S, K, C], of L lines with S people side by side, who have K keypoints of C coordinates.
      coords: what each of the C coordinates is: X, Y, CONFIDENCE, DEPTH or OTHER.
      frames: int64 [L], the frame of each line.
      people: int64 [L], who a line is, -1 unknown; None where a line is a frame, whose people have places in it.
      missing, missing_score: x and y, and the confidence, of a keypoint that is not there. None: the confidence stays.
      unseen_at: a keypoint whose x and y both are one of these was not seen.
      is_visibility: the confidence is COCO's visibility: 0 absent, 1 hidden, 2 seen.
      can_grow: lines may get places for further people.
      is_single: the format holds one person: whoever is in it is the same one.
      known: how many lines the file had; further ones follow them.
    """

    values: np.ndarray
    coords: Coords
    frames: np.ndarray
    people: np.ndarray | None = None
    missing: tuple[float, float] = (np.nan, np.nan)
    missing_score: float | None = None
    unseen_at: tuple[float, ...] = ()
    is_visibility: bool = False
    can_grow: bool = False
    is_single: bool = False
    known: int = -1

    def __post_init__(self) -> None:
        if self.known < 0:
            object.__setattr__(self, "known", len(self.frames))

    @classmethod
    def empty(cls, keypoints: int, coords: Coords, places: int = 0) -> "RawPoses":
        """Of a fresh file, whose lines have places for so many people; 0 where a line is a person."""
        none = np.empty(0, np.int64)
        return cls(np.empty((0, places or 1, keypoints, len(coords))), coords, none, None if places else none)

    @property
    def further(self) -> range:
        """The lines that the file did not have."""
        return range(self.known, len(self.frames))

    @property
    def flat(self) -> np.ndarray:
        """The values of each line one after the other, [L, S * K * C]."""
        return self.values.reshape(len(self.values), math.prod(self.values.shape[1:]))

    def rows(self) -> Rows:
        """Those who have a row in a table: everybody who is a line, and of lines of frames who has any keypoint."""
        if self.people is not None:
            return np.arange(len(self.values)), np.zeros(len(self.values), np.int64)
        lines, places = np.nonzero(self._seen(self.values).any(axis=-1))
        return lines, places

    def positions(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Keypoints [D, K, 2], confidence [D, K] and depth [D, K] of rows, read-only; None where there is no depth.

        They are views of the file's numbers where these are in order and none of them hides a missing keypoint.
        """
        everybody = len(rows[0]) == len(self.values) and self.values.shape[1] == 1
        values = self.values[:, 0] if everybody else self.values[rows]
        seen = self._seen(values)
        x, y = self.coords.index(X), self.coords.index(Y)
        keypoints = values[..., x : y + 1] if y == x + 1 else values[..., [x, y]]
        if values.dtype != np.float64 or (~seen[..., None] & ~np.isnan(keypoints)).any():
            keypoints = np.where(seen[..., None], keypoints.astype(np.float64, copy=False), np.nan)
        scores, deep = self._column(values, CONFIDENCE), self._column(values, DEPTH)
        confidence = np.full(seen.shape, np.nan) if scores is None else scores.astype(np.float64, copy=False)
        confidence = confidence / 2 if self.is_visibility else confidence
        depth = None if deep is None else np.where(seen, deep.astype(np.float64, copy=False), np.nan)
        for each in (keypoints, confidence):
            each.flags.writeable = False
        return keypoints, confidence, depth

    def with_table(self, table: PoseTable, path: object) -> "RawPoses":
        """The poses with what changed in a table that begins with their rows, and with lines for its further ones.

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
        raw, (lines, places) = self._with_rows(table, known, path)
        values = raw.values.astype(np.result_type(raw.values.dtype, np.float16))
        for start in range(0, len(lines), _ROWS_AT_ONCE):
            at = slice(start, start + _ROWS_AT_ONCE)
            rows = lines[at], places[at]
            values[rows] = raw._changed(values[rows], table, at, (rows[0] >= raw.known)[:, None])
        if self.values.dtype.kind in "iu" and np.array_equal(values, np.rint(values)):
            values = values.astype(self.values.dtype)
        return replace(raw, values=values)

    def renamed(self, table: PoseTable) -> dict[int, int]:
        """Line -> id of the lines, one a person, of whom a table says another id than the file, or the file nothing.

        A line without any keypoint is nobody, and stays so.
        """
        if self.people is None:
            return {}
        old = once_a_frame(self.frames[: self.known], self.people[: self.known])
        there = np.isfinite(table.keypoints).any(axis=(1, 2))
        there[self.known :] = True
        changed = there & (table.people >= 0)
        changed[: self.known] &= table.people[: self.known] != old
        return dict(zip(np.flatnonzero(changed).tolist(), table.people[changed].tolist(), strict=True))

    def in_order(self) -> np.ndarray:
        """The order to write the lines in: those of the file as they were, the others after those of earlier frames."""
        return frame_order(self.frames, self.known)

    def _column(self, values: np.ndarray, which: int) -> np.ndarray | None:
        """A coordinate of values [..., C], a view; None where there is none."""
        return values[..., self.coords.index(which)] if which in self.coords else None

    def _seen(self, values: np.ndarray) -> np.ndarray:
        """bool [...]: which of the keypoints [..., C] are there."""
        x, y = values[..., self.coords.index(X)], values[..., self.coords.index(Y)]
        seen: np.ndarray = ~(np.isnan(x) | np.isnan(y))
        scores = self._column(values, CONFIDENCE)
        if scores is not None:
            seen &= scores != 0
        for nothing in self.unseen_at:
            seen &= ~((x == nothing) & (y == nothing))
        return seen

    def _with_rows(self, table: PoseTable, known: Rows, path: object) -> tuple["RawPoses", Rows]:
        """The poses with places for all rows of a table, and these."""
        count = len(known[0])
        frames, people = table.frames[count:], table.people[count:]
        if self.people is not None:
            lines, places = len(self.values) + np.arange(len(frames)), np.zeros(len(frames), np.int64)
            raw = self._with_lines(frames, people)
        else:
            taken = {int(p): int(at) for p, at in zip(table.people[:count], known[1], strict=True) if p >= 0}
            places = person_places(table.frames, table.people, taken)[count:] if len(frames) else known[1][:0]
            raw = self._with_places(int(places.max(initial=-1)) + 1, path)
            raw = raw._with_lines(np.setdiff1d(table.frame_numbers, self.frames), None)
            order = np.argsort(raw.frames, kind="stable")
            lines = order[np.searchsorted(raw.frames[order], frames)]
        rows = np.concatenate([known[0], lines]), np.concatenate([known[1], places])
        if self.people is None and len(np.unique(np.stack(rows), axis=1).T) < len(rows[0]):
            raise bad(str(path), "people", "be once in a frame", "one twice", AS_NPZ)
        return raw, rows

    def _with_lines(self, frames: np.ndarray, people: np.ndarray | None) -> "RawPoses":
        """Further lines, without anybody."""
        if not len(frames):
            return self
        kind = self.values.dtype if self.values.dtype.kind == "f" else np.dtype(np.float64)
        empty = np.full((len(frames), *self.values.shape[1:]), np.nan, kind)
        for which, nothing in ((X, self.missing[0]), (Y, self.missing[1]), (CONFIDENCE, self.missing_score)):
            if which in self.coords and nothing is not None:
                empty[..., self.coords.index(which)] = nothing
        return replace(
            self,
            values=np.concatenate([self.values, empty]) if len(self.values) else empty,
            frames=np.concatenate([self.frames, frames]),
            people=None if people is None or self.people is None else np.concatenate([self.people, people]),
        )

    def _with_places(self, people: int, path: object) -> "RawPoses":
        """Places for so many people in a line. Raises InputError where the file cannot have them."""
        lines, now, *shape = self.values.shape
        if people <= now:
            return self
        if not self.can_grow:
            raise bad(str(path), "people", f"be at most {now} in this file", f"{people} in a frame", AS_NPZ)
        empty = np.full((lines, people - now, *shape), np.nan)
        return replace(self, values=np.concatenate([self.values, empty], axis=1))

    def _changed(self, values: np.ndarray, table: PoseTable, at: slice, is_further: np.ndarray) -> np.ndarray:
        """Numbers [n, K, C] with those of rows of a table where they differ; `is_further` [n, 1]: those that came."""
        there = self._seen(values)
        new, confidence = table.keypoints[at], table.confidence[at]
        seen = ~np.isnan(new).any(axis=-1) & (confidence != 0)
        gone = there & ~seen
        moved = seen & ~there
        for which in (X, Y):
            moved |= seen & _differ(new[..., which], values[..., self.coords.index(which)])
        for which in (X, Y):
            column = values[..., self.coords.index(which)]
            np.copyto(column, new[..., which], where=moved)
            np.copyto(column, self.missing[which], where=gone)
        scores, deep = self._column(values, CONFIDENCE), self._column(values, DEPTH)
        if scores is not None:
            old = scores / 2 if self.is_visibility else scores
            # The confidence of a keypoint that was not there, and still is not, is the file's affair.
            rescored = _differ(confidence, old) & ~np.isnan(confidence) & (seen | gone | is_further)
            # A keypoint that appears without a confidence must not count as missing.
            sure = moved & ~there & np.isnan(confidence)
            written = np.where(sure, 1.0, confidence)
            if self.is_visibility:
                written = np.where(written == 0, 0.0, np.where(written <= 0.5, 1.0, 2.0))
            np.copyto(scores, written, where=rescored | sure)
            if self.missing_score is not None:
                np.copyto(scores, self.missing_score, where=gone)
        if deep is not None and table.depth is not None:
            depth = np.where(gone, self.missing[X], table.depth[at])
            np.copyto(deep, depth, where=_differ(depth, deep) & (seen | gone))
        return values


def _differ(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Beyond the rounding of a weighted mean."""
    return ~((np.abs(new - old) <= ROUNDING * np.abs(old)) | (np.isnan(new) & np.isnan(old)))


def frame_order(frames: np.ndarray, known: int) -> np.ndarray:
    """The order of frames: sorted where the first `known` of them, the file's, are, otherwise as they stand."""
    if np.all(np.diff(frames[:known]) >= 0):
        return np.argsort(frames, kind="stable")
    return np.arange(len(frames))


def coords_of(table: PoseTable) -> Coords:
    """X, Y, DEPTH, CONFIDENCE, without those of which a table says nothing."""
    says = {DEPTH: table.depth is not None, CONFIDENCE: not np.isnan(table.confidence).all()}
    return tuple(coord for coord in (X, Y, DEPTH, CONFIDENCE) if says.get(coord, True))
