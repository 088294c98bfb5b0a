"""A model behind one contract: whatever it takes, it is asked with windows of keypoints or of heatmaps."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.models import Smoother

Tensors = dict[str, Any]


class WindowModel:
    """What a smoother says of windows, summed up so that windows can be merged: keypoints count where it found them.

    Args:
      model: the smoother.
      supervised: bool [K], keypoints that it was trained on; it is not shown the others, of which it knows nothing.
      codec: renders keypoints for models that take heatmaps, and reads keypoints from heatmaps.
      decoder: how it reads them: "argmax", "dark" or "udp".
      sigma_index: the width, of those of the codec, with which keypoints are drawn for models that take heatmaps.
    """

    def __init__(
        self, model: Smoother, supervised: np.ndarray, codec: HeatmapCodec, decoder: str, sigma_index: int
    ) -> None:
        self.takes, self.window, self.num_keypoints = model.takes, model.window, model.num_keypoints
        self.supervised, self.codec = supervised, codec
        self._decoder, self._sigma_index = decoder, sigma_index
        frames = (None, model.window)
        if model.takes == "heatmaps":
            specs = {"heatmaps": tf.TensorSpec((*frames, *codec.size, model.num_keypoints), tf.float32)}
        else:
            specs = {
                "keypoints": tf.TensorSpec((*frames, model.num_keypoints, 2), tf.float32),
                "visibility": tf.TensorSpec((*frames, model.num_keypoints), tf.float32),
                "boxes": tf.TensorSpec((*frames, 4), tf.float32),
            }
        output = model.takes
        # One function of fixed shape: a SavedModel holds it once, however many signatures call it.
        self._answer = tf.function(lambda inputs: model(inputs, training=False)[output], input_signature=[specs])

    @property
    def chunk(self) -> int:
        """Windows that are worth asking at once: as many as bound the memory, or as batching gains by (measured)."""
        return 8 if self.takes == "heatmaps" else 64

    def on_keypoints(self, keypoints: Any, known: Any, boxes: Any) -> Tensors:
        """keypoints [N, T, K, 2] in cells of grids on boxes [N, T, 4], known bool [N, T, K] -> {"keypoints", "count"}:
        see `on_heatmaps`.
        """
        if self.takes == "heatmaps":
            # Around the exact positions: rounding them to cells first, as training data is, would add an error of up
            # to half a cell that the caller's detector did not make.
            drawn = self.codec.encode(keypoints, known, self._sigma_index, xp=keras.ops, sub_pixel=True)
            return {name: value for name, value in self.on_heatmaps(drawn).items() if name != "heatmaps"}
        keypoints = tf.where(known[..., None], keypoints, 0.0)
        answer = self._answer({"keypoints": keypoints, "visibility": tf.cast(known, tf.float32), "boxes": boxes})
        return _counted(answer, known)

    def on_heatmaps(self, heatmaps: Any) -> Tensors:
        """What the model says of heatmaps [N, T, H, W, K] that are `normalised`; only for one that takes heatmaps.

        Returns:
          {"heatmaps": [N, T, H, W, K] refined, "keypoints": float32 [N, T, K, 2] in cells and 0 where nothing is found,
          "count": float32 [N, T, K], 1 where something is}.
        """
        refined = self._answer({"heatmaps": heatmaps})
        keypoints, peak = self.codec.decode(refined, self._decoder, xp=keras.ops)
        return {"heatmaps": refined, **_counted(keypoints, peak > 0)}

    def decoded(self, heatmaps: Any) -> tuple[Any, Any]:
        """Keypoints [..., K, 2] in cells of heatmaps [..., H, W, K], and bool [..., K]: there is one."""
        keypoints, peak = self.codec.decode(heatmaps, self._decoder, xp=keras.ops)
        return keypoints, peak > 0

    def normalised(self, heatmaps: Any) -> tuple[Any, Any]:
        """Heatmaps [..., H, W, K] of any positive scale as the model was trained on them, and their peaks [..., K].

        What is negative, not finite or of an untrained keypoint is no evidence; the cells of each heatmap
        sum to the codec's scale, or are all 0.
        """
        evidence = tf.where(tf.math.is_finite(heatmaps) & (heatmaps > 0) & self.supervised, heatmaps, 0.0)
        peak = tf.reduce_max(evidence, axis=(-3, -2), keepdims=True)
        evidence = tf.math.divide_no_nan(evidence, peak)  # first: a sum of large values would overflow
        total = tf.reduce_sum(evidence, axis=(-3, -2), keepdims=True)
        return tf.math.divide_no_nan(evidence, total) * self.codec.scale, peak[..., 0, 0, :]


def _counted(keypoints: Any, found: Any) -> Tensors:
    # A model may say NaN of what it was never trained on; no sum may hold it.
    found = found & tf.reduce_all(tf.math.is_finite(keypoints), axis=-1)
    return {"keypoints": tf.where(found[..., None], keypoints, 0.0), "count": tf.cast(found, tf.float32)}


def drawing_sigma(codec: HeatmapCodec, random_sigma: bool) -> int:
    """Index into `codec.sigmas` of the width to draw keypoints with: the middle of what the model was trained on."""
    return len(codec.sigmas) // 2 if random_sigma else 0
