"""A loss for `keras.Model.compile`: mean squared error of what is annotated."""

from typing import Any

import keras
from keras import ops

from kerasmooth.heatmap_codec import HeatmapCodec


@keras.saving.register_keras_serializable("kerasmooth")
class MaskedMSE(keras.losses.Loss):
    """Mean squared error over annotated keypoints, of heatmaps or of coordinates.

    y_true: [B, T, K, 2], true (x, y) in heatmap cells; NaN where not annotated, which costs nothing.
    y_pred: heatmaps [B, T, H, W, K], compared with the published target heatmaps of the true keypoints; or keypoints
    [B, T, K, 2].

    The value is the sum of squares over the annotated values of the batch by their number, as in `losses.mse`; a batch
    without any costs 0.

    Args:
      sub_pixel: centre target heatmaps on the true position instead of its rounded cell.
      name: of the loss.
    """

    def __init__(self, sub_pixel: bool = False, name: str = "masked_mse", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.sub_pixel = sub_pixel

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each window, [B]: its share of the sum, times B, so that the mean over windows is the quotient."""
        annotated = ops.logical_not(ops.any(ops.isnan(y_true), axis=-1))
        truth = ops.where(annotated[..., None], y_true, 0.0)
        if len(y_pred.shape) == 5:
            height, width = y_pred.shape[2:4]
            truth = HeatmapCodec(size=(height, width)).encode(truth, annotated, 0, xp=ops, sub_pixel=self.sub_pixel)
            counted, values_per_keypoint = annotated[:, :, None, None, :], height * width
        else:
            counted, values_per_keypoint = annotated[..., None], 2
        squares = ops.where(counted, ops.square(y_pred - truth), 0.0)
        windows = ops.shape(squares)[0]
        sums = ops.sum(ops.reshape(squares, (windows, -1)), axis=1)
        count = ops.sum(ops.cast(annotated, "float32")) * values_per_keypoint
        return sums * ops.cast(windows, "float32") / ops.maximum(count, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sub_pixel": self.sub_pixel}
