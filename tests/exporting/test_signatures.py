"""What the signatures of exported models say, beside NumPy, SciPy and the Keras model itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy_smoother import NumpySmoother
from small_bundle import Bundle
from small_runs import SIZE, WINDOW

from kerasmooth.exporting.check import example_inputs
from kerasmooth.exporting.saved_model import export_run
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.training.run_folder import load_run

GOLDEN = Path(__file__).parents[1] / "testdata" / "signatures.json"
MODELS = ("conv3d", "deciwatch")
K = 25
Arrays = dict[str, np.ndarray]
Ask = Callable[..., Arrays]


@pytest.fixture(scope="module")
def ask(small_bundle: Bundle) -> Ask:
    """(model, signature, inputs) -> what the exported model answers."""
    loaded = {model: tf.saved_model.load(str(small_bundle.version(model))) for model in MODELS}

    def ask(model: str, signature: str, **inputs: np.ndarray) -> Arrays:
        answer = loaded[model].signatures[signature](**{k: tf.constant(v) for k, v in inputs.items()})
        return {name: value.numpy() for name, value in answer.items()}

    return ask


@pytest.fixture(scope="module")
def reference(small_bundle: Bundle) -> dict[str, NumpySmoother]:
    return {model: NumpySmoother(load_run(small_bundle.run(model))) for model in MODELS}


def walk(random: np.random.Generator, rows: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """People who drift through an image, with a fifth of their keypoints missing: [B, T, K, 2] and [B, T, K]."""
    centre = random.uniform(100, 900, (rows, 1, K, 2))
    keypoints = centre + random.normal(0, 6, (rows, frames, K, 2)).cumsum(axis=1)
    confidence = random.uniform(0.1, 1, (rows, frames, K)) * (random.random((rows, frames, K)) > 0.2)
    return keypoints.astype(np.float32), confidence.astype(np.float32)


def hostile_sequence() -> Arrays:
    """Three rows: one with frames in which nobody is, runs shorter than a window, and lengths that differ."""
    keypoints, confidence = walk(np.random.default_rng(1), 3, 19)
    confidence[0, [7, 9, 10, 16]] = 0  # runs of 7, 1, 5 and 2 frames
    confidence[0, 12, 1:] = 0  # one keypoint spans no box: the run of 5 becomes 1 and 3
    keypoints[1, 3, 4] = np.nan
    confidence[1, 5, 6], confidence[1, 5, 7] = np.nan, -1
    keypoints[1, 14:], confidence[1, 14:] = np.inf, 9
    keypoints[2, 3:] = 1e30
    lengths, fps = np.array([19, 14, 3], np.int32), np.array([30, 12.5, 240], np.float32)
    return {"keypoints": keypoints, "confidence": confidence, "fps": fps, "length": lengths}


def or_nan(answer: Arrays) -> np.ndarray:
    return np.where(answer["found"][..., None], answer["keypoints"], np.nan)


@pytest.mark.parametrize("model", MODELS)
def test_a_sequence_is_boxed_cut_and_merged_as_numpy_does_it(
    ask: Ask, reference: dict[str, NumpySmoother], model: str
) -> None:
    inputs = hostile_sequence()
    answer = ask(model, "sequence", **inputs)
    for row, length in enumerate(inputs["length"]):
        keypoints, confidence = inputs["keypoints"][row, :length], inputs["confidence"][row, :length]
        expected = reference[model].sequence(keypoints, confidence, float(inputs["fps"][row]))
        assert np.isfinite(expected).mean() > 0.3, "the case tests something"
        np.testing.assert_allclose(or_nan(answer)[row, :length], expected, atol=3e-4)
        assert not answer["found"][row, length:].any()
        found = answer["found"][row, :length]
        np.testing.assert_array_equal(answer["confidence"][row, :length], np.where(found, confidence, 0))
    assert not any(answer.pop("fault"))
    assert all(np.isfinite(value).all() for value in answer.values()), "there is no NaN in an answer"
    default = ask(model, "serving_default", **inputs)
    for name, value in answer.items():
        np.testing.assert_array_equal(default[name], value)


@pytest.mark.parametrize("model", MODELS)
def test_frames_beyond_the_length_change_nothing(ask: Ask, model: str) -> None:
    keypoints, confidence = walk(np.random.default_rng(2), 1, 12)
    given = {"fps": np.array([30], np.float32), "length": np.array([8], np.int32)}
    bare = ask(model, "sequence", keypoints=keypoints[:, :8], confidence=confidence[:, :8], **given)
    # The server fills up with the first value of the tensor.
    for junk in (keypoints[0, 0, 0, 0], np.nan, 1e30, 0):
        keypoints[:, 8:], confidence[:, 8:] = junk, 1
        answer = ask(model, "sequence", keypoints=keypoints, confidence=confidence, **given)
        for name in ("keypoints", "found", "confidence"):
            np.testing.assert_allclose(answer[name][:, :8], bare[name], atol=1e-4)
            assert not answer[name][:, 8:].any()


@pytest.mark.parametrize("model", MODELS)
def test_keypoints_that_it_was_not_trained_on_have_no_effect(
    ask: Ask, reference: dict[str, NumpySmoother], model: str
) -> None:
    """The sample annotates no hands and feet: weights that look at them are as they were at random."""
    trained = reference[model].run.annotated
    assert 10 < trained.sum() < K
    inputs = hostile_sequence()
    answer = ask(model, "sequence", **inputs)
    assert not answer["found"][..., ~trained].any()
    assert not answer["keypoints"][..., ~trained, :].any()
    without = inputs | {"confidence": np.where(trained, inputs["confidence"], 0)}
    for name, value in ask(model, "sequence", **without).items():
        np.testing.assert_array_equal(value, answer[name])
    heatmaps = example_inputs(reference[model].run, "heatmaps", (1, WINDOW))
    answer = ask(model, "heatmaps_to_keypoints", **heatmaps)
    assert not answer["found"][..., ~trained].any()
    without = heatmaps | {"heatmaps": heatmaps["heatmaps"] * trained.astype(np.float32)}
    for name, value in ask(model, "heatmaps_to_keypoints", **without).items():
        np.testing.assert_array_equal(value, answer[name])


@pytest.mark.parametrize("model", MODELS)
def test_windows_of_keypoints_in_cells(ask: Ask, reference: dict[str, NumpySmoother], model: str) -> None:
    inputs = example_inputs(reference[model].run, "keypoints", (11, WINDOW))
    answer = ask(model, "keypoints", **inputs)
    known = inputs["confidence"] > 0
    known &= reference[model].run.annotated
    for row in range(11):
        expected = reference[model].cells(inputs["keypoints"][row], known[row])
        np.testing.assert_allclose(or_nan(answer)[row][known[row]], expected[known[row]], atol=1e-3)
    assert not answer["found"][~known].any()
    assert not answer["keypoints"][~answer["found"]].any()


@pytest.mark.parametrize(("model", "frames"), [("conv3d", 9), ("conv3d", 3), ("deciwatch", 9)])
def test_heatmaps_of_any_scale(ask: Ask, reference: dict[str, NumpySmoother], model: str, frames: int) -> None:
    inputs = example_inputs(reference[model].run, "heatmaps", (1, frames))
    heatmaps = inputs["heatmaps"]
    expected, maps = reference[model].heatmaps(heatmaps[0])
    trained = reference[model].run.annotated
    known = (heatmaps[0].max(axis=(1, 2)) > 0) & trained
    signatures = ("heatmaps", "heatmaps_to_keypoints") if model == "conv3d" else ("heatmaps_to_keypoints",)
    for scale in (1.0, 1e-6, 1e30):
        scaled = (heatmaps * np.float32(scale)).astype(np.float32)
        # Nothing that is negative or no number is evidence.
        odd = np.where((scaled == 0) & known[None, :, None, None], np.float32(np.nan), scaled)
        for signature in signatures:
            answer = ask(model, signature, heatmaps=odd, length=inputs["length"])
            np.testing.assert_allclose(or_nan(answer)[0][known], expected[known], atol=2e-3)
            np.testing.assert_allclose(answer["confidence"].max(), scaled[..., trained].max(), rtol=1e-6)
            assert ("heatmaps" in answer) == (signature == "heatmaps")
            if signature == "heatmaps":
                np.testing.assert_allclose(answer["heatmaps"][0], maps, atol=2e-3)
    longer = np.concatenate([heatmaps, np.full_like(heatmaps[:, :2], 7)], axis=1)
    answer = ask(model, signatures[-1], heatmaps=longer, length=inputs["length"])
    np.testing.assert_allclose(or_nan(answer)[0, :frames][known], expected[known], atol=2e-3)
    assert not answer["found"][:, frames:].any()


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_says_what_merged_windows_say(ask: Ask, reference: dict[str, NumpySmoother], model: str) -> None:
    frames = 9
    random = np.random.default_rng(5)
    cells = random.uniform(2, 10, (2, 1, K, 2)) + random.normal(0, 0.5, (2, frames, K, 2))
    confidence = (random.random((2, frames, K)) > 0.2).astype(np.float32)
    known = (confidence > 0) & reference[model].run.annotated
    expected = np.stack([reference[model].cells(cells[row], confidence[row] > 0) for row in range(2)])
    expected = np.where(known[..., None], expected, np.nan)
    size = json.loads(ask(model, "metadata", rows=np.zeros(1, np.int32))["metadata"].item())["state_size"]
    state, final = np.zeros((2, size), np.float32), []
    for frame in range(frames):
        keypoints = cells[:, frame].astype(np.float32)
        answer = ask(model, "stream", keypoints=keypoints, confidence=confidence[:, frame], state=state)
        state = answer["state"]
        if frame < WINDOW - 1:
            assert not answer["found"].any(), "no window is whole yet"
        else:
            final.append(or_nan(answer)[:, 0])
    received = np.concatenate([np.stack(final, axis=1), or_nan(answer)[:, 1:]], axis=1)
    np.testing.assert_allclose(received, expected, atol=1e-4)


def test_metadata_answers_each_row_with_all_that_a_client_needs(ask: Ask, small_bundle: Bundle) -> None:
    for model in MODELS:
        answer = ask(model, "metadata", rows=np.zeros(3, np.int32))["metadata"]
        assert answer.shape == (3,)
        facts = json.loads(answer[1])
        assert facts == json.loads(answer[2])
        assert (facts["schema"], facts["model"], facts["name"], facts["version"]) == (
            "kerasmooth.export/2",
            model,
            model,
            1,
        )
        assert (facts["window"], facts["height"], facts["width"], facts["num_keypoints"]) == (WINDOW, *SIZE, K)
        assert tuple(facts["skeleton"]["keypoints"]) == BOULDERING_25.keypoints
        # The sample has the layouts of Penn Action and BRACE, neither of which annotates hands and feet.
        assert {"nose", "left_ear", "right_ankle"} < set(facts["supervised"])
        assert not {"left_thumb", "right_heel"} & set(facts["supervised"])
        assert facts["config"] == load_run(small_bundle.run(model)).config.to_json()
        on_disk = json.loads((small_bundle.version(model) / "assets.extra" / "metadata.json").read_text())
        tensors = on_disk.pop("tensors")
        assert on_disk == facts
        named = {side: {n for s in tensors.values() for n in s[side]} for side in ("inputs", "outputs")}
        assert named["inputs"] == set(facts["inputs"])
        assert named["outputs"] == set(facts["outputs"])
        assert set(tensors) - {"serving_default"} == set(facts["signatures"])


def test_names_types_and_shapes_are_frozen(small_bundle: Bundle) -> None:
    """They are what clients in other languages were written against: change the golden file knowingly."""
    received = {
        model: json.loads((small_bundle.version(model) / "assets.extra" / "metadata.json").read_text())["tensors"]
        for model in MODELS
    }
    assert received == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize(("model", "signatures"), [("bi_conv_lstm", 8), ("gated_splines", 7)])
def test_recurrent_models_and_those_that_know_their_boxes_are_exported_as_they_are(
    small_bundle: Bundle, tmp_path: Path, model: str, signatures: int
) -> None:
    run = load_run(small_bundle.run(model))
    exported = export_run(run, tmp_path)
    assert exported.largest_difference < 1e-5
    assert exported.compared == signatures
    inputs = hostile_sequence()
    loaded: Any = tf.saved_model.load(str(exported.path))
    answer = {
        n: v.numpy() for n, v in loaded.signatures["sequence"](**{k: tf.constant(v) for k, v in inputs.items()}).items()
    }
    expected = NumpySmoother(run).sequence(inputs["keypoints"][1, :14], inputs["confidence"][1, :14], 12.5)
    np.testing.assert_allclose(or_nan(answer)[1, :14], expected, atol=1e-3)
