"""How far keypoints are from the truth, and how still they hold: lengths, summed over frames.

Axes: N windows (or whole clips), T consecutive frames, K keypoints.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from kerasmooth.lengths import lengths
from kerasmooth.metrics.arrays import by_name, check, chunks, quotient
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

    def by_name(self, skeleton: Skeleton = BOULDERING_25) -> dict[str, np.ndarray]:
        """Keypoint name -> mean; the left and right of a pair are averaged together, under their common name."""
        return by_name(self.sums, self.counts, skeleton)


def end_point_error(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> KeypointSums:
    """Distance from truth to prediction over visible keypoints; arguments as for `pck_counts`.

    A prediction that is not finite makes the mean so: it is not passed over in silence.
    """
    return _summed(truth, predicted, visibility, order=0)


def acceleration(keypoints: np.ndarray, visibility: np.ndarray | None = None) -> KeypointSums:
    """Length of the second difference over time, keypoints[t - 1] - 2 keypoints[t] + keypoints[t + 1]: jitter.

    Args:
      keypoints: [N, T, K, 2], predicted (x, y) of consecutive frames.
      visibility: bool [N, T, K], where to look: three visible frames in a row. Everywhere by default.

    Returns:
      Sums in the keypoints' unit per frame squared; fewer than three frames give none.
    """
    visibility = np.ones(keypoints.shape[:-1], bool) if visibility is None else visibility
    return acceleration_error(np.broadcast_to(0.0, keypoints.shape), keypoints, visibility)


def acceleration_error(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> KeypointSums:
    """Length of the difference between the second differences of prediction and truth; arguments as for `pck_counts`.

    Only where the keypoint is visible in three frames in a row; in the keypoints' unit per frame squared.
    """
    return _summed(truth, predicted, visibility, order=2)


@np.errstate(invalid="ignore")
def _summed(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray, order: int) -> KeypointSums:
    """Sums the lengths of the time differences of this order of the errors, where all their frames are visible."""
    check(truth, predicted, visibility)
    result = KeypointSums.zero(truth.shape[-2])
    for part in chunks(truth) if truth.shape[1] > order else ():
        errors = np.diff(predicted[part].astype(np.float64) - truth[part], n=order, axis=1)
        shown = sliding_window_view(visibility[part].astype(bool), order + 1, axis=1).all(axis=-1)
        result += KeypointSums(np.where(shown, lengths(errors), 0.0).sum(axis=(0, 1)), shown.sum(axis=(0, 1)))
    return result
