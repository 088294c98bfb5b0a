"""Ours against tensorflow-addons 0.23.0, whose values `tools/addons_golden.py` wrote.

In float32 a result of n roundings of numbers up to `largest` is off by at most n * EPSILON * largest: every tolerance
here is of that form, with n counted generously.
"""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from kerasmooth import window_motion
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.training.moving_average import MovingAverage

EPSILON = 2.0**-24
BACKENDS = pytest.mark.parametrize("xp", [np, ops], ids=["numpy", "keras"])


@pytest.fixture(scope="module")
def addons(repository: Path) -> dict[str, np.ndarray]:
    path = repository / "tests" / "testdata" / "addons_golden.npz"
    assert path.stat().st_size < 200_000
    with np.load(path) as archive:
        return dict(archive)


def test_the_tool_refuses_another_environment_in_one_line(repository: Path, tmp_path: Path) -> None:
    tool, output = repository / "tools" / "addons_golden.py", tmp_path / "golden.npz"
    result = subprocess.run([sys.executable, tool, f"--output={output}"], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "tensorflow-addons 0.23.0" in result.stderr
    assert not output.exists()


@BACKENDS
def test_published_heatmaps_are_the_filter_of_addons_under_nearest_padding(addons, xp):
    sigmas, positions = addons["gaussian_sigmas"], addons["gaussian_positions_xy"]
    codec = HeatmapCodec(tuple(addons["gaussian_size"]), tuple(sigmas), scale=255.0)
    expected = np.moveaxis(addons["gaussian_nearest"], 1, -1)
    for index in range(len(sigmas)):
        visibility = np.ones(len(positions), bool)
        heatmap = np.asarray(codec.encode(positions.astype(np.float32), visibility, index, xp=xp))
        # Three roundings: of each of the two profiles and of their product; one more in the golden value.
        np.testing.assert_allclose(heatmap, 255 * expected[index], rtol=4 * EPSILON, atol=255 * EPSILON**2)


def test_padding_matters_only_for_a_keypoint_on_the_border(addons):
    """A one-hot away from the border is zero along it, and extending zeros by the nearest value adds nothing."""
    height, width = addons["gaussian_size"]
    x, y = addons["gaussian_positions_xy"].T
    on_border = (x == 0) | (y == 0) | (x == width - 1) | (y == height - 1)
    assert on_border.any()
    assert not on_border.all()
    difference = np.abs(addons["gaussian_nearest"] - addons["gaussian_constant"]).max(axis=(0, 2, 3))
    np.testing.assert_array_less(0.05, difference[on_border])
    np.testing.assert_array_less(difference[~on_border], EPSILON)


def motion(addons: dict[str, np.ndarray], kind: str, xp) -> np.ndarray:
    count = len(addons["transform_windows"])
    degrees = addons["transform_degrees"] if kind == "rotated" else np.zeros(count, np.float32)
    moves = addons["transform_moves_xy"] if kind == "moved" else np.zeros((count, 2), np.float32)
    return window_motion.motion(degrees, moves, np.zeros(count, bool), addons["transform_windows"].shape[2:4], xp)


@BACKENDS
@pytest.mark.parametrize("kind", ["rotated", "moved"])
def test_bilinear_motion_of_heatmap_windows(addons, kind, xp):
    windows = addons["transform_windows"]
    moved = window_motion.move_heatmaps(windows, motion(addons, kind, xp), "bilinear", xp)
    # Each side computes a source coordinate (up to the diagonal of the grid or the farthest move) in at most eight
    # roundings; the interpolated surface of values in [0, 1] rises by at most 1 a cell along each of two axes.
    largest = np.hypot(*windows.shape[2:4]) + np.abs(addons["transform_moves_xy"]).max()
    np.testing.assert_allclose(
        np.asarray(moved), addons[f"{kind}_bilinear"], rtol=0, atol=2 * 8 * 2 * EPSILON * largest
    )


@pytest.mark.parametrize("kind", ["rotated", "moved"])
def test_nearest_motion_of_heatmap_windows(addons, kind):
    windows = addons["transform_windows"]
    matrix = motion(addons, kind, np)
    moved = window_motion.move_heatmaps(windows, matrix, "nearest")
    sources = np.stack(window_motion._sources(matrix, windows.shape[2:4]))
    # Half-way between two cells either is right.
    clear = (
        (np.abs(sources - np.floor(sources) - 0.5) > 1e-4).all(axis=0).reshape(len(windows), 1, *windows.shape[2:4], 1)
    )
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(np.where(clear, moved, 0), np.where(clear, addons[f"{kind}_nearest"], 0))


def test_keypoints_move_as_addons_moves_what_they_mark(addons):
    """Multiples of 90 degrees and whole cells move a cell onto a cell."""
    windows = addons["transform_windows"]
    for kind, window in (("rotated", 4), ("moved", 0), ("moved", 1)):
        rows, columns = np.indices(windows.shape[2:4]).reshape(2, -1)
        points = np.stack([columns, rows], axis=-1)[None, None].astype(np.float32)
        target = window_motion.move_keypoints(points, motion(addons, kind, np)[window : window + 1])[0, 0]
        np.testing.assert_allclose(target, np.rint(target), atol=1e-5)
        x, y = np.rint(target).astype(int).T
        inside = (x >= 0) & (x < windows.shape[3]) & (y >= 0) & (y < windows.shape[2])
        before = windows[window, 0, rows[inside], columns[inside]]
        after = addons[f"{kind}_bilinear"][window, 0, y[inside], x[inside]]
        np.testing.assert_allclose(after, before, atol=1e-5)
        assert inside.mean() > 0.7


def keras_weights(addons: dict[str, np.ndarray], optimizer: keras.optimizers.Optimizer) -> np.ndarray:
    weights = keras.Variable(addons["optimizer_start"])
    optimizer.build([weights])
    seen = []
    for gradient in addons["optimizer_gradients"]:
        optimizer.apply([ops.convert_to_tensor(gradient)])
        seen.append(np.array(ops.convert_to_numpy(weights)))
    return np.stack(seen)


def test_adamw_of_keras_takes_the_steps_of_addons_when_its_decay_is_divided_by_the_learning_rate(addons):
    """Both shrink the weights before the Adam step: addons by its decay, Keras by its decay times the learning rate."""
    rate, decay = float(addons["adamw_learning_rate"]), float(addons["adamw_weight_decay"])
    expected = addons["adamw_weights"]
    tolerance = len(expected) * 6 * EPSILON * np.abs(expected).max()
    same = keras_weights(addons, keras.optimizers.AdamW(rate, weight_decay=decay / rate, epsilon=1e-7))
    np.testing.assert_allclose(same, expected, rtol=0, atol=tolerance)
    literal = keras_weights(addons, keras.optimizers.AdamW(rate, weight_decay=decay, epsilon=1e-7))
    assert np.abs(literal - expected).max() > 1000 * tolerance


def averages(addons: dict[str, np.ndarray], decay: float) -> np.ndarray:
    weights = keras.Variable(addons["optimizer_start"])
    average = MovingAverage([weights], decay)
    seen = []
    for value in addons["average_weights"]:
        weights.assign(value)
        average.update()
        seen.append(np.array(ops.convert_to_numpy(average.variables[1])))
    return np.stack(seen)


def test_moving_average_of_weights(addons):
    decay, start, expected = float(addons["average_decay"]), addons["optimizer_start"], addons["average_moving"]
    tolerance = len(expected) * 4 * EPSILON * np.abs(addons["average_weights"]).max()
    # Addons start at the initial weights, which count decay^n; ours takes these out and scales the rest to a whole.
    left = decay ** np.arange(1, len(expected) + 1)[:, None]
    corrected = (expected.astype(np.float64) - left * start) / (1 - left)
    np.testing.assert_allclose(averages(addons, decay), corrected, rtol=0, atol=10 * tolerance)


def test_decay_of_one_is_stochastic_weight_averaging(addons):
    expected = addons["average_swa"]
    tolerance = len(expected) * 4 * EPSILON * np.abs(addons["average_weights"]).max()
    np.testing.assert_allclose(averages(addons, 1.0), expected, rtol=0, atol=tolerance)


def test_gradient_descent_of_keras_gives_the_weights_that_were_averaged(addons):
    expected = addons["average_weights"]
    weights = keras_weights(addons, keras.optimizers.SGD(float(addons["average_learning_rate"])))
    np.testing.assert_allclose(weights, expected, rtol=0, atol=len(expected) * 2 * EPSILON * np.abs(expected).max())
