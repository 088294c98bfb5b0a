"""What a user of `smooth_keypoints` relies on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasmooth.filters import FILTERS
from kerasmooth.pose_table import INTERPOLATED, MEASURED, MISSING, PREDICTED, REPLACED
from kerasmooth.smoothing import keypoints as smoothing
from kerasmooth.smoothing.keypoints import smooth_keypoints
from kerasmooth.smoothing.settings import METHODS

FAST = ("auto", "gaussian", "savgol", "butterworth", "one_euro_zero_phase", "whittaker", "kalman")


def motion(times: np.ndarray, keypoints: int = 5) -> np.ndarray:
    """A smooth motion [T, K, 2] in pixels of a person some 200 pixels tall."""
    phases = np.arange(keypoints)
    x = 300 + 40 * phases + 25 * np.sin(2 * np.pi * 0.4 * times[:, None] + phases)
    y = 200 + 30 * phases + 20 * np.cos(2 * np.pi * 0.3 * times[:, None] + 2 * phases)
    return np.stack([x, y], axis=-1)


def noisy(
    frames: int = 120, keypoints: int = 5, fps: float = 30.0, noise: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    truth = motion(np.arange(frames) / fps, keypoints)
    return truth, truth + np.random.default_rng(0).normal(size=truth.shape) * noise


@pytest.mark.parametrize("method", METHODS)
def test_every_method_brings_noise_nearer_to_the_truth(method: str) -> None:
    truth, measured = noisy()
    result = smooth_keypoints(measured, fps=30, method=method)
    before, after = (np.linalg.norm(a - truth, axis=-1).mean() for a in (measured, result.keypoints))
    assert after < before * (1.0 if method in ("hampel", "one_euro") else 0.85)
    assert (result.report["jitter_after"] < result.report["jitter_before"]).all()
    assert (result.provenance != MISSING).all()


@pytest.mark.parametrize("method", FAST)
def test_a_person_twice_as_large_moves_twice_as_far(method: str) -> None:
    _, measured = noisy()
    once = smooth_keypoints(measured, fps=30, method=method)
    twice = smooth_keypoints(2 * measured + 1000, fps=30, method=method)
    np.testing.assert_allclose(twice.keypoints, 2 * once.keypoints + 1000, atol=1e-3)
    np.testing.assert_allclose(twice.deviation, 2 * once.deviation, rtol=1e-4)
    np.testing.assert_array_equal(twice.report["outliers"], once.report["outliers"])


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("fps", [25.0, 60.0])
def test_the_same_motion_at_another_frame_rate_comes_out_the_same(method: str, fps: float) -> None:
    """A wave within reach of the filters is damped alike, whatever the frame rate."""
    times_at = {rate: np.arange(int(8 * rate)) / rate for rate in (30.0, fps)}
    common = np.arange(2, 6, 0.2)
    found = []
    for rate, times in times_at.items():
        wave = motion(times) + 8 * np.sin(2 * np.pi * 1.5 * times)[:, None, None]
        result = smooth_keypoints(wave, fps=rate, method=method).keypoints
        found.append(np.stack([np.interp(common, times, result[:, k, 0]) for k in range(5)]))
    # One-Euro's gain is an approximation that depends on the frame rate by itself.
    assert np.abs(found[0] - found[1]).max() < (1.0 if method == "one_euro_zero_phase" else 0.5)


def test_gaps_up_to_the_limit_are_filled_and_longer_ones_stay_open() -> None:
    truth, measured = noisy(noise=0.5)
    measured[20:35, 0] = np.nan
    measured[20:36, 1] = np.nan
    measured[:4, 2] = np.nan
    measured[-4:, 3] = np.nan
    measured[::2, 4] = np.nan
    result = smooth_keypoints(measured, fps=30, max_gap=0.5)
    assert (result.provenance[20:35, 0] == INTERPOLATED).all()
    assert np.abs(result.keypoints[20:35, 0] - truth[20:35, 0]).max() < 4
    assert np.isnan(result.keypoints[20:36, 1]).all()
    assert (result.provenance[20:36, 1] == MISSING).all()
    assert np.isnan(result.keypoints[:4, 2]).all()
    assert np.isnan(result.keypoints[-4:, 3]).all()
    assert np.isfinite(result.keypoints[1:, 4]).all()
    assert result.report["gaps_filled"].tolist() == [1, 0, 0, 0, 59]
    assert (result.confidence[result.provenance == MISSING] == 0).all()


def test_the_ends_are_continued_on_request() -> None:
    truth, measured = noisy(noise=0.2)
    measured[:10, 0] = np.nan
    measured[-10:, 1] = np.nan
    result = smooth_keypoints(measured, fps=30, extend=0.1)
    assert np.flatnonzero(result.provenance[:, 0] == PREDICTED).tolist() == [7, 8, 9]
    assert np.flatnonzero(result.provenance[:, 1] == PREDICTED).tolist() == [110, 111, 112]
    assert np.abs(result.keypoints[110:113, 1] - truth[110:113, 1]).max() < 10


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_clips(method: str, frames: int) -> None:
    _, measured = noisy(frames)
    assert np.isfinite(smooth_keypoints(measured, fps=30, method=method).keypoints).all()


@pytest.mark.parametrize("method", ["auto", "gaussian", "kalman"])
def test_nothing_measured_is_nothing(method: str) -> None:
    result = smooth_keypoints(np.full((20, 3, 2), np.nan), fps=30, method=method)
    assert np.isnan(result.keypoints).all()
    assert (result.provenance == MISSING).all()


def test_confidence_zero_is_missing_and_low_confidence_counts_less() -> None:
    truth, measured = noisy(noise=1.0)
    confidence = np.ones(measured.shape[:2])
    confidence[50, 0] = 0
    measured[50, 0] = 0
    measured[30:90:3, 1] += 6
    confidence[30:90:3, 1] = 0.1
    with_it = smooth_keypoints(measured, confidence, fps=30, method="whittaker")
    without = smooth_keypoints(measured, fps=30, method="whittaker")
    assert with_it.provenance[50, 0] == INTERPOLATED
    assert np.abs(with_it.keypoints[50, 0] - truth[50, 0]).max() < 5
    bias = [np.abs(a.keypoints[30:90, 1] - truth[30:90, 1]).mean() for a in (with_it, without)]
    assert bias[0] < 0.6 * bias[1]
    together = smooth_keypoints(np.concatenate([measured, confidence[..., None]], axis=-1), fps=30, method="whittaker")
    np.testing.assert_array_equal(together.keypoints, with_it.keypoints)


def test_planted_outliers_are_replaced_and_counted() -> None:
    truth, measured = noisy(noise=1.0)
    spikes = [(20, 0), (60, 1), (80, 1), (90, 4)]
    for frame, keypoint in spikes:
        measured[frame, keypoint] += 90
    result = smooth_keypoints(measured, fps=30)
    for frame, keypoint in spikes:
        assert result.provenance[frame, keypoint] == REPLACED
        assert np.abs(result.keypoints[frame, keypoint] - truth[frame, keypoint]).max() < 6
    assert result.report["outliers"].tolist() == [1, 2, 0, 0, 1]
    untouched = smooth_keypoints(measured, fps=30, outliers=False, method="gaussian")
    assert (untouched.provenance == MEASURED).all()


def test_planted_swaps_are_mended_and_counted() -> None:
    times = np.arange(200) / 30
    truth = np.zeros((200, 17, 2))
    truth[:] = np.stack([np.arange(17) * 12.0, np.arange(17) * 30.0], axis=-1)
    truth[..., 0] += np.where(np.arange(17) % 2 == 1, 60, 0) + 20 * np.sin(times)[:, None]
    measured = truth + np.random.default_rng(0).normal(size=truth.shape)
    exchanged = np.zeros(200, bool)
    exchanged[[30, 77, 78]] = exchanged[120:150] = True
    swapped = measured.copy()
    swapped[np.ix_(exchanged, [15, 16])] = measured[np.ix_(exchanged, [16, 15])]
    result = smooth_keypoints(swapped, fps=30, skeleton="coco_17")
    assert result.report["swaps"].tolist() == [0] * 15 + [33, 33]
    assert np.abs(result.keypoints - truth).max() < 5
    assert smooth_keypoints(measured, fps=30, skeleton="coco_17").report["swaps"].sum() == 0
    assert smooth_keypoints(swapped, fps=30, skeleton="coco_17", swaps=False).report["swaps"].sum() == 0


def test_people_are_smoothed_one_by_one() -> None:
    _, measured = noisy()
    people = np.stack([measured, 3 * measured[::-1]])
    both = smooth_keypoints(people, fps=30)
    assert both.keypoints.shape == people.shape
    for index in range(2):
        alone = smooth_keypoints(people[index], fps=30)
        np.testing.assert_array_equal(alone.keypoints, both.keypoints[index])
        np.testing.assert_array_equal(alone.report["jitter_after"], both.report["jitter_after"][index])


@pytest.mark.parametrize("method", METHODS)
def test_strength_zero_changes_nothing_and_more_is_smoother(method: str) -> None:
    _, measured = noisy()
    measured[40:44, 1] = np.nan
    np.testing.assert_array_equal(smooth_keypoints(measured, fps=30, method=method, strength=0).keypoints, measured)
    if method in ("hampel", "median"):
        return
    jitter = [
        smooth_keypoints(measured, fps=30, method=method, strength=s).report["jitter_after"].mean() for s in (0.3, 1)
    ]
    assert jitter[0] > jitter[1]


def test_a_causal_filter_reports_its_lag() -> None:
    truth, _ = noisy(600, noise=0)
    late = smooth_keypoints(truth, fps=30, method="one_euro", min_cutoff=1.0, beta=0.0)
    assert 80 < late.report["lag_ms"].mean() < 200
    assert (smooth_keypoints(truth, fps=30, method="gaussian").report["lag_ms"] == 0).all()


def test_the_deviation_of_auto_says_how_far_off_it_is() -> None:
    truth, measured = noisy(300, 12)
    result = smooth_keypoints(measured, fps=30)
    errors = (result.keypoints - truth) / result.deviation[..., None]
    assert 0.5 < np.sqrt(np.mean(errors**2)) < 1.5
    assert {"cutoff", "noise_memory", "noise"} <= set(result.report["parameters"][0])


def test_long_recordings_are_cut_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    _, measured = noisy(1500, 2)
    measured[700:706, 0] = np.nan
    whole = smooth_keypoints(measured, fps=30, method="gaussian")
    monkeypatch.setattr(smoothing, "CHUNK_FRAMES", 400)
    parts = smooth_keypoints(measured, fps=30, method="gaussian")
    np.testing.assert_allclose(parts.keypoints, whole.keypoints, atol=1e-9)
    np.testing.assert_array_equal(parts.report["gaps_filled"], whole.report["gaps_filled"])


@settings(max_examples=15, deadline=None)
@given(data=st.data(), method=st.sampled_from(["auto", *sorted(set(FILTERS) - {"gcv_spline"})]))
def test_finite_in_finite_out_and_no_frame_is_lost(data: st.DataObject, method: str) -> None:
    frames, keypoints = data.draw(st.integers(1, 25)), data.draw(st.integers(1, 3))
    numbers = st.one_of(st.just(np.nan), st.floats(-1e4, 1e4, width=32))
    values = data.draw(st.lists(numbers, min_size=frames * keypoints * 2, max_size=frames * keypoints * 2))
    measured = np.array(values).reshape(frames, keypoints, 2)
    result = smooth_keypoints(measured, fps=30, method=method)
    assert result.keypoints.shape == measured.shape
    known = np.isfinite(measured).all(axis=-1)
    assert np.isfinite(result.keypoints[known]).all()
    np.testing.assert_array_equal(np.isfinite(result.keypoints).all(axis=-1), result.provenance != MISSING)


@pytest.mark.parametrize(
    ("change", "received"),
    [
        ({"fps": None}, "fps=None"),
        ({"fps": 0}, "fps=0"),
        ({"fps": float("nan")}, "fps=nan"),
        ({"method": "magic"}, "method='magic'"),
        ({"skeleton": "octopus"}, "skeleton='octopus'"),
        ({"skeleton": "coco_17"}, "skeleton=coco_17"),
        ({"max_gap": -1}, "max_gap=-1"),
        ({"strength": -1}, "strength=-1"),
        ({"confidence": np.ones((3, 3))}, "confidence.shape"),
        ({"confidence": -np.ones((120, 5))}, "confidence.min"),
        ({"method": "gaussian", "window": 3}, "window=3"),
        ({"window": 3}, "parameters"),
        ({"keypoints": np.zeros((5, 2))}, "keypoints.shape"),
        ({"keypoints": np.zeros((0, 5, 2))}, "keypoints.shape"),
    ],
)
def test_bad_input_is_named(change: dict, received: str) -> None:
    arguments = {"keypoints": noisy()[1], "fps": 30, **change}
    with pytest.raises(ValueError, match=r"Received: " + received.replace("(", r"\(")):
        smooth_keypoints(arguments.pop("keypoints"), **arguments)
