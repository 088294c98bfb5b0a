"""3DConv: the study's smallest model."""

from typing import Any

import keras

from kerasmooth.boxes import Size
from kerasmooth.models.smoother import Smoother, check_positive, checked_dimensions


@keras.saving.register_keras_serializable("kerasmooth")
class Conv3D(Smoother):
    """One 3D convolution over time and space, K filters of `window` x `kernel` x `kernel`, same padding, ReLU.

    The baseline of Andersen, "Temporal Smoothing in 2D Human Pose Estimation for Bouldering", 2023. 78,150 weights
    for a window of 5 frames and K = 25.

    Args:
      window: T, frames the kernel spans; more or fewer are accepted as input.
      size: (height, width) the model is made for; any size is accepted.
      num_keypoints: K.
      kernel: cells that a filter spans along each axis; 3 makes a model of 28,150 weights.
      dtype: dtype or policy of the convolution; None is Keras's own.

    Raises:
      ValueError: an argument is not positive.
    """

    takes = "heatmaps"

    def __init__(
        self,
        window: int = 5,
        size: Size = (56, 56),
        num_keypoints: int = 25,
        *,
        kernel: int = 5,
        dtype: Any = None,
        name: str | None = "conv3d",
        **kwargs: Any,
    ) -> None:
        # === Layers ===
        dimensions = checked_dimensions(window, size, num_keypoints)
        check_positive(kernel=kernel)
        convolution = keras.layers.Conv3D(
            num_keypoints,
            (window, kernel, kernel),
            padding="same",
            data_format="channels_last",
            activation="relu",
            dtype=dtype,
            name="convolution",
        )
        # === Functional Model ===
        heatmaps = keras.Input((None, None, None, num_keypoints), name="heatmaps", dtype="float32")
        smoothed = keras.layers.Activation("linear", dtype="float32", name="float32_heatmaps")(convolution(heatmaps))
        super().__init__({"heatmaps": heatmaps}, {"heatmaps": smoothed}, **dimensions, dtype=dtype, name=name, **kwargs)

        # === Config ===
        self.kernel = kernel

    @property
    def head_layers(self) -> list[str]:
        return ["convolution"]
