"""What happened to one person of a file."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class PersonReport:
    """What happened to one person.

    Attributes:
      person: the id; -1 where the file has one person and no ids.
      frames: with a detection.
      added: frames without one that were filled in.
      methods: method -> keypoints it was chosen for.
      gaps, outliers, swaps: runs filled, positions replaced, pairs exchanged.
      bends: (sum before, sum after, count) of second differences in the table's unit.
      lag: milliseconds, the mean.
      keypoints: what `smoothing.Smoothed.report` says of each keypoint, for each part of the person.
    """

    person: int
    frames: int = 0
    added: int = 0
    methods: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    outliers: int = 0
    swaps: int = 0
    bends: np.ndarray = field(default_factory=lambda: np.zeros(3))
    lag: float = 0.0
    keypoints: list[dict[str, np.ndarray]] = field(default_factory=list)

    @property
    def jitter(self) -> tuple[float, float]:
        """(before, after): mean length of the second difference, table's unit per frame squared; NaN for none."""
        before, after, count = self.bends.tolist()
        return (before / count, after / count) if count else (np.nan, np.nan)

    def tell(self, frames: int, bends: np.ndarray, found: dict[str, Any], *, keep: bool = True) -> None:
        """Counts a part of the person.

        Args:
          frames: with a detection.
          bends: see `bends`.
          found: what `smoothing.Smoothed.report` says of the part.
          keep: this too, keypoint by keypoint.
        """
        self.methods.update(found["method"].tolist())
        self.gaps += int(found["gaps_filled"].sum())
        self.outliers += int(found["outliers"].sum())
        self.swaps += int(found["swaps"].sum()) // 2
        self.bends += bends
        lag = np.nanmean(found["lag_ms"]) if np.isfinite(found["lag_ms"]).any() else 0.0
        self.lag = float((self.lag * self.frames + lag * frames) / (self.frames + frames))
        self.frames += frames
        if keep:
            self.keypoints.append(found)


def bends(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(sum before, sum after, count) of second differences of [T, K, 2] where three frames in a row are measured."""
    known = np.isfinite(before).all(axis=-1) & np.isfinite(after).all(axis=-1)
    shown = known[:-2] & known[1:-1] & known[2:]
    sums = [
        np.where(shown, np.linalg.norm(values[2:] - 2 * values[1:-1] + values[:-2], axis=-1), 0.0).sum()
        for values in (before, after)
    ]
    return np.array([*sums, shown.sum()], np.float64)
