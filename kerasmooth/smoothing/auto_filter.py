"""The smoother that chooses by itself: a smoothing spline whose stiffness changes along the recording.

1. What the keypoints of a person do not do together tells how large the detector's noise is and how long it lasts
   (`noise_level`).
2. What they all do together, such as swaying or being filmed by a camera that moves, is taken off those that rest
   without it (`common_motion`).
3. How well every frame is predicted tells how fast each keypoint moves there, and how noisy it is
   (`local_cutoffs`).
4. The least squares curve of that local stiffness is the estimate (`local_spline`); a measurement counts by its
   confidence, and by how heavy the tails of the noise are where it lies far out (Student's t, reweighted once).
   The inverse of the same system is the variance.
5. A keypoint whose noise and motion look alike stays as it was measured. Where all do as noise seems to last, it is
   taken for white.
"""

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np

from kerasmooth.filters.base import Filtered
from kerasmooth.filters.robust_weights import robust_weights
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.common_motion import common_motion
from kerasmooth.smoothing.local_cutoffs import STRONG, fit_cutoffs
from kerasmooth.smoothing.local_spline import smoothed
from kerasmooth.smoothing.noise_level import Noise, estimate_noise

LEAST_KNOWN = 4
"""Measurements that a keypoint needs; with fewer it stays as it is."""
LEAST_GAIN = 0.05
"""Share by which the deviation must fall, or a keypoint stays as it was measured."""
LASTING_SHARE, CORRELATED_DOUBT, STRONG_DOUBT, CLEAR_DOUBT = 0.8, 1.78, 1.2, 0.97
"""Chosen on generated motion such that 60 to 80 % of all errors are within one deviation and 90 to 98 % within two: of
the noise that is seen where the person does not move, and, as the memory of the noise is itself uncertain, of all where
it seems to be correlated, where it is strong and only seems to be white, and where it is clearly white."""
WINDOW_SECONDS = 20.0
OVERLAP_SECONDS = 2.0
LEAST_TRUST, LEAST_PULL = 1e-3, 0.2
"""Of a measurement that lies far out: as evidence of how fast the keypoint moves, and in the curve. It is no outlier,
or it would have been rejected: a fast movement must not be smoothed away for being rare."""


@dataclass(frozen=True, eq=False)
class _Window:
    """The result of one window: curve [T, K, D], deviation [T, K] and, by name, what was chosen per keypoint [K]."""

    curve: np.ndarray
    deviation: np.ndarray
    chosen: dict[str, np.ndarray]


def auto(
    positions: np.ndarray,
    weights: np.ndarray,
    known: np.ndarray,
    fps: float,
    strength: float = 1.0,
    memory: float = 0.0,
    joined: np.ndarray | None = None,
) -> Filtered:
    """Smooths one person, whose keypoints help each other.

    Args:
      positions: float64 [T, K, D] in person sizes, finite.
      weights: [T, K] in 0..1; 0 where not known.
      known: bool [T, K].
      fps: frames per second.
      strength: divides all cut-offs.
      memory: seconds for which the detector's noise lasts, where the recording is too short to tell.
      joined: bool [K, K], which keypoints a limb joins; by default none.

    Returns:
      Filtered with the posterior deviation [T, K] and, in `notes`, per keypoint the `method` ("spline", or "none" where
      it stayed as it was), the `cutoff` in Hz (geometric mean over time), the `noise` in units of the positions, its
      `noise_memory` in seconds, and `limited`: whether the highest cut-off was the likeliest most of the time.
    """
    frames, num_keypoints, _ = positions.shape
    result = np.array(positions)
    deviation = np.full((frames, num_keypoints), np.nan)
    notes: dict[str, np.ndarray] = {
        name: np.full(num_keypoints, np.nan) for name in ("cutoff", "noise", "noise_memory")
    }
    notes |= {"method": np.full(num_keypoints, "none", object), "limited": np.zeros(num_keypoints, bool)}
    used = np.flatnonzero(known.sum(axis=0) >= LEAST_KNOWN)
    limbs = np.zeros((num_keypoints, num_keypoints), bool) if joined is None else joined
    for first, end, fade_in in _windows(frames, fps) if len(used) else []:
        part = np.ix_(np.arange(first, end), used)
        window = _smooth_window(positions[part], weights[part], fps, strength, memory, limbs[np.ix_(used, used)])
        ramp = np.minimum((np.arange(end - first) + 1) / (fade_in + 1), 1.0)[:, None, None]
        result[part] = ramp * window.curve + (1 - ramp) * result[part] if fade_in else window.curve
        deviation[part] = window.deviation
        for name, values in window.chosen.items():
            notes[name][used] = values
    return Filtered(result, deviation, notes)


def _windows(frames: int, fps: float) -> list[tuple[int, int, int]]:
    """(first, end, frames to fade in) of windows that cover all frames."""
    size, overlap = max(int(WINDOW_SECONDS * fps), 64), max(int(OVERLAP_SECONDS * fps), 8)
    if frames <= size + overlap:
        return [(0, frames, 0)]
    count = -(-(frames - overlap) // size)
    bounds = np.linspace(0, frames - overlap, count + 1).astype(int)
    return [(int(a), int(b) + overlap, 0 if a == 0 else overlap) for a, b in itertools.pairwise(bounds)]


def _smooth_window(
    positions: np.ndarray, weights: np.ndarray, fps: float, strength: float, memory: float, joined: np.ndarray
) -> _Window:
    known = weights > 0
    filled = gaps.interpolate(positions, known)
    noise = estimate_noise(filled, known, fps, memory)
    if not noise.memory:
        return _smooth_noisy(positions, filled, weights, noise, fps, strength, joined)
    window = _smooth_noisy(positions, filled, weights, noise, fps, strength, joined, CORRELATED_DOUBT)
    if (window.chosen["method"] != "none").any():
        return window
    # Fast motion looks like noise that lasts, of which nothing can be taken away; of white noise something can.
    white = dataclasses.replace(noise, memory=0.0)
    return _smooth_noisy(positions, filled, weights, white, fps, strength, joined, CORRELATED_DOUBT)


def _smooth_noisy(
    positions: np.ndarray,
    filled: np.ndarray,
    weights: np.ndarray,
    noise: Noise,
    fps: float,
    strength: float,
    joined: np.ndarray,
    doubt: float = CLEAR_DOUBT,
) -> _Window:
    """Smooths a window of this noise, whose deviations are in doubt by a factor of at least `doubt`."""
    known = weights > 0
    # In units in which the noise is the same along every axis.
    positions, filled = positions / noise.axes, filled / noise.axes
    common, fit = common_motion(filled, weights, noise, fps, joined)
    positions = positions - common
    curve, _ = smoothed(positions, weights, fit, noise.memory, fps, variances=False)
    distances = weights * np.sum((positions - curve) ** 2, axis=-1) / fit.deviation**2
    trust = np.maximum(robust_weights(distances, known, positions.shape[2]), LEAST_TRUST)
    # What is pulled towards the curve by its trust is as much nearer to it.
    pulled = curve + np.where(known, trust, 0.0)[..., None] * (positions - curve)
    fit = fit_cutoffs(pulled, weights / trust, noise, fps, joined)
    pull = weights * np.maximum(trust, LEAST_PULL)
    curve, variance = smoothed(positions, pull, fit, noise.memory, fps, strength)
    # What lasts was taken for motion, and is in the curve.
    lasting = np.maximum((LASTING_SHARE * noise.whole) ** 2 - fit.deviation**2, 0.0)
    doubt = max(doubt, STRONG_DOUBT) if fit.order == STRONG else doubt
    deviation = doubt * np.sqrt(variance * fit.deviation**2 + lasting)
    # The measurements' own variance is one over their weight.
    gained = 1 - np.sqrt((variance * pull).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    kept = gained < LEAST_GAIN
    if np.median(gained) < LEAST_GAIN:
        kept[:] = True
    curve = (np.where((known & kept)[..., None], positions, curve) + common) * noise.axes
    chosen = {
        "method": np.where(kept, "none", "spline").astype(object),
        "cutoff": np.exp(np.log(fit.cutoff).mean(axis=0)),
        "noise": fit.deviation,
        "noise_memory": np.full(len(kept), noise.memory),
        "limited": fit.at_limit,
    }
    return _Window(curve, deviation, chosen)
