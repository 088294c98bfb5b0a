import numpy as np

from kerasmooth import formats
from kerasmooth.pose_table import INTERPOLATED, PoseTable


def with_row(table: PoseTable, frame: int, person: int) -> PoseTable:
    """The table with one more person, keypoint k at (0.25 + k, 0.5 + k), in a frame."""
    count = table.skeleton.num_keypoints
    points = np.stack([0.25 + np.arange(count), 0.5 + np.arange(count)], axis=1)[None]
    return formats.append_rows(
        table,
        frames=np.array([frame]),
        people=np.array([person]),
        keypoints=points,
        confidence=np.full((1, count), 0.5),
        provenance=np.full((1, count), INTERPOLATED),
        deviation=np.full((1, count), np.nan),
    )
