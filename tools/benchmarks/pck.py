"""Judging keypoints: vectorised, beside a Python loop over frames and keypoints as the published code has it."""

import math
import time

import numpy as np

from kerasmooth import metrics
from kerasmooth.skeletons import BOULDERING_25

TITLE = "PCK at 0.05, 0.1 and 0.2 of the torso, 5 frames x 25 keypoints a window"
LIMIT = "NumPy passes over 25 x 5 distances and thresholds a window, in cache; bar: 20,000 windows/s judged."

BATCH = 512
LOOPED = 16
"""Windows that the loop judges in a turn: of the whole batch it would take seconds."""


def published(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> list[float]:
    """Shares of hits at the three thresholds, by one distance per frame and keypoint."""
    hits, total = [0, 0, 0], 0
    left_shoulder, right_shoulder, left_hip, right_hip = (
        BOULDERING_25.index(name) for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    )
    for window in range(len(truth)):
        for frame in range(truth.shape[1]):
            pose, guess, shown = truth[window, frame], predicted[window, frame], visibility[window, frame]
            if not (shown[left_shoulder] and shown[left_hip] and shown[right_shoulder] and shown[right_hip]):
                continue
            left = np.linalg.norm(pose[left_shoulder] - pose[left_hip])
            torso = (left + np.linalg.norm(pose[right_shoulder] - pose[right_hip])) / 2
            for k in range(len(pose)):
                if shown[k]:
                    distance = np.linalg.norm(guess[k] - pose[k])
                    total += 1
                    for a, threshold in enumerate(metrics.THRESHOLDS):
                        hits[a] += bool(distance <= threshold * torso)
    return [count / total if total else math.nan for count in hits]


def measure(seconds: float) -> list[dict[str, object]]:
    """Rows: the way and windows/s. Both ways are checked to agree."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 56, (BATCH, 5, 25, 2)).astype(np.float32)
    predicted = truth + rng.normal(0, 3, truth.shape).astype(np.float32)
    visibility = rng.random(truth.shape[:-1]) < 0.95
    part = (truth[:LOOPED], predicted[:LOOPED], visibility[:LOOPED])
    if not np.allclose(published(*part), metrics.pck_counts(*part, torso="published").total()):
        raise ValueError("the loop and the vectorised PCK disagree")
    times: list[list[float]] = [[], [], []]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not times[-1]:
        marks = [time.perf_counter()]
        published(*part)
        marks.append(time.perf_counter())
        metrics.pck_counts(truth, predicted, visibility)
        marks.append(time.perf_counter())
        metrics.pck_counts(truth, predicted, visibility)
        metrics.end_point_error(truth, predicted, visibility)
        metrics.acceleration_error(truth, predicted, visibility)
        marks.append(time.perf_counter())
        for i in range(3):
            times[i].append(marks[i + 1] - marks[i])
    rows = (
        ("published: a loop over frames and keypoints", LOOPED),
        ("PCK", BATCH),
        ("PCK, end-point error and acceleration error", BATCH),
    )
    return [
        {"what": what, "rate": windows / float(np.median(spent)), "unit": "windows/s"}
        for (what, windows), spent in zip(rows, times, strict=True)
    ]
