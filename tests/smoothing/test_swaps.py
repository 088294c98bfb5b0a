"""Left and right exchanged in a walker whose legs truly cross at every step, and in real labels."""

import numpy as np
import pytest

from kerasmooth.datasets.penn_action import PennAction
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.smoothing.person_scale import person_size
from kerasmooth.smoothing.swaps import LEAST_DISTANCE, find_swaps
from tests.smoothing.recordings import SKELETON, torso, truth

PAIRS = ((0, 1), (2, 3), (4, 5))
"""Hips, knees and ankles."""


def walker(fps: float, view: str, seed: int, noise: float = 0.03) -> np.ndarray:
    """[T, 6, 2] in lengths of the torso: 20 s of walking, a second a stride, seen from the side or from the front."""
    random = np.random.default_rng(seed)
    times = np.arange(int(20 * fps)) / fps
    swings, heights, apart = (0.03, 0.35, 0.7), (1.7, 0.9, 0.1), (0.17, 0.16, 0.13)
    turn = np.radians(90 if view == "side" else 5)
    points = np.empty((len(times), 6, 2))
    for keypoint in range(6):
        limb, side = divmod(keypoint, 2)
        phase = 2 * np.pi * times + side * np.pi
        forward, sideways = swings[limb] * np.sin(phase), apart[limb] * (1 if side else -1)
        lift = 0.1 * limb * np.maximum(np.cos(phase), 0)
        points[:, keypoint] = np.stack(
            [(forward + 1.4 * times) * np.sin(turn) + sideways * np.cos(turn), -heights[limb] - lift], axis=-1
        )
    shake = random.normal(0, noise, points.shape)
    return points + 0.7 * shake + 0.7 * np.roll(shake, 1, axis=0)


def exchanged(points: np.ndarray, share: float, longest: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Knees and ankles, or ankles alone, exchanged for runs of 1 to `longest` frames; and which, bool [T, pairs]."""
    random = np.random.default_rng(seed)
    result, wrong = points.copy(), np.zeros((len(points), 3), bool)
    while wrong[:, 2].mean() < share:
        length = int(random.integers(1, longest + 1))
        first = int(random.integers(3, len(points) - 3 - length))
        if not wrong[first - 3 : first + length + 3].any():
            for pair in range(int(random.integers(1, 3)), 3):
                wrong[first : first + length, pair] = True
                result[first : first + length, [2 * pair, 2 * pair + 1]] = points[
                    first : first + length, [2 * pair + 1, 2 * pair]
                ]
    return result, wrong


def found_in(points: np.ndarray, fps: float) -> np.ndarray:
    return find_swaps(points, np.ones(points.shape[:2], bool), PAIRS, fps)[:, ::2]


@pytest.mark.parametrize(
    ("first", "end", "offset", "found"),
    [(40, 70, 0.0, 30), (40, 70, 0.25, 0), (40, 48, 0.25, 8), (97, 100, 0.0, 3), (80, 100, 0.0, 0), (0, 20, 0.0, 0)],
)
def test_for_long_only_sides_that_jumped_at_once_are_exchanged(first: int, end: int, offset: float, found: int) -> None:
    points = np.zeros((100, 2, 2))
    points[:, 0, 0] = 1.0
    points[first:end] = points[first:end, ::-1] + [0.0, offset]
    assert find_swaps(points, np.ones((100, 2), bool), ((0, 1),), 30.0)[:, 0].sum() == found


def test_legs_that_pass_each_other_while_one_is_hidden_are_not_exchanged() -> None:
    points = np.zeros((24, 2, 2))
    points[:, 0, 0] = np.interp(np.arange(24), [0, 3, 7, 10, 23], [0.45, 0.4, -0.4, -0.55, -0.6])
    points[8:, 1, 0], points[8, 1] = 0.05, (0.2, -0.45)
    known = np.ones((24, 2), bool)
    known[4:8, 1] = False
    for turned in (slice(None), slice(None, None, -1)):
        assert not find_swaps(points[turned], known[turned], ((0, 1),), 25.0).any()


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
@pytest.mark.parametrize("view", ["side", "front"])
@pytest.mark.parametrize(("share", "longest"), [(0.03, 1), (0.1, 1), (0.03, 10), (0.1, 10)])
def test_what_was_exchanged_is_found_and_nothing_else(fps: float, view: str, share: float, longest: int) -> None:
    found = true = right = 0
    for seed in range(3):
        points = walker(fps, view, seed)
        assert not found_in(points, fps).any()
        measured, wrong = exchanged(points, share, longest, seed)
        mended = found_in(measured, fps)
        apart = np.linalg.norm(points[:, ::2] - points[:, 1::2], axis=-1) >= LEAST_DISTANCE
        found, true, right = found + mended.sum(), true + (wrong & apart).sum(), right + (mended & wrong).sum()
    # A run that begins or ends where the legs pass each other is lost.
    assert right > (0.7 if view == "side" and longest > 1 else 0.95) * true
    assert right > 0.9 * found


def test_who_was_away_for_long_is_judged_anew() -> None:
    """One who turned round while hidden has left and right on other sides, and nothing says that this is wrong."""
    points = walker(30.0, "front", 0)
    points[300:] = points[300:, [1, 0, 3, 2, 5, 4]]
    known = np.ones(points.shape[:2], bool)
    known[280:300] = False
    assert not find_swaps(points, known, PAIRS, 30.0).any()
    points[400:404, [0, 1]] = points[400:404, [1, 0]]
    assert np.flatnonzero(find_swaps(points, known, PAIRS, 30.0)[:, 0]).tolist() == [400, 401, 402, 403]


def test_a_wrong_position_exchanges_nobody_behind_it() -> None:
    """A hand that is put far beyond the other one for two frames comes back to where it was."""
    points = walker(30.0, "front", 1)
    points[200:202, 4] += (3.0, 0.5)
    points[202:205, 5] = points[202:205, 4] + 0.05
    assert found_in(points, 30.0)[:, 2].sum() <= 5


def test_noise_exchanges_hardly_anybody(shared_data) -> None:  # type: ignore[no-untyped-def]
    """Labels of Penn Action, and with noise of a fifth of the torso."""
    reader = PennAction(shared_data / "penn_action", actions="all")
    mended, judged = np.zeros(2), 0
    for index, source in enumerate(reader.list_sources()[::60]):
        for clip in reader.read(source).clips:
            positions = clip.keypoints / person_size(clip.keypoints, clip.visibility, BOULDERING_25)
            noise = np.random.default_rng(index).normal(0, 0.2, positions.shape)
            for which, points in enumerate((positions, positions + noise)):
                solid = np.where(clip.visibility[..., None], points, 0.0)
                mended[which] += find_swaps(solid, clip.visibility, BOULDERING_25.pairs, 30.0).sum()
            judged += clip.visibility.sum()
    assert judged > 20_000
    assert mended[0] < 0.008 * judged
    assert mended[1] < 0.02 * judged


def test_keypoints_that_pass_each_other_in_a_sprint_are_not_exchanged() -> None:
    """At 25 frames/s an elbow moves by half a torso a frame, but upper arm and forearm keep their lengths."""
    points = truth("sprint", 25)
    person = points / torso(points)
    known = np.ones(points.shape[:2], bool)
    assert find_swaps(person, known, SKELETON.pairs, 25.0, SKELETON.limbs).sum() < 0.001 * known.size
    # Real exchanges are still found: knees of a person who stands, from the front.
    still = truth("jumping_jacks", 30) / torso(truth("jumping_jacks", 30))
    exchanged = still.copy()
    exchanged[40:43, [17, 18]] = still[40:43, [18, 17]]
    found = find_swaps(exchanged, np.ones(still.shape[:2], bool), SKELETON.pairs, 30.0, SKELETON.limbs)
    assert np.argwhere(found[:, 17]).ravel().tolist() == [40, 41, 42]


def test_hands_that_cross_in_the_first_frame_of_a_sprint_stay() -> None:
    """In the first frame both hands are where the other is in the second; the forearms say that they crossed."""
    points = truth("sprint", 25, seed=2)
    known = np.ones(points.shape[:2], bool)
    person = points / person_size(points, known, SKELETON)
    assert not find_swaps(person, known, SKELETON.pairs, 25.0, SKELETON.limbs)[0].any()


@pytest.mark.parametrize(("first", "found"), [(0, 0), (20, 2)])
def test_at_an_end_nothing_is_exchanged_that_no_limb_speaks_for(first: int, found: int) -> None:
    points = np.zeros((40, 3, 2))
    points[:, 1:, 0] = -0.5, 0.5  # ears, as far from the nose as each other
    points[first : first + 2] = points[first : first + 2, [0, 2, 1]]
    swapped = find_swaps(points, np.ones((40, 3), bool), ((1, 2),), 30.0, ((0, 1), (0, 2)))
    assert swapped[:, 1].sum() == found


@pytest.mark.parametrize("first", [0, 40])
def test_hands_are_exchanged_whole(first: int) -> None:
    """The forearms speak for it; fingers that are exchanged along say nothing, as they fit their wrists either way."""
    points = truth("jumping_jacks", 30) / torso(truth("jumping_jacks", 30))
    exchanged, hands = points.copy(), [7, 9, 11, 13]
    exchanged[first : first + 2, hands] = points[first : first + 2][:, [8, 10, 12, 14]]
    exchanged[first : first + 2, [8, 10, 12, 14]] = points[first : first + 2][:, hands]
    found = find_swaps(exchanged, np.ones(points.shape[:2], bool), SKELETON.pairs, 30.0, SKELETON.limbs)
    assert [np.argwhere(found[:, keypoint]).ravel().tolist() for keypoint in hands] == [[first, first + 1]] * 4
