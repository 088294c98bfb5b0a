"""Augmentation: cases computed by hand, its statistics, and its two forms (keypoints, heatmaps) against each other."""

from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from scipy import stats
from scipy.interpolate import interp1d
from scipy.spatial.distance import pdist

from kerasmooth import window_motion
from kerasmooth.augmentation import Augmentation
from kerasmooth.boxes import inside, to_image
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import clip_key
from kerasmooth.skeletons import BOULDERING_25

SIZE = (40, 52)
K = BOULDERING_25.num_keypoints


def make_batch(windows: int = 6, frames: int = 3, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    height, width = SIZE
    visibility = generator.uniform(size=(windows, frames, K)) < 0.9
    keypoints = generator.uniform(0, [width - 1, height - 1], (windows, frames, K, 2)).astype(np.float32)
    return {
        "keypoints": np.where(visibility[..., None], keypoints, np.float32(0)),
        "visibility": visibility,
        "clip_key": np.array([clip_key(f"penn_action/{i // 2:04d}") for i in range(windows)], np.uint32),
        "frame_numbers": (np.arange(frames) + 5 * np.arange(windows)[:, None]).astype(np.int32),
        "boxes": boxes_of_cells(generator.uniform(100, 900, (windows, frames, 2)), cell=7.0),
    }


def boxes_of_cells(low: np.ndarray, cell: float) -> np.ndarray:
    """Boxes [..., 4] with this low corner [..., 2] and square cells."""
    return np.concatenate([low, low + cell * np.array([SIZE[1], SIZE[0]])], axis=-1).astype(np.float32)


def one_motion(
    degrees: float = 0.0, move: tuple[float, float] = (0.0, 0.0), flipped: bool = False, factor: float = 1.0
) -> np.ndarray:
    moves, factors = np.array([move], np.float32), np.array([factor], np.float32)
    return window_motion.motion(np.array([degrees], np.float32), moves, np.array([flipped]), SIZE, factors=factors)


def moved_point(x: float, y: float, matrix: np.ndarray) -> list[float]:
    return window_motion.move_keypoints(np.array([[[[x, y]]]]), matrix)[0, 0, 0].tolist()


def test_motions_by_hand() -> None:
    """The middle of 40 rows and 52 columns is (25.5, 19.5); y runs down, so up is less."""
    assert moved_point(28.5, 19.5, one_motion(90)) == pytest.approx([25.5, 16.5], abs=1e-5)
    assert moved_point(25.5, 19.5, one_motion(33)) == pytest.approx([25.5, 19.5], abs=1e-5)
    assert moved_point(29.5, 19.5, one_motion(45)) == pytest.approx([25.5 + 8**0.5, 19.5 - 8**0.5], abs=1e-5)
    assert moved_point(1, 2, one_motion(move=(0.5, -1.25))) == pytest.approx([1.5, 0.75])
    assert moved_point(0, 7, one_motion(flipped=True)) == pytest.approx([51, 7])
    assert moved_point(28.5, 19.5, one_motion(90, factor=2)) == pytest.approx([25.5, 13.5], abs=1e-5)
    assert moved_point(0.5, 9.5, one_motion(move=(1, 0), factor=0.5)) == pytest.approx([14, 14.5])
    # Mirrored first: right of the middle becomes left of it, which a quarter turn puts below.
    assert moved_point(28.5, 19.5, one_motion(90, (1, 0), True)) == pytest.approx([26.5, 22.5], abs=1e-5)


def test_disabled_it_returns_the_batch_itself() -> None:
    batch = make_batch()
    assert Augmentation().apply(batch, SIZE, 0) is batch


def test_what_is_not_moved_passes_through_and_the_input_is_left_alone() -> None:
    batch = make_batch()
    copies = {name: value.copy() for name, value in batch.items()}
    moved = Augmentation(45, 3, flip=True).apply(batch, SIZE, 0)
    assert set(moved) == set(batch)
    assert moved["clip_key"] is batch["clip_key"]
    assert moved["frame_numbers"] is batch["frame_numbers"]
    for name, value in batch.items():
        np.testing.assert_array_equal(value, copies[name])


def test_a_window_moves_as_one_rigid_body() -> None:
    batch = make_batch()
    batch["visibility"][:] = True
    matrix, _ = Augmentation(45, 3).draw(batch["clip_key"], batch["frame_numbers"], SIZE, 0)
    points = batch["keypoints"].reshape(6, -1, 2)
    moved = window_motion.move_keypoints(batch["keypoints"], matrix).reshape(6, -1, 2)

    def distances(positions: np.ndarray) -> np.ndarray:
        return np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)

    np.testing.assert_allclose(distances(moved), distances(points), atol=1e-4)
    turned = np.degrees(np.arctan2(matrix[:, 0, 1], matrix[:, 0, 0]))
    assert len(np.unique(turned.round(3))) == 6
    assert np.abs(turned).max() <= 45


def test_in_the_image_too_a_window_moves_as_one_rigid_body() -> None:
    """Boxes move as what they show: between all frames' keypoints lie the distances of before, times a factor."""
    batch, augment = make_batch(frames=5), Augmentation(45, scale=0.2, flip=True, pairs=())
    moved = augment.apply(batch, SIZE, 0)
    matrix, flipped = augment.draw(batch["clip_key"], batch["frame_numbers"], SIZE, 0)
    assert 0 < flipped.sum() < 6
    before, after = (to_image(of["keypoints"], of["boxes"], SIZE) for of in (batch, moved))
    for i, factor in enumerate(np.sqrt(np.abs(np.linalg.det(matrix[:, :, :2])))):
        shown = moved["visibility"][i]
        assert shown.any(axis=1).all()
        apart = [pdist(positions[i][shown]) for positions in (before, after)]
        np.testing.assert_allclose(apart[1], factor * apart[0], rtol=1e-4)


def test_boxes_run_backwards_and_slower_with_their_keypoints() -> None:
    batch = make_batch(windows=12, frames=5)
    draw = batch["clip_key"], batch["frame_numbers"], 0
    backwards, speed = Augmentation(reverse=True, slowdown=0.5).draw_timing(*draw)
    turned = Augmentation(reverse=True).apply(batch, SIZE, 0)["boxes"]
    np.testing.assert_array_equal(turned[backwards], batch["boxes"][backwards, ::-1])
    np.testing.assert_array_equal(turned[~backwards], batch["boxes"][~backwards])
    slowed = Augmentation(slowdown=0.5).apply(batch, SIZE, 0)["boxes"]
    for i in range(12):
        times = 2 + (np.arange(5) - 2) * speed[i]
        expected = interp1d(np.arange(5), batch["boxes"][i], axis=0)(times)
        np.testing.assert_allclose(slowed[i], expected, rtol=1e-5)


def test_keypoints_that_leave_the_grid_become_invisible() -> None:
    batch = make_batch(windows=40)
    moved = Augmentation(45, 10, flip=True).apply(batch, SIZE, 3)
    shown = moved["visibility"]
    assert inside(moved["keypoints"][shown], SIZE).all()
    assert (moved["keypoints"][~shown] == 0).all()
    assert 0.5 * batch["visibility"].sum() < shown.sum() < batch["visibility"].sum()
    # Those that are gone were invisible before, or outside by the same map without the rule.
    matrix, flipped = Augmentation(45, 10, flip=True).draw(batch["clip_key"], batch["frame_numbers"], SIZE, 3)
    everywhere = window_motion.move_keypoints(batch["keypoints"], matrix)
    stays = batch["visibility"] & inside(everywhere, SIZE)
    assert stays[~flipped].sum() == shown[~flipped].sum()
    np.testing.assert_array_equal(stays[~flipped], shown[~flipped])
    assert stays[flipped].sum() == shown[flipped].sum()


def test_flip_exchanges_left_and_right() -> None:
    batch = make_batch(windows=60)
    wrist = BOULDERING_25.index("left_wrist")
    batch["visibility"][:, :, wrist], batch["keypoints"][:, :, wrist] = False, 0
    moved = Augmentation(flip=True).apply(batch, SIZE, 0)
    _, flipped = Augmentation(flip=True).draw(batch["clip_key"], batch["frame_numbers"], SIZE, 0)
    assert 15 < flipped.sum() < 45
    left, right = BOULDERING_25.index("left_knee"), BOULDERING_25.index("right_knee")
    shown = batch["visibility"][flipped][:, :, left]
    expected = [51, 0] + [-1, 1] * batch["keypoints"][flipped][:, :, left]
    np.testing.assert_allclose(moved["keypoints"][flipped][:, :, right][shown], expected[shown], atol=1e-5)
    assert not moved["visibility"][flipped][:, :, BOULDERING_25.index("right_wrist")].any()
    assert moved["visibility"][flipped][:, :, wrist].any()
    np.testing.assert_array_equal(moved["keypoints"][~flipped], batch["keypoints"][~flipped])


def test_draws_are_keyed() -> None:
    batch = make_batch(windows=8)
    clips, frames = batch["clip_key"], batch["frame_numbers"]

    def draw(seed: int = 1, epoch: int = 2, order: slice = slice(None)) -> np.ndarray:
        return Augmentation(45, 3, True, seed=seed).draw(clips[order], frames[order], SIZE, epoch)[0]

    np.testing.assert_array_equal(draw(), draw())
    np.testing.assert_array_equal(draw(order=slice(None, None, -1)), draw()[::-1])
    for other in (draw(seed=2), draw(seed=1 + 2**32), draw(seed=-1), draw(epoch=3), draw()[[1, 0, 3, 2, 5, 4, 7, 6]]):
        assert (np.abs(other - draw()).max(axis=(1, 2)) > 1e-3).all()


def test_draws_are_uniform_and_independent() -> None:
    count = 20_000
    clips = np.arange(count, dtype=np.uint32)
    matrix, flipped = Augmentation(45, 3, True, seed=5).draw(clips, np.zeros((count, 2), np.int32), SIZE, 0)
    angle = np.arctan2(matrix[:, 0, 1], matrix[:, 1, 1]) / (np.pi / 4)
    middle = np.stack([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2])
    moves = (matrix[:, :, :2] @ middle + matrix[:, :, 2] - middle) / 3
    draws = np.column_stack([angle, moves])
    for column in draws.T:
        assert np.abs(column).max() <= 1 + 1e-5
        assert stats.kstest(column, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert abs(flipped.mean() - 0.5) < 4 * 0.5 / count**0.5
    correlation = np.corrcoef(np.column_stack([draws, flipped]).T)
    assert np.abs(correlation - np.eye(4)).max() < 4 / count**0.5


@pytest.mark.parametrize(("flipped", "factor"), [(False, 1.0), (True, 1.25), (False, 0.8)])
@pytest.mark.parametrize("degrees", [-45.0, 20.0])
def test_moved_heatmaps_show_the_moved_keypoints(degrees: float, flipped: bool, factor: float) -> None:
    """decode(move(render(keypoints))) is move(keypoints), to what linear interpolation does to a Gaussian."""
    codec = HeatmapCodec(SIZE, (2.0,))
    keypoints = np.random.default_rng(3).uniform([18, 12], [33, 27], (1, 4, 9, 2)).astype(np.float32)
    heatmaps = codec.encode(keypoints, np.ones((1, 4, 9), bool), 0, sub_pixel=True)
    matrix = one_motion(degrees, (1.3, -2.6), flipped, factor)
    moved = window_motion.move_heatmaps(heatmaps, matrix)
    decoded, confidence = codec.decode(moved, method="dark")
    np.testing.assert_allclose(decoded, window_motion.move_keypoints(keypoints, matrix), atol=0.08)
    assert (confidence > 0.8 * heatmaps.max() / factor**2).all()
    np.testing.assert_allclose(moved.sum(axis=(2, 3)), heatmaps.sum(axis=(2, 3)), rtol=0.02)


def test_real_detections_move_and_swap_with_their_keypoints() -> None:
    batch = make_batch(windows=12)
    height, width = SIZE
    limits = [width - 15, height - 15]
    batch["keypoints"] = np.random.default_rng(1).uniform(15, limits, (12, 3, K, 2)).astype(np.float32)
    codec = HeatmapCodec(SIZE, (2.0,))
    batch["heatmaps"] = codec.encode(batch["keypoints"], batch["visibility"], 0, sub_pixel=True)
    moved = Augmentation(45, 2, flip=True).apply(batch, SIZE, 0)
    decoded, confidence = codec.decode(moved["heatmaps"], method="dark")
    np.testing.assert_array_equal(confidence > 0, moved["visibility"])
    shown = moved["visibility"]
    np.testing.assert_allclose(decoded[shown], moved["keypoints"][shown], atol=0.08)


def test_windows_run_backwards_and_slower_by_hand() -> None:
    x = np.array([0, 8, 12, 14, 30], np.float32)
    batch = make_batch(windows=40, frames=5) | {"visibility": np.ones((40, 5, K), bool)}
    batch["keypoints"] = np.stack([np.broadcast_to(x[:, None], (40, 5, K)), np.full((40, 5, K), 7, np.float32)], -1)
    batch["visibility"][:, 4, 1] = False
    draw = batch["clip_key"], batch["frame_numbers"], 3
    backwards, speed = Augmentation(reverse=True, slowdown=0.5).draw_timing(*draw)
    assert 10 < backwards.sum() < 30
    assert speed.min() >= 0.5
    assert np.ptp(speed) > 0.4
    turned = Augmentation(reverse=True).apply(batch, SIZE, 3)
    for i in range(40):
        np.testing.assert_array_equal(turned["keypoints"][i, :, 0, 0], x[::-1] if backwards[i] else x)
        assert turned["visibility"][i, :, 1].tolist() == [not backwards[i], True, True, True, backwards[i]]
    slowed = Augmentation(slowdown=0.5).apply(batch, SIZE, 3)
    for i in range(40):
        expected = np.interp(2 + (np.arange(5) - 2) * speed[i], np.arange(5), x)
        np.testing.assert_allclose(slowed["keypoints"][i, :, 0, 0], expected, atol=1e-5)
        # Between the last two frames nothing is known where the last one shows nothing.
        shown = slowed["visibility"][i, :, 1]
        assert shown.tolist() == [True, True, True, True, bool(2 * speed[i] <= 1)]
    assert (slowed["keypoints"][..., 1][slowed["visibility"]] == 7).all()
    with pytest.raises(ValueError, match="heatmaps cannot run slower"):
        Augmentation(slowdown=0.5).apply(batch | {"heatmaps": np.zeros((40, 5, *SIZE, K))}, SIZE, 3)


def test_heatmaps_run_backwards_with_their_keypoints() -> None:
    batch = make_batch(windows=12)
    batch["heatmaps"] = HeatmapCodec(SIZE, (2.0,)).encode(batch["keypoints"], batch["visibility"], 0)
    turned = Augmentation(reverse=True).apply(batch, SIZE, 0)
    backwards, _ = Augmentation(reverse=True).draw_timing(batch["clip_key"], batch["frame_numbers"], 0)
    assert 0 < backwards.sum() < 12
    np.testing.assert_array_equal(turned["heatmaps"][backwards], batch["heatmaps"][backwards, ::-1])
    np.testing.assert_array_equal(turned["heatmaps"][~backwards], batch["heatmaps"][~backwards])


def test_detections_are_withheld_one_by_one() -> None:
    batch, augment = make_batch(windows=50), Augmentation(dropout=0.3)
    inputs = {"keypoints": batch["keypoints"] + 1, "visibility": np.ones(batch["visibility"].shape, np.float32)}
    assert Augmentation().withhold(inputs, batch, 0) is inputs
    left = augment.withhold(inputs, batch, 0)
    given = left["visibility"] == 1
    assert given.mean() == pytest.approx(0.7, abs=4 * (0.21 / given.size) ** 0.5)
    np.testing.assert_array_equal(left["keypoints"], inputs["keypoints"] * given[..., None])
    heatmaps = augment.withhold({"heatmaps": np.ones((50, 3, 2, 2, K), np.float32)}, batch, 0)["heatmaps"]
    np.testing.assert_array_equal(heatmaps, np.broadcast_to(given[:, :, None, None], heatmaps.shape))
    assert (augment.withhold(inputs, batch, 1)["visibility"] != left["visibility"]).any()


def test_heatmaps_flow_in_as_zeros() -> None:
    heatmaps = np.ones((1, 1, *SIZE, 1), np.float32)
    moved = window_motion.move_heatmaps(heatmaps, one_motion(move=(3, -2)))[0, 0, ..., 0]
    assert (moved[:-2, 3:] == 1).all()
    assert moved.sum() == (SIZE[0] - 2) * (SIZE[1] - 3)


@pytest.mark.parametrize("kind", ["eager", "graph", "xla"])
def test_keras_agrees_with_numpy(kind: str) -> None:
    batch = make_batch() | {"heatmaps": np.random.default_rng(2).uniform(size=(6, 3, *SIZE, K)).astype(np.float32)}
    augment = Augmentation(45, 3, flip=True, seed=9, scale=0.2, reverse=True, dropout=0.3)
    slowed = Augmentation(slowdown=0.4)

    def changed(tensors: dict[str, Any], epoch: Any, xp: ModuleType) -> dict[str, Any]:
        """With heatmaps, and withheld; and slowed, without."""
        moved = augment.apply(tensors, SIZE, epoch, xp)
        plain = {name: value for name, value in tensors.items() if name != "heatmaps"}
        withheld = augment.withhold({"heatmaps": moved["heatmaps"]}, moved, epoch, xp)
        slow = slowed.apply(plain, SIZE, epoch, xp)
        return moved | withheld | {"slowed": slow["keypoints"]}

    def apply(tensors: dict[str, tf.Tensor], epoch: tf.Tensor) -> dict[str, tf.Tensor]:
        return changed(tensors, epoch, ops)

    tensors = {name: tf.constant(value) for name, value in batch.items()}
    if kind != "eager":
        # XLA wants whole shapes; the graph is made for any number of windows.
        lead = None if kind == "graph" else 6
        specs = {name: tf.TensorSpec([lead, *value.shape[1:]], value.dtype) for name, value in batch.items()}
        signature = [specs, tf.TensorSpec([], tf.uint32)]
        apply = tf.function(apply, input_signature=signature, jit_compile=kind == "xla")
    result = apply(tensors, tf.constant(4, tf.uint32))
    expected = changed(batch, 4, np)
    # Sine and cosine may differ in the last bit, times the farthest source; interpolated values rise by up to 2 a cell.
    for name, tolerance in (("keypoints", 3e-5), ("heatmaps", 1e-4), ("slowed", 3e-5)):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(result[name]), expected[name], rtol=0, atol=tolerance)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(result["visibility"]), expected["visibility"])


@pytest.mark.parametrize(
    "settings",
    [
        {"rotation": -1.0},
        {"rotation": 181.0},
        {"rotation": float("nan")},
        {"translation": -0.5},
        {"translation": float("inf")},
        {"scale": -0.1},
        {"slowdown": 1.5},
        {"dropout": -1},
        {"seed": 2**64},
    ],
)
def test_bad_settings_are_named(settings: dict[str, float]) -> None:
    (name, value), *_ = settings.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        Augmentation(**settings)


def test_unknown_interpolation_and_pairs_are_named() -> None:
    with pytest.raises(ValueError, match="interpolation='cubic'"):
        window_motion.move_heatmaps(np.zeros((1, 1, *SIZE, 1), np.float32), one_motion(), "cubic")
    with pytest.raises(ValueError, match=r"below K = 3\. Received: pairs=\(\(0, 7\),\)"):
        window_motion.exchange_sides(np.zeros((1, 3)), np.array([True]), ((0, 7),), -1)
