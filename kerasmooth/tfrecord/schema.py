"""What one record holds: a `tf.train.Example` with these features. The table in records/README.md is for readers.

| feature | type | shape | what |
| --- | --- | --- | --- |
| keypoints | float | T, K, 2 | true (x, y) in heatmap cells, an integer is a cell's centre; 0 where not visible |
| visibility | bytes, uint8 | T, K | 1 where the keypoint is annotated and inside the grid |
| boxes | float | T, 4 | (x1, y1, x2, y2) in image pixels, the outer edges of the grid |
| frame_numbers | int64 | T | numbers of the frames in their clip |
| clip_key | int64 | | CRC-32 of clip_id, which keys the simulated noise |
| clip_id | bytes | | `<dataset>/<clip>` |
| heatmaps | bytes | T | a detector's, where there was one: per frame the zlib of uint8 [H, W, K], see `parts` |
| input_heatmaps | bytes, float32 | T, H, W, K | encoding dense: the input |
| target_heatmaps | bytes, float32 | T, H, W, K | encoding dense: the target |

Numbers in bytes are little-endian, in row-major order.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from kerasmooth.tfrecord.manifest import Manifest


def feature_spec(manifest: Manifest) -> dict[str, tf.io.FixedLenFeature]:
    """What `tf.io.parse_example` needs to parse the records of a manifest."""
    window, num_keypoints = manifest.window, manifest.num_keypoints
    spec = {
        "keypoints": tf.io.FixedLenFeature([window, num_keypoints, 2], tf.float32),
        "visibility": tf.io.FixedLenFeature([], tf.string),
        "boxes": tf.io.FixedLenFeature([window, 4], tf.float32),
        "frame_numbers": tf.io.FixedLenFeature([window], tf.int64),
        "clip_key": tf.io.FixedLenFeature([], tf.int64),
        "clip_id": tf.io.FixedLenFeature([], tf.string),
    }
    if manifest.encoding == "dense":
        spec["input_heatmaps"] = tf.io.FixedLenFeature([], tf.string)
        spec["target_heatmaps"] = tf.io.FixedLenFeature([], tf.string)
    elif manifest.heatmaps == "detector":
        spec["heatmaps"] = tf.io.FixedLenFeature([window], tf.string)
    return spec


def serialize(features: Mapping[str, np.ndarray | list[int] | bytes | list[bytes]]) -> bytes:
    """One record. float32 arrays become float lists, lists of int become int64 lists, the rest becomes bytes.

    The same features give the same bytes in every process.
    """
    example = tf.train.Example(features=tf.train.Features(feature={k: _feature(v) for k, v in features.items()}))
    return example.SerializeToString(deterministic=True)


def _feature(value: np.ndarray | list[int] | bytes | list[bytes]) -> tf.train.Feature:
    if isinstance(value, np.ndarray):
        # A list of Python floats is three times faster to append than an array.
        return tf.train.Feature(float_list=tf.train.FloatList(value=value.ravel().tolist()))
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if isinstance(value[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=value))
