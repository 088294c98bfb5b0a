"""A model behind TensorFlow Serving, asked by gRPC."""

from typing import Any

from kerasmooth.errors import InputError
from kerasmooth.quiet import import_tensorflow
from kerasmooth.serving.address import Address
from kerasmooth.serving.transport import Arrays, RefusedError, TooSlowError, UnavailableError, plain

_OPTIONS = [
    # gRPC's own limit of 4 MB is less than 3 windows of heatmaps.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A server that is restarted is back in seconds; gRPC would wait for up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


class GrpcTransport:
    """One channel to a server, which connects when it is needed. See `Transport`.

    Raises:
      InputError: grpcio or tensorflow-serving-api is not installed.
    """

    def __init__(self, address: Address) -> None:
        import_tensorflow()
        try:
            import grpc
            from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
        except ImportError:
            raise InputError(
                f"{address} needs grpcio and tensorflow-serving-api: pip install 'kerasmooth[serving]'"
            ) from None
        self._address = address
        self._channel = grpc.insecure_channel(address.host, _OPTIONS)
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(self._channel).Predict
        self._status = model_service_pb2_grpc.ModelServiceStub(self._channel).GetModelStatus

    def ask(self, signature: str, inputs: Arrays, timeout: float) -> Arrays:
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        self._name(request.model_spec)
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self._call(self._predict, request, timeout)
        return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}

    def status(self, timeout: float) -> str:
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest()
        self._name(request.model_spec)
        versions = self._call(self._status, request, timeout).model_version_status
        states = get_model_status_pb2.ModelVersionStatus.State
        return ", ".join(f"version {one.version} {states.Name(one.state)}" for one in versions)

    def close(self) -> None:
        self._channel.close()

    def _name(self, spec: Any) -> None:
        spec.name = self._address.name
        if self._address.version is not None:
            spec.version.value = self._address.version
        elif self._address.label:
            spec.version_label = self._address.label

    def _call(self, method: Any, request: Any, timeout: float) -> Any:
        import grpc

        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            code, text = error.code(), plain(error.details() or "")
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            raise UnavailableError(text)
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            raise TooSlowError
        raise RefusedError(text or code.name)
