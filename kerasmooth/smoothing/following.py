"""Follows people from frame to frame who have no id: births, deaths, crossings, a moving camera."""

import itertools

import numpy as np
from scipy.optimize import linear_sum_assignment

from kerasmooth.smoothing.similarity import CAMERA_SIMILARITY, Detections

MIN_SIMILARITY = 0.25
"""Two detections below it are not the same person."""
MEMORY_SECONDS = 0.5
"""A person who was not seen for longer is a new one, unless the file says that it is the same."""
MAX_LIVING = 2_000
"""People who are remembered at a time, the last seen ones."""
MANY = 2
"""People whose places must agree with a move of the camera that nobody else would explain."""


def follow_unknown(detections: Detections, rows: np.ndarray) -> np.ndarray:
    """Parts of rows without an id, [len(rows)]: each is a person who is followed until lost."""
    order = np.argsort(detections.frames[rows], kind="stable")
    rows = rows[order]
    frames = detections.frames[rows]
    memory = max(MEMORY_SECONDS * detections.fps, 1.0)
    parts = np.zeros(len(rows), np.int64)
    steps = np.diff(frames)
    alone = not (steps == 0).any()
    if alone:
        # One person a frame, the usual file: no assignment is needed unless something jumps.
        apart = (steps > memory) | (detections.of_neighbours(rows) < MIN_SIMILARITY)
        alone = not (apart & (steps <= memory)).any()
    if alone:
        parts[1:] = np.cumsum(apart)
    else:
        edges = [0, *(np.flatnonzero(steps) + 1).tolist(), len(frames)]
        _meet(detections, rows, edges, memory, parts)
    result = np.empty(len(parts), np.int64)
    result[order] = parts
    return result


def assign(similarity: np.ndarray) -> np.ndarray:
    """For each of M the index among N of the same person, or -1, by similarities [N, M]."""
    matched = np.full(similarity.shape[1], -1, np.int64)
    allowed = similarity >= MIN_SIMILARITY
    if allowed.any():
        for before, after in zip(*linear_sum_assignment(similarity, maximize=True), strict=True):
            if allowed[before, after]:
                matched[after] = before
    return matched


def _meet(detections: Detections, rows: np.ndarray, edges: list[int], memory: float, parts: np.ndarray) -> None:
    """Fills in the parts of rows [N], frame by frame; `edges` are where frames begin."""
    living: dict[int, int] = {}
    born = 0
    for first, end in itertools.pairwise(edges):
        now = detections.frames[rows[first]]
        living = {part: row for part, row in living.items() if now - detections.frames[row] <= memory}
        if len(living) > MAX_LIVING:
            living = dict(sorted(living.items(), key=lambda item: -detections.frames[item[1]])[:MAX_LIVING])
        names, before = list(living), np.array(list(living.values()), np.int64)
        matched = assign(detections.table(before, rows[first:end]))
        if (matched < 0).all() and min(len(before), end - first) >= MANY:
            matched = _moved_together(detections, before, rows[first:end], now - max(memory / 4, 1))
        for offset, found in enumerate(matched.tolist()):
            part = names[found] if found >= 0 else born
            born += found < 0
            parts[first + offset] = part
            living[part] = int(rows[first + offset])


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
        matched = assign(similarity)
        hits = np.flatnonzero(matched >= 0)
        value = float(similarity[matched[hits], hits].sum())
        enough = max(MANY, 0.6 * min(len(before), len(after)))
        if len(hits) >= enough and value >= CAMERA_SIMILARITY * len(hits) and value > best:
            best, best_matched = value, np.where(matched >= 0, recent[matched], -1)
    return best_matched
