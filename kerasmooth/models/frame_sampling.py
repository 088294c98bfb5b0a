"""Layers that keep every N-th frame of a window, bridge missing keypoints, and bring the rest of the frames back.

Kept are frames 0, N, 2N, ... and always the last one, so that every other frame lies between two kept ones.
The layers compute in float32 whatever the policy: in bfloat16 a position of 55 cells is only known to a quarter cell.
"""

from typing import Any

import keras
from keras import ops


def kept_frames(num_frames: Any, sample_interval: int) -> Any:
    """int32 [S], the frames of a window of `num_frames` that are kept."""
    every = ops.arange(0, num_frames + sample_interval - 1, sample_interval, dtype="int32")
    return ops.minimum(every, num_frames - 1)


class FrameLayer(keras.layers.Layer):
    """A layer that keeps every `sample_interval`-th frame, or knows which are kept; float32 by default."""

    def __init__(self, sample_interval: int, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.sample_interval = sample_interval

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sample_interval": self.sample_interval}


@keras.saving.register_keras_serializable("kerasmooth")
class KeepFrames(FrameLayer):
    """Keypoints [B, T, K, 2] and visibility [B, T, K] -> keypoints of the kept frames [B, S, K, 2], none missing.

    A keypoint that the detector missed in a frame gets a position linear in time between the kept frames around it
    that have the keypoint, or that of the nearest one at the window's ends; where no kept frame has it, (0, 0).
    Whatever stands at a missing keypoint, NaN too, has no effect. Frames that are not kept have none either.
    """

    def call(self, keypoints: Any, visibility: Any) -> Any:
        frames = kept_frames(ops.shape(keypoints)[1], self.sample_interval)
        keypoints = ops.take(keypoints, frames, axis=1)
        seen = ops.take(visibility, frames, axis=1) > 0.5
        keypoints = ops.where(ops.expand_dims(seen, -1), keypoints, 0.0)

        before, after = _nearest_seen(seen, ops.arange(ops.shape(seen)[1], dtype="int32"))
        start, end = (ops.cast(ops.take(frames, i, axis=0), "float32") for i in (before, after))
        now = ops.reshape(ops.cast(frames, "float32"), (1, -1, 1))
        share = (now - start) / ops.maximum(end - start, 1.0)
        first, second = (_take_frames(keypoints, i) for i in (before, after))
        return first + (second - first) * ops.expand_dims(share, -1)


def _nearest_seen(seen: Any, order: Any) -> tuple[Any, Any]:
    """int32 [B, S, K] twice: the nearest frame not after, and not before, this one that has the keypoint.

    Where only one of the two exists both are that one; where none does both are the first frame.
    """
    other, this = ops.reshape(order, (1, 1, -1, 1)), ops.reshape(order, (1, -1, 1, 1))
    seen = ops.expand_dims(seen, 1)
    none_after = ops.shape(order)[0]
    before = ops.max(ops.where(ops.logical_and(seen, other <= this), other, -1), axis=2)
    after = ops.min(ops.where(ops.logical_and(seen, other >= this), other, none_after), axis=2)
    found_before, found_after = before >= 0, after < none_after
    first = ops.where(found_before, before, ops.where(found_after, after, 0))
    second = ops.where(found_after, after, ops.where(found_before, before, 0))
    return first, second


def _take_frames(keypoints: Any, frames: Any) -> Any:
    """Takes from [B, S, K, 2] along S, for every keypoint its own frames [B, S, K]."""
    return ops.take_along_axis(keypoints, ops.repeat(ops.expand_dims(frames, -1), 2, axis=-1), axis=1)


@keras.saving.register_keras_serializable("kerasmooth")
class RecoverFrames(FrameLayer):
    """Poses of the kept frames [B, S, C] -> of all frames [B, T, C], linear in time in between.

    `like` [B, T, ...] only tells T. With T - 1 a multiple of N this is linear interpolation with aligned corners.
    """

    def call(self, poses: Any, like: Any) -> Any:
        num_frames = ops.shape(like)[1]
        frames = kept_frames(num_frames, self.sample_interval)
        all_frames = ops.arange(num_frames, dtype="int32")
        before = all_frames // self.sample_interval
        after = ops.minimum(before + 1, ops.shape(frames)[0] - 1)
        start, end = (ops.cast(ops.take(frames, i, axis=0), "float32") for i in (before, after))
        # The last frame has itself on both sides: no step, no division by zero.
        share = (ops.cast(all_frames, "float32") - start) / ops.maximum(end - start, 1.0)
        first, second = (ops.take(poses, i, axis=1) for i in (before, after))
        return first + (second - first) * ops.reshape(share, (1, -1, 1))


@keras.saving.register_keras_serializable("kerasmooth")
class MarkKeptFrames(FrameLayer):
    """[B, T, ...] -> float32 [B, T], 1 for the frames that are kept, else 0."""

    def call(self, like: Any) -> Any:
        batch, num_frames = ops.shape(like)[0], ops.shape(like)[1]
        all_frames = ops.arange(num_frames, dtype="int32")
        kept = ops.logical_or(all_frames % self.sample_interval == 0, all_frames == num_frames - 1)
        return ops.broadcast_to(ops.expand_dims(ops.cast(kept, "float32"), 0), (batch, num_frames))


@keras.saving.register_keras_serializable("kerasmooth")
class FramePositions(FrameLayer):
    """[B, T, ...] -> float32 [1, S, dim], the sinusoidal position of the kept frames (`sample_interval=1`: of all).

    sin(t / 10000^(2i / dim)) at channel 2i and the cosine at channel 2i + 1 for the frame t of the window (Vaswani
    et al., "Attention is all you need", 2017). Unlike DeciWatch's own code t is in frames, not in parts of the window,
    and the exponents end at 1, not 2, which leaves half of the channels almost constant.
    """

    def __init__(self, dim: int, sample_interval: int = 1, **kwargs: Any) -> None:
        super().__init__(sample_interval, **kwargs)
        self.dim = dim

    def call(self, like: Any) -> Any:
        frames = ops.cast(kept_frames(ops.shape(like)[1], self.sample_interval), "float32")
        channels = ops.arange(self.dim // 2, dtype="float32")
        angles = ops.expand_dims(frames, -1) / 10000.0 ** (2.0 * channels / self.dim)
        pairs = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
        return ops.reshape(pairs, (1, -1, self.dim))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim}
