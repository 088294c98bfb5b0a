"""Jumps and cuts where a frame has no size of its own: one keypoint, one that is left, two that meet."""

import numpy as np
import pytest

from kerasmooth.smoothing import tracking

FRAMES, FPS = 120, 30.0


def dots(count: int, seed: int = 0) -> np.ndarray:
    """[T, N, 1, 2]: dots that wander by some 8 px a frame, hundreds of px apart."""
    random = np.random.default_rng(seed)
    angle = np.cumsum(random.normal(0, 0.4, (FRAMES, count)), axis=0)
    walk = np.cumsum(8 * np.stack([np.cos(angle), np.sin(angle)], axis=-1), axis=0)
    return (walk + random.normal(0, 1, walk.shape) + np.arange(count)[:, None] * [1500.0, 0])[:, :, None]


def follow(points: np.ndarray, ids: np.ndarray, single: bool = False) -> tracking.Tracks:
    """Tracks of points [T, N, K, 2] with ids [T, N]."""
    count = points.shape[1]
    rows = points.reshape(-1, *points.shape[2:])
    known = np.isfinite(rows).all(axis=-1)
    return tracking.follow(np.repeat(np.arange(FRAMES), count), ids.ravel(), rows, known, fps=FPS, single=single)


def test_dots_with_ids_do_not_jump() -> None:
    tracks = follow(dots(3), np.tile(np.arange(3), (FRAMES, 1)))
    assert (tracks.jumps, len(tracks.cuts)) == (0, 0)
    assert len(np.unique(tracks.segments)) == 3


def test_exchanged_ids_of_dots_are_jumps() -> None:
    ids = np.tile(np.arange(3), (FRAMES, 1))
    ids[60:, :2] = ids[60:, 1::-1]
    tracks = follow(dots(3), ids)
    assert tracks.jumps == 2
    assert len(np.unique(tracks.segments)) == 5


def test_dots_without_ids_are_followed() -> None:
    tracks = follow(dots(3), np.full((FRAMES, 3), -1))
    people = tracks.people.reshape(FRAMES, 3)
    assert (people == people[0]).all()
    assert len(tracks.cuts) == 0


def test_two_keypoints_that_meet_are_no_jump() -> None:
    """Two paws that step in turn and pass each other, as an animal's do from the side."""
    seconds = np.arange(FRAMES)[:, None] / FPS
    x = 50 * np.sin(2 * np.pi * 2 * seconds + [0, np.pi]) + np.random.default_rng(0).normal(0, 0.5, (FRAMES, 2))
    paws = np.stack([x, np.full_like(x, 100.0)], axis=-1)[:, None]
    both = np.concatenate([paws, paws + [600.0, 0.0]], axis=1)
    tracks = follow(both, np.tile([0, 1], (FRAMES, 1)))
    assert (tracks.jumps, len(tracks.cuts)) == (0, 0)


def body(seed: int = 1) -> np.ndarray:
    """[T, 1, 6, 2]: somebody of some 200 px who walks."""
    random = np.random.default_rng(seed)
    walk = random.uniform((0, 0), (120, 240), (6, 2)) + np.arange(FRAMES)[:, None, None] * [4.0, 0.0]
    return (walk + random.normal(0, 1, walk.shape))[:, None]


@pytest.mark.parametrize("people", [1, 2])
def test_a_nose_alone_goes_on(people: int) -> None:
    points = np.concatenate([body(), body(2) + [900.0, 0.0]], axis=1)[:, :people]
    points[40:70, 0, 1:] = np.nan
    for ids in (np.arange(people), np.full(people, -1)):
        tracks = follow(points, np.tile(ids, (FRAMES, 1)))
        assert (tracks.jumps, len(tracks.cuts)) == (0, 0)
        assert len(np.unique(tracks.segments)) == people


def test_a_file_of_one_has_no_jumps_but_may_have_a_cut() -> None:
    once, moved = body(), body()
    once[50:53] += 900.0
    moved[50:] += 900.0
    ids = np.zeros((FRAMES, 1), np.int64)
    assert follow(once, ids, single=True).segments.tolist() == [0] * FRAMES
    tracks = follow(moved, ids, single=True)
    assert (tracks.jumps, tracks.cuts.tolist()) == (0, [50])
    assert tracks.segments.tolist() == [0] * 50 + [1] * 70
    ball = dots(1)
    ball[50:] += 900.0
    assert follow(ball, ids, single=True).segments.tolist() == [0] * FRAMES
