"""Gates of a Kalman filter: measurements that its prediction makes improbable are not let in."""

import numpy as np
from scipy.special import chdtri

from kerasmooth.filters.kalman_passes import DIFFUSE, TRANSITION, spreading

PATIENCE_SECONDS = 0.25
"""Measurements that are refused for so long, but agree with each other, are where the keypoint went."""


def find_refused(
    positions: np.ndarray,
    weights: np.ndarray,
    ratios: np.ndarray,
    variances: np.ndarray,
    order: int,
    probability: float,
    fps: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Measurements that both the prediction from before and the one from after refuse, and jumps that both agree on.

    The start and the end of a fast movement surprise the one and the other; a wrong measurement surprises both. Where
    one of them has nothing to predict from the other decides.

    Args:
      positions: float64 [T, K, D].
      weights: [T, K]; 0 is no measurement.
      ratios: [K], see `kalman_passes.noise_ratio`.
      variances: [T, K], of a full measurement along an axis.
      order: 2 or 3.
      probability: of an innovation as large among good measurements (chi-squared, D degrees of freedom).
      fps: frames per second.

    Returns:
      refused: bool [T, K].
      jumps: bool [T, K], frames from which on a keypoint is somewhere else.
    """
    limit = float(chdtri(positions.shape[-1], probability))
    ahead = _Gate(positions, weights, ratios, variances, order, limit, fps)
    behind = _Gate(positions[::-1], weights[::-1], ratios, variances[::-1], order, limit, fps)
    refused = (ahead.refused | ~ahead.judged) & (behind.refused | ~behind.judged)[::-1]
    refused &= (ahead.judged | behind.judged[::-1]) & (weights > 0)
    # Backwards a jump is found at the last frame before it; what is not measured in between belongs to neither side.
    jumps = np.zeros_like(refused)
    last = behind.jumps[::-1]
    for frame, keypoint in np.argwhere(ahead.jumps).tolist():
        before = np.flatnonzero((weights[:frame, keypoint] > 0) & ~refused[:frame, keypoint])
        jumps[frame, keypoint] = len(before) > 0 and last[before[-1], keypoint]
    return refused, jumps


class _Filter:
    """States [n, D, K] and covariances [n, n, K] of K keypoints, and how many measurements they have seen."""

    def __init__(self, order: int, dimensions: int, ratios: np.ndarray) -> None:
        self.state = np.zeros((order, dimensions, len(ratios)))
        self._rows = np.vstack([np.zeros((order**2, len(ratios))), ratios])
        self.covariance = self._rows[:-1].reshape(order, order, -1)
        self.seen = np.zeros(len(ratios), np.int64)
        self._transition, self._spreading = TRANSITION[order], spreading(order)
        self.start(np.arange(len(ratios)))

    def start(self, keypoints: np.ndarray) -> None:
        """Forgets these keypoints."""
        self.state[..., keypoints], self.seen[keypoints] = 0.0, 0
        self.covariance[..., keypoints] = np.eye(len(self.state))[..., None] * DIFFUSE

    def predict(self) -> None:
        self.state = np.dot(self._transition, self.state.reshape(len(self.state), -1)).reshape(self.state.shape)
        self._rows[:-1] = np.dot(self._spreading, self._rows)

    def compare(self, position: np.ndarray, measurement: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Innovations [D, K] of positions [D, K] of variances [K], their variances and normalised squares [K]."""
        innovation, variance = position - self.state[0], self.covariance[0, 0] + measurement
        return innovation, variance, np.add.reduce(innovation * innovation, axis=0) / variance

    def update(self, innovation: np.ndarray, variance: np.ndarray, taken: np.ndarray) -> None:
        gain = self.covariance[:, 0] / np.where(taken, variance, np.inf)
        self.state += gain[:, None] * innovation
        self.covariance -= gain[:, None] * self.covariance[0]
        self.seen += taken


class _Gate:
    """One pass forward.

    Beside the filter runs a challenger, which starts at the first refused measurement and follows those that the filter
    refuses and it does not. It goes with the first measurement that the filter takes, starts anew where it is surprised
    itself, and takes over when the filter has refused for PATIENCE_SECONDS all that it took.

    Attributes:
      judged: bool [T, K], measured, with something to predict it from.
      refused: bool [T, K].
      jumps: bool [T, K], where a challenger that took over had started.
    """

    def __init__(
        self,
        positions: np.ndarray,
        weights: np.ndarray,
        ratios: np.ndarray,
        variances: np.ndarray,
        order: int,
        limit: float,
        fps: float,
    ) -> None:
        self.judged, self.refused, self.jumps = (np.zeros(weights.shape, bool) for _ in range(3))
        count, dimensions = positions.shape[1:]
        self._order, self._limits = order, limit * np.maximum(variances, 1e-300)
        self._patience = max(round(PATIENCE_SECONDS * fps), order)
        self._filter, self._challenger = (_Filter(order, dimensions, ratios) for _ in range(2))
        self._since = np.full(count, -1)
        self._challenged = False
        measured = np.ascontiguousarray(np.swapaxes(positions, 1, 2))
        with np.errstate(divide="ignore"):
            measurement = 1 / weights
        for frame in range(len(positions)):
            self._step(frame, measured[frame], measurement[frame], weights[frame] > 0)

    def _step(self, frame: int, position: np.ndarray, measurement: np.ndarray, known: np.ndarray) -> None:
        """Lets the frame's positions [D, K] of variances [K], in those of a full measurement, in or not."""
        if frame:
            self._filter.predict()
        innovation, variance, square = self._filter.compare(position, measurement)
        judged = known & (self._filter.seen >= self._order)
        refused = judged & (square > self._limits[frame])
        self.judged[frame], self.refused[frame] = judged, refused
        self._filter.update(innovation, variance, known & ~refused)
        if self._challenged or refused.any():
            self._challenge(frame, position, measurement, known, refused)

    def _challenge(
        self, frame: int, position: np.ndarray, measurement: np.ndarray, known: np.ndarray, refused: np.ndarray
    ) -> None:
        challenger = self._challenger
        challenger.predict()
        surprised = challenger.compare(position, measurement)[2] > self._limits[frame]
        anew = refused & ((self._since < 0) | (surprised & (challenger.seen >= self._order)))
        challenger.start(np.flatnonzero(anew))
        challenger.update(*challenger.compare(position, measurement)[:2], refused)
        self._since = np.where(anew, frame, np.where(known & ~refused, -1, self._since))
        late = np.flatnonzero((self._since >= 0) & (frame - self._since >= self._patience))
        late = late[challenger.seen[late] > self._order]
        for keypoint in late.tolist():
            start = int(self._since[keypoint])
            self.refused[start : frame + 1, keypoint] = False
            self.jumps[start, keypoint] = True
        for own, other in (
            (self._filter.state, challenger.state),
            (self._filter.covariance, challenger.covariance),
            (self._filter.seen, challenger.seen),
        ):
            own[..., late] = other[..., late]
        self._since[late] = -1
        self._challenged = bool((self._since >= 0).any())
