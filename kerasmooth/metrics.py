"""How near predicted keypoints are to the annotated ones, and how still they hold.

Every metric returns sums and counts, which add over batches, videos and replicas, and divides once, when asked for a
mean; where nothing was annotated the mean is NaN, which is no score. Heatmap cells and image pixels (`boxes.to_image`)
serve alike: the unit of the result is that of the keypoints. Nothing given is changed.

Axes: N windows (or whole clips), T consecutive frames, K keypoints, A thresholds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kerasmooth.skeletons import BOULDERING_25, Skeleton

THRESHOLDS = (0.05, 0.1, 0.2)
"""The published shares of the torso diameter."""

_CHUNK_FRAMES = 2048
"""Frames judged at once, so that the steps between stay in the processor's cache."""


def sides_merged(skeleton: Skeleton) -> dict[str, list[int]]:
    """Keypoint names without their side, in order -> the one or two indices of that name."""
    merged: dict[str, list[int]] = {}
    for index, name in enumerate(skeleton.keypoints):
        merged.setdefault(name.removeprefix("left_").removeprefix("right_"), []).append(index)
    return merged


def _share(parts: np.ndarray, wholes: np.ndarray | int) -> np.ndarray:
    """parts / wholes, NaN where there is nothing to divide by."""
    wholes = np.broadcast_to(np.asarray(wholes, np.float64), np.shape(parts))
    return np.divide(parts, wholes, out=np.full(np.shape(parts), np.nan), where=wholes > 0)


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

    def total(self) -> np.ndarray:
        """float64 [A]: hits of all keypoints over all that were judged."""
        return _share(self.hits.sum(axis=1), int(self.totals.sum()))

    def per_keypoint(self) -> np.ndarray:
        """float64 [A, K]."""
        return _share(self.hits, self.totals)

    def by_name(self, skeleton: Skeleton = BOULDERING_25) -> dict[str, np.ndarray]:
        """Keypoint name -> float64 [A]; the left and right of a pair are counted together, under their common name."""
        return {
            name: _share(self.hits[:, indices].sum(axis=1), int(self.totals[indices].sum()))
            for name, indices in sides_merged(skeleton).items()
        }


@dataclass(frozen=True, eq=False)
class KeypointSums:
    """A quantity summed over frames.

    Attributes:
      sums: float64 [K].
      counts: int64 [K], how many values were added up.
    """

    sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def zero(cls, num_keypoints: int = 25) -> "KeypointSums":
        """Nothing summed: the start of a sum."""
        return cls(np.zeros(num_keypoints), np.zeros(num_keypoints, np.int64))

    def __add__(self, other: "KeypointSums") -> "KeypointSums":
        return KeypointSums(self.sums + other.sums, self.counts + other.counts)

    def mean(self) -> float:
        """Over all keypoints and frames; NaN if there were none."""
        return float(_share(self.sums.sum(), int(self.counts.sum())))

    def per_keypoint(self) -> np.ndarray:
        """float64 [K]."""
        return _share(self.sums, self.counts)

    def by_name(self, skeleton: Skeleton = BOULDERING_25) -> dict[str, float]:
        """Keypoint name -> mean; the left and right of a pair are averaged together, under their common name."""
        return {
            name: float(_share(self.sums[indices].sum(), int(self.counts[indices].sum())))
            for name, indices in sides_merged(skeleton).items()
        }


@np.errstate(invalid="ignore")
def torso_diameter(keypoints: np.ndarray, visibility: np.ndarray, skeleton: Skeleton = BOULDERING_25) -> np.ndarray:
    """Mean of the distances left shoulder to left hip and right shoulder to right hip.

    Args:
      keypoints: [..., K, 2], (x, y).
      visibility: bool [..., K].
      skeleton: names the four.

    Returns:
      [...], of the keypoints' floating type; NaN where one of the four is not visible.

    Raises:
      ValueError: the skeleton lacks one of the four.
    """
    if skeleton.torso is None:
        raise ValueError(f"the skeleton has no shoulders and hips. Received: skeleton={skeleton.name}")
    sides = [_lengths(keypoints[..., shoulder, :] - keypoints[..., hip, :]) for shoulder, hip in skeleton.torso]
    annotated = visibility[..., np.ravel(skeleton.torso)].all(axis=-1)
    return np.where(annotated, (sides[0] + sides[1]) / 2, np.array(np.nan, sides[0].dtype))


@np.errstate(invalid="ignore")
def pck_counts(
    truth: np.ndarray,
    predicted: np.ndarray,
    visibility: np.ndarray,
    thresholds: Sequence[float] = THRESHOLDS,
    torso: np.ndarray | None = None,
    skeleton: Skeleton = BOULDERING_25,
) -> PckCounts:
    """Percentage of correct keypoints, as counts: distance <= threshold x torso diameter.

    A frame whose torso is missing (NaN) or has no length is skipped and counted as such; a prediction that is not
    finite is a miss. The published code takes a keypoint at (0, 0) for missing: say so in `visibility`.

    Args:
      truth: [N, T, K, 2], (x, y); any value where not visible.
      predicted: [N, T, K, 2].
      visibility: bool [N, T, K], which keypoints to judge.
      thresholds: A shares of the torso diameter.
      torso: [N, T], the diameters to use, in the keypoints' unit; by default those of `truth`.
      skeleton: names the torso's keypoints.

    Raises:
      ValueError: shapes that do not fit together.
    """
    _check(truth, predicted, visibility)
    num_keypoints = truth.shape[-2]
    if torso is not None and torso.shape != truth.shape[:-2]:
        raise ValueError(f"torso must have shape {truth.shape[:-2]}. Received: torso.shape={torso.shape}")
    counts = PckCounts.zero(thresholds, num_keypoints)
    for part in _chunks(truth):
        true, guess, shown = truth[part].astype(np.float64), predicted[part], visibility[part].astype(bool)
        # float64: 0.1 of a torso of 20 is exactly 2 there, and a keypoint 2 away is a hit.
        scale = torso_diameter(true, shown, skeleton) if torso is None else torso[part].astype(np.float64)
        judged = np.isfinite(scale) & (scale > 0)
        shown &= judged[..., None]
        distance = _lengths(guess - true)
        hits = [((distance <= share * scale[..., None]) & shown).sum(axis=(0, 1)) for share in counts.thresholds]
        skipped = judged.size - int(judged.sum())
        hits_of_all = np.array(hits, np.int64).reshape(counts.hits.shape)
        counts += PckCounts(counts.thresholds, hits_of_all, shown.sum(axis=(0, 1)), judged.size, skipped)
    return counts


def end_point_error(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> KeypointSums:
    """Distance from truth to prediction over visible keypoints; arguments as for `pck_counts`.

    A prediction that is not finite makes the mean so: it is not passed over in silence.
    """
    _check(truth, predicted, visibility)
    return _summed(predicted, visibility, subtract=truth, difference=0)


def acceleration(keypoints: np.ndarray, visibility: np.ndarray | None = None) -> KeypointSums:
    """Length of the second difference over time, keypoints[t - 1] - 2 keypoints[t] + keypoints[t + 1]: jitter.

    Args:
      keypoints: [N, T, K, 2], predicted (x, y) of consecutive frames.
      visibility: bool [N, T, K], where to look: three visible frames in a row. Everywhere by default.

    Returns:
      Sums in the keypoints' unit per frame squared; fewer than three frames give none.
    """
    visibility = np.ones(keypoints.shape[:-1], bool) if visibility is None else visibility
    _check(keypoints, keypoints, visibility)
    return _summed(keypoints, visibility, subtract=None, difference=2)


def acceleration_error(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> KeypointSums:
    """Length of the difference between the second differences of prediction and truth; arguments as for `pck_counts`.

    Only where the keypoint is visible in three frames in a row; in the keypoints' unit per frame squared.
    """
    _check(truth, predicted, visibility)
    return _summed(predicted, visibility, subtract=truth, difference=2)


@np.errstate(invalid="ignore")
def _summed(
    keypoints: np.ndarray, visibility: np.ndarray, subtract: np.ndarray | None, difference: int
) -> KeypointSums:
    """Sums the lengths of the time differences (of that order) of `keypoints`, less those of `subtract`."""
    result = KeypointSums.zero(keypoints.shape[-2])
    for part in _chunks(keypoints):
        values, shown = keypoints[part].astype(np.float64), visibility[part].astype(bool)
        if subtract is not None:
            values -= subtract[part]
        frames = values.shape[1] - difference
        if frames > 0:
            for step in range(1, difference + 1):
                shown[:, :frames] &= visibility[part][:, step : step + frames].astype(bool)
            lengths = _lengths(np.diff(values, n=difference, axis=1))
            shown = shown[:, :frames]
            result += KeypointSums(np.where(shown, lengths, 0.0).sum(axis=(0, 1)), shown.sum(axis=(0, 1)))
    return result


def _lengths(vectors: np.ndarray) -> np.ndarray:
    """Euclidean lengths [...] of vectors [..., 2]."""
    x, y = vectors[..., 0], vectors[..., 1]
    return np.sqrt(x * x + y * y)


def _chunks(keypoints: np.ndarray) -> Iterator[slice]:
    """Slices of the first axis of [N, T, K, 2] that hold some thousand frames each."""
    windows = max(1, _CHUNK_FRAMES // max(1, keypoints.shape[1]))
    return (slice(start, start + windows) for start in range(0, len(keypoints), windows))


def _check(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> None:
    if truth.ndim != 4 or truth.shape[-1] != 2:
        raise ValueError(f"keypoints must be [N, T, K, 2]. Received: shape={truth.shape}")
    if predicted.shape != truth.shape or visibility.shape != truth.shape[:-1]:
        raise ValueError(
            f"predicted and visibility must fit truth {truth.shape}. Received: predicted.shape={predicted.shape}, "
            f"visibility.shape={visibility.shape}"
        )
