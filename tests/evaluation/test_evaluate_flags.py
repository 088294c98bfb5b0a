import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import in_process
import pytest
from in_process import Run
from small_runs import SIZE, WINDOW, write_records, write_run

from kerasmooth.training.config import TrainingConfig


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return in_process.runner(monkeypatch, capfd)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with sample records and two runs, of which conv3d is the later one."""
    folder = tmp_path_factory.mktemp("made")
    write_records(folder / "records")
    for age, model in enumerate(("conv3d", "deciwatch")):
        path = write_run(folder / "runs" / model, model) / "best.keras"
        os.utime(path, (path.stat().st_mtime - 100 * age,) * 2)
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same in a folder of the test's own, which is the working directory."""
    folder = Path(shutil.copytree(made, tmp_path / "here"))
    monkeypatch.chdir(folder)
    return folder


def test_without_flags_the_latest_run_is_judged_on_its_records(here: Path, run: Run) -> None:
    finished = run("kerasmooth.evaluate")
    assert finished.code == 0, finished.err
    assert "Run: runs/conv3d, the latest in runs" in finished.out
    assert "a generated person, not real data" in finished.out
    for words in (
        "identity",
        "bias_only",
        "conv3d (argmax)",
        "conv3d (dark)",
        "acceleration error",
        "13 of 13 windows",
    ):
        assert words in finished.out
    folder = here / "runs" / "conv3d" / "evaluation"
    names = ["jitter.png", "overlays.png", "pck_by_keypoint.png", "pck_curve.png", "scores.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run("kerasmooth.evaluate", "--batch_size=3").code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first, "the same command gives the same bytes"


def test_runs_side_by_side(here: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasmooth.evaluation.tables.draw_all", lambda *_: [])
    monkeypatch.setattr("kerasmooth.evaluation.classical.GRID", {"gaussian": [{"cutoff": 2.0}]})
    words = ("--run=runs/deciwatch,runs/conv3d", "--decoder=argmax", "--max_windows=3", "--classical")
    finished = run("kerasmooth.evaluate", *words)
    assert finished.code == 0, finished.err
    for text in ("3 of 13 windows", "gaussian: cutoff=2.0", "bound of the window"):
        assert text in finished.out
    found = json.loads((here / "runs" / "comparison" / "scores.json").read_text())
    (evaluation,) = found["evaluations"]
    assert [row["name"] for row in evaluation["rows"]][-2:] == ["deciwatch", "conv3d"]


def test_runs_of_other_noise_get_a_table_of_their_own(here: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasmooth.evaluation.tables.draw_all", lambda *_: [])
    config = TrainingConfig.load(here / "runs" / "deciwatch")
    config.replace(shifting_scalar=2.0).save(here / "runs" / "deciwatch")
    arguments = ("--run=runs/deciwatch", "--run=runs/conv3d", "--split=validation", "--output=both", "--decoder=all")
    finished = run("kerasmooth.evaluate", *arguments)
    assert finished.code == 0, finished.err
    one, two = json.loads((here / "both" / "scores.json").read_text())["evaluations"]
    assert [row["name"] for row in one["rows"]][-1:] == ["deciwatch"]
    assert [row["decoder"] for row in two["rows"][4:]] == ["argmax", "dark", "udp"]
    assert (one["split"], one["windows"]) == ("validation", {"sample": 5})
    errors = [rows["rows"][0]["error"]["cells"] for rows in (one, two)]
    assert errors[0] > 1.5 * errors[1], "the detector of s = 2 errs twice as far"


def _remove(path: str) -> Callable[[Path], object]:
    return lambda here: shutil.rmtree(here / path) if (here / path).is_dir() else (here / path).unlink()


def _file(path: str) -> Callable[[Path], object]:
    def replace_by_file(here: Path) -> None:
        shutil.rmtree(here / path, ignore_errors=True)
        (here / path).write_text("")

    return replace_by_file


def _manifest(**changes: object) -> Callable[[Path], object]:
    def edit(here: Path) -> None:
        path = here / "records" / "sample" / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


def _settings(**changes: object) -> Callable[[Path], object]:
    def edit(here: Path) -> None:
        path = here / "runs" / "conv3d" / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


def _other_records(**changes: object) -> Callable[[Path], object]:
    def write(here: Path) -> None:
        shutil.rmtree(here / "records")
        write_records(here / "records", **changes)  # type: ignore[arg-type]

    return write


def _shorten(path: str) -> Callable[[Path], object]:
    return lambda here: (here / path).write_bytes((here / path).read_bytes()[:-10])


def _damage_inside(here: Path) -> None:
    path = here / "records" / "sample" / "test-00000-of-00002.tfrecord"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)


def _nothing(here: Path) -> None:
    pass


BAD: dict[str, tuple[Callable[[Path], object], tuple[str, ...], str]] = {
    "no runs folder": (_remove("runs"), (), "holds no run"),
    "runs is a file": (_file("runs"), (), "holds no run"),
    "another runs folder absent": (_nothing, ("--runs_dir=elsewhere",), "elsewhere"),
    "no run finished an epoch": (lambda h: [p.unlink() for p in h.glob("runs/*/best.keras")], (), "runs holds no run"),
    "run absent": (_nothing, ("--run=runs/missing",), "runs/missing is not a run folder"),
    "run is a file": (_nothing, ("--run=runs/conv3d/config.json",), "is not a run folder"),
    "run without settings": (_remove("runs/conv3d/config.json"), (), "not a run folder"),
    "run without model": (_remove("runs/conv3d/best.keras"), ("--run=runs/conv3d",), "first epoch"),
    "model damaged": (_shorten("runs/conv3d/best.keras"), ("--run=runs/conv3d",), "cannot be read"),
    "settings of another schema": (_settings(colour="red"), (), "no setting --colour"),
    "settings not JSON": (_shorten("runs/conv3d/config.json"), (), "not JSON"),
    "settings of another window": (_settings(window=9), (), "different runs"),
    "run named twice": (_nothing, ("--run=runs/conv3d,runs/conv3d",), "once"),
    "run named twice in two ways": (_nothing, ("--run=runs/conv3d", "--run=./runs/conv3d/"), "once"),
    "run list with a gap": (_nothing, ("--run=runs/conv3d,,runs/deciwatch",), "once"),
    "one of several runs absent": (_nothing, ("--run=runs/conv3d,runs/none",), "runs/none"),
    "unknown decoder": (_nothing, ("--decoder=softmax",), "softmax"),
    "decoder twice": (_nothing, ("--decoder=dark,dark",), "each once"),
    "decoder empty": (_nothing, ("--decoder=",), "--decoder"),
    "all and another decoder": (_nothing, ("--decoder=all,dark",), "or all"),
    "unknown split": (_nothing, ("--split=testing",), "no testing windows; there are test, train, validation"),
    "batch size zero": (_nothing, ("--batch_size=0",), "batch_size"),
    "batch size negative": (_nothing, ("--batch_size=-4",), "batch_size"),
    "batch size a word": (_nothing, ("--batch_size=many",), "batch_size"),
    "max windows negative": (_nothing, ("--max_windows=-1",), "max_windows"),
    "max windows a fraction": (_nothing, ("--max_windows=1.5",), "max_windows"),
    "unknown flag": (_nothing, ("--splits=test",), "splits"),
    "a word without dashes": (_nothing, ("runs/conv3d",), "unexpected words"),
    "flagfile absent": (_nothing, ("--flagfile=none.cfg",), "none.cfg"),
    "records absent": (_remove("records"), (), "make_records.py"),
    "records folder absent": (_nothing, ("--records_dir=none",), "none"),
    "records folder is a file": (_nothing, ("--records_dir=runs/conv3d/config.json",), "make them"),
    "dataset unknown": (_nothing, ("--datasets=mpii",), "mpii"),
    "dataset absent": (_nothing, ("--datasets=brace",), "brace"),
    "dataset twice": (_nothing, ("--datasets=sample,sample",), "once"),
    "manifest not JSON": (_shorten("records/sample/manifest.json"), (), "manifest.json"),
    "manifest of another schema": (_manifest(schema_version=99), (), "schema_version"),
    "records of another window": (_other_records(window=4), (), f"window 4.*trained with {WINDOW}"),
    "records of another frame step": (_other_records(frame_step=2), (), "frame_step 2"),
    "records of another size": (_manifest(size=[56, 48]), (), rf"size \(56, 48\).*{SIZE[0]}"),
    "records without the split": (_other_records(frames={"train": (9,)}), (), "no test windows; there are train"),
    "shard absent": (_remove("records/sample/test-00000-of-00002.tfrecord"), (), "no such file"),
    "shard shortened": (_shorten("records/sample/test-00001-of-00002.tfrecord"), (), "truncated"),
    "shard damaged inside": (_damage_inside, (), "records"),
    "output is a file": (_nothing, ("--output=runs/conv3d/config.json",), "--output"),
    "output below a file": (_nothing, ("--output=runs/conv3d/config.json/x",), "--output"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_2(here: Path, run: Run, case: str) -> None:
    damage, arguments, words = BAD[case]
    damage(here)
    finished = run("kerasmooth.evaluate", *arguments)
    assert finished.is_bad_input, (finished.code, finished.err)
    assert re.search(words, finished.err), finished.err
    assert not list(here.glob("runs/*/evaluation/scores.json"))
