"""DeciWatch on heatmaps: a vision transformer over patches of every N-th frame."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasmooth.boxes import Size
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.models import per_frame
from kerasmooth.models.frame_sampling import FrameLayer, kept_frames
from kerasmooth.models.pose_recovery import PoseRecovery, PoseTransformer
from kerasmooth.models.smoother import check_positive, checked_dimensions
from kerasmooth.models.transformer_layers import TransformerLayers


@keras.saving.register_keras_serializable("kerasmooth")
class DeciWatchViT(PoseTransformer):
    """DeciWatch that sees the heatmaps and not their maxima alone, as its study's author wished for next.

    Each kept frame is cut into patches over all K heatmaps, a token each, with a learned position (ViT: Dosovitskiy
    et al., ICLR 2021; for poses: ViTPose, Xu et al., NeurIPS 2022). Where ViT has a class token, each frame has the
    token of its pose, the cells of its heatmaps' maxima. The encoder attends over the tokens of all kept frames. Its
    pose tokens go where `DeciWatch` (Zeng et al., ECCV 2022) has its own features: they correct the kept poses, and the
    decoder recovers all frames from them.

    Output: that of `DeciWatch`, and {"heatmaps": [B, T, H, W, K]}, Gaussians of sigma 1 about its keypoints.

    Args:
      window: T, frames the model is made for; any length is accepted.
      size: (height, width) of the heatmaps; fixed, as patches have learned positions.
      num_keypoints: K.
      sample_interval, encoder_norm, hidden_dim, dropout, seed, dtype: see `DeciWatch`.
      num_layers: encoder layers, and decoder layers; with 3 a step of training costs 2 to 3 of DeciWatch's (measured).
      patch: cells along a side of a patch; the last ones reach over the edge where it does not divide the size.

    Raises:
      ValueError: an argument is out of its range.
    """

    takes = "heatmaps"

    def __init__(
        self,
        window: int = 5,
        size: Size = (56, 56),
        num_keypoints: int = 25,
        *,
        sample_interval: int = 4,
        encoder_norm: bool = True,
        num_layers: int = 3,
        hidden_dim: int = 128,
        patch: int = 8,
        dropout: float = 0.1,
        seed: int = 0,
        dtype: Any = None,
        name: str | None = "deciwatch_vit",
        **kwargs: Any,
    ) -> None:
        # === Layers ===
        dimensions = checked_dimensions(window, size, num_keypoints)
        check_positive(patch=patch)
        poses = PoseRecovery(size, sample_interval, encoder_norm, num_layers, hidden_dim, dropout, seed, dtype)

        # === Functional Model ===
        heatmaps = keras.Input((None, *size, num_keypoints), name="heatmaps", dtype="float32")
        keypoints, visibility = ReadHeatmaps(name="read_heatmaps")(heatmaps)
        kept, position = poses.kept_poses(keypoints, visibility)
        patches = _patches(KeepHeatmaps(sample_interval, name="keep_heatmaps")(heatmaps), patch, poses.layers)
        frame = ops.concatenate([ops.expand_dims(poses.embedded(kept), 2), patches], axis=2)
        in_frame = frame.shape[2]
        tokens = keras.layers.Reshape((-1, hidden_dim), dtype=dtype, name="tokens")(frame)
        tokens = poses.encoded(tokens, ops.repeat(position, in_frame, axis=1))
        memory = keras.layers.Reshape((-1, in_frame, hidden_dim), dtype=dtype, name="tokens_by_frame")(tokens)[:, :, 0]
        outputs = poses.outputs(kept, memory, position, keypoints)
        super().__init__(
            {"heatmaps": heatmaps},
            outputs | {"heatmaps": DrawHeatmaps(size, name="draw_heatmaps")(outputs["keypoints"])},
            poses,
            **dimensions,
            dtype=dtype,
            name=name,
            **kwargs,
        )

        # === Config ===
        self.patch = patch


def _patches(heatmaps: Any, patch: int, layers: TransformerLayers) -> Any:
    """Tokens [B, S, P, dim] of heatmaps [B, S, H, W, K], whose sharpest peaks are about 1."""
    dim, num_keypoints = layers.hidden_dim, heatmaps.shape[-1]
    # Glorot uniform of the patch x dim matrix that it is, which Keras takes for a convolution.
    limit = math.sqrt(6 / (patch * patch * num_keypoints + dim))
    embedding = per_frame.Conv3D(
        dim,
        (1, patch, patch),
        strides=(1, patch, patch),
        padding="same",
        data_format="channels_last",
        kernel_initializer=keras.initializers.RandomUniform(-limit, limit),
        dtype=layers.dtype,
        name="patch_embedding",
    )
    tokens = embedding(heatmaps)
    tokens = keras.layers.Reshape((-1, tokens.shape[2] * tokens.shape[3], dim), dtype=layers.dtype, name="patches")(
        tokens
    )
    return PatchPositions(dtype=layers.dtype, name="patch_positions")(tokens)


@keras.saving.register_keras_serializable("kerasmooth")
class PatchPositions(keras.layers.Layer):
    """Tokens [B, S, P, dim] plus a learned vector for each of the P patches."""

    def build(self, shape: Any) -> None:
        """Makes the vectors, normal with a deviation of 0.02 as in ViT."""
        self.vectors = self.add_weight(
            shape=shape[2:], initializer=keras.initializers.RandomNormal(stddev=0.02), name="vectors"
        )

    def call(self, tokens: Any) -> Any:
        return tokens + self.vectors


@keras.saving.register_keras_serializable("kerasmooth")
class KeepHeatmaps(FrameLayer):
    """Heatmaps [B, T, H, W, K] -> of the kept frames [B, S, H, W, K], so that a peak of sigma 1 is 1."""

    def call(self, heatmaps: Any) -> Any:
        frames = kept_frames(ops.shape(heatmaps)[1], self.sample_interval)
        return ops.take(heatmaps, frames, axis=1) * (2 * math.pi / HeatmapCodec().scale)


@keras.saving.register_keras_serializable("kerasmooth")
class ReadHeatmaps(keras.layers.Layer):
    """Heatmaps [B, T, H, W, K] -> cells of their maxima [B, T, K, 2], and [B, T, K], 1 where a heatmap is not empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))

    def call(self, heatmaps: Any) -> Any:
        keypoints, peak = HeatmapCodec(size=heatmaps.shape[2:4]).decode(heatmaps, "argmax", xp=ops)
        return keypoints, ops.cast(peak > 0, "float32")


@keras.saving.register_keras_serializable("kerasmooth")
class DrawHeatmaps(keras.layers.Layer):
    """Keypoints [B, T, K, 2] in cells -> heatmaps [B, T, H, W, K] as targets are: sums of 255, sigma 1, sub-pixel."""

    def __init__(self, size: Size, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.size = tuple(size)

    def call(self, keypoints: Any) -> Any:
        last_cell = np.array(self.size[::-1], "float32") - 1
        keypoints = ops.clip(keypoints, np.zeros(2, "float32"), last_cell)
        shown = ops.ones_like(keypoints[..., 0], dtype="bool")
        return HeatmapCodec(size=self.size).encode(keypoints, shown, 0, xp=ops, sub_pixel=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": list(self.size)}
