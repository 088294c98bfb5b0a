"""Files with a third coordinate: z is smoothed with x and y, and nothing else of them changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import FPS, moving, recording, written
from test_smooth_files import StandIn, standing

from kerasmooth import formats
from kerasmooth.pose_files.table_smoothing import smooth_table
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BLAZEPOSE_33, BODY_25, COCO_17, Skeleton
from kerasmooth.smoothing.settings import METHODS, SmoothingSettings

NOISE = 3.0
FORMS = {
    "trc": (".trc", BODY_25),
    "wide_csv": (".csv", BLAZEPOSE_33),
    "tidy_csv": (".csv", BLAZEPOSE_33),
}


def waves(frames: int, skeleton: Skeleton, unit: str) -> tuple[np.ndarray, PoseTable]:
    """The truth [T, K, 3] in pixels, and a table of it in metres (200 px) or in shares of 500 x 1000 px, with noise."""
    k, times = np.arange(skeleton.num_keypoints), np.arange(frames)[:, None] / FPS
    phases = np.stack([k, 2 * k, 3 * k], axis=1)
    place = np.stack([150 + 4 * k, 150 + 7 * k, 3 * k], axis=1)
    truth = place + 22 * np.sin(2 * np.pi * np.array([0.41, 0.35, 0.38]) * times[..., None] + phases)
    measured = (truth + np.random.default_rng(0).normal(0, NOISE, truth.shape)) / scale_of(unit)
    numbers = np.arange(frames)
    unknown = np.full(truth.shape[:2], np.nan)
    table = PoseTable(
        numbers, np.full(frames, -1), measured[..., :2], unknown, numbers, skeleton, FPS, (500, 1000), unit=unit,
        depth=measured[..., 2],
    )  # fmt: skip
    return truth, table


def scale_of(unit: str) -> np.ndarray:
    return np.array([1000.0, 500.0, 1000.0]) if unit == "normalised" else np.full(3, 200.0)


def positions(table: PoseTable) -> np.ndarray:
    assert table.depth is not None
    return np.concatenate([table.keypoints, table.depth[..., None]], axis=2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("to", "unit"), [("trc", "m"), ("wide_csv", "normalised"), ("tidy_csv", "normalised")])
def test_the_error_of_z_falls_as_that_of_x_and_y(
    smooth: Callable[..., Any], tmp_path: Path, to: str, unit: str, method: str
) -> None:
    suffix, skeleton = FORMS[to]
    truth, table = waves(150, skeleton, unit)
    clip, out = written(tmp_path / f"clip{suffix}", to, table), tmp_path / f"out{suffix}"
    words = ("--fps=30", "--image_size=500x1000", f"--method={method}")
    assert smooth(clip, f"--output={out}", *words).code == 0
    errors = positions(formats.read(out)) * scale_of(unit) - truth
    x, y, z = np.sqrt(np.mean(errors**2, axis=(0, 1)))
    assert z == pytest.approx((x + y) / 2, rel=0.25)
    assert z < NOISE * (1.5 if method == "one_euro" else 1.0 if method in ("hampel", "median") else 0.75)


def test_the_jitter_of_z_in_an_array_of_millimetres_falls_as_that_of_x_and_y(tmp_path: Path) -> None:
    truth, _ = waves(60, COCO_17, "m")
    np.save(tmp_path / "a.npy", truth + np.random.default_rng(1).normal(0, NOISE, truth.shape))
    table = formats.read(tmp_path / "a.npy", fps=FPS)
    before, after = (
        np.abs(np.diff(positions(each), n=2, axis=0)).mean(axis=(0, 1))
        for each in (table, smooth_table(table, SmoothingSettings()).table)
    )
    assert (after < 0.2 * before).all()


def gappy(to: str, frames: int = 450) -> PoseTable:
    """A person with gaps, absences and outliers, of whom some depths are missing where x and y are there."""
    skeleton = FORMS[to][1]
    table = recording(frames, skeleton=skeleton)
    depth = moving(frames, skeleton.num_keypoints, seed=9)[table.frames, :, 0]
    depth[np.isnan(table.keypoints[..., 0])] = np.nan
    if to != "trc":
        depth[np.random.default_rng(0).random(depth.shape) < 0.02] = np.nan
        depth[200:240, 3] = np.nan
    return table.with_(depth=depth)


@pytest.mark.parametrize("to", FORMS)
def test_strength_zero_leaves_every_byte(smooth: Callable[..., Any], tmp_path: Path, to: str) -> None:
    suffix = FORMS[to][0]
    clip, out = written(tmp_path / f"clip{suffix}", to, gappy(to)), tmp_path / f"out{suffix}"
    for method in ("auto", "gaussian"):
        words = ("--strength=0", "--max_gap=0", "--overwrite", f"--method={method}", "--fps=30")
        assert smooth(clip, f"--output={out}", *words).code == 0
        assert out.read_bytes() == clip.read_bytes()


@pytest.mark.parametrize(("to", "unit"), [("trc", "m"), ("wide_csv", "normalised"), ("tidy_csv", "normalised")])
def test_what_was_not_there_is_filled_in_depth_too(
    smooth: Callable[..., Any], tmp_path: Path, to: str, unit: str
) -> None:
    suffix, skeleton = FORMS[to]
    truth, table = waves(120, skeleton, unit)
    keypoints, depth = np.array(table.keypoints), np.array(table.depth)
    keypoints[30:36, 2], depth[30:36, 2] = np.nan, np.nan
    there = ~np.isin(np.arange(120), range(70, 75))
    rows = {name: getattr(table, name)[there] for name in ("frames", "people", "confidence")}
    table = PoseTable(**rows, keypoints=keypoints[there], depth=depth[there], frame_numbers=rows["frames"],
                      skeleton=skeleton, fps=FPS, unit=unit)  # fmt: skip
    clip, out = written(tmp_path / f"clip{suffix}", to, table), tmp_path / f"out{suffix}"
    assert smooth(clip, f"--output={out}", "--fps=30", "--image_size=500x1000").code == 0
    result = formats.read(out)
    assert len(result.frames) == 120
    assert np.abs(positions(result) * scale_of(unit) - truth).max() < 3 * NOISE


def test_a_depth_missing_for_long_stays_missing(smooth: Callable[..., Any], tmp_path: Path) -> None:
    _, table = waves(120, BLAZEPOSE_33, "m")
    assert table.depth is not None
    table.depth[40:80, 5] = np.nan
    clip, out = written(tmp_path / "clip.csv", "wide_csv", table), tmp_path / "out.csv"
    assert smooth(clip, f"--output={out}", "--fps=30").code == 0
    result = formats.read(out)
    np.testing.assert_array_equal(np.isnan(result.depth), np.isnan(table.depth))
    assert np.isfinite(result.keypoints).all()


def test_depth_of_what_is_too_uncertain_to_smooth_is_kept() -> None:
    table = standing(COCO_17)
    depth, confidence = np.random.default_rng(1).normal(50, 1, table.confidence.shape), np.array(table.confidence)
    confidence[30:, 5] = 0.001
    confidence[:, 6] = -2.0
    done = smooth_table(table.with_(confidence=confidence, depth=depth), SmoothingSettings()).table
    for part in ((slice(30, None), 5), (slice(None), 6)):
        np.testing.assert_array_equal(done.depth[part], depth[part])


def test_confidence_zero_is_no_depth(tmp_path: Path) -> None:
    clip = tmp_path / "clip.csv"
    clip.write_text("frame,a_x,a_y,a_z,a_score,b_x,b_y,b_z,b_score\n0,1,2,3,0.5,4,5,6,0\n")
    np.testing.assert_array_equal(formats.read(clip).depth, [[3, np.nan]])


def test_a_model_leaves_depth_to_the_filter() -> None:
    table = standing(COCO_17)
    table = table.with_(depth=np.random.default_rng(1).normal(50, 1, table.confidence.shape))
    settings = SmoothingSettings(method="gaussian", outliers=False, swaps=False)
    by_model, by_filter = (smooth_table(table, settings, model=model).table for model in (StandIn(), None))
    np.testing.assert_array_equal(by_model.depth, by_filter.depth)
    assert np.nanstd(by_model.depth) < 0.8


@pytest.mark.parametrize("to", FORMS)
def test_a_fresh_file_holds_the_depth(tmp_path: Path, to: str) -> None:
    suffix, skeleton = FORMS[to]
    _, table = waves(10, skeleton, "m")
    again = formats.read(written(tmp_path / f"o{suffix}", to, table))
    np.testing.assert_array_equal(positions(again), positions(table))
    flat = formats.read(written(tmp_path / f"flat{suffix}", to, table.with_(depth=None)))
    assert (flat.depth == 0).all() if to == "trc" else flat.depth is None


@pytest.mark.parametrize(("file", "rate"), [("trc/*.trc", "60"), ("mediapipe_Ash*.csv", "30")])
def test_real_depth_is_smoothed_and_unchanged_by_strength_zero(
    smooth: Callable[..., Any], shared_data: Path, tmp_path: Path, file: str, rate: str
) -> None:
    clip = next((shared_data / "interop").glob(file))
    out = tmp_path / clip.name
    assert smooth(clip, f"--output={out}", f"--fps={rate}", "--strength=0").code == 0
    assert out.read_bytes() == clip.read_bytes()
    assert smooth(clip, f"--output={out}", f"--fps={rate}", "--overwrite").code == 0
    before, after = (positions(formats.read(path)) for path in (clip, out))
    bends = [np.median(np.abs(np.diff(values, n=2, axis=0)), axis=(0, 1)) for values in (before, after)]
    # MediaPipe smooths by itself: where nothing is to be gained auto leaves it.
    assert (bends[1] <= bends[0]).all()
    # Moved by less than a tenth of how far the keypoints are apart.
    assert (np.median(np.abs(after - before), axis=(0, 1)) < 0.1 * before.std(axis=1).mean(axis=0)).all()


def test_times_that_are_no_numbers_stay_when_a_frame_is_added(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip, out = written(tmp_path / "clip.trc", "trc", waves(40, BODY_25, "m")[1]), tmp_path / "out.trc"
    lines = [line.split("\t") for line in clip.read_text().splitlines()]
    lines[5:] = [[line[0], f"0:{line[0]}", *line[2:]] for line in lines[5:] if line[0] != "20"]
    clip.write_text("\n".join("\t".join(line) for line in lines) + "\n")
    assert smooth(clip, f"--output={out}").code == 0
    times = [line.split("\t")[1] for line in out.read_text().splitlines()[5:]]
    assert times == [f"0:{frame}" if frame != 20 else "" for frame in range(40)]
