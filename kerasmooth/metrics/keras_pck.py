"""PCK as a metric for `keras.Model.compile`."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.metrics.pck import pck_name, torso_diameter


@keras.saving.register_keras_serializable("kerasmooth")
class PCK(keras.metrics.Metric):
    """Percentage of correct keypoints, the same number as `metrics.pck_counts` gives, as a share from 0 to 1.

    y_true: [B, T, K, 2], true (x, y) in heatmap cells; NaN where not annotated.
    y_pred: keypoints [B, T, K, 2], or heatmaps [B, T, H, W, K], of which the keypoints are read.
    Computed in float32: a keypoint at exactly the threshold may fall on either side. NaN where nothing was judged.

    Args:
      threshold: share of the torso diameter.
      decoder: how keypoints are read from heatmaps, see `HeatmapCodec.decode`.
      name: by default as in training's history, such as "pck@0.2".
    """

    def __init__(self, threshold: float = 0.2, decoder: str = "argmax", name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name or pck_name(threshold), **kwargs)
        self.threshold, self.decoder = threshold, decoder
        self._hits = self.add_variable((), "zeros", "int64", name="hits")
        self._total = self.add_variable((), "zeros", "int64", name="total")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds windows; a weight of 0 leaves a window out, other weights do not count."""
        truth, predicted = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        if len(predicted.shape) == 5:
            height, width = predicted.shape[2:4]
            predicted, _ = HeatmapCodec(size=(height, width)).decode(predicted, self.decoder, xp=ops)
        annotated = ops.logical_not(ops.any(ops.isnan(truth), axis=-1))
        truth = ops.where(annotated[..., None], truth, 0.0)
        diameter = torso_diameter(truth, annotated, xp=ops)
        judged = ops.logical_and(annotated, (diameter > 0)[..., None])
        if sample_weight is not None:
            judged = ops.logical_and(judged, ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1, 1)) > 0)
        distance = ops.norm(predicted - truth, axis=-1)
        hits = ops.logical_and(judged, distance <= self.threshold * diameter[..., None])
        self._hits.assign_add(ops.sum(ops.cast(hits, "int64")))
        self._total.assign_add(ops.sum(ops.cast(judged, "int64")))

    def result(self) -> Any:
        """float32 scalar."""
        total = ops.cast(self._total, "float32")
        return ops.where(total > 0, ops.cast(self._hits, "float32") / ops.maximum(total, 1.0), np.float32(np.nan))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold, "decoder": self.decoder}
