"""Records -> tensors. `parse_batch` belongs after batching: one call parses a whole batch."""

from pathlib import Path

import tensorflow as tf

from kerasmooth import storage
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import SCALE
from kerasmooth.tfrecord.manifest import MANIFEST_NAME, REMAKE, Manifest, Shard, load_manifest, sha256_of
from kerasmooth.tfrecord.schema import feature_spec


def shard_paths(folder: Path | str, split: str, verify: bool = False) -> list[str]:
    """Paths of the shards of one split, in reading order, after a check that they are what the manifest says.

    Args:
      folder: `<records_dir>/<dataset>`.
      split: "train", "validation", "test", or "extra" where there is one.
      verify: also compare SHA-256, which reads every shard once.

    Raises:
      InputError: no manifest, no such split, a shard that is missing, truncated, damaged or of another window.
    """
    manifest = load_manifest(folder)
    if split not in manifest.windows:
        has = ", ".join(manifest.windows)
        raise InputError(f"{Path(folder) / MANIFEST_NAME}: no split {split!r}, these records have {has}")
    shards = manifest.shards_of(split)
    if not shards:
        raise InputError(f"{Path(folder) / MANIFEST_NAME}: windows of {split} is 0, so there is nothing to read")
    places = [storage.path(folder) / shard.name for shard in shards]
    for place, shard in zip(places, shards, strict=True):
        _check_file(place, shard, verify)
    paths = [str(place) for place in places]
    _check_first_record(paths[0], manifest)
    return paths


def _check_file(path: Path, shard: Shard, verify: bool) -> None:
    if not path.is_file():
        raise InputError(f"{path}: the manifest lists this shard, but there is no such file: {REMAKE}")
    if (size := path.stat().st_size) != shard.bytes:
        raise InputError(f"{path}: has {size} bytes, expected {shard.bytes}: truncated or replaced: {REMAKE}")
    if verify and (digest := sha256_of(path)) != shard.sha256:
        raise InputError(f"{path}: has SHA-256 {digest}, expected {shard.sha256}: damaged or replaced: {REMAKE}")


def _check_first_record(path: str, manifest: Manifest) -> None:
    first = tf.data.TFRecordDataset(path, manifest.compression_type).batch(1).take(1)
    try:
        for serialized in first:
            parse_batch(serialized, manifest)
    except (tf.errors.InvalidArgumentError, tf.errors.DataLossError) as error:
        shape = f"window={manifest.window}, size={manifest.size}, encoding={manifest.encoding}"
        reason = error.message.strip().splitlines()[0]
        raise InputError(f"{path}: its records are not of {shape} as the manifest says ({reason}): {REMAKE}") from None


def parse_batch(serialized: tf.Tensor, manifest: Manifest) -> dict[str, tf.Tensor]:
    """Windows from serialised records; runs eagerly and inside `tf.data`.

    Args:
      serialized: string [B], records of one folder.
      manifest: of that folder.

    Returns:
      dict of
        keypoints: float32 [B, T, K, 2], (x, y) in heatmap cells, 0 where not visible;
        visibility: bool [B, T, K];
        boxes: float32 [B, T, 4], x1 y1 x2 y2 in image pixels;
        frame_numbers: int32 [B, T];
        clip_key: uint32 [B], and clip_id: string [B];
        heatmaps: float32 [B, T, H, W, K], the input, only where the records hold it: a detector made it, or the
          encoding is dense. A detector's sums to 255 where it saw anything.
        target_heatmaps: float32 [B, T, H, W, K], with encoding dense only.
    """
    parsed = tf.io.parse_example(serialized, feature_spec(manifest))
    windows, frames = tf.shape(serialized)[0], (manifest.window, manifest.num_keypoints)
    batch = {
        "keypoints": parsed["keypoints"],
        "visibility": _from_bytes(parsed["visibility"], tf.uint8, (windows, *frames)) > 0,
        "boxes": parsed["boxes"],
        "frame_numbers": tf.cast(parsed["frame_numbers"], tf.int32),
        "clip_key": tf.cast(parsed["clip_key"], tf.uint32),
        "clip_id": parsed["clip_id"],
    }
    grids = (windows, manifest.window, *manifest.size, manifest.num_keypoints)
    if "heatmaps" in parsed:
        batch["heatmaps"] = _normalised(
            _from_bytes(tf.io.decode_compressed(parsed["heatmaps"], "ZLIB"), tf.uint8, grids)
        )
    if "input_heatmaps" in parsed:
        batch["heatmaps"] = _from_bytes(parsed["input_heatmaps"], tf.float32, grids)
        batch["target_heatmaps"] = _from_bytes(parsed["target_heatmaps"], tf.float32, grids)
    return batch


def _from_bytes(values: tf.Tensor, dtype: tf.DType, shape: tuple[object, ...]) -> tf.Tensor:
    """Little-endian bytes as an array of `shape`; an InvalidArgumentError where they are more or fewer."""
    tensor = tf.reshape(tf.io.decode_raw(values, dtype, little_endian=True), shape)
    return tf.ensure_shape(tensor, (None, *shape[1:]))


def _normalised(quantised: tf.Tensor) -> tf.Tensor:
    """Quantised heatmaps [B, T, H, W, K] -> float32, each with the sum 255; all zeros stay zeros."""
    heatmaps = tf.cast(quantised, tf.float32)
    total = tf.reduce_sum(heatmaps, axis=(2, 3), keepdims=True)
    return heatmaps * tf.math.divide_no_nan(SCALE, total)
