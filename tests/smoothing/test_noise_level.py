"""The noise of a detector is told from motion by what keypoints do not do together."""

import numpy as np
import pytest

from kerasmooth.smoothing.auto_filter import auto
from kerasmooth.smoothing.noise_level import MEMORIES, estimate_noise
from tests.smoothing.recordings import noise, torso, truth


@pytest.mark.parametrize("kind", ["standing", "sprint", "kick", "walking"])
@pytest.mark.parametrize("percent", [1.0, 5.0])
def test_white_noise_is_found_as_it_is(kind: str, percent: float) -> None:
    points = truth(kind, 60) / torso(truth(kind, 60))
    estimate = estimate_noise(points + noise(points.shape, 60) * percent / 100, known(points), 60)
    assert estimate.memory == 0
    # The bound is 1.5 times what was measured.
    assert 1.1 < np.median(estimate.most) / (percent / 100) < 1.9


@pytest.mark.parametrize(("kind", "seed"), [("cartwheel", 0), ("walking", 0), ("walking", 1)])
def test_fast_motion_of_the_whole_body_is_not_taken_for_noise_that_lasts(kind: str, seed: int) -> None:
    points = truth(kind, 25) / torso(truth(kind, 25))
    estimate = estimate_noise(points + 0.003 * noise(points.shape, 25, seed=seed), known(points), 25)
    assert estimate.memory == 0


@pytest.mark.parametrize("kind", ["standing", "walking", "kick"])
@pytest.mark.parametrize("ratio", [1.0, 2.5])
def test_noise_may_be_larger_along_one_axis(kind: str, ratio: float) -> None:
    points = truth(kind, 60) / torso(truth(kind, 60))
    noisy = points + noise(points.shape, 60) * 0.02 * np.array([1.0, ratio])
    axes = estimate_noise(noisy, known(points), 60).axes
    assert abs(axes[1] / axes[0] / ratio - 1) < 0.15
    assert np.isclose(np.mean(axes**2), 1)


def test_an_axis_that_is_stretched_changes_nothing() -> None:
    """The unit of an axis, noise and motion alike, is not what decides how much is smoothed: their mean size is."""
    points = truth("kick", 60) / torso(truth("kick", 60))
    noisy, weights = points + 0.05 * noise(points.shape, 60), np.ones(points.shape[:2])
    stretch = np.array([1.0, 2.5])
    stretch /= np.sqrt(np.mean((stretch * estimate_noise(noisy, known(points), 60).axes) ** 2))
    plain, stretched = (auto(values, weights, known(points), 60) for values in (noisy, noisy * stretch))
    np.testing.assert_allclose(stretched.positions / stretch, plain.positions, atol=1e-6)


@pytest.mark.parametrize("kind", ["standing", "kick"])
def test_noise_that_lasts_is_seen_to_last(kind: str) -> None:
    points = truth(kind, 60) / torso(truth(kind, 60))
    estimate = estimate_noise(points + noise(points.shape, 60, memory=0.08) * 0.05, known(points), 60)
    assert estimate.memory in MEMORIES[1:]
    assert 0.6 < np.median(estimate.whole) / 0.05 < 1.4


@pytest.mark.parametrize("kind", ["standing", "walking", "squat"])
@pytest.mark.parametrize("fps", [30, 60, 240])
def test_noise_does_not_look_shorter_than_it_is(kind: str, fps: int) -> None:
    """Of the memories that are tried the longest, 0.06 s, is the one nearest to 0.08 s."""
    points = truth(kind, fps) / torso(truth(kind, fps))
    estimate = estimate_noise(points + noise(points.shape, fps, memory=0.08) * 0.05, known(points), fps)
    assert estimate.memory == MEMORIES[-1]


def known(points: np.ndarray) -> np.ndarray:
    return np.ones(points.shape[:2], bool)


def test_of_one_keypoint_nothing_is_known() -> None:
    estimate = estimate_noise(np.random.default_rng(0).normal(size=(300, 1, 2)), np.ones((300, 1), bool), 60)
    assert estimate.memory == 0
    assert np.isinf(estimate.most).all()
