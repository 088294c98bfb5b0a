"""Is a SavedModel the Keras model it was made from? Asked with several numbers of rows and frames before it is used."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kerasmooth.exporting.signatures import Signatures
from kerasmooth.training.run_folder import Run

TOLERANCE = 1e-5
"""Largest difference, relative to the scale of heatmaps (255) or to the longer side of the grid."""
LOW_PRECISION_TOLERANCE = 2e-2
"""The same for models with layers that compute in bfloat16, which has 8 significant bits."""
UNSETTLED = 0.01
"""Share of keypoints whose place may hang on the last bit of a heatmap: between two cells that are almost equal."""
CELL_PIXELS = 10.0
"""Pixels to a cell in examples."""

Arrays = dict[str, np.ndarray]
Signature = Callable[..., Any]


def check_export(run: Run, expected: Signatures, loaded: Mapping[str, Signature]) -> tuple[float, int]:
    """Compares a reloaded SavedModel with the same functions on the Keras model, run operation by operation.

    Args:
      run: the model and its codec.
      expected: what the SavedModel was made from.
      loaded: its signatures.

    Returns:
      The largest difference relative to the scale of the values, and how many answers were compared.

    Raises:
      RuntimeError: a difference above the tolerance, or an answer of another shape.
    """
    with_tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.config.run_functions_eagerly(True)
    window, differences = run.config.window, []
    try:
        for name, function in expected.functions().items():
            for shape in ((1, window), (2, window + 2)) if name == "sequence" else ((2, window + 2),):
                inputs = {key: tf.constant(value) for key, value in example_inputs(run, name, shape).items()}
                answers = [_ask(signature, inputs) for signature in (function, loaded[name])]
                differences.append(_largest_difference(run, f"{name} for (batch, time) {shape}", *answers))
        differences.append(_check_default(run, loaded))
    finally:
        tf.config.run_functions_eagerly(False)
        tf.config.experimental.enable_tensor_float_32_execution(with_tf32)
    return max(differences), len(differences)


def example_inputs(run: Run, signature: str, shape: tuple[int, int]) -> Arrays:
    """Inputs for a signature: jittery keypoints in the grid, a tenth of them missing, for (rows, frames).

    `keypoints` gets as many frames as a window has, whatever `shape` says, and `stream` one.
    """
    codec, num_keypoints = run.codec, run.model.num_keypoints
    frames = {"keypoints": run.config.window, "stream": 1}.get(signature, shape[1])
    shape = (shape[0], frames)
    random = np.random.default_rng(shape)
    last_cell = np.array(codec.size[::-1]) - 1
    start = random.uniform(0.2, 0.8, (shape[0], 1, num_keypoints, 2)) * last_cell
    keypoints = np.clip(start + random.normal(0, 1.5, (*shape, num_keypoints, 2)), 0, last_cell).astype(np.float32)
    confidence = random.uniform(0.1, 1, (*shape, num_keypoints)) * (random.random((*shape, num_keypoints)) > 0.1)
    lengths = np.arange(frames, frames - shape[0], -1).clip(1)
    both = {"keypoints": keypoints, "confidence": confidence}
    everything: dict[str, Mapping[str, Any]] = {
        "sequence": both | {"keypoints": CELL_PIXELS * keypoints, "fps": random.uniform(20, 40, shape[0])},
        "keypoints": both,
        "heatmaps": {"heatmaps": codec.encode(keypoints, confidence > 0, 0, sub_pixel=True)},
        "stream": {name: value[:, 0] for name, value in both.items()}
        | {"state": np.zeros((shape[0], 6 * (run.config.window - 1) * num_keypoints + 1))},
        "metadata": {"rows": np.zeros(shape[0])},
    }
    everything["heatmaps_to_keypoints"] = everything["heatmaps"]
    chosen = dict(everything[signature])
    if signature in ("sequence", "heatmaps", "heatmaps_to_keypoints"):
        chosen["length"] = lengths
    integers = {"length", "rows"}
    return {name: np.asarray(value, np.int32 if name in integers else np.float32) for name, value in chosen.items()}


def _ask(signature: Signature, inputs: Mapping[str, Any]) -> Arrays:
    return {name: np.asarray(value) for name, value in signature(**inputs).items()}


def _check_default(run: Run, loaded: Mapping[str, Signature]) -> float:
    inputs = example_inputs(run, "sequence", (1, run.config.window))
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    answers = [_ask(loaded[name], tensors) for name in ("sequence", "serving_default")]
    return _largest_difference(run, "serving_default", *answers)


def _largest_difference(run: Run, what: str, expected: Arrays, received: Arrays) -> float:
    shapes = [{name: value.shape for name, value in sorted(values.items())} for values in (expected, received)]
    if shapes[0] != shapes[1]:
        raise RuntimeError(f"the exported {what} must give {shapes[0]}. Received: {shapes[1]}")
    low = any(layer.compute_dtype != "float32" for layer in run.model.layers)
    tolerance = LOW_PRECISION_TOLERANCE if low else TOLERANCE
    scale = {"heatmaps": run.codec.scale, "keypoints": CELL_PIXELS * max(run.codec.size), "state": max(run.codec.size)}
    largest = 0.0
    for name, wanted in expected.items():
        if wanted.dtype.kind not in "fi":
            differs = np.mean(wanted != received[name])
            difference = 0.0 if differs <= (UNSETTLED if name == "found" else 0) else np.inf
        else:
            apart = np.abs(received[name] - wanted) / scale.get(name, 1.0)
            settled = 1 - UNSETTLED if run.takes == "heatmaps" and name in ("keypoints", "state", "confidence") else 1
            difference = float(np.quantile(apart, settled))
        if low and name in ("keypoints", "state", "found") and run.takes == "heatmaps":
            continue  # The maximum of a heatmap that is known to 8 bits may lie in another cell.
        # `not <=`: NaN is a difference too.
        if not difference <= tolerance:
            raise RuntimeError(
                f"the SavedModel and the Keras model differ: {name} of {what}. "
                f"Received: relative difference={difference:.2g}"
            )
        largest = max(largest, difference)
    return largest
