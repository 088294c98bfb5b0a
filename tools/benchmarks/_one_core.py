"""Measures calls by the processor time they take, in turns, on motion that it makes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FPS = 30.0
KEYPOINTS = 25


@dataclass(frozen=True)
class Way:
    """Something to measure.

    Attributes:
      call: what is measured.
      frames: how many person-frames of 25 keypoints it smooths.
    """

    call: Callable[[], object]
    frames: float


def motion(frames: int, seed: int = 0) -> np.ndarray:
    """[T, 25, 2] in pixels: a person of some 300 px who moves at up to 1 Hz, with noise of 3 px."""
    random = np.random.default_rng(seed)
    place = random.uniform((100, 50), (250, 350), (KEYPOINTS, 2))
    phase, pace = random.uniform(0, 6, (KEYPOINTS, 2)), random.uniform(1, 6, (KEYPOINTS, 2))
    seconds = np.arange(frames)[:, None, None] / FPS
    return place + 15 * np.sin(pace * seconds + phase) + random.normal(0, 3, (frames, KEYPOINTS, 2))


def rates(ways: dict[str, Way], seconds: float) -> dict[str, float]:
    """Person-frames per second of processor time; the median of calls in turns, so that all meet the same machine.

    A way that takes longer than its share of `seconds` is called once.
    """
    spent: dict[str, list[float]] = {name: [] for name in ways}
    end = time.perf_counter() + seconds
    while not all(spent.values()) or time.perf_counter() < end:
        for name, way in ways.items():
            if sum(spent[name]) > seconds / 2:
                continue
            start = time.process_time()
            way.call()
            spent[name].append(time.process_time() - start)
        if all(sum(times) > seconds / 2 for times in spent.values()):
            break
    return {name: ways[name].frames / max(float(np.median(times)), 1e-9) for name, times in spent.items()}
