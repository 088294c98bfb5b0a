"""A unit that is the same along x and y, with y downwards, so that distances and angles mean something."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.pose_table import PoseTable


@dataclass(frozen=True, eq=False)
class SquareUnit:
    """From the coordinates of a table to such a unit and back.

    Attributes:
      name: "px", or what the table's unit is called where it has no pixels.
      scale: [2], what coordinates are multiplied by; depths by that of x.
    """

    name: str
    scale: np.ndarray

    @classmethod
    def of(cls, table: PoseTable) -> "SquareUnit":
        """Pixels where the table has shares of an image of known size, otherwise the table's own unit."""
        in_pixels = table.unit == "normalised" and table.image_size is not None
        height, width = table.image_size if in_pixels and table.image_size else (1, 1)
        scale = np.array([width, -height if table.y_up else height], np.float64)
        return cls("px" if in_pixels else table.unit, scale)

    @property
    def size(self) -> float:
        """How much longer lengths are, in the mean of both axes."""
        return float(np.sqrt(np.abs(self.scale.prod())))

    def into(self, table: PoseTable) -> PoseTable:
        """The table in this unit."""
        if (self.scale == 1).all():
            return table
        depth = None if table.depth is None else table.depth * self.scale[0]
        return table.with_(keypoints=table.keypoints * self.scale, deviation=table.deviation * self.size, depth=depth)

    def out_of(self, square: PoseTable, table: PoseTable) -> PoseTable:
        """`square` in the unit of `table`, whose rows come first in it; what did not move keeps every digit."""
        if (self.scale == 1).all():
            return square
        depth = None
        if table.depth is not None and square.depth is not None:
            depth = _back(square.depth, table.depth, self.scale[0])
        keypoints = _back(square.keypoints, table.keypoints, self.scale)
        return square.with_(keypoints=keypoints, deviation=square.deviation / self.size, depth=depth)


def _back(square: np.ndarray, original: np.ndarray, scale: np.ndarray) -> np.ndarray:
    result, now = square / scale, square[: len(original)]
    same = (now == original * scale) | (np.isnan(now) & np.isnan(original))
    result[: len(original)] = np.where(same, original, result[: len(original)])
    return result
