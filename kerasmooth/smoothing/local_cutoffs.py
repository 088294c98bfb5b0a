"""How fast each keypoint moves, frame by frame: the cut-off of its smoothing as a hidden Markov chain.

Every cut-off of a grid smooths the whole recording; how well each frame is predicted from the others, or, where the
noise is strong or lasts, from those before and from those after, is the evidence for its cut-off there. The cut-off
changes slowly along the recording, so that the forward-backward algorithm gives its distribution in every frame: low
while a limb rests, high while it kicks. What a keypoint is joined to moves with it, and is evidence for its cut-off as
well. Where noise is strong, what is fast for a keypoint is emphasised, so that short gestures survive.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpbtrf, dpbtrs
from scipy.ndimage import maximum_filter1d

from kerasmooth.filters.banded import difference_penalty, inverse_diagonals, stiffness_at
from kerasmooth.smoothing.noise_level import LEAST_NOISE, LOST_FRAMES, Noise, innovations

CLEAR, STRONG = 3, 2
"""Orders of the differences that a smooth motion keeps small: third ones, where they predict left out frames better;
second ones where the noise is strong, the recording short, or the noise lasts, which they tell best from motion."""
PREDICTED_SHARE = 0.5
"""Of the evidence where white noise is strong: of predictions from one side, which tell noise best; left out frames,
the other half, tell best where a movement begins."""
JOINED_SHARE, MOST_HEARD = 2.0, 1.0
"""What joined keypoints say on average is as much evidence as twice what a keypoint says itself; but a frame of theirs,
which may be an outlier, speaks against a cut-off by no more than a log likelihood of MOST_HEARD."""
SHARED_DEGREES = 20.0
"""Degrees of freedom for which the median of all keypoints' noise counts in that of each, and each in the median: a
short recording, or one of fast motion, tells little of a single keypoint's noise."""
LOWEST_CUTOFF, CUTOFF_RATIO = 0.15, 1.6
"""Hz. The grid ends at the frame rate itself, where everything passes."""
LEAST_CUTOFF_SHARE = 1 / 400
"""Of the frame rate: lower cut-offs make the system of third differences singular."""
NEIGHBOUR_RATE, JUMP_RATE = 1.0, 0.3
"""Changes a second to either neighbouring cut-off, and to any."""
NEAR_SECONDS = 0.06
"""To either side: a gesture is as fast there as where it is fastest."""
EMPHASIS, LASTING_EMPHASIS, MOST_EMPHASISED = 0.4, 1.3, 2.0
STRONG_NOISE, STRONG_LASTING_NOISE = 0.12, 0.075
"""How much faster motion than a keypoint's usual is emphasised where the noise is strong, white and lasting, at most by
a factor; less by the square of weaker noise (person sizes). Strong noise hides gestures: the mean cut-off is too low in
them, the more when it lasts."""
ITERATIONS = 3


@dataclass(frozen=True, eq=False)
class Fit:
    """What was found for K keypoints over T frames.

    Attributes:
      cutoff: [T, K], Hz, the mean over its distribution, emphasised where it is above the keypoint's median: a gesture
        that is smoothed away is a larger error than one that jitters.
      order: 2 or 3.
      deviation: [K], of a full measurement along an axis.
      at_limit: bool [K], whether the highest cut-off was the likeliest for most frames.
      log_likelihood: [K], of each keypoint's positions and of what those that it is joined to say of its cut-offs.
    """

    cutoff: np.ndarray
    order: int
    deviation: np.ndarray
    at_limit: np.ndarray
    log_likelihood: np.ndarray

    def of(self, keypoints: np.ndarray) -> "Fit":
        """Of some of the keypoints, by index."""
        values = (self.cutoff[:, keypoints], self.order, self.deviation[keypoints], self.at_limit[keypoints])
        return Fit(*values, self.log_likelihood[keypoints])


def cutoff_grid(fps: float) -> np.ndarray:
    """Hz, [M]."""
    lowest = max(LOWEST_CUTOFF, LEAST_CUTOFF_SHARE * fps)
    return np.geomspace(lowest, fps, max(round(math.log(fps / lowest) / math.log(CUTOFF_RATIO)) + 1, 2))


def fit_cutoffs(positions: np.ndarray, weights: np.ndarray, noise: Noise, fps: float, joined: np.ndarray) -> Fit:
    """The cut-off of every frame and the noise of every keypoint, by expectation maximisation.

    Args:
      positions: float64 [T, K, D], finite.
      weights: [T, K], one over the variance of each measurement, in those of a full one; 0 is none.
      noise: its memory, and bounds of its size.
      fps: frames per second.
      joined: bool [K, K], which keypoints a limb joins.
    """
    num_keypoints = positions.shape[1]
    cutoffs = cutoff_grid(fps)
    evidence = _evidence(positions - positions.mean(axis=0), weights, cutoffs, noise.memory, fps)
    most = np.maximum(noise.most, LEAST_NOISE) ** 2
    variances, costs = evidence.profile()
    variance = np.minimum(variances[costs.argmin(axis=0), np.arange(num_keypoints)], most)
    moves = _transitions(len(cutoffs), fps)
    shares = JOINED_SHARE * joined / np.maximum(joined.sum(axis=0), 1)
    for _ in range(ITERATIONS):
        own = -0.5 * (evidence.squares / variance + evidence.logs)
        others = np.maximum(own - own.max(axis=0), -MOST_HEARD) @ shares
        chances, likelihood = _chances(own + others, moves)
        likelihood -= 0.5 * evidence.degrees * np.log(variance)
        variance = np.clip(evidence.noise(chances), LEAST_NOISE**2, most)
    most, strong = (LASTING_EMPHASIS, STRONG_LASTING_NOISE) if noise.memory else (EMPHASIS, STRONG_NOISE)
    emphasis = most * min(float(np.median(variance)) / strong**2, 1.0)
    cutoff = emphasised(np.einsum("mtk,m->tk", chances, cutoffs), round(NEAR_SECONDS * fps), emphasis)
    at_limit = chances[-1].mean(axis=0) > 0.5
    return Fit(cutoff, evidence.order, np.sqrt(variance), at_limit, likelihood)


def emphasised(cutoff: np.ndarray, near: int, emphasis: float) -> np.ndarray:
    """Cut-offs [T, K] times a power of the highest one of `near` frames to either side over the keypoint's median, or
    times MOST_EMPHASISED if that is less.
    """
    highest = maximum_filter1d(cutoff, 2 * near + 1, axis=0)
    above = np.maximum(highest / np.median(cutoff, axis=0), 1.0)
    return cutoff * np.minimum(above**emphasis, MOST_EMPHASISED)


@dataclass(frozen=True, eq=False)
class _Evidence:
    """How far K keypoints are from what each of M cut-offs predicts.

    Attributes:
      order: of the differences.
      squares: [M, T, K], over all coordinates, in variances of the prediction when the noise is 1.
      logs: [M, T, K], of those variances.
      degrees: [K], terms that the sums over frames have.
      noise_degrees: [M, T, K], these by frame, times the share of the noise in the variance of a prediction.
    """

    order: int
    squares: np.ndarray
    logs: np.ndarray
    degrees: np.ndarray
    noise_degrees: np.ndarray

    def profile(self) -> tuple[np.ndarray, np.ndarray]:
        """[M, K] twice: the likeliest variance of the noise if the cut-off never changes, and -2 log likelihood."""
        variances = np.maximum(self.squares.sum(axis=1) / self.degrees, LEAST_NOISE**2)
        return variances, self.degrees * np.log(variances) + self.logs.sum(axis=1)

    def cost(self) -> float:
        """-2 log likelihood of the best constant cut-offs, over all keypoints."""
        return float(self.profile()[1].min(axis=0).sum())

    def blended(self, other: "_Evidence", share: float) -> "_Evidence":
        """Of the same order: the mean, in which the other counts for a share of 0 to 1."""
        names = ("squares", "logs", "degrees", "noise_degrees")
        return _Evidence(
            self.order, *((1 - share) * getattr(self, name) + share * getattr(other, name) for name in names)
        )

    def noise(self, chances: np.ndarray) -> np.ndarray:
        """[K]: the variance of each keypoint's noise, given the probabilities of the cut-offs [M, T, K].

        It is drawn towards the median of all keypoints, the more, the less has been seen of its noise: what moves fast
        hides it.
        """
        variances = np.einsum("mtk,mtk->k", chances, self.squares) / self.degrees
        degrees = np.einsum("mtk,mtk->k", chances, self.noise_degrees)
        median = np.quantile(variances, 0.5, weights=degrees + SHARED_DEGREES, method="inverted_cdf")
        return np.asarray((degrees * variances + SHARED_DEGREES * median) / (degrees + SHARED_DEGREES))


def _evidence(values: np.ndarray, weights: np.ndarray, cutoffs: np.ndarray, memory: float, fps: float) -> _Evidence:
    """For values [T, K, D] of weights [T, K], in the order that suits them."""
    frames, num_keypoints, dimensions = values.shape
    flat = np.ascontiguousarray(values.reshape(frames, -1))

    def evidence(order: int, squares: np.ndarray, logs: np.ndarray, predictions: np.ndarray) -> _Evidence:
        of_keypoints = squares.reshape(len(cutoffs), frames, num_keypoints, dimensions).sum(axis=3) * weights
        known = weights > 0
        terms = dimensions * known * predictions[:, None]
        logs = logs[:, :, None]
        degrees = np.maximum(terms.sum(axis=0), 1.0)
        noise_degrees = np.minimum(np.exp(-logs), 1.0) * terms
        return _Evidence(order, of_keypoints, dimensions * logs * known, degrees, noise_degrees)

    if not memory:
        clear, strong = (
            evidence(order, *_left_out(flat, cutoffs, fps, order), np.ones(frames)) for order in (CLEAR, STRONG)
        )
        if clear.cost() < strong.cost():
            return clear
    ahead = evidence(STRONG, *innovations(flat, cutoffs, memory, fps, STRONG), _seen_from_both_sides(frames))
    return ahead if memory else strong.blended(ahead, PREDICTED_SHARE)


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


def _chances(log_likelihoods: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward-backward: [M, T, K] -> the probability of every state in every frame, [M, T, K], and the log likelihood
    of the whole, [K].
    """
    top = log_likelihoods.max(axis=0)
    likelihoods = np.exp(log_likelihoods - top).swapaxes(0, 1)
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
    return ahead.swapaxes(0, 1), (top + np.log(sums[:, 0])).sum(axis=0)
