"""Convolutions of every frame by itself."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerasmooth", name="PerFrameConv3D")
class Conv3D(keras.layers.Conv3D):
    """A Conv3D that spans one frame, computed in two dimensions: [B, T, H, W, C] -> [B, T, H', W', filters].

    B and T may be of any length; `kernel_size` and `strides` are (1, height, width), channels are last. In three
    dimensions oneDNN is wrong in bfloat16 on processors with Intel's AMX: gradients of many filters, seen from 64 on,
    are garbage there. It has the name of Keras's layer, as files of weights have the names of layers' classes.
    """

    def convolution_op(self, frames: Any, kernel: Any) -> Any:
        images = ops.reshape(frames, (-1, *frames.shape[2:]))
        images = ops.conv(images, kernel[0], self.strides[1:], self.padding, self.data_format)
        return ops.reshape(images, (-1, ops.shape(frames)[1], *images.shape[1:]))
