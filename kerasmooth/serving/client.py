"""A model's client: one interface to a server by gRPC or REST and to a folder in this process."""

import json
import random
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.serving.address import is_address, parse
from kerasmooth.serving.grpc_transport import GrpcTransport
from kerasmooth.serving.local_transport import LocalTransport
from kerasmooth.serving.rest_transport import RestTransport
from kerasmooth.serving.transport import Arrays, RefusedError, TooSlowError, Transport, UnavailableError

FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds between tries: doubled each time, and drawn between half of that and all of it."""


class Client:
    """Asks an exported model.

    Args:
      address: grpc://host:8500/name or http://host:8501/name, with /labels/LABEL or /versions/N behind it if wanted; or
        a run folder or an export, which is loaded into this process.
      timeout: seconds for an answer.
      retries: how often a server that is not there, or not ready, is tried again; 5 cover 6 seconds.
      frames_per_request: longer recordings go in chunks that overlap.

    Raises:
      InputError: the address is none, the folder holds no model, or a package for gRPC is absent.
    """

    def __init__(
        self, address: str | Path, *, timeout: float = 30.0, retries: int = 5, frames_per_request: int = 2000
    ) -> None:
        self.address = str(address)
        self._timeout, self._retries, self._frames_per_request = timeout, retries, frames_per_request
        self._transport = _transport(address)
        self._metadata: dict[str, Any] | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """What the model says of itself, asked once: see `kerasmooth.exporting.metadata`."""
        if self._metadata is None:
            answer = self.ask("metadata", rows=np.zeros(1, np.int32))
            self._metadata = dict(json.loads(answer["metadata"].item()))
        return self._metadata

    def status(self) -> str:
        """What is served, such as "version 3 AVAILABLE". Raises InputError as `ask`."""
        return self._tried(lambda: self._transport.status(self._timeout))

    def ask(self, signature: str, **inputs: np.ndarray) -> Arrays:
        """The outputs of a signature: see the page of the bundle.

        Raises:
          InputError: there is no such server, model, version or signature, it refuses the inputs, or it is too slow.
        """
        answer = self._tried(lambda: self._transport.ask(signature, inputs, self._timeout))
        for fault in answer.get("fault", ()):
            if fault:
                raise InputError(f"{self.address} refuses: {fault if isinstance(fault, str) else fault.decode()}")
        return _cut(answer, inputs)

    def smooth(self, keypoints: np.ndarray, confidence: np.ndarray, fps: float) -> np.ndarray:
        """Smooths one person's keypoints, of the skeleton that the metadata name.

        Args:
          keypoints: [T, K, 2], (x, y) in image pixels; NaN is missing.
          confidence: [T, K]; 0 or NaN is missing.
          fps: frames per second.

        Returns:
          float64 [T, K, 2]; NaN where the input is missing, of keypoints that the model was not trained on (all but the
          metadata's `supervised`), and in a frame that has no two keypoints apart.
        """
        known = np.isfinite(keypoints).all(axis=-1) & (confidence > 0)
        # JSON knows no NaN.
        keypoints = np.where(known[..., None], keypoints, 0.0).astype(np.float32)
        confidence = np.where(known, confidence, 0.0).astype(np.float32)
        # What a frame becomes hangs on so many others: those of its windows, and those that steady their boxes.
        reach = int(self.metadata["window"]) + int(4 * self.metadata["box_seconds"] * fps + 1)
        step = max(self._frames_per_request - 2 * reach, reach)
        result = np.full(keypoints.shape, np.nan)
        for start in range(0, len(keypoints), step):
            first, end = max(start - reach, 0), min(start + step, len(keypoints))
            part = slice(first, min(end + reach, len(keypoints)))
            answer = self.ask(
                "sequence",
                keypoints=keypoints[None, part],
                confidence=confidence[None, part],
                fps=np.array([fps], np.float32),
                length=np.array([part.stop - part.start], np.int32),
            )
            own = slice(start - first, end - first)
            found = answer["found"][0, own]
            result[start:end] = np.where(found[..., None], answer["keypoints"][0, own], np.nan)
        return result

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tried(self, call: Any) -> Any:
        for attempt in range(self._retries + 1):
            try:
                return call()
            except UnavailableError as error:
                reason = str(error)
            except TooSlowError:
                raise InputError(
                    f"{self.address} did not answer within {self._timeout:g} s: send fewer frames or wait longer"
                ) from None
            except RefusedError as error:
                raise InputError(f"{self.address} refuses: {error}") from None
            if attempt < self._retries:
                time.sleep(min(FIRST_WAIT * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1))
        tries = self._retries + 1
        raise InputError(f"{self.address} cannot be reached ({reason.rstrip('.')}), tried {tries} times: is it up?")


def _cut(answer: Arrays, inputs: Arrays) -> Arrays:
    """The answer for the frames that were asked about: a server that batches fills up the shorter requests.

    Raises:
      InputError: the request had fewer keypoints than the model, and was filled up by the server, too.
    """
    given = inputs.get("keypoints", inputs.get("heatmaps"))
    if "length" not in inputs or given is None:
        return answer
    num_frames, num_keypoints = given.shape[1], given.shape[-1 if "heatmaps" in inputs else 2]
    answer = {name: value[:, :num_frames] if value.ndim > 1 else value for name, value in answer.items()}
    if answer["found"].shape[2] != num_keypoints:
        known = answer["found"].shape[2]
        raise InputError(f"the model is one of {known} keypoints (see its metadata), received {num_keypoints}")
    return answer


def _transport(address: str | Path) -> Transport:
    if isinstance(address, Path) or not is_address(address):
        return LocalTransport(Path(address))
    parsed = parse(address)
    return GrpcTransport(parsed) if parsed.scheme == "grpc" else RestTransport(parsed)
