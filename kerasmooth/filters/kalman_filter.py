"""Kalman filter and Rauch-Tung-Striebel smoother of a keypoint with nearly constant velocity or acceleration."""

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.special import chdtri

from kerasmooth.filters.base import Filtered, arrange, positive
from kerasmooth.filters.kalman_gate import find_refused
from kerasmooth.filters.kalman_passes import Pass, forward, noise_ratio, smooth

DEFAULT_CUTOFF = 2.0
"""Hz, where there are too few measurements to fit one."""
FIT_FRAMES = 1500
"""Frames that the likelihood is fitted on, from the middle of a longer recording."""
GATE = 1e-6
"""Probability of an innovation that is refused. With 2 coordinates: beyond 5.3 deviations."""

COMMON_GAIN = 2.0
COMMON_FRAMES = 2
"""How much of the others' surprise a keypoint's own variance grows by, and how many frames around."""
LEAST_NOISE = 1e-3
"""Of a measurement, as a share of how far the keypoint moves about: nothing finer is gated."""
LEAST_SAMPLES = 12
"""Innovations without which nothing is refused."""
QUANTILES = ((0.5, 0.8), (0.5, 0.95), (0.5, 0.95))
"""Of the squared innovations, which tell their variance, in each round of fitting and gating: first such that many
wrong measurements leave alone, then, without those, such that know fast movements."""

_MODELS = {"velocity": 2, "acceleration": 3}


def kalman(
    positions: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    fps: float,
    model: str = "velocity",
    cutoff: float | None = None,
    gate: float = GATE,
) -> Filtered:
    """The posterior mean and deviation given all frames, before and after.

    White noise drives the velocity (or the acceleration) in continuous time; a measurement has the variance s / weight.
    Both are fitted per keypoint by maximum likelihood, over all its coordinates (innovations form: Harvey, Forecasting,
    Structural Time Series Models and the Kalman Filter, 1989). Measurements that neither the frames before nor those
    after make probable are refused (`kalman_gate`); where a keypoint jumped, nothing is smoothed across. Arguments: see
    `base.Filter`.

    Args:
      model: "velocity" (nearly constant) or "acceleration".
      cutoff: Hz at which the smoother passes half of the amplitude, instead of the fitted ratio of the noises.
      gate: probability of an innovation below which it is refused; 0 refuses nothing.

    Returns:
      Filtered; `notes["cutoff"]` [K] in Hz, `notes["noise"]` [K] the fitted deviation of a full measurement.
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    if model not in _MODELS:
        raise ValueError(f"model must be one of {tuple(_MODELS)}. Received: model={model!r}")
    if not 0 <= gate < 1:
        raise ValueError(f"gate must be a probability below 1. Received: gate={gate}")
    if cutoff is not None:
        positive(cutoff=cutoff)
    order = _MODELS[model]
    shares = np.ones(positions.shape[:2]) if weights is None else weights
    level = positions.mean(axis=0, keepdims=True)
    relative = positions - level
    cutoffs, refused, jumps, run = _fit_and_gate(relative, shares, fps, order, cutoff, gate)
    squares, _, counts = run.likelihood()
    variance = squares / np.maximum(counts, 1)
    used, ratios = np.where(refused, 0.0, shares), noise_ratio(cutoffs, fps, order)
    smoothed, spread = smooth(relative, used, ratios, order, jumps=jumps, run=run)
    deviation = np.sqrt(np.maximum(spread, 0.0) * variance)
    if len(shape) == 2:
        smoothed = smoothed.reshape(shape)
        level = level.reshape(1, -1)
    notes = {"cutoff": cutoffs, "noise": np.sqrt(variance)}
    return Filtered(smoothed + level, deviation, notes, refused)


def posterior_deviation(weights: np.ndarray, cutoffs: np.ndarray, fps: float) -> np.ndarray:
    """Deviation [T, K] of the constant-velocity smoother with weights [T, K] and cut-offs [K], for noise of size 1."""
    variances = smooth(np.zeros((*weights.shape, 1)), weights, noise_ratio(cutoffs, fps, 2), 2)[1]
    return np.sqrt(np.maximum(variances, 0.0))


def _fit_and_gate(
    positions: np.ndarray, weights: np.ndarray, fps: float, order: int, cutoff: float | None, gate: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Pass]:
    """Cut-offs [K], which measurements are refused and where keypoints jump, bool [T, K], and the forward pass."""
    cutoffs = np.full(positions.shape[1], cutoff or DEFAULT_CUTOFF)
    refused, jumps = np.zeros(weights.shape, bool), np.zeros(weights.shape, bool)
    changed = np.ones(positions.shape[1], bool)
    spread = positions.var(axis=(0, 2))
    for shares in QUANTILES if gate else QUANTILES[:1]:
        used = np.where(refused, 0.0, weights)
        if cutoff is None:
            cutoffs[changed] = _fit(positions[:, changed], used[:, changed], fps, order)
        ratios = noise_ratio(cutoffs, fps, order)
        run = forward(positions, used, ratios, order, jumps=jumps)
        if not gate:
            return cutoffs, refused, jumps, run
        surprises = run.normalised()
        variances = _usual(surprises, positions.shape[2], shares, spread)
        # A filter that nothing surprises refuses nothing.
        odd = (surprises > chdtri(positions.shape[2], gate) * variances).any(axis=0) | refused.any(axis=0)
        found, moved = np.zeros_like(refused), np.zeros_like(jumps)
        found[:, odd], moved[:, odd] = find_refused(
            positions[:, odd], weights[:, odd], ratios[odd], variances[:, odd], order, gate, fps
        )
        changed = (found != refused).any(axis=0) | (moved != jumps).any(axis=0)
        if not changed.any():
            return cutoffs, refused, jumps, run
        refused, jumps = found, moved
    return cutoffs, refused, jumps, forward(positions, np.where(refused, 0.0, weights), ratios, order, jumps=jumps)


def _usual(surprises: np.ndarray, dimensions: int, shares: tuple[float, ...], spread: np.ndarray) -> np.ndarray:
    """float64 [T, K]: the variance of a full measurement, by quantiles that a share of wrong measurements leaves alone.

    Larger around frames in which most other keypoints surprise as well: fast movements, or those of the camera, are of
    several keypoints, mistakes of one. surprises: [T, K], NaN where there is none.
    """
    expected = chdtri(dimensions, 1 - np.array(shares))
    found = np.full(surprises.shape[1], np.inf)
    for keypoint, squares in enumerate(surprises.T):
        sample = squares[np.isfinite(squares)]
        if len(sample) >= LEAST_SAMPLES:
            found[keypoint] = np.max(np.quantile(sample, shares) / expected)
    found = np.maximum(found, LEAST_NOISE**2 * spread + np.finfo(np.float64).eps)
    # A keypoint is no witness of its own: the median without the largest.
    ranked = np.sort(surprises / found, axis=1)
    others = np.isfinite(ranked).sum(axis=1) - 1
    middle = np.take_along_axis(ranked, np.maximum(others - 1, 0)[:, None] // 2, axis=1)[:, 0]
    common = np.where(others > 0, middle, 0.0) / chdtri(dimensions, 0.5)
    return found * np.maximum(maximum_filter1d(common, 2 * COMMON_FRAMES + 1) * COMMON_GAIN, 1.0)[:, None]


def _fit(positions: np.ndarray, weights: np.ndarray, fps: float, order: int) -> np.ndarray:
    """float64 [K]: the cut-offs of the largest likelihood, by a grid and a finer grid around its best."""
    frames, num_keypoints, dimensions = positions.shape
    if frames > FIT_FRAMES:
        start = (frames - FIT_FRAMES) // 2
        positions, weights = positions[start : start + FIT_FRAMES], weights[start : start + FIT_FRAMES]
    log_low, log_high = np.log(0.02), np.log(0.45 * fps)
    grid = np.linspace(log_low, log_high, 14)
    best = np.zeros(num_keypoints)
    step = grid[1] - grid[0]
    for offsets in (grid[:, None] + best, np.linspace(-1, 1, 9)[:, None] * step):
        cutoffs = best + offsets
        size = len(cutoffs)
        run = forward(
            np.tile(positions, (1, size, 1)),
            np.tile(weights, (1, size)),
            noise_ratio(np.exp(cutoffs.ravel()), fps, order),
            order,
            keep=False,
        )
        squares, log_variances, counts = run.likelihood()
        counts = np.maximum(counts, 1)
        costs = counts * np.log(np.maximum(squares / counts, 1e-300)) + dimensions * log_variances
        best = np.take_along_axis(cutoffs, costs.reshape(size, -1).argmin(axis=0)[None], axis=0)[0]
    enough = (weights > 0).sum(axis=0) >= order + 3
    return np.where(enough, np.exp(np.clip(best, log_low, log_high)), min(DEFAULT_CUTOFF, 0.45 * fps))
