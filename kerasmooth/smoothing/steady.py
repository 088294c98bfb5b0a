"""Steadies a smoothed recording further, as far as nobody can tell the difference.

A detector's noise that hangs together over time has a slow part, and the likeliest estimate keeps it for motion: the
skeleton wanders. Where a stronger low-pass moves a keypoint by very little for a while, it is taken; where the person
moves fast the estimate stays as it is, and where the measurements hardly jitter, too. White noise has no such part:
there the estimate is trusted but for little.
"""

import numpy as np

from kerasmooth.filters.gaussian_filter import gaussian
from kerasmooth.filters.spline_filter import whittaker

CUTOFFS = (7.0, 4.5, 3.0, 2.0, 1.4, 1.0, 0.7)
"""Hz, tried one after the other."""
WINDOW_SECONDS = 0.25
"""How far a keypoint is moved is the root mean square over about so long."""
UNSEEN = 0.0225
"""Person sizes (lengths of a torso): what steadiness may cost in accuracy. People who annotate the same image differ by
more, 0.04 (eyes) to 0.16 (hips) by the constants of COCO's object keypoint similarity. Only for noise that is
correlated in time."""
UNSEEN_NOISE = 2.5
"""... and in deviations of the noise: in a recording that is more precise, small motions stay."""
CALM, JITTERY = 1.25, 2.5
"""Times that the measurements accelerate as much as the estimate: up to the first, nobody sees a jitter that would be
worth moving anything; from the second on, all that is allowed is used."""
SLOW, FAST = 1.0, 1.5
"""Person sizes a second: up to the first a jitter is seen; from the second on it is not, and a low-pass would cut the
motion short."""
SPEED_SECONDS, SPEED_CUTOFF = 1.0, 2.0
"""The speed is the root mean square over about so long, of the motion below so many Hz."""
NOISE_SHARE = 0.07
"""Of the deviation of the noise, whatever its kind: a keypoint may be moved by so much."""
LEAST_NOISE_CUTOFF = 1.4
"""Hz. Slower than this it may not: that would be motion."""
TINY = 1e-12
"""Instead of a divisor of 0."""


def steady(
    curve: np.ndarray, noise: np.ndarray, noise_memory: float, jitter: np.ndarray, fps: float, strength: float = 1.0
) -> np.ndarray:
    """Low-passes where that moves a keypoint by little, as far as it is allowed.

    Args:
      curve: float64 [T, K, D] in person sizes.
      noise: [K], deviation of the noise of the measurements along one axis, in person sizes.
      noise_memory: seconds over which the noise hangs together; 0 is white noise.
      jitter: [K], of the measurements, see `relative_jitter`.
      fps: frames per second.
      strength: divides all cut-offs.

    Returns:
      float64 [T, K, D].
    """
    start, moved_before = curve, np.zeros(curve.shape[:2])
    unseen = _unseen(curve, noise, jitter, fps) if noise_memory > 0 else np.zeros_like(noise)
    for cutoff in CUTOFFS:
        if cutoff / strength >= 0.45 * fps:
            continue
        limit = np.maximum(unseen, NOISE_SHARE * noise) if cutoff >= LEAST_NOISE_CUTOFF else unseen
        steadier = whittaker(start, fps=fps, cutoff=cutoff / strength).positions
        moved = np.sqrt(_around(np.mean((steadier - start) ** 2, axis=-1), WINDOW_SECONDS, fps))
        # Of a step that goes too far, as much as leads to the limit.
        share = np.clip((limit - moved_before) / np.maximum(moved - moved_before, TINY), 0, 1)
        blend = np.clip(_around(np.where(moved <= limit, 1.0, share), WINDOW_SECONDS, fps), 0, 1)[..., None]
        curve = curve + blend * (steadier - curve)
        moved_before = moved
    return curve


def relative_jitter(measured: np.ndarray, curve: np.ndarray, known: np.ndarray) -> np.ndarray:
    """How many times as much the measurements accelerate as the curve, [K]; 0 where that cannot be told.

    Args:
      measured, curve: [T, K, D].
      known: bool [T, K], what was measured.
    """
    judged = known[2:] & known[1:-1] & known[:-2]
    before, after = (
        np.sum(judged * np.linalg.norm(np.diff(a, n=2, axis=0), axis=-1), axis=0) for a in (measured, curve)
    )
    return before / np.maximum(after, TINY)


def _unseen(curve: np.ndarray, noise: np.ndarray, jitter: np.ndarray, fps: float) -> np.ndarray:
    """How far a keypoint may be moved where the noise is correlated in time, [T, K]."""
    motion = whittaker(curve, fps=fps, cutoff=min(SPEED_CUTOFF, 0.45 * fps)).positions
    squares = np.sum((np.diff(motion, axis=0, append=motion[-1:]) * fps) ** 2, axis=-1)
    speed = np.sqrt(_around(squares, SPEED_SECONDS, fps))
    visible = _falling(speed, SLOW, FAST) * (1 - _falling(jitter, CALM, JITTERY))
    return visible * np.minimum(UNSEEN, UNSEEN_NOISE * noise)


def _falling(values: np.ndarray, start: float, end: float) -> np.ndarray:
    """1 up to `start`, 0 from `end` on."""
    return np.clip((end - values) / (end - start), 0, 1)


def _around(values: np.ndarray, seconds: float, fps: float) -> np.ndarray:
    """Mean of values [T, K] over about so long; not below 0."""
    # 0.1325 is the product of a Gaussian's sigma and its cut-off, see `gaussian_filter.sigma_of`.
    means = gaussian(values[..., None], fps=fps, cutoff=0.1325 / seconds, line=False).positions[..., 0]
    return np.maximum(means, 0.0)
