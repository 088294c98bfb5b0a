"""What a served model is asked to see how fast it answers, and whether as the model in place does."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.serving import Client

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


def rows(
    client: Client, local: Client | None, requests: int, most_seconds: float = float("inf")
) -> list[dict[str, object]]:
    """How long the answers of each signature took, and by how much they differ from those of the model in place.

    Args:
      client: of the server.
      local: of the same model in this process; None is none.
      requests: to each signature, one after the other, the first one not counted.
      most_seconds: fewer where they take longer.

    Raises:
      InputError: the server refuses a request, or differs from `local` by more than rounding.
    """
    found = []
    for signature, (windows, inputs) in requests_of(client.metadata).items():
        times = _times(client, signature, inputs, requests, most_seconds)
        row: dict[str, object] = {"signature": signature, "windows a request": windows or "", "requests": len(times)}
        row |= {f"p{percentile}, ms": float(np.percentile(times, percentile)) for percentile in PERCENTILES}
        row["windows/s"] = 1000 * windows / float(times.mean()) if windows else ""
        row["differs from local by"] = _difference(client, local, signature, inputs) if local and windows else ""
        found.append(row)
    return found


def _times(client: Client, signature: str, inputs: Arrays, requests: int, most_seconds: float) -> np.ndarray:
    """Milliseconds of each request."""
    client.ask(signature, **inputs)
    times = list[float]()
    while not times or (len(times) < requests and sum(times) < 1000 * most_seconds):
        start = time.perf_counter()
        client.ask(signature, **inputs)
        times.append(1000 * (time.perf_counter() - start))
    return np.array(times)


def _difference(server: Client, local: Client, signature: str, inputs: Arrays) -> float:
    """The largest of keypoints that both find. Raises InputError where it is more than rounding."""
    answers = [client.ask(signature, **inputs) for client in (server, local)]
    if not np.array_equal(answers[0]["found"], answers[1]["found"]):
        raise InputError(f"{server.address}: {signature} finds other keypoints than {local.address}")
    difference = float(np.max(np.abs(answers[0]["keypoints"] - answers[1]["keypoints"]), initial=0.0))
    if not difference <= (PIXELS if signature == "sequence" else CELLS):
        raise InputError(f"{server.address}: {signature} differs from {local.address} by {difference:.3g}")
    return difference
