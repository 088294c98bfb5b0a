from typing import Any

import keras
import numpy as np
import pytest
from deciwatch_reference import Reference

from kerasmooth.models import DeciWatch

SIZE = (10, 14)


def small(sample_interval: int = 4, **options: Any) -> DeciWatch:
    keras.utils.set_random_seed(5)
    options = {"hidden_dim": 32, "num_layers": 2} | options
    return DeciWatch(5, SIZE, 3, sample_interval=sample_interval, **options)


def with_random_biases(model: DeciWatch) -> DeciWatch:
    """Biases start at 0 and scales at 1, which would hide a mistake in either."""
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.normal(0, 0.1, w.shape) if w.ndim < 3 else w for w in model.get_weights()])
    return model


def that_changes_nothing(model: DeciWatch) -> DeciWatch:
    """Both heads zero: what is left is sampling, bridging of missing keypoints and linear recovery."""
    for name in ("denoise_head", "recover_head"):
        model.get_layer(name).set_weights([np.zeros_like(w) for w in model.get_layer(name).get_weights()])
    return model


def window(frames: int, seed: int = 0) -> np.ndarray:
    """Positions in the grid and a little beyond, (x, y), of 3 keypoints in 2 windows."""
    return np.random.default_rng(seed).uniform(-1, (15, 11), (2, frames, 3, 2)).astype("float32")


def smooth(model: DeciWatch, keypoints: np.ndarray, visibility: np.ndarray | None = None) -> dict[str, np.ndarray]:
    visibility = np.ones(keypoints.shape[:3], "float32") if visibility is None else visibility
    outputs = model({"keypoints": keypoints, "visibility": visibility.astype("float32")})
    return {name: np.array(value) for name, value in outputs.items()}


@pytest.mark.parametrize("sample_interval", [1, 2, 4])
@pytest.mark.parametrize(("frames", "encoder_norm"), [(5, True), (6, False), (8, True)])
def test_it_computes_the_equations_of_the_paper(sample_interval: int, frames: int, encoder_norm: bool) -> None:
    model = with_random_biases(small(sample_interval, encoder_norm=encoder_norm))
    keypoints, visibility = window(frames), np.random.default_rng(1).random((2, frames, 3)) > 0.3
    visibility[0, :, 1] = False
    outputs = smooth(model, keypoints, visibility)
    reference = Reference(model)
    for i in range(2):
        recovered, denoised = reference(keypoints[i].astype("float64"), visibility[i])
        np.testing.assert_allclose(outputs["keypoints"][i], recovered, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(outputs["denoised"][i], denoised, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("sample_interval", [1, 2, 4])
def test_it_computes_the_equations_at_full_size(sample_interval: int) -> None:
    keras.utils.set_random_seed(1)
    model = with_random_biases(DeciWatch(sample_interval=sample_interval))
    keypoints = np.random.default_rng(0).uniform(0, 55, (1, 5, 25, 2)).astype("float32")
    outputs = smooth(model, keypoints)
    recovered, denoised = Reference(model)(keypoints[0].astype("float64"), np.ones((5, 25), bool))
    # Relative to the grid's half width, the unit that the equations are in.
    np.testing.assert_allclose(outputs["keypoints"][0] / 28, recovered / 28, rtol=0, atol=1e-5)
    np.testing.assert_allclose(outputs["denoised"][0] / 28, denoised / 28, rtol=0, atol=1e-5)


def test_frames_between_are_recovered_linearly() -> None:
    model = that_changes_nothing(small(4))
    keypoints = window(7)
    expected = np.empty_like(keypoints)
    for i in np.ndindex(2, 3, 2):
        # 7 frames at an interval of 4: frames 0 and 4, and the last one, 6.
        expected[i[0], :, i[1], i[2]] = np.interp(range(7), [0, 4, 6], keypoints[i[0], [0, 4, 6], i[1], i[2]])
    outputs = smooth(model, keypoints)
    np.testing.assert_allclose(outputs["keypoints"], expected, atol=1e-5)
    np.testing.assert_array_equal(outputs["sampled"], [[1, 0, 0, 0, 1, 0, 1]] * 2)


def test_coordinates_survive_bfloat16() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = that_changes_nothing(small(1))
    finally:
        keras.config.set_dtype_policy("float32")
    keypoints = window(5)
    np.testing.assert_allclose(smooth(model, keypoints)["keypoints"], keypoints, atol=1e-5)


def test_missing_keypoints_are_bridged_in_time() -> None:
    model = that_changes_nothing(small(1))
    keypoints = np.full((1, 6, 3, 2), np.nan, "float32")
    keypoints[0, 1, 0], keypoints[0, 4, 0] = (2, 7), (5, 1)
    keypoints[0, 3, 1] = (4, 4)
    visibility = ~np.isnan(keypoints[..., 0])
    smoothed = smooth(model, keypoints, visibility)["keypoints"][0]
    # Held at the ends, linear in between.
    np.testing.assert_allclose(smoothed[:, 0], [[2, 7], [2, 7], [3, 5], [4, 3], [5, 1], [5, 1]], atol=1e-5)
    np.testing.assert_allclose(smoothed[:, 1], [[4, 4]] * 6, atol=1e-5)
    # Never seen: the centre of a grid of 14 columns and 10 rows.
    np.testing.assert_allclose(smoothed[:, 2], [[6.5, 4.5]] * 6, atol=1e-5)


def test_missing_keypoints_have_no_effect_whatever_stands_there() -> None:
    model, keypoints = small(1), window(5)
    visibility = np.random.default_rng(2).random((2, 5, 3)) > 0.4
    expected = smooth(model, keypoints, visibility)
    for junk in (np.nan, np.inf, -1000.0):
        outputs = smooth(model, np.where(visibility[..., None], keypoints, junk), visibility)
        np.testing.assert_array_equal(outputs["keypoints"], expected["keypoints"])


@pytest.mark.parametrize(
    ("sample_interval", "frames", "read"), [(4, 5, {0, 4}), (2, 6, {0, 2, 4, 5}), (1, 3, {0, 1, 2})]
)
def test_it_reads_the_kept_frames_and_no_others(sample_interval: int, frames: int, read: set[int]) -> None:
    model, keypoints = small(sample_interval), window(frames)
    before = smooth(model, keypoints)["keypoints"]
    for frame in range(frames):
        changed = keypoints.copy()
        changed[:, frame] += 3
        moved = not np.array_equal(smooth(model, changed)["keypoints"], before)
        assert moved == (frame in read)


@pytest.mark.parametrize("seen", [0, 1])
def test_it_answers_with_one_frame_seen_and_with_none(seen: int) -> None:
    visibility = np.zeros((2, 5, 3), bool)
    visibility[:, 4] = seen
    for output in smooth(small(4), window(5), visibility).values():
        assert np.isfinite(output).all()


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis 3")
def test_a_window_of_one_frame_works() -> None:
    outputs = smooth(small(4), window(1))
    assert outputs["keypoints"].shape == (2, 1, 3, 2)
    assert np.isfinite(outputs["keypoints"]).all()


def test_dropout_acts_in_training_only_and_by_its_seed() -> None:
    inputs = {"keypoints": window(5), "visibility": np.ones((2, 5, 3), "float32")}
    first, again, other = (small(1, dropout=0.3, seed=seed) for seed in (1, 1, 2))
    drawn = [np.array(model(inputs, training=True)["keypoints"]) for model in (first, again, other)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], np.array(first(inputs, training=True)["keypoints"]))
    still = [np.array(first(inputs, training=False)["keypoints"]) for _ in range(2)]
    np.testing.assert_array_equal(still[0], still[1])


def test_attention_starts_glorot_uniform() -> None:
    limit = np.sqrt(6 / (128 + 128))
    kernels = [w for w in DeciWatch(num_layers=1).get_layer("encoder_1_attention").get_weights() if w.ndim == 3]
    for kernel in kernels:
        assert np.abs(kernel).max() <= limit
        np.testing.assert_allclose(kernel.std(), limit / np.sqrt(3), rtol=0.02)
    assert not np.array_equal(kernels[0], kernels[1])


@pytest.mark.parametrize(
    ("option", "bad"),
    [
        ("sample_interval", 0),
        ("num_layers", 0),
        ("hidden_dim", 30),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("encoder_norm", "no"),
    ],
)
def test_options_out_of_range_are_refused(option: str, bad: Any) -> None:
    with pytest.raises(ValueError, match=f"{option}.*Received: {option}={bad!r}"):
        DeciWatch(**{option: bad})
