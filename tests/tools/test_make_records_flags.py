"""What make_records refuses, and that it leaves nothing half made."""

import shutil
from pathlib import Path

import pytest
from record_tools import digest, refused
from tool_runner import TOOLS, Tool

from kerasmooth.tfrecord.manifest import load_manifest


def test_other_flags_are_refused_until_overwrite(make_records: Tool, penn: list[str], tmp_path: Path) -> None:
    assert make_records(*penn).code == 0
    before = digest(tmp_path)
    outcome = make_records(*penn, "--stride=2")
    refused(outcome, "stride=1 (now 2): pass --overwrite")
    assert digest(tmp_path) == before
    assert make_records(*penn, "--stride=2", "--overwrite").code == 0
    assert load_manifest(tmp_path / "penn_action").stride == 2


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
    make_records: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words, expected = BAD_FLAGS[name]
    outcome = make_records(*words)
    refused(outcome, expected)
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.rglob("*.tfrecord")) == []


def test_nothing_is_left_where_the_records_cannot_be_made(make_records: Tool, tmp_path: Path) -> None:
    (tmp_path / "sample").write_text("in the way")
    refused(make_records(f"--records_dir={tmp_path}"), "--records_dir")
    assert (tmp_path / "sample").read_text() == "in the way"


def test_a_damaged_manifest_is_named_and_overwritten(make_records: Tool, penn: list[str], tmp_path: Path) -> None:
    (tmp_path / "penn_action").mkdir()
    (tmp_path / "penn_action" / "manifest.json").write_text("{")
    refused(make_records(*penn), "--overwrite")
    assert make_records(*penn, "--overwrite").code == 0
    assert load_manifest(tmp_path / "penn_action").window == 5


def test_a_bad_raw_file(make_records: Tool, raw: Path, tmp_path: Path) -> None:
    shutil.copytree(raw / "penn_action", tmp_path / "raw")
    path = next((tmp_path / "raw" / "labels").glob("*.mat"))
    path.write_bytes(path.read_bytes()[:300])
    words = ["--dataset=penn_action", f"--raw_dir={tmp_path / 'raw'}", f"--records_dir={tmp_path}", "--workers=2"]
    refused(make_records(*words), str(path))
    outcome = make_records(*words, "--skip_bad")
    refused(outcome, "1 of 6 raw files are bad, more than 1%")
    assert f"skipped: {path}" in outcome.out
    assert not (tmp_path / "penn_action" / "manifest.json").exists()
