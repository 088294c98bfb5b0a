"""Ways for a simulated detector to err: each is what its numbers say, and a pure function of its keys."""

from itertools import groupby
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasmooth.errors import InputError
from kerasmooth.noise import NOISE_MODELS, DetectorNoise, NoiseProfile, noise_profile

SIZE, K, CLIPS, FRAMES = (56, 56), 25, 40, 200
KEYS = np.arange(CLIPS, dtype=np.uint32) + 100
NUMBERS = np.tile(np.arange(FRAMES), (CLIPS, 1))


def noise_of(**profile: Any) -> DetectorNoise:
    return DetectorNoise(profile=NoiseProfile(**{"deviation": 1.0} | profile))


def shifts(noise: DetectorNoise) -> np.ndarray:
    return noise.shifts(KEYS, NUMBERS, K)


def simulated(noise: DetectorNoise) -> dict[str, np.ndarray]:
    keypoints = np.broadcast_to(np.stack([np.arange(K) * 2.0 + 2, np.full(K, 30.0)], -1), (CLIPS, FRAMES, K, 2))
    return noise.simulate(keypoints, np.ones((CLIPS, FRAMES, K), bool), KEYS, NUMBERS, SIZE)


def runs(struck: np.ndarray) -> list[int]:
    """Lengths of the runs of True over frames of [B, T, K], without those that the clip's ends cut."""
    found = []
    for row in struck.transpose(0, 2, 1).reshape(-1, struck.shape[1]):
        lengths = [(value, len(list(group))) for value, group in groupby(row)]
        found += [length for value, length in lengths[1:-1] if value]
    return found


def test_without_a_profile_the_noise_is_the_published_one() -> None:
    np.testing.assert_array_equal(shifts(DetectorNoise()), shifts(DetectorNoise(profile=NOISE_MODELS["published"])))


def test_ar1_errors_have_their_deviation_and_their_correlation() -> None:
    errors = shifts(noise_of(correlation=0.8))
    assert errors.std() == pytest.approx(1, abs=0.02)
    for lag in (1, 2, 5):
        found = np.mean(errors[:, lag:] * errors[:, :-lag]) / np.mean(errors**2)
        assert found == pytest.approx(0.8**lag, abs=0.03)


def test_bursts_strike_with_their_probability_for_their_length() -> None:
    calm, struck = shifts(noise_of()), shifts(noise_of(burst_probability=0.1, burst_size=4.0, burst_frames=6))
    away = struck - calm
    hit = np.abs(away).max(axis=-1) > 0
    assert hit.mean() == pytest.approx(0.1, abs=0.01)
    assert away[hit].std() == pytest.approx(4, abs=0.15)
    assert set(runs(hit)) <= {6, 12, 18, 24}
    starts = np.argmax(hit[:, 20:] & ~hit[:, 19:-1], axis=1) % 6
    assert len(np.unique(starts)) == 6  # runs begin anywhere


def test_dropouts_last() -> None:
    missing = ~simulated(noise_of(dropout_probability=0.2, dropout_frames=7))["visibility"]
    assert missing.mean() == pytest.approx(0.2, abs=0.01)
    assert {length % 7 for length in runs(missing)} == {0}


def test_exchanges_last_and_strike_both_sides() -> None:
    still = DetectorNoise(shifting_scalar=0.0, profile=NoiseProfile(exchange_probability=0.3, exchange_frames=6))
    x = simulated(still)["keypoints"][..., 0]
    exchanged = x != np.arange(K) * 2 + 2
    left, right = still.pairs[3]
    np.testing.assert_array_equal(exchanged[..., left], exchanged[..., right])
    assert exchanged[..., left].mean() == pytest.approx(0.3, abs=0.03)
    assert not exchanged[..., 0].any()  # the nose has no other side
    assert {length % 6 for length in runs(exchanged[..., [left]])} == {0}


def test_errors_grow_with_the_width_of_heatmaps() -> None:
    noise = noise_of(width_factor=0.4)
    widths = simulated(noise)["sigma_index"]
    deviations = [shifts(noise)[widths == step].std() for step in range(5)]
    assert deviations == pytest.approx([0.2, 0.6, 1.0, 1.4, 1.8], abs=0.05)
    with pytest.raises(ValueError, match=r"need random_sigma\. Received: width_factor=0\.4"):
        DetectorNoise(random_sigma=False, profile=NoiseProfile(width_factor=0.4))


def test_a_scale_is_for_its_keypoint() -> None:
    scale = tuple(1.0 + (k == 7) for k in range(K))
    deviations = shifts(noise_of(scale=scale)).std(axis=(0, 1, 3))
    assert deviations == pytest.approx(scale, rel=0.05)


def test_clips_differ_in_size_by_the_spread() -> None:
    keys, numbers = np.arange(2000, dtype=np.uint32), NUMBERS[:1, :5].repeat(2000, axis=0)

    def factors(epoch: int) -> np.ndarray:
        """[clips]: of all errors, bursts too."""
        even, spread = (noise_of(spread=value, burst_probability=0.2) for value in (0, 0.8))
        found = spread.shifts(keys, numbers, K, epoch) / even.shifts(keys, numbers, K, epoch)
        of_clips = np.median(found, axis=(1, 2, 3))
        np.testing.assert_allclose(found, np.broadcast_to(of_clips[:, None, None, None], found.shape), rtol=1e-5)
        return of_clips

    logs, others = np.log(factors(0)), np.log(factors(1))
    assert logs.std() == pytest.approx(0.8, abs=0.04)
    assert logs.mean() == pytest.approx(0, abs=0.06)
    assert abs(np.corrcoef(logs, others)[0, 1]) < 0.1  # drawn anew in each epoch


@pytest.mark.parametrize("model", NOISE_MODELS)
def test_a_frame_is_the_same_in_every_window_and_on_every_backend(model: str) -> None:
    noise = DetectorNoise(profile=NOISE_MODELS[model], fresh=True)
    whole = simulated(noise)
    part = slice(60, 65)
    keypoints = np.broadcast_to(np.stack([np.arange(K) * 2.0 + 2, np.full(K, 30.0)], -1), (CLIPS, 5, K, 2))
    arguments = (keypoints, np.ones((CLIPS, 5, K), bool), KEYS, NUMBERS[:, part], SIZE)
    for name, value in noise.simulate(*arguments).items():
        np.testing.assert_array_equal(value, whole[name][:, part])
    compiled = tf.function(lambda epoch: noise.simulate(*map(tf.constant, arguments[:4]), SIZE, epoch, keras.ops))
    for epoch in (0, 3):
        expected = noise.simulate(*arguments, epoch=epoch)
        for name, value in compiled(tf.constant(epoch, tf.uint32)).items():
            np.testing.assert_array_equal(value.numpy(), expected[name])
    assert not np.array_equal(noise.simulate(*arguments, epoch=1)["keypoints"], whole["keypoints"][:, part])


def test_a_profile_is_read_from_json(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(NoiseProfile(correlation=0.5, scale=(2.0,) * K).to_json())
    assert noise_profile(str(path)) == NoiseProfile(correlation=0.5, scale=(2.0,) * K)
    for text, says in (
        ('{"correlation": 1.5}', "correlation must be less than 1"),
        ('{"scale": [1, 2]}', "must have 25 numbers, got 2"),
        ("{", "JSON"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=says) as caught:
            noise_profile(str(path))
        assert str(path) in str(caught.value)
    with pytest.raises(InputError, match=r"--noise_model=brownian: one of published, ar1, .*varied, or the JSON"):
        noise_profile("brownian")
