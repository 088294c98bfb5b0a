"""Who is who: follows people from frame to frame where a file does not say, and finds where an id jumps to another.

Detections are compared by object-keypoint similarity (`similarity`) and assigned by
`scipy.optimize.linear_sum_assignment`, for those without an id in `following`, for the others in `given_ids`.
"""

from dataclasses import dataclass

import numpy as np

from kerasmooth.smoothing.cuts import find_cuts
from kerasmooth.smoothing.duplicates import Duplicates
from kerasmooth.smoothing.following import MEMORY_SECONDS, assign, assign_without_duplicates, follow_unknown
from kerasmooth.smoothing.given_ids import follow_named, follow_single
from kerasmooth.smoothing.similarity import Detections

__all__ = ["MEMORY_SECONDS", "Tracks", "follow", "groups", "match"]

JUMP_SECONDS = 0.5
"""Who was away for longer may be anywhere: neither does their id jump, nor do they tell of a cut."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """Who each of D detections is.

    Attributes:
      people: int64 [D], the file's id, or one that was given here (above those of the file); -1 for a detection that
        repeats somebody of the same frame.
      segments: int64 [D], detections of the same segment are one person without a jump in between; -1 likewise.
      jumps: how often an id of the file jumped to another person or place, but for cuts.
      cuts: int64 [C], frames with which a new shot of the video begins: everybody is somewhere else at once. No
        segment goes on across one.
      followed: whether any id was given here.
    """

    people: np.ndarray
    segments: np.ndarray
    jumps: int
    cuts: np.ndarray
    followed: bool


def follow(
    frames: np.ndarray,
    people: np.ndarray,
    keypoints: np.ndarray,
    known: np.ndarray,
    *,
    fps: float,
    confidence: np.ndarray | None = None,
    single: bool = False,
) -> Tracks:
    """Finds who each detection is.

    Args:
      frames: int64 [D], frame numbers in any order.
      people: int64 [D], the file's ids, -1 where it has none; an id that is twice in a frame counts for the first. A
        detection without one, followed from and to the same id, has it too.
      keypoints: [D, K, 2].
      known: bool [D, K].
      fps: frame numbers per second.
      confidence: [D, K], NaN where unknown: which of two detections of a person is the better one.
      single: the file holds one person, whose id cannot jump; where everything is elsewhere for good is a cut.
    """
    people = _without_doubles(frames, people)
    detections = Detections(frames, keypoints, known, fps)
    memory = max(JUMP_SECONDS * fps, 1.0)
    if single:
        segments, cuts = follow_single(detections, memory)
        return Tracks(people, segments, 0, cuts, False)
    segments = np.full(len(frames), -1, np.int64)
    quality = _quality(known, confidence)
    if (people >= 0).any() and (people < 0).any():
        duplicates = Duplicates(detections, quality, people >= 0)
        everybody = follow_unknown(detections, np.arange(len(frames)), duplicates)
        people = _without_doubles(frames, _with_ids_between(frames, people, everybody))
    named, unknown = np.flatnonzero(people >= 0), np.flatnonzero(people < 0)
    jumps = np.empty((0, 2), np.int64)
    if len(unknown):
        duplicates = Duplicates(detections, quality, people >= 0)
        segments[unknown] = follow_unknown(detections, unknown, duplicates)
    if len(named):
        found, jumps = follow_named(detections, people, named, memory)
        segments[named] = found + int(segments.max()) + 1
    somebody = segments >= 0
    cuts = find_cuts(frames[somebody], segments[somebody], fps, memory)
    if len(unknown):
        unknown = unknown[somebody[unknown]]
        _end_at_cuts(frames, segments, unknown, cuts)
        people[unknown] = int(people.max()) + 1 + _by_appearance(frames[unknown], segments[unknown])
    # A jump from one side of a cut to the other is the cut's.
    at_cut = np.searchsorted(cuts, jumps[:, 0], "right") < np.searchsorted(cuts, jumps[:, 1], "right")
    return Tracks(people, segments, int((~at_cut).sum()), cuts, bool(len(unknown)))


def match(
    before: np.ndarray, known_before: np.ndarray, seconds: np.ndarray, keypoints: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Which person of a moment ago each detection is: int64 [P], -1 for a new one, -2 for one that repeats another.

    Args:
      before: [N, K, 2], where the people were last.
      known_before: bool [N, K].
      seconds: [N], how long ago.
      keypoints: [P, K, 2], the detections.
      known: bool [P, K].
    """
    both, shown = np.concatenate([before, keypoints]), np.concatenate([known_before, known])
    times = np.concatenate([-seconds, np.zeros(len(keypoints))])
    detections = Detections(times, both, shown, 1.0)
    detections.use_nearest_steps(np.flatnonzero(shown.any(axis=1)))
    rows = len(before) + np.arange(len(keypoints))
    similarity = detections.table(np.arange(len(before)), rows)
    hidden = seconds - seconds.min(initial=np.inf)
    if len(rows) < 2:
        return assign(similarity, hidden)
    duplicates = Duplicates(detections, shown.sum(axis=1), np.zeros(len(both), bool))
    if 0 not in duplicates.frames:
        return assign(similarity, hidden)
    matched, spare = assign_without_duplicates(similarity, hidden, rows, duplicates)
    return np.where(spare, -2, matched)


def groups(people: np.ndarray) -> list[np.ndarray]:
    """The rows of each number, by number; those of -1 are in none. people: [D]."""
    order = np.argsort(people, kind="stable")
    order = order[np.searchsorted(people[order], 0) :]
    starts = np.flatnonzero(np.diff(people[order])) + 1
    return [rows for rows in np.split(order, starts) if len(rows)]


def _quality(known: np.ndarray, confidence: np.ndarray | None) -> np.ndarray:
    """How much is seen of each, [D]: the sum of the confidence of what is known."""
    if confidence is None:
        return known.sum(axis=1)
    return np.where(known, np.where(np.isnan(confidence), 1.0, confidence), 0.0).sum(axis=1)


def _end_at_cuts(frames: np.ndarray, segments: np.ndarray, rows: np.ndarray, cuts: np.ndarray) -> None:
    """Gives `rows` of a segment that lie on two sides of a cut different ones: who was hidden then is somebody else."""
    if len(cuts) and len(rows):
        shots = np.stack([segments[rows], np.searchsorted(cuts, frames[rows], "right")], axis=1)
        segments[rows] = segments.max() + 1 + np.unique(shots, axis=0, return_inverse=True)[1].reshape(-1)


def _by_appearance(frames: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The segments [N] numbered in the order in which they are first seen."""
    order = np.lexsort((np.arange(len(frames)), frames))
    first, number = np.unique(segments[order], return_index=True, return_inverse=True)[1:]
    result = np.empty(len(segments), np.int64)
    result[order] = np.argsort(np.argsort(first))[number]
    return result


def _with_ids_between(frames: np.ndarray, people: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """The ids [D], also of detections without one that stand between two of the same id in their track."""
    order = np.lexsort((frames, tracks))
    ids, tracks, place = people[order], tracks[order], np.arange(len(order))
    before = np.maximum.accumulate(np.where(ids >= 0, place, 0))
    after = np.minimum.accumulate(np.where(ids >= 0, place, len(place) - 1)[::-1])[::-1]
    same = (tracks >= 0) & (tracks[before] == tracks) & (tracks[after] == tracks) & (ids[before] == ids[after])
    result = people.copy()
    result[order[same]] = ids[before[same]]
    return result


def _without_doubles(frames: np.ndarray, people: np.ndarray) -> np.ndarray:
    order = np.lexsort((np.arange(len(frames)), people, frames))
    same = (np.diff(frames[order]) == 0) & (np.diff(people[order]) == 0) & (people[order][1:] >= 0)
    result = people.astype(np.int64)
    result[order[1:][same]] = -1
    return result
