"""What happened to a part of a person that is smoothed in pieces, summed over them."""

from typing import Any

import numpy as np

from kerasmooth.pose_files.person_report import bends
from kerasmooth.pose_table import INTERPOLATED, REPLACED

_COUNTS = ("gaps_filled", "outliers", "swaps")
_MEANS = ("jitter_before", "jitter_after")
_CHOSEN = ("method", "parameters", "person_size", "lag_ms")


class PartReport:
    """Sums of what `smoothing.Smoothed.report` says.

    Attributes:
      frames: with a detection.
      bends: (sum before, sum after, count) of second differences, in lengths divided by `scale` [2].
    """

    def __init__(self, scale: np.ndarray) -> None:
        self._scale = scale
        self.frames = 0
        self.bends = np.zeros(3)
        self._tail: tuple[np.ndarray, np.ndarray] | None = None
        self._filled: np.ndarray | None = None
        self._pieces: list[dict[str, Any]] = []
        self._weights: list[np.ndarray] = []

    def add(
        self,
        before: np.ndarray,
        values: dict[str, np.ndarray],
        swapped: np.ndarray,
        found: dict[str, np.ndarray],
        frames: int,
    ) -> None:
        """Counts the next piece.

        Args:
          before: [T, K, 2].
          values: keypoints [T, K, 2], provenance [T, K].
          swapped: bool [T, K].
          found: the report of the piece and what was smoothed around it.
          frames: with a detection.
        """
        filled = values["provenance"] == INTERPOLATED
        above = np.zeros_like(filled[:1]) if self._filled is None else self._filled
        starts = filled & ~np.concatenate([above, filled[:-1]])
        outliers = (values["provenance"] == REPLACED).sum(axis=0)
        counts = dict(zip(_COUNTS, (starts.sum(axis=0), outliers, swapped.sum(axis=0)), strict=True))
        self._pieces.append({name: found[name] for name in (*_MEANS, *_CHOSEN)} | counts)
        self._weights.append(np.isfinite(before).all(axis=-1).sum(axis=0))
        if len(filled):
            self._filled = filled[-1:]
        joined = [before / self._scale, values["keypoints"] / self._scale]
        if self._tail is not None:
            joined = [np.concatenate(pair) for pair in zip(self._tail, joined, strict=True)]
        self.bends += bends(*joined)
        # Copies: a view would keep the whole piece.
        self._tail = (np.array(joined[0][-2:]), np.array(joined[1][-2:]))
        self.frames += frames

    def found(self) -> dict[str, Any]:
        """As `smoothing.Smoothed.report`; the piece in the middle stands for what was chosen along the part."""
        middle = self._pieces[len(self._pieces) // 2]
        result = {name: middle[name] for name in _CHOSEN}
        for name in _COUNTS:
            result[name] = np.sum([piece[name] for piece in self._pieces], axis=0)
        for name in _MEANS:
            means = np.array([piece[name] for piece in self._pieces])
            weights = np.where(np.isfinite(means), np.array(self._weights), 0.0)
            total = weights.sum(axis=0)
            sums = (np.nan_to_num(means) * weights).sum(axis=0)
            result[name] = np.divide(sums, total, out=np.full(total.shape, np.nan), where=total > 0)
        return result
