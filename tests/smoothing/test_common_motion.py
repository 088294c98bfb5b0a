"""The motion that all keypoints share is found, and taken off those that rest without it."""

import numpy as np
import pytest

from kerasmooth.smoothing.common_motion import common_motion
from kerasmooth.smoothing.noise_level import estimate_noise
from tests.smoothing.recordings import noise, torso, truth

FPS = 60


def found(points: np.ndarray, percent: float, seed: int = 0) -> np.ndarray:
    """[T, K, 2], of points [T, K, 2] in torsos with white noise."""
    measured = points + noise(points.shape, FPS, seed) * percent / 100
    known = np.ones(points.shape[:2], bool)
    joined = np.zeros((points.shape[1], points.shape[1]), bool)
    return common_motion(measured, known.astype(float), estimate_noise(measured, known, FPS), FPS, joined)[0]


def in_torsos(kind: str) -> np.ndarray:
    points = truth(kind, FPS)
    return points / torso(points)


def shaking(points: np.ndarray) -> np.ndarray:
    """[T, 2] in torsos."""
    seconds = np.arange(len(points)) / FPS
    return 0.1 * np.stack([np.sin(25 * seconds), np.cos(31 * seconds)], axis=-1)


def test_it_is_how_the_camera_shakes() -> None:
    points = in_torsos("standing")
    shake = shaking(points)
    common = found(points + shake[:, None], 1.0)
    taken = common.any(axis=(0, 2))
    assert taken.mean() > 0.9
    sway = np.median(points - points.mean(axis=0), axis=1)
    moved = sway + shake - (sway + shake).mean(axis=0)
    off = common[:, taken] - common[:, taken].mean(axis=0) - moved[:, None]
    # The median of 25 measurements is a quarter as noisy as one (0.01); the rest is that of a little sway in each.
    assert np.sqrt(np.mean(off**2)) < 0.4 * 0.01


@pytest.mark.parametrize("kind", ["cartwheel", "sprint"])
def test_a_body_that_turns_or_runs_is_left_as_it_is(kind: str) -> None:
    assert np.mean(found(in_torsos(kind), 1.0).any(axis=(0, 2))) < 0.1


def test_a_few_keypoints_have_nothing_in_common() -> None:
    points = in_torsos("standing")
    assert not found((points + shaking(points)[:, None])[:, :5], 1.0).any()


def test_noise_alone_has_nothing_in_common() -> None:
    """The median of twelve holds a twelfth of each one's noise, and taking that off must not count as a gain."""
    points = np.tile(in_torsos("walking")[:1, :12], (120, 1, 1))
    assert np.mean([found(points, 3.0, seed).any(axis=(0, 2)).mean() for seed in range(8)]) < 0.1
