"""Gated splines: our own smoother of keypoints, small enough to train on a CPU in minutes."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasmooth.boxes import Size
from kerasmooth.models.frame_sampling import KeepFrames
from kerasmooth.models.smoother import Smoother, check_positive, checked_dimensions, grid_scale

PERIODS = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Frames: of a wave that a spline halves. From one to the next is a band."""
DILATIONS = (1, 2, 4)
BAND_SCALE = 10.0
"""What the network sees of a band is about 1 where it is a tenth of half the grid, a large detection error."""


@keras.saving.register_keras_serializable("kerasmooth")
class GatedSplines(Smoother):
    """Splits tracks into bands by smoothing splines, and lets through of each what a network takes for motion.

    - Keypoints are taken from the grid on each frame's own box, which moves with the person and even a still wrist in
      it, to one on the mean box of the window, and the answer back.
    - Smoothing splines of ever lower cut-offs; what one still has and the next has not is a band. The last spline and
      all bands add up to the input.
    - A temporal convolutional network over all keypoints' bands (residual layers of dilated convolutions; Bai et al.,
      "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling", 2018).
    - Its gates, 0 to 1 for each keypoint, frame and band, multiply the bands, as wavelet shrinkage does by a rule
      (Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 1994).
    - Its correction, which knows how people are built, is added.

    Untrained it is a fixed low-pass filter. Keypoints that the detector missed are bridged first, as in `DeciWatch`.
    Made for long windows, 25 frames and more; a model may be given longer ones than it was trained on.

    Args:
      window: T, frames the model is made for; any length is accepted.
      size: (height, width) of the grid that scales the coordinates.
      num_keypoints: K.
      width: of the network; 128 makes 667,080 weights for K = 25.
      rounds: how often the dilations 1, 2, 4 follow each other.
      dtype: dtype or policy of the layers that have weights; None is Keras's own.

    Raises:
      ValueError: an argument is out of its range.
    """

    takes = "keypoints"
    default_loss = "distance"

    def __init__(
        self,
        window: int = 25,
        size: Size = (56, 56),
        num_keypoints: int = 25,
        *,
        width: int = 128,
        rounds: int = 2,
        dtype: Any = None,
        name: str | None = "gated_splines",
        **kwargs: Any,
    ) -> None:
        # === Layers ===
        dimensions = checked_dimensions(window, size, num_keypoints)
        check_positive(width=width, rounds=rounds)
        cells_per_unit, centre = grid_scale(size)
        small = keras.initializers.VarianceScaling(1e-4, "fan_avg", "uniform")
        usual = np.tile(np.linspace(-2, 4, len(PERIODS)), num_keypoints)
        gates = keras.layers.Dense(
            num_keypoints * len(PERIODS),
            activation="sigmoid",
            kernel_initializer=small,
            bias_initializer=keras.initializers.Constant(usual),
            dtype=dtype,
            name="gates",
        )
        correction = keras.layers.Dense(2 * num_keypoints, kernel_initializer=small, dtype=dtype, name="correction")

        # === Functional Model ===
        keypoints = keras.Input((None, num_keypoints, 2), name="keypoints", dtype="float32")
        visibility = keras.Input((None, num_keypoints), name="visibility", dtype="float32")
        boxes = keras.Input((None, 4), name="boxes", dtype="float32")
        size_in_window, place_in_window = BoxInWindow(name="box_in_window")(boxes)
        steady = (keypoints - centre) / cells_per_unit * size_in_window + place_in_window
        bridged = KeepFrames(1, name="bridged")(steady, visibility)
        bands, rest = SplineBands(PERIODS, name="bands")(bridged)
        fast = _reshaped(bands * BAND_SCALE, (-1, 2 * num_keypoints * len(PERIODS)), "bands_by_frame")
        slow = _reshaped(rest, (-1, 2 * num_keypoints), "rest_by_frame")
        features = _network([fast, slow, visibility], width, rounds, dtype)
        passing = _reshaped(gates(features), (-1, num_keypoints, 1, len(PERIODS)), "gates_by_band")
        moved = _reshaped(correction(features), (-1, num_keypoints, 2), "correction_by_keypoint")
        smoothed = (rest + ops.sum(passing * bands, axis=-1) + moved - place_in_window) / size_in_window
        super().__init__(
            {"keypoints": keypoints, "visibility": visibility, "boxes": boxes},
            {"keypoints": smoothed * cells_per_unit + centre},
            **dimensions,
            dtype=dtype,
            name=name,
            **kwargs,
        )

        # === Config ===
        self.width, self.rounds = width, rounds

    @property
    def head_layers(self) -> list[str]:
        return ["gates", "correction"]


def _network(inputs: list[Any], width: int, rounds: int, dtype: Any) -> Any:
    """Features [B, T, width] of inputs [B, T, ...], which need not be known in the float32 that they come in."""
    joined = keras.layers.Concatenate(dtype="float32", name="inputs")(inputs)
    features = keras.layers.Dense(width, dtype=dtype, name="embedding")(joined)
    for number, dilation in enumerate(DILATIONS * rounds, 1):
        change = keras.layers.LayerNormalization(dtype=dtype, name=f"norm_{number}")(features)
        change = keras.layers.Conv1D(
            width,
            5,
            padding="same",
            dilation_rate=dilation,
            activation="gelu",
            data_format="channels_last",
            dtype=dtype,
            name=f"convolution_{number}",
        )(change)
        change = keras.layers.Dense(width, dtype=dtype, name=f"mix_{number}")(change)
        features = keras.layers.Add(dtype=dtype, name=f"residual_{number}")([features, change])
    return keras.layers.LayerNormalization(dtype=dtype, name="norm")(features)


def _reshaped(values: Any, shape: tuple[int, ...], name: str) -> Any:
    return keras.layers.Reshape(shape, dtype="float32", name=name)(values)


@keras.saving.register_keras_serializable("kerasmooth")
class BoxInWindow(keras.layers.Layer):
    """Boxes [B, T, 4] -> size and place of each in the mean box of its window, (x, y) in halves of it, [B, T, 1, 2].

    A box without an area is as large as a pixel. Computed in float32 whatever the policy.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))

    def call(self, boxes: Any) -> tuple[Any, Any]:
        low, high = boxes[:, :, None, :2], boxes[:, :, None, 2:]
        half = ops.where(high > low, (high - low) / 2, 0.5)
        centre = (low + high) / 2
        usual = ops.mean(half, axis=1, keepdims=True)
        return half / usual, (centre - ops.mean(centre, axis=1, keepdims=True)) / usual


@keras.saving.register_keras_serializable("kerasmooth")
class SplineBands(keras.layers.Layer):
    """[B, T, K, 2] -> bands [B, T, K, 2, M] from fast to slow, and the rest [B, T, K, 2]; they add up to the input.

    The rest is the smoothing spline (Reinsch, "Smoothing by spline functions", 1967; of second differences) that halves
    a wave of the last of M `periods`, in frames; a band is what the spline of the period before still has and that of
    its own has not. Computed in float32 whatever the policy.
    """

    def __init__(self, periods: Any, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.periods = [float(period) for period in periods]

    def call(self, keypoints: Any) -> tuple[Any, Any]:
        frames = ops.arange(ops.shape(keypoints)[1], dtype="int32")
        rows, columns = frames[:, None], frames[None]
        # Second differences [T, T]; the last two rows, which have no frames after them, are zero.
        inside = ops.cast(rows < ops.shape(keypoints)[1] - 2, "float32")
        differences = sum(
            weight * ops.cast(ops.equal(columns, rows + offset), "float32")
            for offset, weight in enumerate((1.0, -2.0, 1.0))
        )
        differences = differences * inside
        squares = ops.matmul(differences, ops.transpose(differences))
        unit = ops.cast(ops.equal(rows, columns), "float32")
        smoothed = [keypoints]
        for period in self.periods:
            # I - D'(1/stiffness + DD')^-1 D is the spline's matrix, and in float32 better than (I + stiffness D'D)^-1.
            inverse_stiffness = (2 - 2 * np.cos(2 * np.pi / period)) ** 2
            taken = ops.matmul(ops.transpose(differences), ops.solve(squares + inverse_stiffness * unit, differences))
            smoothed.append(keypoints - ops.einsum("ts,bskd->btkd", taken, keypoints))
        stacked = ops.stack(smoothed, axis=-1)
        return stacked[..., :-1] - stacked[..., 1:], stacked[..., -1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "periods": self.periods}
