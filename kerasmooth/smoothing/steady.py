"""Steadies a smoothed recording further, as far as nobody can tell the difference.

A detector's noise that hangs together over time has a slow part, and the likeliest estimate keeps it for motion: the
skeleton wanders. Where a stronger low-pass moves a keypoint by very little for a while, it is taken; where the person
moves fast the estimate stays as it is. White noise has no such part: there the estimate is trusted but for little.
"""

import numpy as np

from kerasmooth.filters.gaussian_filter import gaussian
from kerasmooth.filters.spline_filter import whittaker

CUTOFFS = (7.0, 4.5, 3.0, 2.0, 1.4, 1.0, 0.7)
"""Hz, tried one after the other."""
WINDOW_SECONDS = 0.25
"""How far a keypoint is moved is the root mean square over about so long."""
ORDER = 3
"""Of the low-pass: a steep one, that leaves motion below its cut-off as it is."""
UNSEEN = 0.02
"""Person sizes (lengths of a torso): moving a keypoint by less makes it no worse. People who annotate the same image
differ by more, 0.04 (eyes) to 0.16 (hips) by the constants of COCO's object keypoint similarity. Only for noise that is
correlated in time."""
UNSEEN_NOISE = 3.0
"""... and in deviations of the noise: in a recording that is more precise, small motions stay."""
NOISE_SHARE = 0.15
"""Of the deviation of the noise, whatever its kind: a keypoint may be moved by so much."""
LEAST_NOISE_CUTOFF = 1.4
"""Hz. Slower than this it may not: that would be motion."""


def steady(curve: np.ndarray, noise: np.ndarray, noise_memory: float, fps: float, strength: float = 1.0) -> np.ndarray:
    """Low-passes where that moves a keypoint by little.

    Args:
      curve: float64 [T, K, D] in person sizes.
      noise: [K], deviation of the noise of the measurements along one axis, in person sizes.
      noise_memory: seconds over which the noise hangs together; 0 is white noise.
      fps: frames per second.
      strength: divides all cut-offs.

    Returns:
      float64 [T, K, D].
    """
    start = curve
    unseen = np.minimum(UNSEEN, UNSEEN_NOISE * noise) if noise_memory > 0 else np.zeros_like(noise)
    for cutoff in CUTOFFS:
        if cutoff / strength >= 0.45 * fps:
            continue
        limit = np.maximum(unseen, NOISE_SHARE * noise) if cutoff >= LEAST_NOISE_CUTOFF else unseen
        steadier = whittaker(start, fps=fps, cutoff=cutoff / strength, order=ORDER).positions
        moved = np.mean((steadier - start) ** 2, axis=-1, keepdims=True)
        small = (_around(moved, fps)[..., 0] <= limit**2).astype(np.float64)
        blend = np.clip(_around(small[..., None], fps), 0, 1)
        curve = curve + blend * (steadier - curve)
    return curve


def _around(values: np.ndarray, fps: float) -> np.ndarray:
    """Mean over about WINDOW_SECONDS."""
    # 0.1325 is the product of a Gaussian's sigma and its cut-off, see `gaussian_filter.sigma_of`.
    return gaussian(values, fps=fps, cutoff=0.1325 / WINDOW_SECONDS, line=False).positions
