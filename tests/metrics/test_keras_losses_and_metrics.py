"""`MaskedMSE` and `PCK` as `keras.Model.compile` takes them, against the library's own counts."""

import keras
import numpy as np
import pytest

from kerasmooth import losses
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.masked_mse import MaskedMSE
from kerasmooth.metrics import PCK, pck_counts

SIZE, CODEC = (12, 16), HeatmapCodec(size=(12, 16))


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """Keypoints [6, 5, 25, 2] in cells; a quarter is not annotated, and so is all of one window."""
    random = np.random.default_rng(0)
    keypoints = random.uniform(1, 11, (6, 5, 25, 2)).astype(np.float32)
    keypoints[random.random(keypoints.shape[:-1]) < 0.25] = np.nan
    keypoints[4] = np.nan
    return keypoints


@pytest.fixture(scope="module")
def outputs(truth: np.ndarray) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    keypoints = (np.nan_to_num(truth) + random.normal(0, 1, truth.shape)).astype(np.float32)
    return {"keypoints": keypoints, "heatmaps": CODEC.encode(keypoints, np.isfinite(truth[..., 0]), 1)}


@pytest.mark.parametrize("kind", ["heatmaps", "keypoints"])
def test_masked_mse_is_the_mean_over_what_is_annotated(
    truth: np.ndarray, outputs: dict[str, np.ndarray], kind: str
) -> None:
    shown, predicted = np.isfinite(truth[..., 0]), outputs[kind]
    if kind == "heatmaps":
        squares = (predicted - CODEC.encode(np.nan_to_num(truth), shown, 0)) ** 2
        expected = np.moveaxis(squares, -1, 2)[shown].mean()
    else:
        expected = ((predicted - truth)[shown] ** 2).mean()
    assert float(MaskedMSE()(truth, predicted)) == pytest.approx(expected, rel=1e-5)
    targets = {"visibility": shown, "keypoints": truth, "heatmaps": CODEC.encode(np.nan_to_num(truth), shown, 0)}
    assert float(losses.value(losses.mse(targets, {kind: predicted}))) == pytest.approx(expected, rel=1e-5)
    assert float(MaskedMSE()(truth[4:5], predicted[4:5])) == 0


def test_window_weights_and_sub_pixel_targets_count(truth: np.ndarray, outputs: dict[str, np.ndarray]) -> None:
    loss, heatmaps = MaskedMSE(sub_pixel=True), outputs["heatmaps"]
    whole = float(loss(truth, heatmaps))
    assert whole != pytest.approx(float(MaskedMSE()(truth, heatmaps)), rel=1e-3)
    assert float(loss(truth, heatmaps, sample_weight=np.full(6, 3.0))) == pytest.approx(3 * whole, rel=1e-5)
    assert MaskedMSE.from_config(loss.get_config()).sub_pixel


@pytest.mark.parametrize("threshold", [0.1, 0.3])
@pytest.mark.parametrize("kind", ["heatmaps", "keypoints"])
def test_pck_is_the_library_s_own(
    truth: np.ndarray, outputs: dict[str, np.ndarray], kind: str, threshold: float
) -> None:
    metric, shown = PCK(threshold, decoder="dark"), np.isfinite(truth[..., 0])
    metric = PCK.from_config(metric.get_config())
    for part in (slice(0, 2), slice(2, 6)):
        metric.update_state(truth[part], outputs[kind][part])
    predicted = outputs["keypoints"] if kind == "keypoints" else CODEC.decode(outputs["heatmaps"], "dark")[0]
    expected = pck_counts(np.nan_to_num(truth), predicted, shown, (threshold,)).total()[0]
    assert 0.02 < expected < 0.98
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    assert metric.name == f"pck@{threshold}"


def test_pck_of_nothing_is_nan_and_a_weight_of_0_leaves_a_window_out(
    truth: np.ndarray, outputs: dict[str, np.ndarray]
) -> None:
    metric, keypoints = PCK(0.3), outputs["keypoints"]
    metric.update_state(truth[4:5], keypoints[4:5])
    assert np.isnan(float(metric.result()))
    metric.update_state(truth, keypoints, sample_weight=np.array([1, 1, 0, 0, 0, 0]))
    first_two = PCK(0.3)
    first_two.update_state(truth[:2], keypoints[:2])
    assert float(metric.result()) == float(first_two.result())
    metric.reset_state()
    assert np.isnan(float(metric.result()))


def test_both_survive_saving(tmp_path: object) -> None:
    inputs = keras.Input((5, 25, 2))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.compile("sgd", MaskedMSE(), metrics=[PCK(0.1)])
    model.save(path := f"{tmp_path}/model.keras")
    again = keras.saving.load_model(path)
    assert isinstance(again.loss, MaskedMSE)
