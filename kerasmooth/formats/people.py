"""The people in the frames of a file: who is who, and the boxes and scores that some formats have of them."""

import numpy as np

from kerasmooth.pose_table import PoseTable


def once_a_frame(frames: np.ndarray, people: np.ndarray) -> np.ndarray:
    """int64 [D]; an id that several people of one frame have is left to the first, the others have none (-1)."""
    result = np.maximum(people, -1)
    order = np.lexsort((result, frames))
    again = (np.diff(frames[order]) == 0) & (np.diff(result[order]) == 0)
    result[order[1:][again]] = -1
    return result


def person_places(frames: np.ndarray, people: np.ndarray, taken: dict[int, int]) -> np.ndarray:
    """For files whose lines have a place for each person: the place of each row, int64 [D].

    Args:
      frames: [D].
      people: [D]; rows of unknown people (-1) take the first places that are free in their frame.
      taken: places that people already have; more are given out in order of appearance.
    """
    places = dict(taken)
    used: set[tuple[int, int]] = set()
    found = np.empty(len(frames), np.int64)
    rows = list(enumerate(zip(frames.tolist(), people.tolist(), strict=True)))
    # Those who are known have the first choice, so that nobody else gets into their places.
    for row, (frame, person) in sorted(rows, key=lambda item: item[1][1] < 0):
        free = len(set(places.values()))
        place = places.setdefault(person, free) if person >= 0 else free
        while (frame, place) in used:
            place += 1
        used.add((frame, place))
        found[row] = place
    return found


def places_of(table: PoseTable) -> int:
    """How many places for people a line needs that holds any frame of a table."""
    return int(person_places(table.frames, table.people, {}).max(initial=0)) + 1


def box_of(keypoints: np.ndarray) -> list[float]:
    """x, y, width, height around the keypoints [K, 2] that are there; zeros around none."""
    there = keypoints[~np.isnan(keypoints).any(axis=1)]
    if not len(there):
        return [0.0, 0.0, 0.0, 0.0]
    low, high = there.min(axis=0), there.max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def mean_score(confidence: np.ndarray) -> float:
    """Mean over the keypoints of [K] that are there; 1 where all are unknown, 0 where none is there."""
    if np.isnan(confidence).all():
        return 1.0
    return float(confidence[confidence > 0].mean()) if (confidence > 0).any() else 0.0
