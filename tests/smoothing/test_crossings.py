"""People who pass each other, one of them hidden for a while."""

import numpy as np
import pytest
from test_duplicates import walkers

from kerasmooth.smoothing import tracking


def people_of(points: np.ndarray, there: np.ndarray, step: int = 1) -> list[set[int]]:
    """The ids that each of points [P, T, K, 2] gets where it is `there` [P, T]; every `step`-th frame is looked at."""
    points, there = points[:, ::step], there[:, ::step]
    frames, who = np.nonzero(there.T)
    order = np.lexsort((np.random.default_rng(0).random(len(frames)), frames))
    frames, who = frames[order], who[order]
    keypoints = points[who, frames]
    known = np.ones(keypoints.shape[:2], bool)
    tracks = tracking.follow(frames, np.full(len(frames), -1), keypoints, known, fps=25.0 / step)
    return [set(tracks.people[who == person].tolist()) for person in range(len(points))]


@pytest.mark.parametrize("hidden", [0.0, 0.2, 0.4, 0.6])
@pytest.mark.parametrize("speeds", [[250, -250], [400, 150], [120, -200], [300, 0]])
def test_who_is_hidden_while_passing_is_the_same_afterwards(speeds: list[float], hidden: float) -> None:
    points = walkers(speeds, 0)
    there = np.ones(points.shape[:2], bool)
    there[0, abs(np.arange(points.shape[1]) - 60) < hidden * 25 / 2] = False
    assert people_of(points, there) == [{0}, {1}] or people_of(points, there) == [{1}, {0}]


@pytest.mark.parametrize("step", [2, 5])
def test_passing_at_low_frame_rates(step: int) -> None:
    points = walkers([90, -90], 0)
    ids = people_of(points, np.ones(points.shape[:2], bool), step)
    assert all(len(each) == 1 for each in ids)
    assert ids[0] != ids[1]


def test_who_stands_is_found_again() -> None:
    points = walkers([0, 0, 0], 130)
    there = np.ones(points.shape[:2], bool)
    there[1, 40:58] = False
    there[2, 70:85] = False
    assert sorted(people_of(points, there), key=min) == [{0}, {1}, {2}]


def test_who_turns_back_while_hidden_is_found_again() -> None:
    points = walkers([200, 0], 60)
    points[0, 60:] = points[0, 60:0:-1]
    there = np.ones(points.shape[:2], bool)
    there[0, 56:65] = False
    assert all(len(each) == 1 for each in people_of(points, there))


def test_a_stranger_who_comes_later_is_somebody_else() -> None:
    """Three quarters of a person aside, after half a second; before them, the place is where the other would be."""
    points = walkers([0, 0], 500)
    there = np.ones(points.shape[:2], bool)
    there[0, 60:73] = False
    points[0, 73:] += [130, 0]
    assert len(people_of(points, there)[0]) == 2
