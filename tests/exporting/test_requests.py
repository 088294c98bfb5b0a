"""Requests that would be answered wrongly are refused, with what was expected and what was received."""

from typing import Any

import numpy as np
import pytest
from small_bundle import Bundle

from kerasmooth.errors import InputError
from kerasmooth.exporting.check import example_inputs
from kerasmooth.serving import Client
from kerasmooth.training.run_folder import Run, load_run


@pytest.fixture(scope="module")
def run(small_bundle: Bundle) -> Run:
    return load_run(small_bundle.run("conv3d"))


@pytest.fixture(scope="module")
def client(small_bundle: Bundle) -> Client:
    return Client(small_bundle.version("conv3d"))


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "other skeleton": (
        "sequence",
        {"keypoints": np.zeros((2, 7, 17, 2))},
        r"\[B, T, 25, 2\]. Received: shape = 2 7 17 2",
    ),
    "three axes": ("sequence", {"keypoints": np.zeros((7, 25, 2))}, r"\[B, T, 25, 2\]. Received: shape = 7 25 2"),
    "x, y and score": ("sequence", {"keypoints": np.zeros((2, 7, 25, 3))}, r"Received: shape = 2 7 25 3"),
    "confidence that broadcasts": ("sequence", {"confidence": np.ones((1, 1, 25))}, r"same B and T.* = 1 1 25"),
    "confidence of a frame more": ("sequence", {"confidence": np.ones((2, 8, 25))}, r"confidence must be .* = 2 8 25"),
    "one fps for two": ("sequence", {"fps": np.array([30.0])}, r"fps must be \[B\].* = 1"),
    "fps zero": ("sequence", {"fps": np.array([30.0, 0])}, r"refuses: fps must be above 0.* Received: 0"),
    "fps no number": ("sequence", {"fps": np.array([np.nan, 30])}, r"fps must be above 0.* Received: nan"),
    "longer than it is": ("sequence", {"length": np.array([8, 1])}, r"length must be from 0 to T.* Received: 8"),
    "length negative": ("sequence", {"length": np.array([7, -1])}, r"length must be from 0 to T.* Received: -1"),
    "window of another size": ("keypoints", {"keypoints": np.zeros((2, 3, 25, 2))}, r"\[B, 5, 25, 2\]. .* = 2 3 25 2"),
    "pixels for cells": (
        "keypoints",
        {"keypoints": np.full((2, 5, 25, 2), 160.0)},
        r"cells of the 12 x 16 grid.*: 13.333",
    ),
    "pixels in a stream": ("stream", {"keypoints": np.full((2, 25, 2), 160.0)}, r"cells of the 12 x 16 grid"),
    "state of another model": ("stream", {"state": np.zeros((2, 7))}, r"state must be \[B, 601\]. .* = 2 7"),
    "state of one for two": ("stream", {"state": np.zeros((1, 601))}, r"state must be \[B, S\].* = 1 601"),
    "state no number": ("stream", {"state": np.full((2, 601), np.nan)}, r"state must be all 0.*: 601"),
    "grid of another size": (
        "heatmaps",
        {"heatmaps": np.zeros((2, 7, 56, 56, 25))},
        r"\[B, T, 12, 16, 25\].* 56 56 25",
    ),
    "channels first": ("heatmaps_to_keypoints", {"heatmaps": np.zeros((2, 7, 25, 12, 16))}, r"= 2 7 25 12 16"),
    "length of one for two": ("heatmaps", {"length": np.array([7])}, r"length must be \[B\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_request_is_refused(client: Client, run: Run, case: str) -> None:
    signature, wrong, text = BAD[case]
    inputs = example_inputs(run, signature, (2, 7))
    client.ask(signature, **inputs)  # what is right is answered
    wrong = {name: value.astype(inputs[name].dtype) for name, value in wrong.items()}
    with pytest.raises(InputError, match=text):
        client.ask(signature, **(inputs | wrong))


def test_nothing_at_all_is_answered_with_nothing(client: Client, run: Run) -> None:
    for signature, frames in (("sequence", 0), ("heatmaps", 0), ("sequence", 1)):
        inputs = {k: v[:, :frames] if v.ndim > 1 else v for k, v in example_inputs(run, signature, (2, 7)).items()}
        answer = client.ask(signature, **(inputs | {"length": np.full(2, frames, np.int32)}))
        assert answer["keypoints"].shape == (2, frames, 25, 2)
    answer = client.ask("sequence", **{k: v[:0] for k, v in example_inputs(run, "sequence", (2, 7)).items()})
    assert answer["found"].shape == (0, 7, 25)


def test_a_fault_of_one_row_does_not_touch_the_others(client: Client, run: Run) -> None:
    """A server that batches puts the requests of several callers into one: none may be refused for another's fault."""
    transport = client._transport
    for signature, name, value in (
        ("sequence", "fps", 0),
        ("sequence", "length", 99),
        ("keypoints", "keypoints", 160),
        ("stream", "state", np.nan),
        ("heatmaps", "length", -3),
    ):
        inputs = example_inputs(run, signature, (3, 7))
        expected = transport.ask(signature, inputs, 1.0)
        wrong = {key: array.copy() for key, array in inputs.items()}
        wrong[name][1] = value
        received = transport.ask(signature, wrong, 1.0)
        assert [bool(fault) for fault in received["fault"]] == [False, True, False]
        assert name.encode() in received["fault"][1]
        assert not received["found"][1].any()
        for key in set(expected) - {"fault"}:
            np.testing.assert_allclose(received[key][::2], expected[key][::2], atol=1e-4)
        for array in wrong.values():
            array[:] = array[1]
        with pytest.raises(InputError, match=f"refuses: {name} must be"):
            client.ask(signature, **wrong)
