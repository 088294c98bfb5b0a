"""Keypoints <-> heatmaps.

Encoding is the published one: a one-hot at the rounded keypoint under the Gaussian filter of `scipy.ndimage`
(truncate=4, mode="nearest"), times 255. That filter is separable and its answer to a one-hot depends on the position
only, so a heatmap is the outer product of two rows looked up in a table: the same numbers, a hundred times faster.

Decoding takes the maximum (published), or refines it below a cell from its neighbourhood: DARK (Zhang et al.,
"Distribution-Aware Coordinate Representation for Human Pose Estimation", CVPR 2020) and UDP (Huang et al., "The Devil
Is in the Details: Delving Into Unbiased Data Processing for Human Pose Estimation", CVPR 2020).

Functions take `xp`, either `numpy` or `keras.ops`, and arrays of that kind.
"""

import math
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kerasmooth.boxes import Size
from kerasmooth.heatmap_decoding import DECODING_METHODS, decode_frames
from kerasmooth.keyed_random import Array, cast

SCALE = 255.0
"""The published factor on every target heatmap."""

_CHUNK = 8
"""Frames that NumPy decodes at once: their maxima stay in the processor's cache."""


@cache
def _published_rows(length: int, sigmas: tuple[float, ...], scale: float) -> np.ndarray:
    """float32 [S * (n + 1), n]: `scale` times the filtered one-hot for each sigma and position; position n is none."""
    one_hot = np.eye(length + 1, length)
    rows = [gaussian_filter1d(one_hot, sigma, axis=1, mode="nearest", truncate=4.0) for sigma in sigmas]
    table = (scale * np.concatenate(rows)).astype(np.float32)
    table.flags.writeable = False
    return table


@dataclass(frozen=True)
class HeatmapCodec:
    """Renders keypoints as heatmaps and reads them back.

    Attributes:
      size: (height, width) of the grid, in cells.
      sigmas: standard deviations in cells that `sigma_index` chooses from; the first is that of the targets.
      scale: factor on every heatmap, so the sum of one that lies well inside the grid.

    Raises:
      ValueError: an empty grid, no sigma or one that is not positive, a scale that is not positive.
    """

    size: Size = (56, 56)
    sigmas: tuple[float, ...] = (1.0, 1.5, 2.0, 2.5, 3.0)
    scale: float = SCALE

    def __post_init__(self) -> None:
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(f"size must be a positive (height, width). Received: size={self.size}")
        if not self.sigmas or not all(0 < sigma < np.inf for sigma in self.sigmas):
            raise ValueError(f"sigmas must be positive, one at least. Received: sigmas={self.sigmas}")
        if not 0 < self.scale < np.inf:
            raise ValueError(f"scale must be positive. Received: scale={self.scale}")
        # Flags deliver lists; the tables are cached by sigmas.
        object.__setattr__(self, "size", tuple(int(length) for length in self.size))
        object.__setattr__(self, "sigmas", tuple(float(sigma) for sigma in self.sigmas))

    def encode(
        self,
        keypoints: Array,
        visibility: Array,
        sigma_index: Array | int,
        xp: ModuleType = np,
        sub_pixel: bool = False,
    ) -> Array:
        """Heatmaps of keypoints; all zeros for one that is not visible or does not round to a cell of the grid.

        Args:
          keypoints: [..., K, 2], (x, y) in heatmap cells; an integer is a cell's centre.
          visibility: bool [..., K].
          sigma_index: int [...], one per frame, or one int for all: index into `sigmas`.
          xp: `numpy` or `keras.ops`.
          sub_pixel: False is the published form, described above: the keypoint is rounded (half to even); one in an
            outermost cell counts as repeated beyond the border, so its heatmap is stronger there. True samples the
            Gaussian around the unrounded keypoint instead, exp(-d^2 / (2 sigma^2)) at distance d, scaled so that it
            would sum to `scale` over an unbounded grid; what falls outside is lost.

        Returns:
          float32 [..., H, W, K].
        """
        keypoints = cast(keypoints, "float32", xp)
        shown = xp.logical_and(cast(visibility, "bool", xp), self._inside(keypoints, xp))
        sigma = cast(sigma_index, "int32", xp)[..., None]
        render = self._gaussian_profile if sub_pixel else self._published_profile
        columns = render(keypoints[..., 0], shown, sigma, self.size[1], 1.0, xp)
        rows = render(keypoints[..., 1], shown, sigma, self.size[0], self.scale, xp)
        # Broadcasting over few axes is the faster the fewer they are.
        leading, (height, width), num_keypoints = xp.shape(rows)[:-2], self.size, rows.shape[-1]
        rows = xp.reshape(rows, (-1, height, 1, num_keypoints))
        columns = xp.reshape(columns, (-1, 1, width, num_keypoints))
        return xp.reshape(rows * columns, (*leading, height, width, num_keypoints))

    def decode(self, heatmaps: Array, method: str = "argmax", xp: ModuleType = np) -> tuple[Array, Array]:
        """Keypoints of heatmaps.

        Args:
          heatmaps: [..., H, W, K] of any size, compared as float32. NaN and, for refinement, negative values count as
            no evidence.
          method: "argmax": the cell of the maximum, the first one in reading order among equals. "dark" and "udp":
            that cell plus the offset, at most one cell per axis, to the maximum of a parabola through the logarithm of
            the smoothed surroundings (by a Gaussian of the targets' sigma), which is exact for Gaussians. They differ
            in how second derivatives are taken: over two cells (dark) or one (udp). Not refined: an axis on which the
            maximum lies in one of the two cells next to a border, and surroundings that have no maximum.
          xp: `numpy` or `keras.ops`.

        Returns:
          keypoints float32 [..., K, 2], (x, y) in cells, and confidence float32 [..., K]: the maximum of the heatmap,
          in its own unit, and 0 where nothing is positive. A heatmap of all equal values or all NaN gives (0, 0).

        Raises:
          ValueError: unknown method, or fewer than three axes.
        """
        if method not in DECODING_METHODS:
            raise ValueError(f"method must be one of {DECODING_METHODS}. Received: method={method!r}")
        if len(heatmaps.shape) < 3:
            raise ValueError(f"heatmaps must be [..., H, W, K]. Received: heatmaps.shape={heatmaps.shape}")
        leading = tuple(xp.shape(heatmaps)[:-3])
        num_keypoints = heatmaps.shape[-1]
        frames = xp.reshape(heatmaps, (-1, *heatmaps.shape[-3:]))
        if xp is np:
            keypoints, confidence = self._decode_in_chunks(frames, method)
        else:
            keypoints, confidence = decode_frames(frames, method, self.sigmas[0], xp)
        return (
            xp.reshape(keypoints, (*leading, num_keypoints, 2)),
            xp.reshape(confidence, (*leading, num_keypoints)),
        )

    def _decode_in_chunks(self, frames: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
        keypoints = np.empty((len(frames), frames.shape[-1], 2), np.float32)
        confidence = np.empty(keypoints.shape[:2], np.float32)
        for start in range(0, len(frames), _CHUNK):
            part = slice(start, start + _CHUNK)
            keypoints[part], confidence[part] = decode_frames(frames[part], method, self.sigmas[0], np)
        return keypoints, confidence

    def _inside(self, keypoints: Array, xp: ModuleType) -> Array:
        """bool [..., K]: rounds to a cell of the grid. NaN does not."""
        height, width = self.size
        cell = xp.round(keypoints)
        last = np.array([width - 1, height - 1], np.float32)
        return xp.all(xp.logical_and(cell >= 0, xp.less_equal(cell, last)), axis=-1)

    def _published_profile(
        self, positions: Array, shown: Array, sigma: Array, length: int, scale: float, xp: ModuleType
    ) -> Array:
        """[..., n, K]: the filtered one-hot along one axis, by lookup."""
        table = _published_rows(length, self.sigmas, scale)
        row = cast(xp.where(shown, xp.round(positions), float(length)), "int32", xp)
        profile = xp.swapaxes(xp.take(table, sigma * (length + 1) + row, axis=0), -1, -2)
        # NumPy would lay the heatmaps out in the order of this transposed view, and all that reads them would be slow.
        return np.ascontiguousarray(profile) if xp is np else profile

    def _gaussian_profile(
        self, positions: Array, shown: Array, sigma: Array, length: int, scale: float, xp: ModuleType
    ) -> Array:
        """[..., n, K]: the sampled Gaussian along one axis."""
        cells = xp.arange(length, dtype="float32")[:, None]
        widths = xp.take(np.array(self.sigmas, np.float32), sigma, axis=0)[..., None]
        centre = xp.where(shown, positions, 0.0)[..., None, :]
        distance = (cells - centre) / widths
        profile = xp.exp(-0.5 * distance * distance) / _lattice_sum(centre, widths, xp)
        return xp.where(shown[..., None, :], profile * scale, 0.0)


def _lattice_sum(centre: Array, widths: Array, xp: ModuleType) -> Array:
    """Sum over all integers of a Gaussian around `centre`: its integral, corrected for sigmas below a cell."""
    waves = (xp.exp(-2 * (math.pi * n) ** 2 * widths * widths) * xp.cos(2 * math.pi * n * centre) for n in (1, 2))
    return widths * math.sqrt(2 * math.pi) * (1 + 2 * sum(waves))
