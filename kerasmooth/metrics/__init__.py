"""How near keypoints are to the truth and how still they hold; see `pck` for the one definition of PCK."""

from kerasmooth.metrics.arrays import sides_merged
from kerasmooth.metrics.keypoint_errors import KeypointSums, acceleration, acceleration_error, end_point_error
from kerasmooth.metrics.pck import (
    THRESHOLDS,
    TORSO_RULES,
    PckCounts,
    Scorer,
    pck_counts,
    pck_name,
    torso_diameter,
)

__all__ = [
    "THRESHOLDS",
    "TORSO_RULES",
    "KeypointSums",
    "PckCounts",
    "Scorer",
    "acceleration",
    "acceleration_error",
    "end_point_error",
    "pck_counts",
    "pck_name",
    "sides_merged",
    "torso_diameter",
]
