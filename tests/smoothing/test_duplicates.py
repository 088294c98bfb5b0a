"""A detector that reports a person twice, and people who are as close as people get."""

import numpy as np
import pytest

from kerasmooth.pose_files.table_smoothing import smooth_table
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import COCO_17
from kerasmooth.smoothing import tracking
from kerasmooth.smoothing.settings import SmoothingSettings

FPS, FRAMES = 25.0, 120


def walkers(speeds: list[float], apart: float, seed: int = 0) -> np.ndarray:
    """[P, T, 17, 2]: people of some 110 x 290 px who walk with their own `speeds` (px/s), `apart` at the middle."""
    random = np.random.default_rng(seed)
    bodies = random.uniform((0, 0), (110, 290), (len(speeds), 1, 17, 2))
    seconds = (np.arange(FRAMES) - FRAMES / 2)[None, :, None] / FPS
    x = 1000 + np.array(speeds)[:, None, None] * seconds + apart * np.arange(len(speeds))[:, None, None]
    swing = 12 * np.sin(6 * seconds + random.uniform(0, 6, (len(speeds), 1, 17)))
    moved = np.stack([x + swing, np.zeros_like(x + swing)], axis=-1)
    return bodies + moved + random.normal(0, 2, (len(speeds), FRAMES, 17, 2))


def twice(people: np.ndarray, share: float, noise: float, seed: int = 0) -> PoseTable:
    """A file without ids that has `share` of the detections once more, less sure; `deviation` is 1 for those."""
    random = np.random.default_rng(seed)
    who, frames = np.nonzero(np.ones(people.shape[:2], bool))
    again = np.flatnonzero(random.random(len(frames)) < share)
    points = np.concatenate([people[who, frames], people[who[again], frames[again]]])
    points[len(frames) :] += random.normal(0, noise, points[len(frames) :].shape)
    sure = np.concatenate([random.uniform(0.7, 1, (len(frames), 17)), random.uniform(0.2, 0.6, (len(again), 17))])
    copied = np.arange(len(points)) >= len(frames)
    frames = np.concatenate([frames, frames[again]])
    order = np.lexsort((random.random(len(frames)), frames))
    return PoseTable(
        frames[order],
        np.full(len(frames), -1),
        points[order],
        sure[order],
        np.arange(FRAMES),
        COCO_17,
        FPS,
        deviation=np.repeat(np.where(copied, 1.0, 0.0)[order, None], 17, axis=1),
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("noise", [1.0, 6.0])
def test_who_is_reported_twice_is_one_person(share: float, noise: float) -> None:
    table = twice(walkers([90, -90, 0], 300), share, noise)
    copied = table.deviation[:, 0] == 1
    done = smooth_table(table, SmoothingSettings(method="gaussian"))
    rows = slice(0, len(table.frames))
    assert sorted(np.unique(done.people[rows])) == [-1, 0, 1, 2]
    np.testing.assert_array_equal(done.people[rows] < 0, copied)
    # Left as they are, and the better ones are smoothed.
    np.testing.assert_array_equal(done.table.keypoints[rows][copied], table.keypoints[copied])
    assert (done.table.keypoints[rows][~copied] != table.keypoints[~copied]).any(axis=(1, 2)).all()
    assert [report.frames for report in done.reports] == [FRAMES] * 3
    assert done.duplicates == copied.sum()


def test_people_who_hide_each_other_stay_two() -> None:
    """The same body, so that they are nearly the same where they meet: half a second within a tenth of their size."""
    people = walkers([40, -40], 0)
    people[1] += people[0].mean(axis=0) - people[1].mean(axis=0)
    table = twice(people, 0.0, 0.0)
    assert (np.linalg.norm(people[0] - people[1], axis=-1).mean(axis=1) < 25).sum() >= 12
    done = smooth_table(table, SmoothingSettings(method="gaussian"))
    assert sorted(np.unique(done.people)) == [0, 1]
    assert done.duplicates == 0


def test_a_part_of_somebody_is_a_duplicate_too() -> None:
    people = walkers([60, 60], 400)
    table = twice(people, 0.3, 2.0)
    copied = table.deviation[:, 0] == 1
    table.keypoints[copied, 11:], table.confidence[copied, 11:] = np.nan, 0
    np.testing.assert_array_equal(smooth_table(table, SmoothingSettings(method="gaussian")).people < 0, copied)


def follow(table: PoseTable, people: np.ndarray) -> tracking.Tracks:
    known = np.isfinite(table.keypoints).all(axis=-1)
    return tracking.follow(table.frames, people, table.keypoints, known, fps=FPS, confidence=table.confidence)


def test_ids_of_the_file_stay() -> None:
    table = twice(walkers([90], 0), 1.0, 2.0)
    copied = table.deviation[:, 0] == 1
    tracks = follow(table, np.where(copied, 9, 4))
    np.testing.assert_array_equal(tracks.people, np.where(copied, 9, 4))
    # One without an id beside one who has one, although it is the surer one.
    tracks = follow(table, np.where(copied, 4, -1))
    np.testing.assert_array_equal(tracks.people, np.where(copied, 4, -1))
    assert not tracks.followed


def test_a_duplicate_takes_nobody_in_a_stream() -> None:
    people = walkers([90, -90], 300)[:, 10]
    seen = np.concatenate([people[1:], people + 2.0, people[:1] + 400])
    known = np.ones(seen.shape[:2], bool)
    known[1, :3] = False
    before = walkers([90, -90], 300)[:, 9]
    found = tracking.match(before, np.ones((2, 17), bool), np.full(2, 1 / FPS), seen, known)
    assert found.tolist() == [1, 0, -2, -1]
