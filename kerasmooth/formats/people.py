"""Who is who in the frames of a file."""

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
