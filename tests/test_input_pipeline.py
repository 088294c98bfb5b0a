import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from small_records import KEYPOINTS, SIZE, WINDOW, write_records

from kerasmooth import input_pipeline
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.input_pipeline import (
    RecordSets,
    WorkerShard,
    evaluation_batches,
    lanes,
    steps_for,
    training_batches,
)
from kerasmooth.model_inputs import prepare
from kerasmooth.noise import DetectorNoise

TRAIN, VALIDATION = 50, 20
FIRST_PASS = {"first_step": 0, "num_steps": 5}
"""Of 37 windows in batches of 8."""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> RecordSets:
    folder = tmp_path_factory.mktemp("données")
    write_records(folder, windows=(TRAIN, VALIDATION))
    return RecordSets(folder, ("sample",))


def firsts(batches: tf.data.Dataset) -> list[list[int]]:
    """The number of the first frame of each window, by batch, without the padding (frame numbers count from 1)."""
    rows = [batch["frame_numbers"].numpy().reshape(-1, WINDOW)[:, 0] for batch in batches]
    return [[int(number) for number in row if number] for row in rows]


def joined(batches: Iterable[list[int]]) -> list[int]:
    return list(itertools.chain.from_iterable(batches))


def stream(records: RecordSets, first: int, count: int, seed: int = 0) -> list[list[int]]:
    return firsts(training_batches(records, seed=seed, batch_size=16, first_step=first, num_steps=count))


@pytest.fixture(scope="module")
def whole(records: RecordSets) -> list[list[int]]:
    """Three passes."""
    return stream(records, 0, 12)


def test_a_pass_shows_each_window_once_and_the_next_in_another_order(whole: list[list[int]]) -> None:
    one, two = joined(whole[:4]), joined(whole[4:8])
    assert sorted(one) == sorted(two) == list(range(1, TRAIN + 1))
    assert one != two
    assert one != sorted(one)


def test_the_order_is_a_function_of_seed_and_pass(records: RecordSets, whole: list[list[int]]) -> None:
    assert stream(records, 0, 4) == whole[:4]
    assert stream(records, 0, 4, seed=1) != whole[:4]


@pytest.mark.parametrize("first", [0, 1, 3, 4, 6, 11])
def test_a_stream_goes_on_where_it_was_left(records: RecordSets, whole: list[list[int]], first: int) -> None:
    assert stream(records, first, 12 - first) == whole[first:]


def test_windows_keep_their_contents(records: RecordSets) -> None:
    by_first: dict[int, np.ndarray] = {}
    for batch in evaluation_batches(records, "train", batch_size=TRAIN):
        for keypoints, numbers in zip(batch["keypoints"][0].numpy(), batch["frame_numbers"][0].numpy(), strict=True):
            by_first[int(numbers[0])] = keypoints
    for batch in training_batches(records, seed=3, batch_size=8, first_step=2, num_steps=2):
        assert batch["keypoints"].shape == (1, 8, WINDOW, KEYPOINTS, 2)
        for keypoints, numbers in zip(batch["keypoints"][0].numpy(), batch["frame_numbers"][0].numpy(), strict=True):
            np.testing.assert_array_equal(keypoints, by_first[int(numbers[0])])


def test_the_last_batch_is_filled_with_windows_that_show_nothing(records: RecordSets) -> None:
    last = next(iter(training_batches(records, seed=0, batch_size=16, first_step=3, num_steps=1)))
    assert last["visibility"].shape == (1, 16, WINDOW, KEYPOINTS)
    assert last["visibility"][0, :2].numpy().any(axis=(1, 2)).all()
    assert not last["visibility"][0, 2:].numpy().any()
    assert not last["keypoints"][0, 2:].numpy().any()


@pytest.mark.parametrize(("workers", "replicas"), [(2, 1), (1, 2), (2, 2), (3, 1)])
def test_the_shards_of_a_batch_make_up_the_batch(
    records: RecordSets, whole: list[list[int]], workers: int, replicas: int
) -> None:
    shards = [WorkerShard(worker, workers, replicas) for worker in range(workers)]
    parts = [
        firsts(training_batches(records, seed=0, batch_size=16, first_step=0, num_steps=4, shard=shard))
        for shard in shards
    ]
    assert [joined(split) for split in zip(*parts, strict=True)] == whole[:4]


@pytest.mark.parametrize(("workers", "replicas"), [(2, 1), (3, 2)])
@pytest.mark.parametrize("cap", [0, 7])
def test_workers_judge_each_window_once_in_as_many_steps(
    records: RecordSets, workers: int, replicas: int, cap: int
) -> None:
    settings: dict[str, Any] = {"batch_size": 8, "max_windows": cap}
    alone = firsts(evaluation_batches(records, "validation", **settings))
    shards = [WorkerShard(worker, workers, replicas) for worker in range(workers)]
    together = [firsts(evaluation_batches(records, "validation", **settings, shard=shard)) for shard in shards]
    assert joined(map(joined, together)) == joined(alone)
    assert {len(steps) for steps in together} == {len(alone)}


@pytest.mark.parametrize(("first", "worker", "workers", "most"), [(0, 0, 2, 4), (0, 1, 2, 4), (27, 0, 1, 4)])
def test_workers_read_their_own_shards_and_a_late_start_reads_the_rest_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, worker: int, workers: int, most: int
) -> None:
    """Half of the windows lie in three of six shards, or in four; the last 3 of 30 of each of two lanes in two."""
    write_records(tmp_path, windows=(60, 5), shards=6)
    records = RecordSets(tmp_path, ("sample",))
    monkeypatch.setattr(input_pipeline, "SHUFFLE_BYTES", 4 * records.largest_record("train"))
    settings: dict[str, Any] = {"batch_size": 2, "first_step": first, "num_steps": 30 - first}
    settings["shard"] = WorkerShard(worker, workers)
    windows = firsts(training_batches(records, seed=0, **settings))
    # Windows were dealt to the shards in turn.
    used = {(number - 1) % 6 for number in joined(windows)}
    assert len(used) <= most
    for index, (path, _) in enumerate(records.shards("train")):
        if index not in used:
            Path(path).unlink()
    assert firsts(training_batches(records, seed=0, **settings)) == windows


@pytest.mark.parametrize(("limit", "windows"), [(1, 1), (11_000, 8), (10**9, 50)])
def test_the_windows_that_are_shuffled_together_are_bounded_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, windows: int
) -> None:
    """Of blocks of n windows, one comes at most n - 1 places before or after its turn."""
    write_records(tmp_path, windows=(50, 5), shards=1)
    records = RecordSets(tmp_path, ("sample",))
    assert 1_300 < records.largest_record("train") < 11_000 / 8
    monkeypatch.setattr(input_pipeline, "SHUFFLE_BYTES", limit)
    order = np.array(joined(stream(records, 0, 4)))
    moved = [np.abs((np.arange(50) - start) % 50 + 1 - order).max() for start in range(50)]
    assert min(moved) < windows
    assert (min(moved) > 0) == (windows > 1)


def test_lanes_divide_the_batch_and_are_no_more_than_shards() -> None:
    cases = [(16, 4), (16, 100), (30, 7), (7, 4), (512, 1000), (8, 1)]
    assert [lanes(*case) for case in cases] == [4, 16, 6, 1, 64, 1]


def test_evaluation_windows_come_in_order(records: RecordSets) -> None:
    # Windows were dealt to three shards in turn.
    expected = [start + 1 for shard in range(3) for start in range(shard, VALIDATION, 3)]
    assert joined(firsts(evaluation_batches(records, "validation", batch_size=8))) == expected


@pytest.mark.parametrize("cap", [1, 7, 19, 20, 21])
def test_a_cap_takes_evenly_spaced_windows(records: RecordSets, cap: int) -> None:
    everything = joined(firsts(evaluation_batches(records, "validation", batch_size=8)))
    chosen = joined(firsts(evaluation_batches(records, "validation", batch_size=8, max_windows=cap)))
    assert len(chosen) == min(cap, VALIDATION)
    gaps = np.diff([everything.index(number) for number in chosen])
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


def test_several_record_sets_are_read_as_one(tmp_path: Path) -> None:
    write_records(tmp_path, dataset="penn_action", windows=(30, 10))
    write_records(tmp_path, dataset="brace", windows=(7, 3), seed=5)
    both = RecordSets(tmp_path, ("penn_action", "brace"))
    assert (both.num_windows("train"), both.num_windows("validation"), both.num_windows("test")) == (37, 13, 0)
    shown = [batch["clip_id"].numpy().ravel() for batch in training_batches(both, seed=0, batch_size=8, **FIRST_PASS)]
    names = [name.split(b"/")[0] for name in np.concatenate(shown)]
    assert (names.count(b"penn_action"), names.count(b"brace")) == (30, 7)
    assert both.fingerprint != RecordSets(tmp_path, ("penn_action",)).fingerprint


def test_steps_for_counts_the_smaller_last_batch() -> None:
    assert [steps_for(n, 16) for n in (1, 16, 17, 32)] == [1, 1, 2, 2]


@pytest.fixture(scope="module")
def batch(records: RecordSets) -> dict[str, Any]:
    first = next(iter(training_batches(records, seed=0, batch_size=4, first_step=0, num_steps=1)))
    return {name: tensor[0] for name, tensor in first.items() if tensor.dtype != tf.string}


def numpy_of(batch: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in batch.items()}


def simulated(batch: dict[str, Any], noise: DetectorNoise, epoch: int) -> dict[str, np.ndarray]:
    arrays = numpy_of(batch)
    keys = (arrays["clip_key"], arrays["frame_numbers"])
    return noise.simulate(arrays["keypoints"], arrays["visibility"], *keys, SIZE, epoch)


@pytest.mark.parametrize("jit", [False, True])
def test_prepared_heatmaps_are_those_of_the_codec_and_the_simulated_detector(batch: dict[str, Any], jit: bool) -> None:
    codec, noise = HeatmapCodec(SIZE), DetectorNoise(shifting_scalar=0.5)
    compiled = tf.function(lambda b, e: prepare(b, codec, noise, "heatmaps", e), jit_compile=jit)
    inputs, targets = compiled(batch, tf.constant(3, tf.uint32))
    seen = simulated(batch, noise, 3)
    expected = codec.encode(seen["keypoints"], seen["visibility"], seen["sigma_index"])
    assert inputs["heatmaps"].shape == (4, WINDOW, *SIZE, KEYPOINTS)
    np.testing.assert_allclose(inputs["heatmaps"], expected, atol=1e-5)
    truth = numpy_of(batch)
    np.testing.assert_allclose(targets["heatmaps"], codec.encode(truth["keypoints"], truth["visibility"], 0), atol=1e-5)
    np.testing.assert_array_equal(targets["visibility"], truth["visibility"])


def test_prepared_keypoints_are_the_peaks_of_the_prepared_heatmaps(batch: dict[str, Any]) -> None:
    codec, noise = HeatmapCodec(SIZE), DetectorNoise()
    heatmaps = prepare(batch, codec, noise, "heatmaps", 2)[0]["heatmaps"].numpy()
    inputs = prepare(batch, codec, noise, "keypoints", 2)[0]
    flat = heatmaps.transpose(0, 1, 4, 2, 3).reshape(4, WINDOW, KEYPOINTS, -1)
    peaks = np.stack([flat.argmax(-1) % SIZE[1], flat.argmax(-1) // SIZE[1]], axis=-1)
    shown = flat.max(-1) > 0
    np.testing.assert_array_equal(inputs["visibility"].numpy() > 0, shown)
    np.testing.assert_array_equal(inputs["keypoints"].numpy()[shown], peaks[shown])


def test_fresh_noise_is_new_in_each_epoch_and_fixed_noise_is_not(batch: dict[str, Any]) -> None:
    def inputs(fresh: bool, epoch: int) -> np.ndarray:
        noise = DetectorNoise(fresh=fresh)
        return prepare(batch, HeatmapCodec(SIZE), noise, "keypoints", epoch)[0]["keypoints"].numpy()

    assert (inputs(True, 1) != inputs(True, 2)).any()
    np.testing.assert_array_equal(inputs(True, 1), inputs(True, 1))
    np.testing.assert_array_equal(inputs(False, 1), inputs(False, 2))
    np.testing.assert_array_equal(inputs(False, 1), inputs(True, 0))


def test_a_real_detectors_heatmaps_are_taken_as_they_are(batch: dict[str, Any]) -> None:
    random, codec, noise = np.random.default_rng(0), HeatmapCodec(SIZE), DetectorNoise()
    heatmaps = random.uniform(size=(4, WINDOW, *SIZE, KEYPOINTS)).astype(np.float32)
    heatmaps[1, 2, :, :, 3] = 0
    heatmaps[0, 0, 7, 11, 5] = 9
    given = batch | {"heatmaps": tf.constant(heatmaps)}
    np.testing.assert_array_equal(prepare(given, codec, noise, "heatmaps")[0]["heatmaps"], heatmaps)
    inputs = prepare(given, codec, noise, "keypoints")[0]
    assert inputs["keypoints"][0, 0, 5].numpy().tolist() == [11, 7]
    assert inputs["visibility"].numpy().sum() == 4 * WINDOW * KEYPOINTS - 1


def test_sub_pixel_targets_move_with_the_keypoint(batch: dict[str, Any]) -> None:
    codec = HeatmapCodec((32, 40))
    near = batch | {
        "keypoints": tf.fill((4, WINDOW, KEYPOINTS, 2), 16.3),
        "visibility": tf.fill((4, WINDOW, KEYPOINTS), True),
    }
    published = prepare(near, codec, DetectorNoise(), "heatmaps")[1]["heatmaps"].numpy()
    exact = prepare(near, codec, DetectorNoise(), "heatmaps", sub_pixel_targets=True)[1]["heatmaps"].numpy()
    columns = np.arange(40)

    def centre(maps: np.ndarray) -> float:
        return float((maps[0, 0, :, :, 0].sum(0) * columns).sum() / maps[0, 0, :, :, 0].sum())

    assert centre(published) == pytest.approx(16.0, abs=1e-3)
    assert centre(exact) == pytest.approx(16.3, abs=1e-3)


def test_what_a_model_takes_must_be_known(batch: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Received: takes='video'"):
        prepare(batch, HeatmapCodec(SIZE), DetectorNoise(), "video")
