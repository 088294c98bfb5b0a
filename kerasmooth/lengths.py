"""Lengths and checks over a last axis of one, two or three coordinates.

NumPy reduces so short an axis number by number; coordinate by coordinate it is several times as fast.
"""

from types import ModuleType
from typing import Any

import numpy as np


def lengths(vectors: Any, xp: ModuleType = np) -> Any:
    """Euclidean lengths of [..., D]: [...]; `xp` is `numpy` or `keras.ops`."""
    squares = vectors[..., 0] * vectors[..., 0]
    for axis in range(1, vectors.shape[-1]):
        squares += vectors[..., axis] * vectors[..., axis]
    return xp.sqrt(squares)


def all_finite(vectors: np.ndarray) -> np.ndarray:
    """bool [...]: all coordinates of [..., D] are finite."""
    finite = np.isfinite(vectors[..., 0])
    for axis in range(1, vectors.shape[-1]):
        finite &= np.isfinite(vectors[..., axis])
    return np.asarray(finite)
