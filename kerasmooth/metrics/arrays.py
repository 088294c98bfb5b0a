"""What the metrics share: shapes, quotients, and keypoints by the name of their pair."""

from collections.abc import Iterator

import numpy as np

from kerasmooth.skeletons import Skeleton

_CHUNK_FRAMES = 2048
"""Frames judged at once, so that the steps between stay in the processor's cache."""


def sides_merged(skeleton: Skeleton) -> dict[str, list[int]]:
    """Keypoint names without their side, in order -> the one or two indices of that name."""
    merged: dict[str, list[int]] = {}
    for index, name in enumerate(skeleton.keypoints):
        merged.setdefault(name.removeprefix("left_").removeprefix("right_"), []).append(index)
    return merged


def quotient(parts: np.ndarray, wholes: np.ndarray | int) -> np.ndarray:
    """parts / wholes, NaN where there is nothing to divide by."""
    wholes = np.broadcast_to(np.asarray(wholes, np.float64), np.shape(parts))
    return np.divide(parts, wholes, out=np.full(np.shape(parts), np.nan), where=wholes > 0)


def by_name(parts: np.ndarray, wholes: np.ndarray, skeleton: Skeleton) -> dict[str, np.ndarray]:
    """Keypoint name -> quotient [...] of parts [..., K] and wholes [K]; the two of a pair together, by their name."""
    return {
        name: quotient(parts[..., indices].sum(axis=-1), wholes[indices].sum())
        for name, indices in sides_merged(skeleton).items()
    }


def chunks(keypoints: np.ndarray) -> Iterator[slice]:
    """Slices of the first axis of [N, T, K, 2] that hold some thousand frames each."""
    windows = max(1, _CHUNK_FRAMES // max(1, keypoints.shape[1]))
    return (slice(start, start + windows) for start in range(0, len(keypoints), windows))


def check(truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray) -> None:
    """Raises ValueError unless these are [N, T, K, 2], the same, and [N, T, K]."""
    if truth.ndim != 4 or truth.shape[-1] != 2:
        raise ValueError(f"keypoints must be [N, T, K, 2]. Received: shape={truth.shape}")
    if predicted.shape != truth.shape or visibility.shape != truth.shape[:-1]:
        raise ValueError(
            f"predicted and visibility must fit truth {truth.shape}. Received: predicted.shape={predicted.shape}, "
            f"visibility.shape={visibility.shape}"
        )
