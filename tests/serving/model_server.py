"""A stand-in for tensorflow_model_server, with its flags: gRPC and REST on the loopback, models loaded in Python.

`python model_server.py --port=8500 --rest_api_port=8501 --model_config_file=models.config`
"""

import argparse
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from servables import Arrays, RefusalError, Servables, invalid
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

_URL = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(:predict)?")
_HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.UNAVAILABLE: 503,
}
THREADS = 16


class ModelServer:
    """Serves from `start` to `stop`.

    Args:
      config: models.config, with folders of this machine.
      port, rest_port: on the loopback.
      batching: as the flags --enable_batching and --enable_per_model_batching_parameters.
      poll_seconds: how often config and folders are looked at.
    """

    def __init__(
        self, config: Path, port: int, rest_port: int, *, batching: bool = False, poll_seconds: float = 0.2
    ) -> None:
        self.servables = Servables(config, batching)
        self._poll_seconds, self._stopped = poll_seconds, threading.Event()
        self._grpc = grpc.server(
            ThreadPoolExecutor(THREADS),
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Prediction(self.servables), self._grpc)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(self.servables), self._grpc)
        self._port, self._rest_port = port, rest_port

    def start(self) -> None:
        """Ports open when all models are loaded."""
        self.servables.poll()
        self._grpc.add_insecure_port(f"127.0.0.1:{self._port}")
        self._grpc.start()
        handler = type("Handler", (_Rest,), {"servables": self.servables})
        self._http = ThreadingHTTPServer(("127.0.0.1", self._rest_port), handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        threading.Thread(target=self._poll, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._grpc.stop(None).wait()
        self._http.shutdown()
        self._http.server_close()

    def _poll(self) -> None:
        while not self._stopped.wait(self._poll_seconds):
            self.servables.poll()


@contextmanager
def _told(context: grpc.ServicerContext) -> Iterator[None]:
    try:
        yield
    except RefusalError as refusal:
        context.abort(refusal.code, refusal.text)


def _asked_for(spec: Any) -> tuple[str, int | None, str]:
    return spec.name, spec.version.value if spec.HasField("version") else None, spec.version_label


class _Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, servables: Servables) -> None:
        self._servables = servables

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with _told(context):
            version, servable = self._servables.get(*_asked_for(request.model_spec))
            try:
                inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
            except (ValueError, TypeError) as error:
                raise invalid(f"tensor parsing error: {error}") from None
            answer = servable.predict(request.model_spec.signature_name, inputs)
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.version.value = request.model_spec.name, version
        for name, value in answer.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, servables: Servables) -> None:
        self._servables = servables

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        response = get_model_status_pb2.GetModelStatusResponse()
        states = get_model_status_pb2.ModelVersionStatus.State
        with _told(context):
            for version, state in self._servables.versions(*_asked_for(request.model_spec)).items():
                response.model_version_status.add(version=version, state=states.Value(state))
        return response


class _Rest(BaseHTTPRequestHandler):
    servables: Servables
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._answer(lambda name, version, label: _status(self.servables.versions(name, version, label)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(lambda *spec: _predict(self.servables, spec, body))

    def _answer(self, say: Callable[..., Any]) -> None:
        found = _URL.fullmatch(self.path)
        try:
            if not found or bool(found[4]) != (self.command == "POST"):
                raise invalid(f"Malformed request: {self.command} {self.path}")
            code, said = 200, say(found[1], int(found[2]) if found[2] else None, found[3] or "")
        except RefusalError as refusal:
            code, said = _HTTP[refusal.code], {"error": refusal.text}
        body = json.dumps(said).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        if self.request_version == "HTTP/1.0":
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)


def _status(versions: dict[int, str]) -> Any:
    status = {"error_code": "OK", "error_message": ""}
    return {"model_version_status": [{"version": str(n), "state": s, "status": status} for n, s in versions.items()]}


def _predict(servables: Servables, spec: Any, body: bytes) -> Any:
    try:
        request = json.loads(body)
    except ValueError:
        raise invalid("JSON Parse error: Invalid value") from None
    if not isinstance(request, dict) or ("inputs" in request) == ("instances" in request):
        raise invalid("Missing 'inputs' or 'instances' key")
    _, servable = servables.get(*spec)
    signature = request.get("signature_name", "serving_default")
    if signature not in servable.signatures:
        raise invalid(f'Serving signature name: "{signature}" not found in signature def')
    specs = servable.inputs(signature)
    if not specs:
        raise invalid(f"Failed to get input map for signature: {signature}")
    answer = servable.predict(signature, _tensors(request, specs))
    plain = {name: _plain(value) for name, value in answer.items()}
    if "inputs" in request:
        return {"outputs": plain if len(plain) > 1 else next(iter(plain.values()))}
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    return {"predictions": rows if len(plain) > 1 else [next(iter(row.values())) for row in rows]}


def _tensors(request: dict[str, Any], specs: dict[str, tf.TensorSpec]) -> Arrays:
    columns = request.get("inputs")
    if columns is None:
        rows = request["instances"]
        if not all(isinstance(row, dict) for row in rows):
            rows = [{next(iter(specs)): row} for row in rows]
        columns = {name: [row[name] for row in rows if name in row] for name in specs}
    elif not isinstance(columns, dict):
        columns = {next(iter(specs)): columns}
    try:
        return {name: _tensor(value, specs[name].dtype) for name, value in columns.items() if name in specs}
    except (ValueError, TypeError):
        raise invalid("JSON Value is not of the expected type or shape") from None


def _tensor(value: Any, dtype: tf.DType) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "if" and array.size:
        raise ValueError(value)
    if dtype.is_integer and array.dtype.kind == "f" and array.size:
        raise ValueError(value)
    return array.astype(dtype.as_numpy_dtype)


def _plain(value: np.ndarray) -> Any:
    return [text.decode() for text in value] if value.dtype.kind in "OS" else value.tolist()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rest_api_port", type=int, required=True)
    parser.add_argument("--model_config_file", type=Path, required=True)
    parser.add_argument("--model_config_file_poll_wait_seconds", type=float, default=0.2)
    for name in (
        "enable_batching",
        "enable_per_model_batching_parameters",
        "allow_version_labels_for_unavailable_models",
    ):
        parser.add_argument(f"--{name}", default="false")
    flags = parser.parse_args()
    server = ModelServer(
        flags.model_config_file,
        flags.port,
        flags.rest_api_port,
        batching=flags.enable_batching == "true",
        poll_seconds=flags.model_config_file_poll_wait_seconds,
    )
    server.start()
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()
