"""Servers for tests: one that runs already, else tensorflow_model_server where it is on PATH, else the stand-in.

The one that runs already is named by two variables, and serves what `python tests/small_bundle.py DIR` made:

    python tests/small_bundle.py DIR
    docker compose -f DIR/bundle/compose.yaml up -d --wait
    export KERASMOOTH_SERVER=grpc://localhost:8500,http://localhost:8501 KERASMOOTH_BUNDLE=DIR
    python -m pytest tests/serving

Tests that end a server and start it again, or change what it serves, are skipped then.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer
from small_bundle import FOLDER_VARIABLE

from kerasmooth.errors import InputError
from kerasmooth.exporting.bundle import SERVED_FROM
from kerasmooth.serving import Client

SERVER_VARIABLE = "KERASMOOTH_SERVER"
REAL = shutil.which("tensorflow_model_server")
HERE = Path(__file__).parent


class Server:
    """Where a server of the models of a bundle listens: {"grpc": "host:port", "http": "host:port"}."""

    hosts: dict[str, str]

    def address(self, scheme: str, model: str, suffix: str = "") -> str:
        return f"{scheme}://{self.hosts[scheme]}/{model}{suffix}"


class RunningAlready(Server):
    """The one that the variable names; it is neither started nor stopped."""

    def __init__(self, text: str) -> None:
        self.hosts = dict(place.rstrip("/").split("://") for place in text.split(","))
        if set(self.hosts) != {"grpc", "http"} or FOLDER_VARIABLE not in os.environ:
            example = f"{SERVER_VARIABLE}=grpc://localhost:8500,http://localhost:8501 and {FOLDER_VARIABLE}=DIR"
            raise pytest.UsageError(f"set {example}; received {SERVER_VARIABLE}={text}")


ALREADY = RunningAlready(os.environ[SERVER_VARIABLE]) if os.environ.get(SERVER_VARIABLE) else None


class Running(Server):
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
        self.hosts = {scheme: f"127.0.0.1:{_free_port()}" for scheme in ("grpc", "http")}
        self._server: Any = None
        self.process: subprocess.Popen[bytes] | None = None
        self.read_config()

    def read_config(self) -> None:
        """Copies the bundle's models.config; a server that runs reads it soon."""
        text = (self._bundle / "models.config").read_text().replace(f'"{SERVED_FROM}/', f'"{self._bundle}/')
        partial = self.config.with_suffix(".partial")
        partial.write_text(text)
        os.replace(partial, self.config)

    def start(self, wait: str = "conv3d") -> "Running":
        if not self._apart:
            self._server = ModelServer(self.config, *self._ports, batching=self._batching)
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

    @property
    def _ports(self) -> list[int]:
        return [int(self.hosts[scheme].rpartition(":")[2]) for scheme in ("grpc", "http")]

    def _command(self) -> list[str]:
        server = [REAL] if REAL else [sys.executable, str(HERE / "model_server.py")]
        flags = {
            "port": self._ports[0],
            "rest_api_port": self._ports[1],
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
