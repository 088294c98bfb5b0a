"""Random numbers that are a pure function of their key: no state, no order, the same on every backend.

The generator is `pcg4d` (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 2020): four 32-bit words in,
four out, two rounds of multiply, add and shift. Only integers are computed here, and the normal numbers are looked up
in a table, so that NumPy, TensorFlow (with and without XLA), JAX and torch agree to the last bit.

Functions take `xp`, either `numpy` or `keras.ops`, and arrays of that kind.
"""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from scipy.special import ndtri

Array = Any
"""A NumPy array, or a tensor of the Keras backend: `xp` says which."""

_TABLE_BITS = 16


def cast(values: Array, dtype: str, xp: ModuleType = np) -> Array:
    """`values` as an array of `dtype`, whatever `xp` is."""
    return np.asarray(values).astype(dtype, copy=False) if xp is np else xp.cast(values, dtype)


def _constant(value: int) -> np.ndarray:
    """One element, not a scalar: NumPy warns when a scalar wraps around, and wrapping is what is wanted here."""
    return np.array([value], np.uint32)


_MULTIPLIER, _INCREMENT, _ALL_BITS, _HALF = (_constant(value) for value in (1664525, 1013904223, 0xFFFFFFFF, 16))


def _multiply_add(a: Array, b: Array, c: Array, xp: ModuleType) -> Array:
    """a * b + c modulo 2^32. The mask does nothing to uint32, but Keras keeps uint32 in torch's int64."""
    return xp.bitwise_and(xp.add(xp.multiply(a, b), c), _ALL_BITS)


def _mix(a: Array, b: Array, c: Array, d: Array, xp: ModuleType) -> tuple[Array, Array, Array, Array]:
    a = _multiply_add(b, d, a, xp)
    b = _multiply_add(c, a, b, xp)
    c = _multiply_add(a, b, c, xp)
    d = _multiply_add(b, c, d, xp)
    return a, b, c, d


def random_words(a: Array, b: Array, c: Array, d: Array, xp: ModuleType = np) -> tuple[Array, Array, Array, Array]:
    """Four independent words, uniform over 0 .. 2^32 - 1, for each key (a, b, c, d).

    Args:
      a, b, c, d: uint32 arrays of at least one axis that broadcast together.
      xp: `numpy` or `keras.ops`.

    Returns:
      Four uint32 arrays of the broadcast shape.
    """
    a, b, c, d = (_multiply_add(key, _MULTIPLIER, _INCREMENT, xp) for key in (a, b, c, d))
    a, b, c, d = (xp.bitwise_xor(word, xp.right_shift(word, _HALF)) for word in _mix(a, b, c, d, xp))
    return _mix(a, b, c, d, xp)


def check_seed(seed: int) -> None:
    """Raises ValueError for a seed that `keyed_words` would cut off."""
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"seed must have at most 64 bits. Received: seed={seed}")


def keyed_words(
    seed: int, purpose: int, epoch: Array | int, clips: Array, frames: Array, items: np.ndarray, xp: ModuleType = np
) -> tuple[Array, Array, Array, Array]:
    """Four independent words for each clip, frame and item, another draw for each seed, purpose and epoch.

    Args:
      seed: any integer of up to 64 bits.
      purpose: what the numbers are for.
      epoch: int or a scalar integer tensor.
      clips, frames: integers that broadcast together and with `items`.
      items: [K] numbers of what is drawn in a frame, such as keypoints.
      xp: `numpy` or `keras.ops`.

    Returns:
      Four uint32 arrays of the broadcast shape.
    """
    low, high, what = (np.array([number & 0xFFFFFFFF], np.uint32) for number in (seed, seed >> 32, purpose))
    stream = random_words(low, high, xp.reshape(cast(epoch, "uint32", xp), (1,)), what, xp)[0]
    clips, frames = cast(clips, "uint32", xp), cast(frames, "uint32", xp)
    return random_words(clips, frames, items.astype(np.uint32), stream, xp)


def uniform(words: Array, xp: ModuleType = np) -> Array:
    """float32 in [0, 1), a multiple of 2^-24, from uint32 `words`."""
    return cast(xp.right_shift(words, _constant(8)), "float32", xp) * 2.0**-24


def integers(words: Array, count: int, xp: ModuleType = np) -> Array:
    """int32 in 0 .. count - 1 (count <= 65536), uniform to 1 / 65536, from uint32 `words`."""
    if not 1 <= count <= 1 << _TABLE_BITS:
        raise ValueError(f"count must lie in 1 .. 65536. Received: count={count}")
    scaled = xp.multiply(xp.right_shift(words, _HALF), _constant(count))
    return cast(xp.right_shift(scaled, _HALF), "int32", xp)


@cache
def normal_table(scale: float) -> np.ndarray:
    """float32 [65536]: `scale` times the quantiles of the standard normal at the middles of 65,536 equal shares."""
    shares = 1 << _TABLE_BITS
    table = (scale * ndtri((np.arange(shares) + 0.5) / shares)).astype(np.float32)
    table.flags.writeable = False
    return table


def normal(words: Array, scale: float, xp: ModuleType = np) -> Array:
    """float32, normal with mean 0 and standard deviation `scale`, from uint32 `words`.

    The inverse of the distribution is looked up with the upper 16 bits, where a formula would need a logarithm and a
    cosine that every backend rounds differently. The values end at 4.3 standard deviations (two in 10^5 lie beyond).
    """
    return xp.take(normal_table(float(scale)), cast(xp.right_shift(words, _HALF), "int32", xp), axis=0)
