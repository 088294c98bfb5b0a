"""Photographs and videos told apart: nobody is in two of them that follow each other."""

import numpy as np

from kerasmooth.smoothing.tracking import Tracks

MIN_FRAMES = 20
"""Fewer frames with somebody tell nothing, nor do these many times two that are counted one by one."""
MAX_LENGTH, MAX_LENGTH_COUNTED = 2.0, 8.0
"""Frames for which people are followed in photographs, below: of scattered numbers (1.0 to 1.4 measured; 3 and more in
videos with a detection in every twentieth frame), and of numbers that count, where strangers follow each other in the
same place (1.7 to 7.2; 29 and more in videos of 1 frame a second)."""


def are_unrelated(frames: np.ndarray, tracks: Tracks) -> bool:
    """Whether rows without ids are of photographs that have nothing to do with each other.

    Args:
      frames: int64 [D], frame numbers.
      tracks: of the rows.
    """
    numbers = np.unique(frames)
    steps = np.unique(np.diff(numbers), return_counts=True)[1]
    counted = len(steps) > 0 and 2 * steps.max() > steps.sum()
    lengths = np.unique(tracks.segments[tracks.segments >= 0], return_counts=True)[1].astype(np.float64)
    if len(numbers) < MIN_FRAMES * (2 if counted else 1):
        return False
    # The segment of the average row: a video has many wrong detections that are seen once, too.
    return bool((lengths**2).sum() < (MAX_LENGTH_COUNTED if counted else MAX_LENGTH) * lengths.sum())
