"""Weighted least squares by a polynomial in a sliding window, for all windows at once.

The moments of the windows are products with banded matrices, sixteen windows a matrix: BLAS then is several times as
fast as a convolution of `scipy.ndimage`, though it multiplies by zeros as well.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_BLOCK = 16
"""Windows of a matrix."""
_NUMBERS = 51_200
"""Coordinates that are worked on at a time: what fits the second level cache."""
_NOTHING = 1e-12
"""Weight below which a window holds none."""
_FLAT = 1e-9
"""Share of the weight below which a pivot is rounding: what the window cannot settle is left out."""


def local_polynomial(
    positions: np.ndarray, weights: np.ndarray, kernel: np.ndarray, steps: np.ndarray, order: int, ridge: float = 0.0
) -> np.ndarray:
    """The fits' values [T, K, D] at the middle of their windows; where nothing is in reach the input is left.

    Args:
      positions: float64 [T, K, D].
      weights: [T, K], or [T, 1] for all keypoints; beyond the ends there are none.
      kernel: [n], n odd, what the places of a window weigh.
      steps: [n], the variable of the polynomial, 0 in the middle and about 1 at the ends.
      order: of the polynomial.
      ridge: share of the weight that is added to the matrix of the normal equations, but for the constant.
    """
    frames, num_keypoints, dimensions = positions.shape
    half = len(kernel) // 2
    matrices = _matrices(kernel * steps ** np.arange(2 * order + 1)[:, None])
    # Moments about a reference near the data lose no digits to a large offset.
    reference = positions.mean(axis=0)
    rows = min(_NUMBERS // max(1, num_keypoints * dimensions), max(1, frames))
    rows = -(-rows // _BLOCK) * _BLOCK
    # Made once: memory that is new to the process costs more than what is calculated in it.
    shares = np.zeros((rows + 2 * half, 1, weights.shape[1]))
    relative = np.zeros((rows + 2 * half, dimensions, num_keypoints))
    moments = np.empty((2 * order + 1, rows, 1, weights.shape[1]))
    sums = np.empty((order + 1, rows, dimensions, num_keypoints))
    result = np.empty_like(positions)
    for start in range(0, frames, rows):
        first, last = max(start - half, 0), min(start + rows + half, frames)
        inside = slice(first - start + half, last - start + half)
        for values in (shares, relative):
            values[: inside.start] = values[inside.stop :] = 0.0
        shares[inside, 0] = weights[first:last]
        np.multiply(np.swapaxes(positions[first:last] - reference, 1, 2), shares[inside], out=relative[inside])
        _window_sums(shares, matrices, moments)
        _window_sums(relative, matrices[: order + 1], sums)
        count = min(rows, frames - start)
        empty = moments[0, :count, 0] <= _NOTHING
        level = _middle(moments, sums, ridge)[:count]
        level += reference.T
        for axis in range(dimensions):
            result[start : start + count, :, axis] = level[:, axis]
        if empty.any():
            np.copyto(result[start : start + count], positions[start : start + count], where=empty[..., None])
    return result


def _matrices(kernels: np.ndarray) -> np.ndarray:
    """[M, block, block + n - 1]: each row of a matrix holds its kernel [M, n], a place further than the row before."""
    count, size = kernels.shape
    matrices = np.zeros((count, _BLOCK, _BLOCK + size - 1))
    for place in range(_BLOCK):
        matrices[:, place, place : place + size] = kernels
    return matrices


def _window_sums(values: np.ndarray, matrices: np.ndarray, out: np.ndarray) -> None:
    """Writes the sums over the windows of values [T + n - 1, ...] to out [M, T, ...]; T is a multiple of the block."""
    flat = values.reshape(len(values), -1)
    windows = sliding_window_view(flat, matrices.shape[2], axis=0)[::_BLOCK].swapaxes(1, 2)
    np.matmul(matrices[:, None], windows, out=out.reshape(len(matrices), -1, _BLOCK, flat.shape[1]))


def _middle(moments: np.ndarray, sums: np.ndarray, ridge: float) -> np.ndarray:
    """The polynomials' constant terms [T, D, K]; overwrites its arguments.

    Args:
      moments: [2 order + 1, T, 1, K or 1], sums of the weights times the powers of the steps.
      sums: [order + 1, T, D, K], those of the weighted positions.
      ridge: see `local_polynomial`.
    """
    total, *others = sums
    first, *rest = _first_row_of_inverse(moments, ridge)
    for axis in range(sums.shape[2]):
        total[:, axis] *= first[:, 0]
        for values, share in zip(others, rest, strict=True):
            values[:, axis] *= share[:, 0]
            total[:, axis] += values[:, axis]
    return total


def _first_row_of_inverse(moments: np.ndarray, ridge: float) -> list[np.ndarray]:
    """Of the matrices of the normal equations, whose elements (i, j) are moments[i + j], by factors L D L'."""
    size = (len(moments) + 1) // 2
    matrix = [[np.array(moments[row + column]) for column in range(row + 1)] for row in range(size)]
    for power in range(1, size if ridge else 1):
        matrix[power][power] += ridge * moments[0]
    factors, inverses = {}, []
    # The right side is 1, 0, 0, ...
    found: list[np.ndarray] = [np.ones_like(moments[0])] + [np.zeros_like(moments[0]) for _ in range(size - 1)]
    for pivot in range(size):
        pivots = matrix[pivot][pivot]
        inverses.append(np.divide(1, pivots, out=np.zeros_like(pivots), where=pivots > _FLAT * moments[0]))
        for row in range(pivot + 1, size):
            factors[row, pivot] = factor = matrix[row][pivot] * inverses[pivot]
            found[row] -= factor * found[pivot]
            for column in range(pivot + 1, row + 1):
                matrix[row][column] -= factor * matrix[column][pivot]
    for row in reversed(range(size)):
        found[row] *= inverses[row]
        for below in range(row + 1, size):
            found[row] -= factors[below, row] * found[below]
    return found
