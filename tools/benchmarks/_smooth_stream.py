"""The time that a step of a stream takes."""

import time

import numpy as np
from benchmarks._one_core import FPS, KEYPOINTS, motion

from kerasmooth.streaming.stream import KeypointStream

HEADING = f"""Streaming: one step of `KeypointStream`, one person x {KEYPOINTS} keypoints, milliseconds

By the clock of the processor and by that on the wall: on a busy machine the latter counts what others do as well. With
gaps, 5 % of the keypoints are missing and 1 % are outliers."""

STEPS = 300
LOOKAHEADS = (0, 2, 4, 8)


def measure(seconds: float) -> list[dict[str, object]]:
    """A row for each lookahead and kind of input; all take their steps in turns."""
    whole = motion(STEPS)
    random = np.random.default_rng(2)
    gappy = whole + 200.0 * (random.random(whole.shape[:2]) < 0.01)[..., None]
    gappy[random.random(whole.shape[:2]) < 0.05] = np.nan
    cases = [(lookahead, kind) for lookahead in LOOKAHEADS for kind in ("complete", "gaps")]
    spent: list[list[tuple[float, float]]] = [[] for _ in cases]
    end = time.perf_counter() + seconds * len(cases) / 4
    while time.perf_counter() < end or not spent[0]:
        streams = [KeypointStream("bouldering_25", fps=FPS, lookahead=ahead) for ahead, _ in cases]
        for frame in range(STEPS):
            for case, stream in enumerate(streams):
                keypoints = (whole if cases[case][1] == "complete" else gappy)[frame]
                wall, own = time.perf_counter(), time.thread_time()
                stream.step(keypoints)
                own, wall = time.thread_time() - own, time.perf_counter() - wall
                # The first steps fill the stream.
                if frame > 20:
                    spent[case].append((own, wall))
    return [_row(case, np.array(times)) for case, times in zip(cases, spent, strict=True)]


def _row(case: tuple[int, str], times: np.ndarray) -> dict[str, object]:
    (middle, wall), (high, wall_high) = np.percentile(times * 1e3, [50, 95], axis=0)
    return {
        "lookahead (frames)": case[0],
        "input": case[1],
        "processor, median": f"{middle:.3f}",
        "processor, 95 % below": f"{high:.3f}",
        "wall, median": f"{wall:.3f}",
        "wall, 95 % below": f"{wall_high:.3f}",
    }
