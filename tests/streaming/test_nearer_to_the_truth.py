"""A stream on generated motion whose truth is known."""

import numpy as np
import pytest

from kerasmooth.filters.one_euro_filter import one_euro
from kerasmooth.pose_table import MEASURED, REPLACED
from kerasmooth.sample.motion import sequence
from kerasmooth.streaming.stream import KeypointStream

FPS = 60.0
KINDS = ("walking", "kick", "toprock")


def torso(truth: np.ndarray) -> float:
    """Of positions [T, 25, 2] of bouldering_25."""
    return float(np.median(np.linalg.norm(truth[:, 3] - truth[:, 15], axis=-1)))


def noise(shape: tuple[int, ...], memory: float, seed: int = 0) -> np.ndarray:
    """Of deviation 1; `memory` seconds until it has forgotten most of itself, 0 is white."""
    values = np.random.default_rng(seed).standard_normal(shape)
    kept = np.exp(-1 / (memory * FPS)) if memory else 0.0
    for frame in range(1, len(values)):
        values[frame] = kept * values[frame - 1] + np.sqrt(1 - kept**2) * values[frame]
    return values


def smoothed(keypoints: np.ndarray, lookahead: int, fps: float = FPS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, deviations and provenance of one person [T, K, 2]."""
    names = {"skeleton": "bouldering_25"} if keypoints.shape[1] == 25 else {"num_keypoints": keypoints.shape[1]}
    stream = KeypointStream(**names, fps=fps, lookahead=lookahead)
    frames = [frame for frame in (stream.step(keypoint) for keypoint in keypoints) if frame is not None]
    frames += stream.flush()
    return tuple(np.stack([getattr(f, name) for f in frames]) for name in ("keypoints", "deviation", "provenance"))


def error(result: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance after the first second."""
    return float(np.linalg.norm(result - truth, axis=-1)[int(FPS) :].mean())


@pytest.mark.parametrize("percent", [0.5, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_nearer_to_the_truth_than_the_measurements_and_nearer_with_every_lookahead(kind: str, percent: float) -> None:
    truth = sequence(kind, 180, FPS, seed=1)
    measured = truth + noise(truth.shape, 0.0) * percent / 100 * torso(truth)
    raw = error(measured, truth)
    errors = [error(smoothed(measured, lookahead)[0], truth) for lookahead in (0, 2, 4, 8)]
    print(f"{kind} {percent} %: raw {raw:.2f}, lookahead 0, 2, 4, 8: {np.round(errors, 2)}")
    assert errors[0] < 0.95 * raw
    assert errors[1] < 0.8 * errors[0]
    assert errors[2] < errors[1]
    assert errors[3] < errors[2]


def test_a_rest_before_a_movement_is_smoothed_when_the_movement_is_seen() -> None:
    fps, errors = 30.0, []
    time = np.arange(120)[:, None] / fps
    for seed in range(3):
        begins = np.random.default_rng(seed).uniform(1, 3.5, 25)
        truth = np.repeat(sequence("standing", 1, fps, seed=1), 120, axis=0)
        truth[..., 1] -= 0.8 * torso(truth) * np.sin(np.pi * np.clip((time - begins) / 0.3, 0, 1)) ** 2
        measured = truth + noise(truth.shape, 0.08 * fps / FPS, seed) * 0.01 * torso(truth)
        before = (begins - 0.3 < time) & (time < begins)
        results = [measured] + [smoothed(measured, lookahead, fps)[0] for lookahead in (4, 8, 15)]
        errors.append([np.linalg.norm(result - truth, axis=-1)[before].mean() for result in results])
    raw, *streams = np.mean(errors, axis=0)
    assert max(streams) < 0.75 * raw


def test_better_than_one_euro_tuned_on_the_truth() -> None:
    truth = sequence("toprock", 180, FPS, seed=1)
    measured = truth + noise(truth.shape, 0.0) * 0.01 * torso(truth)
    tuned = min(
        error(one_euro(measured / torso(truth), fps=FPS, min_cutoff=cutoff, beta=beta).positions * torso(truth), truth)
        for cutoff in (0.3, 1, 3, 10, 30)
        for beta in (0, 1, 3, 10, 30, 100)
    )
    assert error(smoothed(measured, 0)[0], truth) < tuned


@pytest.mark.parametrize("kind", KINDS)
def test_noise_that_lasts_is_not_made_worse(kind: str) -> None:
    truth = sequence(kind, 180, FPS, seed=1)
    measured = truth + noise(truth.shape, 0.08) * 0.01 * torso(truth)
    assert error(smoothed(measured, 0)[0], truth) < 1.03 * error(measured, truth)
    assert error(smoothed(measured, 4)[0], truth) < error(measured, truth)


def test_noise_that_changes_is_followed() -> None:
    truth = sequence("toprock", 240, FPS, seed=1)
    percent = np.where(np.arange(240) // 60 % 2, 0.5, 10.0)[:, None, None]
    measured = truth + noise(truth.shape, 0.0) * percent / 100 * torso(truth)
    distances = [np.linalg.norm(each - truth, axis=-1).mean(axis=1) for each in (smoothed(measured, 0)[0], measured)]
    for second in range(4):
        later = slice(60 * second + 20, 60 * second + 60)
        assert distances[0][later].mean() < 0.95 * distances[1][later].mean()


@pytest.mark.parametrize("lookahead", [0, 4])
def test_clean_motion_stays(lookahead: int) -> None:
    truth = sequence("kick", 120, FPS, seed=1)
    result, _, provenance = smoothed(truth, lookahead)
    assert (provenance == MEASURED).all()
    assert np.linalg.norm(result - truth, axis=-1).mean() < 0.001 * torso(truth)


def test_the_deviation_is_honest() -> None:
    truth = np.concatenate([sequence(kind, 180, FPS, seed=2) for kind in KINDS], axis=1)
    measured = truth + noise(truth.shape, 0.0) * 0.01 * torso(truth)
    for lookahead in (0, 4):
        deviations = []
        for person in range(3):
            its = slice(25 * person, 25 * person + 25)
            result, deviation, _ = smoothed(measured[:, its], lookahead)
            deviations.append((np.abs(result - truth[:, its]) / deviation[..., None])[int(FPS) :])
        share = [float((np.array(deviations) < limit).mean()) for limit in (1, 2)]
        assert 0.6 < share[0] < 0.8
        assert 0.9 < share[1] < 0.98


@pytest.mark.parametrize("lookahead", [0, 8])
@pytest.mark.parametrize("percent", [0.0, 1.0])
def test_a_kick_of_one_leg_keeps_its_peak(lookahead: int, percent: float) -> None:
    truth = np.repeat(sequence("standing", 1, 30.0, seed=1), 90, axis=0)
    time = np.arange(90) / 30.0
    up = np.sin(np.pi * np.clip((time - 2) / 0.25, 0, 1)) ** 2 * 1.3 * torso(truth)
    truth[:, 19, 1] -= up
    truth[:, 17, 1] -= up * 0.45
    measured = truth + noise(truth.shape, 0.0) * percent / 100 * torso(truth)
    result, _, _ = smoothed(measured, lookahead, 30.0)
    peak = int(np.argmax(up))
    assert result[peak, 19, 1] < truth[0, 19, 1] - 0.95 * up[peak]


def test_a_keypoint_alone() -> None:
    truth = sequence("walking", 240, FPS, seed=1)[:, 19:20]
    noisy = truth + noise(truth.shape, 0.0) * 0.01 * torso(sequence("walking", 2, FPS, seed=1))
    assert np.linalg.norm(smoothed(truth, 0)[0] - truth, axis=-1).max() < 0.5
    assert error(smoothed(noisy, 0)[0], truth) < error(noisy, truth)
    assert error(smoothed(noisy, 4)[0], truth) < 0.8 * error(noisy, truth)


@pytest.mark.parametrize("lookahead", [0, 4])
def test_outliers_are_replaced_and_nothing_else(lookahead: int) -> None:
    truth = sequence("toprock", 180, FPS, seed=1)
    measured = truth + noise(truth.shape, 0.0) * 0.01 * torso(truth)
    random = np.random.default_rng(3)
    wrong = (random.random(measured.shape[:2]) < 0.02) & (np.arange(180) > 20)[:, None]
    angle = random.uniform(0, 2 * np.pi, wrong.shape)
    measured += np.where(wrong[..., None], torso(truth) * np.stack([np.cos(angle), np.sin(angle)], axis=-1), 0.0)
    result, _, provenance = smoothed(measured, lookahead)
    replaced = provenance == REPLACED
    assert (replaced & wrong).sum() > 0.9 * wrong.sum()
    assert (replaced & wrong).sum() > 0.9 * replaced.sum()
    assert np.median(np.linalg.norm(result - truth, axis=-1)[wrong]) < 0.1 * torso(truth)


def test_confidence_counts() -> None:
    truth = sequence("walking", 180, FPS, seed=1)
    confidence = np.where(np.random.default_rng(5).random(truth.shape[:2]) < 0.5, 1.0, 0.3)
    measured = truth + noise(truth.shape, 0.0) * 0.01 * torso(truth) / confidence[..., None]
    knowing, ignorant = (KeypointStream("bouldering_25", fps=FPS, lookahead=4) for _ in range(2))
    frames = [(knowing.step(m, c), ignorant.step(m)) for m, c in zip(measured, confidence, strict=True)][4:]
    errors = [error(np.stack([pair[which].keypoints for pair in frames]), truth[:-4]) for which in (0, 1)]
    assert errors[0] < 0.9 * errors[1]


def test_time_that_passes_is_as_frames_without_anybody() -> None:
    measured = sequence("walking", 60, FPS, seed=1) + noise((60, 25, 2), 0.0)
    rare, often = (KeypointStream("bouldering_25", fps=FPS, person_size=100.0) for _ in range(2))
    for frame in measured:
        often.step(np.full((25, 2), np.nan))
        shown, expected = rare.step(frame, seconds=2 / FPS), often.step(frame)
        np.testing.assert_allclose(shown.keypoints, expected.keypoints, rtol=1e-6)
        np.testing.assert_allclose(shown.deviation, expected.deviation, rtol=1e-4)
