"""The third coordinate: smoothed with x and y, which do not see it."""

from typing import Any

import numpy as np
import pytest

from kerasmooth.pose_table import INTERPOLATED, MEASURED, PREDICTED, REPLACED
from kerasmooth.smoothing import keypoints as smoothing
from kerasmooth.smoothing.keypoints import Smoothed, smooth_keypoints
from kerasmooth.smoothing.outliers import find_outliers
from kerasmooth.smoothing.settings import METHODS

FPS = 30.0
ARRAYS = ("keypoints", "confidence", "deviation", "provenance")


def motion(frames: int = 300, keypoints: int = 6) -> np.ndarray:
    """[T, K, 3] of a person some 200 pixels tall, who moves as much along each axis."""
    times, k = np.arange(frames)[:, None] / FPS, np.arange(keypoints)
    rates, phases = np.array([0.41, 0.35, 0.38]), np.stack([k, 2 * k, 3 * k], axis=1)
    place = np.stack([300 + 40 * k, 200 + 30 * k, 20 * k - 50], axis=1)
    return place + 22 * np.sin(2 * np.pi * rates * times[..., None] + phases)


def noisy(noise: float = 3.0, **shape: int) -> tuple[np.ndarray, np.ndarray]:
    truth = motion(**shape)
    return truth, truth + np.random.default_rng(0).normal(0, noise, truth.shape)


def smooth(measured: np.ndarray, **arguments: Any) -> Smoothed:
    return smooth_keypoints(measured[..., :2], fps=FPS, depth=measured[..., 2], **arguments)


def depth_of(smoothed: Smoothed) -> np.ndarray:
    assert smoothed.depth is not None
    return smoothed.depth


@pytest.mark.parametrize("method", METHODS)
def test_depth_comes_as_near_to_the_truth_as_x_and_y(method: str) -> None:
    truth, measured = noisy()
    result = smooth(measured, method=method)
    errors = np.concatenate([result.keypoints, depth_of(result)[..., None]], axis=-1) - truth
    x, y, z = np.sqrt(np.mean(errors**2, axis=(0, 1)))
    assert z == pytest.approx((x + y) / 2, rel=0.25)
    assert z < 3.0 * (1.4 if method == "one_euro" else 1.0 if method in ("hampel", "median") else 0.75)


@pytest.mark.parametrize("method", METHODS)
def test_x_and_y_are_what_they_are_without_depth(method: str) -> None:
    random = np.random.default_rng(1)
    _, measured = noisy(keypoints=17)
    measured[random.random(measured.shape[:2]) < 0.03] += 90
    measured[random.random(measured.shape[:2]) < 0.05] = np.nan
    measured[100:120, 15:17] = measured[100:120, [16, 15]]
    confidence = random.uniform(0.3, 1, measured.shape[:2])
    arguments = {"skeleton": "coco_17", "method": method, "extend": 0.2, "confidence": confidence}
    alone, deep = smooth_keypoints(measured[..., :2], fps=FPS, **arguments), smooth(measured, **arguments)
    assert alone.depth is None
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(alone, name), getattr(deep, name))
    for name, values in alone.report.items():
        assert values.tolist() == deep.report[name].tolist()


def test_a_gap_of_x_and_y_is_one_of_depth_whatever_stands_there() -> None:
    truth, measured = noisy(noise=0.5)
    measured[50:58, 0, 0] = np.nan
    measured[50:58, 0, 2] = 1000
    measured[100:130, 1] = np.nan
    result = smooth(measured)
    assert (result.provenance[50:58, 0] == INTERPOLATED).all()
    assert np.abs(depth_of(result)[50:58, 0] - truth[50:58, 0, 2]).max() < 5
    np.testing.assert_array_equal(np.isnan(depth_of(result)), np.isnan(result.keypoints[..., 0]))


def test_depth_has_gaps_of_its_own() -> None:
    truth, measured = noisy(noise=0.5)
    measured[50:65, 0, 2] = np.nan
    measured[50:66, 1, 2] = np.inf
    measured[:, 2, 2] = np.nan
    result = smooth(measured, max_gap=0.5)
    assert (result.provenance == MEASURED).all()
    assert np.abs(depth_of(result)[50:65, 0] - truth[50:65, 0, 2]).max() < 5
    absent = np.zeros(truth.shape[:2], bool)
    absent[50:66, 1] = absent[:, 2] = True
    np.testing.assert_array_equal(np.isnan(depth_of(result)), absent)


@pytest.mark.parametrize("method", ["auto", "gaussian", "butterworth"])
def test_an_outlier_of_depth_alone_is_replaced_there_alone(method: str) -> None:
    truth, measured = noisy(noise=1.0)
    for frame, keypoint in ((40, 0), (90, 3), (120, 4)):
        measured[frame, keypoint, 2] -= 150
    result = smooth(measured, method=method)
    assert np.abs(depth_of(result) - truth[..., 2])[10:-10].max() < 6
    assert (result.provenance == MEASURED).all()
    assert result.report["outliers"].sum() == 0
    kept = smooth(measured, method="gaussian", outliers=False)
    assert np.abs(depth_of(kept)[40, 0] - truth[40, 0, 2]) > 15


@pytest.mark.parametrize("method", ["gaussian", "kalman"])
def test_depth_at_an_outlier_of_x_and_y_has_no_say(method: str) -> None:
    _, measured = noisy(noise=0.3)
    measured[60, 2, :2] += 120
    other = measured.copy()
    other[60, 2, 2] += 1
    results = [smooth(each, method=method) for each in (measured, other)]
    assert results[0].provenance[60, 2] == REPLACED
    np.testing.assert_array_equal(depth_of(results[0]), depth_of(results[1]))


def test_depth_at_an_outlier_at_the_end_is_estimated_as_x_and_y_are() -> None:
    truth, measured = noisy(noise=1.0)
    measured[-1:, 2] += [150, 150, 4]
    result = smooth(measured, method="gaussian")
    assert (result.provenance[-1:, 2] == REPLACED).all()
    assert np.abs(depth_of(result)[-1:, 2] - truth[-1:, 2, 2]).max() < 4


def test_depth_of_low_confidence_counts_less() -> None:
    truth, measured = noisy(noise=1.0)
    confidence = np.ones(truth.shape[:2])
    measured[30:90:3, 1, 2] += 6
    confidence[30:90:3, 1] = 0.1
    results = [smooth(measured, method="whittaker", confidence=scores) for scores in (confidence, None)]
    bias = [np.abs(depth_of(result)[30:90, 1] - truth[30:90, 1, 2]).mean() for result in results]
    assert bias[0] < 0.6 * bias[1]


def test_noise_alone_is_rarely_an_outlier_in_one_coordinate_or_two() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (3000, 8, 2))
    known = np.ones(noise.shape[:2], bool)
    for coordinates in (1, 2):
        assert find_outliers(noise[..., :coordinates], known, FPS).mean() < 0.01


def test_depth_follows_swapped_sides() -> None:
    times = np.arange(200) / FPS
    truth = np.zeros((200, 17, 3))
    truth[:] = np.stack([np.arange(17) * 12.0, np.arange(17) * 30.0, np.arange(17) * 15.0], axis=-1)
    truth[..., 0] += np.where(np.arange(17) % 2 == 1, 60, 0) + 20 * np.sin(times)[:, None]
    truth[:, 16, 2] += 100
    measured = truth + np.random.default_rng(0).normal(size=truth.shape)
    swapped = measured.copy()
    swapped[120:150, [15, 16]] = measured[120:150, [16, 15]]
    result = smooth(swapped, skeleton="coco_17")
    assert result.report["swaps"].tolist() == [0] * 15 + [30, 30]
    assert np.abs(depth_of(result) - truth[..., 2]).max() < 5


def test_ends_are_continued_in_depth_too() -> None:
    truth, measured = noisy(noise=0.2)
    measured[-10:, 1] = np.nan
    result = smooth(measured, extend=0.1)
    predicted = result.provenance[:, 1] == PREDICTED
    assert predicted.sum() == 3
    assert np.abs(depth_of(result) - truth[..., 2])[predicted, 1].max() < 10


@pytest.mark.parametrize("method", METHODS)
def test_strength_zero_leaves_depth_and_its_scale_is_that_of_x(method: str) -> None:
    _, measured = noisy(frames=90)
    measured[40:44, 1] = np.nan
    np.testing.assert_array_equal(depth_of(smooth(measured, method=method, strength=0)), measured[..., 2])
    once, twice = smooth(measured, method=method), smooth(2 * measured + 500, method=method)
    np.testing.assert_allclose(depth_of(twice), 2 * depth_of(once) + 500, atol=1e-3)


def test_people_and_pieces_are_smoothed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    _, measured = noisy(frames=1500, keypoints=2)
    people = np.stack([measured, 3 * measured[::-1]])
    both = smooth(people, method="gaussian")
    monkeypatch.setattr(smoothing, "CHUNK_FRAMES", 400)
    for index in range(2):
        in_pieces = smooth(people[index], method="gaussian")
        np.testing.assert_allclose(depth_of(in_pieces), depth_of(both)[index], atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_clips_and_no_depth_at_all(method: str, frames: int) -> None:
    _, measured = noisy(frames=frames)
    assert np.isfinite(depth_of(smooth(measured, method=method))).all()
    measured[..., 2] = np.nan
    assert np.isnan(depth_of(smooth(measured, method=method))).all()


@pytest.mark.parametrize("depth", [np.zeros((300, 5)), np.zeros((1, 300, 6)), np.full((300, 6), "far")])
def test_a_depth_of_another_shape_is_refused(depth: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"depth must be numbers of shape \(300, 6\)\. Received: depth\.shape="):
        smooth_keypoints(motion()[..., :2], fps=FPS, depth=depth)
