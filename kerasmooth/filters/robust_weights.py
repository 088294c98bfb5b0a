"""Weights against heavy tails: Student's t, its degrees of freedom fitted."""

import numpy as np
from scipy.special import gammaln

DEGREES = (3.0, 4.0, 6.0, 10.0, 20.0, 50.0)
NORMAL = 50.0
"""From so many degrees of freedom on the tails are those of the normal distribution, and nothing is weighed down."""
LEAST_EVIDENCE = 6.0
"""Difference of the log likelihoods from which on tails are heavy: in a short recording they may seem so by chance."""
LEAST_SAMPLES = 20
MOST_SAMPLES = 4000
_STEPS = 20


def robust_weights(squares: np.ndarray, known: np.ndarray, dimensions: int) -> np.ndarray:
    """Weights in 0..1 of iteratively reweighted least squares.

    Args:
      squares: [T, K], squared residuals over `dimensions` coordinates, in variances.
      known: bool [T, K], which to learn from.
      dimensions: coordinates of a keypoint.

    Reference: Lange, Little, Taylor, Robust Statistical Modeling Using the t Distribution, JASA 1989.
    """
    sample = squares[known]
    if len(sample) < LEAST_SAMPLES:
        return np.ones_like(squares)
    sample = sample[:: -(-len(sample) // MOST_SAMPLES)]
    degrees, scale = _fit(sample, dimensions)
    if degrees >= NORMAL or scale <= 0:
        return np.ones_like(squares)
    return np.minimum((degrees + dimensions) / (degrees + squares / scale), 1.0)


def _fit(squares: np.ndarray, dimensions: int) -> tuple[float, float]:
    """Degrees of freedom and scale (of a variance) of the largest likelihood."""
    degrees = np.array(DEGREES)[:, None]
    scale = np.full_like(degrees, max(float(np.median(squares)) / dimensions, 1e-12))
    for _ in range(_STEPS):
        pull = (degrees + dimensions) / (degrees + squares / scale)
        scale = np.maximum(np.mean(pull * squares, axis=1, keepdims=True) / dimensions, 1e-300)
    fit = gammaln((degrees + dimensions) / 2) - gammaln(degrees / 2) - dimensions / 2 * np.log(degrees * scale)
    tails = (degrees + dimensions) / 2 * np.log1p(squares / scale / degrees)
    likelihoods = len(squares) * (fit[:, 0] - tails.mean(axis=1))
    best = int(np.argmax(likelihoods))
    if likelihoods[best] < likelihoods[-1] + LEAST_EVIDENCE:
        best = len(DEGREES) - 1
    return float(degrees[best, 0]), float(scale[best, 0])
