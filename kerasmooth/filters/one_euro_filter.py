"""The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): a low-pass that opens when the keypoint moves."""

import numpy as np

from kerasmooth.filters.base import Filtered, arrange, positive


def _gain(cutoff: np.ndarray | float, seconds: np.ndarray) -> np.ndarray:
    turn = 2 * np.pi * np.asarray(cutoff) * seconds
    return turn / (turn + 1)


def _check(min_cutoff: float, beta: float, derivative_cutoff: float) -> None:
    positive(min_cutoff=min_cutoff, derivative_cutoff=derivative_cutoff)
    if not 0 <= beta < np.inf:
        raise ValueError(f"beta must not be negative. Received: beta={beta}")


def one_euro(
    positions: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    fps: float,
    min_cutoff: float = 4.0,
    beta: float = 10.0,
    derivative_cutoff: float = 1.0,
) -> Filtered:
    """Causal: each frame sees none after it. It lags by about 1 / (2 pi cutoff) seconds.

    On fast motion that is more than it takes off the noise of a good detector: what comes out is then further from the
    truth. For recordings take `one_euro_zero_phase`, for what runs live `KeypointStream`.

    The speed is that of the keypoint, over all its coordinates, between the new measurement and the filtered position
    before (as in the authors' reference implementation). A gap adds to the time of the next step. Arguments: see
    `base.Filter`.

    Args:
      min_cutoff: Hz, of a keypoint that rests.
      beta: Hz per (unit of the positions per second).
      derivative_cutoff: Hz, of the low-pass of the speed.
    """
    shape = np.shape(positions)
    _check(min_cutoff, beta, derivative_cutoff)
    positions, weights, fps = arrange(positions, weights, fps)
    return Filtered(_run(positions, weights, fps, min_cutoff, beta, derivative_cutoff).reshape(shape))


def one_euro_zero_phase(
    positions: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    fps: float,
    min_cutoff: float = 4.0,
    beta: float = 10.0,
    derivative_cutoff: float = 1.0,
) -> Filtered:
    """Forwards, then backwards over the result, beyond odd reflections of both ends: no lag. Arguments: `one_euro`."""
    shape = np.shape(positions)
    _check(min_cutoff, beta, derivative_cutoff)
    positions, weights, fps = arrange(positions, weights, fps)
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
    """One-Euro over all frames [T, K, D]; what does not depend on the step before is calculated for all at once.

    The rest is bounded by Python calling NumPy, some twelve times a frame.
    """
    frames, num_keypoints, dimensions = positions.shape
    moving = np.ascontiguousarray(np.moveaxis(positions, 2, 1)).reshape(frames, -1)
    if weights is None:
        shares, first = np.ones((1, num_keypoints)), np.zeros(num_keypoints, np.int64)
        elapsed = np.full((1, num_keypoints), 1 / fps)
    else:
        known = weights > 0
        first = np.where(known.any(axis=0), known.argmax(axis=0), frames)
        # No gain for what is not measured, nor for the first measurement, where the filter starts.
        shares = np.where(np.arange(frames)[:, None] > first, weights, 0.0)
        elapsed = _elapsed(known) / fps
    slow = _gain(derivative_cutoff, elapsed) * shares
    turns = 2 * np.pi * elapsed
    wide = (frames, num_keypoints * dimensions)
    # Kept is beta times the velocity.
    factors = [np.tile(a, (1, dimensions)) for a in (1 - slow, slow * beta / elapsed, 1 + turns * min_cutoff, shares)]
    keep, take, even, share = (np.broadcast_to(a, wide) for a in factors)
    start = moving[np.tile(np.minimum(first, frames - 1), dimensions), np.arange(wide[1])]
    inputs = (moving, keep, take, np.broadcast_to(turns, (frames, num_keypoints)), even)
    result = _loop(start, inputs, None if weights is None else share, dimensions)
    result = np.moveaxis(result.reshape(frames, dimensions, num_keypoints), 1, 2)
    # Before the first measurement there is nothing to hold.
    return np.where((np.arange(frames)[:, None] < first)[..., None], positions, result)


def _loop(value: np.ndarray, inputs: tuple[np.ndarray, ...], shares: np.ndarray | None, dimensions: int) -> np.ndarray:
    """The filtered [T, D * K], from `value` [D * K] on.

    The gain is 1 - 1 / (1 + turn): the result is the measurement less a share of how far it is away.

    Args:
      value: before the first frame.
      inputs: [T, ...]: measurements, what is kept of the velocity, what is taken of the step, radians a hertz [T, K],
        and 1 + the turn at rest.
      shares: [T, D * K], the weights of the gain; None is 1.
      dimensions: D.
    """
    velocity, moved, square, bottom = (np.zeros_like(value) for _ in range(4))
    speed = np.empty(len(value) // dimensions)
    squares, bottoms = square.reshape(dimensions, -1), bottom.reshape(dimensions, -1)
    result = np.empty_like(inputs[0])
    weighing = result if shares is None else shares
    for measured, keep, take, turn, even, share, out in zip(*inputs, weighing, result, strict=True):
        np.subtract(measured, value, moved)
        np.multiply(velocity, keep, velocity)
        np.multiply(moved, take, square)
        np.add(velocity, square, velocity)
        np.multiply(velocity, velocity, square)
        np.add.reduce(squares, axis=0, out=speed)
        np.sqrt(speed, speed)
        np.multiply(speed, turn, speed)
        np.copyto(bottoms, speed)
        np.add(bottom, even, bottom)
        if shares is None:
            np.divide(moved, bottom, moved)
        else:
            np.divide(share, bottom, bottom)
            np.subtract(bottom, share, bottom)
            np.add(bottom, 1.0, bottom)
            np.multiply(moved, bottom, moved)
        np.subtract(measured, moved, out)
        value = out
    return result


def _elapsed(known: np.ndarray) -> np.ndarray:
    """float64 [T, K]: frames since the last measurement before each frame, from the start where there is none."""
    frames = np.arange(len(known))[:, None]
    last = np.maximum.accumulate(np.where(known, frames, -1), axis=0)
    before = np.concatenate([np.full((1, known.shape[1]), -1), last[:-1]])
    return (frames - before).astype(np.float64)
