"""A model behind one contract: whatever it takes, it can be asked with heatmaps and with keypoints."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.models import Smoother

Answer = dict[str, Any]


class Signatures:
    """What an exported model can be asked, as functions of tensors with any batch size and any number of frames.

    Args:
      model: the smoother.
      codec: renders keypoints for models that take heatmaps, and reads keypoints from heatmaps.
      decoder: how it reads them: "argmax", "dark" or "udp".
    """

    def __init__(self, model: Smoother, codec: HeatmapCodec, decoder: str) -> None:
        self._model, self._codec, self._decoder = model, codec, decoder

    def functions(self) -> dict[str, Callable[..., Answer]]:
        """The functions by the names of their signatures."""
        if self._model.takes == "heatmaps":
            return {"heatmaps": self._heatmap_model_on_heatmaps, "keypoints": self._heatmap_model_on_keypoints}
        return {"heatmaps": self._keypoint_model_on_heatmaps, "keypoints": self._keypoint_model_on_keypoints}

    def specs(self, signature: str) -> list[tf.TensorSpec]:
        """Names, types and shapes of a signature's inputs, in the order of its function's arguments."""
        height, width = self._codec.size
        num_keypoints = self._model.num_keypoints
        if signature == "heatmaps":
            return [tf.TensorSpec((None, None, height, width, num_keypoints), tf.float32, name="heatmaps")]
        specs = [
            tf.TensorSpec((None, None, num_keypoints, 2), tf.float32, name="keypoints"),
            tf.TensorSpec((None, None, num_keypoints), tf.float32, name="confidence"),
        ]
        if self._model.takes == "heatmaps":
            specs.append(tf.TensorSpec((None, None), tf.float32, name="sigma"))
        return specs

    def _heatmap_model_on_heatmaps(self, heatmaps: Any) -> Answer:
        """heatmaps [B, T, H, W, K] -> refined heatmaps, keypoints [B, T, K, 2] in cells, confidence [B, T, K]."""
        refined = self._model({"heatmaps": heatmaps}, training=False)["heatmaps"]
        keypoints, confidence = self._codec.decode(refined, self._decoder, xp=keras.ops)
        return {"heatmaps": refined, "keypoints": keypoints, "confidence": confidence}

    def _heatmap_model_on_keypoints(self, keypoints: Any, confidence: Any, sigma: Any) -> Answer:
        """keypoints [B, T, K, 2], confidence [B, T, K], sigma [B, T] -> keypoints, confidence.

        They are rendered around their exact positions: rounding them to cells first, as training data is, would add an
        error of up to half a cell that the caller's detector did not make.
        """
        keypoints, _, seen = self._sanitised(keypoints, confidence)
        sigmas = np.array(self._codec.sigmas, np.float32)
        nearest = keras.ops.argmin(keras.ops.abs(sigma[..., None] - sigmas), axis=-1)
        heatmaps = self._codec.encode(keypoints, seen, nearest, xp=keras.ops, sub_pixel=True)
        answer = self._heatmap_model_on_heatmaps(heatmaps)
        return {"keypoints": answer["keypoints"], "confidence": answer["confidence"]}

    def _keypoint_model_on_heatmaps(self, heatmaps: Any) -> Answer:
        """heatmaps [B, T, H, W, K] -> keypoints [B, T, K, 2] in cells, and the maxima of the heatmaps [B, T, K]."""
        keypoints, confidence = self._codec.decode(heatmaps, self._decoder, xp=keras.ops)
        return self._keypoint_model_on_keypoints(keypoints, confidence)

    def _keypoint_model_on_keypoints(self, keypoints: Any, confidence: Any) -> Answer:
        """keypoints [B, T, K, 2], confidence [B, T, K] -> keypoints, and the confidence as it came (0 if missing)."""
        keypoints, confidence, seen = self._sanitised(keypoints, confidence)
        inputs = {"keypoints": keypoints, "visibility": keras.ops.cast(seen, "float32")}
        return {"keypoints": self._model(inputs, training=False)["keypoints"], "confidence": confidence}

    def _sanitised(self, keypoints: Any, confidence: Any) -> tuple[Any, Any, Any]:
        """Keypoints and confidence with 0 where missing, and bool [B, T, K]: there, with a finite position."""
        ops = keras.ops
        seen = ops.logical_and(confidence > 0, ops.all(ops.isfinite(keypoints), axis=-1))
        return ops.where(seen[..., None], keypoints, 0.0), ops.where(seen, confidence, 0.0), seen
