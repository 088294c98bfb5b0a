"""Whatever comes in, what goes out is nearer to the truth: slow and fast motion, small and large noise, any rate."""

import dataclasses

import numpy as np
import pytest

from kerasmooth.smoothing.keypoints import smooth_keypoints
from kerasmooth.smoothing.local_cutoffs import emphasised
from tests.smoothing.recordings import ANKLES, SKELETON, WRISTS, errors, noise, peaks_kept, torso, truth

KINDS = ("standing", "walking", "sprint", "kick", "cartwheel")


def recording(kind: str, fps: float, percent: float, memory: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    points = truth(kind, fps)
    return points, points + noise(points.shape, fps, memory=memory) * percent / 100 * torso(points)


@pytest.mark.parametrize("memory", [0.0, 0.08])
@pytest.mark.parametrize("percent", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("fps", [25, 60, 240])
def test_auto_brings_every_recording_nearer_to_the_truth(fps: float, percent: float, memory: float) -> None:
    fast_ones = []
    for kind in KINDS:
        points, measured = recording(kind, fps, percent, memory)
        result = smooth_keypoints(measured, fps=fps, skeleton=SKELETON).keypoints
        before, after = errors(measured, points), errors(result, points)
        assert after.mean() < 1.02 * before.mean(), kind
        fastest = np.linalg.norm(np.gradient(points, axis=0), axis=-1)
        fast = fastest >= np.quantile(fastest, 0.95)
        fast_ones.append((before[fast].mean(), after[fast].mean()))
    before_all, after_all = np.mean(fast_ones, axis=0)
    assert after_all < before_all


@pytest.mark.parametrize(("fps", "gained"), [(30, 0.3), (60, 0.5), (240, 0.7)])
def test_white_noise_of_a_good_detector_falls_by_much(fps: float, gained: float) -> None:
    shares = []
    for kind in KINDS:
        points, measured = recording(kind, fps, 1.0)
        result = smooth_keypoints(measured, fps=fps, skeleton=SKELETON).keypoints
        shares.append(errors(result, points).mean() / errors(measured, points).mean())
    assert np.mean(shares) < 1 - gained


@pytest.mark.parametrize(
    ("kind", "fps", "percent", "share"),
    [("sprint", 60, 0.3, 0.9), ("cartwheel", 60, 0.3, 0.6), ("walking", 25, 0.3, 0.8)],
)
def test_white_noise_falls_where_all_keypoints_move_fast(kind: str, fps: float, percent: float, share: float) -> None:
    """Nothing rests that would tell the noise from the motion."""
    points, measured = recording(kind, fps, percent)
    result = smooth_keypoints(measured, fps=fps, skeleton=SKELETON).keypoints
    assert errors(result, points).mean() < share * errors(measured, points).mean()


@pytest.mark.parametrize(("kind", "fps", "percent"), [("walking", 25, 1.0), ("cartwheel", 30, 2.0), ("jump", 25, 1.0)])
def test_something_is_gained_where_motion_looks_like_noise_that_lasts(kind: str, fps: float, percent: float) -> None:
    points, measured = recording(kind, fps, percent, memory=0.08)
    result = smooth_keypoints(measured, fps=fps, skeleton=SKELETON)
    assert errors(result.keypoints, points).mean() < 0.95 * errors(measured, points).mean()
    off = np.abs(result.keypoints - points) / result.deviation[..., None]
    assert 0.92 < (off < 2).mean() < 0.98


@pytest.mark.parametrize("fps", [30, 240])
@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_recording_stays_as_it_is(kind: str, fps: float) -> None:
    points = truth(kind, fps)
    after = errors(smooth_keypoints(points, fps=fps, skeleton=SKELETON).keypoints, points)
    assert after.mean() < 0.001
    assert np.quantile(after, 0.999) < 0.02


@pytest.mark.parametrize(
    ("kind", "keypoints"), [("kick", ANKLES), ("punch", WRISTS), ("throw", WRISTS), ("jump", ANKLES)]
)
@pytest.mark.parametrize("method", ["auto", "kalman", "gcv_spline", "butterworth", "gaussian", "whittaker", "savgol"])
def test_gestures_keep_their_peak(method: str, kind: str, keypoints: tuple[int, ...]) -> None:
    points, measured = recording(kind, 30, 1.0)
    result = smooth_keypoints(measured, fps=30, skeleton=SKELETON, method=method)
    assert peaks_kept(result.keypoints, points, keypoints) > 0.95
    if kind == "kick":
        assert result.report["outliers"].sum() == 0


@pytest.mark.parametrize(
    ("percent", "memory", "least_kept", "most_left"),
    [(5.0, 0.08, 0.97, 0.785), (12.0, 0.08, 0.94, 0.81), (12.0, 0.0, 0.95, 0.285)],
)
def test_a_punch_is_kept_in_strong_noise(percent: float, memory: float, least_kept: float, most_left: float) -> None:
    """Taken for as long as it is, lasting noise of 12 % would fall further, and take the punch with it."""
    points = truth("punch", 60)
    kept, left = [], []
    for seed in range(8):
        measured = points + percent / 100 * torso(points) * noise(points.shape, 60, seed, memory)
        result = smooth_keypoints(measured, fps=60, skeleton=SKELETON).keypoints
        kept.append(peaks_kept(result, points, WRISTS))
        left.append(errors(result, points).mean() / (percent / 100))
    assert np.mean(kept) > least_kept
    assert np.mean(left) < most_left


def test_fast_motion_is_emphasised_from_just_before_until_just_after() -> None:
    cutoff = np.array([1.0, 1.0, 1.0, 4.0, 1.0, 1.0, 1.0, 100.0])[:, None]
    by_hand = np.array([1.0, 1.0, 2.0, 8.0, 2.0, 1.0, 2.0, 200.0])[:, None]  # the root of 4; of 100, no more than 2
    np.testing.assert_allclose(emphasised(cutoff, 1, 0.5), by_hand)


@pytest.mark.parametrize(("frequency", "fps"), [(5.0, 250.0), (6.0, 60.0)])
def test_a_limb_that_swings_fast_alone_is_left_to_swing(frequency: float, fps: float) -> None:
    """One keypoint and no skeleton: a paw. Amplitude 40 px, noise 1 px."""
    times = np.arange(int(3 * fps)) / fps
    swing = 40 * np.stack([np.sin(2 * np.pi * frequency * times), np.cos(2 * np.pi * frequency * times)], axis=-1)
    points = swing[:, None] + [200.0, 100.0]
    measured = points + noise(points.shape, fps)
    result = smooth_keypoints(measured, fps=fps).keypoints
    before, after = (np.linalg.norm(a - points, axis=-1).mean() for a in (measured, result))
    assert after < 0.9 * before


@pytest.mark.parametrize(
    ("fps", "percent", "memory", "least"), [(60, 2.0, 0.0, 0.85), (60, 2.0, 0.08, 0.85), (30, 12.0, 0.0, 0.93)]
)
def test_the_deviation_says_how_far_off_it_is(fps: float, percent: float, memory: float, least: float) -> None:
    within = []
    for kind in KINDS:
        points, measured = recording(kind, fps, percent, memory)
        result = smooth_keypoints(measured, fps=fps, skeleton=SKELETON)
        off = np.abs(result.keypoints - points) / result.deviation[..., None]
        within.append([(off < 1).mean(), (off < 2).mean()])
    once, twice = np.mean(within, axis=0)
    assert 0.55 < once < 0.85
    assert least < twice < 0.98


def test_who_cannot_be_smoothed_is_reported() -> None:
    """A sprint at 25 frames/s with next to no noise: the highest cut-off is the likeliest, and little moves."""
    _, measured = recording("sprint", 25, 0.3)
    result = smooth_keypoints(measured, fps=25, skeleton=SKELETON)
    assert result.report["limited"].mean() > 0.5
    assert np.mean(result.report["method"] == "none") > 0.5


@pytest.mark.parametrize("percent", [1.0, 5.0, 14.0])
@pytest.mark.parametrize("frames", [5, 12, 26])
def test_short_clips_come_nearer_to_the_truth_and_as_near_as_by_a_kalman_smoother(frames: int, percent: float) -> None:
    found = []
    for kind in KINDS:
        points, measured = recording(kind, 30, percent)
        for first in (0, 30, 60):
            part = slice(first, first + frames)
            results = [measured[part]] + [
                smooth_keypoints(measured[part], fps=30, skeleton=SKELETON, method=method).keypoints
                for method in ("auto", "kalman")
            ]
            found.append([errors(result, points[part]).mean() for result in results])
    before, after, kalman = np.transpose(found)
    assert np.max(after / before) < 1.02
    assert after.mean() < (0.85 if frames == 5 else 0.7) * before.mean()
    assert after.mean() < 1.03 * kalman.mean()


def test_in_strong_noise_auto_is_ahead_of_a_kalman_smoother() -> None:
    ratios = []
    for kind in ("standing", "kick", "punch", "jump"):
        points, measured = recording(kind, 30, 14.0)
        after, kalman = (
            errors(smooth_keypoints(measured, fps=30, skeleton=SKELETON, method=method).keypoints, points).mean()
            for method in ("auto", "kalman")
        )
        ratios.append(after / kalman)
    assert np.mean(ratios) < 0.97


def test_joined_keypoints_tell_of_a_gesture_that_hardly_shows_in_strong_noise() -> None:
    """A punch moves the whole arm: limbs bring the wrist nearer to the truth."""
    alone = dataclasses.replace(SKELETON, limbs=())
    found = []
    for seed in range(6):
        points = truth("punch", 30, seed=seed)
        measured = points + noise(points.shape, 30, seed) * 0.12 * torso(points)
        results = [
            smooth_keypoints(measured, fps=30, skeleton=s, outliers=False, swaps=False).keypoints
            for s in (SKELETON, alone)
        ]
        found.append([errors(result, points)[:, WRISTS].mean() for result in results])
    joined, apart = np.mean(found, axis=0)
    assert joined < 0.98 * apart


def test_an_outlier_that_nobody_rejects_leaves_joined_keypoints_steady() -> None:
    """The right elbow jumps by a torso for three frames; the wrist, which it is joined to, rests."""
    points, measured = recording("standing", 30, 3.0)
    jumped = measured.copy()
    jumped[40:43, SKELETON.index("right_elbow")] += torso(points)
    wrist = SKELETON.index("right_wrist")
    steady, beside = (
        errors(smooth_keypoints(given, fps=30, skeleton=SKELETON, outliers=False).keypoints, points)[
            35:48, wrist
        ].mean()
        for given in (measured, jumped)
    )
    assert beside < 1.4 * steady


def test_a_short_part_of_a_recording_has_the_noise_of_its_longest() -> None:
    """Noise that lasts, and a gap too long to fill: what comes after it is too short to tell noise from motion."""
    points, measured = recording("kick", 60, 3.0, memory=0.08)
    measured[110:144] = np.nan
    short = slice(144, 174)
    of_whole = smooth_keypoints(measured[:174], fps=60, skeleton=SKELETON).keypoints[short]
    alone = smooth_keypoints(measured[short], fps=60, skeleton=SKELETON).keypoints
    assert errors(of_whole, points[short]).mean() < 0.9 * errors(alone, points[short]).mean()


@pytest.mark.parametrize("kind", ["standing", "kick"])
def test_a_camera_that_shakes_moves_everything_and_hides_nothing(kind: str) -> None:
    """The shake is seen in every keypoint: what moves in the body is smoothed nearly as if the camera stood still."""
    points, measured = recording(kind, 60, 2.0)
    seconds = np.arange(len(points)) / 60
    shake = 0.1 * torso(points) * np.stack([np.sin(25 * seconds), np.cos(31 * seconds)], axis=-1)[:, None]
    still, shaken = (
        errors(smooth_keypoints(measured + moved, fps=60, skeleton=SKELETON).keypoints, points + moved).mean()
        for moved in (0.0, shake)
    )
    alone = errors(smooth_keypoints(measured + shake, fps=60, method="kalman").keypoints, points + shake).mean()
    assert shaken < 1.4 * still
    assert shaken < 0.6 * alone
