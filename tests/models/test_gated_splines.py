import keras
import numpy as np
import pytest
from keras import ops

from kerasmooth import boxes, models
from kerasmooth.models.gated_splines import PERIODS, SplineBands

ONE_BOX = (100.0, 50.0, 380.0, 330.0)


def splines(values: np.ndarray, periods: tuple[float, ...] = PERIODS) -> np.ndarray:
    """[T] -> [M, T], what is left of each spline."""
    bands, rest = SplineBands(periods)(values[None, :, None, None].astype("float32"))
    slower = np.concatenate([ops.convert_to_numpy(bands), ops.convert_to_numpy(rest)[..., None]], axis=-1)
    return np.cumsum(slower[0, :, 0, 0, ::-1], axis=1)[:, ::-1].T[1:]


def inputs_of(
    keypoints: np.ndarray, visibility: np.ndarray | None = None, frame_boxes: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """What the model takes; all visible and on one box by default."""
    shape = keypoints.shape[:3]
    visibility = np.ones(shape) if visibility is None else visibility
    frame_boxes = np.broadcast_to(ONE_BOX, (*shape[:2], 4)) if frame_boxes is None else frame_boxes
    given = {"keypoints": keypoints, "visibility": visibility, "boxes": frame_boxes}
    return {name: values.astype("float32") for name, values in given.items()}


def test_each_spline_halves_the_wave_of_its_period() -> None:
    frames = np.arange(600)
    for number, period in enumerate(PERIODS):
        wave = np.cos(2 * np.pi * frames / period)
        left = splines(wave)[number, 200:400]
        np.testing.assert_allclose(left, wave[200:400] / 2, atol=5e-3)


@pytest.mark.parametrize("frames", [3, 5, 25, 120])
def test_they_are_the_least_squares_curves_of_small_second_differences(frames: int) -> None:
    values = np.random.default_rng(0).normal(size=frames)
    second = np.diff(np.eye(frames), 2, axis=0)
    for number, period in enumerate(PERIODS):
        stiffness = (2 - 2 * np.cos(2 * np.pi / period)) ** -2
        expected = np.linalg.solve(np.eye(frames) + stiffness * second.T @ second, values)
        np.testing.assert_allclose(splines(values)[number], expected, atol=2e-3)


@pytest.mark.parametrize("frames", [1, 2, 40])
def test_even_motion_is_in_no_band(frames: int) -> None:
    line = 3 + 0.5 * np.arange(frames)
    np.testing.assert_allclose(splines(line), np.tile(line, (len(PERIODS), 1)), rtol=1e-4)


def test_untrained_it_takes_noise_off_and_leaves_slow_motion() -> None:
    keras.utils.set_random_seed(0)
    model = models.build("gated_splines", window=60)
    rng, time = np.random.default_rng(1), np.arange(60)
    truth = 28 + 8 * np.sin(2 * np.pi * time / 60)[:, None, None] * np.ones((60, 25, 2))
    seen = truth + rng.normal(size=truth.shape)
    smoothed = ops.convert_to_numpy(model(inputs_of(seen[None]))["keypoints"])[0]
    assert np.abs(smoothed - truth).mean() < 0.7 * np.abs(seen - truth).mean()


def test_how_a_box_moves_has_no_effect_in_the_image() -> None:
    """In boxes that move with a person or jitter it says the same as in their mean box, all but the rounding."""
    keras.utils.set_random_seed(0)
    model, rng = models.build("gated_splines", window=25), np.random.default_rng(4)
    low = np.cumsum(rng.normal(0, 20, (2, 25, 2)), axis=1)
    moving = np.concatenate([low, low + rng.uniform(200, 400, low.shape)], axis=-1)
    mean = np.broadcast_to(moving.mean(axis=1, keepdims=True), moving.shape)
    keypoints = 200 + np.cumsum(rng.normal(0, 5, (2, 25, 25, 2)), axis=1)
    said = []
    for frame_boxes in (moving, mean):
        cells = boxes.to_heatmap(keypoints, frame_boxes, model.size)
        answer = model(inputs_of(cells, frame_boxes=frame_boxes))["keypoints"]
        said.append(boxes.to_image(ops.convert_to_numpy(answer), frame_boxes, model.size))
    assert np.abs(said[1] - keypoints).mean() > 1
    np.testing.assert_allclose(said[0], said[1], atol=2e-3)


def test_boxes_without_an_area_are_a_pixel() -> None:
    keypoints = np.random.default_rng(5).uniform(0, 55, (1, 25, 25, 2))
    model = models.build("gated_splines", window=25, width=16, rounds=1)
    expected = model(inputs_of(keypoints))["keypoints"]
    said = model(inputs_of(keypoints, frame_boxes=np.zeros((1, 25, 4))))["keypoints"]
    np.testing.assert_allclose(ops.convert_to_numpy(said), ops.convert_to_numpy(expected), atol=1e-4)


@pytest.mark.parametrize("option", ["width", "rounds"])
def test_its_size_is_positive(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} must be a whole number of at least 1"):
        models.build("gated_splines", window=25, **{option: 0})


def test_what_stands_at_a_missing_keypoint_has_no_effect() -> None:
    model = models.build("gated_splines", window=25, width=16, rounds=1)
    rng = np.random.default_rng(2)
    keypoints = rng.uniform(0, 55, (2, 25, 25, 2)).astype("float32")
    visibility = (rng.random((2, 25, 25)) > 0.3).astype("float32")
    there = visibility[..., None] > 0
    said = [
        ops.convert_to_numpy(model(inputs_of(np.where(there, keypoints, other), visibility))["keypoints"])
        for other in (np.float32(0), np.float32(np.nan), np.float32(1e6))
    ]
    assert np.isfinite(said[0]).all()
    for other in said[1:]:
        np.testing.assert_array_equal(other, said[0])


def test_bands_are_exact_in_bfloat16() -> None:
    """The network may be coarse, but what it lets through is not rounded to an eighth of a cell."""
    keras.utils.set_random_seed(0)
    model = models.build("gated_splines", window=25, width=16, rounds=1, dtype="mixed_bfloat16")
    for name in model.head_layers:
        kernel, bias = model.get_layer(name).variables
        kernel.assign(ops.zeros_like(kernel))
        bias.assign(ops.ones_like(bias) * (30.0 if name == "gates" else 0.0))
    keypoints = np.random.default_rng(3).uniform(0, 55, (1, 25, 25, 2)).astype("float32")
    said = model(inputs_of(keypoints))["keypoints"]
    np.testing.assert_allclose(ops.convert_to_numpy(said), keypoints, atol=1e-3)
