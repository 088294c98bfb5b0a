"""An independent judge for tests: loops over windows, frames and keypoints, written from the definitions alone."""

import math
from collections.abc import Sequence

import numpy as np

SHOULDERS, HIPS = (3, 4), (15, 16)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return math.hypot(float(a[0]) - float(b[0]), float(a[1]) - float(b[1]))


def torso(truth: np.ndarray, visible: np.ndarray) -> float | None:
    """Of one frame: truth [K, 2], visible [K]."""
    sides = [distance(truth[s], truth[h]) for s, h in zip(SHOULDERS, HIPS, strict=True) if visible[s] and visible[h]]
    return sum(sides) / len(sides) if sides else None


def pck(
    frames: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    threshold: float,
    keypoints: Sequence[int] | None = None,
) -> float:
    """Per cent, of frames of (truth [K, 2], predicted [K, 2], visible [K])."""
    hits = total = 0
    for truth, predicted, visible in frames:
        size = torso(truth, visible)
        if size is None or size == 0:
            continue
        for k in keypoints if keypoints is not None else range(len(truth)):
            if visible[k]:
                total += 1
                hits += distance(truth[k], predicted[k]) <= threshold * size
    return 100 * hits / total


def end_point_error(frames: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> float:
    errors = [distance(t[k], p[k]) for t, p, visible in frames for k in range(len(t)) if visible[k]]
    return sum(errors) / len(errors)


def acceleration_error(tracks: Sequence[Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]]) -> float:
    """Tracks are lists of consecutive frames."""
    errors = []
    for track in tracks:
        for before, now, after in zip(track, track[1:], track[2:], strict=False):
            for k in range(len(now[0])):
                if before[2][k] and now[2][k] and after[2][k]:
                    true, guess = (before[i][k] - 2 * now[i][k] + after[i][k] for i in (0, 1))
                    errors.append(distance(true, guess))
    return sum(errors) / len(errors)


def to_pixels(cells: np.ndarray, box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Keypoints [K, 2] of one frame."""
    x1, y1, x2, y2 = (float(edge) for edge in box)
    height, width = size
    return np.array([[x1 + (x + 0.5) * (x2 - x1) / width, y1 + (y + 0.5) * (y2 - y1) / height] for x, y in cells])
