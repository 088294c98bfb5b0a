import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kerasmooth.errors import InputError
from kerasmooth.tfrecord.manifest import Manifest, Shard, load_manifest


def shard(name: str, windows: int) -> Shard:
    return Shard(name=name, split=name.split("-")[0], windows=windows, bytes=100, sha256="aa", largest_record=30)


def manifest(**changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "dataset": "sample",
        "window": 5,
        "frame_step": 2,
        "stride": 3,
        "size": (24, 16),
        "encoding": "keypoints",
        "compression": "GZIP",
        "heatmaps": "none",
        "clips": {"train": 2, "test": 1},
        "frames": {"train": 40, "test": 20},
        "windows": {"train": 9, "test": 4},
        "dropped": {"no_box": 3},
        "dropped_windows": {},
        "annotated": ("nose", "left_hip"),
        "shards": (
            shard("train-00000-of-00002.tfrecord", windows=5),
            shard("train-00001-of-00002.tfrecord", windows=4),
            shard("test-00000-of-00001.tfrecord", windows=4),
        ),
        "flags": {"window": 5},
        "licence": "none",
        "citation": "nobody; ünïcode",
        "tool_version": "0.1.0",
    }
    return Manifest(**(fields | changes))


def write(folder: Path, values: object) -> None:
    (folder / "manifest.json").write_text(json.dumps(values))


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(manifest().to_json(), "utf-8")
    loaded = load_manifest(tmp_path)
    assert loaded == manifest()
    assert loaded.splits == ("train", "test")
    assert [shard.name for shard in loaded.shards_of("test")] == ["test-00000-of-00001.tfrecord"]
    assert (loaded.compression_type, manifest(compression="none").compression_type) == ("GZIP", "")


def replaced(**changes: Any) -> Callable[[dict], object]:
    return lambda values: values | changes


def without(name: str) -> Callable[[dict], object]:
    return lambda values: {key: value for key, value in values.items() if key != name}


def with_shard(**changes: Any) -> Callable[[dict], object]:
    return lambda values: values | {"shards": [values["shards"][0] | changes, *values["shards"][1:]]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda values: [], "must be an object"),
        (lambda values: None, "must be an object"),
        (replaced(schema_version=1), "schema_version must be 2, got 1"),
        (replaced(schema_version="2"), "schema_version"),
        (replaced(schema_version=True), "schema_version"),
        (without("window"), "the setting window is missing"),
        (without("annotated"), "the setting annotated is missing"),
        (replaced(annotated=["tail"]), "annotated must be keypoints, got ['tail']"),
        (replaced(windoww=5), "there is no setting windoww"),
        (replaced(window=0), "window must be greater than 0, got 0"),
        (replaced(window=5.0), "window"),
        (replaced(window=True), "window"),
        (replaced(frame_step=-1), "frame_step"),
        (replaced(stride="1"), "stride"),
        (replaced(size=56), "size"),
        (replaced(size=[56]), "size"),
        (replaced(size=[56, 1]), "size"),
        (replaced(size=[56, None]), "size"),
        (replaced(encoding="jpeg"), "encoding"),
        (replaced(compression="ZLIB"), "compression"),
        (replaced(heatmaps="yes"), "heatmaps"),
        (replaced(windows={"train": -9, "test": 4}), "windows"),
        (replaced(windows={"train": 9, "test": 5}), "windows of test"),
        (replaced(clips=[1, 2]), "clips"),
        (replaced(dropped={"no_box": None}), "dropped"),
        (replaced(keypoints=["nose"]), "keypoints"),
        (replaced(skeleton="coco_17"), "skeleton"),
        (replaced(shards={}), "shards"),
        (replaced(shards=["train"]), "shards"),
        (with_shard(name="../../elsewhere.tfrecord"), "name"),
        (with_shard(name="train"), "name"),
        (with_shard(windows=0), "windows"),
        (with_shard(bytes=None), "bytes"),
        (with_shard(colour="red"), "there is no setting shards.0.colour"),
        (with_shard(split="trian"), "split must be one of"),
        (replaced(licence=None), "licence"),
        (replaced(skipped_files=[7]), "skipped_files"),
    ],
)
def test_a_malformed_manifest_is_one_line_with_field_and_remedy(
    tmp_path: Path, change: Callable[[dict], object], expected: str
) -> None:
    write(tmp_path, change(json.loads(manifest().to_json())))
    with pytest.raises(InputError) as caught:
        load_manifest(tmp_path)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "manifest.json"))
    assert expected in message
    assert "make_records.py" in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b'{"window": NaN', b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(InputError, match="JSON"):
        load_manifest(tmp_path)


def test_a_folder_without_records_says_how_to_make_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(InputError, match=r"no finished records here: make the records with python tools/make_rec"):
            load_manifest(folder)
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        load_manifest(tmp_path)
