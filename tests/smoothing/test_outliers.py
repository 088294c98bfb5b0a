"""Outliers are found, kicks are not."""

import numpy as np
import pytest

from kerasmooth.pose_table import REPLACED
from kerasmooth.smoothing.keypoints import smooth_keypoints
from kerasmooth.smoothing.outliers import find_outliers
from tests.smoothing.recordings import SKELETON, noise, torso, truth

KINDS = ("walking", "sprint", "kick", "cartwheel", "squat", "climbing", "toprock", "pitching", "jumping_jacks")


def found(points: np.ndarray, fps: float, confidence: np.ndarray | None = None) -> np.ndarray:
    known = np.ones(points.shape[:2], bool)
    return find_outliers(points / torso(points), known, fps, confidence, SKELETON)


def planted(points: np.ndarray, lengths: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """5 % of all frames of each keypoint moved by 0.3 to 1.5 torsos, in runs; and where, bool [T, K]."""
    random = np.random.default_rng(seed)
    moved, where = points.copy(), np.zeros(points.shape[:2], bool)
    for keypoint in range(points.shape[1]):
        while where[:, keypoint].mean() < 0.05:
            length = int(random.integers(lengths[0], lengths[1] + 1))
            first = int(random.integers(3, len(points) - length - 3))
            if not where[first - 3 : first + length + 3, keypoint].any():
                angle, far = random.uniform(0, 2 * np.pi), random.uniform(0.3, 1.5) * torso(points)
                moved[first : first + length, keypoint] += far * np.array([np.cos(angle), np.sin(angle)])
                where[first : first + length, keypoint] = True
    return moved, where


@pytest.mark.parametrize("fps", [25, 60])
def test_clean_motion_has_none(fps: float) -> None:
    shares, fast_shares = [], []
    for kind in KINDS:
        points = truth(kind, fps)
        wrong = found(points, fps)
        speed = np.linalg.norm(np.gradient(points, axis=0), axis=-1)
        shares.append(wrong.mean())
        fast_shares.append(wrong[speed >= np.quantile(speed, 0.95)].mean())
    assert np.mean(shares) < 0.001
    assert np.mean(fast_shares) < 0.003


@pytest.mark.parametrize("lengths", [(1, 1), (2, 8)])
@pytest.mark.parametrize("fps", [30, 60])
def test_planted_ones_are_found(fps: float, lengths: tuple[int, int]) -> None:
    hits = claimed = planted_count = 0
    for seed, kind in enumerate(KINDS):
        points = truth(kind, fps)
        points = points + noise(points.shape, fps) * 0.01 * torso(points)
        moved, where = planted(points, lengths, seed)
        wrong = found(moved, fps)
        hits, claimed, planted_count = hits + (wrong & where).sum(), claimed + wrong.sum(), planted_count + where.sum()
    assert hits / planted_count > 0.9
    assert hits / claimed > 0.94


def test_a_run_is_rejected_on_evidence_only() -> None:
    """Three frames away: with a skeleton whose neighbours rest, or a confidence that falls, but not for itself."""
    points = truth("standing", 30)
    moved = points.copy()
    moved[40:43, 8] += 0.8 * torso(points)
    known, person = np.ones(points.shape[:2], bool), moved / torso(points)
    assert find_outliers(person, known, 30, None, SKELETON)[40:43, 8].all()
    assert not find_outliers(person, known, 30).any()
    confidence = np.full(points.shape[:2], 0.9)
    confidence[40:43, 8] = 0.3
    assert find_outliers(person, known, 30, confidence)[40:43, 8].all()
    single = points.copy()
    single[50, 8] += 0.8 * torso(points)
    assert np.argwhere(find_outliers(single / torso(points), known, 30)).tolist() == [[50, 8]]


@pytest.mark.parametrize("frames", [range(20, 23), range(20, 26)])
def test_a_foot_that_jumps_as_a_whole_is_an_outlier_and_one_that_its_leg_brings_along_is_not(frames: range) -> None:
    foot = [SKELETON.index(f"left_{name}") for name in ("ankle", "heel", "foot_index")]
    knee = SKELETON.index("left_knee")
    points = truth("walking", 30)
    moved, where = points.copy(), np.zeros(points.shape[:2], bool)
    where[np.ix_(frames, foot)] = True
    moved[where] += (0.3 * torso(points), -0.3 * torso(points))
    np.testing.assert_array_equal(found(moved, 30), where)
    # The knee goes along, but gathers speed as a limb does.
    moved[frames, knee] += np.sin(np.linspace(0.3, np.pi - 0.3, len(frames)))[:, None] * (1, -1) * 0.3 * torso(points)
    assert not found(moved, 30)[frames, foot[0]].any()


@pytest.mark.parametrize("frame", [0, -1])
def test_one_at_the_end_is_replaced(frame: int) -> None:
    points = truth("walking", 30)
    moved = points.copy()
    moved[frame, 8] += 0.8 * torso(points)
    result = smooth_keypoints(moved, fps=30, skeleton=SKELETON)
    assert result.provenance[frame, 8] == REPLACED
    assert np.linalg.norm(result.keypoints[frame, 8] - points[frame, 8]) < 0.2 * torso(points)


def test_a_long_run_of_low_confidence_that_its_neighbours_contradict_is_given_up() -> None:
    points = truth("standing", 30)
    measured = points + noise(points.shape, 30) * 0.01 * torso(points)
    measured[40:52, 8] += 0.5 * torso(points)
    confidence = np.full(points.shape[:2], 0.9)
    confidence[40:52, 8] = 0.05
    result = smooth_keypoints(measured, confidence, fps=30, skeleton=SKELETON)
    off = np.linalg.norm(result.keypoints[40:52, 8] - points[40:52, 8], axis=-1)
    assert off.max() < 0.1 * torso(points)
    assert (result.confidence[40:52, 8] <= 0.05).all()
    # Moving along with what they are joined to they are only uncertain.
    together = np.full(points.shape[:2], 0.9)
    together[40:52, 8] = 0.05
    kept = smooth_keypoints(points, together, fps=30, skeleton=SKELETON)
    assert (kept.provenance[40:52, 8] != REPLACED).all()
