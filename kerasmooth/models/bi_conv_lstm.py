"""bi-ConvLSTM S and C: the study's recurrent models."""

from typing import Any

import keras
from keras import ops

from kerasmooth.boxes import Size
from kerasmooth.models import per_frame
from kerasmooth.models.smoother import Smoother, check_positive, checked_dimensions

MERGE_MODES = ("sum", "concat")


@keras.saving.register_keras_serializable("kerasmooth")
class BiConvLSTM(Smoother):
    """A ConvLSTM in each direction of time, followed by convolutions of every frame by itself.

    Models S (`merge_mode="sum"`, 777,866 weights for K = 25) and C (`"concat"`, 774,513) of Andersen, "Temporal
    Smoothing in 2D Human Pose Estimation for Bouldering", 2023, after UniPose-LSTM (Artacho and Savakis, CVPR 2020).

    - Each direction, with weights of its own: ConvLSTM (K channels, 3x3), then 3x3x128, 3x3x128, 3x3x128 with ReLU.
    - S: each direction goes on with 1x1x128 and 1x1xK, both with ReLU, and the two directions are added.
    - C: the directions are concatenated to 256 channels, then 1x1x128 and 1x1xK.

    The ConvLSTM has no peepholes: Keras's has none, and the published code's are one weight per pixel, which ties a
    model to one grid size and adds 1,097,600 weights. There is no offset of the forget gate's bias, as published.

    Args:
      window: T, frames the model is made for; any length is accepted.
      size: (height, width) of the heatmaps; fixed, because Keras's ConvLSTM has it so (the weights fit any size).
      num_keypoints: K.
      merge_mode: "sum" (S) or "concat" (C).
      filters: channels of the convolutions.
      dropout: share of a window's cells of the ConvLSTMs' input that is dropped, the same ones in all frames.
      seed: of the dropout.
      combiner_activation: of the two 1x1 convolutions of C. None as in the published code; "relu" as in the
        published text. S does not use it.
      dtype: dtype or policy of the layers; None is Keras's own.

    Raises:
      ValueError: an argument is not positive, or merge_mode is unknown.
    """

    takes = "heatmaps"

    def __init__(
        self,
        window: int = 5,
        size: Size = (56, 56),
        num_keypoints: int = 25,
        *,
        merge_mode: str = "sum",
        filters: int = 128,
        dropout: float = 0.0,
        seed: int = 0,
        combiner_activation: str | None = None,
        dtype: Any = None,
        name: str | None = "bi_conv_lstm",
        **kwargs: Any,
    ) -> None:
        # === Layers ===
        dimensions = checked_dimensions(window, size, num_keypoints)
        check_positive(filters=filters)
        if merge_mode not in MERGE_MODES:
            raise ValueError(f"merge_mode must be one of {MERGE_MODES}. Received: merge_mode={merge_mode!r}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1. Received: dropout={dropout}")
        tail = [(1, filters), (1, num_keypoints)]
        branch = [(3, filters)] * 3 + (tail if merge_mode == "sum" else [])
        combiner = tail if merge_mode == "concat" else []

        # === Functional Model ===
        heatmaps = keras.Input((None, *size, num_keypoints), name="heatmaps", dtype="float32")
        directions = [
            _per_frame_convolutions(
                _conv_lstm(heatmaps, side, dropout, seed + number, dtype), branch, "relu", side, dtype
            )
            for number, side in enumerate(("forward", "backward"))
        ]
        if merge_mode == "sum":
            merged = keras.layers.Add(name="sum", dtype="float32")(directions)
        else:
            merged = keras.layers.Concatenate(dtype=dtype, name="concat")(directions)
            merged = _per_frame_convolutions(merged, combiner, combiner_activation, "combiner", dtype)
        smoothed = keras.layers.Activation("linear", dtype="float32", name="float32_heatmaps")(merged)
        super().__init__({"heatmaps": heatmaps}, {"heatmaps": smoothed}, **dimensions, dtype=dtype, name=name, **kwargs)

        # === Config ===
        self.merge_mode = merge_mode
        self.filters = filters
        self.dropout = dropout
        self.seed = seed
        self.combiner_activation = combiner_activation

    @property
    def head_layers(self) -> list[str]:
        return ["forward_5", "backward_5"] if self.merge_mode == "sum" else ["combiner_2"]


def _conv_lstm(heatmaps: Any, direction: str, dropout: float, seed: int, dtype: Any) -> Any:
    """[B, T, H, W, K] -> [B, T, H, W, K], frames in their order whatever the direction."""
    layer = keras.layers.ConvLSTM2D(
        heatmaps.shape[-1],
        3,
        padding="same",
        data_format="channels_last",
        recurrent_initializer="glorot_uniform",
        unit_forget_bias=False,
        return_sequences=True,
        go_backwards=direction == "backward",
        dropout=dropout,
        seed=seed,
        dtype=dtype,
        name=f"{direction}_lstm",
    )
    # A layer that goes backwards returns the last frame first.
    return ops.flip(layer(heatmaps), axis=1) if direction == "backward" else layer(heatmaps)


def _per_frame_convolutions(
    frames: Any, layers: list[tuple[int, int]], activation: str | None, name: str, dtype: Any
) -> Any:
    """Applies (kernel size, filters) convolutions named `<name>_1`, ... to each frame of [B, T, H, W, C]."""
    for number, (kernel, filters) in enumerate(layers, start=1):
        frames = per_frame.Conv3D(
            filters,
            (1, kernel, kernel),
            padding="same",
            data_format="channels_last",
            activation=activation,
            dtype=dtype,
            name=f"{name}_{number}",
        )(frames)
    return frames
