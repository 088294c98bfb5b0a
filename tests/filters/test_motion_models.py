"""Motion models against dense Gaussian algebra."""

import numpy as np
import pytest

from kerasmooth.filters.motion_models import (
    SLOWEST_START,
    MotionModel,
    correlation,
    curves,
    misfits,
    stiffness,
    weighed_curve,
)

FPS = 30.0
FRAMES = 17
ANYWHERE = 1e7
"""Variance of the first position."""
MODELS = [
    MotionModel(1.0, 0.15),
    MotionModel(3.0, 0.5),
    MotionModel(2.0, np.inf),
    MotionModel(0.8, 0.5, noise_memory=0.06),
    MotionModel(4.0, np.inf, noise_memory=0.12),
]


def motion_covariance(model: MotionModel) -> np.ndarray:
    """[T, T], of the sum of velocities that follow v[t + 1] = rho v[t] + a normal step."""
    rho = correlation(model.memory, FPS)
    velocities = np.zeros((FRAMES - 1, FRAMES - 1))
    variance = 1 / max(1 - rho**2, SLOWEST_START)
    for start in range(FRAMES - 1):
        velocities[start:, start] = velocities[start, start:] = variance * rho ** np.arange(FRAMES - 1 - start)
        variance = rho**2 * variance + 1
    sums = np.tril(np.ones((FRAMES, FRAMES - 1)), -1)
    return sums @ velocities @ sums.T / stiffness(model.cutoff, rho, FPS) + ANYWHERE


def noise_covariance(model: MotionModel) -> np.ndarray:
    steps = np.abs(np.subtract.outer(np.arange(FRAMES), np.arange(FRAMES)))
    return correlation(model.noise_memory, FPS) ** steps if model.noise_memory else np.eye(FRAMES)


@pytest.fixture
def values() -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).normal(size=(FRAMES, 3)), axis=0)


@pytest.mark.parametrize("model", MODELS)
def test_a_curve_is_the_gaussian_posterior(model: MotionModel, values: np.ndarray) -> None:
    motion = motion_covariance(model)
    expected = motion @ np.linalg.solve(motion + noise_covariance(model), values)
    (curve,) = curves(values, [model], FPS)
    np.testing.assert_allclose(curve, expected, atol=1e-4)


def test_likelihoods_are_those_of_the_joint_covariance(values: np.ndarray) -> None:
    found, sizes = misfits(values, MODELS, FPS)
    expected = []
    for model in MODELS:
        joint = motion_covariance(model) + noise_covariance(model)
        squares = np.sum(values * np.linalg.solve(joint, values), axis=0)
        expected.append(squares + np.linalg.slogdet(joint)[1])
    scores = found + sizes[:, None]
    np.testing.assert_allclose(scores - scores[0], np.array(expected) - expected[0], atol=1e-3)


def test_a_gap_is_crossed_as_the_measured_frames_alone_say(values: np.ndarray) -> None:
    model, weights = MODELS[1], np.ones(FRAMES)
    weights[6:11] = 0
    seen = weights > 0
    motion = motion_covariance(model)
    gain = motion[:, seen] @ np.linalg.inv(motion[np.ix_(seen, seen)] + np.eye(seen.sum()))
    guessed = np.where(seen[:, None], values, 1e3)
    np.testing.assert_allclose(weighed_curve(guessed, weights, model, FPS), gain @ values[seen], atol=0.02)
