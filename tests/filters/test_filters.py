"""Every filter against bare SciPy or an independent calculation, and what all of them promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.interpolate import make_smoothing_spline
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import butter, freqz_sos, savgol_filter, sosfiltfilt

from kerasmooth.filters import FILTERS
from kerasmooth.filters.butterworth_filter import butterworth
from kerasmooth.filters.gaussian_filter import gaussian, sigma_of
from kerasmooth.filters.median_filter import hampel, median
from kerasmooth.filters.one_euro_filter import one_euro, one_euro_zero_phase
from kerasmooth.filters.savgol_filter import savgol
from kerasmooth.filters.spline_filter import gcv_spline, whittaker

FPS = 30.0
NAMES = sorted(FILTERS)
FAST = sorted(set(FILTERS) - {"gcv_spline", "kalman"})


def walk(frames: int = 120, keypoints: int = 3, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.cumsum(generator.normal(size=(frames, keypoints, 2)), axis=0) * 0.05 + 3


def weights_like(positions: np.ndarray, seed: int = 1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    weights = generator.uniform(0.1, 1.0, positions.shape[:2])
    weights[20:26, 1] = 0
    weights[:4, 2] = 0
    return weights


def test_gaussian_is_scipys_away_from_the_edges() -> None:
    positions = walk()
    sigma = sigma_of(1.7) * FPS
    bare = gaussian_filter1d(positions, sigma, axis=0, radius=int(4 * sigma + 0.5))
    result = gaussian(positions, fps=FPS, cutoff=1.7).positions
    np.testing.assert_allclose(result[15:-15], bare[15:-15], rtol=1e-12)


@pytest.mark.parametrize("frame", [0, 3, 60, 119])
def test_gaussian_is_the_weighted_line_fitted_by_least_squares(frame: int) -> None:
    positions, weights = walk(), weights_like(walk())
    result = gaussian(positions, weights=weights, fps=FPS, cutoff=2.0).positions
    sigma = sigma_of(2.0) * FPS
    steps = np.arange(120) - frame
    kernel = np.where(np.abs(steps) <= int(4 * sigma + 0.5), np.exp(-(steps**2) / (2 * sigma**2)), 0)
    for keypoint in range(3):
        root = np.sqrt(kernel * weights[:, keypoint])
        design = np.stack([np.ones(120), steps], axis=1) * root[:, None]
        line, *_ = np.linalg.lstsq(design, positions[:, keypoint] * root[:, None], rcond=None)
        np.testing.assert_allclose(result[frame, keypoint], line[0], rtol=1e-9)


def test_a_gaussian_passes_half_of_the_power_at_its_cutoff() -> None:
    wave = np.sin(2 * np.pi * 2.0 * np.arange(3000) / 300)[:, None]
    result = gaussian(wave, fps=300.0, cutoff=2.0).positions
    assert result[500:-500].max() == pytest.approx(1 / math.sqrt(2), rel=1e-3)


def test_savgol_is_scipys_without_weights_and_the_fit_with_them() -> None:
    positions, weights = walk(), weights_like(walk())
    np.testing.assert_allclose(
        savgol(positions, fps=FPS, window=0.5, order=2).positions, savgol_filter(positions, 15, 2, axis=0), rtol=1e-12
    )
    result = savgol(positions, weights=weights, fps=FPS, window=0.5, order=2).positions
    frames = np.arange(43, 58)
    for keypoint in range(3):
        fit = np.polynomial.polynomial.polyfit(
            frames - 50, positions[frames, keypoint], 2, w=np.sqrt(weights[frames, keypoint])
        )
        np.testing.assert_allclose(result[50, keypoint], fit[0], rtol=1e-6)


def test_butterworth_is_scipys_zero_phase_filter_with_half_of_the_power_at_the_cutoff() -> None:
    positions = walk(400)
    result = butterworth(positions, fps=FPS, cutoff=3.0, order=4).positions
    low = 2 / np.pi * np.arctan(np.tan(np.pi * 3 / FPS) / (math.sqrt(2) - 1) ** 0.25)
    sections = butter(2, low, output="sos")
    np.testing.assert_allclose(result, sosfiltfilt(sections, positions, axis=0, padlen=10), atol=1e-9)
    _, response = freqz_sos(sections, worN=[3.0], fs=FPS)
    assert abs(response[0]) ** 2 == pytest.approx(1 / math.sqrt(2))


def test_median_is_scipys_of_what_is_measured_and_keeps_a_slope_at_the_ends() -> None:
    positions = walk()
    np.testing.assert_array_equal(
        median(positions, fps=FPS, window=0.25).positions[3:-3], median_filter(positions, (7, 1, 1))[3:-3]
    )
    weights = (np.random.default_rng(2).random((120, 3)) < 0.6).astype(float)
    result = median(positions, weights=weights, fps=FPS, window=0.25).positions
    for frame in (3, 40, 100):
        window = slice(frame - 3, frame + 4)
        seen = positions[window, 1][weights[window, 1] > 0]
        np.testing.assert_allclose(result[frame, 1], np.median(seen, axis=0))
    slope = np.arange(20.0)[:, None, None] * [[2.0, -1.0]]
    np.testing.assert_allclose(median(slope, fps=FPS, window=0.25).positions, slope)


def test_hampel_replaces_planted_spikes_and_nothing_else() -> None:
    times = np.arange(200) / FPS
    positions = np.stack([np.sin(times), np.cos(times)], -1)[:, None] + np.random.default_rng(0).normal(
        size=(200, 1, 2), scale=0.01
    )
    spiked = positions.copy()
    spiked[[30, 90, 150]] += 5
    result = hampel(spiked, fps=FPS, threshold=6.0).positions
    assert np.abs(result - positions).max() < 0.1
    assert (hampel(positions, fps=FPS, threshold=6.0).positions == positions).mean() > 0.9


def test_gcv_spline_is_scipys() -> None:
    positions = walk(60, 1)
    bare = make_smoothing_spline(np.arange(60.0), positions[:, 0, 0])(np.arange(60.0))
    np.testing.assert_allclose(gcv_spline(positions, fps=FPS, caution=1.0).positions[:, 0, 0], bare, atol=1e-4)
    stiff = make_smoothing_spline(np.arange(60.0), positions[:, 0, 0], lam=0.01 * FPS**3)(np.arange(60.0))
    np.testing.assert_allclose(gcv_spline(positions, fps=FPS, stiffness=0.01).positions[:, 0, 0], stiff, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_whittaker_solves_its_penalised_least_squares(order: int) -> None:
    positions, weights = walk(50), weights_like(walk(50))
    result = whittaker(positions, weights=weights, fps=FPS, cutoff=2.0, order=order).positions
    scale = (math.sqrt(2) - 1) / (2 * math.sin(math.pi * 2 / FPS)) ** (2 * order)
    differences = np.diff(np.eye(50), n=order, axis=0)
    for keypoint in range(3):
        matrix = np.diag(weights[:, keypoint]) + scale * differences.T @ differences
        expected = np.linalg.solve(matrix, weights[:, keypoint, None] * positions[:, keypoint])
        np.testing.assert_allclose(result[:, keypoint], expected, atol=2e-4)


def naive_one_euro(values: list[float], fps: float, min_cutoff: float, beta: float, slow: float) -> list[float]:
    """The authors' algorithm, number by number."""

    def gain(cutoff: float) -> float:
        return 1 / (1 + fps / (2 * math.pi * cutoff))

    filtered, velocity, result = values[0], 0.0, [values[0]]
    for value in values[1:]:
        velocity += gain(slow) * ((value - filtered) * fps - velocity)
        filtered += gain(min_cutoff + beta * abs(velocity)) * (value - filtered)
        result.append(filtered)
    return result


def test_one_euro_is_the_authors_algorithm() -> None:
    values = walk(80, 1)[:, :, 0]
    result = one_euro(values, fps=FPS, min_cutoff=0.8, beta=0.4, derivative_cutoff=1.2).positions
    np.testing.assert_allclose(result[:, 0], naive_one_euro(values[:, 0].tolist(), FPS, 0.8, 0.4, 1.2), rtol=1e-12)


def test_one_euro_sees_no_future() -> None:
    positions, weights = walk(), weights_like(walk())
    whole = one_euro(positions, weights=weights, fps=FPS).positions
    np.testing.assert_array_equal(one_euro(positions[:70], weights=weights[:70], fps=FPS).positions, whole[:70])


def test_the_zero_phase_one_euro_does_not_lag_where_the_causal_one_does() -> None:
    wave = np.sin(2 * np.pi * 0.5 * np.arange(600) / FPS)[:, None]
    late = one_euro(wave, fps=FPS, min_cutoff=1.0, beta=0.0).positions
    even = one_euro_zero_phase(wave, fps=FPS, min_cutoff=1.0, beta=0.0).positions
    shifts = range(-8, 9)

    def best(values: np.ndarray) -> int:
        return max(shifts, key=lambda s: float(np.dot(np.roll(wave, s, axis=0)[60:-60, 0], values[60:-60, 0])))

    assert best(even) == 0
    assert best(late) >= 3


@pytest.mark.parametrize("name", sorted(set(FILTERS) - {"one_euro"}))
def test_a_constant_velocity_is_kept_to_the_edges(name: str) -> None:
    line = 5 + 0.02 * np.arange(60)[:, None, None] * np.array([1.0, -2.0])
    assert np.abs(FILTERS[name](line, fps=FPS).positions - line).max() < 2e-3


@pytest.mark.parametrize("name", sorted(set(FILTERS) - {"one_euro", "median", "hampel"}))
def test_a_constant_velocity_crosses_a_gap(name: str) -> None:
    line = 5 + 0.02 * np.arange(60)[:, None, None] * np.ones((1, 1, 2))
    weights = np.ones((60, 1))
    weights[20:25] = 0
    assert np.abs(FILTERS[name](line, weights=weights, fps=FPS).positions - line).max() < 0.03


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_very_short_clips(name: str, frames: int) -> None:
    positions = walk(frames)
    result = FILTERS[name](positions, fps=FPS, weights=np.full((frames, 3), 0.5)).positions
    assert result.shape == positions.shape
    assert np.isfinite(result).all()


@pytest.mark.parametrize("name", NAMES)
def test_flat_and_solid_shapes_agree(name: str) -> None:
    positions = walk(40)[:, :, :1]
    flat = FILTERS[name](positions[..., 0], fps=FPS).positions
    np.testing.assert_allclose(flat, FILTERS[name](positions, fps=FPS).positions[..., 0], rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(FILTERS) - {"hampel", "median", "one_euro", "gcv_spline"}))
def test_a_measurement_of_low_weight_moves_the_result_less(name: str) -> None:
    positions, spiked = walk(60, 1), walk(60, 1)
    spiked[30] += 1.0
    low = np.ones((60, 1))
    low[30] = 0.05
    filter_ = FILTERS[name]
    full = np.abs(filter_(spiked, fps=FPS).positions - filter_(positions, fps=FPS).positions).sum()
    less = np.abs(
        filter_(spiked, weights=low, fps=FPS).positions - filter_(positions, weights=low, fps=FPS).positions
    ).sum()
    assert less <= 0.7 * full + 1e-9


@settings(max_examples=15, deadline=None)
@given(data=st.data(), name=st.sampled_from(FAST), frames=st.integers(1, 40), keypoints=st.integers(1, 3))
def test_finite_in_finite_out(data: st.DataObject, name: str, frames: int, keypoints: int) -> None:
    numbers = st.floats(-1e4, 1e4, width=32)
    positions = data.draw(hnp.arrays(np.float64, (frames, keypoints, 2), elements=numbers))
    weights = data.draw(hnp.arrays(np.float64, (frames, keypoints), elements=st.sampled_from([0.0, 0.05, 0.5, 1.0])))
    result = FILTERS[name](positions, weights=weights, fps=FPS).positions
    assert result.shape == positions.shape
    assert np.isfinite(result).all()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"fps": 0.0}, "fps"),
        ({"weights": np.ones((9, 3))}, "weights"),
        ({"weights": np.full((120, 3), 2.0)}, "weights"),
        ({"cutoff": -1.0}, "cutoff"),
    ],
)
def test_bad_arguments_are_named(change: dict, text: str) -> None:
    with pytest.raises(ValueError, match=rf"{text}.*Received: {text}"):
        gaussian(walk(), **{"fps": FPS, **change})
    with pytest.raises(ValueError, match="Received: positions"):
        gaussian(walk() * np.nan, fps=FPS)
