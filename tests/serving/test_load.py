"""Many clients at once, while a version is switched and the server goes away: each answer is right or a clear error."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from running import Running
from small_bundle import EXPORTED, Bundle
from tensorflow_serving.config import model_server_config_pb2

from kerasmooth.errors import InputError
from kerasmooth.exporting.check import example_inputs
from kerasmooth.serving import Client
from kerasmooth.training.run_folder import load_run

pytestmark = pytest.mark.usefixtures("ours_to_stop")
Arrays = dict[str, np.ndarray]
SIGNATURES = ("sequence", "keypoints", "stream", "heatmaps_to_keypoints", "metadata")


@dataclass(frozen=True)
class Request:
    """What is asked of a model, and what the folder answers: arrays, or the words of a refusal."""

    model: str
    signature: str
    inputs: Arrays
    answer: Arrays
    refusal: str = ""


def requests_of(bundle: Bundle) -> list[Request]:
    """Right and wrong requests of each model, of several sizes."""
    requests = []
    for model in EXPORTED:
        here, run = Client(bundle.path / model), load_run(bundle.run(model))
        for signature in SIGNATURES:
            for shape in ((1, 6), (2, 9), (3, 5)):
                inputs = example_inputs(run, signature, shape)
                requests.append(Request(model, signature, inputs, here.ask(signature, **inputs)))
        inputs = example_inputs(run, "sequence", (1, 6))
        wrong = {
            "fps must be above 0": ("sequence", inputs | {"fps": np.zeros(1, np.float32)}),
            "length must be from 0": ("sequence", inputs | {"length": np.full(1, 7, np.int32)}),
            "confidence must be": ("sequence", inputs | {"confidence": np.ones((1, 6, 25, 1), np.float32)}),
            "nothing": ("nothing", inputs),
            "Missing but required|missing": ("sequence", {"keypoints": inputs["keypoints"]}),
        }
        requests += [Request(model, signature, given, {}, text) for text, (signature, given) in wrong.items()]
    return requests


class Load:
    """So many clients that ask in turn; half of them by REST.

    Args:
      server: which is asked by the label stable.
      requests: to choose from.
      count: of all requests.
      clients: at once.
    """

    def __init__(self, server: Running, requests: list[Request], count: int, clients: int) -> None:
        self._server, self._requests, self._clients = server, requests, clients
        self._chosen = np.random.default_rng(0).integers(0, len(requests), count)
        self._next, self._lock = 0, threading.Lock()
        self.right, self.refused = 0, 0

    @property
    def done(self) -> int:
        return self.right + self.refused

    def run(self) -> None:
        """Returns when all are answered; raises what the first wrong answer raised."""
        with ThreadPoolExecutor(self._clients) as pool:
            for worker in [pool.submit(self._work, number) for number in range(self._clients)]:
                worker.result()

    def _work(self, number: int) -> None:
        scheme = ("grpc", "http")[number % 2]
        clients = {
            model: Client(self._server.address(scheme, model, "/labels/stable"), timeout=60, retries=40)
            for model in EXPORTED
        }
        while True:
            with self._lock:
                if self._next == len(self._chosen):
                    break
                request = self._requests[self._chosen[self._next]]
                self._next += 1
            refused = _is_refused(clients[request.model], request)
            with self._lock:
                self.refused, self.right = self.refused + refused, self.right + (not refused)
        for client in clients.values():
            client.close()


def _is_refused(client: Client, request: Request) -> bool:
    if request.refusal:
        with pytest.raises(InputError, match=request.refusal):
            client.ask(request.signature, **request.inputs)
        return True
    answer = client.ask(request.signature, **request.inputs)
    assert set(answer) == set(request.answer)
    for name, expected in request.answer.items():
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(answer[name], expected, atol=2e-3)
        else:
            assert answer[name].shape == expected.shape
    return False


def switch_version(server: Running, bundle: Path) -> None:
    """A second version of DeciWatch appears and becomes the stable one, as the bundle's page tells to do it."""
    shutil.copytree(bundle / "deciwatch" / "1", bundle / "deciwatch" / ".partial-2")
    (bundle / "deciwatch" / ".partial-2").rename(bundle / "deciwatch" / "2")
    path = bundle / "models.config"
    config = text_format.Parse(path.read_text(), model_server_config_pb2.ModelServerConfig())
    model = next(one for one in config.model_config_list.config if one.name == "deciwatch")
    model.model_version_policy.specific.versions.append(2)
    path.write_text(text_format.MessageToString(config))
    server.read_config()
    with Client(server.address("grpc", "deciwatch", "/versions/2")) as client:
        _wait_until(lambda: "AVAILABLE" in _status(client))
    model.version_labels["stable"] = 2
    path.write_text(text_format.MessageToString(config))
    server.read_config()


def _status(client: Client) -> str:
    try:
        return client.status()
    except InputError:
        return ""


def _wait_until(true: object, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


def resident(process: int) -> float:
    """Memory of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def under_load(bundle: Bundle, folder: Path, *, count: int, clients: int, apart: bool) -> list[float]:
    """Everything at once; returns the server's memory after the restart and at the end, where it is in a process."""
    copied = folder / "bundle"
    shutil.copytree(bundle.path, copied)
    server = Running(copied, folder, apart=apart).start()
    load = Load(server, requests_of(bundle), count, clients)
    memory = []
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(load.run)

        def reached(share: float) -> bool:
            if asked.done():
                asked.result()
            return load.done >= share * count

        _wait_until(lambda: reached(0.2), 600)
        switch_version(server, copied)
        _wait_until(lambda: reached(0.5), 600)
        server.kill() if server.process else server.stop()
        server.start()
        _wait_until(lambda: reached(0.7), 600)
        if server.process:
            memory.append(resident(server.process.pid))
        asked.result()
        if server.process:
            memory.append(resident(server.process.pid))
    with Client(server.address("grpc", "deciwatch", "/labels/stable")) as client:
        assert client.status() == "version 2 AVAILABLE"
    server.stop()
    assert load.done == count, "none is lost"
    assert load.refused > count / 10
    return memory


def test_nothing_is_lost_and_nothing_wrong(small_bundle: Bundle, tmp_path: Path) -> None:
    under_load(small_bundle, tmp_path, count=300, clients=8, apart=False)


@pytest.mark.slow
def test_ten_thousand_requests(small_bundle: Bundle, tmp_path: Path) -> None:
    before, after = under_load(small_bundle, tmp_path, count=10_000, clients=16, apart=True)
    assert after < before + 60, "memory is flat"
