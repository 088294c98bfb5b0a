"""Where on the picture of a film a table's coordinates lie."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.pose_table import PoseTable

MAX_SIDE = 960
"""Longest side in pixels of a canvas without a video."""


@dataclass(frozen=True, eq=False)
class View:
    """From a table's coordinates to pixels of the film: positions * scale + offset."""

    size: Size
    scale: np.ndarray
    offset: np.ndarray

    def points(self, keypoints: np.ndarray) -> np.ndarray:
        """int64 [K, 2]; far outside of the picture where NaN."""
        placed = keypoints * self.scale + self.offset
        limit = 8 * max(self.size)
        return np.rint(np.clip(np.nan_to_num(placed, nan=-limit), -limit, limit)).astype(np.int64)


def canvas(table: PoseTable) -> View:
    """The whole image where its size is known, otherwise where the people are."""
    if table.image_size is not None and table.unit in ("px", "normalised"):
        size = table.image_size
        factor = min(1.0, MAX_SIDE / max(size))
        return onto_image(table, _even(np.array(size) * factor))
    points = table.keypoints[np.isfinite(table.keypoints).all(axis=-1)]
    low, high = np.percentile(points if len(points) else np.zeros((1, 2)), [0.5, 99.5], axis=0)
    margin = 0.1 * max(float((high - low).max()), 1e-9)
    factor = MAX_SIDE / float((high - low).max() + 2 * margin)
    size = _even((high - low + 2 * margin)[::-1] * factor)
    scale, offset = np.array([factor, factor]), (margin - low) * factor
    if table.y_up:
        scale[1], offset[1] = -factor, size[0] - offset[1]
    return View(size, scale, offset)


def _even(size: np.ndarray) -> Size:
    height, width = (max(64, 2 * int(np.ceil(side / 2))) for side in size)
    return height, width


def onto_image(table: PoseTable, size: Size) -> View:
    """The whole image in a picture of `size` (height, width)."""
    height, width = (1, 1) if table.unit == "normalised" else table.image_size or size
    scale, offset = np.array([size[1] / width, size[0] / height]), np.zeros(2)
    if table.y_up:
        scale[1], offset[1] = -scale[1], float(size[0])
    return View(size, scale, offset)
