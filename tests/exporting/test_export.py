import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import in_process
import numpy as np
import pytest
import tensorflow as tf
from in_process import Run
from small_runs import SIZE, WINDOW, write_run

from kerasmooth.errors import InputError
from kerasmooth.exporting import saved_model as exporting
from kerasmooth.exporting.check import example_inputs
from kerasmooth.exporting.saved_model import export_run
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.training.runs import load_run

MODELS = ("conv3d", "bi_conv_lstm", "deciwatch")
Signatures = dict[str, Callable[..., dict[str, Any]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return in_process.runner(monkeypatch, capfd)


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    for model in MODELS:
        write_run(folder / model, model)
    os.utime(folder / "conv3d" / "best.keras", (2**31, 2**31))
    return folder


@pytest.fixture(scope="module")
def exported(runs_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signatures]:
    """The signatures of each model, loaded from its export."""
    folder = tmp_path_factory.mktemp("exports")
    found = {model: export_run(load_run(runs_dir / model), folder) for model in MODELS}
    assert all(one.largest_difference < 1e-5 and one.compared == 9 for one in found.values())
    return {model: dict(tf.saved_model.load(str(one.path)).signatures) for model, one in found.items()}


def ask(signature: Callable[..., dict[str, Any]], **inputs: np.ndarray) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in signature(**{k: tf.constant(v) for k, v in inputs.items()}).items()}


SHAPES = [(1, WINDOW), (4, WINDOW), (2, 3), (3, 9), (1, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("model", ["conv3d", "bi_conv_lstm"])
def test_heatmap_models_answer_to_both(
    exported: dict[str, Signatures], runs_dir: Path, model: str, shape: tuple[int, int]
) -> None:
    keras_model, codec = load_run(runs_dir / model).model, HeatmapCodec(size=SIZE)
    inputs = example_inputs(codec, shape, 25)
    inputs["keypoints"] = np.rint(inputs["keypoints"])
    inputs["sigma"][:] = 1.5
    seen = inputs["confidence"] > 0
    heatmaps = codec.encode(inputs["keypoints"], seen, 1, sub_pixel=True)
    expected = keras_model({"heatmaps": heatmaps})["heatmaps"].numpy()
    for name in ("heatmaps", "serving_default"):
        answer = ask(exported[model][name], heatmaps=heatmaps)
        assert set(answer) == {"heatmaps", "keypoints", "confidence"}
        np.testing.assert_allclose(answer["heatmaps"], expected, atol=2e-3)
        keypoints, confidence = codec.decode(answer["heatmaps"], "dark")
        np.testing.assert_allclose(answer["keypoints"], keypoints, atol=5e-3)
        np.testing.assert_allclose(answer["confidence"], confidence, atol=2e-3)
    answer = ask(exported[model]["keypoints"], **inputs)
    assert set(answer) == {"keypoints", "confidence"}
    assert answer["keypoints"].shape == (*shape, 25, 2)
    np.testing.assert_allclose(answer["confidence"], expected.max(axis=(2, 3)), atol=2e-3)


@pytest.mark.parametrize("shape", SHAPES)
def test_keypoint_models_answer_to_both(
    exported: dict[str, Signatures], runs_dir: Path, shape: tuple[int, int]
) -> None:
    keras_model, codec = load_run(runs_dir / "deciwatch").model, HeatmapCodec(size=SIZE)
    inputs = example_inputs(codec, shape, 25)
    cells = np.rint(inputs["keypoints"])
    seen = inputs["confidence"] > 0
    expected = keras_model({"keypoints": cells, "visibility": seen.astype(np.float32)})["keypoints"].numpy()
    answer = ask(exported["deciwatch"]["keypoints"], keypoints=cells, confidence=inputs["confidence"])
    np.testing.assert_allclose(answer["keypoints"], expected, atol=1e-4)
    np.testing.assert_array_equal(answer["confidence"], inputs["confidence"])
    # Heatmaps are decoded inside.
    heatmaps = codec.encode(inputs["keypoints"], seen, 0, sub_pixel=True)
    decoded, _ = codec.decode(heatmaps, "dark")
    expected = keras_model({"keypoints": decoded, "visibility": seen.astype(np.float32)})["keypoints"].numpy()
    for name in ("heatmaps", "serving_default"):
        answer = ask(exported["deciwatch"][name], heatmaps=heatmaps)
        assert set(answer) == {"keypoints", "confidence"}
        np.testing.assert_allclose(answer["keypoints"], expected, atol=1e-3)
        np.testing.assert_array_equal(answer["confidence"] > 0, seen)


@pytest.mark.parametrize("model", MODELS)
def test_a_missing_keypoint_may_hold_anything(exported: dict[str, Signatures], model: str) -> None:
    inputs = example_inputs(HeatmapCodec(size=SIZE), (2, WINDOW), 25)
    if model == "deciwatch":
        del inputs["sigma"]
    signature = exported[model]["keypoints"]
    expected = ask(signature, **inputs)
    missing = inputs["confidence"] == 0
    for junk in (np.nan, np.inf, -1000.0):
        odd = inputs | {"keypoints": np.where(missing[..., None], np.float32(junk), inputs["keypoints"])}
        for name, value in ask(signature, **odd).items():
            np.testing.assert_array_equal(value, expected[name])
    unplaced = inputs["keypoints"].copy()
    unplaced[0, 0, 3] = np.nan
    answer = ask(signature, **(inputs | {"keypoints": unplaced}))
    assert all(np.isfinite(value).all() for value in answer.values()), "a position that is NaN counts as missing"


def test_sigma_is_rounded_to_one_that_the_model_was_trained_with(exported: dict[str, Signatures]) -> None:
    inputs = example_inputs(HeatmapCodec(size=SIZE), (1, WINDOW), 25)
    answers = [
        ask(exported["conv3d"]["keypoints"], **(inputs | {"sigma": np.full((1, WINDOW), sigma, np.float32)}))
        for sigma in (2.0, 2.1, 3.0, 50.0)
    ]
    np.testing.assert_array_equal(answers[0]["confidence"], answers[1]["confidence"])
    np.testing.assert_array_equal(answers[2]["confidence"], answers[3]["confidence"])
    assert np.abs(answers[0]["confidence"] - answers[2]["confidence"]).max() > 0.1


@pytest.mark.parametrize("model", MODELS)
def test_the_metadata_tells_a_client_all_it_needs(exported: dict[str, Signatures], runs_dir: Path, model: str) -> None:
    told = json.loads(exported[model]["metadata"]()["metadata"].numpy())
    assert (told["schema"], told["model"], told["name"], told["version"]) == ("kerasmooth.export/1", model, model, 1)
    assert (told["window"], told["height"], told["width"], told["num_keypoints"]) == (WINDOW, *SIZE, 25)
    assert tuple(told["skeleton"]["keypoints"]) == BOULDERING_25.keypoints
    assert (told["scale"], told["decoder"], told["sigmas"][0]) == (255.0, "dark", 1.0)
    # The sample has the layouts of Penn Action and BRACE, neither of which annotates hands and feet.
    assert {"nose", "left_ear", "right_ankle"} < set(told["taught"])
    assert not {"left_thumb", "right_heel"} & set(told["taught"])
    assert told["config"] == load_run(runs_dir / model).config.to_json()
    inputs = {name for signature in ("heatmaps", "keypoints") for name in told_inputs(exported[model][signature])}
    assert set(told["inputs"]) == inputs


def told_inputs(signature: Any) -> set[str]:
    return set(signature.structured_input_signature[1])


def test_batch_and_time_are_free_and_everything_has_a_name(exported: dict[str, Signatures]) -> None:
    for signatures in exported.values():
        assert set(signatures) == {"serving_default", "heatmaps", "keypoints", "metadata"}
        for name in ("serving_default", "heatmaps", "keypoints"):
            signature: Any = signatures[name]
            for spec in signature.structured_input_signature[1].values():
                assert spec.shape[:2].as_list() == [None, None]
            assert {"keypoints", "confidence"} <= set(signature.structured_outputs)


# --- versions ---


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the slow part of exporting: a version is a folder with one file."""

    def write(_: Any, partial: Path, *__: Any) -> dict[str, Any]:
        partial.mkdir()
        (partial / "saved_model.pb").write_bytes(b"model")
        return {"signatures": {}, "num_bytes": 5, "num_weights": 1, "largest_difference": 0.0, "compared": 9}

    monkeypatch.setattr(exporting, "_write_and_check", write)


def versions(folder: Path) -> list[str]:
    """Everything in a folder, hidden too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("quick")
def test_versions_count_up_from_the_highest(runs_dir: Path, tmp_path: Path) -> None:
    trained = load_run(runs_dir / "conv3d")
    assert [export_run(trained, tmp_path).version for _ in range(2)] == [1, 2]
    assert export_run(trained, tmp_path, version=10).path == tmp_path / "conv3d" / "10"
    for name in ("notes", "99.old", "²"):
        (tmp_path / "conv3d" / name).mkdir()
    assert export_run(trained, tmp_path).version == 11
    assert export_run(trained, tmp_path, version=3).version == 3
    assert export_run(trained, tmp_path, name="wrists").path == tmp_path / "wrists" / "1"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["version", "empty", "file", "dangling link"])
def test_whatever_has_the_name_of_a_version_is_left_alone(runs_dir: Path, tmp_path: Path, kind: str) -> None:
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
        export_run(load_run(runs_dir / "conv3d"), tmp_path, version=4)
    assert versions(target.parent) == ["4"]
    assert kind != "version" or (target / "saved_model.pb").read_text() == "mine"


@pytest.mark.parametrize("error", [RuntimeError("differs"), KeyboardInterrupt()])
def test_an_export_that_fails_leaves_nothing(
    runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: Any) -> None:
        assert len(versions(tmp_path / "conv3d")) == 1, "it was written beside"
        assert versions(tmp_path / "conv3d")[0].startswith(".partial-1-")
        raise error

    monkeypatch.setattr(exporting, "check_export", fail)
    with pytest.raises(type(error)):
        export_run(load_run(runs_dir / "conv3d"), tmp_path)
    assert versions(tmp_path / "conv3d") == []


def test_an_export_that_says_something_else_is_refused(
    runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = load_run(runs_dir / "conv3d")
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
def test_what_a_killed_export_left_is_cleared_by_the_next(runs_dir: Path, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / "conv3d" / f".partial-1-{dead.pid}").mkdir(parents=True)
    (tmp_path / "conv3d" / f".partial-2-{os.getpid()}").mkdir()
    assert export_run(load_run(runs_dir / "conv3d"), tmp_path).version == 1
    assert versions(tmp_path / "conv3d") == [f".partial-2-{os.getpid()}", "1"], "another one at work is left alone"


# --- command line ---


def test_without_flags_the_latest_run_is_exported(
    runs_dir: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(runs_dir, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    finished = run("kerasmooth.export")
    assert finished.code == 0, finished.err
    assert versions(tmp_path / "exports" / "conv3d") == ["1"]
    assert "Run: runs/conv3d, the latest in runs" in finished.out
    assert "Wrote exports/conv3d/1: 78,150 weights" in finished.out
    assert "keypoints: float32 [B, T, 25, 2]" in finished.out
    assert "tensorflow/serving" in finished.out
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
    "no runs folder": (lambda here: shutil.rmtree(here / "runs"), (), "does not exist"),
    "no finished run": (lambda here: (here / "runs/conv3d/best.keras").unlink(), (), "no run in runs"),
    "run absent": (_nothing, ("--run=runs/none",), "runs/none does not exist"),
    "run is a file": (_nothing, ("--run=runs/conv3d/config.json",), "is a file"),
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
    "exports is a file": (_file_at("exports"), (), "--export_dir"),
    "exports below a file": (_nothing, ("--export_dir=runs/conv3d/config.json/x",), "--export_dir"),
    "model folder is a file": (_file_at("exports/conv3d"), (), "--export_dir"),
    "unknown flag": (_nothing, ("--model=conv3d",), "model"),
    "a word without dashes": (_nothing, ("exports",), "unexpected words"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_2(
    runs_dir: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    shutil.copytree(runs_dir / "conv3d", tmp_path / "runs" / "conv3d")
    monkeypatch.chdir(tmp_path)
    damage, arguments, words = BAD[case]
    damage(tmp_path)
    finished = run("kerasmooth.export", *arguments)
    assert finished.is_bad_input, (finished.code, finished.err)
    assert re.search(words, finished.err), finished.err
    assert not [path for path in tmp_path.glob("exports/*/*") if path.name != "7"]
