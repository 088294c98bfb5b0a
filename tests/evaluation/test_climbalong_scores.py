"""ClimbAlong from its raw files to scores: a detector that makes no error has all points, whatever the split."""

from pathlib import Path

import numpy as np
import pytest

import kerasmooth
from kerasmooth.datasets import ClimbAlong
from kerasmooth.evaluation.classical import TunedFilter
from kerasmooth.evaluation.evaluator import evaluate_setting
from kerasmooth.evaluation.setting import Setting, setting_of
from kerasmooth.training.config import TrainingConfig

HEIGHT, WIDTH, BOX = 14, 18, (100.0, 60.0, 280.0, 200.0)
"""Cells of 10 pixels."""


def write_perfect_videos(raw_dir: Path, beside: float = 0) -> None:
    """Five videos whose heatmaps have one score above the background, in the cell that Mask R-CNN is trained on.

    With `beside` its right neighbour has this share of it.
    """
    random = np.random.default_rng(4)
    for folder in ("input", "target"):
        (raw_dir / folder).mkdir(parents=True)
    for number, frames in enumerate((40, 40, 40, 40, 60)):
        start = random.uniform((110, 70), (270, 190), (1, 25, 2))
        keypoints = start + np.cumsum(random.normal(0, 2, (frames, 25, 2)), axis=0)
        keypoints = np.clip(keypoints, (101, 61), (279, 199))
        keypoints[:, 3:5], keypoints[:, 15:17] = (153, 93), (153, 153)  # the torso: 60 pixels
        keypoints[5:9, 20] = (153, 230)  # below the box
        cells = np.floor((keypoints - BOX[:2]) / 10).astype(int).clip(0, (WIDTH - 1, HEIGHT - 1))
        heatmaps = np.full((frames, 25, HEIGHT, WIDTH), -1.0, np.float32)
        frame, keypoint = np.indices((frames, 25))
        heatmaps[frame, keypoint, cells[..., 1], cells[..., 0]] = 5.0
        heatmaps += beside * np.roll(np.maximum(heatmaps, 0), 1, axis=-1)
        np.savez(raw_dir / "input" / f"{number}.npz", bboxes=np.tile(BOX, (frames, 1)), heatmaps=heatmaps)
        target = np.concatenate([keypoints, np.ones((frames, 25, 1))], axis=-1)[:, None]
        np.savez(raw_dir / "target" / f"{number}.npz", keypoints=target)


def setting_on(records_dir: Path, split: str, **settings: float) -> Setting:
    config = TrainingConfig(records_dir=str(records_dir), datasets=("climbalong",), window=5, size=(HEIGHT, WIDTH))
    return setting_of(config.replace(annotated=("nose",), **settings), split=split)


@pytest.fixture(scope="module")
def raw_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("climb")
    write_perfect_videos(folder)
    return folder


@pytest.mark.parametrize(
    ("splits", "outside_box", "judged"),
    [("published", "clamp", ("test", "extra")), ("video", "clamp", ("test",)), ("video", "drop", ("test",))],
)
def test_a_detector_without_error_has_all_points(
    raw_dir: Path, tmp_path: Path, splits: str, outside_box: str, judged: tuple[str, ...]
) -> None:
    reader = ClimbAlong(raw_dir, outside_box=outside_box)
    manifest = kerasmooth.make_records(reader, tmp_path, splits=splits)
    assert ("extra" in manifest.windows) == (splits == "published")
    for split in judged:
        evaluation = evaluate_setting(setting_on(tmp_path, split), decoders=["argmax", "dark"])
        row = evaluation.scores.rows["identity (argmax)"]
        assert row.windows is not None
        assert row.windows["published"] == row.tracks["published"] == (1, 1, 1)
        assert row.error["published"] == 0, "not a cell away"
        assert row.error["pixels"] == pytest.approx(10 * 0.3826, abs=0.25), "rounding: the mean distance from a middle"
        found = evaluation.scores.half_pixel
        assert found is not None
        assert found["a detector without error"] == (1, 1, 1)
        # The torso is 6 cells: at 0.05 of it only the same cell counts, which round() finds in a quarter of the cases,
        # at 0.2 a step along one axis. Always found are the 4 keypoints of 25 of the torso, in the lower half of cells.
        nearest, _, next_cell = found["a detector without error, published cells of the truth"]
        assert nearest == pytest.approx(0.25 * 21 / 25 + 4 / 25, abs=0.04)
        assert next_cell == pytest.approx(0.75 * 21 / 25 + 4 / 25, abs=0.04)


def test_noise_that_a_real_detector_does_not_have_sets_no_runs_apart(raw_dir: Path, tmp_path: Path) -> None:
    kerasmooth.make_records(ClimbAlong(raw_dir), tmp_path, splits="video")
    config = setting_on(tmp_path, "test")
    assert setting_on(tmp_path, "test", shifting_scalar=2.0, noise_dropout=0.1) == config


def test_filters_and_means_are_given_the_finest_reading_that_models_are(tmp_path: Path) -> None:
    write_perfect_videos(tmp_path / "raw", beside=0.7)
    kerasmooth.make_records(ClimbAlong(tmp_path / "raw"), tmp_path / "records", splits="video")
    found = evaluate_setting(
        setting_on(tmp_path / "records", "test"), decoders=["dark", "argmax"], classical=True, max_windows=8
    )
    decoders = {row.name: row.decoder for row in found.rows}
    assert decoders["identity (argmax)"] == "argmax"
    assert {decoders[name] for name in ("bias_only", "window_mean", "kalman", "auto")} == {"dark"}
    detected = found.windows.predicted["identity (dark)"]
    assert np.abs(detected - found.windows.predicted["identity (argmax)"]).max() > 0.1
    mean = found.windows.predicted["window_mean"]
    np.testing.assert_allclose(mean[:, 0, 0], detected[:, :, 0].mean(axis=1), rtol=1e-5)
    track = found.tracks[0]
    expected = TunedFilter("gcv_spline", {}).smooth(track, (HEIGHT, WIDTH), "identity (dark)")
    np.testing.assert_array_equal(track.predicted["gcv_spline"], expected)
