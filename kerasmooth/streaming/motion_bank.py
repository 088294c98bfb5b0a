"""The motions that a stream compares: keypoints that follow fast or slow, with noise that forgets or lasts."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm

SLOWEST = 0.3
"""Hz, the lowest cut-off."""
RATIO = 1.8
"""Between one cut-off and the next, up to the frame rate; the last is FREE times that: it follows whatever it sees."""
FREE = 4.0
MEMORIES = (0.0, 0.08)
"""Seconds after which noise has forgotten most of itself; 0 is white."""
LASTING = 0.99
"""The share of the variance of such noise that lasts; the rest is white."""
TO_NEIGHBOUR, TO_ANY = 1.0, 0.3
"""How often a second a keypoint changes to the next cut-off, and to any."""

PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
"""Rows and columns of a symmetric matrix of three states, in the order in which a covariance is kept."""
UNKNOWN = 1e7
"""Variance of what is not known yet, in variances of a measurement."""
_MOST_STEPS = 64


@dataclass(frozen=True, eq=False)
class Transition:
    """What happens between two frames, of B models (one after the other: memories [G], then cut-offs [M]).

    Attributes:
      states: [B, 3, 3], to place, velocity and noise.
      covariances: [B, 6, 6], to a covariance in the order of PAIRS.
      added: [B, 6, 1], to a covariance, in variances of a measurement.
      changes: [M, M], probability of each cut-off after each; symmetric.
    """

    states: np.ndarray
    covariances: np.ndarray
    added: np.ndarray
    changes: np.ndarray


class MotionBank:
    """Models of a keypoint: nearly constant velocity below a cut-off, and noise of a memory.

    A state is (place, velocity per frame, lasting noise); measured are place and both kinds of noise. Cut-offs are
    those of `filters.kalman`: ratios of how much the motion changes to how large the noise is.
    """

    def __init__(self, fps: float) -> None:
        count = max(int(np.ceil(np.log(fps / SLOWEST) / np.log(RATIO))), 1) + 1
        cutoffs = np.append(np.geomspace(min(SLOWEST, fps / 2), fps, count), FREE * fps)
        self._fps, self._drive = fps, (2 * np.pi * cutoffs / fps) ** 4
        self.num_cutoffs, self.size = len(cutoffs), len(MEMORIES) * len(cutoffs)
        lasting = np.where(np.array(MEMORIES) > 0, LASTING, 0.0)
        self.lasting = np.repeat(lasting, len(cutoffs))
        self.start = np.zeros((self.size, 6))
        self.start[:, 0] = self.start[:, 3] = UNKNOWN
        self.start[:, 5] = self.lasting
        self._transitions: dict[float, Transition] = {}

    def transition(self, step: float) -> Transition:
        """Over `step` frames."""
        step = round(step, 6)
        if step not in self._transitions:
            if len(self._transitions) >= _MOST_STEPS:
                self._transitions.clear()
            self._transitions[step] = self._made(step)
        return self._transitions[step]

    def _made(self, step: float) -> Transition:
        frames = np.repeat(np.array(MEMORIES) * self._fps, self.num_cutoffs)
        kept = np.where(frames > 0, np.exp(-step / np.maximum(frames, 1e-9)), 0.0)
        states = np.zeros((self.size, 3, 3))
        states[:, 0, 0] = states[:, 1, 1] = 1.0
        states[:, 0, 1], states[:, 2, 2] = step, kept
        covariances = np.zeros((self.size, 6, 6))
        for row, (i, j) in enumerate(PAIRS):
            for a in range(3):
                for b in range(3):
                    column = PAIRS.index((min(a, b), max(a, b)))
                    covariances[:, row, column] += states[:, i, a] * states[:, j, b]
        added = np.zeros((self.size, 6, 1))
        drive = np.tile(self._drive, len(MEMORIES))
        added[:, 0, 0], added[:, 1, 0], added[:, 3, 0] = drive * step**3 / 3, drive * step**2 / 2, drive * step
        added[:, 5, 0] = self.lasting * (1 - kept**2)
        return Transition(states, covariances, added, self._changes(step / self._fps))

    def _changes(self, seconds: float) -> np.ndarray:
        count = self.num_cutoffs
        rates = np.full((count, count), TO_ANY / (count - 1))
        rates += TO_NEIGHBOUR * (np.eye(count, k=1) + np.eye(count, k=-1))
        np.fill_diagonal(rates, 0.0)
        np.fill_diagonal(rates, -rates.sum(axis=1))
        return np.asarray(expm(rates * seconds))
