"""Steadiness that is paid for: a stronger low-pass wherever it moves a keypoint by no more than is allowed."""

import numpy as np

from kerasmooth.filters.gaussian_filter import gaussian
from kerasmooth.filters.spline_filter import whittaker

CUTOFFS = (7.0, 4.5, 3.0, 2.0, 1.4, 1.0, 0.7)
"""Hz, tried one after the other."""
WINDOW_SECONDS = 0.25
"""How far a keypoint is moved is the root mean square over about so long."""
MOST = 0.05
"""Person sizes (lengths of a torso) that a steadiness of 1 allows."""
TINY = 1e-12
"""Instead of a divisor of 0."""


def steady(curve: np.ndarray, steadiness: float, fps: float) -> np.ndarray:
    """Low-passes as far as no keypoint is moved by more than `steadiness` times MOST.

    Args:
      curve: float64 [T, K, D] in person sizes.
      steadiness: 0 to 1.
      fps: frames per second.

    Returns:
      float64 [T, K, D].
    """
    start, limit = curve, steadiness * MOST
    moved_before = np.zeros(curve.shape[:2])
    for cutoff in CUTOFFS:
        if cutoff >= 0.45 * fps:
            continue
        steadier = whittaker(start, fps=fps, cutoff=cutoff).positions
        moved = np.sqrt(_around(np.mean((steadier - start) ** 2, axis=-1), fps))
        # Of a step that goes too far, as much as leads to the limit.
        share = np.clip((limit - moved_before) / np.maximum(moved - moved_before, TINY), 0, 1)
        blend = np.clip(_around(np.where(moved <= limit, 1.0, share), fps), 0, 1)[..., None]
        curve = curve + blend * (steadier - curve)
        moved_before = moved
    return curve


def _around(values: np.ndarray, fps: float) -> np.ndarray:
    """Mean of values [T, K] over about WINDOW_SECONDS; not below 0."""
    # 0.1325 is the product of a Gaussian's sigma and its cut-off, see `gaussian_filter.sigma_of`.
    means = gaussian(values[..., None], fps=fps, cutoff=0.1325 / WINDOW_SECONDS, line=False).positions[..., 0]
    return np.maximum(means, 0.0)
