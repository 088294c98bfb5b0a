"""Smooth functions of time. Time is in seconds, so that the frame rate only decides where a motion is sampled."""

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

_GRID_RATE = 120  # samples per second on which paths are smoothed; anchored at time 0 whatever the frame rate


def smooth_path(
    key_times: np.ndarray | list[float], key_values: np.ndarray | list, times: np.ndarray, smoothing: float
) -> np.ndarray:
    """A path through key values without overshoot, its corners rounded.

    Monotone cubic interpolation (it rests where two keys are equal), then a Gaussian over time, so that
    acceleration is continuous. Before the first and after the last key the value stays.

    Args:
      key_times: [N] s, increasing, N >= 2.
      key_values: [N, ...].
      times: [T] s.
      smoothing: standard deviation of the Gaussian, s.

    Returns:
      float64 [T, ...].
    """
    keys = np.asarray(key_times, np.float64)
    path = PchipInterpolator(keys, np.asarray(key_values, np.float64), axis=0)
    margin = 4 * smoothing + 0.1
    first = int(np.floor((times.min() - margin) * _GRID_RATE))
    last = int(np.ceil((times.max() + margin) * _GRID_RATE))
    grid = np.arange(first, last + 1) / _GRID_RATE
    values = gaussian_filter1d(path(np.clip(grid, keys[0], keys[-1])), smoothing * _GRID_RATE, axis=0, mode="nearest")
    return _on_grid(values, (times - grid[0]) * _GRID_RATE)


def _on_grid(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Uniform cubic (Catmull-Rom) interpolation of [G, ...] at fractional positions [T] away from the borders."""
    index = np.floor(positions).astype(np.int64)
    u = (positions - index).reshape(-1, *([1] * (values.ndim - 1)))
    before, here, after, beyond = (values[index + step] for step in (-1, 0, 1, 2))
    slope, next_slope = (after - before) / 2, (beyond - here) / 2
    difference = after - here
    return here + u * (
        slope + u * (3 * difference - 2 * slope - next_slope + u * (slope + next_slope - 2 * difference))
    )


def wander(
    rng: np.random.Generator, times: np.ndarray, shape: tuple[int, ...], *, amplitude: float, frequency: float
) -> np.ndarray:
    """A slow random sway about zero: four sinusoids of random phase each.

    Args:
      rng: the source of randomness.
      times: [T] s.
      shape: of one sample.
      amplitude: root mean square, in the unit wanted.
      frequency: Hz; the sinusoids lie between 0.4 and 1.6 times it.

    Returns:
      float64 [T, *shape].
    """
    terms = 4
    rates = 2 * np.pi * frequency * rng.uniform(0.4, 1.6, (terms, *shape))
    phases = rng.uniform(0, 2 * np.pi, (terms, *shape))
    angle = np.multiply.outer(times, rates) + phases
    return amplitude * np.sqrt(2 / terms) * np.sin(angle).sum(axis=1)


def stepping(
    key_times: np.ndarray, positions: np.ndarray, times: np.ndarray, *, lift: float, smoothing: float
) -> np.ndarray:
    """Feet or hands that go from place to place and are lifted in between.

    Args:
      key_times: [N] s, when the places are reached.
      positions: [N, ..., 3], y is up; equal places in a row mean rest.
      times: [T] s.
      lift: height above the straight line in the middle of a long step; a short step is lifted less.
      smoothing: standard deviation of the Gaussian over time, s.

    Returns:
      float64 [T, ..., 3].
    """
    middle = (positions[1:] + positions[:-1]) / 2
    length = np.linalg.norm(np.diff(positions, axis=0), axis=-1)
    middle[..., 1] += lift * np.tanh(length / 0.15)
    keys = np.empty((2 * len(positions) - 1, *positions.shape[1:]))
    keys[::2], keys[1::2] = positions, middle
    moments = np.empty(len(keys))
    moments[::2], moments[1::2] = key_times, (key_times[1:] + key_times[:-1]) / 2
    return smooth_path(moments, keys, times, smoothing)


def horizon(times: np.ndarray) -> float:
    """Until when (s) a motion is planned: whole tens of seconds, so that the plan hardly depends on `times` [T] s."""
    return 10.0 * np.ceil((times.max() + 1.0) / 10.0)


def repeat_keys(cycle: np.ndarray | list[float], period: float, until: float) -> tuple[np.ndarray, int]:
    """Key times of a cycle repeated until it covers `until` s: (times [cycles * N], number of cycles)."""
    cycles = int(np.ceil(max(until, 0.0) / period)) + 1
    return (np.arange(cycles)[:, None] * period + np.asarray(cycle)).ravel(), cycles
