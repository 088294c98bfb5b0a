"""Is a SavedModel the Keras model it was made from? Asked on several batch sizes and lengths before it is used."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.runs import Run

TOLERANCE = 1e-5
"""Largest difference, relative to the scale of heatmaps (255) or to the longer side of the grid."""
LOW_PRECISION_TOLERANCE = 2e-2
"""The same for models that compute in bfloat16, which has 8 significant bits."""
_NUDGE = 1e-6

Arrays = dict[str, np.ndarray]


def check_export(run: Run, signatures: Mapping[str, Callable[..., Any]], decoder: str) -> tuple[float, int]:
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
    tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        window = run.config.window
        cases = [(name, shape) for name in signatures if name != "metadata" for shape in ((1, window), (3, window), (2, window + 2))]
        differences = [_largest_difference(run, name, signatures[name], shape, decoder) for name, shape in cases]
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(tf32)
    return max(differences), len(differences)


def example_inputs(codec: HeatmapCodec, shape: tuple[int, int], num_keypoints: int) -> Arrays:
    """Jittery keypoints in the grid, a tenth of them missing: keypoints, confidence and sigma of (batch, time)."""
    random = np.random.default_rng(shape)
    height, width = codec.size
    start = random.uniform(0.2, 0.8, (shape[0], 1, num_keypoints, 2)) * [width - 1, height - 1]
    keypoints = np.clip(start + random.normal(0, 1.5, (*shape, num_keypoints, 2)), 0, [width - 1, height - 1])
    confidence = random.uniform(0.1, 1, (*shape, num_keypoints)) * (random.random((*shape, num_keypoints)) > 0.1)
    sigma = random.choice(codec.sigmas, shape)
    return {name: a.astype(np.float32) for name, a in dict(keypoints=keypoints, confidence=confidence, sigma=sigma).items()}


def _largest_difference(
    run: Run, name: str, signature: Callable[..., Any], shape: tuple[int, int], decoder: str
) -> float:
    inputs, expected, settled = _expected(run, name, shape, decoder)
    received = {key: value.numpy() for key, value in signature(**{k: tf.constant(v) for k, v in inputs.items()}).items()}
    scales = {"heatmaps": run.codec.scale, "keypoints": float(max(run.codec.size)), "confidence": run.codec.scale}
    low = run.config.precision != "float32"
    largest = 0.0
    for key, scale in scales.items():
        if (key in received) != (key in expected) or (key in expected and received[key].shape != expected[key].shape):
            shapes = {k: v.shape for k, v in received.items()}
            raise RuntimeError(f"{name}: {key} is wrong for (batch, time) {shape}. Received: {shapes}")
        if key not in expected or (key == "keypoints" and low and run.takes == "heatmaps"):
            continue  # A maximum of heatmaps that are known to 8 bits may lie in another cell.
        difference = np.abs(received[key] - expected[key])[settled if key == "keypoints" else ...]
        relative = float(np.max(difference, initial=0.0)) / scale
        if not relative <= (LOW_PRECISION_TOLERANCE if low else TOLERANCE):
            raise RuntimeError(
                f"the SavedModel differs from the Keras model: {name}, {key}, (batch, time) {shape}. "
                f"Received: relative difference={relative:.2g}"
            )
        largest = max(largest, relative)
    return largest


def _expected(run: Run, name: str, shape: tuple[int, int], decoder: str) -> tuple[Arrays, Arrays, np.ndarray]:
    """Inputs of a signature, the answer by the Keras model and the NumPy codec, and which keypoints are settled."""
    inputs = example_inputs(run.codec, shape, run.model.num_keypoints)
    seen = inputs["confidence"] > 0
    indices = np.abs(inputs["sigma"][..., None] - np.array(run.codec.sigmas)).argmin(-1)
    heatmaps = run.codec.encode(inputs["keypoints"], seen, indices, sub_pixel=True)
    if name != "keypoints":
        inputs = {"heatmaps": heatmaps}
    if run.takes == "heatmaps":
        refined = run.model({"heatmaps": heatmaps}, training=False)["heatmaps"].numpy()
        keypoints, confidence = run.codec.decode(refined, decoder)
        answer = {"heatmaps": refined} if name != "keypoints" else {}
        inputs.pop("sigma", None) if name != "keypoints" else None
        return inputs, answer | {"keypoints": keypoints, "confidence": confidence}, _settled(run.codec, refined, decoder)
    inputs.pop("sigma", None)
    settled = np.ones(seen.shape, bool)
    keypoints, confidence = inputs.get("keypoints"), inputs.get("confidence")
    if keypoints is None or confidence is None:
        keypoints, confidence = run.codec.decode(heatmaps, decoder)
    given = {"keypoints": keypoints * seen[..., None], "visibility": seen.astype(np.float32)}
    return inputs, {"keypoints": run.model(given, training=False)["keypoints"].numpy(), "confidence": confidence}, settled


def _settled(codec: HeatmapCodec, heatmaps: np.ndarray, decoder: str) -> np.ndarray:
    """bool [B, T, K]: the position does not hang on the last bits of the heatmap (as it does between equal maxima)."""
    nudged = heatmaps * (1 + _NUDGE * np.random.default_rng(0).standard_normal(heatmaps.shape).astype(np.float32))
    moved = np.abs(codec.decode(heatmaps, decoder)[0] - codec.decode(nudged, decoder)[0]).max(-1)
    return moved < TOLERANCE * max(codec.size) / 2
