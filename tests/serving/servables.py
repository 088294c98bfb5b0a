"""What TensorFlow Serving does with a bundle, as its source was read: versions, labels, refusals, batches, padding."""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from kerasmooth.exporting.warmup import WARMUP_FILE, replay

Arrays = dict[str, np.ndarray]
BATCH_SECONDS, MAX_ROWS = 0.002, 1024
"""What batching_params.pbtxt of a bundle says."""


class RefusalError(Exception):
    """What a request is answered with instead."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def invalid(text: str) -> RefusalError:
    return RefusalError(grpc.StatusCode.INVALID_ARGUMENT, text)


class Servable:
    """One loaded version. Its warm-up requests are asked before it is available."""

    def __init__(self, folder: Path, batching: bool) -> None:
        self._loaded = tf.saved_model.load(str(folder))
        self.signatures: Mapping[str, Any] = self._loaded.signatures
        warmup = folder / "assets.extra" / WARMUP_FILE
        if warmup.is_file():
            replay(warmup, self.signatures)
        batched = batching and (folder / "batching_params.pbtxt").is_file()
        self._batcher = Batcher(self._run) if batched else None

    def predict(self, signature: str, inputs: Arrays) -> Arrays:
        name = signature or "serving_default"
        if name not in self.signatures:
            raise RefusalError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        wanted, given = set(self.inputs(name)), set(inputs)
        if len(wanted) != len(given):
            raise invalid(
                f"input size does not match signature: {len(given)}!={len(wanted)}. "
                f"Sent extra: {_set(given - wanted)}. Missing but required: {_set(wanted - given)}."
            )
        for odd in sorted(given - wanted):
            raise invalid(f"input tensor alias not found in signature: {odd}. Expected to be in the set {_set(wanted)}")
        for key, spec in self.inputs(name).items():
            if inputs[key].dtype != spec.dtype.as_numpy_dtype:
                raise invalid(f"Expects arg[{key}] to be {spec.dtype.name} but {inputs[key].dtype} is provided")
        return self._batcher.predict(name, inputs) if self._batcher else self._run(name, inputs)

    def inputs(self, signature: str) -> dict[str, tf.TensorSpec]:
        return dict(self.signatures[signature].structured_input_signature[1])

    def _run(self, signature: str, inputs: Arrays) -> Arrays:
        try:
            answer = self.signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
        except tf.errors.InvalidArgumentError as error:
            raise invalid(error.message) from None
        return {name: value.numpy() for name, value in answer.items()}


def _set(names: set[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"


@dataclass
class _Task:
    signature: str
    inputs: Arrays
    rows: int
    done: Future[Arrays] = field(default_factory=Future)


class Batcher:
    """Runs requests of one signature together; shorter tensors are filled up with their own first element."""

    def __init__(self, run: Callable[[str, Arrays], Arrays]) -> None:
        self._run, self._tasks = run, queue.Queue[_Task]()
        self.batches: list[int] = []
        threading.Thread(target=self._work, daemon=True).start()

    def predict(self, signature: str, inputs: Arrays) -> Arrays:
        for value in inputs.values():
            if value.ndim == 0:
                raise invalid("Batching session Run() input tensors must have at least one dimension")
        rows = {len(value) for value in inputs.values()}
        if len(rows) != 1:
            raise invalid("Batching session Run() input tensors must have equal 0th-dimension size")
        if max(rows) > MAX_ROWS:
            raise invalid(f"Task size {max(rows)} is larger than maximum input batch size {MAX_ROWS}")
        task = _Task(signature, inputs, max(rows))
        self._tasks.put(task)
        return task.done.result()

    def _work(self) -> None:
        while True:
            tasks = [self._tasks.get()]
            end = time.monotonic() + BATCH_SECONDS
            while (left := end - time.monotonic()) > 0:
                try:
                    tasks.append(self._tasks.get(timeout=left))
                except queue.Empty:
                    break
            for signature in {task.signature for task in tasks}:
                self._run_batch([task for task in tasks if task.signature == signature])

    def _run_batch(self, tasks: list[_Task]) -> None:
        self.batches.append(len(tasks))
        try:
            merged = {name: _padded([task.inputs[name] for task in tasks]) for name in tasks[0].inputs}
            answer = self._run(tasks[0].signature, merged)
        except Exception as error:  # for the whole batch
            for task in tasks:
                task.done.set_exception(error)
            return
        first = 0
        for task in tasks:
            task.done.set_result({name: value[first : first + task.rows] for name, value in answer.items()})
            first += task.rows


def _padded(values: list[np.ndarray]) -> np.ndarray:
    if len({value.ndim for value in values}) != 1:
        raise invalid("Ranks of tensors in a batch differ")
    longest = np.max([value.shape[1:] for value in values], axis=0) if values[0].ndim > 1 else ()
    filled = []
    for value in values:
        full = np.full((len(value), *longest), value.reshape(-1)[0] if value.size else 0, value.dtype)
        full[tuple(slice(length) for length in value.shape)] = value
        filled.append(full)
    return np.concatenate(filled)


class Servables:
    """The models of a models.config, which is read again whenever `poll` is called.

    Args:
      config: the file.
      batching: whether models with a batching_params.pbtxt batch.
    """

    def __init__(self, config: Path, batching: bool) -> None:
        self._config, self._batching = config, batching
        self._lock = threading.Lock()
        self._loaded: dict[str, dict[int, Servable]] = {}
        self._labels: dict[str, dict[str, int]] = {}
        self.failed: dict[tuple[str, int], str] = {}

    def poll(self) -> None:
        """Loads and unloads what the config says now; of a version that fails to load nothing is served."""
        config = model_server_config_pb2.ModelServerConfig()
        text_format.Parse(self._config.read_text(), config)
        for model in config.model_config_list.config:
            there = [int(p.name) for p in Path(model.base_path).iterdir() if p.name.isdigit()]
            wanted = [v for v in model.model_version_policy.specific.versions if v in there] or [max(there)]
            loaded = dict(self._loaded.get(model.name, {}))
            for version in set(wanted) - set(loaded):
                try:
                    loaded[version] = Servable(Path(model.base_path) / str(version), self._batching)
                except Exception as error:
                    self.failed[model.name, version] = str(error)
            with self._lock:
                self._loaded[model.name] = {version: one for version, one in loaded.items() if version in wanted}
                self._labels[model.name] = dict(model.version_labels)

    def versions(self, name: str, version: int | None, label: str) -> dict[int, str]:
        """States of the versions that are asked for."""
        with self._lock:
            states = dict.fromkeys(self._loaded.get(name, {}), "AVAILABLE")
        states |= {number: "END" for model, number in self.failed if model == name}
        version = self._labels.get(name, {}).get(label) if label else version
        chosen = {n: s for n, s in states.items() if version is None or n == version}
        if not chosen:
            raise RefusalError(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {name}")
        return chosen

    def get(self, name: str, version: int | None, label: str) -> tuple[int, Servable]:
        with self._lock:
            loaded, labels = self._loaded.get(name, {}), self._labels.get(name, {})
        if label:
            if label not in labels:
                raise invalid(f"Unrecognized servable version label: {label}")
            version = labels[label]
        request = f"Specific({name}, {version})" if version is not None else f"Latest({name})"
        chosen = max(loaded, default=None) if version is None else version
        if chosen not in loaded:
            raise RefusalError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request}")
        return chosen, loaded[chosen]
