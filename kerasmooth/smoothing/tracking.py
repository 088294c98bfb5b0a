"""Who is who: follows people from frame to frame where a file does not say, and finds where an id jumps to another.

Detections are compared by object-keypoint similarity (Ronchi and Perona, Benchmarking and error diagnosis in
multi-instance pose estimation, ICCV 2017) and assigned by `scipy.optimize.linear_sum_assignment`.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

MIN_SIMILARITY = 0.25
"""Two detections below it are not the same person."""
JUMP_SIMILARITY = 0.05
"""The same for two detections to which the file gives the same id: it takes more to contradict a file."""
REACH, REACH_PER_SECOND = 0.15, 0.6
"""How far a keypoint may move, as standard deviations in person sizes: at once, and with the time between."""
MAX_REACH = 0.5
MEMORY_SECONDS = 0.5
"""A person who was not seen for longer is a new one, unless the file says that it is the same."""
MAX_LIVING = 2_000
"""People who are remembered at a time, the last seen ones."""
_CHUNK_ROWS = 65_536


@dataclass(frozen=True, eq=False)
class Tracks:
    """Who each of D detections is.

    Attributes:
      people: int64 [D], the file's id, or one that was given here (above those of the file).
      parts: int64 [D], detections of the same part are one person without a jump in between.
      jumps: how often an id of the file jumped to another person or place, cuts of the video among it.
      followed: whether any id was given here.
    """

    people: np.ndarray
    parts: np.ndarray
    jumps: int
    followed: bool


def follow(frames: np.ndarray, people: np.ndarray, keypoints: np.ndarray, known: np.ndarray, *, fps: float) -> Tracks:
    """Finds who each detection is.

    Args:
      frames: int64 [D], frame numbers in any order.
      people: int64 [D], the file's ids, -1 where it has none; an id that is twice in a frame counts for the first.
      keypoints: [D, K, 2].
      known: bool [D, K].
      fps: frame numbers per second.
    """
    people = _without_doubles(frames, people)
    detections = _Detections(frames, keypoints, known, fps)
    parts = np.full(len(frames), -1, np.int64)
    jumps = count = 0
    for rows in groups(people):
        found = _follow_one(detections, rows) if people[rows[0]] >= 0 else _follow_many(detections, rows)
        parts[rows] = found + count
        count += int(found.max()) + 1
        if people[rows[0]] >= 0:
            jumps += int(found.max())
    unknown = people < 0
    if unknown.any():
        first = int(people.max()) + 1
        order = parts[unknown]
        people = people.copy()
        people[unknown] = first + np.unique(order, return_inverse=True)[1]
    return Tracks(people, parts, jumps, bool(unknown.any()))


def _without_doubles(frames: np.ndarray, people: np.ndarray) -> np.ndarray:
    order = np.lexsort((np.arange(len(frames)), people, frames))
    same = (np.diff(frames[order]) == 0) & (np.diff(people[order]) == 0) & (people[order][1:] >= 0)
    result = people.astype(np.int64)
    result[order[1:][same]] = -1
    return result


def groups(people: np.ndarray) -> list[np.ndarray]:
    """The rows of each number, by number. people: [D]."""
    order = np.argsort(people, kind="stable")
    starts = np.flatnonzero(np.diff(people[order])) + 1
    return [rows for rows in np.split(order, starts) if len(rows)]


class _Detections:
    """Similarities of detections.

    A person's size is the square root of the box's area, but at least a quarter of its longer side: a lying or sideways
    person has a flat box.
    """

    def __init__(self, frames: np.ndarray, keypoints: np.ndarray, known: np.ndarray, fps: float) -> None:
        self.frames, self.keypoints, self.known, self.fps = frames, keypoints, known, fps
        self.sizes, self.centres = np.zeros(len(frames)), np.zeros((len(frames), 2))
        for first in range(0, len(frames), _CHUNK_ROWS):
            self._measure(slice(first, first + _CHUNK_ROWS))

    def _measure(self, part: slice) -> None:
        shown = self.known[part, :, None]
        low = np.where(shown, self.keypoints[part], np.inf).min(axis=1)
        high = np.where(shown, self.keypoints[part], -np.inf).max(axis=1)
        low, high = (np.where(np.isfinite(corner), corner, 0.0) for corner in (low, high))
        extent = high - low
        self.sizes[part] = np.maximum(np.sqrt(extent.prod(axis=1)), extent.max(axis=1) / 4)
        self.centres[part] = (low + high) / 2

    def near(self, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
        """Index pairs [N, 2] into rows `earlier` and `later` whose similarity is worth asking for."""
        apart = np.abs(self.centres[earlier][:, None] - self.centres[later]).max(axis=-1)
        return np.argwhere(apart <= 3 * np.maximum(self.sizes[earlier][:, None], self.sizes[later]))

    def similarity(self, earlier: np.ndarray, later: np.ndarray, shift: np.ndarray | None = None) -> np.ndarray:
        """Of rows `earlier` [N], moved by `shift` [N, 2], and `later` [N]; NaN where they share no keypoint."""
        shared = self.known[earlier] & self.known[later]
        apart = self.keypoints[earlier] - self.keypoints[later]
        if shift is not None:
            apart = apart + shift[:, None]
        square = np.where(shared, (apart**2).sum(axis=-1), 0.0)
        seconds = np.abs(self.frames[later] - self.frames[earlier]) / self.fps
        reach = np.minimum(REACH + REACH_PER_SECOND * seconds, MAX_REACH)
        scale = np.maximum(self.sizes[earlier], self.sizes[later]) * reach
        near = np.exp(-square / np.maximum(2 * scale**2, 1e-300)[..., None])
        count = shared.sum(axis=-1)
        total = np.where(shared, near, 0.0).sum(axis=-1)
        return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)

    def of_neighbours(self, rows: np.ndarray) -> np.ndarray:
        """Similarity of each row with the one before, [len(rows) - 1].

        The best of three: as it stands, moved on as before, and moved on as after. What runs is not what jumps.
        """
        steps = np.diff(self.frames[rows])[:, None]
        speeds = np.diff(self.centres[rows], axis=0) / np.maximum(steps, 1)
        still = np.zeros_like(speeds[:1])
        shifts = (None, np.concatenate([still, speeds[:-1]]) * steps, np.concatenate([speeds[1:], still]) * steps)
        best = np.full(len(speeds), np.nan)
        for part in (slice(first, first + _CHUNK_ROWS) for first in range(0, len(speeds), _CHUNK_ROWS)):
            for shift in shifts:
                moved = None if shift is None else shift[part]
                best[part] = np.fmax(best[part], self.similarity(rows[:-1][part], rows[1:][part], moved))
        return best


def match(
    before: np.ndarray, known_before: np.ndarray, seconds: np.ndarray, keypoints: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Which person of a moment ago each detection is: int64 [P], -1 for a new one.

    Args:
      before: [N, K, 2], where the people were last.
      known_before: bool [N, K].
      seconds: [N], how long ago.
      keypoints: [P, K, 2], the detections.
      known: bool [P, K].
    """
    both, shown = np.concatenate([before, keypoints]), np.concatenate([known_before, known])
    times = np.concatenate([-seconds, np.zeros(len(keypoints))])
    return _assign(
        _Detections(times, both, shown, 1.0), np.arange(len(before)), len(before) + np.arange(len(keypoints))
    )


def _follow_one(detections: _Detections, rows: np.ndarray) -> np.ndarray:
    """Parts of the rows of one id of the file, [len(rows)]: a new one at each jump; a return continues the old one."""
    order = np.argsort(detections.frames[rows], kind="stable")
    rows = rows[order]
    similarity = detections.of_neighbours(rows)
    memory = max(MEMORY_SECONDS * detections.fps, 1.0)
    apart = (np.diff(detections.frames[rows]) <= memory) & (similarity < JUMP_SIMILARITY)
    parts = np.zeros(len(rows), np.int64)
    if apart.any():
        last: dict[int, int] = {0: 0}
        for at in range(1, len(rows)):
            parts[at] = parts[at - 1]
            if apart[at - 1]:
                parts[at] = _returned(detections, rows, at, last, memory)
            last[int(parts[at])] = at
    result = np.empty(len(rows), np.int64)
    result[order] = parts
    return result


def _returned(detections: _Detections, rows: np.ndarray, at: int, last: dict[int, int], memory: float) -> int:
    """The part that was left a moment ago and that row `at` goes back to, otherwise a new one."""
    for part, end in sorted(last.items(), key=lambda item: -item[1])[1:4]:
        recent = detections.frames[rows[at]] - detections.frames[rows[end]] <= memory
        if recent and detections.similarity(rows[end : end + 1], rows[at : at + 1])[0] >= JUMP_SIMILARITY:
            return part
    return max(last) + 1


def _follow_many(detections: _Detections, rows: np.ndarray) -> np.ndarray:
    """Parts of rows without an id, [len(rows)]: each is a person who is followed until lost."""
    order = np.argsort(detections.frames[rows], kind="stable")
    rows = rows[order]
    frames = detections.frames[rows]
    memory = max(MEMORY_SECONDS * detections.fps, 1.0)
    parts = np.zeros(len(rows), np.int64)
    steps = np.diff(frames)
    if not (steps == 0).any():
        # One person a frame, the usual file: no assignment is needed unless something jumps.
        apart = (steps > memory) | (detections.of_neighbours(rows) < MIN_SIMILARITY)
        if not (apart & (steps <= memory)).any():
            parts[1:] = np.cumsum(apart)
            return _reordered(parts, order)
    living: dict[int, int] = {}
    born = 0
    for first, end in _runs(frames):
        living = {part: row for part, row in living.items() if frames[first] - detections.frames[row] <= memory}
        if len(living) > MAX_LIVING:
            living = dict(sorted(living.items(), key=lambda item: -detections.frames[item[1]])[:MAX_LIVING])
        matched = _assign(detections, np.array(list(living.values()), np.int64), rows[first:end])
        names = list(living)
        for offset in range(end - first):
            before = int(matched[offset])
            part = names[before] if before >= 0 else born
            born += before < 0
            parts[first + offset] = part
            living[part] = int(rows[first + offset])
    return _reordered(parts, order)


def _assign(detections: _Detections, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
    """For each row of `later` the index in `earlier` of the same person, or -1."""
    matched = np.full(len(later), -1, np.int64)
    if not len(earlier):
        return matched
    near = detections.near(earlier, later)
    values = [detections.similarity(earlier[i], later[j]) for i, j in (part.T for part in _chunks(near))]
    similarity = np.zeros((len(earlier), len(later)))
    similarity[tuple(near.T)] = np.nan_to_num(np.concatenate([np.empty(0), *values]))
    for before, after in zip(*linear_sum_assignment(similarity, maximize=True), strict=True):
        if similarity[before, after] >= MIN_SIMILARITY:
            matched[after] = before
    return matched


def _chunks(pairs: np.ndarray) -> list[np.ndarray]:
    return [pairs[first : first + _CHUNK_ROWS] for first in range(0, len(pairs), _CHUNK_ROWS)]


def _runs(frames: np.ndarray) -> list[tuple[int, int]]:
    """(first, end) of each run of equal numbers."""
    edges = [0, *(np.flatnonzero(np.diff(frames)) + 1).tolist(), len(frames)]
    return list(itertools.pairwise(edges))


def _reordered(parts: np.ndarray, order: np.ndarray) -> np.ndarray:
    result = np.empty(len(parts), np.int64)
    result[order] = parts
    return result
