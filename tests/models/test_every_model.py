"""What holds for every registered model. The file of a model tests only what is special to it."""

import functools
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from model_cases import BATCH, CASES, KEYPOINTS, SIZE, WINDOW, Case, inputs_for, targets_for

from kerasmooth import losses, models
from kerasmooth.errors import InputError

every_model = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(autouse=True)
def seeded() -> None:
    keras.utils.set_random_seed(3)


@pytest.fixture
def bfloat16() -> Iterator[None]:
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@functools.cache
def untrained(case: Case) -> models.Smoother:
    """Shared by the tests that change no weight; building takes most of a test's time."""
    return case.build()


def outputs_of(model: models.Smoother, inputs: dict[str, np.ndarray], training: bool = False) -> dict[str, np.ndarray]:
    return {name: np.array(value) for name, value in model(inputs, training=training).items()}


def loss_of(model: models.Smoother, inputs: dict[str, Any]) -> Any:
    return losses.value(losses.LOSSES[model.default_loss](targets_for(), model(inputs, training=False)))


@every_model
@pytest.mark.parametrize("window", [WINDOW, 8])
def test_output_has_the_shape_of_the_input(case: Case, window: int) -> None:
    model = untrained(case)
    outputs = outputs_of(model, inputs_for(model.takes, window=window))
    shape = (BATCH, window, *SIZE, KEYPOINTS) if model.takes == "heatmaps" else (BATCH, window, KEYPOINTS, 2)
    assert outputs[model.takes].shape == shape
    for output in outputs.values():
        assert output.dtype == np.float32
        assert output.shape[:2] == (BATCH, window)
        assert np.isfinite(output).all()


@every_model
def test_config_makes_the_same_model(case: Case) -> None:
    model = untrained(case)
    config = json.loads(json.dumps(model.get_config()))
    again = type(model).from_config(config)
    assert again.get_config() == model.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    assert case.options.items() <= config.items()
    assert (again.window, again.size, again.num_keypoints) == (WINDOW, SIZE, KEYPOINTS)


@every_model
def test_saved_and_loaded_it_says_the_same(case: Case, tmp_path: Path) -> None:
    model = untrained(case)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    inputs = inputs_for(model.takes)
    expected = outputs_of(model, inputs)
    for name, output in outputs_of(loaded, inputs).items():
        np.testing.assert_array_equal(output, expected[name])


@every_model
def test_a_model_in_bfloat16_comes_back_in_bfloat16(case: Case, tmp_path: Path) -> None:
    model = case.build(dtype="mixed_bfloat16")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        with_weights = [layer for layer in one._flatten_layers(include_self=False) if layer.trainable_variables]
        assert {layer.compute_dtype for layer in with_weights} == {"bfloat16"}
        assert {weight.dtype for weight in one.trainable_variables} == {"float32"}
    inputs = inputs_for(model.takes)
    expected = outputs_of(model, inputs)
    for name, output in outputs_of(loaded, inputs).items():
        assert output.dtype == np.float32
        np.testing.assert_array_equal(output, expected[name])


HEADS = {
    "conv3d": {"convolution"},
    "bi_conv_lstm": {"forward_5", "backward_5"},
    "bi_conv_lstm-merge_mode=concat-dropout=0.2": {"combiner_2"},
    "conv3d-kernel=3": {"convolution"},
    "deciwatch": {"recover_head"},
    "deciwatch-sample_interval=1-encoder_norm=False": {"recover_head"},
    "deciwatch_vit": {"recover_head"},
    "gated_splines": {"gates", "correction"},
}


@every_model
def test_the_head_is_what_gives_the_output(case: Case) -> None:
    model = case.build()
    assert {variable.path.split("/")[0] for variable in model.head} == HEADS[str(case)]
    inputs = inputs_for(model.takes)
    # Without its head a model of heatmaps gives none, and one of keypoints what it interpolates, or half of each band.
    for variable in model.head:
        variable.assign(keras.ops.zeros_like(variable))
    outputs = outputs_of(model, inputs)
    gives = "keypoints" if "keypoints" in outputs else "heatmaps"
    rest = outputs.get("denoised", 0.0)
    if case.model == "gated_splines":
        layers = [model.get_layer(name) for name in ("bridged", "bands", "box_in_window")]
        bridged, (bands, last), (size, place) = keras.Model(model.input, [layer.output for layer in layers])(inputs)
        np.testing.assert_allclose(last + bands.numpy().sum(axis=-1), bridged, atol=1e-5)
        rest = (last + bands.numpy().sum(axis=-1) / 2 - place) / size * (4, 3) + (3.5, 2.5)
    np.testing.assert_allclose(outputs[gives], rest + np.zeros_like(outputs[gives]), atol=1e-5)


@every_model
def test_paths_of_variables_are_unique_and_the_same_in_each_model(case: Case) -> None:
    paths = [variable.path for variable in untrained(case).trainable_variables]
    assert len(set(paths)) == len(paths)
    assert paths == [variable.path for variable in case.build().trainable_variables]


@every_model
def test_a_training_step_lowers_the_loss(case: Case) -> None:
    model, optimizer = case.build(), keras.optimizers.Adam(1e-3)
    inputs = inputs_for(model.takes)
    before = float(loss_of(model, inputs))
    with tf.GradientTape() as tape:
        loss = loss_of(model, inputs)
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_weights), model.trainable_weights, strict=True))
    assert float(loss_of(model, inputs)) < before


@every_model
def test_the_gradient_reaches_every_weight(case: Case) -> None:
    model = untrained(case)
    # Adding a constant to all keys of an attention changes nothing: the bias of keys has no gradient by its nature.
    weights = {w.path: w for w in model.trainable_weights if not w.path.endswith("key/bias")}
    with tf.GradientTape() as tape:
        loss = loss_of(model, inputs_for(model.takes))
    for path, gradient in tape.gradient(loss, weights).items():
        assert gradient is not None, path
        assert np.any(np.array(gradient)), path


@every_model
def test_a_window_does_not_depend_on_the_others_of_its_batch(case: Case) -> None:
    model = untrained(case)
    inputs = inputs_for(model.takes)
    together = outputs_of(model, inputs)
    alone = outputs_of(model, {name: value[1:2] for name, value in inputs.items()})
    for name, output in alone.items():
        np.testing.assert_allclose(output, together[name][1:2], rtol=1e-5, atol=1e-5)


@every_model
def test_the_same_seed_gives_the_same_numbers(case: Case) -> None:
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        model = case.build()
        inputs = inputs_for(model.takes)
        results.append([outputs_of(model, inputs, training) for training in (False, True, True)])
    for first, second in zip(*results, strict=True):
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])


@every_model
def test_bfloat16_stays_close_and_answers_in_float32(case: Case, bfloat16: None) -> None:
    model = case.build()
    inputs = inputs_for(model.takes)
    outputs = outputs_of(model, inputs)
    keras.config.set_dtype_policy("float32")
    exact = case.build()
    exact.set_weights(model.get_weights())
    for name, expected in outputs_of(exact, inputs).items():
        assert outputs[name].dtype == np.float32
        # bfloat16 has 8 significant bits, an error of 0.2 % on average at each rounding.
        assert np.linalg.norm(outputs[name] - expected) < 0.03 * np.linalg.norm(expected)


@every_model
@pytest.mark.parametrize("xla", [False, True], ids=["graph", "xla"])
def test_compiled_equals_eager_for_other_batches_and_windows(case: Case, xla: bool) -> None:
    model = untrained(case)
    # No static sizes, as in an exported model, where wrong shapes would go unnoticed.
    free = {name: tf.TensorSpec((None, None, *value.shape[2:])) for name, value in inputs_for(model.takes).items()}
    compiled = tf.function(
        lambda inputs: model(inputs), jit_compile=xla, input_signature=None if xla else [free], reduce_retracing=False
    )
    for batch, window in [(BATCH, WINDOW)] if xla else [(BATCH, WINDOW), (1, 8), (4, 2)]:
        inputs = inputs_for(model.takes, batch, window)
        expected = outputs_of(model, inputs)
        for name, output in compiled({k: tf.constant(v) for k, v in inputs.items()}).items():
            np.testing.assert_allclose(np.array(output), expected[name], rtol=1e-5, atol=1e-5)


def _python_with(backend: str) -> str:
    """This interpreter if it has the backend, else the one that KERASMOOTH_BACKENDS_PYTHON names."""
    if importlib.util.find_spec(backend):
        return sys.executable
    if "KERASMOOTH_BACKENDS_PYTHON" in os.environ:
        return os.environ["KERASMOOTH_BACKENDS_PYTHON"]
    pytest.skip(f"{backend} is not installed (KERASMOOTH_BACKENDS_PYTHON can name a Python that has it, and Keras)")


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same_numbers(backend: str, repository: Path, tmp_path: Path) -> None:
    python = _python_with(backend)
    arrays, expected = {}, {}
    for case in CASES:
        model = untrained(case)
        arrays |= {f"{case}/{i:03d}": weight for i, weight in enumerate(model.get_weights())}
        expected[str(case)] = outputs_of(model, inputs_for(model.takes))
    np.savez(tmp_path / "weights.npz", **arrays)
    command = [python, str(Path(__file__).with_name("run_on_backend.py")), str(tmp_path)]
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(repository)}
    subprocess.run(command, env=environment, check=True)
    with np.load(tmp_path / "outputs.npz") as outputs:
        assert str(outputs["backend"]) == backend
        for case in CASES:
            for name, value in expected[str(case)].items():
                np.testing.assert_allclose(outputs[f"{case}/{name}"], value, rtol=1e-5, atol=1e-5)


def test_an_unknown_model_is_the_users_mistake() -> None:
    with pytest.raises(InputError, match=r"conv3d, bi_conv_lstm, deciwatch.*'conv4d'"):
        models.build("conv4d", window=5)


def test_an_unknown_option_is_the_users_mistake() -> None:
    with pytest.raises(InputError, match=r"bi_conv_lstm has no such option, it has merge_mode, .*'heads'"):
        models.build("bi_conv_lstm", window=5, heads=2)


@pytest.mark.parametrize("name", models.MODELS)
@pytest.mark.parametrize(
    ("argument", "bad"),
    [("window", 0), ("num_keypoints", -1), ("size", (0, 8)), ("size", (8,)), ("window", 2.5), ("window", True)],
)
def test_dimensions_must_be_positive(name: str, argument: str, bad: Any) -> None:
    arguments = {"window": 5, "size": (6, 8), "num_keypoints": 3} | {argument: bad}
    with pytest.raises(ValueError, match=f"{argument}.*Received: {argument}="):
        models.build(name, **arguments)


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("conv3d", {}, 78_150),
        ("conv3d", {"kernel": 3}, 5 * 9 * 25 * 25 + 25),
        ("bi_conv_lstm", {"merge_mode": "sum"}, 777_866),
        ("bi_conv_lstm", {"merge_mode": "concat"}, 774_513),
        ("deciwatch", {}, 1_708_388),
        ("deciwatch", {"encoder_norm": False}, 1_708_132),
        # An embedding of 375 numbers, 6 layers of a norm, a convolution and a mix, a norm, gates and a correction.
        ("gated_splines", {}, 376 * 128 + 6 * (256 + 641 * 128 + 129 * 128) + 256 + 129 * 150 + 129 * 50),
    ],
)
def test_weights_are_as_many_as_published_or_counted(name: str, options: dict[str, Any], count: int) -> None:
    assert models.build(name, window=5, **options).count_params() == count
