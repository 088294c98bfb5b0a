"""Sliding fits against least squares, window by window."""

import numpy as np
import pytest

from kerasmooth.filters.local_polynomial import local_polynomial


def fitted(
    positions: np.ndarray, weights: np.ndarray, kernel: np.ndarray, steps: np.ndarray, order: int, frame: int
) -> np.ndarray:
    """[D]: one keypoint's fit at one frame."""
    half = len(kernel) // 2
    places = np.arange(frame - half, frame + half + 1)
    inside = (places >= 0) & (places < len(positions))
    root = np.sqrt(kernel[inside] * weights[places[inside]])[:, None]
    design = steps[inside, None] ** np.arange(order + 1)
    found, *_ = np.linalg.lstsq(design * root, positions[places[inside]] * root, rcond=None)
    return found[0]


@pytest.mark.parametrize("order", [0, 1, 2, 4])
@pytest.mark.parametrize("half", [4, 23])
def test_many_keypoints_over_many_frames_are_fitted_one_by_one(order: int, half: int) -> None:
    random = np.random.default_rng(order)
    positions = 500 + np.cumsum(random.normal(size=(350, 240, 2)), axis=0)
    weights = random.uniform(0.1, 1, (350, 240))
    steps = np.arange(-half, half + 1) / half
    kernel = np.exp(-(steps**2))
    result = local_polynomial(positions, weights, kernel, steps, order)
    for frame in [*range(0, 350, 13), 349]:
        for keypoint in (0, 239):
            expected = fitted(positions[:, keypoint], weights[:, keypoint], kernel, steps, order, frame)
            np.testing.assert_allclose(result[frame, keypoint], expected, rtol=1e-9)


def test_a_window_that_holds_too_little_takes_what_there_is() -> None:
    positions = 7 + np.random.default_rng(0).normal(size=(60, 1, 2))
    weights = np.zeros((60, 1))
    weights[20], weights[40], weights[42] = 0.3, 1, 1
    steps = np.arange(-5, 6) / 5
    result = local_polynomial(positions, weights, np.ones(11), steps, 1)
    # One measurement in reach: itself. Two: the line through both. None: what came in.
    np.testing.assert_allclose(result[16:25], np.broadcast_to(positions[20], (9, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(result[41], (positions[40] + positions[42]) / 2, rtol=1e-9)
    np.testing.assert_allclose(result[38], positions[40] - (positions[42] - positions[40]), rtol=1e-9)
    np.testing.assert_array_equal(result[:15], positions[:15])


def test_one_column_of_weights_is_for_all_keypoints() -> None:
    random = np.random.default_rng(3)
    positions, weights = random.normal(size=(50, 4, 3)), random.uniform(size=(50, 1))
    steps = np.arange(-6, 7) / 6
    together = local_polynomial(positions, weights, np.ones(13), steps, 2)
    each = local_polynomial(positions, np.tile(weights, 4), np.ones(13), steps, 2)
    np.testing.assert_allclose(together, each, rtol=1e-9, atol=1e-12)


def test_a_window_longer_than_the_recording_sees_all_of_it() -> None:
    line = 3 + np.arange(5.0)[:, None, None] * np.array([[1.0, -2.0]])
    steps = np.arange(-40, 41) / 40
    result = local_polynomial(line, np.ones((5, 1)), np.ones(81), steps, 1)
    np.testing.assert_allclose(result, line, atol=1e-6)
