"""One client for gRPC, REST and folders: the same answers, and one line for whatever goes wrong."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import yaml
from running import REAL, Running, Server
from small_bundle import Bundle

from kerasmooth.errors import InputError
from kerasmooth.serving import Client
from kerasmooth.skeletons import BOULDERING_25

SCHEMES = ("grpc", "http")
FPS = 30.0


def recording(frames: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A person who wanders through an image: [T, 25, 2] with NaN where missing, and [T, 25]."""
    random = np.random.default_rng(seed)
    keypoints = random.uniform(100, 900, (25, 2)) + random.normal(0, 4, (frames, 25, 2)).cumsum(axis=0)
    confidence = random.uniform(0.1, 1, (frames, 25)) * (random.random((frames, 25)) > 0.2)
    confidence[frames // 2] = 0
    keypoints[confidence == 0] = np.nan
    return keypoints, confidence


@pytest.mark.parametrize("model", ["conv3d", "deciwatch"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_server_says_what_the_folder_says(server: Server, small_bundle: Bundle, scheme: str, model: str) -> None:
    keypoints, confidence = recording(30)
    here = Client(small_bundle.path / model)
    with Client(server.address(scheme, model, "/labels/stable")) as there:
        assert there.metadata == here.metadata
        assert there.status() == "version 1 AVAILABLE"
        expected = here.smooth(keypoints, confidence, FPS)
        received = there.smooth(keypoints, confidence, FPS)
        np.testing.assert_allclose(received, expected, atol=1e-3)
        trained = np.isin(BOULDERING_25.keypoints, here.metadata["supervised"])
        assert 0.5 < np.isfinite(expected[:, trained, 0]).mean() < 0.9
        assert np.isnan(expected[:, ~trained]).all()
        inputs = {
            "keypoints": np.full((2, 25, 2), 3, np.float32),
            "confidence": np.ones((2, 25), np.float32),
            "state": np.zeros((2, here.metadata["state_size"]), np.float32),
        }
        answers = [client.ask("stream", **inputs) for client in (there, here)]
        for name in ("keypoints", "found", "confidence", "state"):
            np.testing.assert_allclose(answers[0][name], answers[1][name], atol=1e-4)
    np.testing.assert_allclose(Client(small_bundle.run(model)).smooth(keypoints, confidence, FPS), expected, atol=1e-3)


def test_a_long_recording_goes_in_pieces_that_give_the_whole(server: Server, small_bundle: Bundle) -> None:
    keypoints, confidence = recording(700)
    expected = Client(small_bundle.path / "deciwatch", frames_per_request=10**6).smooth(keypoints, confidence, FPS)
    for frames in (100, 201):
        with Client(server.address("grpc", "deciwatch"), frames_per_request=frames) as client:
            np.testing.assert_allclose(client.smooth(keypoints, confidence, FPS), expected, atol=1e-3)


def test_requests_that_are_batched_do_not_touch_each_other(batching_server: Server, small_bundle: Bundle) -> None:
    """The server fills the shorter ones up with their first value, and refuses all of a batch for the fault of one."""
    here = Client(small_bundle.path / "deciwatch")
    recordings = [recording(length, seed) for seed, length in enumerate((3, 9, 20, 31, 40, 11, 6, 25))]
    expected = [here.smooth(*one, FPS) for one in recordings]
    with Client(batching_server.address("grpc", "deciwatch")) as client:
        client.smooth(*recordings[0], FPS)

        def ask(number: int) -> np.ndarray | str:
            if number % 9 == 8:
                with pytest.raises(InputError) as refusal:
                    client.smooth(*recordings[0], fps=-1.0)
                return str(refusal.value)
            return client.smooth(*recordings[number % 9], FPS)

        with ThreadPoolExecutor(9) as pool:
            answers = list(pool.map(ask, range(36)))
    for number, answer in enumerate(answers):
        if number % 9 == 8:
            assert "fps must be above 0" in answer
        else:
            np.testing.assert_allclose(answer, expected[number % 9], atol=1e-3)
    if isinstance(batching_server, Running) and REAL is None:
        batcher = batching_server.servables.get("deciwatch", None, "")[1]._batcher
        assert max(batcher.batches) > 1, "some requests met"


def test_a_person_of_other_keypoints_is_refused_even_where_the_server_fills_up(batching_server: Server) -> None:
    for scheme in SCHEMES:
        with (
            Client(batching_server.address(scheme, "deciwatch")) as client,
            pytest.raises(InputError, match=r"keypoints must be \[B, T, 25, 2\]|is a model of 25 keypoints"),
        ):
            client.smooth(np.ones((9, 17, 2)), np.ones((9, 17)), FPS)


WRONG = {
    "no such model": ("nobody", "", "sequence", "refuses: .*nobody"),
    "no such version": ("conv3d", "/versions/7", "sequence", "refuses: .*7"),
    "no such label": ("conv3d", "/labels/best", "sequence", "refuses: .*label.*best"),
    "no such signature": ("conv3d", "", "serve", "refuses: .*serve"),
    "wrong shape": (
        "conv3d",
        "",
        "keypoints",
        r"refuses: keypoints must be \[B, 5, 25, 2\]. Received: shape = 1 4 25 2",
    ),
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(server: Server, scheme: str, case: str) -> None:
    model, suffix, signature, text = WRONG[case]
    keypoints, confidence = np.zeros((1, 4, 25, 2), np.float32), np.zeros((1, 4, 25), np.float32)
    with Client(server.address(scheme, model, suffix)) as client, pytest.raises(InputError, match=text) as refusal:
        client.ask(signature, keypoints=keypoints, confidence=confidence)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    "address", ["ftp://host/name", "grpc://host:8500", "http:///name", "grpc://host:1/a/b/c", "nowhere"]
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(InputError, match=r"is no address of a model|is not a folder"):
        Client(address)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_dead_server_and_a_slow_one(server: Server, scheme: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/conv3d"
        with (
            Client(address, retries=1) as client,
            pytest.raises(InputError, match=r"cannot be reached .*tried 2 times"),
        ):
            client.status()
    keypoints = np.random.default_rng(0).uniform(0, 99, (1, 900, 25, 2)).astype(np.float32)
    inputs = {"keypoints": keypoints, "confidence": np.ones((1, 900, 25), np.float32)}
    inputs |= {"fps": np.array([30], np.float32), "length": np.array([900], np.int32)}
    with (
        Client(server.address(scheme, "conv3d"), timeout=0.01) as client,
        pytest.raises(InputError, match=r"did not answer within 0.01 s: send fewer frames or wait longer"),
    ):
        client.ask("sequence", **inputs)


@pytest.mark.usefixtures("ours_to_stop")
def test_a_server_that_is_restarted_is_waited_for(small_bundle: Bundle, tmp_path: Path) -> None:
    running, rows = Running(small_bundle.path, tmp_path).start(), np.zeros(1, np.int32)
    clients = [Client(running.address(scheme, "deciwatch"), retries=10) for scheme in SCHEMES]
    with ThreadPoolExecutor(len(clients)) as pool:
        for client in clients:
            client.ask("metadata", rows=rows)
        running.stop()
        later = [pool.submit(client.ask, "metadata", rows=rows) for client in clients]
        time.sleep(0.5)
        assert not any(answer.done() for answer in later)
        running.start()
        assert {len(answer.result()["metadata"]) for answer in later} == {1}
    for client in clients:
        client.close()
    running.stop()


def post(server: Server, path: str, body: bytes) -> dict[str, object]:
    request = urllib.request.Request(f"http://{server.hosts['http']}{path}", body)
    with urllib.request.urlopen(request, timeout=30) as response:
        return dict(json.load(response))


def test_the_page_s_request_and_health_check_work(server: Server, small_bundle: Bundle) -> None:
    body = (small_bundle.path / "request.json").read_bytes()
    answer = post(server, "/v1/models/conv3d/labels/stable:predict", body)
    assert set(answer["outputs"]) == {"keypoints", "found", "confidence", "fault"}  # type: ignore[call-overload]
    rows = {"signature_name": "metadata", "instances": [0, 0]}
    assert len(post(server, "/v1/models/conv3d:predict", json.dumps(rows).encode())["predictions"]) == 2  # type: ignore[arg-type]
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post(server, "/v1/models/conv3d:predict", b"{")
    test = yaml.safe_load((small_bundle.path / "compose.yaml").read_text())["services"]["serving"]["healthcheck"][
        "test"
    ]
    script = test[3].replace("$$", "$").replace("localhost/8501", server.hosts["http"].replace(":", "/"))
    here = script.replace("/models/models.config", str(small_bundle.path / "models.config"))
    assert subprocess.run(["bash", "-c", here], timeout=30).returncode == 0
    dead = here.replace(server.hosts["http"].replace(":", "/"), "localhost/1")
    assert subprocess.run(["bash", "-c", dead], timeout=30, stderr=subprocess.DEVNULL).returncode != 0
