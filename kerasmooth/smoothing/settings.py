"""How keypoints are smoothed: the one record that goes from flags and arguments down to the filters."""

import math
from dataclasses import dataclass, field
from typing import Any

from kerasmooth.filters import FILTERS

AUTO = "auto"
METHODS = (AUTO, *FILTERS)
"""What `method` may be."""


@dataclass(frozen=True)
class SmoothingSettings:
    """How to smooth.

    Attributes:
      method: "auto" or a name in `filters.FILTERS`.
      max_gap: seconds; longer gaps stay open.
      extend: seconds by which a keypoint is continued before its first and after its last measurement.
      outliers: find and replace positions that the others contradict.
      swaps: find and mend exchanged left/right pairs.
      strength: multiplies the filter's time constant; 0 leaves everything as it is.
      steadiness: 0 to 1: by up to so many twentieths of a torso a keypoint may be moved for less jitter.
      min_confidence: measurements of less confidence count as missing: they are filled as gaps are, or stay out.
      parameters: those of the filter, in hertz, seconds and person sizes.

    Raises:
      ValueError: an unknown method, or a number out of its range.
    """

    method: str = AUTO
    max_gap: float = 0.5
    extend: float = 0.0
    outliers: bool = True
    swaps: bool = True
    strength: float = 1.0
    steadiness: float = 0.0
    min_confidence: float = 0.0
    parameters: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}. Received: method={self.method!r}")
        for name in ("max_gap", "extend", "strength", "min_confidence"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must not be negative. Received: {name}={getattr(self, name)}")
        if not 0 <= self.steadiness <= 1:
            raise ValueError(f"steadiness must be from 0 to 1. Received: steadiness={self.steadiness}")
