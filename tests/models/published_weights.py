"""Weights of the study's PyTorch code for the Keras models."""

from collections.abc import Mapping

import keras
import numpy as np

from kerasmooth.models.bi_conv_lstm import BiConvLSTM
from kerasmooth.models.conv3d import Conv3D
from kerasmooth.models.smoother import Smoother

GATES = "ifco"  # the order in which Keras's ConvLSTM2D stores them
DIRECTIONS = ("forward", "backward")


def load_published_weights(model: Smoother, weights: Mapping[str, np.ndarray]) -> None:
    """Sets the weights of a `Conv3D` or `BiConvLSTM` from those of the published code (Andersen, 2023).

    Args:
      model: one of the two models, changed in place.
      weights: arrays by their PyTorch names, kernels as [out, in, (frames,) height, width].

    Raises:
      ValueError: the model is another one, a name is missing, or an array that the model has no place for (a
        ConvLSTM peephole or a bias per pixel) is not zero.
    """
    remaining = dict(weights)
    if isinstance(model, Conv3D):
        _set_convolution(model.get_layer("convolution"), remaining, "conv")
    elif isinstance(model, BiConvLSTM):
        for direction in DIRECTIONS:
            _set_conv_lstm(model.get_layer(f"{direction}_lstm"), remaining, f"rnn_{direction}")
            for number in range(1, 6 if model.merge_mode == "sum" else 4):
                _set_convolution(model.get_layer(f"{direction}_{number}"), remaining, f"conv_{direction}_{number}")
        if model.merge_mode == "concat":
            for number in (1, 2):
                _set_convolution(model.get_layer(f"combiner_{number}"), remaining, f"conv_combiner_{number}")
    else:
        raise ValueError(f"model must be a Conv3D or a BiConvLSTM. Received: model={type(model).__name__}")
    lost = sorted(name for name, array in remaining.items() if np.any(array))
    if lost:
        raise ValueError(f"the model has no place for these weights, and they are not zero. Received: {lost}")


def _take(weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in weights:
        raise ValueError(f"weights must hold {name}. Received: {sorted(weights)}")
    return np.asarray(weights.pop(name))


def _set_convolution(layer: keras.layers.Layer, weights: dict[str, np.ndarray], name: str) -> None:
    kernel = np.moveaxis(_take(weights, f"{name}.weight"), (0, 1), (-1, -2))
    # A convolution of single frames is a 3D kernel that spans one frame.
    layer.set_weights([kernel.reshape(layer.kernel.shape), _take(weights, f"{name}.bias")])


def _set_conv_lstm(layer: keras.layers.Layer, weights: dict[str, np.ndarray], name: str) -> None:
    def gates(source: str, part: str) -> list[np.ndarray]:
        return [_take(weights, f"{name}.conv_{source}{gate}.{part}") for gate in GATES]

    kernel, recurrent_kernel = (
        np.moveaxis(np.concatenate(gates(source, "weight")), (0, 1), (-1, -2)) for source in "xh"
    )
    bias = np.concatenate(gates("x", "bias")) + np.concatenate(gates("h", "bias"))
    layer.set_weights([kernel, recurrent_kernel, bias])
