"""make_records with several processes, interrupted, killed, and shared out over machines."""

import hashlib
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from record_tools import digest, finish, start
from tool_runner import Tool

from kerasmooth.datasets import write_raw
from kerasmooth.tfrecord.manifest import load_manifest


def test_the_bytes_do_not_depend_on_the_number_of_workers(make_records: Tool, penn: list[str], tmp_path: Path) -> None:
    digests = []
    for workers in (1, 3):
        assert make_records(*penn, f"--workers={workers}").code == 0
        digests.append(digest(tmp_path / "penn_action"))
        shutil.rmtree(tmp_path / "penn_action")
    assert digests[0] == digests[1]
    assert "manifest.json" in digests[0]


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


def test_a_share_is_read_and_the_output_says_so(make_records: Tool, penn: list[str], tmp_path: Path) -> None:
    for job, count in ((0, 3), (1, 3)):
        done = make_records(*penn, f"--job={job}", "--num_jobs=2")
        assert done.code == 0, done.err
        assert f"Read {count} raw files as job {job} of 2." in done.out
    assert not list(tmp_path.glob("*/manifest.json"))
    assert make_records(*penn).code == 0
    assert list(tmp_path.glob("*/manifest.json"))
    assert "must be below --num_jobs=2" in make_records(*penn, "--job=2", "--num_jobs=2").error
    assert "the sample is generated" in make_records("--job=0", f"--records_dir={tmp_path}").error
