"""Random numbers by name: the same (seed, names) give the same stream, whatever else was drawn before."""

import hashlib

import numpy as np


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A generator keyed by `seed` and `names`; streams of different names are independent.

    Args:
      seed: any integer.
      names: what the numbers are for, for example ("penn_action", 3, "visibility").
    """
    digest = hashlib.sha256(repr((int(seed), *names)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def bursts(
    rng: np.random.Generator, shape: tuple[int, ...], share: float | np.ndarray, mean_length: float
) -> np.ndarray:
    """Events that come in runs along the first axis: a two-state Markov chain per remaining position.

    Args:
      rng: the source of randomness.
      shape: [T, ...].
      share: expected share of True, in [0, 1); a scalar, or one that broadcasts to shape[1:].
      mean_length: mean number of frames a run lasts, at least 1.

    Returns:
      bool of `shape`.
    """
    draws = rng.random(shape)
    leave = 1.0 / mean_length
    enter = leave * share / (1.0 - share)
    active = np.zeros(shape, bool)
    active[:1] = draws[:1] < share
    for frame in range(1, shape[0]):
        active[frame] = np.where(active[frame - 1], draws[frame] >= leave, draws[frame] < enter)
    return active


def correlated(rng: np.random.Generator, shape: tuple[int, ...], std: float, correlation: float) -> np.ndarray:
    """Stationary first-order autoregressive Gaussian noise along the first axis.

    Args:
      rng: the source of randomness.
      shape: [T, ...].
      std: standard deviation at every frame.
      correlation: correlation of one frame with the next, in [0, 1).

    Returns:
      float64 of `shape`.
    """
    noise = rng.standard_normal(shape) * std
    fresh = np.sqrt(1.0 - correlation**2)
    for frame in range(1, shape[0]):
        noise[frame] = correlation * noise[frame - 1] + fresh * noise[frame]
    return noise
