"""The simulated detector: what a single-frame detector would have said about true keypoints.

The published study trains on datasets without detections: a true keypoint is shifted by a normal random offset,
rounded to a cell, clipped to the grid, and smeared with a Gaussian whose sigma is drawn per frame (Andersen, "Temporal
Smoothing in 2D Human Pose Estimation for Bouldering", 2023). Here every draw is a pure function of its key (seed,
clip, frame, keypoint, and the epoch where noise is fresh), so that every window that shows a frame sees the same noisy
frame, whatever its length and the batch around it.
"""

import math
import zlib
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.keyed_random import Array, cast, check_seed, integers, keyed_words, normal, uniform
from kerasmooth.noise.profile import PUBLISHED, NoiseProfile
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.window_motion import partners

_SHIFT, _SIGMA, _DROPOUT, _SWAP, _BURST, _GAP, _EXCHANGE, _SPREAD = range(8)
"""What a number is drawn for: part of its key."""

_FORGOTTEN = 0.01
"""Errors of AR(1) noise go back as far as they count this much."""
_ZERO = np.float32(0)


def clip_key(clip_id: str) -> int:
    """The 32-bit number that stands for a clip in the key of its noise (CRC-32 of the UTF-8 text)."""
    return zlib.crc32(clip_id.encode())


@dataclass(frozen=True)
class DetectorNoise:
    """Keyed noise that turns true keypoints into simulated detections.

    Attributes:
      seed: any integer of up to 64 bits; another seed is another draw of everything.
      shifting_scalar: the study's s, 1 or 2, a factor of the profile's deviation; 0 shifts nothing.
      random_sigma: draw the smear per frame (experiments 1 and 3); otherwise sigma index 0 always (experiment 2).
      num_sigmas: how many sigmas there are to draw from, all equally likely.
      constant_shift: one shift per clip and keypoint instead of one per frame, as the published code did with Penn
        Action: a defect, as no temporal model can remove it. Kept to reproduce the published data only.
      fresh: draw anew in every epoch; otherwise the noise of epoch 0 in all (the published way).
      dropout: probability that a keypoint is not detected in a frame.
      swap: probability that a left/right pair of keypoints is exchanged in a frame. Only a pair that is visible on
        both sides is: where one side lacks annotation, there is nothing to exchange it with.
      pairs: (left, right) keypoint indices for `swap`.
      profile: how large errors are at s = 1, and ways to err; the default has the published one.

    Raises:
      ValueError: a probability outside [0, 1], a negative deviation or scalar, no sigma, a seed that is too long.
    """

    seed: int = 0
    shifting_scalar: float = 1.0
    random_sigma: bool = True
    num_sigmas: int = 5
    constant_shift: bool = False
    fresh: bool = True
    dropout: float = 0.0
    swap: float = 0.0
    pairs: tuple[tuple[int, int], ...] = BOULDERING_25.pairs
    profile: NoiseProfile = PUBLISHED

    def __post_init__(self) -> None:
        for name in ("dropout", "swap"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a probability. Received: {name}={getattr(self, name)}")
        if not 0 <= self.shifting_scalar < np.inf:
            raise ValueError(
                f"shifting_scalar must be finite and not negative. Received: shifting_scalar={self.shifting_scalar}"
            )
        if self.num_sigmas < 1:
            raise ValueError(f"num_sigmas must be at least 1. Received: num_sigmas={self.num_sigmas}")
        check_seed(self.seed)
        if self.profile.width_factor > 0 and not self.random_sigma:
            raise ValueError(
                "errors that grow with the heatmap's width need random_sigma. Received: "
                f"width_factor={self.profile.width_factor}, random_sigma={self.random_sigma}"
            )

    @property
    def deviation(self) -> float:
        """Standard deviation of the shifts along one axis, in cells."""
        return self.profile.deviation * self.shifting_scalar

    def simulate(
        self,
        keypoints: Array,
        visibility: Array,
        clip_keys: Array,
        frame_numbers: Array,
        size: Size,
        epoch: Array | int = 0,
        xp: ModuleType = np,
        constant: Array | None = None,
    ) -> dict[str, Array]:
        """Simulated detections of windows.

        Args:
          keypoints: [B, T, K, 2], true (x, y) in heatmap cells, sub-pixel; meaningless where not visible.
          visibility: bool [B, T, K].
          clip_keys: uint32 [B], `clip_key` of each window's clip.
          frame_numbers: int [B, T], the frames' numbers in their clip.
          size: (height, width) of the grid.
          epoch: int, or a scalar integer tensor; without effect unless `fresh`. Evaluation uses 0.
          xp: `numpy` or `keras.ops`.
          constant: bool [B], the windows that `constant_shift` is for; None: all.

        Returns:
          dict of `keypoints` float32 [B, T, K, 2], the true position plus the shift, rounded (half to even) to a cell
          and clipped to the grid, 0 where not visible; `visibility` bool [B, T, K]; `sigma_index` int32 [B, T].
        """
        keypoints, visibility = cast(keypoints, "float32", xp), cast(visibility, "bool", xp)
        words, items = self._words(clip_keys, frame_numbers, epoch, xp), np.arange(keypoints.shape[-2])
        if self.swap > 0 or self.profile.exchange_probability > 0:
            keypoints = self._exchanged(keypoints, visibility, words)
        shifted = keypoints + self.shifts(clip_keys, frame_numbers, len(items), epoch, xp, constant)
        height, width = size
        last_cell = np.array([width - 1, height - 1], np.float32)
        cells = xp.clip(xp.round(shifted), np.zeros(2, np.float32), last_cell)
        if self.dropout > 0 or self.profile.dropout_probability > 0:
            missed = words.strike(_DROPOUT, items, self.dropout)
            lasting = words.strike(_GAP, items, self.profile.dropout_probability, self.profile.dropout_frames)
            visibility = xp.logical_and(visibility, xp.logical_not(xp.logical_or(missed, lasting)))
        return {
            "keypoints": xp.where(visibility[..., None], cells, _ZERO),
            "visibility": visibility,
            "sigma_index": self._sigma_index(words),
        }

    def shifts(
        self,
        clip_keys: Array,
        frame_numbers: Array,
        num_keypoints: int,
        epoch: Array | int = 0,
        xp: ModuleType = np,
        constant: Array | None = None,
    ) -> Array:
        """float32 [B, T, K, 2]: the (x, y) offsets in cells that `simulate` adds before it rounds."""
        if self.constant_shift:
            first = xp.zeros_like(frame_numbers)
            frame_numbers = first if constant is None else xp.where(constant[:, None], first, frame_numbers)
        words, items = self._words(clip_keys, frame_numbers, epoch, xp), np.arange(num_keypoints)
        profile, deviation = self.profile, self.deviation
        shifts = self._correlated(words, items) if profile.correlation > 0 else words.normal(_SHIFT, items, deviation)
        if profile.scale:
            shifts = shifts * np.array(profile.scale, np.float32)[:, None]
        if profile.width_factor > 0:
            steps = cast(self._sigma_index(words), "float32", xp) - (self.num_sigmas - 1) / 2
            shifts = shifts * (1 + profile.width_factor * steps)[..., None, None]
        if profile.burst_probability > 0:
            chance, *offsets, _ = words.of_runs(_BURST, items, profile.burst_frames)
            offsets = normal(xp.stack(offsets, axis=-1), deviation * profile.burst_size, xp)
            struck = uniform(chance, xp) < profile.burst_probability
            shifts = shifts + xp.where(struck[..., None], offsets, _ZERO)
        if profile.spread > 0:
            clips = replace(words, frames=xp.zeros_like(words.frames[:, :1]))
            shifts = shifts * xp.exp(clips.normal(_SPREAD, np.zeros(1), profile.spread)[..., :1])
        return shifts

    def _correlated(self, words: "_FrameWords", items: np.ndarray) -> Array:
        """AR(1) errors as the sum of what is left of each earlier frame's draw, so that they need no beginning."""
        r, xp = self.profile.correlation, words.xp
        back = np.arange(1 + math.ceil(math.log(_FORGOTTEN) / math.log(r)))
        weights = np.sqrt((r**2.0) ** back / np.sum((r**2.0) ** back)).astype(np.float32)
        windows, frames = words.frames.shape[0], words.frames.shape[1]
        windows = -1 if windows is None else windows
        earlier = cast(words.frames, "int32", xp)[..., None] - back.astype(np.int32)
        earlier = xp.reshape(earlier, (windows, frames * len(back)))
        draws = replace(words, frames=earlier).normal(_SHIFT, items, self.deviation)
        draws = xp.reshape(draws, (windows, frames, len(back), len(items), 2))
        return xp.sum(draws * weights[:, None, None], axis=2)

    def _exchanged(self, keypoints: Array, visibility: Array, words: "_FrameWords") -> Array:
        """Keypoints with pairs exchanged; both sides of a pair draw the number of its left one."""
        xp, profile, partner = words.xp, self.profile, partners(self.pairs, keypoints.shape[-2])
        drawn_for = np.arange(len(partner))
        for left, right in self.pairs:
            drawn_for[right] = left
        both = xp.logical_and(visibility, xp.take(visibility, partner, axis=-1))
        struck = xp.logical_or(
            words.strike(_SWAP, drawn_for, self.swap),
            words.strike(_EXCHANGE, drawn_for, profile.exchange_probability, profile.exchange_frames),
        )
        swapped = xp.logical_and(both, struck)
        return xp.where(swapped[..., None], xp.take(keypoints, partner, axis=-2), keypoints)

    def _sigma_index(self, words: "_FrameWords") -> Array:
        if not self.random_sigma:
            return words.xp.zeros_like(cast(words.frames, "int32", words.xp))
        return integers(words.of_frames(_SIGMA, np.zeros(1))[0], self.num_sigmas, words.xp)[..., 0]

    def _words(self, clip_keys: Array, frame_numbers: Array, epoch: Array | int, xp: ModuleType) -> "_FrameWords":
        return _FrameWords(self.seed, epoch if self.fresh else 0, clip_keys, frame_numbers, xp)


@dataclass(frozen=True, eq=False)
class _FrameWords:
    """Random words for windows of `frames` [B, T] of `clips` [B]; what they are for and the items [K] are the rest of
    their key.
    """

    seed: int
    epoch: Array | int
    clips: Array
    frames: Array
    xp: ModuleType

    def of_frames(self, purpose: int, items: np.ndarray) -> tuple[Array, ...]:
        """Four uint32 arrays [B, T, K]."""
        clips, frames = self.clips[..., None, None], self.frames[..., None]
        return keyed_words(self.seed, purpose, self.epoch, clips, frames, items, self.xp)

    def of_runs(self, purpose: int, items: np.ndarray, length: int) -> tuple[Array, ...]:
        """Four uint32 arrays [B, T, K] that are the same over runs of `length` frames, which begin anywhere."""
        clips = self.clips[..., None, None]
        first = keyed_words(self.seed, purpose, self.epoch, clips, np.zeros((1, 1), np.uint32), items, self.xp)[3]
        place = cast(self.frames, "int32", self.xp)[..., None] + integers(first, length, self.xp)
        return keyed_words(self.seed, purpose, self.epoch, clips, place // length + 1, items, self.xp)

    def normal(self, purpose: int, items: np.ndarray, deviation: float) -> Array:
        """float32 [B, T, K, 2]."""
        return normal(self.xp.stack(self.of_frames(purpose, items)[:2], axis=-1), deviation, self.xp)

    def strike(self, purpose: int, items: np.ndarray, share: float, length: int = 0) -> Array:
        """bool [B, T, K] or one False: what has this share of the frames, singly, or in runs of a length."""
        if not share:
            return np.array([False])
        found = self.of_runs(purpose, items, length) if length else self.of_frames(purpose, items)
        return uniform(found[0], self.xp) < share
