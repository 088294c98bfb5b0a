"""Heatmaps to keypoints: vectorised, beside one arg-max per heatmap in a Python loop as the published code has it."""

import time
from collections.abc import Callable

import numpy as np

from kerasmooth.heatmap_codec import HeatmapCodec

TITLE = "Decoding heatmaps, 5 x 56 x 56 x 25 a window"
LIMIT = "arg-max: memory, every value of a window is read once (1.57 MB); bar: 1,500 windows/s by arg-max in NumPy."

BATCH = 16


def published(heatmaps: np.ndarray) -> np.ndarray:
    """Keypoints [B, T, K, 2] of heatmaps [B, T, K, H, W], the channels first as the published code keeps them."""
    keypoints = np.zeros((*heatmaps.shape[:3], 2))
    for window, frame, k in np.ndindex(*heatmaps.shape[:3]):
        one = heatmaps[window, frame, k]
        row, column = np.unravel_index(np.argmax(one), one.shape)
        keypoints[window, frame, k] = column, row
    return keypoints


def alternate(ways: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Median seconds of one call of each way, called in turns for that long, so that all meet the same machine."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not all(times.values()):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in times.items()}


def measure(seconds: float) -> list[dict[str, object]]:
    """Rows: the way, windows/s and the mean error in cells on clean sub-pixel heatmaps."""
    codec, rng = HeatmapCodec(), np.random.default_rng(0)
    keypoints = rng.uniform(8, 47, (BATCH, 5, 25, 2)).astype(np.float32)
    heatmaps = codec.encode(keypoints, np.ones(keypoints.shape[:-1], bool), 0, sub_pixel=True)
    channels_first = np.ascontiguousarray(np.moveaxis(heatmaps, -1, 2))
    ways: dict[str, Callable[[], np.ndarray]] = {
        "published: a loop over heatmaps": lambda: published(channels_first),
        "argmax": lambda: codec.decode(heatmaps, "argmax")[0],
        "dark": lambda: codec.decode(heatmaps, "dark")[0],
        "udp": lambda: codec.decode(heatmaps, "udp")[0],
    }
    medians = alternate(dict(ways), seconds)
    return [
        {
            "what": name,
            "rate": BATCH / medians[name],
            "unit": "windows/s",
            "mean error (cells)": float(np.linalg.norm(way() - keypoints, axis=-1).mean()),
        }
        for name, way in ways.items()
    ]
