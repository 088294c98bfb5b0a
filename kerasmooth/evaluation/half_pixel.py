"""What the published code's half pixel costs on ClimbAlong: truth and detector have their cells from unlike rules.

A keypoint lies u = (x - x1) W / (x2 - x1) cells from its box's left edge. The heads of Mask R-CNN (He et al., ICCV
2017) are trained to peak in the cell floor(u); the published code puts the truth into the cell round(u). So a detector
that makes no error is a cell off wherever u lies in the upper half of its cell: along both axes it is right a quarter
of the time. Here u is a coordinate of this package plus a half, and both have the cell floor(u).
"""

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.evaluation.windows import Frames
from kerasmooth.metrics import pck_counts

PERFECT, DETECTOR = "a detector without error", "the detector"


def half_pixel_pck(windows: Frames, detector: str, size: Size) -> dict[str, np.ndarray]:
    """PCK by the published rule, every frame of every window, with the truth in its cell and half a cell later.

    Args:
      windows: with the detector's keypoints.
      detector: the row that holds them, whole cells.
      size: (height, width) of the grid.

    Returns:
      float64 [3] for each of `PERFECT` and `DETECTOR`, and for both with ", published cells of the truth" behind.
    """
    last_cell = np.array(size[::-1]) - 1
    truth = np.clip(np.rint(windows.truth), 0, last_cell)
    published = np.clip(np.rint(windows.truth + 0.5), 0, last_cell)
    found = {}
    for words, cells in (("", truth), (", published cells of the truth", published)):
        for name, keypoints in ((PERFECT, truth), (DETECTOR, windows.predicted[detector])):
            counts = pck_counts(cells, keypoints, windows.visibility, torso="published")
            found[name + words] = counts.total()
    return found
