"""What `auto` steadies beyond the likeliest estimate, and what it leaves alone."""

import numpy as np
import pytest

from kerasmooth.metrics import acceleration
from kerasmooth.sample.motion import sequence
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.smoothing.keypoints import smooth_keypoints
from kerasmooth.smoothing.person_scale import person_size
from kerasmooth.smoothing.steady import UNSEEN, relative_jitter, steady

FPS = 30.0
JITTERY = np.full(4, 5.0)


def wander(frames: int, size: float, memory: float, seed: int = 0) -> np.ndarray:
    """Noise [T, 4, 2] that hangs together over `memory` seconds; white where that is 0."""
    steps = np.random.default_rng(seed).normal(size=(frames, 4, 2)) * size
    rho = np.exp(-1 / (memory * FPS)) if memory else 0.0
    for frame in range(1, frames):
        steps[frame] = rho * steps[frame - 1] + np.sqrt(1 - rho**2) * steps[frame]
    return steps


def test_small_wandering_goes_and_fast_motion_stays() -> None:
    frames = np.arange(240)
    curve = wander(240, 0.01, 0.12)
    swing = 0.4 * np.exp(-(((frames - 120) / 4.0) ** 2))
    curve[:, 0, 0] += swing
    noise = np.full(4, 0.006)
    result = steady(curve, noise, 0.12, JITTERY, FPS)
    assert acceleration(result[None]).mean() < 0.4 * acceleration(curve[None]).mean()
    assert np.sqrt(np.mean((result - curve) ** 2)) < UNSEEN
    assert np.abs(result[110:131, 0, 0] - curve[110:131, 0, 0]).max() < 0.15 * swing.max()


def test_white_noise_and_precise_recordings_are_left_nearly_alone() -> None:
    curve = np.zeros((240, 4, 2))
    curve += (0.02 * np.sin(2 * np.pi * 2.0 * np.arange(240) / FPS))[:, None, None]
    for noise, memory, jitter in ((0.006, 0.0, 5.0), (0.0005, 0.12, 5.0), (0.006, 0.12, 1.1)):
        result = steady(curve, np.full(4, noise), memory, np.full(4, jitter), FPS)
        assert np.sqrt(np.mean((result - curve) ** 2)) < 1.02 * 2.5 * 0.0005
        np.testing.assert_allclose(result, curve, atol=0.15 * 0.02)


def test_a_person_who_runs_is_left_alone() -> None:
    noise, wandering = np.full(4, 0.006), wander(240, 0.01, 0.12)
    for speed, steadied in ((0.3, True), (3.0, False)):
        curve = wandering + [speed, 0.0] * np.arange(240)[:, None, None] / FPS
        moved = np.sqrt(np.mean((steady(curve, noise, 0.12, JITTERY, FPS) - curve) ** 2))
        assert (moved > 0.5 * 0.006) == steadied


@pytest.mark.parametrize("kind", ["toprock", "footwork", "situp"])
def test_small_errors_on_a_fast_person_stay_small(kind: str) -> None:
    truth = sequence(kind, 240, FPS, 1)
    size = person_size(truth, np.ones(truth.shape[:2], bool), BOULDERING_25)
    noise = np.concatenate([wander(240, 0.003 * size, 0.12, seed) for seed in range(7)], axis=1)[:, :25]
    result = smooth_keypoints(truth + noise, fps=FPS, skeleton="bouldering_25").keypoints
    error = np.linalg.norm(result - truth, axis=-1).mean()
    assert error < 2 * np.linalg.norm(noise, axis=-1).mean()


def test_relative_jitter_is_the_ratio_of_the_accelerations() -> None:
    curve = np.zeros((6, 2, 2))
    curve[:, :, 0] = (np.arange(6) ** 2)[:, None]
    measured = np.array(curve)
    measured[:, 1, 0] *= 3
    measured[3, 0] = 100.0
    known = np.ones((6, 2), bool)
    known[3, 0] = False
    np.testing.assert_allclose(relative_jitter(measured, curve, known), [1.0, 3.0])


@pytest.mark.parametrize("fps", [25.0, 60.0])
def test_the_frame_rate_does_not_matter(fps: float) -> None:
    def at(rate: float) -> np.ndarray:
        times = np.arange(int(8 * rate)) / rate
        curve = np.zeros((len(times), 1, 2))
        curve[:, 0] = (0.02 * np.sin(9 * times) + 0.3 * np.exp(-(((times - 4) / 0.3) ** 2)))[:, None]
        return np.interp(
            np.arange(1, 7, 0.2), times, steady(curve, np.full(1, 0.006), 0.06, np.full(1, 5.0), rate)[:, 0, 0]
        )

    np.testing.assert_allclose(at(fps), at(30.0), atol=0.01)


@pytest.mark.parametrize("noise", [0.5, 1.5, 4.0])
def test_auto_steadies_a_detector_that_wanders_and_comes_nearer_to_the_truth(noise: float) -> None:
    times, phases = np.arange(300)[:, None] / FPS, np.arange(4)
    x = 300 + 40 * phases + 60 * np.sin(2 * np.pi * 0.3 * times + phases)
    y = 200 + 50 * phases + 30 * np.sin(2 * np.pi * 0.5 * times + 2 * phases)
    truth = np.stack([x, y], axis=-1)
    measured = truth + wander(300, noise, 0.1)
    result = smooth_keypoints(measured, fps=FPS).keypoints
    before, after = (acceleration(a[None]).mean() for a in (measured, result))
    assert after < before / 2
    assert np.linalg.norm(result - truth, axis=-1).mean() < 0.9 * np.linalg.norm(measured - truth, axis=-1).mean()
