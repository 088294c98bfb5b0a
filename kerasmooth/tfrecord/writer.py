"""Windows -> shards. A shard is written beside its final name and renamed, so that there is never half of one."""

import errno
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from kerasmooth import files
from kerasmooth.boxes import Size
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise, clip_key
from kerasmooth.tfrecord.manifest import Shard, sha256_of
from kerasmooth.tfrecord.parts import PreparedClip, restore_heatmaps
from kerasmooth.tfrecord.schema import serialize

Features = dict[str, np.ndarray | list[int] | bytes | list[bytes]]


def keypoint_features(clip: PreparedClip, frames: np.ndarray) -> Features:
    """Features of the window that shows the frames with these indices [T] of a clip."""
    features: Features = {
        "keypoints": clip.keypoints[frames],
        "visibility": clip.visibility[frames].tobytes(),
        "boxes": clip.boxes[frames],
        "frame_numbers": clip.frame_numbers[frames].tolist(),
        "clip_key": [clip_key(clip.clip_id)],
        "clip_id": clip.clip_id.encode(),
    }
    if clip.heatmaps is not None:
        features["heatmaps"] = [clip.heatmaps[i] for i in frames]
    return features


def dense_features(clip: PreparedClip, frames: np.ndarray, codec: HeatmapCodec, noise: DetectorNoise) -> Features:
    """As `keypoint_features`, with literal input and target heatmaps; the input of a detector, or simulated once."""
    features = keypoint_features(clip, frames)
    keypoints, visibility = clip.keypoints[frames], clip.visibility[frames]
    if clip.heatmaps is not None:
        stored = [clip.heatmaps[i] for i in frames]
        inputs = restore_heatmaps(stored, (*codec.size, keypoints.shape[1]))
        del features["heatmaps"]
    else:
        key = np.array([clip_key(clip.clip_id)], np.uint32)
        numbers = clip.frame_numbers[None, frames]
        seen = noise.simulate(keypoints[None], visibility[None], key, numbers, codec.size)
        inputs = codec.encode(seen["keypoints"], seen["visibility"], seen["sigma_index"])[0]
    features["input_heatmaps"] = inputs.astype("<f4").tobytes()
    features["target_heatmaps"] = codec.encode(keypoints, visibility, 0).astype("<f4").tobytes()
    return features


class RecordMaker:
    """Serialises windows in one encoding.

    Args:
      encoding: "keypoints" or "dense".
      size: (height, width) of the grid.
      noise: of dense inputs where no detector made them; drawn once, as in epoch 0.
    """

    def __init__(self, encoding: str, size: Size, noise: DetectorNoise) -> None:
        self._dense = encoding == "dense"
        self._codec, self._noise = HeatmapCodec(size), noise

    def __call__(self, clip: PreparedClip, frames: np.ndarray) -> bytes:
        """The record of the window that shows the frames with these indices [T] of a clip."""
        if self._dense:
            return serialize(dense_features(clip, frames, self._codec, self._noise))
        return serialize(keypoint_features(clip, frames))


def write_shard(path: Path, split: str, records: Iterable[bytes], compression: str = "none") -> Shard:
    """Writes serialised records as one TFRecord file, and describes it.

    Raises:
      ValueError: there is no record.
      OSError: it cannot be written.
    """
    options = tf.io.TFRecordOptions(compression_type="" if compression == "none" else compression)
    windows = largest = 0
    with files.replacing(path) as partial:
        try:
            with tf.io.TFRecordWriter(str(partial), options) as writer:
                for record in records:
                    writer.write(record)
                    windows, largest = windows + 1, max(largest, len(record))
        except tf.errors.OpError as error:
            raise OSError(errno.EIO, f"cannot write it ({error.message})", str(path)) from None
        if windows == 0:
            raise ValueError(f"a shard must hold at least one record. Received: path={path}, records=[]")
        return Shard(
            name=path.name,
            split=split,
            windows=windows,
            bytes=partial.stat().st_size,
            sha256=sha256_of(partial),
            largest_record=largest,
        )
