import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from kerasmooth import keyed_random
from kerasmooth.noise import DetectorNoise, clip_key
from kerasmooth.skeletons import BOULDERING_25

SIZE = (40, 56)
K = 25


def clip(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints [1, T, K, 2] and visibility of a still person."""
    rng = np.random.default_rng(seed)
    keypoints = np.broadcast_to(rng.uniform((15, 12), (40, 28), (K, 2)), (1, frames, K, 2))
    return keypoints.astype(np.float32), np.ones((1, frames, K), bool)


def simulate(noise: DetectorNoise, frames: int = 200, key: int = 77, epoch: int = 0) -> dict[str, np.ndarray]:
    keys, numbers = np.array([key], np.uint32), np.arange(frames)[None]
    return noise.simulate(*clip(frames), keys, numbers, SIZE, epoch)


def in_plain_python(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    """pcg4d as printed in its paper, on Python's own integers."""
    a, b, c, d = ((word * 1664525 + 1013904223) % 2**32 for word in (a, b, c, d))
    for last in (False, True):
        a = (a + b * d) % 2**32
        b = (b + c * a) % 2**32
        c = (c + a * b) % 2**32
        d = (d + b * c) % 2**32
        if not last:
            a, b, c, d = (word ^ word >> 16 for word in (a, b, c, d))
    return a, b, c, d


def test_the_generator_is_the_one_of_the_paper() -> None:
    keys = np.random.default_rng(0).integers(0, 2**32, (4, 500), dtype=np.uint32)
    keys[:, 0], keys[:, 1] = 0, 2**32 - 1
    words = np.stack(keyed_random.random_words(*keys))
    assert words.dtype == np.uint32
    np.testing.assert_array_equal(words.T, [in_plain_python(*(int(word) for word in key)) for key in keys.T])


def neighbouring_words() -> list[np.ndarray]:
    """Words of keys as they occur: consecutive clips (60), frames (80) and keypoints (25)."""
    clips, frames, keypoints = (np.arange(n, dtype=np.uint32) for n in (60, 80, 25))
    one = np.array([5], np.uint32)
    return list(keyed_random.random_words(clips[:, None, None], frames[:, None], keypoints, one))


def test_words_of_neighbouring_keys_are_uniform() -> None:
    for words in neighbouring_words():
        assert words.shape == (60, 80, 25)
        values = words.ravel()
        for bits in (values >> 24, values >> 8 & 0xFF, values & 0xFF):
            assert stats.chisquare(np.bincount(bits, minlength=256)).pvalue > 1e-4
        assert stats.kstest(keyed_random.uniform(values), "uniform").pvalue > 1e-4
        ones = np.unpackbits(values.view(np.uint8)).reshape(len(values), 32).mean(axis=0)
        assert np.abs(ones - 0.5).max() < 5 * 0.5 / np.sqrt(len(values))


def test_words_of_neighbouring_keys_are_independent() -> None:
    words = neighbouring_words()
    values = [stats.norm.ppf((word + 0.5) / 2**32) for word in words]
    bound = 5 / np.sqrt(values[0].size)
    for value in values:
        for axis in range(3):
            for lag in (1, 2, 8):
                shifted = np.moveaxis(value, axis, 0)
                assert abs(np.mean(shifted[lag:] * shifted[:-lag])) < bound * 1.2
    for first in range(4):
        for second in range(first):
            assert abs(np.mean(values[first] * values[second])) < bound
            # And jointly: 16 x 16 cells.
            table = np.bincount((words[first] >> 28 << 4 | words[second] >> 28).ravel(), minlength=256)
            assert stats.chisquare(table).pvalue > 1e-4


def test_one_changed_bit_changes_half_of_all_bits() -> None:
    rng = np.random.default_rng(1)
    keys = rng.integers(0, 2**32, (4, 2000), dtype=np.uint32)
    before = np.stack(keyed_random.random_words(*keys))
    for word in range(4):
        for bit in (0, 7, 15):
            changed = keys.copy()
            changed[word] ^= np.uint32(1 << bit)
            flipped = np.stack(keyed_random.random_words(*changed)) ^ before
            share = np.unpackbits(flipped.view(np.uint8), axis=-1).mean(axis=-1)
            assert np.all(np.abs(share - 0.5) < 0.05)


def test_shifts_are_normal_with_the_published_deviation() -> None:
    keys, numbers = np.arange(100, dtype=np.uint32), np.broadcast_to(np.arange(80), (100, 80))
    shifts = DetectorNoise(shifting_scalar=2).shifts(keys, numbers, K)
    assert shifts.shape == (100, 80, K, 2)
    assert shifts.dtype == np.float32
    for axis in range(2):
        assert stats.kstest(shifts[..., axis].ravel(), stats.norm(0, 5.9).cdf).pvalue > 1e-4
    count = shifts[..., 0].size
    assert shifts.std() == pytest.approx(5.9, rel=5 / np.sqrt(2 * 2 * count))
    assert abs(np.mean(shifts[..., 0] * shifts[..., 1])) < 5 * 5.9**2 / np.sqrt(count)
    assert abs(np.mean(shifts[:, 1:] * shifts[:, :-1])) < 5 * 5.9**2 / np.sqrt(2 * count)


def test_identity_meets_the_information_bounds() -> None:
    """P(distance <= r) = 1 - exp(-r^2 / (2 sigma^2)): what no smoothing scores, at the study's mean thresholds."""
    keys, numbers = np.arange(100, dtype=np.uint32), np.broadcast_to(np.arange(80), (100, 80))
    for scalar, bounds in ((1, (6.8, 24.9, 68.1)), (2, (1.8, 6.9, 24.9))):
        distance = np.linalg.norm(DetectorNoise(shifting_scalar=scalar).shifts(keys, numbers, K), axis=-1)
        shares = [100 * np.mean(distance <= threshold) for threshold in (1.11, 2.23, 4.46)]
        np.testing.assert_allclose(shares, bounds, atol=0.5)


def test_detections_are_rounded_and_clipped_shifts() -> None:
    noise = DetectorNoise(shifting_scalar=2)
    keypoints, visibility = clip(300)
    keypoints = keypoints - np.float32([14, 11])  # near the corner
    visibility[:, :, 3], keypoints[:, :, 3] = False, np.nan
    keys, numbers = np.array([9], np.uint32), np.arange(300)[None]
    detected = noise.simulate(keypoints, visibility, keys, numbers, SIZE)
    moved = np.rint(keypoints + noise.shifts(keys, numbers, K))
    expected = np.clip(moved, 0, (SIZE[1] - 1, SIZE[0] - 1))
    expected[:, :, 3] = 0
    np.testing.assert_array_equal(detected["keypoints"], expected)
    assert (detected["keypoints"] != np.where(np.isnan(moved), 0, moved)).any()  # some were clipped
    np.testing.assert_array_equal(detected["visibility"], visibility)
    assert {name: value.dtype for name, value in detected.items()} == {
        "keypoints": np.float32,
        "visibility": bool,
        "sigma_index": np.int32,
    }


def test_every_window_that_shows_a_frame_sees_the_same_detection() -> None:
    noise = DetectorNoise(seed=3, dropout=0.2, swap=0.2)
    keypoints, visibility = clip(30)
    whole = noise.simulate(keypoints, visibility, np.array([5], np.uint32), np.arange(30)[None], SIZE, 2)
    for length, step in ((5, 1), (9, 2), (1, 1)):
        starts = np.random.default_rng(length).permutation(30 - length * step)[:7]
        frames = starts[:, None] + step * np.arange(length)
        # A batch mixed with other clips.
        keys = np.array([5, 6] * len(starts), np.uint32)
        both = np.repeat(frames, 2, axis=0)
        windows = noise.simulate(keypoints[0, both], visibility[0, both], keys, both, SIZE, 2)
        for name, values in windows.items():
            np.testing.assert_array_equal(values[::2], whole[name][0, frames])
        assert (windows["keypoints"][1::2] != whole["keypoints"][0, frames]).any()


@pytest.mark.parametrize("changed", [{"seed": 1}, {"seed": 2**32}, {"seed": -1}, {"seed": 2**64 - 1 - 2**33}])
def test_another_seed_is_another_draw(changed: dict[str, int]) -> None:
    ours, others = simulate(DetectorNoise()), simulate(DetectorNoise(**changed))  # type: ignore[arg-type]
    assert np.mean(np.any(ours["keypoints"] != others["keypoints"], axis=-1)) > 0.9
    assert np.mean(ours["sigma_index"] != others["sigma_index"]) > 0.6


def test_fresh_noise_differs_by_epoch_and_fixed_noise_does_not() -> None:
    fresh, fixed = DetectorNoise(dropout=0.3), DetectorNoise(dropout=0.3, fresh=False)
    first, second = simulate(fresh, epoch=0), simulate(fresh, epoch=1)
    for name in first:
        assert (first[name] != second[name]).any()
        np.testing.assert_array_equal(simulate(fixed, epoch=1)[name], first[name])


def test_constant_shift_is_one_for_the_whole_clip() -> None:
    noise = DetectorNoise(constant_shift=True)
    shifts = noise.shifts(np.array([1, 2], np.uint32), np.broadcast_to(np.arange(50), (2, 50)), K)
    assert (shifts == shifts[:, :1]).all()
    assert len(np.unique(shifts[:, 0])) == 2 * K * 2
    detected = simulate(noise)
    assert (detected["keypoints"] == detected["keypoints"][:, :1]).all()  # the person is still
    assert len(np.unique(detected["sigma_index"])) == 5  # the smear is drawn per frame all the same


def test_constant_shift_may_be_for_some_windows_only() -> None:
    keys, numbers = np.array([1, 2], np.uint32), np.broadcast_to(np.arange(50), (2, 50))
    noises = [DetectorNoise(constant_shift=True), DetectorNoise()]
    constant, usual = (noise.shifts(keys, numbers, K) for noise in noises)
    some = noises[0].shifts(keys, numbers, K, constant=np.array([True, False]))
    np.testing.assert_array_equal(some, [constant[0], usual[1]])


def test_sigmas_are_equally_likely_or_the_first() -> None:
    index = simulate(DetectorNoise(), frames=5000)["sigma_index"]
    assert stats.chisquare(np.bincount(index.ravel(), minlength=5)).pvalue > 1e-3
    assert index.max() == 4
    assert not simulate(DetectorNoise(random_sigma=False))["sigma_index"].any()
    assert not simulate(DetectorNoise(num_sigmas=1))["sigma_index"].any()


def test_dropout_loses_detections_only() -> None:
    dropped, kept = simulate(DetectorNoise(dropout=0.25), 2000), simulate(DetectorNoise(), 2000)
    lost = ~dropped["visibility"]
    assert lost.mean() == pytest.approx(0.25, abs=5 * np.sqrt(0.25 * 0.75 / lost.size))
    assert not dropped["keypoints"][lost].any()
    np.testing.assert_array_equal(dropped["keypoints"][~lost], kept["keypoints"][~lost])
    assert not simulate(DetectorNoise(dropout=1))["visibility"].any()


def test_swap_exchanges_pairs_that_are_visible_on_both_sides() -> None:
    keypoints, visibility = clip(2000)
    right = BOULDERING_25.pairs[2][1]
    visibility[:, 1000:, right] = False
    keys, numbers = np.array([1], np.uint32), np.arange(2000)[None]
    still = DetectorNoise(shifting_scalar=0)
    true = still.simulate(keypoints, visibility, keys, numbers, SIZE)["keypoints"]
    swapping = dataclasses.replace(still, swap=0.3)
    detected = swapping.simulate(keypoints, visibility, keys, numbers, SIZE)
    np.testing.assert_array_equal(detected["visibility"], visibility)
    swapped = np.stack([np.any(detected["keypoints"] != true, axis=-1)[0, :, pair] for pair in BOULDERING_25.pairs])
    np.testing.assert_array_equal(swapped[:, 0], swapped[:, 1])
    for one, other in BOULDERING_25.pairs:
        moved = np.any(detected["keypoints"][0, :, one] != true[0, :, one], axis=-1)
        np.testing.assert_array_equal(detected["keypoints"][0, moved, one], true[0, moved, other])
    assert not swapped[2, :, 1000:].any()
    rates = np.delete(swapped[:, 0], 2, axis=0).mean(axis=-1)
    np.testing.assert_allclose(rates, 0.3, atol=5 * np.sqrt(0.21 / 2000))
    np.testing.assert_array_equal(detected["keypoints"][..., 0, :], true[..., 0, :])  # the nose has no other side


def test_clip_keys_are_crc_32() -> None:
    assert clip_key("123456789") == 0xCBF43926  # the check value of the CRC catalogue
    assert clip_key("penn_action/0001") != clip_key("penn_action/0002")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dropout": 1.1}, "dropout=1.1"),
        ({"swap": -0.1}, "swap=-0.1"),
        ({"dropout": float("nan")}, "dropout=nan"),
        ({"shifting_scalar": float("inf")}, "shifting_scalar=inf"),
        ({"num_sigmas": 0}, "num_sigmas=0"),
        ({"seed": 2**64}, f"seed={2**64}"),
    ],
)
def test_misuse_is_named(changed: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"Received: {message}"):
        DetectorNoise(**changed)  # type: ignore[arg-type]


def test_pairs_must_be_there() -> None:
    with pytest.raises(ValueError, match="below K = 3"):
        DetectorNoise(swap=0.5).simulate(
            np.zeros((1, 1, 3, 2)), np.ones((1, 1, 3), bool), np.zeros(1, np.uint32), np.zeros((1, 1), int), SIZE
        )


def check_that_keras_draws_the_same(run: Callable[[Callable, tuple], list]) -> None:
    """`run` applies a function to a tuple of arrays as tensors, in one way or another."""
    from keras import ops

    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-1, 57, (6, 5, K, 2)).astype(np.float32)
    visibility = rng.random((6, 5, K)) < 0.9
    keys = rng.integers(0, 2**32, 6, dtype=np.uint32)
    numbers = rng.integers(0, 10**6, (6, 5)).astype(np.int32)
    words = rng.integers(0, 2**32, (4, 1000), dtype=np.uint32)
    noise = DetectorNoise(seed=2**40 + 7, dropout=0.1, swap=0.1)

    def draw(keypoints: Any, visibility: Any, keys: Any, numbers: Any, epoch: Any, words: Any, xp: Any = ops) -> list:
        detected = noise.simulate(keypoints, visibility, keys, numbers, SIZE, epoch, xp=xp)
        random = keyed_random.random_words(*(words[i] for i in range(4)), xp=xp)
        shifts = noise.shifts(keys, numbers, K, epoch, xp=xp)
        return [*detected.values(), shifts, *random, keyed_random.uniform(random[0], xp=xp)]

    arguments = (keypoints, visibility, keys, numbers, np.uint32(3), words)
    for ours, expected in zip(run(draw, arguments), draw(*arguments, xp=np), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(ours), expected)


@pytest.mark.parametrize("way", ["eager", "function", "jit", "data"])
def test_keras_draws_the_very_same_numbers(way: str) -> None:
    import tensorflow as tf

    wrap: dict[str, Callable] = {
        "eager": lambda function: function,
        "function": tf.function,
        "jit": lambda function: tf.function(function, jit_compile=True),
        "data": lambda function: lambda *args: next(iter(tf.data.Dataset.from_tensors(args).map(function))),
    }
    check_that_keras_draws_the_same(lambda draw, arguments: wrap[way](draw)(*map(tf.constant, arguments)))


def check_this_backend() -> None:
    from keras import ops

    check_that_keras_draws_the_same(lambda draw, arguments: draw(*map(ops.convert_to_tensor, arguments)))


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_draw_the_very_same_numbers(backend: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    code = "import test_noise; test_noise.check_this_backend()"
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, env=environment, check=True)
