"""Kalman filter and Rauch-Tung-Striebel smoother of a keypoint with nearly constant velocity or acceleration."""

import numpy as np

from kerasmooth.filters.base import Filtered, arrange, positive
from kerasmooth.filters.kalman_passes import forward, noise_ratio, smooth

DEFAULT_CUTOFF = 2.0
"""Hz, where there are too few measurements to fit one."""
FIT_FRAMES = 1500
"""Frames that the likelihood is fitted on, from the middle of a longer recording."""
_MODELS = {"velocity": 2, "acceleration": 3}


def kalman(
    positions: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    fps: float,
    model: str = "velocity",
    cutoff: float | None = None,
) -> Filtered:
    """The posterior mean and deviation given all frames, before and after.

    White noise drives the velocity (or the acceleration) in continuous time; a measurement has the variance s / weight.
    Both are fitted per keypoint by maximum likelihood, over all its coordinates (innovations form: Harvey, Forecasting,
    Structural Time Series Models and the Kalman Filter, 1989). The deviation is right for noise that is independent
    from frame to frame; noise that lasts for 0.1 s or so is taken for motion, and then the deviation is about a third
    of the truth. Arguments: see `base.Filter`.

    Args:
      model: "velocity" (nearly constant) or "acceleration".
      cutoff: Hz at which the smoother passes half of the amplitude, instead of the fitted ratio of the noises.

    Returns:
      Filtered; `notes["cutoff"]` [K] in Hz, `notes["noise"]` [K] the fitted deviation of a full measurement.
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    if model not in _MODELS:
        raise ValueError(f"model must be one of {tuple(_MODELS)}. Received: model={model!r}")
    if cutoff is not None:
        positive(cutoff=cutoff)
    order = _MODELS[model]
    shares = np.ones(positions.shape[:2]) if weights is None else weights
    level = positions.mean(axis=0, keepdims=True)
    relative = positions - level
    cutoffs = np.full(positions.shape[1], cutoff) if cutoff is not None else _fit(relative, shares, fps, order)
    ratios = noise_ratio(cutoffs, fps, order)
    run = forward(relative, shares, ratios, order)
    squares, _, counts = run.likelihood()
    variance = squares / np.maximum(counts, 1)
    smoothed, spread = smooth(relative, shares, ratios, order, run=run)
    deviation = np.sqrt(np.maximum(spread, 0.0) * variance)
    if len(shape) == 2:
        smoothed = smoothed.reshape(shape)
        level = level.reshape(1, -1)
    notes = {"cutoff": cutoffs, "noise": np.sqrt(variance)}
    return Filtered(smoothed + level, deviation, notes)


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
