"""Runs of wrong frames planted into known motion: what is found, what is found wrongly."""

import numpy as np
import pytest

from kerasmooth.datasets.penn_action import PennAction
from kerasmooth.pose_table import REPLACED
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.smoothing.keypoints import smooth_keypoints
from kerasmooth.smoothing.outliers import _far_from_median, find_outliers
from kerasmooth.smoothing.person_scale import person_size

FPS = 30.0


def motion(frames: int, seed: int, keypoints: int = 12) -> np.ndarray:
    """[T, K, 2] in person sizes: every keypoint swings at up to 1.5 Hz, by up to 0.6."""
    random = np.random.default_rng(seed)
    times = np.arange(frames)[:, None, None] / FPS
    shape = (1, keypoints, 2)
    swing = random.uniform(0.05, 0.6, shape) * np.sin(
        2 * np.pi * random.uniform(0.2, 1.5, shape) * times + random.uniform(0, 6, shape)
    )
    return swing + random.uniform(-1.5, 1.5, shape) + random.normal(0, 0.02, (frames, keypoints, 2))


def planted(truth: np.ndarray, share: float, seed: int, stuck: bool) -> tuple[np.ndarray, np.ndarray]:
    """Runs of 1 to 6 wrong frames, 0.5 to 2 sizes away, at one place or each at its own; and which they are."""
    random = np.random.default_rng(seed)
    wrong, result = np.zeros(truth.shape[:2], bool), truth.copy()
    for keypoint in range(truth.shape[1]):
        while wrong[:, keypoint].mean() < share:
            length = int(random.integers(1, 7))
            first = int(random.integers(8, len(truth) - 8 - length))
            if wrong[first - 2 : first + length + 2, keypoint].any():
                continue
            angle = random.uniform(0, 2 * np.pi, (1 if stuck else length, 1))
            away = random.uniform(0.5, 2, angle.shape) * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
            start = truth[first, keypoint] if stuck else truth[first : first + length, keypoint]
            result[first : first + length, keypoint] = start + away + random.normal(0, 0.02, (length, 2))
            wrong[first : first + length, keypoint] = True
    return result, wrong


@pytest.mark.parametrize("stuck", [True, False])
@pytest.mark.parametrize("share", [0.05, 0.15])
def test_the_gate_finds_runs_that_the_median_misses(share: float, stuck: bool) -> None:
    truth = motion(600, 0)
    measured, wrong = planted(truth, share, 1, stuck)
    known = np.ones_like(wrong)
    found = {"median": _far_from_median(measured, known, FPS), "both": find_outliers(measured, known, FPS)}
    recall = {name: (mask & wrong).sum() / wrong.sum() for name, mask in found.items()}
    precision = (found["both"] & wrong).sum() / found["both"].sum()
    assert recall["both"] > 0.9
    assert recall["both"] > recall["median"] + 0.1
    assert precision > 0.9
    assert find_outliers(truth, known, FPS).mean() < 0.002


def test_a_keypoint_that_really_went_is_followed() -> None:
    truth = motion(200, 3)
    truth[100:, 4] += (1.5, 0)
    rejected = find_outliers(truth, np.ones(truth.shape[:2], bool), FPS)
    assert rejected[:, 4].sum() <= 2
    truth[140:146, 4] += (0, 1.2)
    assert find_outliers(truth, np.ones(truth.shape[:2], bool), FPS)[140:146, 4].all()


def test_frames_that_are_missing_do_not_hide_a_run() -> None:
    truth = motion(300, 4)
    measured, wrong = planted(truth, 0.05, 5, True)
    known = np.random.default_rng(6).random(wrong.shape) > 0.2
    found = find_outliers(np.where(known[..., None], measured, 0.0), known, FPS)
    assert not (found & ~known).any()
    assert (found & wrong)[known].sum() > 0.85 * wrong[known].sum()


@pytest.mark.parametrize("method", ["kalman", "gaussian", "auto"])
def test_what_was_wrong_is_said_to_be_replaced_and_the_error_falls(method: str) -> None:
    truth = 100 * motion(300, 7)
    measured, wrong = planted(truth / 100, 0.05, 8, True)
    errors = {}
    for outliers in (True, False):
        done = smooth_keypoints(100 * measured, fps=FPS, method=method, outliers=outliers)
        errors[outliers] = np.linalg.norm(done.keypoints - truth, axis=-1).mean()
        assert outliers or not (done.provenance == REPLACED).any()
        if outliers:
            assert ((done.provenance == REPLACED) & wrong).sum() > 0.85 * wrong.sum()
    assert errors[True] < 0.7 * errors[False]


def test_real_motion_is_left_alone(shared_data) -> None:  # type: ignore[no-untyped-def]
    """Labels of Penn Action, fast sports among them: hardly anything is taken for wrong."""
    reader = PennAction(shared_data / "penn_action", actions="all")
    rejected = judged = 0
    for source in reader.list_sources()[::60]:
        for clip in reader.read(source).clips:
            size = person_size(clip.keypoints, clip.visibility, BOULDERING_25)
            positions = np.where(clip.visibility[..., None], clip.keypoints / size, 0.0)
            rejected += find_outliers(positions, clip.visibility, FPS).sum()
            judged += clip.visibility.sum()
    assert judged > 20_000
    assert rejected < 0.012 * judged
