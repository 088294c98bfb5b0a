"""How fast each keypoint moves, frame by frame: the cut-off of its smoothing as a hidden Markov chain.

Every cut-off of a grid smooths the whole recording; how well each frame is predicted from the others (white noise), or
from those before and after (correlated noise), is the evidence for its cut-off there. The cut-off changes slowly along
the recording, so that the forward-backward algorithm gives its distribution in every frame: low while a limb rests,
high while it kicks.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpbtrf, dpbtrs

from kerasmooth.filters.banded import difference_penalty, inverse_diagonals, stiffness_at
from kerasmooth.smoothing.noise_level import LEAST_NOISE, LOST_FRAMES, Noise, innovations

ORDERS = {"white": 3, "correlated": 2}
"""Of the differences that a smooth motion keeps small; where the noise lasts, second ones tell the two apart best."""
LOWEST_CUTOFF, CUTOFF_RATIO = 0.15, 1.6
"""Hz. The grid ends at the frame rate itself, where everything passes."""
LEAST_CUTOFF_SHARE = 1 / 400
"""Of the frame rate: lower cut-offs make the system of third differences singular."""
NEIGHBOUR_RATE, JUMP_RATE = 1.0, 0.3
"""Changes a second to either neighbouring cut-off, and to any."""
ITERATIONS = 3


@dataclass(frozen=True, eq=False)
class Fit:
    """What was found for K keypoints over T frames.

    Attributes:
      log_stiffness: [T, K], of the penalty on differences of that order.
      cutoff: [T, K], Hz, geometric mean.
      order: 2 or 3.
      deviation: [K], of a full measurement along an axis.
      at_limit: bool [K], whether the highest cut-off was the likeliest for most frames.
    """

    log_stiffness: np.ndarray
    cutoff: np.ndarray
    order: int
    deviation: np.ndarray
    at_limit: np.ndarray


def cutoff_grid(fps: float) -> np.ndarray:
    """Hz, [M]."""
    lowest = max(LOWEST_CUTOFF, LEAST_CUTOFF_SHARE * fps)
    return np.geomspace(lowest, fps, max(round(math.log(fps / lowest) / math.log(CUTOFF_RATIO)) + 1, 2))


def fit_stiffness(positions: np.ndarray, weights: np.ndarray, noise: Noise, fps: float) -> Fit:
    """The stiffness of every frame and the noise of every keypoint, by expectation maximisation.

    Args:
      positions: float64 [T, K, D], finite.
      weights: [T, K], one over the variance of each measurement, in those of a full one; 0 is none.
      noise: its memory, and bounds of its size.
      fps: frames per second.
    """
    frames, num_keypoints, dimensions = positions.shape
    order = ORDERS["correlated" if noise.memory else "white"]
    cutoffs = cutoff_grid(fps)
    values = (positions - positions.mean(axis=0)).reshape(frames, -1)
    evidence = (
        innovations(values, cutoffs, noise.memory, fps) if noise.memory else _left_out(values, cutoffs, fps, order)
    )
    squares = evidence[0].reshape(len(cutoffs), frames, num_keypoints, dimensions).sum(axis=3) * weights
    known = weights > 0
    logs = dimensions * evidence[1][:, :, None] * known
    counted = known * (_seen_from_both_sides(frames)[:, None] if noise.memory else 1.0)
    degrees = np.maximum(dimensions * counted.sum(axis=0), 1.0)
    most = np.maximum(noise.most, LEAST_NOISE) ** 2
    variances = np.maximum(squares.sum(axis=1) / degrees, LEAST_NOISE**2)
    best = (degrees * np.log(variances) + logs.sum(axis=1)).argmin(axis=0)
    variance = np.minimum(variances[best, np.arange(num_keypoints)], most)
    moves = _transitions(len(cutoffs), fps)
    for _ in range(ITERATIONS):
        chances = _chances(-0.5 * (squares / variance + logs), moves)
        found = np.einsum("mtk,mtk->k", chances, squares) / degrees
        variance = np.clip(found, LEAST_NOISE**2, most)
    log_stiffness = np.einsum("mtk,m->tk", chances, np.log(stiffness_at(cutoffs, fps, order)))
    cutoff = np.exp(np.einsum("mtk,m->tk", chances, np.log(cutoffs)))
    at_limit = chances[-1].mean(axis=0) > 0.5
    return Fit(log_stiffness, cutoff, order, np.sqrt(variance), at_limit)


def _left_out(values: np.ndarray, cutoffs: np.ndarray, fps: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Squares [M, T, C] of how far each value is from what all others predict, and logs of their variances [M, T].

    Both follow from the smoother's curve and leverages (the leave-one-out formula of Craven and Wahba, 1979).
    """
    right = np.asfortranarray(values)
    squares, factors = np.empty((len(cutoffs), *values.shape)), []
    for model, stiffness in enumerate(stiffness_at(cutoffs, fps, order)):
        bands = stiffness * difference_penalty(len(values), order)
        bands[0] += 1
        factors.append(dpbtrf(bands, lower=1)[0])
        squares[model] = (values - dpbtrs(factors[-1], right, lower=1)[0]) ** 2
    left = np.maximum(1 - inverse_diagonals(np.stack(factors)), 1e-12)
    squares /= left[:, :, None]
    return squares, -np.log(left)


def _seen_from_both_sides(frames: int) -> np.ndarray:
    """[T]: 1, and a half where only one direction predicts."""
    seen = np.zeros(frames)
    seen[LOST_FRAMES:] += 0.5
    seen[: max(frames - LOST_FRAMES, 0)] += 0.5
    return seen


def _transitions(count: int, fps: float) -> np.ndarray:
    """[M, M]: chances to go from one cut-off to another within a frame."""
    moves = np.full((count, count), JUMP_RATE / count)
    beside = np.abs(np.subtract.outer(np.arange(count), np.arange(count))) == 1
    moves[beside] += NEIGHBOUR_RATE
    np.fill_diagonal(moves, 0.0)
    moves /= np.maximum(fps, 2 * moves.sum(axis=1, keepdims=True))
    np.fill_diagonal(moves, 1 - moves.sum(axis=1))
    return moves


def _chances(log_likelihoods: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Forward-backward: [M, T, K] -> the probability of every state in every frame, [M, T, K]."""
    likelihoods = np.exp(log_likelihoods - log_likelihoods.max(axis=0)).swapaxes(0, 1)
    ahead = np.empty_like(likelihoods)
    sums = np.empty((likelihoods.shape[0], 1, likelihoods.shape[2]))
    state = np.full(likelihoods.shape[1:], 1 / len(moves))
    forwards = np.ascontiguousarray(moves.T)
    for frame, likelihood in enumerate(likelihoods):
        state = np.dot(forwards, state) * likelihood
        sums[frame] = state.sum(axis=0)
        state /= sums[frame]
        ahead[frame] = state
    state = np.ones_like(state)
    scaled = likelihoods / sums
    for frame in range(len(likelihoods) - 2, -1, -1):
        state = np.dot(moves, scaled[frame + 1] * state)
        ahead[frame] *= state
    return ahead.swapaxes(0, 1)
