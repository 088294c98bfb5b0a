import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from kerasmooth.heatmap_codec import HeatmapCodec

SIZE = (11, 17)
CODEC = HeatmapCodec(size=SIZE)
METHODS = ("argmax", "dark", "udp")
WAYS = ("eager", "function", "jit", "data")


def published(x: int, y: int, sigma: float, size: tuple[int, int]) -> np.ndarray:
    """The definition, word for word: one-hot, scipy's Gaussian filter, times 255."""
    one_hot = np.zeros(size)
    one_hot[y, x] = 1
    return gaussian_filter(one_hot, sigma, truncate=4.0, mode="nearest") * 255


def all_cells(size: tuple[int, int]) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=-1).reshape(-1, 1, 2).astype(np.float32)


def run_in_keras(way: str, function: Callable, *arrays: np.ndarray) -> list[np.ndarray]:
    """Runs a function of tensors eagerly, as a graph, compiled by XLA, or inside tf.data."""
    import tensorflow as tf

    if way == "data":
        values = next(iter(tf.data.Dataset.from_tensors(arrays).map(function)))
    else:
        # No length is known in advance but those of the grid and of the keypoints.
        free = [tf.TensorSpec([None] * min(2, a.ndim) + list(a.shape[2:]), a.dtype) for a in arrays]
        wrapped = {
            "eager": function,
            "function": tf.function(function, input_signature=free),
            "jit": tf.function(function, jit_compile=True),
        }[way]
        values = wrapped(*[tf.constant(a) for a in arrays])
    return [value.numpy() for value in values]


def test_agrees_with_the_published_code(golden: dict[str, np.ndarray]) -> None:
    codec = HeatmapCodec()
    positions = golden["heatmap_positions_xy"].astype(np.float32)
    assert tuple(golden["heatmap_sigmas"]) == codec.sigmas
    for index in range(5):
        heatmaps = codec.encode(positions[:, None], np.ones((5, 1), bool), index)
        np.testing.assert_allclose(heatmaps[..., 0] / 255, golden["heatmaps"][:, index], atol=1e-7)


@pytest.mark.parametrize("index", range(5))
def test_agrees_with_scipy_at_every_cell(index: int) -> None:
    cells = all_cells(SIZE)
    heatmaps = CODEC.encode(cells, np.ones(cells.shape[:2], bool), index)
    assert heatmaps.shape == (len(cells), *SIZE, 1)
    assert heatmaps.dtype == np.float32
    assert heatmaps.flags.c_contiguous
    expected = [published(int(x), int(y), CODEC.sigmas[index], SIZE) for x, y in cells[:, 0]]
    np.testing.assert_allclose(heatmaps[..., 0], expected, atol=255e-6)


def test_rounds_half_to_even_and_keeps_frames_and_keypoints_apart() -> None:
    keypoints = np.array([[[2.5, 3.5], [4.49, 0]], [[16.4, 10.4], [-0.5, 3]]], np.float32)
    heatmaps = CODEC.encode(keypoints, np.ones((2, 2), bool), np.array([0, 3]))
    cells = [[(2, 4), (4, 0)], [(16, 10), (0, 3)]]
    for frame, sigma in enumerate((1.0, 2.5)):
        for k in range(2):
            np.testing.assert_allclose(heatmaps[frame, ..., k], published(*cells[frame][k], sigma, SIZE), atol=255e-6)


@pytest.mark.parametrize("sub_pixel", [False, True])
def test_what_is_missing_is_all_zeros_and_harms_no_other(sub_pixel: bool) -> None:
    outside = [(-0.51, 5), (16.51, 5), (5, -3), (5, 10.6), (np.nan, 5), (5, np.inf), (-np.inf, np.nan), (1e30, 2)]
    keypoints = np.array([*outside, (5, 5), (5, 5)], np.float32)[None]
    visibility = np.array([[*[True] * (len(outside) + 1), False]])
    heatmaps = CODEC.encode(keypoints, visibility, 1, sub_pixel=sub_pixel)
    assert np.all(heatmaps[..., : len(outside)] == 0)
    assert np.all(heatmaps[..., -1] == 0)
    np.testing.assert_allclose(heatmaps[0, ..., -2], published(5, 5, 1.5, SIZE), atol=0.05)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.0])
def test_the_sub_pixel_form_samples_a_gaussian_that_sums_to_the_scale(sigma: float) -> None:
    codec = HeatmapCodec(size=(50, 60), sigmas=(sigma,))
    x, y = 27.25, 22.875
    heatmap = codec.encode(np.array([[x, y]], np.float32), np.ones(1, bool), 0, sub_pixel=True)[..., 0]
    rows, columns = np.indices((50, 60))
    expected = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    np.testing.assert_allclose(heatmap, 255 * expected / expected.sum(), atol=255e-6)


def test_the_sub_pixel_form_loses_what_falls_outside() -> None:
    codec = HeatmapCodec(size=(40, 60))
    corner = codec.encode(np.array([[-0.5, -0.5]], np.float32), np.ones(1, bool), 0, sub_pixel=True)
    assert corner.sum() == pytest.approx(255 / 4, rel=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_keras_encodes_as_numpy_does(way: str) -> None:
    from keras import ops

    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-2, 19, (3, 4, 6, 2)).astype(np.float32)
    keypoints[0, 0, 0] = np.nan
    visibility, sigma_index = rng.random((3, 4, 6)) < 0.8, rng.integers(0, 5, (3, 4)).astype(np.int32)

    def encode(*arrays: object) -> list:
        return [CODEC.encode(*arrays, xp=ops, sub_pixel=sub_pixel) for sub_pixel in (False, True)]  # type: ignore

    heatmaps = run_in_keras(way, encode, keypoints, visibility, sigma_index)
    for sub_pixel, ours in zip((False, True), heatmaps, strict=True):
        assert ours.dtype == np.float32
        expected = CODEC.encode(keypoints, visibility, sigma_index, sub_pixel=sub_pixel)
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint8, np.int32])
def test_argmax_is_the_first_maximum_in_reading_order(dtype: type) -> None:
    rng = np.random.default_rng(1)
    heatmaps = rng.integers(-3, 2, (40, *SIZE, 5)) + (3 if dtype is np.uint8 else 0)
    heatmaps = heatmaps.astype(dtype)  # full of ties
    heatmaps[3, 4, 5] = heatmaps[3, 2, 11] = 9
    keypoints, confidence = CODEC.decode(heatmaps)
    first = heatmaps.reshape(40, -1, 5).argmax(axis=1)
    np.testing.assert_array_equal(keypoints, np.stack([first % SIZE[1], first // SIZE[1]], axis=-1))
    np.testing.assert_array_equal(confidence, np.maximum(heatmaps.max(axis=(1, 2)), 0))
    assert keypoints.dtype == confidence.dtype == np.float32


def test_near_equal_float64_maxima_are_told_apart_as_float32() -> None:
    heatmaps = np.zeros((1, *SIZE, 2))
    heatmaps[0, 3, 4] = heatmaps[0, 7, 2] = 0.1  # 0.1 is more as float32
    assert CODEC.decode(heatmaps)[0].tolist() == [[[4, 3], [4, 3]]]


@pytest.mark.parametrize("sub_pixel", [False, True])
def test_every_cell_survives_encoding_and_decoding(sub_pixel: bool) -> None:
    cells = all_cells(SIZE)
    for index in range(5):
        heatmaps = CODEC.encode(cells, np.ones(cells.shape[:2], bool), index, sub_pixel=sub_pixel)
        np.testing.assert_array_equal(CODEC.decode(heatmaps)[0], cells)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_refinement_finds_clean_sub_pixel_positions(sigma: float) -> None:
    codec = HeatmapCodec(size=(48, 56), sigmas=(sigma,))
    rng = np.random.default_rng(2)
    keypoints = rng.uniform((8, 8), (47, 39), (100, 25, 2)).astype(np.float32)
    heatmaps = codec.encode(keypoints, np.ones((100, 25), bool), 0, sub_pixel=True)
    errors = {}
    for method in METHODS:
        decoded, confidence = codec.decode(heatmaps, method)
        errors[method] = np.linalg.norm(decoded - keypoints, axis=-1)
        np.testing.assert_array_equal(confidence, heatmaps.max(axis=(1, 2)))
    assert errors["argmax"].mean() == pytest.approx(0.382, abs=0.01)
    assert errors["dark"].max() < 0.01
    assert errors["udp"].max() < 0.01


def refined_by_definition(heatmap: np.ndarray, method: str, sigma: float) -> np.ndarray:
    """DARK's and UDP's equations on the whole smoothed map, one keypoint at a time."""
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    log = np.log(gaussian_filter(np.maximum(heatmap, 0).astype(np.float64), sigma, truncate=4.0, mode="nearest"))
    gradient = np.array([log[y, x + 1] - log[y, x - 1], log[y + 1, x] - log[y - 1, x]]) / 2
    if method == "dark":
        xx = (log[y, x + 2] - 2 * log[y, x] + log[y, x - 2]) / 4
        yy = (log[y + 2, x] - 2 * log[y, x] + log[y - 2, x]) / 4
        xy = (log[y + 1, x + 1] - log[y + 1, x - 1] - log[y - 1, x + 1] + log[y - 1, x - 1]) / 4
    else:
        xx = log[y, x + 1] - 2 * log[y, x] + log[y, x - 1]
        yy = log[y + 1, x] - 2 * log[y, x] + log[y - 1, x]
        forward = log[y + 1, x + 1] - log[y + 1, x] - log[y, x + 1] + log[y, x]
        backward = log[y - 1, x - 1] - log[y - 1, x] - log[y, x - 1] + log[y, x]
        xy = (forward + backward) / 2
    return np.array([x, y]) - np.linalg.solve([[xx, xy], [xy, yy]], gradient)


@pytest.mark.parametrize("method", ["dark", "udp"])
def test_refinement_follows_its_papers_on_rough_heatmaps(method: str) -> None:
    codec = HeatmapCodec(size=(24, 32), sigmas=(1.0, 2.0))
    rng = np.random.default_rng(3)
    keypoints = rng.uniform((6, 6), (25, 17), (30, 4, 2)).astype(np.float32)
    heatmaps = codec.encode(keypoints, np.ones((30, 4), bool), 1, sub_pixel=True)
    # An elongated, tilted, noisy bump, partly negative, with a second person's bump beside it.
    heatmaps += np.roll(heatmaps, (1, 1), axis=(1, 2)) + 0.3 * np.roll(heatmaps, 9, axis=2)
    heatmaps += rng.normal(0, 0.5, heatmaps.shape).astype(np.float32)
    decoded, _ = codec.decode(heatmaps, method)
    cells, _ = codec.decode(heatmaps)
    for frame, k in np.ndindex(30, 4):
        expected = refined_by_definition(heatmaps[frame, ..., k], method, 1.0)
        expected = np.clip(expected, cells[frame, k] - 1, cells[frame, k] + 1)
        np.testing.assert_allclose(decoded[frame, k], expected, atol=2e-4)


def strange_heatmaps() -> np.ndarray:
    rng = np.random.default_rng(4)
    maps = rng.normal(0, 1, (20, *SIZE)).astype(np.float32)
    maps[0], maps[1], maps[2], maps[3] = 0, np.nan, 7, -np.inf
    maps[4] = -np.abs(maps[4])
    maps[5, 3, 4] = np.inf
    maps[6] = np.inf
    maps[7][rng.random(SIZE) < 0.5] = np.nan
    maps[8], maps[9], maps[10], maps[11] = 0, -1e30, 0, np.nan
    maps[8, 5, 8] = maps[9, 5, 8] = maps[10, 0, 16] = maps[11, 6, 7] = 2e-38
    maps[12, 4, 4] = maps[12, 4, 12] = 50  # equal peaks
    maps[13] = 3e38
    maps[14, :, 0] = 100  # a ridge along the border
    maps[15, 5] = 100  # a ridge inside
    return np.moveaxis(maps[None], 1, -1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("in_keras", [False, True])
def test_strange_heatmaps_give_finite_keypoints_near_the_maximum(method: str, in_keras: bool) -> None:
    heatmaps = strange_heatmaps()
    before = heatmaps.copy()
    if in_keras:
        from keras import ops

        decoded = [ops.convert_to_numpy(values) for values in CODEC.decode(heatmaps, method, xp=ops)]
    else:
        decoded = list(CODEC.decode(heatmaps, method))
    np.testing.assert_array_equal(heatmaps, before)
    keypoints, confidence = decoded
    assert np.isfinite(keypoints).all()
    assert not np.isnan(confidence).any()
    filled = np.where(np.isnan(heatmaps), -np.inf, heatmaps)[0].reshape(-1, 20)
    first = filled.argmax(axis=0)
    assert np.abs(keypoints[0] - np.stack([first % SIZE[1], first // SIZE[1]], axis=-1)).max() <= 1
    np.testing.assert_array_equal(confidence[0], np.maximum(filled.max(axis=0), 0))
    for nothing in (0, 1, 2, 3):
        assert keypoints[0, nothing].tolist() == [0, 0]
    assert confidence[0, [0, 1, 3, 4]].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", METHODS)
def test_keras_decodes_as_numpy_does(way: str, method: str) -> None:
    from keras import ops

    rng = np.random.default_rng(5)
    heatmaps = np.abs(rng.normal(0, 1, (2, 3, *SIZE, 6))).astype(np.float32)
    heatmaps += CODEC.encode(rng.uniform(0, 10, (2, 3, 6, 2)), np.ones((2, 3, 6), bool), 1, sub_pixel=True)
    heatmaps[0, 0, 2, 3, 0] = np.nan
    decoded = run_in_keras(way, lambda maps: CODEC.decode(maps, method, xp=ops), heatmaps)
    for ours, expected in zip(decoded, CODEC.decode(heatmaps, method), strict=True):
        assert ours.dtype == expected.dtype == np.float32
        np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_shapes_follow_the_input() -> None:
    keypoints, confidence = CODEC.decode(np.zeros((7, 9, 3), np.float32))
    assert keypoints.shape == (3, 2)
    assert confidence.shape == (3,)
    keypoints, confidence = CODEC.decode(np.zeros((0, 5, 7, 9, 3), np.float32), "dark")
    assert keypoints.shape == (0, 5, 3, 2)
    assert CODEC.decode(np.ones((2, 1, 1, 3), np.float32), "udp")[0].tolist() == [[[0, 0]] * 3] * 2


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match=r"method='soft'"):
        CODEC.decode(np.zeros((7, 9, 3)), "soft")
    with pytest.raises(ValueError, match=r"shape=\(7, 9\)"):
        CODEC.decode(np.zeros((7, 9)))
    with pytest.raises(ValueError, match=r"sigmas=\(1.0, 0.0\)"):
        HeatmapCodec(sigmas=(1.0, 0.0))
    with pytest.raises(ValueError, match=r"size=\(0, 4\)"):
        HeatmapCodec(size=(0, 4))
    with pytest.raises(ValueError, match=r"scale=-1"):
        HeatmapCodec(scale=-1)


def check_this_backend() -> None:
    from keras import ops

    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-2, 19, (2, 3, 5, 2)).astype(np.float32)
    visibility, sigma_index = rng.random((2, 3, 5)) < 0.8, rng.integers(0, 5, (2, 3))
    for sub_pixel in (False, True):
        heatmaps = CODEC.encode(keypoints, visibility, sigma_index, sub_pixel=sub_pixel)
        ours = CODEC.encode(keypoints, visibility, sigma_index, xp=ops, sub_pixel=sub_pixel)
        np.testing.assert_allclose(ops.convert_to_numpy(ours), heatmaps, atol=1e-5)
        for method in METHODS:
            decoded = CODEC.decode(ops.convert_to_tensor(heatmaps), method, xp=ops)
            for values, expected in zip(decoded, CODEC.decode(heatmaps, method), strict=True):
                np.testing.assert_allclose(ops.convert_to_numpy(values), expected, atol=1e-4)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_agree(backend: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    code = "import test_heatmap_codec; test_heatmap_codec.check_this_backend()"
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, env=environment, check=True)
