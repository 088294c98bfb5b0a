"""Writes golden values of tensorflow-addons, which the tests hold our own augmentation and optimisation against.

tensorflow-addons ended in May 2024 and its last release, 0.23.0, imports only beside TensorFlow <= 2.15, so it can be
no dependency of this package. Its numbers are still an independent truth, made once in an environment of their own
(Python 3.11, TensorFlow 2.15.1, about 2 GiB):

    python3.11 -m venv addons_env
    addons_env/bin/pip install tensorflow==2.15.1 tensorflow-addons==0.23.0 "numpy<2"
    addons_env/bin/pip install --no-deps -e .
    addons_env/bin/python tools/addons_golden.py

The result, tests/testdata/addons_golden.npz, holds inputs and outputs, so that a test needs nothing but the file. Run
twice, it has the same bytes. `tests/tools/test_addons_golden.py` says what each value is compared with.
"""

import importlib.metadata
import io
import os
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from kerasmooth.command_line import run
from kerasmooth.errors import InputError

_OUTPUT = flags.DEFINE_string("output", "tests/testdata/addons_golden.npz", "The file to write.")

VERSIONS = {"tensorflow": "2.15.1", "tensorflow-addons": "0.23.0"}
SIGMAS = (1.0, 1.5, 2.0, 2.5, 3.0)
SIZE = (22, 28)
"""(height, width) of the filtered heatmaps: wide enough for a middle that no border reaches at sigma 1."""
POSITIONS_XY = ((14, 11), (1, 1), (0, 7), (27, 21), (20, 0), (26, 3))
"""In the middle, one cell from a corner, on each border, in a corner."""


def check_environment() -> None:
    """Raises InputError where this is not the environment that the module's text describes."""
    found = {name: _version(name) for name in VERSIONS}
    if found != VERSIONS or sys.version_info[:2] != (3, 11):
        wanted = ", ".join(f"{name} {version}" for name, version in VERSIONS.items())
        have = ", ".join(f"{name} {version}" for name, version in found.items())
        raise InputError(
            f"tools/addons_golden.py runs only on Python 3.11 with {wanted}; this is Python {sys.version_info[0]}."
            f"{sys.version_info[1]} with {have}: make that environment as the top of the file says"
        )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def gaussian_values(tfa: Any) -> dict[str, np.ndarray]:
    """One-hot heatmaps [P, H, W, 1] filtered by every sigma, computed in float64, with two paddings [S, P, H, W].

    tfa normalises the same sampled Gaussian as scipy, but its user gives the kernel's width: 2 * int(4 sigma + 0.5) +
    1 is scipy's at truncate=4. It pads with a constant or by reflection and has no `nearest`; `gaussian_nearest` is
    its filter on an input that was extended by its edge values first.
    """
    height, width = SIZE
    one_hot = np.zeros((len(POSITIONS_XY), height, width, 1))
    for index, (x, y) in enumerate(POSITIONS_XY):
        one_hot[index, y, x] = 1.0
    constant, nearest = [], []
    for sigma in SIGMAS:
        radius = int(4 * sigma + 0.5)
        border = ((0, 0), (radius, radius), (radius, radius), (0, 0))
        settings = {"filter_shape": 2 * radius + 1, "sigma": sigma, "padding": "CONSTANT"}
        extended = tfa.image.gaussian_filter2d(np.pad(one_hot, border, mode="edge"), **settings).numpy()
        nearest.append(extended[:, radius : radius + height, radius : radius + width, 0])
        constant.append(tfa.image.gaussian_filter2d(one_hot, **settings).numpy()[..., 0])
    return {
        "gaussian_positions_xy": np.array(POSITIONS_XY, np.int32),
        "gaussian_sigmas": np.array(SIGMAS),
        "gaussian_size": np.array(SIZE, np.int32),
        "gaussian_constant": np.stack(constant).astype(np.float32),
        "gaussian_nearest": np.stack(nearest).astype(np.float32),
    }


def transform_values(tfa: Any) -> dict[str, np.ndarray]:
    """Windows of heatmaps [B, T, H, W, K], each rotated by one angle or moved by one (dx, dy) cells; zeros flow in."""
    generator = np.random.default_rng(20240)
    windows = generator.uniform(0.0, 1.0, (5, 2, 13, 17, 2)).astype(np.float32)
    degrees = np.array([-45.0, -10.0, 0.0, 30.0, 90.0], np.float32)
    moves = np.array([[3.0, 0.0], [0.0, -2.0], [-2.25, 1.25], [0.7, 0.3], [20.0, 0.0]], np.float32)
    frames = windows.reshape(-1, *windows.shape[2:])
    angle_of_frame = np.repeat(np.deg2rad(degrees), windows.shape[1])
    move_of_frame = np.repeat(moves, windows.shape[1], axis=0)
    values = {"transform_windows": windows, "transform_degrees": degrees, "transform_moves_xy": moves}
    for interpolation in ("bilinear", "nearest"):
        rotated = tfa.image.rotate(frames, angle_of_frame, interpolation).numpy()
        moved = tfa.image.translate(frames, move_of_frame, interpolation).numpy()
        values[f"rotated_{interpolation}"] = rotated.reshape(windows.shape)
        values[f"moved_{interpolation}"] = moved.reshape(windows.shape)
    return values


def _trajectory(tf: Any, optimizer: Any, start: np.ndarray, gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Applies `gradients` [steps, n] to weights `start` [n]: (weights, averages), each [steps, n]; 0 if it has none."""
    weights = tf.Variable(start)
    seen, averages = [], []
    for gradient in gradients:
        optimizer.apply_gradients([(tf.constant(gradient), weights)])
        seen.append(weights.numpy())
        has_average = "average" in optimizer.get_slot_names()
        averages.append(optimizer.get_slot(weights, "average").numpy() if has_average else np.zeros_like(start))
    return np.stack(seen), np.stack(averages)


def optimizer_values(tf: Any, tfa: Any) -> dict[str, np.ndarray]:
    """AdamW steps, and two averages of the weights of gradient descent, on seven weights."""
    generator = np.random.default_rng(7)
    start = generator.normal(size=7).astype(np.float32)
    gradients = generator.normal(size=(12, 7)).astype(np.float32)
    rate, decay = 0.01, 0.004
    adamw = tfa.optimizers.AdamW(weight_decay=decay, learning_rate=rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7)
    values = {
        "optimizer_start": start,
        "optimizer_gradients": gradients,
        "adamw_learning_rate": np.array(rate),
        "adamw_weight_decay": np.array(decay),
        "adamw_weights": _trajectory(tf, adamw, start, gradients)[0],
        "average_decay": np.array(0.9),
        "average_learning_rate": np.array(0.1),
    }
    descent = tf.keras.optimizers.legacy.SGD
    averaged = {
        "moving": tfa.optimizers.MovingAverage(descent(0.1), average_decay=0.9),
        "swa": tfa.optimizers.SWA(descent(0.1), start_averaging=0, average_period=1),
    }
    for name, optimizer in averaged.items():
        weights, averages = _trajectory(tf, optimizer, start, gradients)
        values["average_weights"] = weights  # the same for both: an average does not steer the descent
        values[f"average_{name}"] = averages
    return values


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes an .npz whose bytes depend on `arrays` alone (np.savez puts the time of day in), by a temporary file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(arrays):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(arrays[name]), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content.getvalue())
    os.replace(temporary, path)


def main() -> None:
    check_environment()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # its notice that it is no longer developed
        import tensorflow_addons as tfa
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.get_logger().setLevel("ERROR")  # that each sigma is a graph of its own
    arrays = gaussian_values(tfa) | transform_values(tfa) | optimizer_values(tf, tfa)
    arrays["versions"] = np.array([f"{name} {version}" for name, version in VERSIONS.items()])
    path = Path(_OUTPUT.value)
    write_npz(path, arrays)
    print(f"{path}: {len(arrays)} arrays, {path.stat().st_size} bytes")


if __name__ == "__main__":
    run(main)
