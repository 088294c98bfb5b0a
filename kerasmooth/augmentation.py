"""Augmentation of training windows: one random rotation, shift and mirroring for all frames of a window.

The study rotates each window of its regularised finetuning by an angle drawn from [-45, 45] degrees (Andersen,
"Temporal Smoothing in 2D Human Pose Estimation for Bouldering", 2023). Heatmaps are rendered from keypoints here, so
it is the keypoints that move, exactly and for a few multiplications; a real detector's heatmaps, which nobody can
render anew, are resampled by the same map.

Like the simulated detector's noise, a draw is a pure function of its key (seed, epoch, clip, first frame). Functions
take `xp`, either `numpy` or `keras.ops`, and arrays of that kind. Everything happens in heatmap cells; a box whose
sides have unlike lengths shows its person stretched, so that a rotation of cells is no rotation of the image. That is
the published way.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from kerasmooth.boxes import Size, inside
from kerasmooth.keyed_random import Array, cast, check_seed, keyed_words, uniform
from kerasmooth.skeletons import BOULDERING_25

Pairs = tuple[tuple[int, int], ...]
"""(left, right) keypoint indices."""

_PURPOSE = 16
"""What the numbers are drawn for, as part of their key: apart from the noise's own purposes."""


@dataclass(frozen=True)
class Augmentation:
    """Keyed random motion of training windows.

    Attributes:
      max_rotation_degrees: the angle is uniform over plus and minus this, about the middle of the grid; published: 45.
      max_translation: the shift along each axis is uniform over plus and minus this many cells, in fractions of a cell.
      flip: mirror half of the windows left to right, and exchange left and right keypoints of these.
      seed: any integer of up to 64 bits.
      pairs: what `flip` exchanges.

    Raises:
      ValueError: an angle outside [0, 180], a negative or infinite translation, a seed that is too long.
    """

    max_rotation_degrees: float = 0.0
    max_translation: float = 0.0
    flip: bool = False
    seed: int = 0
    pairs: Pairs = BOULDERING_25.pairs

    def __post_init__(self) -> None:
        if not 0 <= self.max_rotation_degrees <= 180:
            raise ValueError(
                f"max_rotation_degrees must lie in [0, 180]. Received: max_rotation_degrees={self.max_rotation_degrees}"
            )
        if not 0 <= self.max_translation < np.inf:
            raise ValueError(
                f"max_translation must be finite and not negative. Received: max_translation={self.max_translation}"
            )
        check_seed(self.seed)

    @property
    def enabled(self) -> bool:
        """Whether `apply` changes anything."""
        return self.max_rotation_degrees > 0 or self.max_translation > 0 or self.flip

    def apply(self, batch: dict[str, Array], size: Size, epoch: Array | int, xp: ModuleType = np) -> dict[str, Array]:
        """Moves a batch of windows, each by its own draw.

        Boxes and image coordinates do not describe the result: for training only.

        Args:
          batch: `keypoints` [B, T, K, 2], (x, y) in heatmap cells; `visibility` bool [B, T, K]; `clip_key` uint32 [B];
            `frame_numbers` int [B, T]; maybe `heatmaps` [B, T, H, W, K]; anything else passes through.
          size: (height, width) of the grid.
          epoch: int, or a scalar integer tensor; another epoch is another draw.
          xp: `numpy` or `keras.ops`.

        Returns:
          The batch with new `keypoints` (float32, 0 where not visible), `visibility` (False where a keypoint rounds
          to a cell outside the grid) and, if there were any, `heatmaps` (zeros where they show what lay outside).
        """
        if not self.enabled:
            return batch
        matrix, flipped = self.draw(batch["clip_key"], batch["frame_numbers"], size, epoch, xp)
        keypoints, visibility = batch["keypoints"], cast(batch["visibility"], "bool", xp)
        keypoints = move_keypoints(keypoints, matrix, xp)
        moved = dict(batch)
        if "heatmaps" in batch:
            moved["heatmaps"] = move_heatmaps(batch["heatmaps"], matrix, xp=xp)
        if self.flip:
            keypoints = exchange_sides(keypoints, flipped, self.pairs, -2, xp)
            visibility = exchange_sides(visibility, flipped, self.pairs, -1, xp)
            if "heatmaps" in batch:
                moved["heatmaps"] = exchange_sides(moved["heatmaps"], flipped, self.pairs, -1, xp)
        visibility = xp.logical_and(visibility, inside(keypoints, size, xp))
        moved["visibility"] = visibility
        moved["keypoints"] = xp.where(visibility[..., None], keypoints, np.float32(0))
        return moved

    def draw(
        self, clip_keys: Array, frame_numbers: Array, size: Size, epoch: Array | int, xp: ModuleType = np
    ) -> tuple[Array, Array]:
        """The motion of each window: `motion` float32 [B, 2, 3], and bool [B], whether it was mirrored."""
        words = keyed_words(self.seed, _PURPOSE, epoch, clip_keys, frame_numbers[:, 0], np.zeros(1), xp)
        angle, move_x, move_y = (uniform(word, xp) * np.float32(2) - np.float32(1) for word in words[:3])
        moves = xp.stack([move_x, move_y], axis=-1) * np.float32(self.max_translation)
        flipped = xp.logical_and(uniform(words[3], xp) < np.float32(0.5), np.array([self.flip]))
        return motion(angle * np.float32(self.max_rotation_degrees), moves, flipped, size, xp), flipped


def motion(degrees: Array, moves: Array, flipped: Array, size: Size, xp: ModuleType = np) -> Array:
    """Affine maps of heatmap coordinates: mirror, then rotate, both about the middle of the grid, then shift.

    Args:
      degrees: float32 [B], positive is counter-clockwise as one sees it (y runs down), as in tensorflow-addons.
      moves: float32 [B, 2], (x, y) in cells.
      flipped: bool [B], mirror left to right first.
      size: (height, width) of the grid.

    Returns:
      float32 [B, 2, 3]: (x, y) goes to matrix[:, :, :2] (x, y) + matrix[:, :, 2].
    """
    height, width = size
    radians = cast(degrees, "float32", xp) * np.float32(np.pi / 180)
    cosine, sine = xp.cos(radians), xp.sin(radians)
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


def move_heatmaps(heatmaps: Array, matrix: Array, interpolation: str = "bilinear", xp: ModuleType = np) -> Array:
    """Heatmaps [B, T, H, W, K] resampled under each window's `motion` [B, 2, 3]; zeros flow in from outside.

    Rows of a table are gathered, where `keras.ops.image.affine_transform` would give the same numbers: that one has
    no XLA kernel under TensorFlow, so that a compiled training step could not contain it, and needs the window's
    frames one by one.

    Args:
      heatmaps: float [B, T, H, W, K].
      matrix: float32 [B, 2, 3], a rigid map (`motion`): where a point of the input goes.
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
    x, y = _sources(matrix, (height, width))
    if interpolation == "nearest":
        result = _gather(table, xp.floor(x + np.float32(0.5)), xp.floor(y + np.float32(0.5)), (height, width), xp)
    else:
        left, top = xp.floor(x), xp.floor(y)
        right_share, bottom_share = (x - left)[..., None], (y - top)[..., None]
        result = 0.0
        for column, share_x in ((left, 1 - right_share), (left + 1, right_share)):
            for row, share_y in ((top, 1 - bottom_share), (top + 1, bottom_share)):
                result += _gather(table, column, row, (height, width), xp) * (share_x * share_y)
    result = xp.reshape(result, (-1, height, width, frames, keypoints))
    return xp.transpose(result, (0, 3, 1, 2, 4))


def _sources(matrix: Array, size: Size) -> tuple[Array, Array]:
    """Where each cell of the result comes from: x and y, each [B, H * W]. A rigid map's inverse is its transpose."""
    rows, columns = np.indices(size, np.float32).reshape(2, 1, -1)
    matrix = matrix[:, None]
    x, y = columns - matrix[..., 0, 2], rows - matrix[..., 1, 2]
    return matrix[..., 0, 0] * x + matrix[..., 1, 0] * y, matrix[..., 0, 1] * x + matrix[..., 1, 1] * y


def _gather(table: Array, columns: Array, rows: Array, size: Size, xp: ModuleType) -> Array:
    """Rows [B, H * W, C] of `table` [B * H * W, C] at whole-numbered cells [B, H * W] of each window; 0 outside."""
    height, width = size
    known = (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)
    cells = cast(xp.where(known, rows * width + columns, np.float32(0)), "int32", xp)
    first = xp.arange(xp.shape(columns)[0], dtype="int32")[:, None] * (height * width)
    return xp.where(known[..., None], xp.take(table, cells + first, axis=0), np.float32(0))


def exchange_sides(values: Array, flipped: Array, pairs: Pairs, axis: int, xp: ModuleType = np) -> Array:
    """`values` [B, ...] with left and right keypoints of axis `axis` exchanged in the windows where `flipped` [B]."""
    partner = np.arange(values.shape[axis])
    for left, right in pairs:
        if max(left, right) >= len(partner):
            raise ValueError(f"pairs name a keypoint that is not there. Received: pairs={pairs}, K={len(partner)}")
        partner[[left, right]] = right, left
    where = xp.reshape(flipped, (-1, *[1] * (len(values.shape) - 1)))
    return xp.where(where, xp.take(values, partner, axis=axis), values)
