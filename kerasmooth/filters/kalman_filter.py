"""Kalman filter and Rauch-Tung-Striebel smoother of a keypoint with nearly constant velocity or acceleration."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.filters.base import Filtered, arrange, positive

DIFFUSE = 1e7
"""Variance of the first state, in variances of a measurement: next to nothing is known before the first."""
DEFAULT_CUTOFF = 2.0
"""Hz, where there are too few measurements to fit one."""
FIT_FRAMES = 1500
"""Frames that the likelihood is fitted on, from the middle of a longer recording."""

_PROCESS_NOISE = {
    2: np.array([[1 / 3, 1 / 2], [1 / 2, 1]]),
    3: np.array([[1 / 20, 1 / 8, 1 / 6], [1 / 8, 1 / 3, 1 / 2], [1 / 6, 1 / 2, 1]]),
}
_TRANSITION = {2: np.array([[1.0, 1.0], [0.0, 1.0]]), 3: np.array([[1.0, 1.0, 0.5], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])}
_MODELS = {"velocity": 2, "acceleration": 3}


@dataclass(frozen=True, eq=False)
class _Pass:
    """A forward pass: states [T, K, n, D], covariances [T, K, n, n], and per keypoint the sums of the likelihood."""

    states: np.ndarray
    covariances: np.ndarray
    squares: np.ndarray
    log_variances: np.ndarray
    counts: np.ndarray


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
    Structural Time Series Models and the Kalman Filter, 1989). Arguments: see `base.Filter`.

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
    frames, num_keypoints, _ = positions.shape
    order = _MODELS[model]
    shares = np.ones((frames, num_keypoints)) if weights is None else weights
    level = positions.mean(axis=0, keepdims=True)
    relative = positions - level
    if cutoff is None:
        cutoffs = _fit(relative, shares, fps, order)
    else:
        positive(cutoff=cutoff)
        cutoffs = np.full(num_keypoints, float(cutoff))
    forward = _forward(relative, shares, _ratio(cutoffs, fps, order), order)
    variance = np.maximum(forward.squares / np.maximum(forward.counts, 1), 0.0)
    smoothed, spread = _backward(forward, _ratio(cutoffs, fps, order), order)
    deviation = np.sqrt(np.maximum(spread, 0.0) * variance)
    if len(shape) == 2:
        smoothed = smoothed.reshape(shape)
        level = level.reshape(1, -1)
    notes = {"cutoff": cutoffs, "noise": np.sqrt(variance)}
    return Filtered(smoothed + level, deviation, notes)


def posterior_deviation(weights: np.ndarray, cutoffs: np.ndarray, fps: float) -> np.ndarray:
    """Deviation [T, K] of the constant-velocity smoother with weights [T, K] and cut-offs [K], for noise of size 1."""
    ratios = _ratio(cutoffs, fps, 2)
    forward = _forward(np.zeros((*weights.shape, 1)), weights, ratios, 2)
    return np.sqrt(np.maximum(_backward(forward, ratios, 2)[1], 0.0))


def _ratio(cutoffs: np.ndarray, fps: float, order: int) -> np.ndarray:
    """Process noise per frame over measurement variance."""
    return (2 * np.pi * cutoffs / fps) ** (2 * order)


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
        run = _forward(
            np.tile(positions, (1, size, 1)),
            np.tile(weights, (1, size)),
            _ratio(np.exp(cutoffs.ravel()), fps, order),
            order,
            keep=False,
        )
        counts = np.maximum(run.counts, 1)
        costs = counts * np.log(np.maximum(run.squares / counts, 1e-300)) + dimensions * run.log_variances
        best = np.take_along_axis(cutoffs, costs.reshape(size, -1).argmin(axis=0)[None], axis=0)[0]
    enough = (weights > 0).sum(axis=0) >= order + 3
    return np.where(enough, np.exp(np.clip(best, log_low, log_high)), min(DEFAULT_CUTOFF, 0.45 * fps))


def _forward(positions: np.ndarray, weights: np.ndarray, ratios: np.ndarray, order: int, keep: bool = True) -> _Pass:
    """Filters [T, K, D]; covariances in variances of a full measurement."""
    frames, num_keypoints, dimensions = positions.shape
    transition, noise = _TRANSITION[order], ratios[:, None, None] * _PROCESS_NOISE[order]
    state = np.zeros((num_keypoints, order, dimensions))
    covariance = np.broadcast_to(np.eye(order) * DIFFUSE, (num_keypoints, order, order))
    kept = frames if keep else 0
    states = np.empty((kept, num_keypoints, order, dimensions))
    covariances = np.empty((kept, num_keypoints, order, order))
    squares, log_variances, counts = np.zeros(num_keypoints), np.zeros(num_keypoints), np.zeros(num_keypoints)
    seen = np.zeros(num_keypoints, np.int64)
    with np.errstate(divide="ignore"):
        measurement = 1 / weights
    for frame in range(frames):
        if frame:
            state = transition @ state
            covariance = transition @ covariance @ transition.T + noise
        innovation = positions[frame] - state[:, 0]
        variance = covariance[:, 0, 0] + measurement[frame]
        gain = covariance[:, :, 0] / variance[:, None]
        used = (weights[frame] > 0) & (seen >= order)
        squares += np.where(used, np.sum(innovation**2, axis=1) / variance, 0.0)
        log_variances += np.where(used, np.log(np.where(used, variance, 1.0)), 0.0)
        counts += used * dimensions
        seen += weights[frame] > 0
        state = state + gain[:, :, None] * innovation[:, None]
        covariance = covariance - gain[:, :, None] * covariance[:, :1]
        if keep:
            states[frame], covariances[frame] = state, covariance
    return _Pass(states, covariances, squares, log_variances, counts)


def _backward(forward: _Pass, ratios: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed positions [T, K, D] and their variances [T, K]."""
    transition, noise = _TRANSITION[order], ratios[:, None, None] * _PROCESS_NOISE[order]
    positions, variances = forward.states[:, :, 0].copy(), forward.covariances[:, :, 0, 0].copy()
    state, covariance = forward.states[-1], forward.covariances[-1]
    for frame in range(len(positions) - 2, -1, -1):
        before, known = forward.states[frame], forward.covariances[frame]
        ahead = transition @ known @ transition.T + noise
        gain = known @ transition.T @ np.linalg.inv(ahead)
        state = before + gain @ (state - transition @ before)
        covariance = known + gain @ (covariance - ahead) @ np.swapaxes(gain, 1, 2)
        positions[frame], variances[frame] = state[:, 0], covariance[:, 0, 0]
    return positions, variances
