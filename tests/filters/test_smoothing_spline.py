"""Smoothing splines against SciPy's, which chooses the same smoothness by itself, a hundred times as slowly."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline, make_smoothing_spline

from kerasmooth.filters.smoothing_spline import smoothing_spline


def curves(frames: int, seed: int = 0) -> np.ndarray:
    """[T, 2]: slow motion with little noise, and faster with more."""
    random, times = np.random.default_rng(seed), np.arange(frames)
    noise = random.normal(size=(frames, 2)) * (0.1, 0.4)
    return np.stack([np.sin(times / 15), np.sin(times / 4)], axis=1) + noise


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("frames", [40, 150])
def test_the_chosen_smoothness_is_scipys(frames: int, weighted: bool) -> None:
    random, at = np.random.default_rng(1), np.arange(frames, dtype=float)
    used = np.ones(frames, bool)
    used[[7, 8, 9, 20]] = False
    weights = random.uniform(0.1, 1, frames)[used] if weighted else None
    values = curves(frames)
    result = smoothing_spline(at[used], values[used], weights, at)
    for curve in range(2):
        # SciPy's search ends at a stiffness of n units^3: in frames that is too soft for slow motion.
        bare = make_smoothing_spline(at[used] / 5, values[used, curve], w=weights)(at / 5)
        np.testing.assert_allclose(result[:, curve], bare, atol=1e-5)


@pytest.mark.parametrize("stiffness", [0.0, 0.3, 500.0])
def test_a_given_stiffness_is_scipys_lambda_between_the_knots_too(stiffness: float) -> None:
    knots = np.cumsum(np.random.default_rng(2).uniform(0.3, 2, 30))
    values, weights = curves(30), np.random.default_rng(3).uniform(0.2, 1, 30)
    at = np.linspace(knots[0], knots[-1], 77)
    result = smoothing_spline(knots, values, weights, at, stiffness)
    bare = make_smoothing_spline(knots, values[:, 0], w=weights, lam=stiffness)(at)
    np.testing.assert_allclose(result[:, 0], bare, atol=1e-9)


def test_it_goes_on_straight_beyond_the_knots() -> None:
    knots, values = np.arange(5.0, 25.0), curves(20)
    result = smoothing_spline(knots, values, None, np.arange(30.0), 0.0)
    natural = CubicSpline(knots, values, bc_type="natural")
    np.testing.assert_allclose(result[5:25], values, atol=1e-9)
    np.testing.assert_allclose(np.diff(result[:6], axis=0), np.tile(natural(5.0, 1), (5, 1)), atol=1e-9)
    np.testing.assert_allclose(np.diff(result[24:], axis=0), np.tile(natural(24.0, 1), (5, 1)), atol=1e-9)


def test_each_curve_gets_its_own_smoothness_whatever_is_beside_it() -> None:
    at, values = np.arange(100.0), curves(100)
    together = smoothing_spline(at, values, None, at)
    for curve in range(2):
        alone = smoothing_spline(at, values[:, curve : curve + 1], None, at)
        np.testing.assert_allclose(together[:, curve], alone[:, 0], atol=1e-9)


def test_a_random_walk_is_smoothed_rather_than_copied() -> None:
    # Where the measure is least for a curve through all points, another minimum is taken if there is one.
    random = np.random.default_rng(4)
    moved = []
    for _ in range(20):
        walk = np.cumsum(0.3 * random.normal(size=(60, 1)), axis=0) + 0.3 * random.normal(size=(60, 1))
        moved.append(np.abs(smoothing_spline(np.arange(60.0), walk, None, np.arange(60.0)) - walk).max())
    assert np.median(moved) > 0.1


def test_slow_motion_at_many_frames_a_second_is_smoothed_as_much_as_it_allows() -> None:
    at = np.arange(1000.0)
    truth = 3 * np.sin(at[:, None] / 80)
    measured = truth + np.random.default_rng(5).normal(size=(1000, 4))
    result = smoothing_spline(at, measured, None, at)
    # A dozen degrees of freedom of a thousand.
    assert np.sqrt(np.mean((result - truth) ** 2)) < 0.15


def test_with_caution_noise_is_not_taken_for_motion() -> None:
    at, noise = np.arange(20.0), np.random.default_rng(6).normal(size=(20, 300))
    left = {c: np.sqrt(np.mean(smoothing_spline(at, noise, None, at, caution=c) ** 2, axis=0)) for c in (1.0, 1.4)}
    assert (left[1.0] > 0.8).sum() > 10
    assert (left[1.4] > 0.8).sum() < (left[1.0] > 0.8).sum() / 4


def test_a_straight_line_stays_one() -> None:
    line = 3 + 0.5 * np.arange(50.0)[:, None]
    np.testing.assert_allclose(smoothing_spline(np.arange(50.0), line, None, np.arange(50.0)), line, atol=1e-6)
