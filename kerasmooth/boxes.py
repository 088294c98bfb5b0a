"""Image <-> heatmap coordinates: the one place that knows the half-pixel rule.

A box (x1, y1, x2, y2) holds the outer edges of an H x W grid of cells, so that the centre of cell i lies at
x1 + (i + 0.5) * (x2 - x1) / W. Heatmap coordinates are continuous and an integer is a cell's centre:
h = (x - x1) * W / (x2 - x1) - 0.5. A Mask R-CNN head encodes with floor and decodes at + 0.5: the same rule.

The published code maps Penn Action and BRACE with h = (x - x1) * (W - 1) / (x2 - x1), the centres of the first and last
cells on the box's edges. That is this rule on a box that is larger by half a cell a side: `from_cell_centres`.
"""

from types import ModuleType
from typing import Any

import numpy as np

Size = tuple[int, int]
"""(height, width)."""


def tight_box(keypoints: np.ndarray, visibility: np.ndarray, margin: float = 0.05) -> np.ndarray:
    """Per frame, the box of the visible keypoints, grown by `margin` of its width and height on each side.

    Args:
      keypoints: [T, K, 2], (x, y) in pixels.
      visibility: bool [T, K].
      margin: share of the extent added on each side (0.05 is the published "10 % in each dimension").

    Returns:
      float64 [T, 4], x1 y1 x2 y2; NaN where the visible keypoints span no area.
    """
    shown = visibility[..., None]
    low = np.min(np.where(shown, keypoints, np.inf), axis=1)
    high = np.max(np.where(shown, keypoints, -np.inf), axis=1)
    extent = high - low
    boxes = np.concatenate([low - margin * extent, high + margin * extent], axis=1, dtype=np.float64)
    boxes[~np.all((extent > 0) & np.isfinite(extent), axis=1)] = np.nan
    return boxes


def from_cell_centres(boxes: np.ndarray, size: Size) -> np.ndarray:
    """Boxes [..., 4] whose edges are the centres of the outer cells -> boxes of the outer edges of these cells."""
    height, width = size
    low, high = boxes[..., :2], boxes[..., 2:]
    half_cell = (high - low) / (2 * (np.array([width, height]) - 1))
    return np.concatenate([low - half_cell, high + half_cell], axis=-1)


def has_area(boxes: np.ndarray) -> np.ndarray:
    """bool [...]: the box [..., 4] is finite and has positive width and height."""
    return np.isfinite(boxes).all(axis=-1) & (boxes[..., 2] > boxes[..., 0]) & (boxes[..., 3] > boxes[..., 1])


def cells_per_pixel(boxes: np.ndarray, size: Size) -> np.ndarray:
    """Cells per image pixel along (x, y): boxes [..., 4] -> [..., 2]."""
    height, width = size
    return np.array([width, height]) / (boxes[..., 2:] - boxes[..., :2])


def to_heatmap(keypoints: np.ndarray, boxes: np.ndarray, size: Size) -> np.ndarray:
    """Image pixels [..., K, 2] -> heatmap coordinates [..., K, 2] in boxes [..., 4] with grid (height, width)."""
    scale = cells_per_pixel(boxes, size)[..., None, :]
    return (keypoints - boxes[..., None, :2]) * scale - 0.5


def to_image(keypoints: np.ndarray, boxes: np.ndarray, size: Size) -> np.ndarray:
    """Heatmap coordinates [..., K, 2] -> image pixels [..., K, 2]; the inverse of `to_heatmap`."""
    scale = cells_per_pixel(boxes, size)[..., None, :]
    return (keypoints + 0.5) / scale + boxes[..., None, :2]


def in_range(keypoints: Any, size: Size, xp: ModuleType = np) -> Any:
    """bool [..., 2]: x and y of heatmap coordinates [..., 2], each by itself, round to a column or row of the grid.

    Args:
      keypoints: array of the kind that `xp` computes with.
      size: (height, width) of the grid.
      xp: `numpy` or `keras.ops`.
    """
    height, width = size
    cells = xp.round(keypoints)
    return xp.logical_and(cells >= 0, cells <= np.array([width - 1, height - 1], np.float32))


def inside(keypoints: Any, size: Size, xp: ModuleType = np) -> Any:
    """bool [...]: the heatmap coordinates [..., 2] round to a cell of the grid (height, width)."""
    return xp.all(in_range(keypoints, size, xp), axis=-1)
