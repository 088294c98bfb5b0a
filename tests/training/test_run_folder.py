import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_runs import KEYPOINTS, SIZE, WINDOW, write_run

from kerasmooth import models
from kerasmooth.datasets import DATASETS
from kerasmooth.errors import InputError
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.training.data import simulated_detector
from kerasmooth.training.run_folder import latest_run, load_run, save_model


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "conv3d-1.1", noise="fixed", shifting_scalar=2.0, noise_seed=7)


@pytest.fixture
def run_dir(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))


def test_a_run_is_what_was_trained(finished: Path) -> None:
    run = load_run(finished)
    assert (run.name, run.takes, run.config.model) == ("conv3d-1.1", "heatmaps", "conv3d")
    assert run.codec.size == SIZE
    noise = simulated_detector(run.config)
    assert (noise.seed, noise.shifting_scalar, noise.fresh) == (7, 2.0, False)
    heatmaps = np.random.default_rng(0).random((2, WINDOW, *SIZE, KEYPOINTS)).astype(np.float32)
    kernel, bias = (np.asarray(weight) for weight in run.model.get_weights())
    padded = np.pad(heatmaps, ((0, 0), (2, 2), (2, 2), (2, 2), (0, 0)))
    # One output value by hand: frame 1, row 3, column 5, keypoint 4 of the second window.
    by_hand = max(0.0, float((padded[1, 1:6, 3:8, 5:10] * kernel[..., 4]).sum() + bias[4]))
    answer = run.model({"heatmaps": heatmaps})["heatmaps"].numpy()
    np.testing.assert_allclose(answer[1, 1, 3, 5, 4], by_hand, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("datasets", "absent"),
    # By their papers: Penn Action has 13 joints, no ears, no feet; BRACE has COCO's, with ears, without feet.
    [
        (("penn_action",), {"left_ear", "left_heel"}),
        (("brace", "penn_action"), {"left_heel"}),
        (("sample",), {"left_heel"}),
        (("climbalong",), set()),
    ],
)
def test_a_run_knows_what_its_datasets_annotate(finished: Path, datasets: tuple[str, ...], absent: set[str]) -> None:
    annotated = tuple({name: None for dataset in datasets for name in DATASETS[dataset].annotated()})
    run = dataclasses.replace(load_run(finished), config=load_run(finished).config.replace(annotated=annotated))
    known_names = {name for name, known in zip(BOULDERING_25.keypoints, run.annotated, strict=True) if known}
    assert {"left_hip", "right_wrist", "left_ankle"} <= known_names
    assert not known_names & absent
    assert ("left_index" in known_names) == (datasets == ("climbalong",))
    assert ("right_ear" in known_names) == (datasets != ("penn_action",))


def test_the_latest_run_is_the_one_whose_best_model_is_newest(finished: Path, tmp_path: Path) -> None:
    for age, name in ((30, "b"), (10, "c"), (20, "a")):
        folder = shutil.copytree(finished, tmp_path / name)
        time = (folder / "best.keras").stat().st_mtime - age
        os.utime(folder / "best.keras", (time, time))
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "notes.txt").write_text("not a run")
    assert latest_run(tmp_path) == tmp_path / "c"


@pytest.mark.parametrize("what", ["absent", "file", "empty", "unfinished"])
def test_without_a_run_the_latest_is_bad_input(tmp_path: Path, what: str) -> None:
    runs_dir = tmp_path / "runs"
    if what == "file":
        runs_dir.write_text("")
    elif what != "absent":
        runs_dir.mkdir()
    if what == "unfinished":
        (runs_dir / "conv3d").mkdir()
    with pytest.raises(InputError, match=r"runs.*kerasmooth\.train"):
        latest_run(runs_dir)


def _edit_config(**changes: object) -> Callable[[Path], None]:
    def edit(run_dir: Path) -> None:
        path = run_dir / "config.json"
        values = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({name: value for name, value in values.items() if value is not None}))

    return edit


def _write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda run_dir: (run_dir / name).write_bytes(content) and None


def _truncate_model(run_dir: Path) -> None:
    content = (run_dir / "best.keras").read_bytes()
    (run_dir / "best.keras").write_bytes(content[: len(content) // 2])


def _model_is_a_folder(run_dir: Path) -> None:
    (run_dir / "best.keras").unlink()
    (run_dir / "best.keras").mkdir()


def _another_model(run_dir: Path) -> None:
    save_model(models.build("bi_conv_lstm", window=WINDOW, size=SIZE, filters=2), run_dir / "best.keras")


def _fewer_keypoints(run_dir: Path) -> None:
    save_model(models.build("conv3d", window=WINDOW, size=SIZE, num_keypoints=4), run_dir / "best.keras")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder absent": (shutil.rmtree, "not a run folder"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "not a run folder"),
    "config is a folder": (
        lambda folder: ((folder / "config.json").unlink(), (folder / "config.json").mkdir()),
        "config.json",
    ),
    "config empty": (_write("config.json", b""), "not JSON"),
    "config not JSON": (_write("config.json", b"{'model': 1}"), "not JSON"),
    "config not text": (_write("config.json", b"\xff\xfe\x00"), "config.json"),
    "config is a list": (_write("config.json", b"[]"), "missing"),
    "config of another schema": (_edit_config(schema=2), "no setting --schema"),
    "config lacks a setting": (_edit_config(model=None), "missing"),
    "config with a wrong type": (_edit_config(batch_size="16"), "batch_size"),
    "config with a wrong value": (_edit_config(learning_rate=-1.0), "learning_rate"),
    "unknown model": (_edit_config(model="resnet"), "'resnet' is unknown"),
    "window of another run": (_edit_config(window=7), "different runs"),
    "size of another run": (_edit_config(size=[56, 56]), "different runs"),
    "no best model": (lambda folder: (folder / "best.keras").unlink(), "first epoch"),
    "best model is a folder": (_model_is_a_folder, "not there"),
    "best model empty": (_write("best.keras", b""), "cannot be read"),
    "best model not a zip": (_write("best.keras", b"weights" * 100), "cannot be read"),
    "best model truncated": (_truncate_model, "cannot be read"),
    "another kind of model": (_another_model, "BiConvLSTM"),
    "another number of keypoints": (_fewer_keypoints, "different runs"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_run_is_bad_input(run_dir: Path, case: str) -> None:
    damage, words = DAMAGE[case]
    damage(run_dir)
    with pytest.raises(InputError, match=words) as caught:
        load_run(run_dir)
    assert str(run_dir) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="is not a run folder"):
        load_run(tmp_path / "run")
