"""Detections of somebody whom the same frame has already: a detector that reports a person twice."""

import numpy as np

from kerasmooth.smoothing.similarity import Detections, chunks

DUPLICATE_SIMILARITY = 0.75
"""Two detections of a frame above it are of one person. Of two people who hide each other it was 0.6 at most (true
positions of Shelf), 0.3 as a detector saw them."""
MIN_SHARED = 3
"""Keypoints that both must have, and half of those of the lesser: one hand held by two people is no duplicate."""


class Duplicates:
    """Finds which detections of a frame repeat a better one.

    Args:
      detections: D rows in any order.
      quality: [D], how much is seen of each.
      named: bool [D], whether the file gives an id: such a row repeats nobody, and is better than those without.
    """

    def __init__(self, detections: Detections, quality: np.ndarray, named: np.ndarray) -> None:
        self._detections, self._quality, self._named = detections, quality, named
        self._order = np.argsort(detections.frames, kind="stable")
        self._sorted = detections.frames[self._order]
        self.frames = self._frames()

    def _frames(self) -> set[int]:
        """The frames that have any."""
        found: set[int] = set()
        first, apart = np.arange(len(self._order)), 0
        while len(first):
            # Each row with the one so many places behind it in its frame.
            apart += 1
            first = first[first + apart < len(self._order)]
            first = first[self._sorted[first] == self._sorted[first + apart]]
            for chunk in chunks(len(first)):
                one, other = self._order[first[chunk]], self._order[first[chunk] + apart]
                same = self._alike(one, other) & ~(self._named[one] & self._named[other])
                found.update(self._detections.frames[one[same]].tolist())
        return found

    def among(self, rows: np.ndarray, going_on: np.ndarray) -> np.ndarray:
        """Which of the rows without an id of a frame repeat another, bool [M].

        Two who were both there a moment ago are two people who hide each other, however alike they are now.

        Args:
          rows: int64 [M].
          going_on: bool [M], which of them were there a moment ago.
        """
        now = self._detections.frames[rows[0]]
        frame = self._order[slice(*np.searchsorted(self._sorted, [now, now + 1]))]
        kept = [(row, True) for row in frame[self._named[frame]].tolist()]
        spare = np.zeros(len(rows), bool)
        for place in np.lexsort((rows, -self._quality[rows])).tolist():
            if kept:
                others, there = (np.array(column) for column in zip(*kept, strict=True))
                same = self._alike(np.full(len(others), rows[place]), others)
                spare[place] = (same & ~(there & going_on[place])).any()
            if not spare[place]:
                kept.append((int(rows[place]), bool(going_on[place])))
        return spare

    def _alike(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """bool [N]: whether rows `one` [N] and `other` [N] are nearly the same."""
        detections, result = self._detections, np.zeros(len(one), bool)
        away = np.abs(detections.centres[one] - detections.centres[other]).max(axis=1)
        asked = np.flatnonzero(away <= np.maximum(detections.sizes[one], detections.sizes[other]))
        one, other = one[asked], other[asked]
        known = detections.known[one], detections.known[other]
        shared = (known[0] & known[1]).sum(axis=1)
        fewer = np.minimum(known[0].sum(axis=1), known[1].sum(axis=1))
        similar = np.nan_to_num(detections.similarity(one, other)) >= DUPLICATE_SIMILARITY
        result[asked] = similar & (shared >= np.maximum(MIN_SHARED, fewer / 2))
        return result
