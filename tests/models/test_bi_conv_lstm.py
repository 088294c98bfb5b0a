import keras
import numpy as np
import pytest
from model_cases import KEYPOINTS, SIZE, inputs_for

from kerasmooth.models import BiConvLSTM


def small(**options: str | None) -> BiConvLSTM:
    keras.utils.set_random_seed(2)
    return BiConvLSTM(5, SIZE, KEYPOINTS, filters=8, **options)


def smooth(model: BiConvLSTM, heatmaps: np.ndarray) -> np.ndarray:
    return np.array(model({"heatmaps": heatmaps})["heatmaps"])


def test_time_reversed_is_the_directions_swapped() -> None:
    model, heatmaps = small(merge_mode="sum"), inputs_for("heatmaps")["heatmaps"]
    swapped = small(merge_mode="sum")
    for layer in model.layers:
        if layer.weights:
            other = "backward" if layer.name.startswith("forward") else "forward"
            other += layer.name[layer.name.index("_") :]
            swapped.get_layer(other).set_weights(layer.get_weights())
    np.testing.assert_allclose(smooth(swapped, heatmaps[:, ::-1]), smooth(model, heatmaps)[:, ::-1], atol=1e-5)


@pytest.mark.parametrize("merge_mode", ["sum", "concat"])
def test_every_frame_depends_on_every_frame(merge_mode: str) -> None:
    model, heatmaps = small(merge_mode=merge_mode), inputs_for("heatmaps")["heatmaps"]
    before = smooth(model, heatmaps)
    for frame in range(5):
        changed = heatmaps.copy()
        changed[:, frame] *= 2
        moved = np.any(smooth(model, changed) != before, axis=(0, 2, 3, 4))
        assert moved.all()


def test_c_gives_negative_values_as_published_unless_the_combiner_has_relu() -> None:
    heatmaps = inputs_for("heatmaps")["heatmaps"]
    assert smooth(small(merge_mode="concat"), heatmaps).min() < 0
    assert smooth(small(merge_mode="concat", combiner_activation="relu"), heatmaps).min() == 0
    assert smooth(small(merge_mode="sum"), heatmaps).min() >= 0


def test_an_unknown_merge_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"merge_mode must be one of .*Received: merge_mode='mean'"):
        BiConvLSTM(merge_mode="mean")
