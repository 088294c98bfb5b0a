"""Is a SavedModel the Keras model it was made from? Asked with several batch sizes and lengths before it is used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.training.runs import Run

TOLERANCE = 1e-5
"""Largest difference, relative to the scale of heatmaps (255) or to the longer side of the grid."""
LOW_PRECISION_TOLERANCE = 2e-2
"""The same for models with layers that compute in bfloat16, which has 8 significant bits."""
_NUDGE = 1e-6

Arrays = dict[str, np.ndarray]
Signature = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class _Case:
    """What a signature is asked, what the Keras model answers, and bool [B, T, K]: keypoints that can be compared."""

    inputs: Arrays
    expected: Arrays
    settled: np.ndarray


def check_export(run: Run, signatures: Mapping[str, Signature], decoder: str) -> tuple[float, int]:
    """Compares a reloaded SavedModel with the Keras model and the NumPy codec.

    Args:
      run: the model and its codec.
      signatures: of the SavedModel: "serving_default", "heatmaps" and "keypoints".
      decoder: what the SavedModel decodes with.

    Returns:
      The largest difference relative to the scale of the values, and how many answers were compared.

    Raises:
      RuntimeError: a difference above the tolerance, or an answer of another shape.
    """
    with_tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    window, differences = run.config.window, []
    try:
        for shape in ((1, window), (3, window), (2, window + 2)):
            on_heatmaps, on_keypoints = _cases(run, shape, decoder)
            for name, case in (
                ("serving_default", on_heatmaps),
                ("heatmaps", on_heatmaps),
                ("keypoints", on_keypoints),
            ):
                differences.append(_largest_difference(run, name, signatures[name], case))
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(with_tf32)
    return max(differences), len(differences)


def example_inputs(codec: HeatmapCodec, shape: tuple[int, int], num_keypoints: int) -> Arrays:
    """Jittery keypoints in the grid, a tenth of them missing: keypoints, confidence and sigma of (batch, time)."""
    random = np.random.default_rng(shape)
    last_cell = np.array(codec.size[::-1]) - 1
    start = random.uniform(0.2, 0.8, (shape[0], 1, num_keypoints, 2)) * last_cell
    keypoints = np.clip(start + random.normal(0, 1.5, (*shape, num_keypoints, 2)), 0, last_cell)
    seen = random.random((*shape, num_keypoints)) > 0.1
    arrays = {
        "keypoints": keypoints * seen[..., None],
        "confidence": random.uniform(0.1, 1, seen.shape) * seen,
        "sigma": random.choice(codec.sigmas, shape),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _cases(run: Run, shape: tuple[int, int], decoder: str) -> tuple[_Case, _Case]:
    """The cases of the signatures `heatmaps` and `keypoints`, by the Keras model and the NumPy codec."""
    codec, inputs = run.codec, example_inputs(run.codec, shape, run.model.num_keypoints)
    seen = inputs["confidence"] > 0
    sigma_index = np.abs(inputs["sigma"][..., None] - np.array(codec.sigmas)).argmin(-1)
    heatmaps = codec.encode(inputs["keypoints"], seen, sigma_index, sub_pixel=True)
    if run.takes == "heatmaps":
        refined = run.model({"heatmaps": heatmaps}, training=False)["heatmaps"].numpy()
        keypoints, confidence = codec.decode(refined, decoder)
        answer, settled = {"keypoints": keypoints, "confidence": confidence}, _settled(codec, refined, decoder)
        return _Case({"heatmaps": heatmaps}, answer | {"heatmaps": refined}, settled), _Case(inputs, answer, settled)
    given = {name: inputs[name] for name in ("keypoints", "confidence")}
    decoded = dict(zip(("keypoints", "confidence"), codec.decode(heatmaps, decoder), strict=True))
    on_heatmaps, on_keypoints = (_keypoint_answer(run, values, seen) for values in (decoded, given))
    return _Case({"heatmaps": heatmaps}, on_heatmaps, _settled(codec, heatmaps, decoder)), _Case(
        given, on_keypoints, seen
    )


def _keypoint_answer(run: Run, values: Arrays, seen: np.ndarray) -> Arrays:
    inputs = {"keypoints": values["keypoints"], "visibility": seen.astype(np.float32)}
    return {"keypoints": run.model(inputs, training=False)["keypoints"].numpy(), "confidence": values["confidence"]}


def _settled(codec: HeatmapCodec, heatmaps: np.ndarray, decoder: str) -> np.ndarray:
    """bool [B, T, K]: the position does not hang on the last bits of the heatmap (as it does between equal maxima)."""
    noise = np.random.default_rng(0).standard_normal(heatmaps.shape).astype(np.float32)
    moved = codec.decode(heatmaps, decoder)[0] - codec.decode(heatmaps * (1 + _NUDGE * noise), decoder)[0]
    return np.abs(moved).max(-1) < TOLERANCE * max(codec.size) / 2


def _largest_difference(run: Run, name: str, signature: Signature, case: _Case) -> float:
    tensors = {key: tf.constant(value) for key, value in case.inputs.items()}
    received = {key: value.numpy() for key, value in signature(**tensors).items()}
    shapes = [{key: value.shape for key, value in sorted(values.items())} for values in (received, case.expected)]
    if shapes[0] != shapes[1]:
        raise RuntimeError(f"the exported {name} must give {shapes[1]}. Received: {shapes[0]}")
    low = any(layer.compute_dtype != "float32" for layer in run.model.layers)
    scales = {"heatmaps": run.codec.scale, "keypoints": float(max(run.codec.size)), "confidence": run.codec.scale}
    largest = 0.0
    for key, expected in case.expected.items():
        if low and key == "keypoints" and run.takes == "heatmaps":
            continue  # The maximum of a heatmap that is known to 8 bits may lie in another cell.
        difference = np.abs(received[key] - expected)[case.settled if key == "keypoints" else ...]
        relative = float(np.max(difference, initial=0.0)) / scales[key]
        # `not <=`: NaN is a difference too.
        if not relative <= (LOW_PRECISION_TOLERANCE if low else TOLERANCE):
            batch_and_time = case.settled.shape[:2]
            raise RuntimeError(
                f"the SavedModel and the Keras model differ: {key} of {name} for (batch, time) {batch_and_time}. "
                f"Received: relative difference={relative:.2g}"
            )
        largest = max(largest, relative)
    return largest
