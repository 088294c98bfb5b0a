"""The box of a person in every frame, in the graph: tight as in the records, and steadied in time."""

from typing import Any

import tensorflow as tf

from kerasmooth.boxes import Size

MARGIN = 0.05
"""Share of the extent that is added on each side: that of `boxes.tight_box`."""
BOX_SECONDS = 0.2
"""Boxes follow the person through a Gaussian of this width: a grid that jitters would move what is still."""


def tight_boxes(keypoints: Any, known: Any, size: Size) -> tuple[Any, Any]:
    """Boxes of the known keypoints, grown so that the records' grid of (height, width) has its outer cells' centres on
    their edges (`boxes.from_cell_centres`).

    Args:
      keypoints: float32 [..., K, 2], (x, y) in pixels, finite.
      known: bool [..., K].
      size: (height, width).

    Returns:
      float32 [..., 4], x1 y1 x2 y2, and bool [...]: it has an area. A box that has none is all zeros.
    """
    shown = known[..., None]
    low = tf.reduce_min(tf.where(shown, keypoints, keypoints.dtype.max), axis=-2)
    high = tf.reduce_max(tf.where(shown, keypoints, keypoints.dtype.min), axis=-2)
    extent = high - low
    has_area = tf.reduce_all((extent > 0) & tf.math.is_finite(extent), axis=-1)
    height, width = size
    cell_centres = tf.constant([2.0 * (width - 1), 2.0 * (height - 1)])
    grown = MARGIN * extent + (1 + 2 * MARGIN) * extent / cell_centres
    boxes = tf.concat([low - grown, high + grown], axis=-1)
    return tf.where(has_area[..., None], boxes, 0.0), has_area


def steadied(boxes: Any, first: Any, last: Any, fps: Any) -> Any:
    """Boxes [F, 4] through a Gaussian of BOX_SECONDS over the frames first [F] .. last [F] of each one's run.

    As `scipy.ndimage.gaussian_filter1d` does with mode="nearest": the run's ends are repeated. fps: [F].
    """
    sigma = BOX_SECONDS * fps
    radius = tf.cast(4 * sigma + 0.5, tf.int32)
    frame = tf.range(tf.shape(boxes)[0])

    def add(step: Any, moved: Any, total: Any) -> tuple[Any, Any, Any]:
        weight = tf.exp(-0.5 * (tf.cast(step, tf.float32) / sigma) ** 2)
        weight = tf.where(tf.abs(step) <= radius, weight, 0.0)[:, None]
        other = tf.gather(boxes, tf.clip_by_value(frame + step, first, last))
        # Differences keep the accuracy that sums of pixel positions in float32 would lose.
        return step + 1, moved + weight * (other - boxes), total + weight

    reach = tf.reduce_max(radius)
    _, moved, total = tf.while_loop(
        lambda step, *_: step <= reach,
        add,
        (-reach, tf.zeros_like(boxes), tf.zeros_like(boxes[:, :1])),
        parallel_iterations=1,
    )
    return boxes + moved / tf.maximum(total, 1.0)
