"""Records to batches to what a model takes.

`tf.data` only reads, shuffles, batches and parses: it delivers keypoints, some 3 kB a window. Heatmaps and noise are
made by `prepare` inside the compiled step, on the device that trains, where they are never the limit.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord import reader

SHUFFLE_BUFFER = 65536
"""Serialized windows in the shuffle buffer: some 100 MB."""
MAX_OPEN_SHARDS = 16
BLOCK_LENGTH = 16

# AutoGraph has nothing to convert here, and would read the source, which may be under edit while a long run continues.
_as_written = tf.autograph.experimental.do_not_convert

Batch = Mapping[str, Any]
"""What `tfrecord.reader.parse_batch` gives: keypoints [B, T, K, 2], visibility [B, T, K], boxes [B, T, 4],
frame_numbers [B, T], clip_key [B], clip_id [B], and heatmaps [B, T, H, W, K] where a detector made them."""


@dataclass(frozen=True)
class Share:
    """Which rows of a global batch this process takes, and for how many replicas.

    Attributes:
      worker: index of this process.
      num_workers: processes that share a batch.
      local_replicas: devices of each process.
    """

    worker: int = 0
    num_workers: int = 1
    local_replicas: int = 1

    def rows_per_replica(self, batch_size: int) -> int:
        """Rows of each replica's part of a batch, with padding where it does not divide."""
        return -(-batch_size // (self.num_workers * self.local_replicas))


class RecordSets:
    """The records of one or several datasets, read as one set.

    Args:
      records_dir: the folder that tools/make_records.py filled.
      datasets: names of the datasets, folders of it.

    Raises:
      InputError: records are absent or damaged, or the datasets' windows do not agree.
    """

    def __init__(self, records_dir: str | Path, datasets: tuple[str, ...]) -> None:
        self.folders = [Path(records_dir) / name for name in datasets]
        self.manifests = [reader.load_manifest(folder) for folder in self.folders]
        for name in ("window", "size", "frame_step", "encoding", "heatmaps", "compression"):
            values = {
                str(folder): getattr(manifest, name)
                for folder, manifest in zip(self.folders, self.manifests, strict=True)
            }
            if len(set(values.values())) > 1:
                raise InputError(f"records of different {name} cannot be trained on together: {values}; make them anew")

    @property
    def window(self) -> int:
        """T, frames in a window."""
        return int(self.manifests[0].window)

    @property
    def size(self) -> Size:
        """(height, width) of the heatmaps."""
        height, width = self.manifests[0].size
        return int(height), int(width)

    @property
    def frame_step(self) -> int:
        return int(self.manifests[0].frame_step)

    def num_windows(self, split: str) -> int:
        """Windows of a split over all datasets."""
        return sum(manifest.windows.get(split, 0) for manifest in self.manifests)

    def shards(self, split: str, verify: bool = False) -> list[str]:
        """Paths of a split's shards in a fixed order.

        Raises InputError where one is absent or has another size, or, with `verify`, other bytes than it should.
        """
        holders = [m.windows.get(split, 0) > 0 for m in self.manifests]
        folders = [folder for folder, holds in zip(self.folders, holders, strict=True) if holds]
        return [str(path) for folder in folders for path in reader.shard_paths(folder, split, verify)]

    @property
    def compression_type(self) -> str:
        """What `tf.data.TFRecordDataset` wants."""
        return str(self.manifests[0].compression_type)

    @property
    def fingerprint(self) -> str:
        """Identifies the records: equal fingerprints are equal bytes."""
        shards = [shard.sha256 for manifest in self.manifests for shard in manifest.shards]
        return hashlib.sha256(" ".join(shards).encode()).hexdigest()

    def parse(self, serialized: Any) -> dict[str, Any]:
        """Serialized windows, string [B] -> a batch."""
        return reader.parse_batch(serialized, self.manifests[0])


def serialized_windows(records: RecordSets, split: str, key: tuple[int, ...] = ()) -> tf.data.Dataset:
    """The windows of a split, each a serialized record.

    Args:
      records: where they are.
      split: its name.
      key: the order is a function of these numbers (seed, pass over the data); without them the windows come in the
        order of the shards.
    """
    paths = records.shards(split)
    if not key:
        return tf.data.TFRecordDataset(paths, records.compression_type)
    random = np.random.default_rng(key)
    paths = [paths[i] for i in random.permutation(len(paths))]
    windows = tf.data.Dataset.from_tensor_slices(paths).interleave(
        _as_written(lambda path: tf.data.TFRecordDataset(path, records.compression_type, buffer_size=2**20)),
        cycle_length=min(len(paths), MAX_OPEN_SHARDS),
        block_length=BLOCK_LENGTH,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return windows.shuffle(SHUFFLE_BUFFER, seed=int(random.integers(2**31)), reshuffle_each_iteration=False)


def training_batches(
    records: RecordSets, *, seed: int, batch_size: int, first_step: int, num_steps: int, share: Share = Share()
) -> tf.data.Dataset:
    """Training batches `first_step` ... `first_step + num_steps - 1` of an endless stream.

    The stream passes over the data again and again, each time in another order, a function of (seed, pass). A step's
    batch depends on nothing else, so that a continued run gets the batches it would have had.

    Returns:
      A dataset of batches whose tensors are [L, P, ...]: L local replicas of P rows. What is missing of a last batch is
      filled up with windows of which no keypoint is visible: they weigh nothing in any loss or score.
    """
    steps_per_pass = steps_for(records.num_windows("train"), batch_size)
    pieces, step, end = [], first_step, first_step + num_steps
    while step < end:
        number, offset = divmod(step, steps_per_pass)
        taken = min(steps_per_pass - offset, end - step)
        batches = serialized_windows(records, "train", (seed, number)).batch(batch_size)
        pieces.append(batches.skip(offset).take(taken))
        step += taken
    stream = pieces[0]
    for piece in pieces[1:]:
        stream = stream.concatenate(piece)
    return _delivered(stream, records, batch_size, share)


def evaluation_batches(
    records: RecordSets, split: str, *, batch_size: int, max_windows: int = 0, share: Share = Share()
) -> tf.data.Dataset:
    """Batches of a split in a fixed order, as `training_batches` gives them.

    Args:
      records: where they are.
      split: "train", "validation", "test" ...
      batch_size: windows in a global batch.
      max_windows: use this many windows, evenly spaced over the split; 0 is all.
      share: this process's part.
    """
    windows, total = serialized_windows(records, split), records.num_windows(split)
    if 0 < max_windows < total:
        chosen = windows.enumerate().filter(_as_written(lambda index, _: index * max_windows % total < max_windows))
        windows = chosen.map(_as_written(lambda _, window: window))
    return _delivered(windows.batch(batch_size), records, batch_size, share)


def steps_for(num_windows: int, batch_size: int) -> int:
    """Batches that hold so many windows; the last may be smaller."""
    return -(-num_windows // batch_size)


def _delivered(strings: tf.data.Dataset, records: RecordSets, batch_size: int, share: Share) -> tf.data.Dataset:
    rows = share.rows_per_replica(batch_size)
    mine = rows * share.local_replicas
    first = share.worker * mine

    def parse(serialized: Any) -> dict[str, Any]:
        batch = records.parse(serialized[first : first + mine])
        return {name: _split_and_pad(tensor, share.local_replicas, rows) for name, tensor in batch.items()}

    return strings.map(_as_written(parse), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(8)


def _split_and_pad(tensor: Any, replicas: int, rows: int) -> Any:
    """[n, ...] -> [replicas, rows, ...], with zeros (False, "") after the n rows."""
    missing = replicas * rows - tf.shape(tensor)[0]
    padded = tf.pad(
        tensor, [[0, missing]] + [[0, 0]] * (tensor.shape.rank - 1), constant_values=_ZEROS.get(tensor.dtype, 0)
    )
    return tf.reshape(padded, [replicas, rows, *tensor.shape[1:]])


_ZEROS: dict[Any, Any] = {tf.bool: False, tf.string: ""}


def prepare(
    batch: Batch,
    codec: HeatmapCodec,
    noise: DetectorNoise,
    takes: str,
    epoch: Any = 0,
    decoder: str = "argmax",
    sub_pixel_targets: bool = False,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A batch -> what the model takes and what it should give; `keras.ops` only, for inside a compiled step.

    Args:
      batch: see `Batch`. A real detector's heatmaps are used where they are there, else detections are simulated.
      codec: renders heatmaps.
      noise: the simulated detector.
      takes: "heatmaps" or "keypoints".
      epoch: int or uint32 scalar, key of fresh noise; 0 in evaluation.
      decoder: how a real detector's heatmaps become keypoints, for models that take these.
      sub_pixel_targets: centre target Gaussians on the true position instead of its rounded cell.

    Returns:
      (inputs, targets): inputs {"heatmaps": [B, T, H, W, K]} or {"keypoints": [B, T, K, 2] in heatmap cells,
      "visibility": float [B, T, K]}; targets {"keypoints", "visibility": bool [B, T, K]} and "heatmaps" where the
      model takes these.
    """
    if takes not in ("heatmaps", "keypoints"):
        raise ValueError(f"takes must be 'heatmaps' or 'keypoints'. Received: takes={takes!r}")
    ops = keras.ops
    targets = {"keypoints": batch["keypoints"], "visibility": batch["visibility"]}
    if takes == "heatmaps":
        targets["heatmaps"] = codec.encode(
            batch["keypoints"], batch["visibility"], 0, xp=ops, sub_pixel=sub_pixel_targets
        )
    if "heatmaps" in batch:
        if takes == "heatmaps":
            return {"heatmaps": batch["heatmaps"]}, targets
        keypoints, confidence = codec.decode(batch["heatmaps"], decoder, xp=ops)
        return {"keypoints": keypoints, "visibility": ops.cast(confidence > 0, "float32")}, targets
    seen = noise.simulate(
        batch["keypoints"], batch["visibility"], batch["clip_key"], batch["frame_numbers"], codec.size, epoch, xp=ops
    )
    if takes == "heatmaps":
        return {"heatmaps": codec.encode(seen["keypoints"], seen["visibility"], seen["sigma_index"], xp=ops)}, targets
    return {"keypoints": seen["keypoints"], "visibility": ops.cast(seen["visibility"], "float32")}, targets
