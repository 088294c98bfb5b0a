"""The command on long files: when it works in blocks, what it says of bad ones, and how much memory it takes."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from long_inputs import (
    ALWAYS,
    MEASURED_RUN,
    command,
    deeplabcut_lines,
    nothing_left,
    recording,
    written,
)

from kerasmooth.formats import blocks
from kerasmooth.pose_files import long_files
from kerasmooth.skeletons import BODY_25


def test_the_same_command_gives_the_same_bytes(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = written(tmp_path / "clip.parquet", "parquet", recording(700, people=2))
    for name in "ab":
        assert smooth(clip, f"--output={tmp_path / name}.parquet", "--block_seconds=10", "--method=gaussian").code == 0
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_large_files_go_in_blocks_by_themselves(
    smooth: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = written(tmp_path / "clip.csv", "deeplabcut", recording(200))
    words = (clip, "--fps=30", "--method=gaussian", "--overwrite", f"--output={tmp_path / 'out.csv'}")
    seen: list[Any] = []
    watched = long_files.smooth_long
    monkeypatch.setattr(
        "kerasmooth.pose_files.long_job.smooth_long", lambda *a, **k: seen.append(a) or watched(*a, **k)
    )
    assert smooth(*words).code == 0
    assert not seen
    monkeypatch.setattr(blocks, "LONG_BYTES", 1000)
    assert smooth(*words).code == 0
    assert len(seen) == 1
    assert smooth(*words, f"--plot={tmp_path / 'plots'}").code == 0
    assert len(seen) == 1


def test_what_cannot_go_in_blocks_goes_in_memory(
    smooth: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "LONG_BYTES", 1000)
    clip = written(tmp_path / "clip.csv", "deeplabcut", recording(400))
    lines = clip.read_text().splitlines()
    lines[50], lines[90] = lines[90], lines[50]
    clip.write_text("\n".join([*lines, ""]))
    words = (clip, "--fps=30", "--method=gaussian", f"--output={tmp_path / 'out.csv'}")
    done = smooth(*words, ALWAYS)
    assert done.is_bad_input
    assert "not in order" in done.err
    assert nothing_left(tmp_path, clip)
    assert smooth(*words).code == 0
    done = smooth(*words[:3], f"--output={tmp_path / 'out.h5'}", "--to=sleap", ALWAYS)
    assert done.is_bad_input
    assert "deeplabcut to sleap" in done.err


@pytest.mark.parametrize("wrong", ["--block_seconds=2", "--block_seconds=nan", "--block_seconds=10 --plot=P"])
def test_wrong_blocks_are_told(smooth: Callable[..., Any], tmp_path: Path, wrong: str) -> None:
    clip = written(tmp_path / "clip.csv", "deeplabcut", recording(30))
    done = smooth(clip, f"--output={tmp_path / 'out.csv'}", "--fps=30", *wrong.split())
    assert done.is_bad_input
    assert "--block_seconds" in done.err


BAD_ROWS = {
    "a word": (lambda line: line.replace(",0.9", ",maybe", 1), "line 5004"),
    "a cell too many": (lambda line: line + ",1", "line 5004"),
    "a huge number": (lambda line: line.rpartition(",")[0] + ",1e30", "within 1e+09"),
    "no frame": (lambda line: "1e3" + line[line.index(",") :], "not in order"),
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_a_bad_row_late_in_the_file(smooth: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    clip = deeplabcut_lines(tmp_path / "clip.csv", 6000, 3)
    lines = clip.read_text().split("\n")
    spoil, told = BAD_ROWS[kind]
    lines[5003] = spoil(lines[5003])
    clip.write_text("\n".join(lines))
    done = smooth(clip, f"--output={tmp_path / 'out.csv'}", ALWAYS, "--fps=30", "--method=gaussian")
    assert done.is_bad_input
    assert told in done.err or kind == "no frame"
    assert nothing_left(tmp_path, clip)


@pytest.mark.usefixtures("short_blocks")
def test_a_bad_file_late_in_a_folder(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = written(tmp_path / "clip", "openpose", recording(500, skeleton=BODY_25))
    bad = sorted(clip.iterdir())[300]
    bad.write_text(bad.read_text()[:-5])
    done = smooth(clip, f"--output={tmp_path / 'out'}", ALWAYS, "--fps=30", "--method=gaussian")
    assert done.is_bad_input
    assert bad.name in done.err
    assert nothing_left(tmp_path, clip)


@pytest.mark.usefixtures("short_blocks")
def test_skeletons_must_not_change_on_the_way(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = written(tmp_path / "clip", "openpose", recording(500, skeleton=BODY_25))
    late = sorted(clip.iterdir())[300]
    content = json.loads(late.read_text())
    for person in content["people"]:
        person["pose_keypoints_2d"] = person["pose_keypoints_2d"][:54]
    late.write_text(json.dumps(content))
    done = smooth(clip, f"--output={tmp_path / 'out'}", ALWAYS, "--fps=30", "--method=gaussian")
    assert done.is_bad_input
    assert "keypoints" in done.err
    assert nothing_left(tmp_path, clip)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(tmp_path: Path, how: signal.Signals) -> None:
    clip = deeplabcut_lines(tmp_path / "clip.csv", 40_000, 4)
    words = command(clip, f"--output={tmp_path / 'out.csv'}", "--block_seconds=10", "--fps=30", "--method=gaussian")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list(tmp_path.glob(".partial*")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.02)
    assert list(tmp_path.glob(".partial*"))
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.strip() == "interrupted"
    assert nothing_left(tmp_path, clip)


def peak(clip: Path, method: str = "gaussian") -> float:
    """MiB that the command held at most."""
    words = (
        str(clip),
        f"--output={clip.with_suffix('.out.csv')}",
        "--overwrite",
        "--fps=30",
        f"--method={method}",
        ALWAYS,
    )
    done = subprocess.run([sys.executable, "-c", MEASURED_RUN, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1]) / 1024


def test_memory_stays_flat(tmp_path: Path) -> None:
    short, long = (peak(deeplabcut_lines(tmp_path / f"{n}.csv", n, 3)) for n in (20_000, 100_000))
    assert long < 400
    assert long < 1.15 * short


@pytest.mark.slow
def test_memory_stays_flat_for_a_million_frames(tmp_path: Path) -> None:
    short, long = (peak(deeplabcut_lines(tmp_path / f"{n}.csv", n, 6)) for n in (100_000, 1_000_000))
    assert long < 400
    assert long < 1.15 * short
