"""How far keypoints are from the truth, and how still they hold: lengths, summed over frames.

Axes: N windows (or whole clips), T consecutive frames, K keypoints.
"""

from dataclasses import dataclass

import numpy as np

from kerasmooth.metrics.arrays import check, chunks, lengths, quotient, sides_merged
from kerasmooth.skeletons import BOULDERING_25, Skeleton


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
        return float(quotient(self.sums.sum(), int(self.counts.sum())))

    def per_keypoint(self) -> np.ndarray:
        """float64 [K]."""
        return quotient(self.sums, self.counts)

    def by_name(self, skeleton: Skeleton = BOULDERING_25) -> dict[str, float]:
        """Keypoint name -> mean; the left and right of a pair are averaged together, under their common name."""
        return {
            name: float(quotient(self.sums[indices].sum(), int(self.counts[indices].sum())))
            for name, indices in sides_merged(skeleton).items()
        }


def end_point_error(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> KeypointSums:
    """Distance from truth to prediction over visible keypoints; arguments as for `pck_counts`.

    A prediction that is not finite makes the mean so: it is not passed over in silence.
    """
    check(truth, predicted, visibility)
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
    check(keypoints, keypoints, visibility)
    return _summed(keypoints, visibility, subtract=None, difference=2)


def acceleration_error(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> KeypointSums:
    """Length of the difference between the second differences of prediction and truth; arguments as for `pck_counts`.

    Only where the keypoint is visible in three frames in a row; in the keypoints' unit per frame squared.
    """
    check(truth, predicted, visibility)
    return _summed(predicted, visibility, subtract=truth, difference=2)


@np.errstate(invalid="ignore")
def _summed(
    keypoints: np.ndarray, visibility: np.ndarray, subtract: np.ndarray | None, difference: int
) -> KeypointSums:
    """Sums the lengths of the time differences (of that order) of `keypoints`, less those of `subtract`."""
    result = KeypointSums.zero(keypoints.shape[-2])
    for part in chunks(keypoints):
        values, shown = keypoints[part].astype(np.float64), visibility[part].astype(bool)
        if subtract is not None:
            values -= subtract[part]
        frames = values.shape[1] - difference
        if frames > 0:
            for step in range(1, difference + 1):
                shown[:, :frames] &= visibility[part][:, step : step + frames].astype(bool)
            distances = lengths(np.diff(values, n=difference, axis=1))
            shown = shown[:, :frames]
            result += KeypointSums(np.where(shown, distances, 0.0).sum(axis=(0, 1)), shown.sum(axis=(0, 1)))
    return result
