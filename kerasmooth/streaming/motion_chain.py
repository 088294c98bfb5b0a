"""Which cut-off a keypoint follows now, and how noisy it is: a hidden Markov chain for every level of the noise.

P people, G memories of the noise, M cut-offs, R noise levels, K keypoints: the last axis is the longest, which NumPy
is fast along.
"""

import numpy as np

from kerasmooth.streaming.motion_bank import MEMORIES

LEVELS = np.geomspace(1e-3, 0.25, 13)
"""Standard deviations of the noise that are compared, in person sizes, [R]."""
ALIKE = 0.25
"""Standard deviation of the logarithm of a keypoint's noise among those of the person."""
CHANGES = 0.1
"""How often a second the noise of a keypoint becomes any other."""
OUTLIER = 0.01
"""Density of outliers: one in a hundred measurements, within a circle of about a person's size."""
LASTING_PRICE, DEAREST = 2.0, 0.05
"""Noise that lasts explains motion too, the better the larger it is. It is believed if it makes every measurement more
likely by so much, in log likelihood, times its level, up to DEAREST: a sprint at 30 frames/s with white noise of 5 %
came out worse than it went in otherwise."""

VARIANCES = LEVELS**2
_LOG_OUTLIER = float(np.log(OUTLIER))
_NEAR = np.exp(-0.5 * (np.log(LEVELS[:, None] / LEVELS) / ALIKE) ** 2)
_NEAR /= _NEAR.sum(axis=0)
_NEAR_BACK = np.ascontiguousarray(_NEAR.T)
_PRICES = LASTING_PRICE * np.outer(np.array(MEMORIES) > 0, np.minimum(LEVELS, DEAREST))[:, :, None]
_PER_VARIANCE, _LOG_VARIANCES = -1 / VARIANCES[:, None], np.log(VARIANCES)[:, None]
_TINY = 1e-300


def log_densities(squares: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Log densities of a measurement (x and y) per area of a person's size, but for the factor 1 / (2 pi).

    Args:
      squares: [P, G, M, K], half the squared distance from where a model expects it, by the spread, in person sizes.
      spread: [P, G, M, K], variance of that distance along an axis in variances of the noise.

    Returns:
      [P, G, M, R, K].
    """
    result = squares[:, :, :, None] * _PER_VARIANCE
    result -= np.log(spread)[:, :, :, None] + _LOG_VARIANCES
    return result


def later_cutoffs(chain: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """The chain [P, G, M, R, K] when cut-offs have changed with probabilities [M, M]."""
    people, memories, count, levels, keypoints = chain.shape
    return (changes @ chain.reshape(people, memories, count, levels * keypoints)).reshape(chain.shape)


def judge(chain: np.ndarray, densities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chain [P, G, M, R, K] after a measurement of log `densities`, and the log density [P, G, R, K] of it."""
    top = densities.max(axis=2)
    densities -= top[:, :, None]
    joint = np.exp(densities, out=densities)
    joint *= chain
    total = np.maximum(joint.sum(axis=2), _TINY)
    joint /= total[:, :, None]
    return joint, np.log(total) + top


def later(evidence: np.ndarray, seconds: float) -> np.ndarray:
    """The log probabilities, but for a constant, of memory and level [P, G, R, K] of each keypoint's noise, later."""
    chances = np.exp(evidence - evidence.max(axis=(1, 2), keepdims=True))
    chances /= chances.sum(axis=(1, 2), keepdims=True)
    change = 1 - float(np.exp(-CHANGES * seconds))
    chances *= 1 - change
    chances += change / (chances.shape[1] * chances.shape[2])
    return np.log(chances)


def with_measurement(evidence: np.ndarray, log_density: np.ndarray) -> np.ndarray:
    """The same after a measurement of a log density [P, G, R, K]; that any may be an outlier bounds what one says."""
    return evidence + np.logaddexp(log_density, _LOG_OUTLIER) - _PRICES


def noise_levels(evidence: np.ndarray) -> np.ndarray:
    """Probabilities [P, G, R, K] of memory and level of each keypoint's noise, from the log probabilities of all.

    The keypoints of a person have the memory in common, and levels that are alike (ALIKE).
    """
    top = evidence.max(axis=2, keepdims=True)
    own = np.exp(evidence - top)
    common = np.log(_NEAR_BACK @ own + _TINY) + top
    # What the others say: no keypoint counts twice.
    others = common.sum(axis=3, keepdims=True) - common
    others = np.exp(others - others.max(axis=(1, 2), keepdims=True))
    own *= np.exp(top - top.max(axis=1, keepdims=True))
    result = own * (_NEAR @ others) + _TINY
    result /= result.sum(axis=(1, 2), keepdims=True)
    return np.asarray(result)


def cutoffs(noise: np.ndarray, chain: np.ndarray) -> np.ndarray:
    """Probabilities [P, G, M, K] of the cut-offs, given the noise [P, G, R, K] and the chain [P, G, M, R, K]."""
    return np.einsum("pgrk,pgmrk->pgmk", noise, chain)


def smooth_chain(chain: np.ndarray, later_fit: np.ndarray) -> np.ndarray:
    """Log probabilities [P, G, M, K], but for a constant, of the cut-offs at a frame, given L frames after it.

    A filter's estimate of that frame rests on its cut-off in all frames after it, so that one that does not fit them
    counts for nothing, although the keypoint may have followed it before.

    Args:
      chain: [P, G, M, K], given the frames until that one.
      later_fit: [L, P, G, M, K], log of how likely each frame after it is under each cut-off, by how likely to all.
    """
    return np.asarray(np.log(chain + _TINY) + later_fit.sum(axis=0))


def log_fit(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """How likely a frame was under each cut-off, from the probabilities after it and before: a logarithm."""
    return np.log(np.maximum(after, _TINY) / np.maximum(before, _TINY))
