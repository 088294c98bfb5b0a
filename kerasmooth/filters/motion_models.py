"""Gaussian models of a coordinate over time, and how likely they make what was measured.

A coordinate moves with a velocity that forgets itself with a time constant (an Ornstein-Uhlenbeck process in discrete
time; without end, an integrated random walk). A measurement adds noise that may be correlated from frame to frame
(AR(1)). Both have banded inverse covariances, so that the best curve and its marginal likelihood cost a banded Cholesky
factorisation each (Rue and Held, Gaussian Markov Random Fields, 2005), shared by all coordinates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg.lapack import dpbsv, dpbtrf, dpbtrs, dtbtrs

LEAST_WEIGHT = 1e-6
"""Of a frame without measurement: holds the matrix regular, and nothing else."""
SLOWEST_START = 1e-3
"""Least variance share of the first velocity: a velocity that never forgets itself starts almost anywhere."""


@dataclass(frozen=True)
class MotionModel:
    """How a coordinate moves and how its noise hangs together.

    Attributes:
      cutoff: Hz at which the motion is as strong as white noise of the noise's size: what the smoother passes half.
      memory: seconds after which the velocity has forgotten itself; inf is never.
      noise_memory: seconds after which the noise has; 0 is white noise.
    """

    cutoff: float
    memory: float
    noise_memory: float = 0.0


def correlation(memory: float, fps: float) -> float:
    """Correlation of one frame with the next of a process with that memory in seconds."""
    return float(np.exp(-1 / (memory * fps))) if memory > 0 else 0.0


@lru_cache(maxsize=64)
def noise_precision(frames: int, rho: float) -> tuple[np.ndarray, float]:
    """Inverse covariance of AR(1) noise of variance 1, lower banded [3, T], and its log determinant."""
    bands = np.zeros((3, frames))
    bands[0] = (1 + rho**2) / (1 - rho**2)
    bands[0, 0] = bands[0, -1] = 1 / (1 - rho**2) if frames > 1 else 1.0
    bands[1, :-1] = -rho / (1 - rho**2)
    return bands, -(frames - 1) * float(np.log1p(-(rho**2)))


@lru_cache(maxsize=64)
def motion_precision(frames: int, rho: float) -> tuple[np.ndarray, float]:
    """Inverse covariance, less its scale, of a motion whose velocity has that correlation from frame to frame.

    Returns:
      Lower banded [3, T], of rank T - 1 (a constant costs nothing), and the log of its pseudo-determinant up to a
      constant that depends on T only.
    """
    bands = np.zeros((3, frames))
    if frames < 2:
        return bands, 0.0
    start = max(1 - rho**2, SLOWEST_START)
    bands[0, :2] += start
    bands[1, 0] -= start
    row = np.array([rho, -(1 + rho), 1.0])
    for offset in range(3):
        for i in range(3 - offset):
            bands[offset, i : i + frames - 2] += row[i] * row[i + offset]
    return bands, float(np.log(start))


def stiffness(cutoff: float, rho: float, fps: float) -> float:
    """The scale of `motion_precision` at which motion and white noise of variance 1 are as strong at `cutoff` Hz."""
    turn = np.exp(-2j * np.pi * cutoff / fps)
    return float(1 / (abs(1 - rho * turn) ** 2 * abs(1 - turn) ** 2))


def banded_product(bands: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The symmetric matrix in lower banded form times values [T, C]."""
    result = bands[0][:, None] * values
    for offset in range(1, len(bands)):
        band = bands[offset, : len(values) - offset, None]
        result[offset:] += band * values[: len(values) - offset]
        result[: len(values) - offset] += band * values[offset:]
    return result


def misfits(values: np.ndarray, models: Sequence[MotionModel], fps: float) -> tuple[np.ndarray, np.ndarray]:
    """What the likelihoods of the models are made of.

    With noise of variance s the log likelihood is -(n log s + misfit / s + log_size) / 2 up to a constant.

    Args:
      values: float64 [T, C].
      models: with neighbours of equal `noise_memory` the noise is worked out once.
      fps: frames per second.

    Returns:
      misfits [models, C], log_sizes [models].
    """
    frames, count = values.shape
    found, log_sizes = np.empty((len(models), count)), np.empty(len(models))
    for index, (model, weighed, factor) in enumerate(_factors(values, models, fps, 1.0)):
        # x'Nx - x'N A^-1 N x with A = LL': half of the work of the curve.
        half, _ = dtbtrs(factor, weighed, uplo="L")
        found[index] = np.sum(weighed * values, axis=0) - np.sum(half**2, axis=0)
        rho = correlation(model.memory, fps)
        scale = stiffness(model.cutoff, rho, fps)
        sizes = motion_precision(frames, rho)[1] + noise_precision(frames, correlation(model.noise_memory, fps))[1]
        log_sizes[index] = 2 * np.log(factor[0]).sum() - (frames - 1) * np.log(scale) - sizes
    return np.maximum(found, 0.0), log_sizes


def curves(
    values: np.ndarray, models: Sequence[MotionModel], fps: float, strength: float = 1.0
) -> Iterator[np.ndarray]:
    """For each model the best curve [T, C] of values [T, C]; strength divides the cut-off."""
    for _, weighed, factor in _factors(values, models, fps, strength):
        yield dpbtrs(factor, weighed, lower=1)[0]


def weighed_curve(values: np.ndarray, weights: np.ndarray, model: MotionModel, fps: float) -> np.ndarray:
    """The best curve [T, C] of values [T, C] with white noise, where frame t was measured with weights[t]; 0 is not."""
    rho = correlation(model.memory, fps)
    bands = stiffness(min(model.cutoff, 0.45 * fps), rho, fps) * motion_precision(len(values), rho)[0]
    shares = np.maximum(weights, LEAST_WEIGHT)
    bands[0] += shares
    return dpbsv(bands, shares[:, None] * values, lower=1)[1]


def _factors(
    values: np.ndarray, models: Sequence[MotionModel], fps: float, strength: float
) -> Iterator[tuple[MotionModel, np.ndarray, np.ndarray]]:
    """For each model the noise's precision times values, and the banded Cholesky factor of the posterior's."""
    frames = len(values)
    noise_memory = -1.0
    for model in models:
        if model.noise_memory != noise_memory:
            noise_memory = model.noise_memory
            noise = noise_precision(frames, correlation(noise_memory, fps))[0]
            weighed = np.asfortranarray(banded_product(noise, values))
        rho = correlation(model.memory, fps)
        scale = stiffness(min(model.cutoff / strength, 0.45 * fps), rho, fps)
        factor, failed = dpbtrf(noise + scale * motion_precision(frames, rho)[0], lower=1)
        if failed:
            raise np.linalg.LinAlgError(f"the posterior is not positive definite. Received: model={model}")
        yield model, weighed, factor
