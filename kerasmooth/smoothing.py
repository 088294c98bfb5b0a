"""Smooths keypoint arrays: the one call that finds swaps and outliers, fills gaps, filters, and reports."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasmooth import gaps, person_scale
from kerasmooth.filters import FILTERS
from kerasmooth.filters.confidence import confidence_weights
from kerasmooth.pose_table import INTERPOLATED, MEASURED, MISSING, PREDICTED, REPLACED
from kerasmooth.skeletons import SKELETONS, Skeleton

AUTO = "auto"
METHODS = (AUTO, *FILTERS)
"""What `method` may be."""

CHUNK_FRAMES = 8192
OVERLAP_SECONDS = 4.0


@dataclass(frozen=True, eq=False)
class Smoothed:
    """What `smooth_keypoints` returns; P people only where the input had them.

    Attributes:
      keypoints: float64 [P, T, K, 2]; NaN where nothing is known.
      confidence: float64 [P, T, K], the input's (1 without one); between its neighbours' where filled; 0 where missing.
      deviation: float64 [P, T, K], standard deviation of a position along one axis, NaN where the filter knows none.
      provenance: uint8 [P, T, K], index into `pose_table.PROVENANCE`.
      report: name -> array [P, K] (object for texts and dicts): `method`, `parameters`, `gaps_filled` (runs),
        `outliers` (frames), `swaps` (frames), `jitter_before`, `jitter_after` (mean length of the second difference,
        input unit per frame squared), `lag_ms`; and `person_size` [P].
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    deviation: np.ndarray
    provenance: np.ndarray
    report: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """One person, ready to filter: positions [T, K, 2] in person sizes, without NaN."""

    positions: np.ndarray
    weights: np.ndarray
    confidence: np.ndarray
    provenance: np.ndarray
    size: float
    origin: np.ndarray
    counts: dict[str, np.ndarray]


def smooth_keypoints(
    keypoints: np.ndarray,
    confidence: np.ndarray | None = None,
    *,
    fps: float | None,
    skeleton: str | Skeleton | None = None,
    method: str = AUTO,
    max_gap: float = 0.5,
    extend: float = 0.0,
    outliers: bool = True,
    swaps: bool = True,
    strength: float = 1.0,
    **parameters: Any,
) -> Smoothed:
    """Smooths the keypoints of one or several people over time.

    Args:
      keypoints: [T, K, 2 or 3] or [P, T, K, 2 or 3], (x, y[, confidence]); NaN is missing. T consecutive frames.
      confidence: [T, K] or [P, T, K]; 0 is missing, NaN is unknown. It weighs every measurement.
      fps: frames per second.
      skeleton: name in `skeletons.SKELETONS` or a Skeleton; says which keypoints are left/right pairs and the torso.
      method: "auto" or a name in `filters.FILTERS`.
      max_gap: seconds; longer gaps stay open.
      extend: seconds by which a keypoint is continued before its first and after its last measurement.
      outliers: find and replace positions that the others contradict.
      swaps: find and mend exchanged left/right pairs (needs `skeleton`).
      strength: multiplies the filter's time constant; 0 leaves everything as it is.
      **parameters: those of the filter; lengths in person sizes.

    Raises:
      ValueError: shapes that do not fit, fps missing or not positive, an unknown method or parameter.
    """
    skeleton = _skeleton_of(skeleton)
    people, scores = _checked(keypoints, confidence, fps, skeleton, method)
    for name, value in (("max_gap", max_gap), ("extend", extend), ("strength", strength)):
        if not value >= 0:
            raise ValueError(f"{name} must not be negative. Received: {name}={value}")
    raise NotImplementedError
