"""What the ways to reach a model have in common: one question, and three ways in which it may fail."""

import re
from typing import Protocol

import numpy as np

Arrays = dict[str, np.ndarray]

_ASSERTION = "assertion failed: "


class UnavailableError(Exception):
    """Nobody listens, or the model is not ready: worth another try."""


class TooSlowError(Exception):
    """No answer in time."""


class RefusedError(Exception):
    """The request is wrong, or the model, the version or the signature is not there. The text says what."""


class Transport(Protocol):
    """A way to a model."""

    def ask(self, signature: str, inputs: Arrays, timeout: float) -> Arrays:
        """The outputs of a signature for its inputs, by name.

        Raises:
          UnavailableError, TooSlowError, RefusedError: see there.
        """

    def status(self, timeout: float) -> str:
        """What is served, such as "version 3 AVAILABLE". Raises as `ask`."""

    def close(self) -> None: ...


def plain(text: str) -> str:
    """What TensorFlow says of a request, without the parts of the graph that it happened in."""
    text = re.split(r"\[\[\{\{node|Received args:", " ".join(text.split()))[0].strip()
    _, found, checked = text.partition(_ASSERTION)
    if not found:
        return text
    # "assertion failed: [confidence must be [B, T, 25]. Received: shape =] [1 1 25]"
    return checked.removeprefix("[").removesuffix("]").replace("] [", " ")
