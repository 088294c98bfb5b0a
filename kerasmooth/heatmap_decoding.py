"""The maximum of heatmaps, to the cell or below it: what `HeatmapCodec.decode` does, on flat arrays.

Axes: N heatmap frames, height H, width W, K keypoints. `xp` is `numpy` or `keras.ops`.
"""

from functools import cache
from types import ModuleType

import numpy as np

from kerasmooth.keyed_random import Array, cast

DECODING_METHODS = ("argmax", "dark", "udp")

_BORDER = 2
"""Cells from a border within which there is not enough to see a maximum's shape."""

_FLOOR = 1e-6
"""What counts as zero beside the maximum, before a logarithm."""


@cache
def _blur_matrix(sigma: float, reach: int) -> np.ndarray:
    """float32 [2 reach + 1, 2 (reach + radius) + 1]: a Gaussian filter of radius 4 sigma as a matrix on a patch."""
    radius = int(4 * sigma + 0.5)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    matrix = np.zeros((2 * reach + 1, 2 * (reach + radius) + 1), np.float32)
    for row in range(len(matrix)):
        matrix[row, row : row + len(taps)] = taps / taps.sum()
    matrix.flags.writeable = False
    return matrix


def decode_frames(frames: Array, method: str, sigma: float, xp: ModuleType) -> tuple[Array, Array]:
    """Decodes heatmaps; `HeatmapCodec.decode` says how.

    Args:
      frames: [N, H, W, K].
      method: one of `DECODING_METHODS`.
      sigma: of the Gaussian that smooths before refinement, in cells.
      xp: `numpy` or `keras.ops`.

    Returns:
      keypoints float32 [N, K, 2] and confidence float32 [N, K].
    """
    x, y, peak = _maxima(frames, xp)
    keypoints = cast(xp.stack([x, y], axis=-1), "float32", xp)
    if method != "argmax":
        keypoints = keypoints + _offsets(frames, x, y, peak, method, sigma, xp)
    return keypoints, xp.where(peak > 0, peak, 0.0)


def _maxima(frames: Array, xp: ModuleType) -> tuple[Array, Array, Array]:
    """Column x and row y (int32 [N, K]) of the first maximum of heatmaps [N, H, W, K], and its value, never NaN."""
    if xp is np:
        return _maxima_in_numpy(frames)
    height, width = frames.shape[1:3]
    row_maxima = xp.max(_without_nan(frames, xp), axis=2)
    peak = xp.max(row_maxima, axis=1)
    y = _first_index(row_maxima, peak, height, xp)
    whole_row = xp.arange(width, dtype="int32")[:, None]
    row = _without_nan(_gather(frames, y[:, None, None, :], whole_row, xp)[:, 0], xp)
    return _first_index(row, peak, width, xp), y, peak


def _maxima_in_numpy(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same by columns first: reducing over rows runs through memory in order, and is six times as fast."""
    num_frames, height, width, num_keypoints = frames.shape
    column_maxima = np.fmax.reduce(frames.reshape(num_frames, height, width * num_keypoints), axis=1)
    column_maxima = _without_nan(column_maxima.reshape(num_frames, width, num_keypoints), np)
    peak = column_maxima.max(axis=1)
    reached = column_maxima >= peak[:, None]
    x = reached.argmax(axis=1).astype(np.int32)
    column = _gather(frames, np.arange(height)[:, None, None], x[:, None, None, :], np)[:, :, 0]
    y = _first_index(_without_nan(column, np), peak, height, np)
    # Where several columns reach the maximum, the first of them need not hold the first in reading order. For a heatmap
    # of all zeros it does: its maximum is in the very first cell.
    doubtful = (reached.sum(axis=1) > 1) & (frames[:, 0, 0] != peak) & (peak > -np.inf)
    if doubtful.any():
        frame, keypoint = np.nonzero(doubtful)
        equal = cast(frames[frame, :, :, keypoint], "float32") >= peak[doubtful][:, None, None]
        y[doubtful], x[doubtful] = np.divmod(equal.reshape(len(frame), -1).argmax(axis=1), width)
    return x, y, peak


def _without_nan(values: Array, xp: ModuleType) -> Array:
    values = cast(values, "float32", xp)
    return xp.where(values == values, values, -np.inf)


def _first_index(values: Array, peak: Array, length: int, xp: ModuleType) -> Array:
    """int32 [N, K]: the first index along axis 1 of `values` [N, n, K] that reaches `peak` [N, K]."""
    index = xp.arange(length, dtype="int32")[None, :, None]
    return xp.min(xp.where(values >= peak[:, None], index, length - 1), axis=1)


def _gather(frames: Array, rows: Array, columns: Array, xp: ModuleType) -> Array:
    """Values of heatmaps [N, H, W, K] at int32 `rows` and `columns` that broadcast to [N, P, Q, K]."""
    height, width, num_keypoints = frames.shape[1:]
    frame = xp.arange(xp.shape(frames)[0], dtype="int32")[:, None, None, None]
    keypoint = xp.arange(num_keypoints, dtype="int32")
    if xp is np:
        return frames[frame, rows, columns, keypoint]
    flat = ((frame * height + rows) * width + columns) * num_keypoints + keypoint
    return xp.take(xp.reshape(frames, (-1,)), flat, axis=0)


def _offsets(frames: Array, x: Array, y: Array, peak: Array, method: str, sigma: float, xp: ModuleType) -> Array:
    """float32 [N, K, 2]: (x, y) from the cell of the maximum to the refined one."""
    reach = 2 if method == "dark" else 1
    surface = _log_surroundings(frames, x, y, peak, reach, sigma, xp)
    height, width = frames.shape[1:3]
    gradient_x, gradient_y, xx, yy, xy = _derivatives(surface, reach)
    room_x = xp.logical_and(x >= _BORDER, x <= width - 1 - _BORDER)
    room_y = xp.logical_and(y >= _BORDER, y <= height - 1 - _BORDER)
    xy = xp.where(xp.logical_and(room_x, room_y), xy, 0.0)
    gradient_x, xx = xp.where(room_x, gradient_x, 0.0), xp.where(room_x, xx, -1.0)
    gradient_y, yy = xp.where(room_y, gradient_y, 0.0), xp.where(room_y, yy, -1.0)
    determinant = xx * yy - xy * xy
    is_maximum = xp.logical_and(xp.logical_and(xx < 0, determinant > 1e-9), xp.isfinite(peak))
    divisor = xp.where(is_maximum, determinant, 1.0)
    offset = xp.stack([xy * gradient_y - yy * gradient_x, xy * gradient_x - xx * gradient_y], axis=-1)
    offset = xp.clip(offset / divisor[..., None], -1.0, 1.0)
    return xp.where(is_maximum[..., None], offset, 0.0)


def _log_surroundings(
    frames: Array, x: Array, y: Array, peak: Array, reach: int, sigma: float, xp: ModuleType
) -> Array:
    """Logarithm of the smoothed heatmaps [N, m, m, K] around (x, y), m = 2 reach + 1; the peak is taken as 1."""
    height, width = frames.shape[1:3]
    blur = _blur_matrix(sigma, reach)
    patch_reach = blur.shape[1] // 2
    steps = xp.arange(-patch_reach, patch_reach + 1, dtype="int32")
    rows = (y[:, None] + steps[:, None])[:, :, None]
    columns = (x[:, None] + steps[:, None])[:, None]
    patch = cast(_gather(frames, xp.clip(rows, 0, height - 1), xp.clip(columns, 0, width - 1), xp), "float32", xp)
    usable = xp.logical_and(xp.isfinite(peak), peak > 0)
    top = xp.where(usable, peak, 1.0)[:, None, None]
    patch = xp.where(patch > 0, xp.minimum(patch, top), 0.0) / top  # NaN is not > 0
    window, num_keypoints = 2 * patch_reach + 1, frames.shape[-1]
    patch = xp.matmul(blur, patch)
    patch = xp.matmul(blur, xp.reshape(patch, (-1, window, len(blur) * num_keypoints)))
    patch = xp.reshape(patch, (-1, len(blur), len(blur), num_keypoints))
    return xp.log(xp.maximum(patch, _FLOOR))


def _derivatives(surface: Array, reach: int) -> tuple[Array, Array, Array, Array, Array]:
    """Gradient (x, y) and second derivatives (xx, yy, xy) at the middle of surfaces [N, m, m, K]; each [N, K]."""

    def at(dy: int, dx: int) -> Array:
        return surface[:, reach + dy, reach + dx]

    middle = at(0, 0)
    gradient_x, gradient_y = (at(0, 1) - at(0, -1)) / 2, (at(1, 0) - at(-1, 0)) / 2
    xx = (at(0, reach) - 2 * middle + at(0, -reach)) / reach**2
    yy = (at(reach, 0) - 2 * middle + at(-reach, 0)) / reach**2
    if reach == 2:
        xy = (at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4
    else:
        sides = at(0, 1) + at(1, 0) + at(0, -1) + at(-1, 0)
        xy = (at(1, 1) + at(-1, -1) + 2 * middle - sides) / 2
    return gradient_x, gradient_y, xx, yy, xy
