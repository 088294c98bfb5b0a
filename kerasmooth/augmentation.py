"""Augmentation of training windows: one random motion, direction and speed for all frames of a window, lost detections.

The study rotates each window of its regularised finetuning by an angle drawn from [-45, 45] degrees (Andersen,
"Temporal Smoothing in 2D Human Pose Estimation for Bouldering", 2023), and wished for more. Heatmaps are rendered from
keypoints here, so it is the keypoints that move, exactly and for a few multiplications; a real detector's heatmaps,
which nobody can render anew, are resampled by the same map.

Like the simulated detector's noise, a draw is a pure function of its key (seed, epoch, clip, first frame). Everything
happens in heatmap cells; a box whose sides have unlike lengths shows its person stretched, so that a rotation of cells
is no rotation of the image. That is the published way.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from kerasmooth.boxes import Size, inside
from kerasmooth.keyed_random import Array, cast, check_seed, keyed_words, uniform
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.window_motion import Pairs, exchange_sides, motion, move_boxes, move_heatmaps, move_keypoints

_MOTION, _TIMING, _LOST = 16, 17, 18
"""What numbers are drawn for, as part of their key: apart from the noise's own purposes."""
_LIMITS = {"rotation": 180.0, "translation": np.inf, "scale": np.inf, "slowdown": 1.0, "dropout": 1.0}


@dataclass(frozen=True)
class Augmentation:
    """Keyed random change of training windows.

    Attributes:
      rotation: the angle is uniform over plus and minus so many degrees, about the middle of the grid; published: 45.
      translation: the shift along each axis is uniform over plus and minus this many cells, in fractions of a cell.
      flip: mirror half of the windows left to right, and exchange left and right keypoints of these.
      scale: windows grow or shrink about the middle of the grid, by a factor of up to 1 plus this, both alike.
      reverse: let half of the windows run backwards.
      slowdown: windows run at 1 minus up to this of their speed; a window has no frames to run faster.
      dropout: share of the detections that a model is not given; it is to give the keypoints all the same.
      seed: any integer of up to 64 bits.
      pairs: what `flip` exchanges.

    Raises:
      ValueError: a number outside of its limits, a seed that is too long.
    """

    rotation: float = 0.0
    translation: float = 0.0
    flip: bool = False
    scale: float = 0.0
    reverse: bool = False
    slowdown: float = 0.0
    dropout: float = 0.0
    seed: int = 0
    pairs: Pairs = BOULDERING_25.pairs

    def __post_init__(self) -> None:
        for name, limit in _LIMITS.items():
            value = getattr(self, name)
            if not (0 <= value <= limit and np.isfinite(value)):
                raise ValueError(f"{name} must be finite and lie in [0, {limit:g}]. Received: {name}={value}")
        check_seed(self.seed)

    def apply(self, batch: dict[str, Array], size: Size, epoch: Array | int, xp: ModuleType = np) -> dict[str, Array]:
        """Changes a batch of windows, each by its own draw; the batch itself where nothing is to be changed.

        Boxes move among each other as what they show does; the image they lie in is another: for training only.

        Args:
          batch: `keypoints` [B, T, K, 2], (x, y) in heatmap cells; `visibility` bool [B, T, K]; `clip_key` uint32 [B];
            `frame_numbers` int [B, T]; `boxes` [B, T, 4]; maybe `heatmaps` [B, T, H, W, K]; anything else passes.
          size: (height, width) of the grid.
          epoch: int, or a scalar integer tensor; another epoch is another draw.
          xp: `numpy` or `keras.ops`.

        Returns:
          The batch with new `keypoints` (float32, 0 where not visible), `visibility` (False where a keypoint rounds
          to a cell outside the grid) and, if there were any, `heatmaps` (zeros where they show what lay outside).

        Raises:
          ValueError: `slowdown`, and there are heatmaps, which have nothing between two frames.
        """
        if self.reverse or self.slowdown > 0:
            batch = self._retimed(batch, epoch, xp)
        if self.flip or max(self.rotation, self.translation, self.scale) > 0:
            batch = self._moved(batch, size, epoch, xp)
        return batch

    def withhold(
        self, inputs: dict[str, Array], batch: dict[str, Array], epoch: Array | int, xp: ModuleType = np
    ) -> dict[str, Array]:
        """What a model is given, without a share of the detections: `dropout`.

        Args:
          inputs: `heatmaps` [B, T, H, W, K], or `keypoints` [B, T, K, 2] and `visibility` float [B, T, K].
          batch, epoch: see `apply`.
        """
        if self.dropout == 0:
            return inputs
        clips, frames = batch["clip_key"][:, None, None], batch["frame_numbers"][..., None]
        keypoints = np.arange(batch["visibility"].shape[-1])
        words = keyed_words(self.seed, _LOST, epoch, clips, frames, keypoints, xp)
        given = cast(uniform(words[0], xp) >= np.float32(self.dropout), "float32", xp)
        if "heatmaps" in inputs:
            return inputs | {"heatmaps": inputs["heatmaps"] * given[:, :, None, None]}
        return inputs | {
            "keypoints": inputs["keypoints"] * given[..., None],
            "visibility": inputs["visibility"] * given,
        }

    def draw(
        self, clip_keys: Array, frame_numbers: Array, size: Size, epoch: Array | int, xp: ModuleType = np
    ) -> tuple[Array, Array]:
        """The motion of each window: `motion` float32 [B, 2, 3], and bool [B], whether it was mirrored."""
        words = self._words(_MOTION, clip_keys, frame_numbers, epoch, xp)
        angle, move_x, move_y = (uniform(word, xp) * np.float32(2) - np.float32(1) for word in words[:3])
        moves = xp.stack([move_x, move_y], axis=-1) * np.float32(self.translation)
        flipped = xp.logical_and(uniform(words[3], xp) < np.float32(0.5), np.array([self.flip]))
        share = uniform(self._words(_TIMING, clip_keys, frame_numbers, epoch, xp)[2], xp)
        factors = xp.exp((share * np.float32(2) - np.float32(1)) * np.float32(np.log1p(self.scale)))
        return motion(angle * np.float32(self.rotation), moves, flipped, size, xp, factors), flipped

    def draw_timing(
        self, clip_keys: Array, frame_numbers: Array, epoch: Array | int, xp: ModuleType = np
    ) -> tuple[Array, Array]:
        """Of each window bool [B], whether it runs backwards, and float32 [B], its speed in parts of the true one."""
        words = self._words(_TIMING, clip_keys, frame_numbers, epoch, xp)
        backwards = xp.logical_and(uniform(words[0], xp) < np.float32(0.5), np.array([self.reverse]))
        return backwards, np.float32(1) - uniform(words[1], xp) * np.float32(self.slowdown)

    def _words(
        self, purpose: int, clip_keys: Array, frame_numbers: Array, epoch: Array | int, xp: ModuleType
    ) -> tuple[Array, ...]:
        return keyed_words(self.seed, purpose, epoch, clip_keys, frame_numbers[:, 0], np.zeros(1), xp)

    def _retimed(self, batch: dict[str, Array], epoch: Array | int, xp: ModuleType) -> dict[str, Array]:
        if self.slowdown > 0 and "heatmaps" in batch:
            raise ValueError("heatmaps cannot run slower. Received: slowdown and a batch with heatmaps")
        backwards, speed = self.draw_timing(batch["clip_key"], batch["frame_numbers"], epoch, xp)
        retimed = dict(batch)
        for name in ("keypoints", "visibility", "boxes", "heatmaps"):
            if name in batch:
                where = xp.reshape(backwards, (-1, *[1] * (len(batch[name].shape) - 1)))
                retimed[name] = xp.where(where, xp.flip(batch[name], axis=1), batch[name])
        if self.slowdown > 0:
            retimed |= _slowed(retimed["keypoints"], retimed["visibility"], retimed["boxes"], speed, xp)
        return retimed

    def _moved(self, batch: dict[str, Array], size: Size, epoch: Array | int, xp: ModuleType) -> dict[str, Array]:
        matrix, flipped = self.draw(batch["clip_key"], batch["frame_numbers"], size, epoch, xp)
        keypoints, visibility = batch["keypoints"], cast(batch["visibility"], "bool", xp)
        keypoints = move_keypoints(keypoints, matrix, xp)
        moved = batch | {"boxes": move_boxes(batch["boxes"], matrix, size, xp)}
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


def _slowed(keypoints: Array, visibility: Array, boxes: Array, speed: Array, xp: ModuleType) -> dict[str, Array]:
    """Keypoints [B, T, K, 2] and boxes [B, T, 4] at the speed [B] about the middle of each window, by lines.

    A keypoint is visible where it is in the frames that it is between.
    """
    frames = np.arange(keypoints.shape[1], dtype=np.float32)
    middle = np.float32((len(frames) - 1) / 2)
    times = middle + (frames - middle) * speed[:, None]
    # float32 [B, T, T]: how much of each frame of the window is in each one of the result.
    weights = xp.maximum(np.float32(1) - xp.abs(times[..., None] - frames), np.float32(0))
    unseen = xp.logical_and((weights > 1e-6)[..., None], xp.logical_not(visibility)[:, None])
    visible = xp.logical_not(xp.any(unseen, axis=2))
    between = xp.sum(weights[..., None, None] * cast(keypoints, "float32", xp)[:, None], axis=2)
    return {
        "keypoints": xp.where(visible[..., None], between, np.float32(0)),
        "visibility": visible,
        "boxes": xp.sum(weights[..., None] * cast(boxes, "float32", xp)[:, None], axis=2),
    }
