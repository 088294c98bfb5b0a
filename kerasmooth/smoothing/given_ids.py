"""Where an id that a file gives jumps to another person or place, and where the video of one person is cut."""

import numpy as np

from kerasmooth.smoothing.following import MIN_SIMILARITY
from kerasmooth.smoothing.similarity import FEW_KEYPOINTS, Detections

JUMP_SIMILARITY = 0.05
"""Two detections below it are not the same person although the file gives them the same id: it takes more to contradict
a file. Where half of the others jump at the same moment it takes no more than MIN_SIMILARITY."""


def follow_named(
    detections: Detections, people: np.ndarray, named: np.ndarray, memory: float
) -> tuple[np.ndarray, np.ndarray]:
    """Segments of rows `named`, whose ids the file gives, and the jumps [N, 2]: the frames before and after each."""
    rows = named[np.lexsort((detections.frames[named], people[named]))]
    edges = np.flatnonzero(np.diff(people[rows])) + 1
    each = np.split(np.arange(len(rows)), edges)
    for one in each:
        detections.use_usual_sizes(rows[one])
    frames = detections.frames[rows]
    steps = np.diff(frames)
    goes_on = (np.diff(people[rows]) == 0) & (steps <= memory)
    step_of = np.full(len(steps), -1)
    pairs = np.stack([frames[:-1][goes_on], frames[1:][goes_on]], axis=1)
    step_of[goes_on] = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)
    camera = _camera(detections, rows, step_of)
    similarity = np.full(len(steps), np.nan)
    for one in each:
        similarity[one[:-1]] = detections.of_neighbours(rows[one], camera[one[:-1]])
    apart = goes_on & (similarity < JUMP_SIMILARITY)
    if apart.any():
        moved = np.bincount(step_of[apart], minlength=step_of.max() + 1)
        present = np.bincount(step_of[goes_on], minlength=len(moved))
        doubtful = goes_on & (2 * moved >= np.maximum(present, 2))[step_of]
        apart |= doubtful & (similarity < MIN_SIMILARITY)
    result, jumps, count = np.empty(len(people), np.int64), [np.empty((0, 2), np.int64)], 0
    for one in each:
        found, begun = _segments_of_one(detections, rows[one], apart[one[:-1]], memory)
        result[rows[one]] = found + count
        count += int(found.max()) + 1
        jumps.append(np.stack([frames[one[begun - 1]], frames[one[begun]]], axis=1))
    return result[named], np.concatenate(jumps)


def follow_single(detections: Detections, memory: float) -> tuple[np.ndarray, np.ndarray]:
    """Segments [D] of the only person of a file, and the frames of the cuts that end them; what comes back was no cut.

    Of one or two keypoints nothing tells a cut from a fast movement.
    """
    rows = np.argsort(detections.frames, kind="stable")
    segments, frames = np.zeros(len(rows), np.int64), detections.frames[rows]
    if detections.known.shape[1] <= FEW_KEYPOINTS or len(rows) < 2:
        return segments, frames[:0]
    detections.use_usual_sizes(rows)
    shared = (detections.known[rows[:-1]] & detections.known[rows[1:]]).sum(axis=1)
    apart = (np.diff(frames) <= memory) & (shared > FEW_KEYPOINTS)
    apart &= detections.of_neighbours(rows) < JUMP_SIMILARITY
    found = _segments_of_one(detections, rows, apart, memory)[0]
    last = np.zeros(found.max() + 1, np.int64)
    np.maximum.at(last, found, np.arange(len(rows)))
    ends = np.maximum.accumulate(last[found])[:-1] < np.arange(1, len(rows))
    segments[rows[1:]] = np.cumsum(ends)
    return segments, frames[1:][ends]


def _camera(detections: Detections, rows: np.ndarray, step_of: np.ndarray) -> np.ndarray:
    """[len(rows) - 1, 2]: by how much people moved in the median between the same two frames; NaN for one alone."""
    camera = np.full((len(step_of), 2), np.nan)
    used = np.flatnonzero(step_of >= 0)
    order = used[np.argsort(step_of[used], kind="stable")]
    moved = np.diff(detections.centres[rows], axis=0)
    for same in np.split(order, np.flatnonzero(np.diff(step_of[order])) + 1):
        if len(same) > 1:
            camera[same] = np.median(moved[same], axis=0)
    return camera


def _segments_of_one(
    detections: Detections, rows: np.ndarray, apart: np.ndarray, memory: float
) -> tuple[np.ndarray, np.ndarray]:
    """Segments of the rows of one id, [len(rows)], and where new ones begin; a return continues the old segment."""
    segments = np.zeros(len(rows), np.int64)
    begun: list[int] = []
    last: dict[int, int] = {}
    start = 0
    for end in [*(np.flatnonzero(apart) + 1).tolist(), len(rows)]:
        if start:
            segment = _returned(detections, rows, start, last, memory)
            if segment not in last:
                begun.append(start)
        else:
            segment = 0
        segments[start:end] = segment
        last[segment] = end - 1
        start = end
    return segments, np.array(begun, np.int64)


def _returned(detections: Detections, rows: np.ndarray, at: int, last: dict[int, int], memory: float) -> int:
    """The segment that was left a moment ago and that row `at` goes back to, otherwise a new one."""
    for segment, end in sorted(last.items(), key=lambda item: -item[1])[1:4]:
        recent = detections.frames[rows[at]] - detections.frames[rows[end]] <= memory
        if recent and detections.similarity(rows[end : end + 1], rows[at : at + 1])[0] >= JUMP_SIMILARITY:
            return segment
    return max(last) + 1
