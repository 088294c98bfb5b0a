"""Cutting clips into windows, and putting windows back together.

A window is T frames that lie `frame_step` apart; neighbouring windows of a segment start `stride` frames apart.
"""

import numpy as np


def span(window: int, frame_step: int = 1) -> int:
    """Clip frames from the first to the last of a window, both counted."""
    return (window - 1) * frame_step + 1


def segments(usable: np.ndarray) -> np.ndarray:
    """The maximal runs of True in `usable` [num_frames]: int64 [N, 2] of (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], usable, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)


def window_starts(usable: np.ndarray, window: int, frame_step: int = 1, stride: int = 1) -> np.ndarray:
    """First frames of all windows of a clip.

    Args:
      usable: bool [num_frames]; no window spans a frame that is not.
      window: frames in a window, T.
      frame_step: clip frames from one frame of a window to the next.
      stride: clip frames between the starts of neighbouring windows; each segment of usable frames begins anew.

    Returns:
      int64 [N], ascending.

    Raises:
      ValueError: a setting below 1.
    """
    for name, value in {"window": window, "frame_step": frame_step, "stride": stride}.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1. Received: {name}={value}")
    last = span(window, frame_step) - 1
    starts = [np.arange(first, end - last, stride) for first, end in segments(usable)]
    return np.concatenate([np.empty(0, np.int64), *starts])


def frame_indices(starts: np.ndarray, window: int, frame_step: int = 1) -> np.ndarray:
    """Frames that windows show: starts [N] -> int64 [N, T]."""
    return starts[:, None] + np.arange(window, dtype=np.int64) * frame_step


def covered(starts: np.ndarray, num_frames: int, window: int, frame_step: int = 1) -> np.ndarray:
    """bool [num_frames]: some window shows the frame."""
    shown = np.zeros(num_frames, bool)
    shown[frame_indices(starts, window, frame_step)] = True
    return shown


def drop_reasons(
    usable: np.ndarray, starts: np.ndarray, window: int, frame_step: int = 1, unusable: str = "no_box"
) -> dict[str, int]:
    """Frames of a clip that no window shows, counted by reason.

    Args:
      usable: bool [num_frames], as given to `window_starts`.
      starts: [N], what it returned.
      window, frame_step: as given to it.
      unusable: the name of the reason where `usable` is False.

    Returns:
      Counts above zero: `unusable`; "too_short": a segment shorter than a window; "between_windows": left over by a
      stride or frame step.
    """
    shown = covered(starts, len(usable), window, frame_step)
    counts = {unusable: int(np.sum(~usable)), "too_short": 0, "between_windows": 0}
    for first, end in segments(usable):
        reason = "too_short" if end - first < span(window, frame_step) else "between_windows"
        counts[reason] += int(np.sum(~shown[first:end]))
    return {reason: count for reason, count in counts.items() if count}


def merge_windows(values: np.ndarray, indices: np.ndarray, num_frames: int) -> np.ndarray:
    """Per frame the mean over all windows that show it.

    Args:
      values: [N, T, ...], a result for each frame of each window; NaN does not count.
      indices: int [N, T], the frame that each is about, below `num_frames`.
      num_frames: frames in the clip.

    Returns:
      float64 [num_frames, ...]; NaN for a frame (or an element of it) that no window has a value for.

    Raises:
      ValueError: the leading axes of `values` and `indices` differ, or an index lies outside the clip.
    """
    if values.shape[:2] != indices.shape:
        shapes = f"values.shape={values.shape}, indices.shape={indices.shape}"
        raise ValueError(f"values [N, T, ...] and indices [N, T] must agree. Received: {shapes}")
    if indices.size and not 0 <= indices.min() <= indices.max() < num_frames:
        received = f"num_frames={num_frames}, indices from {indices.min()} to {indices.max()}"
        raise ValueError(f"indices must lie in 0 .. num_frames - 1. Received: {received}")
    known = ~np.isnan(values)
    total = np.zeros((num_frames, *values.shape[2:]))
    count = np.zeros(total.shape, np.int64)
    np.add.at(total, indices, np.where(known, values, 0.0))
    np.add.at(count, indices, known)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
