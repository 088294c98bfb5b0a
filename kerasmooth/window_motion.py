"""Rotating, scaling, mirroring and shifting windows of keypoints, and of heatmaps that nobody can render anew.

Functions take `xp`, either `numpy` or `keras.ops`, and arrays of that kind. Everything happens in heatmap cells.
"""

from types import ModuleType

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.keyed_random import Array, cast

Pairs = tuple[tuple[int, int], ...]
"""(left, right) keypoint indices."""


def motion(
    degrees: Array, moves: Array, flipped: Array, size: Size, xp: ModuleType = np, factors: Array | float = 1.0
) -> Array:
    """Affine maps of heatmap coordinates: mirror, rotate and scale about the middle of the grid, then shift.

    Args:
      degrees: float32 [B], positive is counter-clockwise as one sees it (y runs down), as in tensorflow-addons.
      moves: float32 [B, 2], (x, y) in cells.
      flipped: bool [B], mirror left to right first.
      size: (height, width) of the grid.
      xp: `numpy` or `keras.ops`.
      factors: float32 [B] or one: above 1 is larger.

    Returns:
      float32 [B, 2, 3]: (x, y) goes to matrix[:, :, :2] (x, y) + matrix[:, :, 2].
    """
    height, width = size
    radians = cast(degrees, "float32", xp) * np.float32(np.pi / 180)
    cosine, sine = xp.cos(radians) * factors, xp.sin(radians) * factors
    sign = xp.where(flipped, np.float32(-1), np.float32(1))
    middle_x, middle_y = np.float32((width - 1) / 2), np.float32((height - 1) / 2)
    x_from_x, y_from_x = cosine * sign, -sine * sign
    offset_x = middle_x - x_from_x * middle_x - sine * middle_y + moves[..., 0]
    offset_y = middle_y - y_from_x * middle_x - cosine * middle_y + moves[..., 1]
    rows = [xp.stack([x_from_x, sine, offset_x], axis=-1), xp.stack([y_from_x, cosine, offset_y], axis=-1)]
    return xp.stack(rows, axis=-2)


def move_keypoints(keypoints: Array, matrix: Array, xp: ModuleType = np) -> Array:
    """Keypoints [B, T, K, 2] under each window's `motion` [B, 2, 3], float32."""
    keypoints, matrix = cast(keypoints, "float32", xp), matrix[:, None, None]
    x, y = keypoints[..., 0], keypoints[..., 1]
    return xp.stack([matrix[..., i, 0] * x + matrix[..., i, 1] * y + matrix[..., i, 2] for i in (0, 1)], axis=-1)


def move_boxes(boxes: Array, matrix: Array, size: Size, xp: ModuleType = np) -> Array:
    """Boxes [B, T, 4] of windows whose keypoints go by a `motion` [B, 2, 3] of their cells: their centres move about
    their mean, by the same map of cells, and keep their size.
    """
    height, width = size
    boxes = cast(boxes, "float32", xp)
    low, high = boxes[..., :2], boxes[..., 2:]
    half, centre = (high - low) / 2, (low + high) / 2
    cell = xp.mean(high - low, axis=1, keepdims=True) / np.array([width, height], np.float32)
    cell = xp.where(cell > 0, cell, np.float32(1))
    mean = xp.mean(centre, axis=1, keepdims=True)
    linear = xp.concatenate([matrix[..., :2], xp.zeros_like(matrix[..., :1])], axis=-1)
    moved = move_keypoints(((centre - mean) / cell)[..., None, :], linear, xp)[..., 0, :] * cell + mean
    return xp.concatenate([moved - half, moved + half], axis=-1)


def move_heatmaps(heatmaps: Array, matrix: Array, interpolation: str = "bilinear", xp: ModuleType = np) -> Array:
    """Heatmaps [B, T, H, W, K] resampled under each window's `motion` [B, 2, 3]; zeros flow in from outside.

    Rows of a table are gathered, where `keras.ops.image.affine_transform` would give the same numbers: that one has
    no XLA kernel under TensorFlow, so that a compiled training step could not contain it, and needs the window's
    frames one by one.

    Args:
      heatmaps: float [B, T, H, W, K], which keep their sums where a motion scales.
      matrix: float32 [B, 2, 3], a `motion`: where a point of the input goes.
      interpolation: "bilinear" or "nearest".
      xp: `numpy` or `keras.ops`.

    Returns:
      float32 [B, T, H, W, K].
    """
    if interpolation not in ("bilinear", "nearest"):
        raise ValueError(f"interpolation must be 'bilinear' or 'nearest'. Received: interpolation={interpolation!r}")
    frames, height, width, keypoints = heatmaps.shape[1:]
    by_cell = xp.transpose(cast(heatmaps, "float32", xp), (0, 2, 3, 1, 4))
    table = xp.reshape(by_cell, (-1, frames * keypoints))
    x, y = _sources(matrix, (height, width), xp)
    if interpolation == "nearest":
        result = _gather(table, xp.floor(x + np.float32(0.5)), xp.floor(y + np.float32(0.5)), (height, width), xp)
    else:
        left, top = xp.floor(x), xp.floor(y)
        right_share, bottom_share = (x - left)[..., None], (y - top)[..., None]
        result = 0.0
        for column, share_x in ((left, 1 - right_share), (left + 1, right_share)):
            for row, share_y in ((top, 1 - bottom_share), (top + 1, bottom_share)):
                result += _gather(table, column, row, (height, width), xp) * (share_x * share_y)
    result = xp.reshape(result / _area(matrix, xp)[..., None], (-1, height, width, frames, keypoints))
    return xp.transpose(result, (0, 3, 1, 2, 4))


def _area(matrix: Array, xp: ModuleType) -> Array:
    """What becomes of an area of 1 under a motion [B, 2, 3], the square of its factor: [B, 1]."""
    area = (matrix[:, 0, 0] ** 2 + matrix[:, 0, 1] ** 2)[:, None]
    # Of a rigid motion it is 1 but for rounding, which would change what nearest cells give.
    return xp.where(xp.abs(area - 1) < 1e-5, np.float32(1), area)


def _sources(matrix: Array, size: Size, xp: ModuleType = np) -> tuple[Array, Array]:
    """Where each cell of the result comes from: x and y, each [B, H * W].

    The inverse of a motion is its transpose over its area.
    """
    area = _area(matrix, xp)
    rows, columns = np.indices(size, np.float32).reshape(2, 1, -1)
    matrix = matrix[:, None]
    x, y = columns - matrix[..., 0, 2], rows - matrix[..., 1, 2]
    x, y = matrix[..., 0, 0] * x + matrix[..., 1, 0] * y, matrix[..., 0, 1] * x + matrix[..., 1, 1] * y
    return x / area, y / area


def _gather(table: Array, columns: Array, rows: Array, size: Size, xp: ModuleType) -> Array:
    """Rows [B, H * W, C] of `table` [B * H * W, C] at whole-numbered cells [B, H * W] of each window; 0 outside."""
    height, width = size
    known = (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)
    cells = cast(xp.where(known, rows * width + columns, np.float32(0)), "int32", xp)
    first = xp.arange(xp.shape(columns)[0], dtype="int32")[:, None] * (height * width)
    return xp.where(known[..., None], xp.take(table, cells + first, axis=0), np.float32(0))


def exchange_sides(values: Array, flipped: Array, pairs: Pairs, axis: int, xp: ModuleType = np) -> Array:
    """`values` [B, ...] with left and right keypoints of axis `axis` exchanged in the windows where `flipped` [B]."""
    where = xp.reshape(flipped, (-1, *[1] * (len(values.shape) - 1)))
    return xp.where(where, xp.take(values, partners(pairs, values.shape[axis]), axis=axis), values)


def partners(pairs: Pairs, num_keypoints: int) -> np.ndarray:
    """int [K]: of each keypoint the one that (left, right) `pairs` pair it with, itself where they do not.

    Raises ValueError where they name a keypoint that is not there.
    """
    partner = np.arange(num_keypoints)
    for left, right in pairs:
        if max(left, right) >= num_keypoints:
            raise ValueError(f"pairs must be keypoint indices below K = {num_keypoints}. Received: pairs={pairs}")
        partner[[left, right]] = right, left
    return partner
