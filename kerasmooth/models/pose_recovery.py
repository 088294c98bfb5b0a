"""What both forms of DeciWatch do with the features of the frames that they read: correct these, recover the others."""

from typing import Any

import keras

from kerasmooth.boxes import Size
from kerasmooth.models.frame_sampling import FramePositions, KeepFrames, MarkKeptFrames, RecoverFrames
from kerasmooth.models.smoother import Smoother, check_positive, grid_scale
from kerasmooth.models.transformer_layers import NUM_HEADS, TransformerLayers


class PoseRecovery:
    """The parts around DeciWatch's attention over what was read (Zeng et al., ECCV 2022), for a grid (height, width).

    Inside, coordinates are scaled by the grid so that its edges lie at -1 and 1. For the arguments see `DeciWatch`.

    Raises ValueError where one is out of its range.
    """

    def __init__(
        self,
        size: Size,
        sample_interval: int,
        encoder_norm: bool,
        num_layers: int,
        hidden_dim: int,
        dropout: float,
        seed: int,
        dtype: Any,
    ) -> None:
        check_positive(sample_interval=sample_interval, num_layers=num_layers, hidden_dim=hidden_dim)
        if hidden_dim % NUM_HEADS:
            raise ValueError(f"hidden_dim must be a multiple of {NUM_HEADS}. Received: hidden_dim={hidden_dim}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1. Received: dropout={dropout}")
        if not isinstance(encoder_norm, bool):
            raise ValueError(f"encoder_norm must be True or False. Received: encoder_norm={encoder_norm!r}")
        self.sample_interval, self.encoder_norm, self.num_layers = sample_interval, encoder_norm, num_layers
        self.hidden_dim, self.dropout, self.seed = hidden_dim, dropout, seed
        self.layers = TransformerLayers(hidden_dim, dropout, seed, dtype)
        self._kept_positions = FramePositions(hidden_dim, sample_interval, name="kept_positions")
        self._all_positions = FramePositions(hidden_dim, name="positions")
        self._cells_per_unit, self._centre = grid_scale(size)

    def kept_poses(self, keypoints: Any, visibility: Any) -> tuple[Any, Any]:
        """Poses [B, S, 2K] of the kept frames, scaled, and their positions [1, S, dim].

        Args:
          keypoints: [B, T, K, 2] in cells.
          visibility: [B, T, K], 1 where there is one.
        """
        scaled = (keypoints - self._centre) / self._cells_per_unit
        kept = KeepFrames(self.sample_interval, name="keep_frames")(scaled, visibility)
        kept = keras.layers.Reshape((-1, 2 * keypoints.shape[-2]), dtype="float32", name="poses")(kept)
        return kept, self._kept_positions(keypoints)

    def embedded(self, poses: Any) -> Any:
        """Tokens [B, S, dim] of poses [B, S, 2K]."""
        return keras.layers.Dense(self.layers.hidden_dim, dtype=self.layers.dtype, name="denoise_embedding")(poses)

    def encoded(self, tokens: Any, position: Any) -> Any:
        """Features [B, tokens, dim] of tokens: the encoder."""
        for number in range(1, self.num_layers + 1):
            tokens = self.layers.encoder(tokens, position, f"encoder_{number}")
        return self.layers.norm(tokens, "encoder_norm") if self.encoder_norm else tokens

    def outputs(self, kept: Any, memory: Any, position: Any, keypoints: Any) -> dict[str, Any]:
        """The outputs of `DeciWatch`, of the encoder's features of the kept frames.

        Args:
          kept, position: see `kept_poses`.
          memory: [B, S, dim], the features.
          keypoints: [B, T, K, 2], to tell T and K.
        """
        denoised = _residual(kept, memory, "denoise", self.layers.dtype)
        denoised = RecoverFrames(self.sample_interval, name="recover_frames")(denoised, keypoints)
        features = self._recover_features(denoised, self._all_positions(keypoints), memory, position)
        recovered = _residual(denoised, features, "recover", self.layers.dtype)
        outputs = {"sampled": MarkKeptFrames(self.sample_interval, name="sampled")(keypoints)}
        for key, poses in (("keypoints", recovered), ("denoised", denoised)):
            shape = (-1, keypoints.shape[-2], 2)
            poses = keras.layers.Reshape(shape, dtype="float32", name=f"{key}_by_frame")(poses)
            outputs[key] = poses * self._cells_per_unit + self._centre
        return outputs

    def _recover_features(self, poses: Any, position: Any, memory: Any, memory_position: Any) -> Any:
        """Decoder features [B, T, dim] of all frames' poses [B, T, 2K]; memory [B, S, dim] from the encoder."""
        embedding = keras.layers.Conv1D(
            self.layers.hidden_dim,
            5,
            padding="same",
            data_format="channels_last",
            dtype=self.layers.dtype,
            name="recover_embedding",
        )
        tokens = embedding(poses)
        for number in range(1, self.num_layers + 1):
            tokens = self.layers.decoder(tokens, position, memory, memory_position, f"decoder_{number}")
        return self.layers.norm(tokens, "decoder_norm")


class PoseTransformer(Smoother):
    """What both forms of DeciWatch say of themselves; `parts` are what a model was made of."""

    default_loss = "deciwatch"

    def __init__(self, inputs: Any, outputs: Any, parts: PoseRecovery, **kwargs: Any) -> None:
        super().__init__(inputs, outputs, **kwargs)
        self.sample_interval = parts.sample_interval
        self.encoder_norm = parts.encoder_norm
        self.num_layers = parts.num_layers
        self.hidden_dim = parts.hidden_dim
        self.dropout = parts.dropout
        self.seed = parts.seed

    @property
    def head_layers(self) -> list[str]:
        return ["recover_head"]


def _residual(poses: Any, features: Any, name: str, dtype: Any) -> Any:
    """poses [B, frames, 2K] plus a linear map of the features, added in float32.

    The map starts at a hundredth of Glorot's size, so that an untrained network gives back what it gets. At full size
    it first learns to add nothing, and the layers before it learn so little meanwhile that it stays there.
    """
    small = keras.initializers.VarianceScaling(1e-4, "fan_avg", "uniform")
    head = keras.layers.Dense(poses.shape[-1], kernel_initializer=small, dtype=dtype, name=f"{name}_head")
    change = head(features)
    return keras.layers.Add(dtype="float32", name=f"{name}_residual")([poses, change])
