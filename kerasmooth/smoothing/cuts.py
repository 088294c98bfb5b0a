"""Shot cuts: where the video goes on with another picture, so that everybody is somewhere else at once."""

import numpy as np

AROUND_SECONDS = 0.2
"""Who was last seen so long before a cut, or is first seen so long after it, was there."""


def find_cuts(frames: np.ndarray, segments: np.ndarray, fps: float, memory: float) -> np.ndarray:
    """Frames with which a new shot begins, int64 [C], increasing.

    Nobody goes on from the frames before to those after, though somebody is there on both sides without a break, and
    on one side at least two: of one person alone nobody can tell whether the picture or the id jumped.

    Args:
      frames: int64 [D].
      segments: int64 [D]; rows of the same segment are one person without a jump in between.
      fps: frame numbers per second.
      memory: frames; a segment that was away for longer says nothing about the time in between.
    """
    times, places = np.unique(frames, return_inverse=True)
    if len(times) < 2:
        return times[:0]
    order = np.lexsort((frames, segments))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(segments[order]) != 0) | (np.diff(frames[order]) > memory)
    starts = places[order[first]]
    ends = places[order[np.append(np.flatnonzero(first)[1:] - 1, len(order) - 1)]]
    going_on = np.cumsum(np.bincount(starts, minlength=len(times)) - np.bincount(ends, minlength=len(times)))
    # After times[i] and before times[i + 1].
    around = max(AROUND_SECONDS * fps, 1.0)
    empty = np.flatnonzero((going_on[:-1] == 0) & (np.diff(times) <= around))
    gone, come = np.sort(times[ends]), np.sort(times[starts])
    left = np.searchsorted(gone, times[empty], "right") - np.searchsorted(gone, times[empty] - around, "right")
    entered = np.searchsorted(come, times[empty + 1] + around) - np.searchsorted(come, times[empty + 1])
    return np.asarray(times[empty[(np.minimum(left, entered) >= 1) & (np.maximum(left, entered) >= 2)] + 1])
