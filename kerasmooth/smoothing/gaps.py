"""Gaps: where a keypoint is missing, for how long, and what fills it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Gaps:
    """The runs of missing frames of K keypoints over T frames.

    Attributes:
      inner: bool [T, K], missing between two measurements, in a run that is short enough to fill.
      outer: bool [T, K], missing before the first or after the last measurement, in a run that is short enough.
      filled: int64 [K], how many inner runs there are.
    """

    inner: np.ndarray
    outer: np.ndarray
    filled: np.ndarray


def longest_run(max_gap: float, fps: float) -> int:
    """How many missing frames in a row span at most `max_gap` seconds."""
    # A run of n frames takes n / fps; the small term forgives 0.5 * 29.97 style rounding.
    return int(np.floor(max_gap * fps + 1e-6))


def previous_known(known: np.ndarray) -> np.ndarray:
    """int64 [T, K]: the last known frame at or before each frame, -1 where there is none."""
    frames = np.arange(len(known))[:, None]
    return np.maximum.accumulate(np.where(known, frames, -1), axis=0)


def next_known(known: np.ndarray) -> np.ndarray:
    """int64 [T, K]: the first known frame at or after each frame, T where there is none."""
    frames = np.arange(len(known))[:, None]
    return np.minimum.accumulate(np.where(known, frames, len(known))[::-1], axis=0)[::-1]


def find_gaps(known: np.ndarray, max_frames: int) -> Gaps:
    """Finds the runs of at most `max_frames` missing frames. known: bool [T, K]."""
    if known.all():
        return Gaps(np.zeros_like(known), np.zeros_like(known), np.zeros(known.shape[1], np.int64))
    before, after = previous_known(known), next_known(known)
    short = ~known & (after - before - 1 <= max_frames)
    inner = short & (before >= 0) & (after < len(known))
    outer = short & ~inner & known.any(axis=0)
    starts = inner.copy()
    starts[1:] &= ~inner[:-1]
    return Gaps(inner, outer, starts.sum(axis=0))


def interpolate(positions: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Positions [T, K, D] with every missing one on the line between its neighbours, or held beyond the ends.

    A keypoint that is never known becomes 0 throughout.
    """
    if known.all():
        return np.array(positions)
    before, after = previous_known(known), next_known(known)
    has_before, has_after = before >= 0, after < len(known)
    before = np.where(has_before, before, np.where(has_after, after, 0))
    after = np.where(has_after, after, before)
    share = (np.arange(len(known))[:, None] - before) / np.maximum(after - before, 1)
    solid = np.where(known[..., None], positions, 0.0)
    start = np.take_along_axis(solid, before[..., None], axis=0)
    end = np.take_along_axis(solid, after[..., None], axis=0)
    return np.where(known[..., None], solid, start + np.clip(share, 0, 1)[..., None] * (end - start))


def lesser_neighbour(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values [T, K] with every missing one the lesser of its known neighbours in time; 0 where there is none."""
    before, after = previous_known(known), next_known(known)
    start = np.take_along_axis(values, np.maximum(before, 0), axis=0)
    end = np.take_along_axis(values, np.minimum(after, len(known) - 1), axis=0)
    lesser = np.fmin(np.where(before >= 0, start, np.nan), np.where(after < len(known), end, np.nan))
    return np.where(known, values, np.nan_to_num(lesser))


def spans(alive: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """The runs of frames in which a keypoint lives, (first, end) -> indices of the keypoints. alive: bool [T, K]."""
    edges = np.diff(np.pad(alive.astype(np.int8), ((1, 1), (0, 0))), axis=0)
    keypoints, firsts = np.nonzero(edges.T == 1)
    _, ends = np.nonzero(edges.T == -1)
    found: dict[tuple[int, int], list[int]] = {}
    for keypoint, first, end in zip(keypoints.tolist(), firsts.tolist(), ends.tolist(), strict=True):
        found.setdefault((first, end), []).append(keypoint)
    return {span: np.array(indices) for span, indices in found.items()}
