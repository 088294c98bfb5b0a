"""Outliers with nothing beyond them, and fast movements that look like them: the first and last frames of a stretch."""

import numpy as np
import pytest

from kerasmooth.pose_table import MEASURED, MISSING, REPLACED
from kerasmooth.smoothing.keypoints import smooth_keypoints

SIZE = 100.0
"""Pixels: of a person, by the diagonal of the box."""
METHODS = ("auto", "kalman", "gaussian", "median", "savgol", "butterworth", "one_euro_zero_phase", "gcv_spline")


def swinging(frames: int, fps: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth and measurements [T, 12, 2]: every keypoint swings at up to 1 Hz by up to 0.3 sizes, noise of 0.02."""
    random = np.random.default_rng(seed)
    times, shape = np.arange(frames)[:, None, None] / fps, (1, 12, 2)
    swing = random.uniform(0.05, 0.3, shape) * np.sin(
        2 * np.pi * random.uniform(0.2, 1.0, shape) * times + random.uniform(0, 6, shape)
    )
    places = np.stack([np.arange(12) % 3, np.arange(12) // 3], axis=-1)
    truth = SIZE * (places + swing)
    return truth, truth + random.normal(0, 0.02 * SIZE, truth.shape)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
@pytest.mark.parametrize("stuck", [True, False], ids=["stuck", "anywhere"])
def test_who_flies_off_in_the_first_or_last_frames_is_brought_back(method: str, fps: float, stuck: bool) -> None:
    truth, measured = swinging(int(4 * fps), fps)
    random = np.random.default_rng(1)
    wrong = np.zeros(truth.shape[:2], bool)
    for keypoint, frames in enumerate([slice(0, 1), slice(-1, None), slice(0, 2), slice(-2, None), slice(0, 3)]):
        wrong[frames, keypoint] = True
        far = random.uniform(0.8, 2.0, (1 if stuck else wrong[:, keypoint].sum(), 1)) * SIZE
        angle = random.uniform(0, 2 * np.pi, far.shape)
        measured[frames, keypoint] += far * np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    done = smooth_keypoints(measured, fps=fps, method=method)
    ends = np.isin(np.arange(len(truth)), [0, 1, 2, len(truth) - 3, len(truth) - 2, len(truth) - 1])
    np.testing.assert_array_equal((done.provenance == REPLACED)[ends], wrong[ends])
    apart = np.linalg.norm(done.keypoints - truth, axis=-1)
    assert apart[wrong].max() < 0.3 * SIZE
    assert done.report["outliers"][:5].tolist() == wrong.sum(axis=0)[:5].tolist()


@pytest.mark.parametrize("fps", [25.0, 30.0, 60.0])
@pytest.mark.parametrize("turned", [False, True], ids=["it ends", "it begins"])
@pytest.mark.parametrize("many", [False, True], ids=["one limb", "everything"])
def test_a_fast_movement_at_an_end_is_no_outlier(fps: float, turned: bool, many: bool) -> None:
    """A kick or a leap by 1.2 sizes in 0.25 s, cut off anywhere: nothing that would be mended is changed."""
    for cut in np.arange(0.04, 0.26, 0.02):
        _, measured = swinging(int(3 * fps), fps)
        left = np.clip(((len(measured) - 1 - np.arange(len(measured))) / fps - 0.25 + cut) / 0.25, 0, 1)
        path = 1.2 * SIZE * (1 - left**3 * (10 - 15 * left + 6 * left**2))
        moved = slice(None) if many else slice(5, 8)
        measured[:, moved, 1] -= path[:, None]
        if turned:
            measured = measured[::-1]
        done = smooth_keypoints(measured, fps=fps, method="gaussian")
        assert (done.provenance[0 if turned else -1] == MEASURED).all(), cut


def test_a_stretch_between_open_gaps_has_ends_too() -> None:
    truth, measured = swinging(150, 30.0)
    measured[40:60, 2], measured[90:110, 2] = np.nan, np.nan
    measured[60:62, 2] += SIZE
    measured[89, 2] -= SIZE
    measured[39, 2] += (0, 1.5 * SIZE)
    done = smooth_keypoints(measured, fps=30, max_gap=0.5)
    assert np.flatnonzero(done.provenance[:, 2] == REPLACED).tolist() == [39, 60, 61, 89]
    assert (done.provenance[40:60, 2] == MISSING).all()
    assert np.isnan(done.keypoints[90:110, 2]).all()
    assert np.linalg.norm(done.keypoints[[39, 60, 61, 89], 2] - truth[[39, 60, 61, 89], 2], axis=-1).max() < 0.3 * SIZE


def test_what_is_away_for_longer_or_may_not_be_filled_stays() -> None:
    _, measured = swinging(150, 30.0)
    measured[:12, 0] += SIZE
    measured[0, 1] += SIZE
    done = smooth_keypoints(measured, fps=30, method="median")
    assert (done.provenance[:12, 0] == MEASURED).all()
    assert done.provenance[0, 1] == REPLACED
    assert np.linalg.norm(done.keypoints[1, 0] - measured[1, 0]) < 0.2 * SIZE
    open_ended = smooth_keypoints(measured, fps=30, method="median", max_gap=0.0)
    assert (open_ended.provenance == MEASURED).all()


def test_depth_flies_off_and_comes_back_with_x_and_y() -> None:
    truth, measured = swinging(120, 30.0)
    depth = measured[..., 1].copy()
    measured[0, 3] += SIZE
    depth[0, 3] -= 2 * SIZE
    depth[-2:, 4] += 2 * SIZE
    done = smooth_keypoints(measured, fps=30, depth=depth)
    assert done.depth is not None
    assert abs(done.depth[0, 3] - truth[0, 3, 1]) < 0.3 * SIZE
    assert np.abs(done.depth[-2:, 4] - truth[-2:, 4, 1]).max() < 0.3 * SIZE
    assert (done.provenance[-2:, 4] == MEASURED).all()
