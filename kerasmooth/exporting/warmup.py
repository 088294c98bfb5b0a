"""Warm-up requests: what a server asks a version before it says that it is available, so that nobody waits for it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from kerasmooth.exporting.check import example_inputs
from kerasmooth.training.run_folder import Run

WARMUP_FILE = "tf_serving_warmup_requests"


def write_warmup(path: Path, run: Run, signatures: Mapping[str, Any], name: str) -> None:
    """Writes one small request for each signature of the model that is served as `name`.

    Other numbers of rows and frames were seen to gain nothing. Heatmaps have one frame: five would be a megabyte.
    """
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in sorted(set(signatures) - {"serving_default"}):
            frames = 1 if signature.startswith("heatmaps") else run.config.window + 1
            request = predict_pb2.PredictRequest()
            request.model_spec.name = name
            request.model_spec.signature_name = signature
            for key, value in example_inputs(run, signature, (1, frames)).items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString(deterministic=True))


def read_warmup(path: Path) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """(signature, inputs) of each request of a file."""
    for record in tf.data.TFRecordDataset(str(path)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        yield request.model_spec.signature_name, inputs


def replay(path: Path, signatures: Mapping[str, Callable[..., Any]]) -> int:
    """Asks what a server will ask; a request that fails would stop the version from loading. Returns their number.

    Raises:
      RuntimeError: an answer holds a value that is not finite.
      tf.errors.OpError: a request is refused.
    """
    count = 0
    for signature, inputs in read_warmup(path):
        answer = signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
        for name, value in answer.items():
            if value.dtype.is_floating and not np.isfinite(value).all():
                raise RuntimeError(f"the warm-up request of {signature} is answered with {name} that is not finite")
        count += 1
    return count
