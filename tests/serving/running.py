"""Servers for tests: tensorflow_model_server where it is on PATH, else the stand-in, in this process or in its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from model_server import ModelServer

from kerasmooth.errors import InputError
from kerasmooth.exporting.bundle import SERVED_FROM
from kerasmooth.serving import Client

REAL = shutil.which("tensorflow_model_server")
HERE = Path(__file__).parent


class Running:
    """A server of the models of a bundle, which may be stopped, killed and started again on the same ports.

    Args:
      bundle: the folder.
      folder: for the configuration with the bundle's own paths.
      batching: see `model_server.ModelServer`.
      apart: in a process of its own, as the real one always is.
    """

    def __init__(self, bundle: Path, folder: Path, *, batching: bool = False, apart: bool = False) -> None:
        self._bundle, self.config = bundle, folder / "served.config"
        self._batching, self._apart = batching, apart or REAL is not None
        self.grpc_port, self.rest_port = _free_port(), _free_port()
        self._server: Any = None
        self.process: subprocess.Popen[bytes] | None = None
        self.read_config()

    def read_config(self) -> None:
        """Copies the bundle's models.config; a server that runs reads it soon."""
        text = (self._bundle / "models.config").read_text().replace(f'"{SERVED_FROM}/', f'"{self._bundle}/')
        partial = self.config.with_suffix(".partial")
        partial.write_text(text)
        os.replace(partial, self.config)

    def address(self, scheme: str, model: str, suffix: str = "") -> str:
        port = self.grpc_port if scheme == "grpc" else self.rest_port
        return f"{scheme}://127.0.0.1:{port}/{model}{suffix}"

    def start(self, wait: str = "conv3d") -> "Running":
        if not self._apart:
            self._server = ModelServer(self.config, self.grpc_port, self.rest_port, batching=self._batching)
            self._server.start()
            return self
        self.process = subprocess.Popen(self._command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                with Client(self.address("grpc", wait), retries=0, timeout=5) as client:
                    client.status()
                return self
            except InputError:
                time.sleep(0.2)
        raise TimeoutError("the server did not start")

    def stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None
        self.kill(signal.SIGTERM)

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    @property
    def servables(self) -> Any:
        """What the stand-in in this process holds."""
        return self._server.servables

    def _command(self) -> list[str]:
        server = [REAL] if REAL else [sys.executable, str(HERE / "model_server.py")]
        flags = {
            "port": self.grpc_port,
            "rest_api_port": self.rest_port,
            "model_config_file": self.config,
            "model_config_file_poll_wait_seconds": 1,
            "enable_batching": str(self._batching).lower(),
            "enable_per_model_batching_parameters": str(self._batching).lower(),
            "allow_version_labels_for_unavailable_models": "true",
        }
        return [*server, *(f"--{name}={value}" for name, value in flags.items())]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
