"""Is a served model well? python tools/check_serving.py grpc://localhost:8500/NAME [--local=DIR] [--requests=200]

Asks the server for its status and metadata, sends each signature the same request again and again, and prints how long
the answers took. With --local, an export or run folder, the answers are compared with those of that model in place.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from kerasmooth.command_line import run
from kerasmooth.errors import InputError
from kerasmooth.serving import Client

_LOCAL = flags.DEFINE_string("local", "", "export or run folder that the server's answers are compared with")
_REQUESTS = flags.DEFINE_integer("requests", 200, "requests to each signature", lower_bound=1, upper_bound=100_000)
_TIMEOUT = flags.DEFINE_float("timeout", 30.0, "seconds for an answer", lower_bound=0.001)

SECONDS, FPS = 5, 30
PIXELS, CELLS = 1e-2, 1e-3
"""Differences that float32 explains: the order in which a server adds up is not ours."""
PERCENTILES = (50, 95, 99)

Arrays = dict[str, np.ndarray]


def requests_of(facts: Mapping[str, Any]) -> dict[str, tuple[int, Arrays]]:
    """For each signature of a model the number of windows, and inputs of one generated person.

    `sequence` gets five seconds, the heatmaps' signatures one window's frames, `keypoints` 16 windows.
    """
    random = np.random.default_rng(0)
    window, num_keypoints, size = facts["window"], facts["num_keypoints"], (facts["height"], facts["width"])

    def walk(*leading: int) -> np.ndarray:
        """[..., T, K, 2] in cells."""
        start = random.uniform(0.2, 0.8, (*leading[:-1], 1, num_keypoints, 2)) * size[::-1]
        return (start + random.normal(0, 0.3, (*leading, num_keypoints, 2))).astype(np.float32)

    frames, maps = SECONDS * FPS, np.zeros((1, window, *size, num_keypoints), np.float32)
    for frame, keypoint in np.ndindex(window, num_keypoints):
        x, y = walk(1)[0, keypoint].round().astype(int)
        maps[0, frame, y, x, keypoint] = 1
    ones, length = np.ones((1, frames, num_keypoints), np.float32), np.array([window], np.int32)
    requests: dict[str, tuple[int, Arrays]] = {
        "sequence": (
            frames - window + 1,
            {
                "keypoints": 100 + 8 * walk(1, frames),
                "confidence": ones,
                "fps": np.array([FPS], np.float32),
                "length": np.array([frames], np.int32),
            },
        ),
        "keypoints": (16, {"keypoints": walk(16, window), "confidence": np.ones_like(walk(16, window)[..., 0])}),
        "heatmaps": (1, {"heatmaps": maps, "length": length}),
        "heatmaps_to_keypoints": (1, {"heatmaps": maps, "length": length}),
        "stream": (
            1,
            {
                "keypoints": walk(1),
                "confidence": ones[:, 0],
                "state": np.zeros((1, facts["state_size"]), np.float32),
            },
        ),
        "metadata": (0, {"rows": np.zeros(1, np.int32)}),
    }
    return {name: requests[name] for name in facts["signatures"]}


def measure(client: Client, signature: str, inputs: Arrays, requests: int) -> np.ndarray:
    """Milliseconds of each of so many requests, one after the other, without the first one."""
    client.ask(signature, **inputs)
    times = []
    for _ in range(requests):
        start = time.perf_counter()
        client.ask(signature, **inputs)
        times.append(1000 * (time.perf_counter() - start))
    return np.array(times)


def compare(server: Client, local: Client, signature: str, inputs: Arrays) -> float:
    """The largest difference of keypoints that both find. Raises InputError where it is more than rounding."""
    answers = [client.ask(signature, **inputs) for client in (server, local)]
    if not np.array_equal(answers[0]["found"], answers[1]["found"]):
        raise InputError(f"{server.address}: {signature} finds other keypoints than {local.address}")
    difference = float(np.max(np.abs(answers[0]["keypoints"] - answers[1]["keypoints"]), initial=0.0))
    if not difference <= (PIXELS if signature == "sequence" else CELLS):
        raise InputError(f"{server.address}: {signature} differs from {local.address} by {difference:.3g}")
    return difference


def table(client: Client, local: Client | None, requests: int) -> list[str]:
    """A Markdown table of all signatures."""
    heads = [
        "signature",
        "windows a request",
        *(f"p{p}, ms" for p in PERCENTILES),
        "windows/s",
        "differs from local by",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for signature, (windows, inputs) in requests_of(client.metadata).items():
        times = measure(client, signature, inputs, requests)
        agreed = f"{compare(client, local, signature, inputs):.1g}" if local and windows else ""
        rate = f"{1000 * windows / times.mean():,.0f}" if windows else ""
        cells = [signature, str(windows or ""), *(f"{np.percentile(times, p):.1f}" for p in PERCENTILES), rate, agreed]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main(words: list[str]) -> None:
    """Checks the server that the word names."""
    if len(words) != 1:
        raise InputError("name one address: python tools/check_serving.py grpc://localhost:8500/NAME")
    local = Client(_LOCAL.value) if _LOCAL.value else None
    with Client(words[0], timeout=_TIMEOUT.value) as client:
        facts = client.metadata
        print(f"{client.address}: {client.status()}")
        print("{name} version {version}: {model} of the run {run}, windows of {window} frames".format(**facts))
        if local:
            _check_same(client, local)
        print("\n".join(table(client, local, _REQUESTS.value)))


def _check_same(server: Client, local: Client) -> None:
    ours = {"name", "version", "run"} if Path(local.address, "config.json").exists() else set()
    different = [key for key, value in local.metadata.items() if key not in ours and server.metadata.get(key) != value]
    if different:
        raise InputError(f"{server.address} serves another model than {local.address}: {', '.join(different)} differ")


if __name__ == "__main__":
    run(main, takes_words=True)
