from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from published_weights import load_published_weights

from kerasmooth import models

PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    "conv3d": ("conv3d", {}),
    "bi_conv_lstm_sum": ("bi_conv_lstm", {"merge_mode": "sum"}),
    "bi_conv_lstm_concat": ("bi_conv_lstm", {"merge_mode": "concat"}),
}


def build(key: str) -> models.Smoother:
    name, options = PUBLISHED[key]
    return models.build(name, window=5, size=(10, 12), num_keypoints=4, **options)


def weights_of(golden: Mapping[str, np.ndarray], key: str) -> dict[str, np.ndarray]:
    golden[f"{key}/output"]  # skips where the golden file has no weights
    return {n.split("/")[1]: golden[n] for n in golden if n.startswith(f"{key}/") and not n.endswith("/output")}


@pytest.mark.parametrize("key", PUBLISHED)
def test_the_published_code_gives_the_same_output(golden: Mapping[str, np.ndarray], key: str) -> None:
    model = build(key)
    load_published_weights(model, weights_of(golden, key))
    heatmaps = np.moveaxis(golden["model_input"], 2, -1)
    expected = np.moveaxis(golden[f"{key}/output"], 2, -1)
    np.testing.assert_allclose(np.array(model({"heatmaps": heatmaps})["heatmaps"]), expected, rtol=0, atol=1e-5)


def test_a_missing_array_is_named() -> None:
    with pytest.raises(ValueError, match=r"must hold conv\.bias\. Received"):
        load_published_weights(build("conv3d"), {"conv.weight": np.zeros((4, 4, 5, 5, 5))})


def test_weights_without_a_place_must_be_zero() -> None:
    model = build("conv3d")
    weights = {"conv.weight": np.ones((4, 4, 5, 5, 5)), "conv.bias": np.ones(4), "peephole": np.zeros((4, 10, 12))}
    load_published_weights(model, weights)
    assert float(model.get_layer("convolution").bias[0]) == 1
    with pytest.raises(ValueError, match=r"no place.*peephole"):
        load_published_weights(model, weights | {"peephole": np.ones((4, 10, 12))})


def test_deciwatch_has_no_published_weights() -> None:
    with pytest.raises(ValueError, match="Received: model=DeciWatch"):
        load_published_weights(models.build("deciwatch", window=5), {})
