"""Records as `keras.Model.fit` takes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from kerasmooth.datasets import AUTO
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.input_pipeline import as_written, parsed, serialized_windows, shuffle_buffer, steps_for
from kerasmooth.model_inputs import prepare
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord.record_sets import RecordSets, resolve_datasets


def load_dataset(
    records_dir: str | Path = "records",
    split: str = "train",
    *,
    datasets: Sequence[str] = AUTO,
    takes: str = "heatmaps",
    boxes: bool = False,
    batch_size: int = 16,
    noise: DetectorNoise | None = None,
    decoder: str = "argmax",
    shuffle: bool | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """The windows of a split as (inputs, targets) for `fit`, `evaluate` and `predict` of a Keras model.

    inputs: {"heatmaps": [B, T, H, W, K]}, or {"keypoints": [B, T, K, 2], (x, y) in heatmap cells, "visibility":
    [B, T, K], 1 where the detector found the keypoint}; of a real detector where the records hold any, else simulated.
    targets: true keypoints [B, T, K, 2], sub-pixel, in heatmap cells; NaN where not annotated, as `losses.MaskedMSE`
    and `metrics.PCK` take them.

    Each pass over the dataset is one epoch. Where it is shuffled, every pass has another order and, if `noise.fresh`,
    other detections; else all passes are equal and have the detections of evaluation.

    Args:
      records_dir: the folder that `make_records` filled.
      split: "train", "validation", "test", or "extra" where there is one.
      datasets: folders of it; ("auto",) is every pretraining dataset that is there, else the sample.
      takes: "heatmaps" or "keypoints": what the model is given.
      boxes: with keypoints, give "boxes" [B, T, 4] too, x1 y1 x2 y2 in image pixels, as `models.GatedSplines` asks for.
      batch_size: windows in a batch; the last one may be smaller.
      noise: the simulated detector; by default that of experiment 1 at s = 1.
      decoder: how a real detector's heatmaps become keypoints.
      shuffle: whether to shuffle; by default the training split only.
      seed: of order and noise; the same seed gives the same passes.

    Raises:
      InputError: there are no such records, they are damaged, or they have no such split.
      ValueError: an unknown `takes`.
    """
    if takes not in ("heatmaps", "keypoints"):
        raise ValueError(f"takes must be 'heatmaps' or 'keypoints'. Received: takes={takes!r}")
    noise = noise or DetectorNoise()
    records = RecordSets(records_dir, resolve_datasets(records_dir, datasets))
    records.check_split(split)
    codec, shuffled = HeatmapCodec(size=records.size), split == "train" if shuffle is None else shuffle

    def prepared(serialized: Any, key: Any) -> tuple[dict[str, Any], Any]:
        batch = parsed(records, serialized)
        inputs, targets = prepare(batch, codec, noise, takes, key, decoder)
        if not boxes:
            inputs.pop("boxes", None)
        return inputs, tf.where(targets["visibility"][..., None], targets["keypoints"], float("nan"))

    windows = serialized_windows(records, split)
    if shuffled:
        windows = windows.shuffle(shuffle_buffer(records, split), seed=seed, reshuffle_each_iteration=True)

    def one_pass(key: Any) -> tf.data.Dataset:
        batches = windows.batch(batch_size)
        as_taken = as_written(lambda serialized: prepared(serialized, key))
        return batches.map(as_taken, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    # A number that is another one in each pass; evaluation's is 0.
    keys = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    keys = keys if shuffled else tf.data.Dataset.from_tensors(tf.constant(0, tf.int64))
    passes = keys.flat_map(as_written(one_pass))
    num_batches = steps_for(records.num_windows(split), batch_size)
    return passes.apply(tf.data.experimental.assert_cardinality(num_batches)).prefetch(2)
