"""The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): a low-pass that opens when the keypoint moves."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.filters.base import Filtered, arrange, positive


@dataclass
class OneEuroState:
    """What the filter remembers of K keypoints: lengths as in the positions, NaN before the first measurement.

    Attributes:
      value: float64 [K, D], the filtered position.
      velocity: float64 [K, D], filtered, per second.
      elapsed: float64 [K], seconds since the last measurement.
    """

    value: np.ndarray
    velocity: np.ndarray
    elapsed: np.ndarray

    @classmethod
    def start(cls, num_keypoints: int, dimensions: int) -> "OneEuroState":
        shape = (num_keypoints, dimensions)
        return cls(np.full(shape, np.nan), np.zeros(shape), np.zeros(num_keypoints))


def _gain(cutoff: np.ndarray | float, seconds: np.ndarray) -> np.ndarray:
    turn = 2 * np.pi * np.asarray(cutoff) * seconds
    return turn / (turn + 1)


def one_euro_step(
    state: OneEuroState,
    position: np.ndarray,
    weight: np.ndarray,
    seconds: float,
    min_cutoff: float,
    beta: float,
    derivative_cutoff: float,
) -> np.ndarray:
    """Takes one frame in and returns the filtered positions [K, D]; changes `state`.

    Args:
      state: of the frames before.
      position: [K, D]; any value where `weight` is 0.
      weight: [K]; multiplies the gain; 0 leaves the keypoint where it is.
      seconds: since the frame before.
      min_cutoff: Hz.
      beta: Hz per unit of speed.
      derivative_cutoff: Hz.
    """
    state.elapsed += seconds
    seen = weight > 0
    fresh = seen & np.isnan(state.value[:, 0])
    state.value[fresh] = position[fresh]
    gain = (_gain(derivative_cutoff, state.elapsed) * weight)[:, None]
    moved = (position - state.value) / state.elapsed[:, None]
    velocity = state.velocity + gain * (moved - state.velocity)
    speed = np.sqrt(np.sum(velocity * velocity, axis=1))
    gain = (_gain(min_cutoff + beta * speed, state.elapsed) * weight)[:, None]
    value = state.value + gain * (position - state.value)
    update = (seen & ~fresh)[:, None]
    state.velocity = np.where(update, velocity, state.velocity)
    state.value = np.where(update, value, state.value)
    state.elapsed[seen] = 0.0
    return state.value


def one_euro(
    positions: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    fps: float,
    min_cutoff: float = 1.0,
    beta: float = 0.5,
    derivative_cutoff: float = 1.0,
) -> Filtered:
    """Causal: each frame sees none after it. It lags by about 1 / (2 pi cutoff) seconds.

    The speed is that of the keypoint, over all its coordinates, between the new measurement and the filtered position
    before (as in the authors' reference implementation). A gap adds to the time of the next step. Arguments: see
    `base.Filter`.

    Args:
      min_cutoff: Hz, of a keypoint that rests.
      beta: Hz per (unit of the positions per second).
      derivative_cutoff: Hz, of the low-pass of the speed.
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    positive(min_cutoff=min_cutoff, derivative_cutoff=derivative_cutoff)
    if not 0 <= beta < np.inf:
        raise ValueError(f"beta must not be negative. Received: beta={beta}")
    return Filtered(_run(positions, weights, fps, min_cutoff, beta, derivative_cutoff).reshape(shape))


def one_euro_zero_phase(
    positions: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    fps: float,
    min_cutoff: float = 1.5,
    beta: float = 1.0,
    derivative_cutoff: float = 1.0,
) -> Filtered:
    """Forwards, then backwards over the result, beyond odd reflections of both ends: no lag. Arguments: `one_euro`."""
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    positive(min_cutoff=min_cutoff, derivative_cutoff=derivative_cutoff)
    if not 0 <= beta < np.inf:
        raise ValueError(f"beta must not be negative. Received: beta={beta}")
    frames = len(positions)
    padding = min(frames - 1, int(np.ceil(fps / min_cutoff)))
    around = ((padding, padding), (0, 0), (0, 0))
    padded = np.pad(positions, around, mode="reflect", reflect_type="odd") if padding else positions
    # Between measurements the line is followed: to hold, as one must who cannot see ahead, would lag.
    shares = None if weights is None else np.where(weights > 0, weights, 1.0)
    shares = np.pad(shares, around[:2], mode="reflect") if shares is not None and padding else shares
    for _ in range(2):
        padded = _run(padded, shares, fps, min_cutoff, beta, derivative_cutoff)[::-1]
        shares = None if shares is None else shares[::-1]
    return Filtered(padded[padding : padding + frames].reshape(shape))


def _run(
    positions: np.ndarray,
    weights: np.ndarray | None,
    fps: float,
    min_cutoff: float,
    beta: float,
    derivative_cutoff: float,
) -> np.ndarray:
    frames, num_keypoints, dimensions = positions.shape
    state = OneEuroState.start(num_keypoints, dimensions)
    weights = np.broadcast_to(1.0, (frames, num_keypoints)) if weights is None else weights
    result = np.empty_like(positions)
    for frame in range(frames):
        result[frame] = one_euro_step(
            state, positions[frame], weights[frame], 1 / fps, min_cutoff, beta, derivative_cutoff
        )
    # Before the first measurement there is nothing to hold.
    return np.where(np.isnan(result), positions, result)
