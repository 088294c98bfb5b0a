"""Convolutions of every frame by itself."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerasmooth")
class PerFrameConvolution(keras.layers.Conv3D):
    """A convolution of every frame by itself, [B, T, H, W, C] -> [B, T, H', W', filters], B and T of any length.

    `kernel_size` and `strides` are (1, height, width), channels are last. It is computed in two dimensions: oneDNN's
    gradients of Conv3D in bfloat16 are no numbers on processors with Intel's AMX, and slower in float32, too.
    """

    def convolution_op(self, frames: Any, kernel: Any) -> Any:
        images = ops.reshape(frames, (-1, *frames.shape[2:]))
        images = ops.conv(images, kernel[0], self.strides[1:], self.padding, self.data_format)
        return ops.reshape(images, (-1, ops.shape(frames)[1], *images.shape[1:]))
