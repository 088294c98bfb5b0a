"""Versions of exported models, and the command that writes them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import in_process
import pytest
import tensorflow as tf
from in_process import Run
from small_bundle import Bundle

from kerasmooth.errors import InputError
from kerasmooth.exporting import saved_model as exporting
from kerasmooth.exporting.saved_model import export_run
from kerasmooth.training.run_folder import load_run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return in_process.runner(monkeypatch, capfd)


@pytest.fixture(scope="module")
def conv3d(small_bundle: Bundle) -> Path:
    return small_bundle.run("conv3d")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the slow part of exporting: a version is a folder with one file."""

    def write(_: Any, folder: Path) -> None:
        folder.mkdir()
        (folder / "saved_model.pb").write_bytes(b"model")

    class Loaded:
        signatures: ClassVar[dict[str, Any]] = {}

    monkeypatch.setattr(exporting, "_write", write)
    monkeypatch.setattr(exporting, "check_export", lambda *_: (0.0, 9))
    monkeypatch.setattr(tf.saved_model, "load", lambda _: Loaded)


def versions(folder: Path) -> list[str]:
    """Everything in a folder, hidden too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("quick")
def test_versions_count_up_from_the_highest(conv3d: Path, tmp_path: Path) -> None:
    trained = load_run(conv3d)
    assert [export_run(trained, tmp_path).version for _ in range(2)] == [1, 2]
    assert export_run(trained, tmp_path, version=10).path == tmp_path / "conv3d" / "10"
    for name in ("notes", "99.old", "²"):
        (tmp_path / "conv3d" / name).mkdir()
    assert export_run(trained, tmp_path).version == 11
    assert export_run(trained, tmp_path, version=3).version == 3
    assert export_run(trained, tmp_path, name="wrists").path == tmp_path / "wrists" / "1"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["version", "empty", "file", "dangling link"])
def test_whatever_has_the_name_of_a_version_is_left_alone(conv3d: Path, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "conv3d" / "4"
    target.parent.mkdir()
    if kind == "file":
        target.write_text("mine")
    elif kind == "dangling link":
        target.symlink_to(tmp_path / "nowhere")
    else:
        target.mkdir()
    if kind == "version":
        (target / "saved_model.pb").write_text("mine")
    with pytest.raises(InputError, match=r"4 exists and a version is never overwritten"):
        export_run(load_run(conv3d), tmp_path, version=4)
    assert versions(target.parent) == ["4"]
    assert kind != "version" or (target / "saved_model.pb").read_text() == "mine"


@pytest.mark.parametrize("error", [RuntimeError("differs"), KeyboardInterrupt()])
def test_an_export_that_fails_leaves_nothing(
    conv3d: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: Any) -> None:
        assert len(versions(tmp_path / "conv3d")) == 1, "it was written beside"
        assert versions(tmp_path / "conv3d")[0].startswith(".partial-1-")
        raise error

    monkeypatch.setattr(exporting, "check_export", fail)
    with pytest.raises(type(error)):
        export_run(load_run(conv3d), tmp_path)
    assert versions(tmp_path / "conv3d") == []


def test_an_export_that_says_something_else_is_refused(
    conv3d: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = load_run(conv3d)
    load = tf.saved_model.load

    def change_then_load(path: str) -> Any:
        weights = trained.model.weights[0]
        weights.assign(weights + 0.01)
        return load(path)

    monkeypatch.setattr(tf.saved_model, "load", change_then_load)
    with pytest.raises(
        RuntimeError, match=r"the SavedModel and the Keras model differ.*Received: relative difference="
    ):
        export_run(trained, tmp_path)
    assert versions(tmp_path / "conv3d") == []


@pytest.mark.usefixtures("quick")
def test_what_a_killed_export_left_is_cleared_by_the_next(conv3d: Path, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / "conv3d" / f".partial-1-{dead.pid}").mkdir(parents=True)
    (tmp_path / "conv3d" / f".partial-2-{os.getpid()}").mkdir()
    assert export_run(load_run(conv3d), tmp_path).version == 1
    assert versions(tmp_path / "conv3d") == [f".partial-2-{os.getpid()}", "1"], "another one at work is left alone"


# --- command line ---


def test_without_flags_the_latest_run_is_exported(
    conv3d: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(conv3d, tmp_path / "runs" / "conv3d")
    shutil.copytree(conv3d, tmp_path / "runs" / "earlier")
    os.utime(tmp_path / "runs" / "earlier" / "best.keras", (1, 1))
    monkeypatch.chdir(tmp_path)
    finished = run("kerasmooth.export")
    assert finished.code == 0, finished.err
    assert versions(tmp_path / "exports" / "conv3d") == ["1"]
    assert "Run: runs/conv3d, the latest in runs" in finished.out
    assert "Wrote exports/conv3d/1: 78,150 weights" in finished.out
    assert "keypoints: float32 [B, T, 25, 2]" in finished.out
    assert "--model=exports/conv3d/1" in finished.out
    again = run("kerasmooth.export", "--version=1")
    assert again.is_bad_input
    assert "never overwritten" in again.err


def _nothing(here: Path) -> None:
    pass


def _file_at(path: str) -> Callable[[Path], None]:
    def write(here: Path) -> None:
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_text("")

    return write


BAD: dict[str, tuple[Callable[[Path], object], tuple[str, ...], str]] = {
    "no runs folder": (lambda here: shutil.rmtree(here / "runs"), (), "holds no run"),
    "no finished run": (lambda here: (here / "runs/conv3d/best.keras").unlink(), (), "runs holds no run"),
    "run absent": (_nothing, ("--run=runs/none",), "runs/none is not a run folder"),
    "run is a file": (_nothing, ("--run=runs/conv3d/config.json",), "is not a run folder"),
    "run without settings": (lambda here: (here / "runs/conv3d/config.json").unlink(), (), "not a run folder"),
    "model damaged": (_file_at("runs/conv3d/best.keras"), (), "cannot be read"),
    "version zero": (_nothing, ("--version=0",), "version"),
    "version negative": (_nothing, ("--version=-1",), "version"),
    "version a word": (_nothing, ("--version=latest",), "version"),
    "version a fraction": (_nothing, ("--version=1.5",), "version"),
    "version beyond 64 bits": (_nothing, (f"--version={2**63}",), "from 1 to"),
    "version there": (_file_at("exports/conv3d/7/saved_model.pb"), ("--version=7",), "never overwritten"),
    "unknown decoder": (_nothing, ("--decoder=soft",), "'soft'"),
    "decoder empty": (_nothing, ("--decoder=",), "--decoder"),
    "name with a slash": (_nothing, ("--name=a/b",), "--name"),
    "name that hides": (_nothing, ("--name=.conv",), "--name"),
    "name upwards": (_nothing, ("--name=..",), "--name"),
    "exports is a file": (_file_at("exports"), (), "cannot make the folder exports/conv3d"),
    "exports below a file": (_nothing, ("--export_dir=runs/conv3d/config.json/x",), "cannot make the folder"),
    "model folder is a file": (_file_at("exports/conv3d"), (), "cannot make the folder"),
    "exports elsewhere": (_nothing, ("--export_dir=s3://bucket/exports",), "TensorFlow has no file system s3://"),
    "run elsewhere": (_nothing, ("--run=ram://runs/one",), "ram://runs/one is not a run folder"),
    "unknown flag": (_nothing, ("--model=conv3d",), "model"),
    "a word without dashes": (_nothing, ("exports",), "unexpected words"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_2(
    conv3d: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    shutil.copytree(conv3d, tmp_path / "runs" / "conv3d")
    monkeypatch.chdir(tmp_path)
    damage, arguments, words = BAD[case]
    damage(tmp_path)
    finished = run("kerasmooth.export", *arguments)
    assert finished.is_bad_input, (finished.code, finished.err)
    assert re.search(words, finished.err), finished.err
    assert not [path for path in tmp_path.glob("exports/*/*") if path.name != "7"]
