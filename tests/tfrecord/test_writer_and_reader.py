import dataclasses
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter
from small_records import SIZE, WINDOW, prepared_clip, write_records

from kerasmooth.errors import InputError
from kerasmooth.noise import DetectorNoise
from kerasmooth.tfrecord.manifest import Manifest, load_manifest
from kerasmooth.tfrecord.parts import PreparedClip, quantise, restore_heatmaps
from kerasmooth.tfrecord.reader import parse_batch, shard_paths
from kerasmooth.tfrecord.writer import RecordMaker, write_shard

CLIP = prepared_clip("clip", 12, seed=0)
WINDOWS = np.arange(0, 8)[:, None] + np.arange(WINDOW)


def manifest_for(tmp_path: Path, **changes: object) -> Manifest:
    folder = write_records(tmp_path / "for_manifest")
    return load_manifest(folder).replace(**changes)


def records(clip: PreparedClip, encoding: str = "keypoints") -> list[bytes]:
    make = RecordMaker(encoding, SIZE, DetectorNoise(seed=3))
    return [make(clip, frames) for frames in WINDOWS]


def with_heatmaps() -> tuple[PreparedClip, np.ndarray]:
    raw = np.random.default_rng(1).normal(size=(12, *SIZE, 25)).astype(np.float32)
    return dataclasses.replace(CLIP, heatmaps=[quantise(frame) for frame in raw]), raw


def test_what_is_read_is_what_was_written_to_the_bit(tmp_path: Path) -> None:
    batch = parse_batch(tf.constant(records(CLIP)), manifest_for(tmp_path))
    assert {name: value.dtype.name for name, value in batch.items()} == {
        "keypoints": "float32",
        "visibility": "bool",
        "boxes": "float32",
        "frame_numbers": "int32",
        "clip_key": "uint32",
        "clip_id": "string",
    }
    for name in ("keypoints", "visibility", "boxes", "frame_numbers"):
        np.testing.assert_array_equal(batch[name], getattr(CLIP, name)[WINDOWS])
    assert set(batch["clip_id"].numpy()) == {b"sample/clip"}
    assert set(batch["clip_key"].numpy().tolist()) == {zlib.crc32(b"sample/clip")}


def test_a_record_needs_nothing_of_ours_to_be_read() -> None:
    features = tf.train.Example.FromString(records(CLIP)[2]).features.feature
    frames = WINDOWS[2]
    keypoints = np.array(features["keypoints"].float_list.value).reshape(WINDOW, 25, 2)
    np.testing.assert_array_equal(keypoints.astype(np.float32), CLIP.keypoints[frames])
    visible = np.frombuffer(features["visibility"].bytes_list.value[0], np.uint8).reshape(WINDOW, 25)
    np.testing.assert_array_equal(visible, CLIP.visibility[frames])
    assert list(features["frame_numbers"].int64_list.value) == CLIP.frame_numbers[frames].tolist()


def test_a_keypoint_window_is_small() -> None:
    assert max(map(len, records(CLIP))) < 1500


@pytest.mark.parametrize("compression", ["none", "GZIP"])
def test_a_shard_is_read_inside_tf_data_with_static_shapes(tmp_path: Path, compression: str) -> None:
    shard = write_shard(tmp_path / "train-00000-of-00001.tfrecord", "train", records(CLIP), compression)
    manifest = manifest_for(tmp_path, compression=compression)
    path = str(tmp_path / shard.name)
    dataset = tf.data.TFRecordDataset(path, manifest.compression_type).batch(3)
    batches = list(dataset.map(lambda serialized: parse_batch(serialized, manifest)))
    assert shard.windows == 8 == sum(len(batch["clip_id"]) for batch in batches)
    keypoints = np.concatenate([batch["keypoints"] for batch in batches])
    np.testing.assert_array_equal(keypoints, CLIP.keypoints[WINDOWS])
    traced = tf.function(lambda serialized: parse_batch(serialized, manifest), autograph=False)
    spec = traced.get_concrete_function(tf.TensorSpec([None], tf.string)).structured_outputs
    assert spec["keypoints"].shape.as_list() == [None, WINDOW, 25, 2]
    assert spec["visibility"].shape.as_list() == [None, WINDOW, 25]


def test_a_detector_s_heatmaps_travel_in_the_record(tmp_path: Path) -> None:
    clip, raw = with_heatmaps()
    batch = parse_batch(tf.constant(records(clip)), manifest_for(tmp_path, heatmaps="detector"))
    expected = np.stack([restore_heatmaps([clip.heatmaps[i] for i in frames], (*SIZE, 25)) for frames in WINDOWS])
    np.testing.assert_allclose(batch["heatmaps"], expected, rtol=1e-5)
    positive = np.maximum(raw, 0)[WINDOWS]
    normalised = 255 * positive / positive.sum(axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(batch["heatmaps"], normalised, atol=normalised.max() / 255)


def smeared(x: int, y: int, sigma: float) -> np.ndarray:
    """The published rendering, by SciPy."""
    one_hot = np.zeros(SIZE)
    one_hot[y, x] = 1
    return 255 * gaussian_filter(one_hot, sigma, mode="nearest", truncate=4)


def test_dense_records_hold_input_and_target_literally(tmp_path: Path) -> None:
    manifest = manifest_for(tmp_path, encoding="dense", heatmaps="simulated")
    batch = parse_batch(tf.constant(records(CLIP, "dense")), manifest)
    frame, keypoint = 4, int(np.flatnonzero(CLIP.visibility[4])[1])
    x, y = np.rint(CLIP.keypoints[frame, keypoint]).astype(int)
    expected = smeared(x, y, sigma=1)
    np.testing.assert_allclose(batch["target_heatmaps"][0, frame, :, :, keypoint], expected, atol=1e-4)
    hidden = np.flatnonzero(~CLIP.visibility[frame])
    assert not batch["target_heatmaps"].numpy()[0, frame][..., hidden].any()
    # Every window that shows a frame sees the same noisy frame.
    np.testing.assert_array_equal(batch["heatmaps"][0, 4], batch["heatmaps"][4, 0])
    assert batch["heatmaps"].shape == (8, WINDOW, *SIZE, 25)
    arrays = (CLIP.keypoints[None], CLIP.visibility[None], np.array([zlib.crc32(b"sample/clip")], np.uint32))
    seen = DetectorNoise(seed=3).simulate(*arrays, CLIP.frame_numbers[None], SIZE)
    x, y = seen["keypoints"][0, frame, keypoint].astype(int)
    expected = smeared(x, y, sigma=1 + 0.5 * seen["sigma_index"][0, frame])
    np.testing.assert_allclose(batch["heatmaps"][0, frame, :, :, keypoint], expected, atol=1e-4)


def test_dense_records_of_a_detector_hold_its_heatmaps(tmp_path: Path) -> None:
    clip, _ = with_heatmaps()
    manifest = manifest_for(tmp_path, encoding="dense", heatmaps="detector")
    batch = parse_batch(tf.constant(records(clip, "dense")), manifest)
    expected = restore_heatmaps([clip.heatmaps[i] for i in WINDOWS[1]], (*SIZE, 25))
    np.testing.assert_array_equal(batch["heatmaps"][1], expected)


def test_the_same_windows_are_the_same_bytes(tmp_path: Path) -> None:
    for compression in ("none", "GZIP"):
        shards = [
            write_shard(tmp_path / name, "train", records(CLIP), compression) for name in ("a.tfrecord", "b.tfrecord")
        ]
        assert shards[0].sha256 == shards[1].sha256


def test_an_empty_shard_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one record"):
        write_shard(tmp_path / "train.tfrecord", "train", [])
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_fails_leaves_no_half_shard(tmp_path: Path) -> None:
    def failing() -> object:
        yield from records(CLIP)[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "train.tfrecord", "train", failing())
    assert not (tmp_path / "train.tfrecord").exists()


def test_a_shard_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot write it") as caught:
        write_shard(tmp_path / "no" / "train.tfrecord", "train", records(CLIP))
    assert caught.value.filename == str(tmp_path / "no" / "train.tfrecord")


def test_shard_paths_are_in_order(tmp_path: Path) -> None:
    folder = write_records(tmp_path)
    paths = shard_paths(folder, "train", verify=True)
    assert paths == sorted(paths)
    assert [Path(path).name for path in paths] == [f"train-{i:05d}-of-00003.tfrecord" for i in range(3)]


def change_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


DAMAGES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "no manifest": (lambda folder, shard: (folder / "manifest.json").unlink(), "no finished records here"),
    "shard gone": (lambda folder, shard: shard.unlink(), "no such file"),
    "shard is a folder": (lambda folder, shard: (shard.unlink(), shard.mkdir()), "no such file"),
    "truncated": (lambda folder, shard: shard.write_bytes(shard.read_bytes()[:-7]), "truncated or replaced"),
    "empty": (lambda folder, shard: shard.write_bytes(b""), "has 0 bytes"),
    "longer": (lambda folder, shard: shard.write_bytes(shard.read_bytes() + b"x"), "truncated or replaced"),
    "garbage": (lambda folder, shard: shard.write_bytes(b"x" * shard.stat().st_size), "not of window=5"),
    "another window": (lambda folder, shard: edit(folder, '"window": 5', '"window": 7'), "not of window=7"),
    "another encoding": (lambda folder, shard: edit(folder, '"keypoints"', '"dense"'), "encoding=dense"),
    "a detector": (lambda folder, shard: edit(folder, '"heatmaps": "none"', '"heatmaps": "detector"'), "not of window"),
    "compressed": (
        lambda folder, shard: edit(folder, '"compression": "none"', '"compression": "GZIP"'),
        "not of window",
    ),
    "another version": (lambda folder, shard: edit(folder, '"schema_version": 2', '"schema_version": 9'), "got 9"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_records_are_one_line_with_file_and_remedy(tmp_path: Path, damage: str) -> None:
    folder = write_records(tmp_path)
    spoil, expected = DAMAGES[damage]
    spoil(folder, folder / "train-00000-of-00003.tfrecord")
    with pytest.raises(InputError) as caught:
        shard_paths(folder, "train")
    message = str(caught.value)
    assert expected in message
    assert str(folder) in message
    assert "tools/make_records.py" in message
    assert "\n" not in message


def test_one_flipped_bit_is_found_when_asked_to_verify(tmp_path: Path) -> None:
    folder = write_records(tmp_path)
    change_byte(folder / "train-00002-of-00003.tfrecord")
    shard_paths(folder, "train")
    with pytest.raises(InputError, match=r"train-00002.*SHA-256"):
        shard_paths(folder, "train", verify=True)


def test_a_split_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    folder = write_records(tmp_path)
    with pytest.raises(InputError, match="no split 'tset', these records have train, validation"):
        shard_paths(folder, "tset")
