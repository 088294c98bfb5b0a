from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasmooth.models import per_frame


@pytest.mark.parametrize("strides", [1, 3])
@pytest.mark.parametrize("activation", [None, "relu"])
def test_it_is_a_3d_convolution_that_spans_one_frame(strides: int, activation: str | None) -> None:
    options = {"strides": (1, strides, strides), "padding": "same", "activation": activation}
    ours, theirs = (kind(4, (1, 3, 3), **options) for kind in (per_frame.Conv3D, keras.layers.Conv3D))
    frames = np.random.default_rng(0).normal(size=(2, 5, 8, 7, 3)).astype(np.float32)
    ours.build(frames.shape)
    theirs.build(frames.shape)
    theirs.set_weights([np.random.default_rng(1).normal(size=weight.shape) for weight in theirs.weights])
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(frames), theirs(frames), rtol=1e-5, atol=1e-5)


def test_its_gradients_in_bfloat16_are_those_of_float32_but_for_the_rounding() -> None:
    """At a quarter of the study's batch: below it oneDNN is right about Conv3D on processors with AMX, too."""
    random = np.random.default_rng(0)
    frames, target = (random.normal(size=(4, 5, 56, 56, size)).astype(np.float32) for size in (25, 128))
    gradients = []
    for precision in ("float32", "mixed_bfloat16"):
        layer = per_frame.Conv3D(128, (1, 3, 3), padding="same", dtype=precision)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.cast(layer(frames), tf.float32) * target)
        gradients.append(tape.gradient(loss, layer.kernel).numpy())
    exact, rounded = gradients
    # Sums are rounded by 2^-9 of them at most; products by 2^-8, at random, of which a sum of 62,720 hardly notices.
    np.testing.assert_allclose(rounded, exact, atol=2**-8 * np.abs(exact).max())


def test_weights_saved_from_a_conv3d_of_keras_load(tmp_path: Path) -> None:
    """Models saved before it was computed in two dimensions had those."""
    models = []
    for kind in (keras.layers.Conv3D, per_frame.Conv3D):
        frames = keras.Input((None, 8, 7, 3))
        models.append(keras.Model(frames, kind(4, (1, 3, 3), name="convolution")(frames)))
    models[0].save_weights(tmp_path / "saved.weights.h5")
    models[1].load_weights(tmp_path / "saved.weights.h5")
    np.testing.assert_array_equal(models[1].get_weights()[0], models[0].get_weights()[0])
