"""The simulated detector: what a single-frame detector would have said about true keypoints.

The published study trains on datasets without detections: a true keypoint is shifted by a normal random offset,
rounded to a cell, clipped to the grid, and smeared with a Gaussian whose sigma is drawn per frame (Andersen, "Temporal
Smoothing in 2D Human Pose Estimation for Bouldering", 2023). Here every draw is a pure function of its key (seed,
clip, frame, keypoint, and the epoch where noise is fresh), so that every window that shows a frame sees the same noisy
frame, whatever its length and the batch around it.
"""

import math
import zlib
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.keyed_random import Array, cast, check_seed, integers, keyed_words, normal, uniform
from kerasmooth.noise_profile import PUBLISHED, NoiseProfile
from kerasmooth.skeletons import BOULDERING_25

_SHIFT, _SIGMA, _DROPOUT, _SWAP, _BURST, _GAP, _EXCHANGE = range(7)
"""What a number is drawn for: part of its key."""

_FORGOTTEN = 0.01
"""Errors of AR(1) noise go back as far as they count this much."""


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
        num_keypoints = keypoints.shape[-2]
        if self.swap > 0 or self.profile.exchange_probability > 0:
            keypoints = self._swap(keypoints, visibility, clip_keys, frame_numbers, epoch, xp)
        shifted = keypoints + self.shifts(clip_keys, frame_numbers, num_keypoints, epoch, xp, constant)
        height, width = size
        last_cell = np.array([width - 1, height - 1], np.float32)
        cells = xp.clip(xp.round(shifted), np.zeros(2, np.float32), last_cell)
        if self.dropout > 0:
            words = self._words(_DROPOUT, clip_keys, frame_numbers, np.arange(num_keypoints), epoch, xp)
            visibility = xp.logical_and(visibility, uniform(words[0], xp) >= self.dropout)
        if self.profile.dropout_probability > 0:
            words = self._run_words(
                _GAP, clip_keys, frame_numbers, self.profile.dropout_frames, num_keypoints, epoch, xp
            )
            found = uniform(words[0], xp) >= self.profile.dropout_probability
            visibility = xp.logical_and(visibility, found)
        return {
            "keypoints": xp.where(visibility[..., None], cells, 0.0),
            "visibility": visibility,
            "sigma_index": self._sigma_index(clip_keys, frame_numbers, epoch, xp),
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
        profile, deviation = self.profile, self.deviation
        if profile.correlation > 0:
            shifts = self._correlated(clip_keys, frame_numbers, num_keypoints, epoch, xp)
        else:
            words = self._words(_SHIFT, clip_keys, frame_numbers, np.arange(num_keypoints), epoch, xp)
            shifts = normal(xp.stack(words[:2], axis=-1), deviation, xp)
        if profile.scale:
            shifts = shifts * np.array(profile.scale, np.float32)[:, None]
        if profile.width_factor > 0:
            steps = (
                cast(self._sigma_index(clip_keys, frame_numbers, epoch, xp), "float32", xp) - (self.num_sigmas - 1) / 2
            )
            shifts = shifts * (1 + profile.width_factor * steps)[..., None, None]
        if profile.burst_probability > 0:
            words = self._run_words(_BURST, clip_keys, frame_numbers, profile.burst_frames, num_keypoints, epoch, xp)
            offsets = normal(xp.stack(words[1:3], axis=-1), deviation * profile.burst_size, xp)
            struck = uniform(words[0], xp) < profile.burst_probability
            shifts = shifts + xp.where(struck[..., None], offsets, np.float32(0))
        return shifts

    def _correlated(
        self, clip_keys: Array, frame_numbers: Array, num_keypoints: int, epoch: Array | int, xp: ModuleType
    ) -> Array:
        """AR(1) errors as the sum of what is left of each earlier frame's draw, so that they need no beginning."""
        r = self.profile.correlation
        back = np.arange(1 + math.ceil(math.log(_FORGOTTEN) / math.log(r)))
        weights = np.sqrt((r**2.0) ** back / np.sum((r**2.0) ** back)).astype(np.float32)
        windows, frames = frame_numbers.shape[0], frame_numbers.shape[1]
        windows = -1 if windows is None else windows
        earlier = cast(frame_numbers, "int32", xp)[..., None] - back.astype(np.int32)
        earlier = xp.reshape(earlier, (windows, frames * len(back)))
        words = self._words(_SHIFT, clip_keys, earlier, np.arange(num_keypoints), epoch, xp)
        draws = normal(xp.stack(words[:2], axis=-1), self.deviation, xp)
        draws = xp.reshape(draws, (windows, frames, len(back), num_keypoints, 2))
        return xp.sum(draws * weights[:, None, None], axis=2)

    def _run_words(
        self,
        purpose: int,
        clip_keys: Array,
        frame_numbers: Array,
        length: int,
        keypoints: int | np.ndarray,
        epoch: Array | int,
        xp: ModuleType,
    ) -> tuple[Array, ...]:
        """Four uint32 arrays [B, T, K] that are the same over runs of `length` frames, which begin anywhere."""
        items = np.arange(keypoints) if isinstance(keypoints, int) else keypoints
        epoch, clips = epoch if self.fresh else 0, clip_keys[..., None, None]
        first = keyed_words(self.seed, purpose, epoch, clips, np.zeros((1, 1), np.uint32), items, xp)[3]
        place = cast(frame_numbers, "int32", xp)[..., None] + integers(first, length, xp)
        return keyed_words(self.seed, purpose, epoch, clips, place // length + 1, items, xp)

    def _swap(
        self,
        keypoints: Array,
        visibility: Array,
        clip_keys: Array,
        frame_numbers: Array,
        epoch: Array | int,
        xp: ModuleType,
    ) -> Array:
        """Keypoints with pairs exchanged; both sides of a pair draw the number of its left one."""
        partner = np.arange(keypoints.shape[-2])
        drawn_for = partner.copy()
        for left, right in self.pairs:
            if max(left, right) >= len(partner):
                raise ValueError(
                    f"pairs must be keypoint indices below K = {len(partner)}. Received: pairs={self.pairs}"
                )
            partner[[left, right]], drawn_for[right] = (right, left), left
        chance = uniform(self._words(_SWAP, clip_keys, frame_numbers, drawn_for, epoch, xp)[0], xp)
        both = xp.logical_and(visibility, xp.take(visibility, partner, axis=-1))
        struck = chance < self.swap
        if self.profile.exchange_probability > 0:
            length = self.profile.exchange_frames
            words = self._run_words(_EXCHANGE, clip_keys, frame_numbers, length, drawn_for, epoch, xp)
            struck = xp.logical_or(struck, uniform(words[0], xp) < self.profile.exchange_probability)
        swapped = xp.logical_and(both, struck)
        return xp.where(swapped[..., None], xp.take(keypoints, partner, axis=-2), keypoints)

    def _sigma_index(self, clip_keys: Array, frame_numbers: Array, epoch: Array | int, xp: ModuleType) -> Array:
        if not self.random_sigma:
            return xp.zeros_like(cast(frame_numbers, "int32", xp))
        words = self._words(_SIGMA, clip_keys, frame_numbers, np.zeros(1), epoch, xp)
        return integers(words[0], self.num_sigmas, xp)[..., 0]

    def _words(
        self,
        purpose: int,
        clip_keys: Array,
        frame_numbers: Array,
        keypoints: np.ndarray,
        epoch: Array | int,
        xp: ModuleType,
    ) -> tuple[Array, ...]:
        """Four uint32 arrays [B, T, len(keypoints)], a function of all the keys."""
        epoch = epoch if self.fresh else 0
        clips, frames = clip_keys[..., None, None], frame_numbers[..., None]
        return keyed_words(self.seed, purpose, epoch, clips, frames, keypoints, xp)
