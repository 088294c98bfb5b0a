import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tool_runner import TOOLS, Outcome, Tool, entry_point

from kerasmooth import boxes
from kerasmooth.datasets import DATASETS, write_raw
from kerasmooth.tfrecord.reader import load_manifest, parse_batch, shard_paths

REAL = {name: reader for name, reader in DATASETS.items() if reader.purpose != "sample"}


@pytest.fixture(scope="module")
def tool() -> Tool:
    return entry_point("kerasmooth.make_records")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated raw files of all three layouts."""
    folder = tmp_path_factory.mktemp("raw")
    for dataset, (videos, frames) in {"penn_action": (6, 14), "brace": (5, 30), "climbalong": (6, 14)}.items():
        write_raw(folder / dataset, dataset=dataset, num_videos=videos, frames_per_video=frames, seed=2)
    return folder


@pytest.fixture
def penn(raw: Path, tmp_path: Path) -> list[str]:
    """Flags that convert the generated Penn Action files into a folder of the test."""
    return [
        "--dataset=penn_action",
        f"--raw_dir={raw / 'penn_action'}",
        f"--records_dir={tmp_path}",
        "--actions=all",
        "--workers=1",
    ]


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refused(outcome: Outcome, expected: str) -> None:
    assert outcome.code == 2, outcome.err
    assert outcome.error.startswith("error: ")
    assert expected in outcome.error
    assert outcome.err.count("error: ") == 1


def read_all(folder: Path, split: str) -> dict[str, np.ndarray]:
    manifest = load_manifest(folder)
    dataset = tf.data.TFRecordDataset(shard_paths(folder, split), manifest.compression_type)
    batch = parse_batch(tf.stack(list(dataset)), manifest)
    return {name: value.numpy() for name, value in batch.items()}


def test_without_flags_it_makes_sample_records_and_tells_of_the_real_data(tool: Tool, tmp_path: Path) -> None:
    outcome = tool(f"--records_dir={tmp_path}", "--workers=1")
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
    again = tool(f"--records_dir={tmp_path}", "--workers=1")
    assert again.code == 0
    assert "there already: nothing to do" in again.out


@pytest.mark.parametrize("dataset", REAL)
def test_records_hold_what_the_reader_reads(tool: Tool, raw: Path, tmp_path: Path, dataset: str) -> None:
    folder = raw / dataset
    outcome = tool(
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


def test_the_bytes_do_not_depend_on_the_number_of_workers(tool: Tool, penn: list[str], tmp_path: Path) -> None:
    digests = []
    for workers in (1, 3):
        assert tool(*penn, f"--workers={workers}").code == 0
        digests.append(digest(tmp_path / "penn_action"))
        shutil.rmtree(tmp_path / "penn_action")
    assert digests[0] == digests[1]
    assert "manifest.json" in digests[0]


def test_the_manifest_tells_how_the_records_were_made(tool: Tool, penn: list[str], tmp_path: Path) -> None:
    words = [*penn, "--window=3", "--frame_step=2", "--stride=4", "--size=24x16", "--num_shards=2", "--seed=5"]
    assert tool(*words, "--compression=GZIP").code == 0
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
def test_split_rules(tool: Tool, penn: list[str], tmp_path: Path, splits: str) -> None:
    assert tool(*penn, f"--splits={splits}").code == 0
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


def test_climbalong_published_holds_the_longest_video_out(tool: Tool, raw: Path, tmp_path: Path) -> None:
    words = ["--dataset=climbalong", f"--raw_dir={raw / 'climbalong'}", f"--records_dir={tmp_path}"]
    assert tool(*words, "--splits=published", "--outside_box=drop", "--workers=1").code == 0
    manifest = load_manifest(tmp_path / "climbalong")
    assert manifest.splits == ("train", "validation", "test", "extra")
    assert len(set(read_all(tmp_path / "climbalong", "extra")["clip_id"])) == 1
    assert manifest.heatmaps == "detector"


def test_dense_records(tool: Tool, penn: list[str], tmp_path: Path) -> None:
    assert tool(*penn, "--encoding=dense", "--size=12x10", "--shifting_scalar=0", "--norandom_sigma").code == 0
    batch = read_all(tmp_path / "penn_action", "train")
    assert batch["heatmaps"].shape[1:] == (5, 12, 10, 25)
    np.testing.assert_array_equal(batch["heatmaps"], batch["target_heatmaps"])  # no shift and the targets' sigma


def test_other_flags_are_refused_until_overwrite(tool: Tool, penn: list[str], tmp_path: Path) -> None:
    assert tool(*penn).code == 0
    before = digest(tmp_path)
    outcome = tool(*penn, "--stride=2")
    refused(outcome, "stride=1 (now 2): pass --overwrite")
    assert digest(tmp_path) == before
    assert tool(*penn, "--stride=2", "--overwrite").code == 0
    assert load_manifest(tmp_path / "penn_action").stride == 2


def test_a_bad_raw_file(tool: Tool, raw: Path, tmp_path: Path) -> None:
    shutil.copytree(raw / "penn_action", tmp_path / "raw")
    path = next((tmp_path / "raw" / "labels").glob("*.mat"))
    path.write_bytes(path.read_bytes()[:300])
    words = ["--dataset=penn_action", f"--raw_dir={tmp_path / 'raw'}", f"--records_dir={tmp_path}", "--workers=2"]
    refused(tool(*words), str(path))
    outcome = tool(*words, "--skip_bad")
    refused(outcome, "1 of 6 raw files are bad, more than 1%")
    assert f"skipped: {path}" in outcome.out
    assert not (tmp_path / "penn_action" / "manifest.json").exists()


BAD_FLAGS = {
    "window 0": (["--window=0"], "window"),
    "window -3": (["--window=-3"], "window"),
    "window text": (["--window=five"], "window"),
    "window fraction": (["--window=5.5"], "window"),
    "window empty": (["--window="], "window"),
    "stride 0": (["--stride=0"], "stride"),
    "frame_step 0": (["--frame_step=0"], "frame_step"),
    "num_shards 0": (["--num_shards=0"], "num_shards"),
    "num_shards huge": (["--num_shards=1000000"], "num_shards"),
    "workers 0": (["--workers=0"], "workers"),
    "seed negative": (["--seed=-1"], "seed"),
    "seed too long": (["--seed=99999999999999999999"], "seed"),
    "frame_step huge": (["--frame_step=99999999999999999999"], "frame_step"),
    "dataset unknown": (["--dataset=coco"], "dataset"),
    "dataset empty": (["--dataset="], "dataset"),
    "encoding unknown": (["--encoding=png"], "encoding"),
    "splits unknown": (["--splits=random"], "splits"),
    "actions unknown": (["--actions=jump"], "actions"),
    "outside_box unknown": (["--outside_box=keep"], "outside_box"),
    "compression unknown": (["--compression=zip"], "compression"),
    "size 0": (["--size=0"], "--size must lie between 2 and 1024"),
    "size text": (["--size=big"], "--size must be N or HEIGHTxWIDTH"),
    "size three": (["--size=1x2x3"], "--size must be N or HEIGHTxWIDTH"),
    "size negative": (["--size=-56"], "--size must be N or HEIGHTxWIDTH"),
    "size superscript": (["--size=5²"], "--size must be N or HEIGHTxWIDTH"),
    "size huge": (["--size=56x9999"], "--size must lie between 2 and 1024"),
    "size empty": (["--size="], "--size must be N or HEIGHTxWIDTH"),
    "scalar not a number": (["--encoding=dense", "--shifting_scalar=nan"], "shifting_scalar"),
    "scalar negative": (["--encoding=dense", "--shifting_scalar=-1"], "shifting_scalar"),
    "scalar for keypoints": (["--shifting_scalar=2"], "--shifting_scalar is for simulated heatmaps (--encoding=dense)"),
    "sigma for keypoints": (["--norandom_sigma"], "--random_sigma is for simulated heatmaps"),
    "actions for the sample": (["--actions=all"], "--actions is for --dataset=penn_action"),
    "occluded for brace": (["--dataset=brace", f"--raw_dir={TOOLS}", "--occluded=keep"], "--occluded is for"),
    "raw_dir empty": (["--dataset=brace", "--raw_dir="], "--raw_dir is empty"),
    "outside_box for the sample": (["--outside_box=drop"], "--outside_box is for --dataset=climbalong"),
    "raw_dir for the sample": (["--raw_dir=."], "the sample is generated"),
    "raw_dir missing": (["--dataset=brace"], "--raw_dir is missing: to convert brace, get"),
    "raw_dir absent": (["--dataset=brace", "--raw_dir=/no/such"], "--raw_dir=/no/such does not exist"),
    "raw_dir a file": (["--dataset=brace", f"--raw_dir={__file__}"], "is no folder"),
    "raw_dir of another layout": (["--dataset=climbalong", f"--raw_dir={TOOLS}"], "must hold the folder input/"),
    "size for climbalong": (["--dataset=climbalong", f"--raw_dir={TOOLS}", "--size=56"], "--size: the detector's"),
    "records_dir a file": ([f"--records_dir={__file__}"], "--records_dir"),
    "records_dir empty": (["--records_dir="], "--records_dir is empty"),
    "unknown flag": (["--widow=5"], "widow"),
    "a word": (["records"], "unexpected words ['records']"),
    "no flagfile": (["--flagfile=absent.cfg"], "absent.cfg"),
}


@pytest.mark.parametrize("name", BAD_FLAGS)
def test_bad_flags_are_one_line_and_exit_2(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words, expected = BAD_FLAGS[name]
    outcome = tool(*words)
    refused(outcome, expected)
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.rglob("*.tfrecord")) == []


def test_nothing_is_left_where_the_records_cannot_be_made(tool: Tool, tmp_path: Path) -> None:
    (tmp_path / "sample").write_text("in the way")
    refused(tool(f"--records_dir={tmp_path}"), "--records_dir")
    assert (tmp_path / "sample").read_text() == "in the way"


def test_a_damaged_manifest_is_named_and_overwritten(tool: Tool, penn: list[str], tmp_path: Path) -> None:
    (tmp_path / "penn_action").mkdir()
    (tmp_path / "penn_action" / "manifest.json").write_text("{")
    refused(tool(*penn), "--overwrite")
    assert tool(*penn, "--overwrite").code == 0
    assert load_manifest(tmp_path / "penn_action").window == 5


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(TOOLS / "make_records.py"), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> Outcome:
    out, err = process.communicate(timeout=300)
    return Outcome(process.returncode, out, err)


def test_as_a_user_starts_it(raw: Path, tmp_path: Path) -> None:
    outcome = finish(start("--dataset=brace", f"--raw_dir={raw / 'brace'}", f"--records_dir={tmp_path}", "--workers=2"))
    assert outcome.code == 0, outcome.err
    assert "oneDNN" not in outcome.err
    assert sum(load_manifest(tmp_path / "brace").windows.values()) > 50


@pytest.mark.slow
def test_ctrl_c_stops_it_and_its_workers_quietly(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", dataset="penn_action", num_videos=300, frames_per_video=60, seed=1)
    process = start(
        "--dataset=penn_action", f"--raw_dir={tmp_path / 'raw'}", f"--records_dir={tmp_path}", "--actions=all"
    )
    while not list(tmp_path.glob("penn_action/.work-*/*.part")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    outcome = finish(process)
    assert outcome.code == 130
    assert outcome.err.endswith("interrupted\n")
    assert "Traceback" not in outcome.err


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_no_half_shard_and_continues(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", dataset="penn_action", num_videos=300, frames_per_video=60, seed=1)
    words = ["--dataset=penn_action", f"--raw_dir={tmp_path / 'raw'}", "--actions=all"]
    began = time.monotonic()
    assert finish(start(*words, f"--records_dir={tmp_path / 'straight'}")).code == 0
    needed = time.monotonic() - began
    expected = digest(tmp_path / "straight" / "penn_action")
    folder = tmp_path / "killed" / "penn_action"
    delays = random.Random(0)
    for _ in range(8):
        process = start(*words, f"--records_dir={tmp_path / 'killed'}")
        time.sleep(delays.uniform(0.1, 0.9) * needed)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        for path in folder.glob("*.tfrecord"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == expected[path.name]
    assert finish(start(*words, f"--records_dir={tmp_path / 'killed'}")).code == 0
    assert digest(folder) == expected


def test_all_of_penn_action(tool: Tool, shared_data: Path, tmp_path: Path) -> None:
    words = ["--dataset=penn_action", f"--raw_dir={shared_data / 'penn_action'}", f"--records_dir={tmp_path}"]
    assert tool(*words, "--actions=all", "--stride=50", "--workers=2").code == 0
    manifest = load_manifest(tmp_path / "penn_action")
    assert sum(manifest.clips.values()) == 2326
    assert sum(manifest.frames.values()) == 163_841
    shares = np.array(list(manifest.frames.values())) / 163_841
    np.testing.assert_allclose(shares, [0.6, 0.2, 0.2], atol=0.002)


@pytest.mark.slow
def test_published_selection_of_penn_action(tool: Tool, shared_data: Path, tmp_path: Path) -> None:
    words = ["--dataset=penn_action", f"--raw_dir={shared_data / 'penn_action'}", f"--records_dir={tmp_path}"]
    assert tool(*words, "--actions=published", "--stride=50", "--workers=2", "--splits=official").code == 0
    manifest = load_manifest(tmp_path / "penn_action")
    assert sum(manifest.clips.values()) == 307
    assert sum(manifest.frames.values()) == 26_036
    assert manifest.dropped["other_action"] == 163_841 - 26_036


def test_breakdance_clips(tool: Tool, shared_data: Path, tmp_path: Path) -> None:
    words = ["--dataset=brace", f"--raw_dir={shared_data / 'breakdance'}", f"--records_dir={tmp_path}"]
    assert tool(*words, "--stride=10", "--workers=2").code == 0
    manifest = load_manifest(tmp_path / "brace")
    assert sum(manifest.frames.values()) == 17_596


def test_penn_action_positions_are_the_published_ones(
    tool: Tool, shared_data: Path, golden: dict[str, np.ndarray], tmp_path: Path
) -> None:
    raw = tmp_path / "raw" / "labels"
    raw.mkdir(parents=True)
    for number in range(1, 13):
        shutil.copy(shared_data / "penn_action" / "labels" / f"{number:04d}.mat", raw)
    words = ["--dataset=penn_action", f"--raw_dir={raw.parent}", f"--records_dir={tmp_path}", "--workers=1"]
    assert tool(*words, "--actions=all", "--occluded=keep").code == 0
    compared = 0
    for split in ("train", "validation", "test"):
        batch = read_all(tmp_path / "penn_action", split)
        for clip_id, numbers, keypoints, visibility in zip(
            batch["clip_id"], batch["frame_numbers"], batch["keypoints"], batch["visibility"], strict=True
        ):
            expected = golden["penn_" + clip_id.decode().rpartition("/")[2]][numbers - 1]
            np.testing.assert_array_equal(visibility, expected[..., 0] >= 0)
            # Exact halves round either way.
            assert np.abs(keypoints - expected)[visibility].max() <= 0.5 + 1e-5
            compared += int(visibility.sum())
    assert compared > 10_000


def test_the_readme_s_code_reads_records_without_this_package(
    tool: Tool, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (repository / "records" / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert "kerasmooth" not in code
    assert tool(f"--records_dir={tmp_path / 'records'}", "--workers=1").code == 0
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code, names)
    assert names["visibility"].shape[1:] == (5, 25)
    assert set(np.unique(names["visibility"])) == {0, 1}


def test_the_readme_s_counts_of_the_sample(tool: Tool, repository: Path, tmp_path: Path) -> None:
    text = (repository / "records" / "README.md").read_text()
    assert tool(f"--records_dir={tmp_path}", "--workers=1").code == 0
    manifest = load_manifest(tmp_path / "sample")
    counts = (f"{manifest.clips[s]} / {manifest.frames[s]} / {manifest.windows[s]}" for s in manifest.splits)
    assert f"| sample | {' | '.join(counts)} | none |" in text
    assert f"| sample | {sum(manifest.frames.values())} frames" in text


def test_a_share_is_read_and_the_rest_of_the_command_says_so(tool: Tool, penn: list[str], tmp_path: Path) -> None:
    for job, count in ((0, 3), (1, 3)):
        done = tool(*penn, f"--job={job}", "--num_jobs=2")
        assert done.code == 0, done.err
        assert f"Read {count} raw files as job {job} of 2." in done.out
    assert not list(tmp_path.glob("*/manifest.json"))
    assert tool(*penn).code == 0
    assert list(tmp_path.glob("*/manifest.json"))
    assert "must be below --num_jobs=2" in tool(*penn, "--job=2", "--num_jobs=2").error
    assert "the sample is generated" in tool("--job=0", f"--records_dir={tmp_path}").error
