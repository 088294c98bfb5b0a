"""The boxes of datasets that come without a detector, as the published code computes them.

Reference: Andersen, Temporal Smoothing in 2D Human Pose Estimation for Bouldering, University of Copenhagen 2023.
"""

import numpy as np

from kerasmooth import boxes
from kerasmooth.boxes import Size

MARGIN = 0.05
"""Share of the extent added on each side: "10 % in each dimension"."""


def published_boxes(keypoints: np.ndarray, visibility: np.ndarray, size: Size) -> np.ndarray:
    """Per frame, the box around the visible keypoints whose grid gives the published positions exactly.

    The tight box, grown by the margin and rounded to a whole number of pixels in width and height (its upper left
    corner stays), has the centres of the outer cells on its edges.

    Args:
      keypoints: [T, K, 2], (x, y) in pixels.
      visibility: bool [T, K].
      size: (height, width) of the grid in cells.

    Returns:
      float64 [T, 4], x1 y1 x2 y2 in pixels; NaN where the visible keypoints span less than half a pixel.
    """
    tight = boxes.tight_box(keypoints, visibility, MARGIN)
    low, high = tight[:, :2], tight[:, 2:]
    whole = np.concatenate([low, low + np.round(high - low)], axis=1)
    return boxes.from_cell_centres(np.where(boxes.has_area(whole)[:, None], whole, np.nan), size)


def in_grid(keypoints: np.ndarray, frame_boxes: np.ndarray, size: Size) -> np.ndarray:
    """bool [T, K]: the keypoint [T, K, 2] lies in a cell of its box [T, 4], or its frame has no box to lie outside of.

    Rounding a box can leave a keypoint on the edge of a very small person outside; published targets omit it.
    """
    inside = boxes.inside(boxes.to_heatmap(keypoints, frame_boxes, size), size)
    return inside | ~boxes.has_area(frame_boxes)[:, None]
