"""Records to batches to what a model takes.

`tf.data` only reads, shuffles, batches and parses: it delivers keypoints, some 3 kB a window. Heatmaps and noise are
made by `prepare` inside the compiled step, on the device that trains, where they are never the limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth.datasets import DATASETS
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord.record_sets import RecordSets

SHUFFLE_BYTES = 2**28
"""What the shuffle buffer may hold. Training windows come shuffled from their writer: a small buffer does no harm."""
MAX_OPEN_SHARDS = 16
BLOCK_LENGTH = 16

# AutoGraph has nothing to convert here, and would read the source, which may be under edit while a long run continues.
as_written = tf.autograph.experimental.do_not_convert

Batch = Mapping[str, Any]
"""What `tfrecord.reader.parse_batch` gives: keypoints [B, T, K, 2], visibility [B, T, K], boxes [B, T, 4],
frame_numbers [B, T], clip_key [B], clip_id [B], and heatmaps [B, T, H, W, K] where the records hold them; and
constant_shift bool [B], whether the window is of a dataset to which `--constant_shift` applies."""


@dataclass(frozen=True)
class WorkerShard:
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
        as_written(lambda path: tf.data.TFRecordDataset(path, records.compression_type, buffer_size=2**20)),
        cycle_length=min(len(paths), MAX_OPEN_SHARDS),
        block_length=BLOCK_LENGTH,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    seed = int(random.integers(2**31))
    return windows.shuffle(shuffle_buffer(records, split), seed=seed, reshuffle_each_iteration=False)


def training_batches(
    records: RecordSets,
    *,
    seed: int,
    batch_size: int,
    first_step: int,
    num_steps: int,
    shard: WorkerShard = WorkerShard(),
) -> tf.data.Dataset:
    """Training batches `first_step` ... `first_step + num_steps - 1` of an endless stream.

    The stream passes over the data again and again, each time in another order, a function of (seed, pass). A step's
    batch depends on nothing else, so that a continued run gets the batches it would have had.

    Returns:
      A dataset of batches whose tensors are [L, P, ...]: L local replicas of P rows. What is missing of a last batch is
      filled up with windows of which no keypoint is visible: they weigh nothing in any loss or score.
    """
    steps_per_pass = steps_for(records.num_windows("train"), batch_size)
    passes, step, end = [], first_step, first_step + num_steps
    while step < end:
        number, offset = divmod(step, steps_per_pass)
        taken = min(steps_per_pass - offset, end - step)
        batches = serialized_windows(records, "train", (seed, number)).batch(batch_size)
        passes.append(batches.skip(offset).take(taken))
        step += taken
    stream = passes[0]
    for following in passes[1:]:
        stream = stream.concatenate(following)
    return _delivered(stream, records, batch_size, shard)


def evaluation_batches(
    records: RecordSets, split: str, *, batch_size: int, max_windows: int = 0, shard: WorkerShard = WorkerShard()
) -> tf.data.Dataset:
    """Batches of a split in a fixed order, as `training_batches` gives them.

    Args:
      records: where they are.
      split: "train", "validation", "test" ...
      batch_size: windows in a global batch.
      max_windows: use this many windows, evenly spaced over the split; 0 is all.
      shard: this process's part.
    """
    windows, total = serialized_windows(records, split), records.num_windows(split)
    if 0 < max_windows < total:
        chosen = windows.enumerate().filter(as_written(lambda index, _: index * max_windows % total < max_windows))
        windows = chosen.map(as_written(lambda _, window: window))
    return _delivered(windows.batch(batch_size), records, batch_size, shard)


def shuffle_buffer(records: RecordSets, split: str) -> int:
    """Windows that the shuffle buffer may hold."""
    return max(1, SHUFFLE_BYTES // records.largest_record(split))


def parsed(records: RecordSets, serialized: Any) -> dict[str, Any]:
    """Serialized windows, string [B] -> a `Batch`."""
    constant = "|".join(name for name, reader in DATASETS.items() if reader.constant_shift)
    batch = records.parse(serialized)
    batch["constant_shift"] = tf.strings.regex_full_match(batch["clip_id"], f"({constant})/.*")
    return batch


def steps_for(num_windows: int, batch_size: int) -> int:
    """Batches that hold so many windows; the last may be smaller."""
    return -(-num_windows // batch_size)


def _delivered(strings: tf.data.Dataset, records: RecordSets, batch_size: int, shard: WorkerShard) -> tf.data.Dataset:
    rows = shard.rows_per_replica(batch_size)
    mine = rows * shard.local_replicas
    first = shard.worker * mine

    def parse(serialized: Any) -> dict[str, Any]:
        batch = parsed(records, serialized[first : first + mine])
        return {name: _split_and_pad(tensor, shard.local_replicas, rows) for name, tensor in batch.items()}

    return strings.map(as_written(parse), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(2)


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
        batch["keypoints"],
        batch["visibility"],
        batch["clip_key"],
        batch["frame_numbers"],
        codec.size,
        epoch,
        ops,
        batch.get("constant_shift"),
    )
    if takes == "heatmaps":
        return {"heatmaps": codec.encode(seen["keypoints"], seen["visibility"], seen["sigma_index"], xp=ops)}, targets
    return {"keypoints": seen["keypoints"], "visibility": ops.cast(seen["visibility"], "float32")}, targets
