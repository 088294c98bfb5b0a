"""Rows that no training made: classical filters on tracks, and the bound of independent noise."""

from pathlib import Path

import numpy as np
import pytest
from small_runs import SIZE, write_records, write_run

from kerasmooth.boxes import Size
from kerasmooth.evaluation import classical
from kerasmooth.evaluation.bound import information_bound
from kerasmooth.evaluation.classical import TunedFilter
from kerasmooth.evaluation.evaluator import evaluate
from kerasmooth.evaluation.windows import Frames


def standing(diameter: float) -> tuple[np.ndarray, np.ndarray]:
    """One frame of a torso of this many cells; two keypoints besides it are visible."""
    truth, visibility = np.zeros((1, 1, 25, 2)), np.zeros((1, 1, 25), bool)
    truth[..., [15, 16], 1] = diameter
    visibility[..., [0, 3, 4, 7, 15, 16]] = True
    return truth, visibility


@pytest.mark.parametrize(
    ("shift_std", "window", "known"),
    [(2.95, 1, (6.8, 24.9, 68.1)), (2.95, 2, (13.2, 43.5, 89.8)), (2.95, 5, (29.8, 76.0, 99.7))]
    + [(5.9, 1, (1.8, 6.9, 24.9)), (5.9, 5, (8.5, 30.0, 76.0))],
)
def test_the_bound_is_the_known_one(shift_std: float, window: int, known: tuple[float, ...]) -> None:
    # Thresholds of 1.11, 2.23 and 4.46 cells; the known values leave rounding out, which costs up to 0.4 here.
    found = 100 * information_bound(*standing(22.3), shift_std=shift_std, window=window)
    np.testing.assert_allclose(found, known, atol=0.5)


def test_the_bound_is_what_a_mean_reaches_over_frames_of_several_sizes() -> None:
    random, thresholds = np.random.default_rng(0), (0.1, 0.2)
    frames = [standing(diameter) for diameter in (10.0, 30.0)]
    frames[1][1][..., [0, 7]] = False  # four keypoints of the larger person, six of the smaller one
    truth, visibility = (np.concatenate(arrays) for arrays in zip(*frames, strict=True))
    position = random.uniform(0, 1, (100_000, 1, 2))  # rounding depends on where in its cell a keypoint is
    means = np.round(position + random.normal(0, 2, (100_000, 3, 2))).mean(axis=1, keepdims=True)
    distance = np.linalg.norm(means - position, axis=-1)
    reached = [(6 * np.mean(distance <= a * 10) + 4 * np.mean(distance <= a * 30)) / 10 for a in thresholds]
    bound = information_bound(truth, visibility, shift_std=2, window=3, thresholds=thresholds)
    np.testing.assert_allclose(bound, reached, atol=0.005)
    assert np.isnan(information_bound(truth, np.zeros_like(visibility), shift_std=2, window=3)).all()


def test_filters_work_in_pixels_and_answer_for_every_frame_as_models_do() -> None:
    """A still person in a box that moves: on the grid the person moves, in the image nothing does."""
    random, frames = np.random.default_rng(1), 60
    pixels = np.broadcast_to(random.uniform(100, 200, (25, 2)), (1, frames, 25, 2))
    drift = 30 * np.sin(np.arange(frames) / 3)[None, :, None]
    box = np.array([90.0, 90, 90 + 160, 90 + 120]) + drift * [1, 0, 1, 0]
    track = Frames(np.array([b"a"]), np.arange(frames)[None], pixels, np.ones((1, frames, 25), bool), box, {})
    truth = (pixels - box[..., None, :2]) / 10 - 0.5
    detected = truth + random.normal(0, 1, truth.shape)
    detected[:, :20, 3] = detected[:, 25:50, 4] = 0  # missed, for longer than a gap that is filled
    detected[:, :, 5] = 0
    track = track.with_rows({"identity": detected.astype(np.float32)})
    smoothed = TunedFilter("gaussian", {"cutoff": 0.5}).smooth(track, SIZE)
    errors = [np.linalg.norm(keypoints - truth, axis=-1)[:, :, 6:].mean() for keypoints in (detected, smoothed)]
    assert errors[1] < 0.4 * errors[0]
    assert np.linalg.norm(smoothed - truth, axis=-1)[:, :, 3:5].max() < 1.5
    assert not smoothed[:, :, 5].any()


def test_filters_know_how_many_frames_a_second_are_left() -> None:
    """Of every second frame a cut-off in Hz is twice as high in cycles a frame."""
    random, frames = np.random.default_rng(2), 80
    pixels = random.uniform(70, 130, (1, 1, 25, 2)) + random.normal(0, 0.5, (1, frames, 25, 2))
    box = np.broadcast_to(np.array([60.0, 60, 140, 140]), (1, frames, 4))
    track = Frames(np.array([b"a"]), np.arange(frames)[None], pixels, np.ones((1, frames, 25), bool), box, {})
    track = track.with_rows({"identity": ((pixels - 60) * 0.7 - 0.5).astype(np.float32)})
    (half,) = (one for one in classical.tuned_filters([track], SIZE, 2) if one.method == "auto")
    assert half.fps == 15
    at_half = TunedFilter("gaussian", {"cutoff": 1.0}, half.fps).smooth(track, SIZE)
    np.testing.assert_allclose(at_half, TunedFilter("gaussian", {"cutoff": 2.0}).smooth(track, SIZE), atol=1e-3)


def test_filters_are_tuned_on_the_validation_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = [{"cutoff": 2.0}, {"cutoff": 0.2}, {"cutoff": 14.0}]
    monkeypatch.setattr(classical, "GRID", {"gaussian": grid})
    write_records(tmp_path / "records", frames={"validation": (60,), "test": (60,)})
    run = write_run(tmp_path / "run", "deciwatch", tmp_path / "records", shifting_scalar=0.3)
    tuned_on: list[bytes] = []

    def tuned(tracks: list[Frames], size: Size, frame_step: int) -> list[TunedFilter]:
        tuned_on.extend(bytes(track.clip_ids[0]) for track in tracks)
        return classical.tuned_filters(tracks, size, frame_step)

    monkeypatch.setattr("kerasmooth.evaluation.evaluator.tuned_filters", tuned)
    (found,) = evaluate(run, classical=True)
    assert tuned_on == [b"sample/validation0"]
    row = next(row for row in found.rows if row.kind == "classical")
    assert (row.name, row.settings) == ("gaussian", "cutoff=2.0")
    filtered, identity = (found.scores.rows[name] for name in ("gaussian", "identity"))
    assert filtered.windows is None
    assert filtered.error["pixels"] < 0.8 * identity.error["pixels"]
    assert filtered.acceleration < 0.3 * identity.acceleration
    assert found.scores.bound is not None
    assert 0 < found.scores.bound[0] < found.scores.bound[2] <= 1
