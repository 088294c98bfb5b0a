"""The Kalman smoother against the dense Gaussian posterior, and its fit."""

import numpy as np
import pytest

from kerasmooth.filters import kalman_passes
from kerasmooth.filters.kalman_filter import kalman

TRANSITION = {"velocity": [[1, 1], [0, 1]], "acceleration": [[1, 1, 0.5], [0, 1, 1], [0, 0, 1]]}
NOISE = {
    "velocity": [[1 / 3, 1 / 2], [1 / 2, 1]],
    "acceleration": [[1 / 20, 1 / 8, 1 / 6], [1 / 8, 1 / 3, 1 / 2], [1 / 6, 1 / 2, 1]],
}


def joint_covariance(model: str, ratio: float, prior: float, frames: int) -> np.ndarray:
    """[T, T], of the positions of all frames."""
    transition, noise = np.array(TRANSITION[model]), np.array(NOISE[model]) * ratio
    size = len(transition)
    joint = np.zeros((frames, size, frames, size))
    own = np.eye(size) * prior
    for start in range(frames):
        across = own
        for end in range(start, frames):
            joint[end, :, start], joint[start, :, end] = across, across.T
            across = transition @ across
        own = transition @ own @ transition.T + noise
    return joint[:, 0, :, 0]


def dense_posterior(
    model: str, ratio: float, prior: float, values: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the positions given all measurements, by the joint covariance of all frames."""
    covariance = joint_covariance(model, ratio, prior, len(values))
    seen = weights > 0
    gain = covariance[:, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)] + np.diag(1 / weights[seen]))
    return gain @ values[seen], np.diag(covariance - gain @ covariance[seen])


@pytest.mark.parametrize("model", ["velocity", "acceleration"])
def test_it_is_the_gaussian_posterior(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kalman_passes, "DIFFUSE", 1.0)
    generator = np.random.default_rng(0)
    positions = np.cumsum(generator.normal(size=(24, 2, 2)), axis=0)
    weights = generator.uniform(0.1, 1, (24, 2))
    weights[10:16, 1] = 0
    result = kalman(positions, weights=weights, fps=30.0, model=model, cutoff=3.0)
    ratio = (2 * np.pi * 3 / 30) ** (2 * len(TRANSITION[model]))
    level = positions.mean(axis=0)
    assert result.deviation is not None
    assert result.notes is not None
    for keypoint in range(2):
        mean, variance = dense_posterior(
            model, ratio, 1.0, positions[:, keypoint] - level[keypoint], weights[:, keypoint]
        )
        np.testing.assert_allclose(result.positions[:, keypoint] - level[keypoint], mean, atol=1e-6)
        np.testing.assert_allclose(
            result.deviation[:, keypoint], result.notes["noise"][keypoint] * np.sqrt(variance), rtol=1e-4
        )


@pytest.mark.parametrize("model", ["velocity", "acceleration"])
def test_the_likelihood_is_that_of_the_joint_covariance_given_the_first(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kalman_passes, "DIFFUSE", 1.0)
    generator = np.random.default_rng(3)
    values, weights = generator.normal(size=(30, 1, 2)), generator.uniform(0.1, 1, (30, 1))
    weights[[1, 12, 13]] = 0
    order = len(TRANSITION[model])
    squares, logs, counts = kalman_passes.forward(values, weights, np.array([0.02]), order, keep=False).likelihood()
    seen = np.flatnonzero(weights[:, 0])
    joint = joint_covariance(model, 0.02, 1.0, 30) + np.diag(1 / np.maximum(weights[:, 0], 1e-9))

    def parts(frames: np.ndarray) -> tuple[float, float]:
        own, found = joint[np.ix_(frames, frames)], values[frames, 0]
        return float(np.sum(found * np.linalg.solve(own, found))), float(np.linalg.slogdet(own)[1])

    (all_squares, all_logs), (first_squares, first_logs) = parts(seen), parts(seen[:order])
    assert squares[0] == pytest.approx(all_squares - first_squares, rel=1e-9)
    assert logs[0] == pytest.approx(all_logs - first_logs, rel=1e-9)
    assert counts[0] == 2 * (len(seen) - order)


def test_the_fit_finds_the_noise_and_the_cutoff() -> None:
    generator = np.random.default_rng(1)
    cutoff, noise = 2.0, 0.5
    ratio = (2 * np.pi * cutoff / 30) ** 4 * noise**2
    velocity = np.cumsum(generator.normal(size=(900, 4, 2)) * np.sqrt(ratio), axis=0)
    truth = np.cumsum(velocity, axis=0)
    result = kalman(truth + generator.normal(size=truth.shape) * noise, fps=30.0)
    assert result.notes is not None
    assert result.deviation is not None
    np.testing.assert_allclose(result.notes["noise"], noise, rtol=0.1)
    np.testing.assert_allclose(result.notes["cutoff"], cutoff, rtol=0.25)
    # The deviation is honest: standardised errors have size 1.
    errors = (result.positions - truth) / result.deviation[..., None]
    assert np.std(errors) == pytest.approx(1, abs=0.1)


def test_the_deviation_grows_in_a_gap_and_where_the_weight_is_low() -> None:
    positions = np.random.default_rng(2).normal(size=(60, 1, 2))
    weights = np.ones((60, 1))
    weights[30:40] = 0
    deviation = kalman(positions, weights=weights, fps=30.0, cutoff=2.0).deviation
    assert deviation is not None
    assert deviation[35, 0] > 1.5 * deviation[15, 0]
    assert deviation[0, 0] > deviation[15, 0]


@pytest.mark.parametrize("model", ["velocity", "acceleration"])
def test_backwards_in_time_it_gives_the_same_in_gaps_between_the_first_measurements_too(model: str) -> None:
    generator = np.random.default_rng(5)
    positions, weights = generator.normal(size=(80, 3, 2)), generator.uniform(0.1, 1, (80, 3))
    weights[1:9, 0] = weights[10:14, 0] = weights[70:79, 1] = 0
    ahead = kalman(positions, weights=weights, fps=30.0, model=model, cutoff=1.0)
    back = kalman(positions[::-1], weights=weights[::-1], fps=30.0, model=model, cutoff=1.0)
    assert ahead.deviation is not None
    assert back.deviation is not None
    assert ahead.notes is not None
    assert back.notes is not None
    np.testing.assert_allclose(ahead.positions, back.positions[::-1], atol=1e-5)
    np.testing.assert_allclose(
        ahead.deviation / ahead.notes["noise"], back.deviation[::-1] / back.notes["noise"], rtol=1e-4
    )


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ValueError, match="Received: model='jerk'"):
        kalman(np.zeros((5, 1, 2)), fps=30.0, model="jerk")
