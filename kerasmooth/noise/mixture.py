"""Errors of a detector as two kinds, usual ones and bursts, told apart by their size alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasmooth.lengths import all_finite, lengths

LEAST = 30
"""Fewer events, or errors of a keypoint, say nothing."""
_LARGE, _SAME = 6.0, 4.3
"""An error of so many deviations is of a burst; it is the next frame's too if the two are this near (99 %)."""
LEAST_DEVIATION = 0.01
"""In cells: where a detection became the truth as it was, its error is 0, of which nothing can be a multiple."""
_LEAST_BURST_SIZE = 2.0
"""Bursts below are no kind of their own, but the tail of the other errors."""


@dataclass(frozen=True, eq=False)
class ErrorMixture:
    """Errors of two kinds, normal along each axis: with `variance` [K], and a `share` with `burst` cells^2 more."""

    variance: np.ndarray
    burst: float
    share: float

    @classmethod
    def of(cls, errors: Sequence[np.ndarray], growth: Sequence[np.ndarray], rough: np.ndarray) -> "ErrorMixture":
        """Expectation and maximisation in turns (Dempster, Laird and Rubin, 1977).

        Args:
          errors: [T, K, 2] of each person.
          growth: [T, K], factors of the deviation.
          rough: [K], the first deviations; NaN where there are too few errors.
        """
        squares, factor = np.concatenate([lengths(one) ** 2 for one in errors]), np.concatenate(growth)
        squares = np.where(np.isfinite(rough), squares, np.nan)
        there = np.isfinite(squares)
        found = cls(rough**2, 16 * float(np.nanmean(rough**2)), 0.05)
        for _ in range(200):
            large = found.is_burst(squares, factor)
            usual = np.nansum((1 - large) * squares / factor**2, axis=0)
            usual = np.maximum(usual / np.maximum(2 * np.nansum(1 - large, axis=0), 1e-9), LEAST_DEVIATION**2)
            burst = np.nansum(large * (squares / 2 - found.variance * factor**2)) / max(np.nansum(large), 1e-9)
            found = cls(np.where(np.isfinite(rough), usual, np.nan), max(float(burst), 0.0), np.nanmean(large[there]))
        if found.burst < _LEAST_BURST_SIZE**2 * np.nanmean(found.variance) or found.share * there.sum() < LEAST:
            alone = np.nansum(squares / factor**2, axis=0) / np.maximum(2 * there.sum(axis=0), 1)
            return cls(np.where(np.isfinite(rough), np.maximum(alone, LEAST_DEVIATION**2), np.nan), 0.0, 0.0)
        return found

    def is_burst(self, squares: np.ndarray, growth: np.ndarray) -> np.ndarray:
        """Probability [T, K] that an error of this squared length is of the larger kind."""
        if not self.share:
            return 0 * squares
        small = self.variance * growth**2
        large = small + self.burst
        # The smaller kind's density over the larger one's.
        odds = large / small * np.exp(-squares / 2 * (1 / small - 1 / large))
        return self.share / (self.share + (1 - self.share) * odds)

    def calm(self, errors: np.ndarray, growth: np.ndarray) -> np.ndarray:
        """Errors [T, K, 2], NaN in bursts."""
        return np.where((self.is_burst(lengths(errors) ** 2, growth) < 0.5)[..., None], errors, np.nan)

    def bursts(self, scaled: Sequence[np.ndarray], deviation: float, growth: float) -> dict[str, Any]:
        """Settings of a profile of this deviation. How long one lasts is seen where no other error is as large.

        Args:
          scaled: errors [T, K, 2] in deviations of their keypoints.
          deviation: of all, in cells.
          growth: the most by which a deviation grows.
        """
        if not self.share:
            return {}
        size = round(float(np.sqrt(self.burst) / deviation), 3)
        found: dict[str, Any] = {"burst_probability": round(float(self.share), 4), "burst_size": size}
        large = [(lengths(one[:-1]) > _LARGE * growth) & all_finite(one[1:]) for one in scaled]
        stays = [lengths(np.diff(one, axis=0))[here] < _SAME * growth for one, here in zip(scaled, large, strict=True)]
        of_all = np.concatenate(stays)
        return found | ({"burst_frames": lasting(float(of_all.mean()))} if len(of_all) >= LEAST else {})


def lasting(stays: float) -> int:
    """Frames of what goes on with this probability."""
    return max(1, round(1 / max(1 - stays, 0.01)))
