"""Records to batches.

`tf.data` only reads, shuffles, batches and parses: it delivers keypoints, some 3 kB a window. Heatmaps and noise are
made by `model_inputs.prepare` inside the compiled step, on the device that trains, where they are never the limit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from kerasmooth.datasets import DATASETS
from kerasmooth.errors import InputError
from kerasmooth.tfrecord.record_sets import RecordSets

SHUFFLE_BYTES = 2**27
"""What the windows that are shuffled together may hold, and as much again what is read ahead of them. Training windows
come shuffled from their writer: a small number does no harm."""
MAX_LANES = 64

# AutoGraph has nothing to convert here, and would read the source, which may be under edit while a long run continues.
as_written = tf.autograph.experimental.do_not_convert


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

    def share(self, total: int) -> range:
        """Which of `total` things are this worker's."""
        return range(total * self.worker // self.num_workers, total * (self.worker + 1) // self.num_workers)


def serialized_windows(records: RecordSets, split: str) -> tf.data.Dataset:
    """The windows of a split, each a serialized record, in the order of the shards."""
    return tf.data.TFRecordDataset([path for path, _ in records.shards(split)], records.compression_type)


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
    batch depends on nothing else, so that a continued run gets the batches it would have had, and so does one with
    another number of workers.

    Returns:
      A dataset of batches whose tensors are [L, P, ...]: L local replicas of P rows. What is missing of a last batch is
      filled up with windows of which no keypoint is visible: they weigh nothing in any loss or score.
    """
    steps_per_pass = steps_for(records.num_windows("train"), batch_size)
    passes, step, end = [], first_step, first_step + num_steps
    while step < end:
        number, offset = divmod(step, steps_per_pass)
        taken = min(steps_per_pass - offset, end - step)
        passes.append(_shuffled(records, (seed, number), batch_size, offset, shard.share(batch_size)).take(taken))
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
      shard: this process's part: it reads so many neighbouring windows of the split.
    """
    total = records.num_windows(split)
    used = min(max_windows or total, total)
    mine = shard.share(used)
    # The n-th window that is used is that at ceil(n * total / used).
    start, stop = (-(-n * total // used) for n in (mine.start, mine.stop))
    section = _stacked([_section(records.shards(split), start, stop)])
    windows = tf.data.Dataset.from_tensor_slices(tuple(array[0] for array in section)).flat_map(_reading(records))
    chosen = windows.enumerate(start).filter(as_written(lambda index, _: index * used % total < used))
    rows = min(batch_size, shard.rows_per_replica(batch_size) * shard.local_replicas)
    batches = chosen.map(as_written(lambda _, window: window)).batch(rows)
    # All workers take as many steps.
    batches = batches.concatenate(tf.data.Dataset.from_tensors(tf.zeros([0], tf.string)).repeat())
    return _delivered(batches.take(steps_for(used, batch_size)), records, batch_size, shard)


def read(batches: tf.data.Dataset, records: RecordSets) -> Iterator[dict[str, Any]]:
    """Gives the batches one by one. Raises InputError where the records that they are of are damaged or gone."""
    try:
        yield from batches
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError) as error:
        reason = error.message.strip().splitlines()[0]
        where = ", ".join(map(str, records.folders))
        raise InputError(f"the records in {where} cannot be read ({reason}): make them again") from None


def _shuffled(
    records: RecordSets, key: tuple[int, ...], batch_size: int, first_step: int, rows: range
) -> tf.data.Dataset:
    """These rows of the batches of a pass from a step on, strings [rows], and "" without end behind the last window.

    The shards in random order, joined to a ring, are cut into lanes of equal length. A batch has as many windows of
    each lane, so that who needs some rows reads some lanes; neighbours within a lane are shuffled, a block at a time,
    so that who begins in the middle reads from the block on.
    """
    random = np.random.default_rng(key)
    shards = records.shards("train")
    shards, total = [shards[i] for i in random.permutation(len(shards))], records.num_windows("train")
    turn, num_lanes = int(random.integers(total)), lanes(batch_size, len(shards))
    seeds = random.integers(2**31, size=num_lanes)
    width = batch_size // num_lanes
    block = max(1, SHUFFLE_BYTES // (num_lanes * records.largest_record("train")))
    first_block, rest = divmod(first_step * width, block)
    mine = range(rows.start // width, -(-rows.stop // width))
    ends = [total * lane // num_lanes for lane in range(num_lanes + 1)]
    sections = [
        _section(shards * 2, turn + min(ends[lane] + first_block * block, ends[lane + 1]), turn + ends[lane + 1])
        for lane in mine
    ]
    of_files = _reading(records)

    def lane(paths: Any, skips: Any, takes: Any, seed: Any) -> tf.data.Dataset:
        def shuffle(number: Any, windows: Any) -> Any:
            return tf.random.experimental.stateless_shuffle(windows, seed=tf.stack([seed, number]))

        files = tf.data.Dataset.from_tensor_slices((paths, skips, takes))
        blocks = files.flat_map(of_files).batch(block).enumerate(first_block).map(as_written(shuffle)).prefetch(1)
        return blocks.unbatch().skip(rest).concatenate(tf.data.Dataset.from_tensors("").repeat())

    lanes_of_mine = tf.data.Dataset.from_tensor_slices((*_stacked(sections), seeds[mine.start : mine.stop]))
    windows = lanes_of_mine.interleave(
        as_written(lane), len(mine), width, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    own = slice(rows.start - mine.start * width, rows.stop - mine.start * width)
    return windows.batch(len(mine) * width, drop_remainder=True).map(as_written(lambda strings: strings[own]))


def lanes(batch_size: int, num_shards: int) -> int:
    """Lanes of a pass: as many as divide a batch, but no more than shards, whose parts would else be read in vain."""
    return next(n for n in range(min(batch_size, num_shards, MAX_LANES), 0, -1) if batch_size % n == 0)


def _section(shards: Sequence[tuple[str, int]], start: int, stop: int) -> tuple[list[str], list[int], list[int]]:
    """Where the windows `start` ... `stop` - 1 of shards, (path, number of windows), are: paths, how many windows of
    each to pass over, how many to take.
    """
    paths, skips, takes, begin = list[str](), list[int](), list[int](), 0
    for path, count in shards:
        first, last = max(start - begin, 0), min(stop - begin, count)
        if first < last:
            paths.append(path)
            skips.append(first)
            takes.append(last - first)
        begin += count
    return paths, skips, takes


def _stacked(sections: Sequence[tuple[list[str], list[int], list[int]]]) -> tuple[Any, Any, Any]:
    """Sections [L] as arrays [L, F], with files of which nothing is taken behind the shorter ones."""
    length = max(len(paths) for paths, _, _ in sections)
    paths = tf.constant([paths + [""] * (length - len(paths)) for paths, _, _ in sections], tf.string)
    numbers = np.zeros((2, len(sections), length), np.int64)
    for lane, (_, skips, takes) in enumerate(sections):
        numbers[:, lane, : len(skips)] = skips, takes
    return paths, numbers[0], numbers[1]


def _reading(records: RecordSets) -> Any:
    """(path, windows to pass over, windows to take) -> a dataset of them."""

    def read(path: Any, skip: Any, take: Any) -> tf.data.Dataset:
        return tf.data.TFRecordDataset(path, records.compression_type, buffer_size=2**20).skip(skip).take(take)

    return as_written(read)


def shuffle_buffer(records: RecordSets, split: str) -> int:
    """Windows that a shuffle buffer may hold."""
    return max(1, SHUFFLE_BYTES // records.largest_record(split))


def parsed(records: RecordSets, serialized: Any) -> dict[str, Any]:
    """Serialized windows, string [B] -> a `model_inputs.Batch`."""
    constant = "|".join(name for name, reader in DATASETS.items() if reader.constant_shift)
    batch = records.parse(serialized)
    batch["constant_shift"] = tf.strings.regex_full_match(batch["clip_id"], f"({constant})/.*")
    return batch


def steps_for(num_windows: int, batch_size: int) -> int:
    """Batches that hold so many windows; the last may be smaller."""
    return -(-num_windows // batch_size)


def _delivered(strings: tf.data.Dataset, records: RecordSets, batch_size: int, shard: WorkerShard) -> tf.data.Dataset:
    rows = shard.rows_per_replica(batch_size)

    def parse(serialized: Any) -> dict[str, Any]:
        batch = parsed(records, tf.boolean_mask(serialized, serialized != ""))
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
