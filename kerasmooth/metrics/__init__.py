"""How near keypoints are to the truth and how still they hold; see `pck` for the one definition of PCK."""

from typing import Any

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
    "PCK",
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


def __getattr__(name: str) -> Any:
    """`PCK`, a `keras.metrics.Metric`, loaded when first asked for: all else here does without Keras."""
    if name != "PCK":
        raise AttributeError(f"module 'kerasmooth.metrics' has no attribute {name!r}")
    import importlib

    return importlib.import_module("kerasmooth.metrics.keras_pck").PCK
