"""Follows people from frame to frame who have no id: births, deaths, crossings, duplicates, a moving camera."""

import itertools

import numpy as np
from scipy.optimize import linear_sum_assignment

from kerasmooth.smoothing.duplicates import Duplicates
from kerasmooth.smoothing.similarity import CAMERA_SIMILARITY, Detections

MIN_SIMILARITY = 0.25
"""Two detections below it are not the same person."""
DOUBT_PER_SECOND = 0.9
"""So much more alike must be who was hidden: somebody else may have come by."""
MEMORY_SECONDS = 1.0
"""A person who was not seen for longer is a new one, unless the file says that it is the same."""
RECENT_SECONDS = 0.1
"""Who was hidden for no longer is found first; who was, among the detections that are left."""
PLAIN_SIMILARITY = 0.6
"""Who is so much like one person, and not half so much like another, is that one without more being asked."""
SPEED_SECONDS, COASTING_SECONDS = 0.2, 1.0
"""How long a speed is measured, and how fast it dies away in somebody who is hidden."""
MAX_LIVING = 2_000
"""People who are remembered at a time, the last seen ones."""
MANY = 2
"""People whose places must agree with a move of the camera that nobody else would explain."""


def follow_unknown(detections: Detections, rows: np.ndarray, duplicates: Duplicates) -> np.ndarray:
    """Segments of rows without an id, [len(rows)]: each is a person who is followed until lost; -1 for a duplicate."""
    order = np.argsort(detections.frames[rows], kind="stable")
    rows = rows[order]
    frames = detections.frames[rows]
    memory = max(MEMORY_SECONDS * detections.fps, 1.0)
    segments = np.zeros(len(rows), np.int64)
    steps = np.diff(frames)
    alone = not (steps == 0).any() and not duplicates.frames
    detections.use_nearest_steps(rows)
    if alone:
        # One person a frame, the usual file: no assignment is needed unless something jumps.
        boxes = detections.sizes[rows]
        detections.use_usual_sizes(rows)
        apart = (steps > memory) | (detections.of_neighbours(rows) < _needed((steps - 1) / detections.fps))
        alone = not (apart & (steps <= memory)).any()
        if not alone:
            detections.sizes[rows] = boxes
    if alone:
        segments[1:] = np.cumsum(apart)
    else:
        living = _Living(detections, memory)
        edges = [0, *(np.flatnonzero(steps) + 1).tolist(), len(frames)]
        for first, end in itertools.pairwise(edges):
            segments[first:end] = living.meet(rows[first:end], duplicates)
    result = np.empty(len(segments), np.int64)
    result[order] = segments
    return result


def _plainly(similarity: np.ndarray) -> np.ndarray:
    """For each of M the index among N where no two can be mistaken for each other; otherwise -1 of all."""
    near = similarity >= PLAIN_SIMILARITY / 2
    clear = (near.sum(axis=0) == 1).all() and (near.sum(axis=1) <= 1).all()
    if clear and (similarity[near] >= PLAIN_SIMILARITY).all():
        return near.argmax(axis=0)
    return np.full(similarity.shape[1], -1, np.int64)


def _needed(hidden: np.ndarray) -> np.ndarray:
    """How alike somebody must be who was hidden for so many seconds."""
    return MIN_SIMILARITY + DOUBT_PER_SECOND * hidden


def assign(similarity: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """For each of M the index among N of the same person, or -1.

    Args:
      similarity: [N, M].
      hidden: [N], seconds that each was not seen; 0 who was in the frame before.
    """
    matched = np.full(similarity.shape[1], -1, np.int64)
    allowed = similarity >= _needed(hidden)[:, None]
    recent = hidden <= RECENT_SECONDS
    for group in (recent, ~recent):
        people, left = np.flatnonzero(group & allowed.any(axis=1)), np.flatnonzero(matched < 0)
        if len(people) and len(left):
            asked = np.ix_(people, left)
            pairs = np.stack(linear_sum_assignment(similarity[asked], maximize=True))
            before, after = pairs[:, allowed[asked][tuple(pairs)]]
            matched[left[after]] = people[before]
    return matched


def assign_without_duplicates(
    similarity: np.ndarray, hidden: np.ndarray, rows: np.ndarray, duplicates: Duplicates
) -> tuple[np.ndarray, np.ndarray]:
    """As `assign`, of those of the rows [M] of a frame that repeat nobody; and which do, bool [M]."""
    matched = assign(similarity, hidden)
    going_on = matched >= 0
    going_on[going_on] = hidden[matched[going_on]] <= RECENT_SECONDS
    spare = duplicates.among(rows, going_on)
    if spare.any():
        matched[:] = -1
        matched[~spare] = assign(similarity[:, ~spare], hidden)
    return matched, spare


class _Living:
    """N people who may be seen again.

    Attributes:
      segments: int64 [N], their numbers.
      past: int64 [N, H], the rows in which they were seen last; the first one again where there are fewer.
    """

    def __init__(self, detections: Detections, memory: float) -> None:
        self._detections, self._memory, self._born = detections, memory, 0
        self.segments = np.empty(0, np.int64)
        self.past = np.empty((0, max(round(SPEED_SECONDS * detections.fps), 1) + 1), np.int64)

    def meet(self, after: np.ndarray, duplicates: Duplicates) -> np.ndarray:
        """The segments of the rows of the next frame; -1 for duplicates."""
        now = self._detections.frames[after[0]]
        self._forget(now)
        rows, spare = self.past[:, -1], np.zeros(len(after), bool)
        hidden = (now - self._detections.frames[rows] - 1) / self._detections.fps
        standing = self._detections.table(rows, after)
        if int(now) in duplicates.frames:
            matched, spare = assign_without_duplicates(
                self._similarity(now, after, standing), hidden, after, duplicates
            )
        else:
            matched = _plainly(standing)
            if (matched < 0).any():
                matched = assign(self._similarity(now, after, standing), hidden)
        if (matched < 0).all() and min(len(rows), len(after)) >= MANY:
            matched = _moved_together(self._detections, rows, after, now - max(self._memory / 8, 1))
        return self._see(after, matched, spare & (matched < 0))

    def _forget(self, now: int) -> None:
        frames = self._detections.frames[self.past[:, -1]]
        kept = np.flatnonzero(now - frames <= self._memory)
        if len(kept) > MAX_LIVING:
            kept = kept[np.argsort(-frames[kept], kind="stable")[:MAX_LIVING]]
        if len(kept) < len(frames):
            self.segments, self.past = self.segments[kept], self.past[kept]

    def _similarity(self, now: int, after: np.ndarray, standing: np.ndarray) -> np.ndarray:
        """[N, M], where they should be by now, or where they were, which is `standing`."""
        detections, rows, first = self._detections, self.past[:, -1], self.past[:, 0]
        shared = detections.known[first] & detections.known[rows]
        moved = np.where(shared[..., None], detections.keypoints[rows] - detections.keypoints[first], 0.0).sum(axis=1)
        frames = np.maximum(shared.sum(axis=1) * (detections.frames[rows] - detections.frames[first]), 1)
        speed = moved * (detections.fps / frames)[:, None]
        ago = (now - detections.frames[rows]) / detections.fps
        seconds = COASTING_SECONDS * (1 - np.exp(-ago / COASTING_SECONDS))
        return np.maximum(standing, detections.table(rows, after, speed * seconds[:, None]))

    def _see(self, after: np.ndarray, matched: np.ndarray, spare: np.ndarray) -> np.ndarray:
        known = matched >= 0
        found, new = matched[known], after[~known & ~spare]
        self._detections.keep_sizes(self.past[found, -1], after[known])
        self.past[found, :-1] = self.past[found, 1:]
        self.past[found, -1] = after[known]
        segments = np.full(len(after), -1, np.int64)
        segments[known] = self.segments[found]
        if len(new):
            born = self._born + np.arange(len(new))
            self._born += len(new)
            segments[~known & ~spare] = born
            self.segments = np.append(self.segments, born)
            self.past = np.concatenate([self.past, np.repeat(new[:, None], self.past.shape[1], axis=1)])
        return segments


def _moved_together(detections: Detections, people: np.ndarray, after: np.ndarray, since: float) -> np.ndarray:
    """For each row of `after` the index in `people`, if all moved alike: the camera turned. Otherwise -1.

    Only people who were there at frame `since` or later are asked.
    """
    recent = np.flatnonzero(detections.frames[people] >= since)
    best, best_matched = 0.0, np.full(len(after), -1, np.int64)
    if len(recent) < MANY:
        return best_matched
    before = people[recent]
    largest = before[np.argsort(-detections.sizes[before], kind="stable")[:4]]
    for one, other in itertools.product(largest.tolist(), after[:16].tolist()):
        similarity = detections.table(before, after, detections.centres[other] - detections.centres[one])
        matched = assign(similarity, np.zeros(len(before)))
        hits = np.flatnonzero(matched >= 0)
        value = float(similarity[matched[hits], hits].sum())
        enough = max(MANY, 0.6 * min(len(before), len(after)))
        if len(hits) >= enough and value >= CAMERA_SIMILARITY * len(hits) and value > best:
            best, best_matched = value, np.where(matched >= 0, recent[matched], -1)
    return best_matched
