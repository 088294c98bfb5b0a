"""What make_records makes of raw files, and what its manifest says."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from record_tools import read_all
from tool_runner import Tool

from kerasmooth import boxes
from kerasmooth.datasets import DATASETS
from kerasmooth.tfrecord.manifest import load_manifest

REAL = {name: reader for name, reader in DATASETS.items() if reader.purpose != "sample"}


def test_without_flags_it_makes_sample_records_and_tells_of_the_real_data(make_records: Tool, tmp_path: Path) -> None:
    outcome = make_records(f"--records_dir={tmp_path}", "--workers=1")
    assert outcome.code == 0, outcome.err
    manifest = load_manifest(tmp_path / "sample")
    assert 350 <= manifest.windows["train"] <= 550
    assert min(manifest.windows.values()) > 80
    for name, dataset in REAL.items():
        assert f"--dataset={name}" in outcome.out
        assert dataset.obtain in outcome.out
    for split in manifest.splits:
        assert {clip.split(b"/")[0] for clip in read_all(tmp_path / "sample", split)["clip_id"]} == {
            b"penn_action",
            b"brace",
        }
    again = make_records(f"--records_dir={tmp_path}", "--workers=1")
    assert again.code == 0
    assert "there already: nothing to do" in again.out


@pytest.mark.parametrize("dataset", REAL)
def test_records_hold_what_the_reader_reads(make_records: Tool, raw: Path, tmp_path: Path, dataset: str) -> None:
    folder = raw / dataset
    outcome = make_records(
        f"--dataset={dataset}", f"--raw_dir={folder}", f"--records_dir={tmp_path}", "--workers=1", "--splits=video"
    )
    assert outcome.code == 0, outcome.err
    reader = DATASETS[dataset](folder)
    clips = {clip.clip_id: clip for source in reader.list_sources() for clip in reader.read(source).clips}
    manifest = load_manifest(tmp_path / dataset)
    assert sum(manifest.clips.values()) == len(clips)
    assert sum(manifest.frames.values()) == sum(clip.num_frames for clip in clips.values())
    windows = 0
    for split in manifest.splits:
        batch = read_all(tmp_path / dataset, split)
        assert ("heatmaps" in batch) == (dataset == "climbalong")
        windows += len(batch["clip_id"])
        for i in range(0, len(batch["clip_id"]), 7):
            clip = clips[batch["clip_id"][i].decode()]
            frames = batch["frame_numbers"][i] - clip.frame_numbers[0]
            shown = batch["visibility"][i]
            pixels = boxes.to_image(batch["keypoints"][i], batch["boxes"][i], manifest.size)
            np.testing.assert_allclose(pixels[shown], clip.keypoints[frames][shown], atol=0.01)
            assert np.all(clip.visibility[frames][shown])
    assert windows == sum(manifest.windows.values())


def test_the_manifest_tells_how_the_records_were_made(make_records: Tool, penn: list[str], tmp_path: Path) -> None:
    words = [*penn, "--window=3", "--frame_step=2", "--stride=4", "--size=24x16", "--num_shards=2", "--seed=5"]
    assert make_records(*words, "--compression=GZIP").code == 0
    manifest = json.loads((tmp_path / "penn_action" / "manifest.json").read_text())
    expected = {"window": 3, "frame_step": 2, "stride": 4, "size": [24, 16], "compression": "GZIP", "schema_version": 2}
    assert {name: manifest[name] for name in expected} == expected
    assert manifest["flags"]["seed"] == 5
    assert manifest["flags"]["actions"] == "all"
    assert "workers" not in manifest["flags"]
    for shard in manifest["shards"]:
        content = (tmp_path / "penn_action" / shard["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (shard["bytes"], shard["sha256"])
    assert "ICCV 2013" in manifest["citation"]


@pytest.mark.parametrize("splits", ["video", "published", "official"])
def test_split_rules(make_records: Tool, penn: list[str], tmp_path: Path, splits: str) -> None:
    assert make_records(*penn, f"--splits={splits}").code == 0
    manifest = load_manifest(tmp_path / "penn_action")
    assert manifest.splits == ("train", "validation", "test")
    shown = {
        split: {
            (clip, frame)
            for clip, numbers in zip(batch["clip_id"].tolist(), batch["frame_numbers"].tolist(), strict=True)
            for frame in numbers
        }
        for split in manifest.splits
        if (batch := read_all(tmp_path / "penn_action", split))
    }
    assert sum(map(len, shown.values())) == len(set().union(*shown.values()))


def test_climbalong_published_holds_the_longest_video_out(make_records: Tool, raw: Path, tmp_path: Path) -> None:
    words = ["--dataset=climbalong", f"--raw_dir={raw / 'climbalong'}", f"--records_dir={tmp_path}"]
    assert make_records(*words, "--splits=published", "--outside_box=drop", "--workers=1").code == 0
    manifest = load_manifest(tmp_path / "climbalong")
    assert manifest.splits == ("train", "validation", "test", "extra")
    assert len(set(read_all(tmp_path / "climbalong", "extra")["clip_id"])) == 1
    assert manifest.heatmaps == "detector"


def test_dense_records(make_records: Tool, penn: list[str], tmp_path: Path) -> None:
    assert make_records(*penn, "--encoding=dense", "--size=12x10", "--shifting_scalar=0", "--norandom_sigma").code == 0
    batch = read_all(tmp_path / "penn_action", "train")
    assert batch["heatmaps"].shape[1:] == (5, 12, 10, 25)
    np.testing.assert_array_equal(batch["heatmaps"], batch["target_heatmaps"])  # no shift and the targets' sigma


def test_all_of_penn_action(make_records: Tool, shared_data: Path, tmp_path: Path) -> None:
    words = ["--dataset=penn_action", f"--raw_dir={shared_data / 'penn_action'}", f"--records_dir={tmp_path}"]
    assert make_records(*words, "--actions=all", "--stride=50", "--workers=2").code == 0
    manifest = load_manifest(tmp_path / "penn_action")
    assert sum(manifest.clips.values()) == 2326
    assert sum(manifest.frames.values()) == 163_841
    shares = np.array(list(manifest.frames.values())) / 163_841
    np.testing.assert_allclose(shares, [0.6, 0.2, 0.2], atol=0.002)


def test_the_readme_s_code_reads_records_without_this_package(
    make_records: Tool, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (repository / "records" / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert "kerasmooth" not in code
    assert make_records(f"--records_dir={tmp_path / 'records'}", "--workers=1").code == 0
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code, names)
    assert names["visibility"].shape[1:] == (5, 25)
    assert set(np.unique(names["visibility"])) == {0, 1}


def test_the_readme_s_counts_of_the_sample(make_records: Tool, repository: Path, tmp_path: Path) -> None:
    text = (repository / "records" / "README.md").read_text()
    assert make_records(f"--records_dir={tmp_path}", "--workers=1").code == 0
    manifest = load_manifest(tmp_path / "sample")
    counts = (f"{manifest.clips[s]} / {manifest.frames[s]} / {manifest.windows[s]}" for s in manifest.splits)
    assert f"| sample | {' | '.join(counts)} | none |" in text
    assert f"| sample | {sum(manifest.frames.values())} frames" in text
