"""Percentage of correct keypoints (PCK): the one metric of training's epochs, of evaluation's tables and of users.

A keypoint is correct where it lies at most threshold x torso diameter from the annotated position, which is taken as it
is annotated, sub-pixel. The torso diameter is the mean distance from shoulder to hip over the sides that are visible;
frames that show neither side whole are not judged, and every count says how many these are. Hits and totals add over
batches, videos and replicas and are divided once; where nothing was judged the quotient is NaN, which is no score.

Axes: N windows (or whole clips), T consecutive frames, K keypoints, A thresholds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from kerasmooth.keyed_random import Array, cast
from kerasmooth.lengths import lengths
from kerasmooth.metrics.arrays import by_name, check, chunks, quotient
from kerasmooth.skeletons import BOULDERING_25, Skeleton

THRESHOLDS = (0.05, 0.1, 0.2)
"""The published shares of the torso diameter."""
TORSO_RULES = ("visible_sides", "published")
"""Which frames have a torso: those that show a shoulder and the hip below it, or all four of them."""


@dataclass(frozen=True, eq=False)
class PckCounts:
    """Keypoints within a share of the torso diameter, counted.

    Attributes:
      thresholds: A shares of the torso diameter.
      hits: int64 [A, K], keypoints at most that far from the truth.
      totals: int64 [K], keypoints judged: annotated, in a frame with a torso.
      frames: how many frames were seen.
      frames_skipped: how many of them were not judged, as the torso is not annotated or has no length.
    """

    thresholds: tuple[float, ...]
    hits: np.ndarray
    totals: np.ndarray
    frames: int = 0
    frames_skipped: int = 0

    @classmethod
    def zero(cls, thresholds: Sequence[float] = THRESHOLDS, num_keypoints: int = 25) -> "PckCounts":
        """Nothing counted: the start of a sum."""
        hits = np.zeros((len(thresholds), num_keypoints), np.int64)
        return cls(tuple(float(threshold) for threshold in thresholds), hits, hits[:0].sum(axis=0))

    def __add__(self, other: "PckCounts") -> "PckCounts":
        kinds = [(counts.thresholds, len(counts.totals)) for counts in (self, other)]
        if kinds[0] != kinds[1]:
            raise ValueError(f"only counts of equal thresholds and keypoints add up. Received: (thresholds, K)={kinds}")
        return PckCounts(
            self.thresholds,
            self.hits + other.hits,
            self.totals + other.totals,
            self.frames + other.frames,
            self.frames_skipped + other.frames_skipped,
        )

    @property
    def judged_share(self) -> float:
        """Share of the frames that were judged; NaN if there were none."""
        return float(quotient(np.array(self.frames - self.frames_skipped), self.frames))

    def total(self) -> np.ndarray:
        """float64 [A]: hits of all keypoints over all that were judged."""
        return quotient(self.hits.sum(axis=1), int(self.totals.sum()))

    def per_keypoint(self) -> np.ndarray:
        """float64 [A, K]."""
        return quotient(self.hits, self.totals)

    def by_name(self, skeleton: Skeleton = BOULDERING_25) -> dict[str, np.ndarray]:
        """Keypoint name -> float64 [A]; the left and right of a pair are counted together, under their common name."""
        return by_name(self.hits, self.totals, skeleton)


@np.errstate(invalid="ignore")
def torso_diameter(
    keypoints: Array,
    visibility: Array,
    skeleton: Skeleton = BOULDERING_25,
    torso: str = "visible_sides",
    xp: ModuleType = np,
) -> Array:
    """Mean of the distances from left shoulder to left hip and from right shoulder to right hip.

    Args:
      keypoints: [..., K, 2], (x, y).
      visibility: bool [..., K].
      skeleton: names the four.
      torso: "visible_sides": the mean over the sides whose shoulder and hip are visible, one or both. "published":
        over both sides, where all four are visible.
      xp: `numpy` or `keras.ops`.

    Returns:
      [...], of the keypoints' floating type; NaN where no side is visible, or, as published, not both.

    Raises:
      ValueError: the skeleton lacks one of the four, or the rule is unknown.
    """
    if skeleton.torso is None:
        raise ValueError(f"the skeleton has no shoulders and hips. Received: skeleton={skeleton.name}")
    if torso not in TORSO_RULES:
        raise ValueError(f"torso must be one of {TORSO_RULES}. Received: torso={torso!r}")
    total = sides = cast(np.zeros(()), keypoints.dtype, xp)
    for shoulder, hip in skeleton.torso:
        shown = xp.logical_and(visibility[..., shoulder], visibility[..., hip])
        apart = lengths(keypoints[..., shoulder, :] - keypoints[..., hip, :], xp)
        total, sides = total + xp.where(shown, apart, 0 * sides), sides + cast(shown, keypoints.dtype, xp)
    needed = 1 if torso == "visible_sides" else 2
    return xp.where(sides >= needed, total / xp.maximum(sides, 1), cast(np.full((), np.nan), keypoints.dtype, xp))


@np.errstate(invalid="ignore")
def pck_counts(
    truth: np.ndarray,
    predicted: np.ndarray,
    visibility: np.ndarray,
    thresholds: Sequence[float] = THRESHOLDS,
    torso: str = "visible_sides",
    skeleton: Skeleton = BOULDERING_25,
) -> PckCounts:
    """PCK as counts: distance <= threshold x torso diameter of the truth.

    A frame whose torso is missing or has no length is skipped and counted as such; a prediction that is not finite is a
    miss. Heatmap cells and image pixels (`boxes.to_image`) serve alike. The published code takes the cell of the truth,
    not its position, and a keypoint at (0, 0) for missing: round, and say so in `visibility`, for its numbers.

    Args:
      truth: [N, T, K, 2], (x, y); any value where not visible.
      predicted: [N, T, K, 2].
      visibility: bool [N, T, K], which keypoints to judge.
      thresholds: A shares of the torso diameter.
      torso: which frames have a torso, see `torso_diameter`.
      skeleton: names the torso's keypoints.

    Raises:
      ValueError: shapes that do not fit together.
    """
    check(truth, predicted, visibility)
    counts = PckCounts.zero(thresholds, truth.shape[-2])
    for part in chunks(truth):
        # float64: 0.1 of a torso of 20 is exactly 2 there, and a keypoint 2 away is a hit.
        true, guess, shown = truth[part].astype(np.float64), predicted[part], visibility[part].astype(bool)
        diameter = torso_diameter(true, shown, skeleton, torso)
        judged = diameter > 0
        shown &= judged[..., None]
        distance = lengths(guess - true)
        hits = [((distance <= a * diameter[..., None]) & shown).sum(axis=(0, 1)) for a in counts.thresholds]
        skipped = judged.size - int(judged.sum())
        hits_of_all = np.array(hits, np.int64).reshape(counts.hits.shape)
        counts += PckCounts(counts.thresholds, hits_of_all, shown.sum(axis=(0, 1)), judged.size, skipped)
    return counts


def pck_name(threshold: float) -> str:
    """What the PCK at a threshold is called in histories and scores, such as "pck@0.2"."""
    return f"pck@{threshold:g}"


class Scorer:
    """PCK of predictions that come batch by batch.

    Training's loop scores an epoch with it, evaluation scores every row of its tables by the same counts:

        scorer = Scorer()
        for batch in batches:
            scorer.add(true_keypoints, predicted_keypoints, visibility)
        scores = scorer.result(cluster.sum_over_workers)  # {"pck@0.05": ..., "frames_judged": ...}

    The true keypoints are those of the records, sub-pixel and in heatmap cells. Windows that pad a batch have no
    visible keypoint: they count as frames that are not judged, so `add` leaves them out.

    Args:
      thresholds: A shares of the torso diameter.
    """

    def __init__(self, thresholds: Sequence[float] = THRESHOLDS) -> None:
        self._counts = PckCounts.zero(thresholds)

    def add(self, truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> None:
        """Adds windows: truth and predicted [B, T, K, 2], (x, y) in heatmap cells; visibility bool [B, T, K]."""
        shown = visibility.any(axis=(1, 2))
        self._counts += pck_counts(truth[shown], predicted[shown], visibility[shown], self._counts.thresholds)

    def result(self, sum_over_workers: Callable[[np.ndarray], np.ndarray] = lambda sums: sums) -> dict[str, float]:
        """PCK by `pck_name` and "frames_judged", all as shares; NaN where nothing was judged.

        Args:
          sum_over_workers: adds a float64 vector over the processes that each scored their part.
        """
        counts = self._counts
        seen = [counts.totals.sum(), counts.frames - counts.frames_skipped, counts.frames]
        sums = np.array([*counts.hits.sum(axis=1), *seen], np.float64)
        *hits, keypoints, judged, frames = sum_over_workers(sums)
        shares = quotient(np.array(hits), keypoints)
        scores = {pck_name(a): float(share) for a, share in zip(counts.thresholds, shares, strict=True)}
        return scores | {"frames_judged": float(quotient(judged, frames))}
