"""Generated recordings with known truth, for tests of smoothers."""

import functools

import numpy as np

from kerasmooth.sample.motion import sequence
from kerasmooth.skeletons import BOULDERING_25

SKELETON = BOULDERING_25
WRISTS, ANKLES = (7, 8), (19, 20)


@functools.lru_cache(maxsize=64)
def truth(kind: str, fps: float, seconds: float = 3.0, seed: int = 0) -> np.ndarray:
    """Pixels [T, 25, 2]."""
    return sequence(kind, int(seconds * fps), fps, seed)


def torso(points: np.ndarray) -> float:
    """Median length of the torso's sides in pixels."""
    sides = points[:, [3, 4]] - points[:, [15, 16]]
    return float(np.median(np.linalg.norm(sides, axis=-1)))


def noise(shape: tuple[int, ...], fps: float, seed: int = 0, memory: float = 0.0) -> np.ndarray:
    """Of deviation 1 along an axis; correlated from frame to frame where a memory in seconds is given (AR(1))."""
    values = np.random.default_rng(seed).standard_normal(shape)
    if memory:
        rho = np.exp(-1 / (memory * fps))
        for frame in range(1, len(values)):
            values[frame] = rho * values[frame - 1] + np.sqrt(1 - rho**2) * values[frame]
    return values


def errors(result: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distances to the truth in torsos, [T, K]."""
    return np.linalg.norm(result - points, axis=-1) / torso(points)


def peaks_kept(result: np.ndarray, points: np.ndarray, keypoints: tuple[int, ...]) -> float:
    """Mean share of the way from rest to the turning points of the gestures that is left."""
    shares = []
    for keypoint in keypoints:
        rest = np.median(points[:, keypoint], axis=0)
        away = points[:, keypoint] - rest
        far = np.linalg.norm(away, axis=-1)
        inner = far[1:-1]
        tops = 1 + np.flatnonzero((inner >= far[:-2]) & (inner > far[2:]) & (inner > 0.6 * far.max()))
        if far.max() > 0.3 * torso(points):
            for top in tops:
                shares.append(float((result[top, keypoint] - rest) @ away[top] / far[top] ** 2))
    return float(np.mean(shares))
