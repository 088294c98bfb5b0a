"""Shot cuts, jumps of one id, and a camera that turns, told apart on built sequences."""

import numpy as np
import pytest

from kerasmooth.smoothing import tracking

FPS = 25.0
CUT = 30


def people(places: list[tuple[float, float]], frames: int, seed: int, pan: np.ndarray | None = None) -> np.ndarray:
    """[P, T, 12, 2]: people of some 300 px at those places, who sway; `pan` [T, 2] is what the camera adds."""
    random = np.random.default_rng(seed)
    bodies = random.uniform((0, 0), (120, 300), (len(places), 1, 12, 2)) + np.array(places)[:, None, None]
    sway = 10 * np.sin(np.arange(frames)[None, :, None, None] / 8 + random.uniform(0, 6, (len(places), 1, 1, 1)))
    noise = random.normal(0, 2, (len(places), frames, 12, 2))
    return bodies + sway + noise + (0 if pan is None else pan[None, :, None])


def follow(shots: list[np.ndarray], ids: list[list[int]]) -> tuple[tracking.Tracks, np.ndarray]:
    """Tracks of shots [P, T, 12, 2] one after the other with those ids (-1: none), and the frame of each row."""
    frames, names, keypoints, first = [], [], [], 0
    for shot, who in zip(shots, ids, strict=True):
        count, length = shot.shape[:2]
        frames.append(np.tile(first + np.arange(length), count))
        names.append(np.repeat(who, length))
        keypoints.append(shot.reshape(-1, 12, 2))
        first += length
    rows, points = np.concatenate(frames), np.concatenate(keypoints)
    known = np.isfinite(points).all(axis=-1)
    return tracking.follow(rows, np.concatenate(names), points, known, fps=FPS), rows


def nobody_goes_across(tracks: tracking.Tracks, frames: np.ndarray) -> bool:
    return not set(tracks.segments[frames < CUT].tolist()) & set(tracks.segments[frames >= CUT].tolist())


@pytest.mark.parametrize("kept", [[0, 1], [1, 0], [2, 3], [-1, -1]], ids=["kept", "exchanged", "new", "none"])
def test_a_cut_with_as_many_people(kept: list[int]) -> None:
    shots = [people([(0, 0), (500, 40)], CUT, 1), people([(220, 300), (900, 10)], 30, 2)]
    tracks, frames = follow(shots, [[0, 1] if kept[0] >= 0 else [-1, -1], kept])
    assert tracks.cuts.tolist() == [CUT]
    assert tracks.jumps == 0
    assert nobody_goes_across(tracks, frames)
    assert len(np.unique(tracks.segments)) == 4


def test_a_cut_in_which_one_stands_where_somebody_stood() -> None:
    """Half of the people jump, so the other, who is hardly alike, is not believed to go on."""
    before, after = people([(0, 0), (500, 40)], CUT, 1), people([(30, 25), (1500, 10)], 30, 2)
    tracks, frames = follow([before, after], [[0, 1], [0, 1]])
    assert tracks.cuts.tolist() == [CUT]
    assert nobody_goes_across(tracks, frames)


@pytest.mark.parametrize("id_given", [True, False])
def test_a_cut_to_more_or_fewer(id_given: bool) -> None:
    for first, second in ((2, 3), (3, 1), (1, 2)):
        places = [(600.0 * i, 50.0 * i) for i in range(3)]
        shots = [people(places[:first], CUT, 3), people([(x + 250, y + 400) for x, y in places[:second]], 30, 4)]
        ids = [list(range(first)), list(range(second))] if id_given else [[-1] * first, [-1] * second]
        tracks, frames = follow(shots, ids)
        assert tracks.cuts.tolist() == [CUT]
        assert tracks.jumps == 0
        assert nobody_goes_across(tracks, frames)


def test_one_of_two_jumps_and_it_is_no_cut() -> None:
    shots = [people([(0, 0), (500, 40)], CUT, 1), people([(0, 0), (2500, 40)], 30, 1)]
    tracks, _ = follow(shots, [[0, 1], [0, 1]])
    assert len(tracks.cuts) == 0
    assert tracks.jumps == 1
    stayed = tracks.people == 0
    assert len(np.unique(tracks.segments[stayed])) == 1
    assert len(np.unique(tracks.segments[~stayed])) == 2


@pytest.mark.parametrize(("person", "jumps"), [(0, 1), (-1, 0)])
def test_somebody_alone_who_is_elsewhere_jumps(person: int, jumps: int) -> None:
    """Nothing tells a cut from a wrong id; smoothing goes across neither."""
    tracks, frames = follow([people([(0, 0)], CUT, 1), people([(900, 300)], 30, 2)], [[person], [person]])
    assert (len(tracks.cuts), tracks.jumps) == (0, jumps)
    assert nobody_goes_across(tracks, frames)


@pytest.mark.parametrize("ids", [[0, 1, 2], [-1, -1, -1]], ids=["given", "followed"])
@pytest.mark.parametrize("speed", [40.0, 150.0, 600.0])
def test_a_pan_is_neither(ids: list[int], speed: float) -> None:
    """The camera stands, whips round by `speed` px a frame for five frames, and stands again."""
    pan = np.zeros((60, 2))
    pan[:, 0] = -speed * np.clip(np.arange(60) - 27, 0, 5)
    tracks, _ = follow([people([(0, 0), (400, 40), (900, -30)], 60, 5, pan)], [ids])
    assert (len(tracks.cuts), tracks.jumps) == (0, 0)
    assert len(np.unique(tracks.segments)) == 3


def test_who_leaves_and_who_comes_later_make_no_cut() -> None:
    first, second = people([(0, 0), (500, 40)], CUT, 1), people([(220, 300), (900, 10)], 30, 2)
    empty = np.empty((0, 10, 12, 2))
    tracks, _ = follow([first, empty, second], [[0, 1], [], [2, 3]])
    assert len(tracks.cuts) == 0


def test_every_cut_is_found() -> None:
    shots = [people([(300.0 * i, 0), (300.0 * i + 450, 90.0 * i)], 20, 10 + i) for i in range(5)]
    tracks, _ = follow([shot + 700 * (i % 2) for i, shot in enumerate(shots)], [[0, 1]] * 5)
    assert tracks.cuts.tolist() == [20, 40, 60, 80]
    assert tracks.jumps == 0
