"""Symmetric banded matrices of smoothing: penalties on differences, correlated noise, products, inverses.

All in the lower form of LAPACK: row i holds the i-th diagonal below the main one, [bands, T].
"""

import math

import numpy as np


def difference_penalty(frames: int, order: int, stiffness: np.ndarray | None = None) -> np.ndarray:
    """D' diag(stiffness) D of the `order`-th differences, [order + 1, T].

    Args:
      frames: T.
      order: of the differences.
      stiffness: [T - order], what each difference is multiplied with; None is 1.
    """
    bands = np.zeros((order + 1, frames))
    row = np.array([(-1.0) ** (order - i) * math.comb(order, i) for i in range(order + 1)])
    rows = frames - order
    if rows > 0:
        shares = np.ones(rows) if stiffness is None else stiffness
        for offset in range(order + 1):
            for i in range(order + 1 - offset):
                bands[offset, i : i + rows] += row[i] * row[i + offset] * shares
    return bands


def stiffness_at(cutoff: np.ndarray, fps: float, order: int) -> np.ndarray:
    """The stiffness of `difference_penalty` with which a smoother passes half of the amplitude at these cut-offs in Hz.

    Cut-offs beyond what the frame rate can show go on as powers: there almost everything passes.
    """
    highest = 0.42 * fps
    inside = 2 * np.sin(np.pi * np.minimum(cutoff, highest) / fps)
    return (inside * np.maximum(cutoff / highest, 1.0)) ** (-2.0 * order)


def noise_precision(frames: int, memory: float, fps: float) -> np.ndarray:
    """Inverse covariance of noise of variance 1 whose correlation falls to 1/e in `memory` seconds, [2, T] (AR(1))."""
    bands = np.zeros((2, frames))
    if memory <= 0 or frames < 2:
        bands[0] = 1.0
        return bands
    rho = math.exp(-1 / (memory * fps))
    bands[0] = (1 + rho**2) / (1 - rho**2)
    bands[0, [0, -1]] = 1 / (1 - rho**2)
    bands[1, :-1] = -rho / (1 - rho**2)
    return bands


def weighed(bands: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The matrix with row and column t multiplied by the root of weights[t]."""
    roots = np.sqrt(weights)
    result = bands * roots
    for offset in range(len(bands)):
        result[offset, : len(roots) - offset] *= roots[offset:]
    return result


def banded_product(bands: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The matrix times values [T, C]."""
    result = bands[0][:, None] * values
    for offset in range(1, len(bands)):
        band = bands[offset, : len(values) - offset, None]
        result[offset:] += band * values[: len(values) - offset]
        result[: len(values) - offset] += band * values[offset:]
    return result


def inverse_diagonals(factors: np.ndarray) -> np.ndarray:
    """The diagonals of the inverses of M matrices, [M, T], from their Cholesky factors [M, bands, T].

    Reference: Takahashi, Fagan, Chin, Formation of a sparse bus impedance matrix, 1973.
    """
    count, bands, frames = factors.shape
    columns = np.ascontiguousarray(np.moveaxis(factors, 2, 0))
    inverse_pivots = 1 / columns[:, :, 0]
    columns = columns[:, :, 1:] * inverse_pivots[:, :, None]
    diagonals = np.empty((frames, count))
    # The inverse's rows and columns after the current one.
    after = np.zeros((count, bands - 1, bands - 1))
    for frame in range(frames - 1, -1, -1):
        beside = -np.matmul(after, columns[frame][:, :, None])[:, :, 0]
        diagonals[frame] = inverse_pivots[frame] ** 2 - (columns[frame] * beside).sum(axis=1)
        after[:, 1:, 1:] = after[:, :-1, :-1].copy()
        after[:, 0, 0] = diagonals[frame]
        after[:, 0, 1:] = after[:, 1:, 0] = beside[:, :-1]
    return diagonals.T
