"""Which cut-off a keypoint follows now, and how noisy it is: a hidden Markov chain for every level of the noise.

P people, K keypoints, G memories of the noise, R noise levels, M cut-offs.
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
_LOG_OUTLIER, _LOG_VARIANCES = float(np.log(OUTLIER)), np.log(VARIANCES)
_NEAR = np.exp(-0.5 * (np.log(LEVELS[:, None] / LEVELS) / ALIKE) ** 2)
_NEAR /= _NEAR.sum(axis=0)
_PRICES = LASTING_PRICE * np.outer(np.array(MEMORIES) > 0, np.minimum(LEVELS, DEAREST))
_TINY = 1e-300


def log_densities(squares: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Log densities of a measurement (x and y) per area of a person's size, but for the factor 1 / (2 pi).

    Args:
      squares: [P, K, G, M], half the squared distance from where a model expects it, by the spread, in person sizes.
      spread: [P, K, G, M], variance of that distance along an axis in variances of the noise.

    Returns:
      [P, K, G, R, M].
    """
    result = squares[:, :, :, None] / -VARIANCES[:, None]
    result -= np.log(spread)[:, :, :, None]
    result -= _LOG_VARIANCES[:, None]
    return result


def judge(chain: np.ndarray, densities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The chain [P, K, G, R, M] after a measurement of log `densities`, and the log density [P, K, G, R] of it."""
    top = densities.max(axis=-1)
    densities -= top[..., None]
    joint = np.exp(densities, out=densities)
    joint *= chain
    total = np.maximum(joint.sum(axis=-1), _TINY)
    joint /= total[..., None]
    return joint, np.log(total) + top


def later(evidence: np.ndarray, seconds: float) -> np.ndarray:
    """The log probabilities, but for a constant, of memory and level [P, K, G, R] of each keypoint's noise, later."""
    chances = np.exp(evidence - evidence.max(axis=(2, 3), keepdims=True))
    chances /= chances.sum(axis=(2, 3), keepdims=True)
    change = 1 - float(np.exp(-CHANGES * seconds))
    chances *= 1 - change
    chances += change / (chances.shape[2] * chances.shape[3])
    return np.log(chances)


def with_measurement(evidence: np.ndarray, log_density: np.ndarray) -> np.ndarray:
    """The same after a measurement of a log density [P, K, G, R]; that any may be an outlier bounds what one says."""
    return evidence + np.logaddexp(log_density, _LOG_OUTLIER) - _PRICES


def noise_levels(evidence: np.ndarray) -> np.ndarray:
    """Probabilities [P, K, G, R] of memory and level of each keypoint's noise, from the log probabilities of all.

    The keypoints of a person have the memory in common, and levels that are alike (ALIKE).
    """
    top = evidence.max(axis=-1, keepdims=True)
    own = np.exp(evidence - top)
    common = np.log(own @ _NEAR + _TINY) + top
    # What the others say: no keypoint counts twice.
    others = common.sum(axis=1, keepdims=True) - common
    others = np.exp(others - others.max(axis=(2, 3), keepdims=True))
    result = np.exp(evidence - evidence.max(axis=(2, 3), keepdims=True)) * (others @ _NEAR.T) + _TINY
    result /= result.sum(axis=(2, 3), keepdims=True)
    return np.asarray(result)


def smooth_chain(past_chain: np.ndarray, past_fit: np.ndarray) -> np.ndarray:
    """Probabilities [P, K, G, M] of the cut-offs at the first of L + 1 frames, given those after it.

    A filter's estimate of that frame rests on its cut-off in all frames after it, so that one that does not fit them
    counts for nothing, although the keypoint may have followed it before.

    Args:
      past_chain: [L + 1, P, K, G, M], given the frames until each.
      past_fit: [L + 1, P, K, G, M], how likely each frame is under each cut-off, by any factor.
    """
    result = past_chain[0]
    for fit in past_fit[1:]:
        result = result * fit
        result /= np.maximum(result.max(axis=-1, keepdims=True), _TINY)
    result = result + _TINY
    result /= result.sum(axis=-1, keepdims=True)
    return np.asarray(result)
