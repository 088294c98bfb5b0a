"""Gates of a Kalman filter: measurements that its prediction makes improbable are not let in."""

import numpy as np
from scipy.special import chdtri

from kerasmooth.filters.kalman_passes import DIFFUSE, PROCESS_NOISE, TRANSITION

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
        self._order, self._limit, self._variances = order, limit, np.maximum(variances, 1e-300)
        self._patience = max(round(PATIENCE_SECONDS * fps), order)
        self._noise = np.tile(ratios, 2)[:, None, None] * PROCESS_NOISE[order]
        # The filter's keypoints first, then the challenger's.
        self._state = np.zeros((2 * count, order, dimensions))
        self._covariance = np.tile(np.eye(order) * DIFFUSE, (2 * count, 1, 1))
        self._seen, self._since = np.zeros(2 * count, np.int64), np.full(count, -1)
        with np.errstate(divide="ignore"):
            measurement = 1 / weights
        for frame in range(len(positions)):
            self._step(frame, positions[frame], measurement[frame])

    def _step(self, frame: int, position: np.ndarray, measurement: np.ndarray) -> None:
        """Lets the frame's positions [K, D] of variances [K], in those of a full measurement, in or not."""
        count, known = len(position), np.isfinite(measurement)
        transition = TRANSITION[self._order]
        if frame:
            self._state = transition @ self._state
            self._covariance = transition @ self._covariance @ transition.T + self._noise
        innovation = np.concatenate([position, position]) - self._state[:, 0]
        variance = self._covariance[:, 0, 0] + np.concatenate([measurement, measurement])
        surprise = np.sum(innovation**2, axis=1) / variance > self._limit * np.tile(self._variances[frame], 2)
        surprise &= self._seen >= self._order
        judged = known & (self._seen[:count] >= self._order)
        refused = judged & surprise[:count]
        self.judged[frame], self.refused[frame] = judged, refused
        anew = refused & ((self._since < 0) | surprise[count:])
        self._start(count + np.flatnonzero(anew))
        if anew.any():
            innovation[count:][anew] = position[anew]
            variance[count:][anew] = DIFFUSE + measurement[anew]
        self._since = np.where(anew, frame, np.where(known & ~refused, -1, self._since))
        taken = np.concatenate([known & ~refused, refused])
        gain = np.where(taken[:, None], self._covariance[:, :, 0] / variance[:, None], 0.0)
        self._state = self._state + gain[:, :, None] * innovation[:, None]
        self._covariance = self._covariance - gain[:, :, None] * self._covariance[:, :1]
        self._seen += taken
        self._take_over(frame, count)

    def _start(self, rows: np.ndarray) -> None:
        self._state[rows], self._seen[rows] = 0.0, 0
        self._covariance[rows] = np.eye(self._order) * DIFFUSE

    def _take_over(self, frame: int, count: int) -> None:
        late = np.flatnonzero((self._since >= 0) & (frame - self._since >= self._patience))
        late = late[self._seen[count + late] > self._order]
        for keypoint in late.tolist():
            start = int(self._since[keypoint])
            self.refused[start : frame + 1, keypoint] = False
            self.jumps[start, keypoint] = True
        for values in (self._state, self._covariance, self._seen):
            values[late] = values[count + late]
        self._since[late] = -1
