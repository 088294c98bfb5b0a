"""The comparison of filters: one kind of motion through all of it."""

import csv
import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import make_smoothing_spline
from small_bundle import Bundle

from kerasmooth.sample.motion import sequence
from kerasmooth.serving import Client
from kerasmooth.training.run_folder import load_run


def test_a_kick_through_every_smoother(repository: Path, tmp_path: Path) -> None:
    words = ["--kind=kick", "--rates=60", "--levels=0,1", "--workers=1", "--seeds=2", f"--csv={tmp_path / 'kick.csv'}"]
    command = [sys.executable, str(repository / "tools" / "compare_filters.py"), "--dataset=motion", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    with (tmp_path / "kick.csv").open() as file:
        rows = {(row["noise"], row["fault"], row["smoother"]): row for row in csv.DictReader(file)}
    assert float(rows["0 %", "", "auto"]["error"]) < 1
    raw, auto = (float(rows["1 % white", "", name]["error"]) for name in ("raw", "auto"))
    # Deviation 1 % along either axis: 10 * sqrt(pi / 2) thousandths.
    assert abs(raw - 12.5) < 0.5
    assert auto < 0.6 * raw
    assert float(rows["1 % white", "5 % single", "auto"]["recall"]) > 0.9
    assert "| 1 % white |" in done.stdout


def test_a_trained_model_is_a_row_and_all_are_judged_by_its_keypoints(
    repository: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle
) -> None:
    monkeypatch.syspath_prepend(str(repository / "tools"))
    motion = importlib.import_module("comparisons.motion")
    recording = motion.Recording("squat", 30, 1.0, False, 0)
    folder = small_bundle.run("gated_splines")
    rows = motion.score(recording, str(folder))
    truth, measured, _ = motion.recorded(recording)
    trained = load_run(folder).annotated
    torso = np.linalg.norm(truth[:, [3, 4]] - truth[:, [15, 16]], axis=-1)

    def error(keypoints: np.ndarray) -> float:
        return float(1000 * np.linalg.norm(keypoints - truth, axis=-1)[:, trained].mean() / np.median(torso))

    assert rows["raw"].error == pytest.approx(error(measured))
    answer = Client(folder).smooth(measured, np.ones(measured.shape[:2]), 30)
    assert rows["model"].error == pytest.approx(error(answer), rel=1e-3)
    assert rows["model"].error < 0.9 * rows["raw"].error, "untrained it is a low-pass filter"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--dataset=motion", "--model=nowhere", "--kind=squat", "--rates=60", "--levels=1", "--workers=1"], "nowhere"),
        (["--dataset=penn_action", "--model=nowhere", "--raw_dir=."], "--model is for motion and shelf"),
    ],
)
def test_a_model_that_cannot_be_asked_is_refused_in_a_line(
    repository: Path, tmp_path: Path, words: list[str], error: str
) -> None:
    command = [sys.executable, str(repository / "tools" / "compare_filters.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert error in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_no_constant_stiffness_is_better_than_the_one_chosen_by_the_truth(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repository / "tools"))
    known_truth = importlib.import_module("comparisons.known_truth")
    truth, frames = sequence("kick", 90, 30, 0), np.arange(90.0)
    measured = truth + np.random.default_rng(0).normal(0, 3, truth.shape)
    errors = [
        np.linalg.norm(make_smoothing_spline(frames, measured, lam=stiffness)(frames) - truth, axis=-1).mean()
        for stiffness in np.geomspace(1e-2, 1e4, 30)
    ]
    smoothed = known_truth.smoothed_by_the_truth(truth, measured, 30, 3.0, 0.0)
    assert np.linalg.norm(smoothed - truth, axis=-1).mean() < 0.9 * min(errors)
