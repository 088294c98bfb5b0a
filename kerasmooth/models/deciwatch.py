"""DeciWatch: smooths keypoints from every N-th frame."""

from typing import Any

import keras
import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.models.frame_sampling import FramePositions, KeepFrames, MarkKeptFrames, RecoverFrames
from kerasmooth.models.smoother import Smoother, check_dimensions, check_positive
from kerasmooth.models.transformer_layers import NUM_HEADS, TransformerLayers


@keras.saving.register_keras_serializable("kerasmooth")
class DeciWatch(Smoother):
    """Denoises the poses of every N-th frame and recovers those in between, with two transformers on coordinates.

    DeciWatch (Zeng et al., ECCV 2022, arXiv 2203.08713) in the 2D setting of its authors; 1,708,388 weights for
    K = 25, or 1,708,132 without `encoder_norm`.

    - DenoiseNet, on the kept frames only: linear, encoder layers, linear, added to its input.
    - The poses of the other frames are interpolated linearly between the denoised ones.
    - RecoverNet, on all frames: convolution over 5 frames, decoder layers that attend to the encoder's features,
      layer norm, linear, added to the interpolated poses.

    Frames 0, N, 2N, ... and the last one are kept, so a window of any length works; with N = 1 every frame is
    read. Unlike the authors' code a frame may attend to itself (which spares a single kept frame from NaN), frames that
    are not kept are no tokens at all, and positions are the frame's number in the window.

    Inside, coordinates are scaled by the grid so that its edges lie at -1 and 1. Where `visibility` says that the
    detector missed a keypoint, its position is interpolated in time from the other kept frames, or it is the grid's
    centre where none of these has it; so the model needs no further weights to be told.

    Output: {"keypoints": [B, T, K, 2], "denoised": [B, T, K, 2] poses of DenoiseNet (interpolated where a frame is
    not kept), "sampled": [B, T], 1 for kept frames}; (x, y) in heatmap cells.

    Args:
      window: T, frames the model is made for; any length is accepted.
      size: (height, width) of the grid that scales the coordinates.
      num_keypoints: K.
      sample_interval: N. 4 is the published study's: the first and last of 5 frames.
      encoder_norm: a layer norm after the encoder, as the study has it and the paper's authors have not.
      num_layers: encoder layers, and decoder layers.
      hidden_dim: width of the tokens, a multiple of 4, the number of heads; the feed-forward has twice as many.
      dropout: share dropped of attention weights, attended values, feed-forward activations and outputs.
      seed: of the dropout.
      dtype: dtype or policy of the layers that have weights; None is Keras's own.

    Raises:
      ValueError: an argument is out of its range.
    """

    takes = "keypoints"
    default_loss = "deciwatch"
    xla_pays_after = 3900

    def __init__(
        self,
        window: int = 5,
        size: Size = (56, 56),
        num_keypoints: int = 25,
        *,
        sample_interval: int = 4,
        encoder_norm: bool = True,
        num_layers: int = 5,
        hidden_dim: int = 128,
        dropout: float = 0.1,
        seed: int = 0,
        dtype: Any = None,
        name: str | None = "deciwatch",
        **kwargs: Any,
    ) -> None:
        check_dimensions(window, size, num_keypoints)
        check_positive(sample_interval=sample_interval, num_layers=num_layers)
        _check(hidden_dim, dropout, encoder_norm)
        # === Layers ===
        layers = TransformerLayers(hidden_dim, dropout, seed, dtype)
        kept_positions = FramePositions(hidden_dim, sample_interval, name="kept_positions")
        all_positions = FramePositions(hidden_dim, name="positions")

        # === Functional Model ===
        height, width = size
        cells_per_unit = np.array([width, height], "float32") / 2
        centre = cells_per_unit - 0.5
        keypoints = keras.Input((None, num_keypoints, 2), name="keypoints", dtype="float32")
        visibility = keras.Input((None, num_keypoints), name="visibility", dtype="float32")
        kept = KeepFrames(sample_interval, name="keep_frames")((keypoints - centre) / cells_per_unit, visibility)
        kept = keras.layers.Reshape((-1, 2 * num_keypoints), dtype="float32", name="poses")(kept)
        position = kept_positions(keypoints)
        memory = _denoise_features(layers, kept, position, num_layers, encoder_norm)
        denoised = _residual(kept, memory, "denoise", dtype)
        denoised = RecoverFrames(sample_interval, name="recover_frames")(denoised, keypoints)
        features = _recover_features(layers, denoised, all_positions(keypoints), memory, position, num_layers)
        recovered = _residual(denoised, features, "recover", dtype)

        outputs = {"sampled": MarkKeptFrames(sample_interval, name="sampled")(keypoints)}
        for key, poses in (("keypoints", recovered), ("denoised", denoised)):
            poses = keras.layers.Reshape((-1, num_keypoints, 2), dtype="float32", name=f"{key}_by_frame")(poses)
            outputs[key] = poses * cells_per_unit + centre
        super().__init__(
            {"keypoints": keypoints, "visibility": visibility},
            outputs,
            window=window,
            size=size,
            num_keypoints=num_keypoints,
            dtype=dtype,
            name=name,
            **kwargs,
        )

        # === Config ===
        self.sample_interval = sample_interval
        self.encoder_norm = encoder_norm
        self.num_layers = num_layers
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.seed = seed

    @property
    def head_layers(self) -> list[str]:
        return ["recover_head"]

    def get_config(self) -> dict[str, Any]:
        names = ("sample_interval", "encoder_norm", "num_layers", "hidden_dim", "dropout", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _denoise_features(layers: TransformerLayers, poses: Any, position: Any, num_layers: int, encoder_norm: bool) -> Any:
    """Encoder features [B, S, dim] of the kept frames' poses [B, S, 2K]."""
    tokens = keras.layers.Dense(layers.hidden_dim, dtype=layers.dtype, name="denoise_embedding")(poses)
    for number in range(1, num_layers + 1):
        tokens = layers.encoder(tokens, position, f"encoder_{number}")
    return layers.norm(tokens, "encoder_norm") if encoder_norm else tokens


def _recover_features(
    layers: TransformerLayers, poses: Any, position: Any, memory: Any, memory_position: Any, num_layers: int
) -> Any:
    """Decoder features [B, T, dim] of all frames' poses [B, T, 2K]; memory [B, S, dim] from the encoder."""
    embedding = keras.layers.Conv1D(
        layers.hidden_dim,
        5,
        padding="same",
        data_format="channels_last",
        dtype=layers.dtype,
        name="recover_embedding",
    )
    tokens = embedding(poses)
    for number in range(1, num_layers + 1):
        tokens = layers.decoder(tokens, position, memory, memory_position, f"decoder_{number}")
    return layers.norm(tokens, "decoder_norm")


def _residual(poses: Any, features: Any, name: str, dtype: Any) -> Any:
    """poses [B, frames, 2K] plus a linear map of the features, added in float32.

    The map starts at a hundredth of Glorot's size, so that an untrained network gives back what it gets. At full size
    it first learns to add nothing, and the layers before it learn so little meanwhile that it stays there.
    """
    small = keras.initializers.VarianceScaling(1e-4, "fan_avg", "uniform")
    head = keras.layers.Dense(poses.shape[-1], kernel_initializer=small, dtype=dtype, name=f"{name}_head")
    change = head(features)
    return keras.layers.Add(dtype="float32", name=f"{name}_residual")([poses, change])


def _check(hidden_dim: int, dropout: float, encoder_norm: bool) -> None:
    check_positive(hidden_dim=hidden_dim)
    if hidden_dim % NUM_HEADS:
        raise ValueError(f"hidden_dim must be a multiple of {NUM_HEADS}. Received: hidden_dim={hidden_dim}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be at least 0 and below 1. Received: dropout={dropout}")
    if not isinstance(encoder_norm, bool):
        raise ValueError(f"encoder_norm must be True or False. Received: encoder_norm={encoder_norm!r}")
