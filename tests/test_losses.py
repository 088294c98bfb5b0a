from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kerasmooth import losses, models

Arrays = dict[str, np.ndarray]


def batch_of(size: int, seed: int = 0) -> tuple[Arrays, Arrays]:
    """Targets and outputs of `size` windows: T, H, W, K = 5, 6, 7, 3; where a keypoint is not annotated NaN."""
    rng = np.random.default_rng(seed)
    visibility = rng.random((size, 5, 3)) > 0.4
    heatmaps = np.where(visibility[:, :, None, None, :], rng.random((size, 5, 6, 7, 3)) * 40, np.nan)
    keypoints = np.where(visibility[..., None], rng.random((size, 5, 3, 2)) * 6, np.nan)
    outputs = {name: rng.random((size, 5, 3, 2)) * 6 for name in ("keypoints", "denoised")}
    outputs["sampled"] = np.tile([1.0, 0.0, 0.0, 0.0, 1.0], (size, 1))
    outputs["heatmaps"] = rng.random((size, 5, 6, 7, 3)) * 40
    targets = {"visibility": visibility, "heatmaps": heatmaps, "keypoints": keypoints}
    as_float32 = {k: v if v.dtype == bool else v.astype("float32") for k, v in targets.items()}
    return as_float32, {k: v.astype("float32") for k, v in outputs.items()}


def only(values: Arrays, *names: str) -> Arrays:
    return {name: values[name] for name in names}


OUTPUTS = {
    "mse heatmaps": ("heatmaps",),
    "mse keypoints": ("keypoints",),
    "distance": ("keypoints",),
    "deciwatch": ("keypoints", "denoised", "sampled"),
}
every_loss = pytest.mark.parametrize("kind", OUTPUTS)


def terms_of(kind: str, targets: Arrays, outputs: Any) -> list[losses.LossTerm]:
    return losses.LOSSES[kind.split()[0]](targets, {name: outputs[name] for name in OUTPUTS[kind]})


def test_mse_of_a_case_worked_by_hand() -> None:
    truth = np.zeros((1, 2, 2, 3, 2), "float32")
    predicted = np.zeros_like(truth)
    predicted[0, 0, 1, 2, 0] = 3
    predicted[0, 1, 0, 0, 0] = 1
    predicted[0, :, :, :, 1] = 100
    visibility = np.array([[[True, False], [True, False]]])
    (term,) = losses.mse({"heatmaps": truth, "visibility": visibility}, {"heatmaps": predicted})
    # 9 + 1 over two heatmaps of 2 x 3 cells.
    assert (term.weight, float(term.total), float(term.count)) == (1, 10, 12)
    assert float(losses.value([term])) == pytest.approx(10 / 12)


def test_mse_of_keypoints_by_hand() -> None:
    truth = np.array([[[[1, 1], [9, 9]]]], "float32")
    predicted = np.array([[[[1, 4], [0, 0]]]], "float32")
    (term,) = losses.mse({"keypoints": truth, "visibility": np.array([[[True, False]]])}, {"keypoints": predicted})
    assert (float(term.total), float(term.count)) == (9, 2)


def test_distance_by_hand() -> None:
    truth = np.array([[[[1, 1], [9, 9], [2, 2]]]], "float32")
    predicted = np.array([[[[4, 5], [0, 0], [2, 2]]]], "float32")
    targets = {"keypoints": truth, "visibility": np.array([[[True, False, True]]])}
    (term,) = losses.distance(targets, {"keypoints": predicted})
    assert (float(term.total), float(term.count)) == (pytest.approx(5, abs=0.011), 2)


def test_deciwatch_by_hand() -> None:
    truth = np.zeros((1, 3, 1, 2), "float32")
    outputs = {
        "keypoints": np.array([[[[1, 0]], [[0, -2]], [[50, 50]]]], "float32"),
        "denoised": np.array([[[[4, 2]], [[70, 70]], [[50, 50]]]], "float32"),
        "sampled": np.array([[1, 0, 1]], "float32"),
    }
    terms = losses.deciwatch({"keypoints": truth, "visibility": np.array([[[True], [True], [False]]])}, outputs)
    # Recovered: 1 + 2 over two frames with annotation. Denoised: 4 + 2 over the one that is read and annotated.
    assert [(t.weight, float(t.total), float(t.count)) for t in terms] == [(5, 3, 4), (1, 6, 2)]
    assert float(losses.value(terms)) == pytest.approx(5 * 3 / 4 + 6 / 2)


def test_they_agree_with_masked_numpy_means() -> None:
    targets, outputs = batch_of(6)
    shown = targets["visibility"]
    with np.errstate(invalid="ignore"):
        squares = np.square(outputs["heatmaps"].astype("float64") - targets["heatmaps"])
        recover, denoise = (
            np.abs(outputs[n].astype("float64") - targets["keypoints"]) for n in ("keypoints", "denoised")
        )
    assert float(losses.value(terms_of("mse heatmaps", targets, outputs))) == pytest.approx(np.nanmean(squares))
    sampled = shown & (outputs["sampled"][..., None] > 0)
    expected = 5 * recover[shown].mean() + denoise[sampled].mean()
    assert float(losses.value(terms_of("deciwatch", targets, outputs))) == pytest.approx(expected)


@every_loss
@pytest.mark.parametrize("cut", [1, 4])
def test_the_value_does_not_depend_on_the_split(kind: str, cut: int) -> None:
    targets, outputs = batch_of(6)
    whole = terms_of(kind, targets, outputs)
    halves = [
        terms_of(kind, {k: v[part] for k, v in targets.items()}, {k: v[part] for k, v in outputs.items()})
        for part in (slice(cut), slice(cut, None))
    ]
    summed = [losses.LossTerm(a.weight, a.total + b.total, a.count + b.count) for a, b in zip(*halves, strict=True)]
    assert float(losses.value(summed)) == pytest.approx(float(losses.value(whole)), rel=1e-6)


@every_loss
def test_nothing_annotated_is_no_loss(kind: str) -> None:
    targets, outputs = batch_of(2)
    targets["visibility"] = np.zeros_like(targets["visibility"])
    terms = terms_of(kind, targets, outputs)
    assert [float(term.count) for term in terms] == [0] * len(terms)
    assert float(losses.value(terms)) == 0


@every_loss
@pytest.mark.parametrize("annotated", [True, False])
def test_keypoints_without_annotation_have_no_gradient(kind: str, annotated: bool) -> None:
    targets, outputs = batch_of(3)
    targets["visibility"] &= annotated
    name = OUTPUTS[kind][0]
    predicted = tf.Variable(outputs[name])
    with tf.GradientTape() as tape:
        loss = losses.value(terms_of(kind, targets, outputs | {name: predicted}))
    gradient = np.array(tape.gradient(loss, predicted))
    if name == "heatmaps":
        gradient = np.abs(gradient).max(axis=(2, 3))[..., None]
    np.testing.assert_array_equal(np.abs(gradient).max(axis=-1) > 0, targets["visibility"])


@every_loss
def test_low_precision_is_summed_in_float32(kind: str) -> None:
    targets, outputs = batch_of(4)
    halves = {k: ops.cast(v, "bfloat16") for k, v in outputs.items()}
    rounded = {k: np.array(ops.cast(v, "float32")) for k, v in halves.items()}
    value = losses.value(terms_of(kind, targets, halves))
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == pytest.approx(float(losses.value(terms_of(kind, targets, rounded))), rel=1e-6)


def test_deciwatch_needs_a_model_that_denoises() -> None:
    targets, outputs = batch_of(1)
    with pytest.raises(ValueError, match=r"Received: outputs=\['heatmaps'\]"):
        losses.LOSSES["deciwatch"](targets, only(outputs, "heatmaps"))


def test_every_model_has_a_default_loss() -> None:
    defaults = {"conv3d": "mse", "bi_conv_lstm": "mse", "deciwatch": "deciwatch"}
    assert defaults.items() <= {name: model.default_loss for name, model in models.MODELS.items()}.items()
