"""DeciWatch: smooths keypoints from every N-th frame."""

from typing import Any

import keras

from kerasmooth.boxes import Size
from kerasmooth.models.pose_recovery import PoseRecovery, PoseTransformer
from kerasmooth.models.smoother import checked_dimensions


@keras.saving.register_keras_serializable("kerasmooth")
class DeciWatch(PoseTransformer):
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
        # === Layers ===
        dimensions = checked_dimensions(window, size, num_keypoints)
        poses = PoseRecovery(size, sample_interval, encoder_norm, num_layers, hidden_dim, dropout, seed, dtype)

        # === Functional Model ===
        keypoints = keras.Input((None, num_keypoints, 2), name="keypoints", dtype="float32")
        visibility = keras.Input((None, num_keypoints), name="visibility", dtype="float32")
        kept, position = poses.kept_poses(keypoints, visibility)
        memory = poses.encoded(poses.embedded(kept), position)
        super().__init__(
            {"keypoints": keypoints, "visibility": visibility},
            poses.outputs(kept, memory, position, keypoints),
            poses,
            **dimensions,
            dtype=dtype,
            name=name,
            **kwargs,
        )
