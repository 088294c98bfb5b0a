"""Forward and backward passes of a Kalman smoother whose white noise drives the velocity or the acceleration.

All keypoints at once; covariances in variances of a full measurement (weight 1), so that the coordinates of a keypoint
share them.
"""

from dataclasses import dataclass

import numpy as np

DIFFUSE = 1e7
"""Variance of the first state, in variances of a measurement: next to nothing is known before the first."""

PROCESS_NOISE = {
    2: np.array([[1 / 3, 1 / 2], [1 / 2, 1]]),
    3: np.array([[1 / 20, 1 / 8, 1 / 6], [1 / 8, 1 / 3, 1 / 2], [1 / 6, 1 / 2, 1]]),
}
"""Order (2: velocity, 3: acceleration) -> covariance that a frame adds, times the ratio of the noises."""
TRANSITION = {2: np.array([[1.0, 1.0], [0.0, 1.0]]), 3: np.array([[1.0, 1.0, 0.5], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])}


@dataclass(frozen=True, eq=False)
class Pass:
    """A forward pass: states [T, K, n, D], covariances [T, K, n, n], and per keypoint the sums of the likelihood.

    `normalised` [T, K]: squared innovations over `dimensions` coordinates in predicted variances; NaN where there is no
    measurement or nothing to predict it from. Empty, like states and covariances, where only sums were asked for.
    """

    states: np.ndarray
    covariances: np.ndarray
    normalised: np.ndarray
    squares: np.ndarray
    log_variances: np.ndarray
    counts: np.ndarray


def noise_ratio(cutoffs: np.ndarray, fps: float, order: int) -> np.ndarray:
    """Process noise a frame over measurement variance, for cut-offs in Hz."""
    return (2 * np.pi * cutoffs / fps) ** (2 * order)


def forward(
    positions: np.ndarray,
    weights: np.ndarray,
    ratios: np.ndarray,
    order: int,
    *,
    jumps: np.ndarray | None = None,
    keep: bool = True,
) -> Pass:
    """Filters positions [T, K, D] of weights [T, K]; ratios [K]; at `jumps` (bool [T, K]) the keypoint starts anew."""
    frames, num_keypoints, dimensions = positions.shape
    transition, noise = TRANSITION[order], ratios[:, None, None] * PROCESS_NOISE[order]
    state = np.zeros((num_keypoints, order, dimensions))
    covariance = np.broadcast_to(np.eye(order) * DIFFUSE, (num_keypoints, order, order))
    kept = frames if keep else 0
    states = np.empty((kept, num_keypoints, order, dimensions))
    covariances, normalised = np.empty((kept, num_keypoints, order, order)), np.full((kept, num_keypoints), np.nan)
    squares, log_variances, counts = np.zeros(num_keypoints), np.zeros(num_keypoints), np.zeros(num_keypoints)
    seen = np.zeros(num_keypoints, np.int64)
    with np.errstate(divide="ignore"):
        measurement = 1 / weights
    for frame in range(frames):
        if frame:
            state = transition @ state
            covariance = transition @ covariance @ transition.T + noise
            if jumps is not None and jumps[frame].any():
                covariance = covariance + jumps[frame][:, None, None] * np.eye(order) * DIFFUSE
                seen[jumps[frame]] = 0
        innovation = positions[frame] - state[:, 0]
        variance = covariance[:, 0, 0] + measurement[frame]
        gain = covariance[:, :, 0] / variance[:, None]
        used = (weights[frame] > 0) & (seen >= order)
        square = np.where(used, np.sum(innovation**2, axis=1) / variance, 0.0)
        squares += square
        log_variances += np.where(used, np.log(np.where(used, variance, 1.0)), 0.0)
        counts += used * dimensions
        seen += weights[frame] > 0
        state = state + gain[:, :, None] * innovation[:, None]
        covariance = covariance - gain[:, :, None] * covariance[:, :1]
        if keep:
            states[frame], covariances[frame] = state, covariance
            normalised[frame, used] = square[used]
    return Pass(states, covariances, normalised, squares, log_variances, counts)


def backward(
    run: Pass, ratios: np.ndarray, order: int, *, jumps: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed positions [T, K, D] and their variances [T, K] (Rauch, Tung, Striebel, 1965)."""
    transition, noise = TRANSITION[order], ratios[:, None, None] * PROCESS_NOISE[order]
    positions, variances = run.states[:, :, 0].copy(), run.covariances[:, :, 0, 0].copy()
    state, covariance = run.states[-1], run.covariances[-1]
    for frame in range(len(positions) - 2, -1, -1):
        before, known = run.states[frame], run.covariances[frame]
        ahead = transition @ known @ transition.T + noise
        if jumps is not None and jumps[frame + 1].any():
            ahead = ahead + jumps[frame + 1][:, None, None] * np.eye(order) * DIFFUSE
        gain = known @ transition.T @ np.linalg.inv(ahead)
        state = before + gain @ (state - transition @ before)
        covariance = known + gain @ (covariance - ahead) @ np.swapaxes(gain, 1, 2)
        positions[frame], variances[frame] = state[:, 0], covariance[:, 0, 0]
    return positions, variances
