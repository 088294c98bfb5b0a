"""A model behind TensorFlow Serving, asked by its REST API: nothing but the standard library and NumPy."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

import numpy as np

from kerasmooth.serving.address import Address
from kerasmooth.serving.transport import Arrays, RefusedError, TooSlowError, UnavailableError, plain

_NOT_READY = (408, 429, 502, 503)


class RestTransport:
    """One request a question. See `Transport`."""

    def __init__(self, address: Address) -> None:
        self._model = f"{address.scheme}://{address.host}/v1/models/{address.name}{address.suffix}"

    def ask(self, signature: str, inputs: Arrays, timeout: float) -> Arrays:
        columns = {name: value.tolist() for name, value in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns}).encode()
        outputs = self._call(f"{self._model}:predict", body, timeout)["outputs"]
        if not isinstance(outputs, dict):  # The only output of a signature comes without its name.
            outputs = {signature: outputs}
        return {name: _array(value) for name, value in outputs.items()}

    def status(self, timeout: float) -> str:
        versions = self._call(self._model, None, timeout)["model_version_status"]
        return ", ".join(f"version {one['version']} {one['state']}" for one in versions)

    def close(self) -> None: ...

    def _call(self, url: str, body: bytes | None, timeout: float) -> Any:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            text = _error_text(error)
            if error.code == 504:
                raise TooSlowError from None
            raise (UnavailableError if error.code in _NOT_READY else RefusedError)(text) from None
        except TimeoutError:
            raise TooSlowError from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise TooSlowError from None
            raise UnavailableError(str(error.reason)) from None
        # The server went away in the middle of its answer.
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnavailableError(str(error)) from None


def _error_text(error: urllib.error.HTTPError) -> str:
    try:
        return plain(json.load(error)["error"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"HTTP {error.code} {error.reason}"


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == "f" else array
