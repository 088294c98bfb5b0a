"""One frame of a stream, going in and coming out."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.filters.confidence_weights import FLOOR, POWER
from kerasmooth.pose_table import MISSING


@dataclass(frozen=True, eq=False)
class StreamFrame:
    """The people of a frame, smoothed; the axis P only where the frames given had it.

    Attributes:
      index: of the frame, counted from 0.
      ids: int64 [P], who each is; the same id from birth to death.
      keypoints: float64 [P, K, 2]; NaN where nothing is known.
      confidence: float64 [P, K], as given; that of the last measurement where there is none; 0 where missing.
      deviation: float64 [P, K], standard deviation of a position along one axis, NaN where the filter knows none.
      provenance: uint8 [P, K], index into `pose_table.PROVENANCE`.
    """

    index: int
    ids: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    deviation: np.ndarray
    provenance: np.ndarray


def checked_frame(
    keypoints: np.ndarray | None, confidence: np.ndarray | None, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions [P, K, 2], weights [P, K] and confidence [P, K] of what `KeypointStream.step` takes.

    Raises:
      ValueError: shapes that do not fit K = `count`.
    """
    if keypoints is None:
        return np.empty((0, count, 2)), np.empty((0, count)), np.empty((0, count))
    array = np.asarray(keypoints, np.float64)
    if array.ndim not in (2, 3) or array.shape[-2] != count or array.shape[-1] not in (2, 3):
        raise ValueError(f"keypoints must be [{count}, 2 or 3] or [P, {count}, 2 or 3]. Received: shape={array.shape}")
    if confidence is not None and np.shape(confidence) != array.shape[:-1]:
        raise ValueError(f"confidence must be {array.shape[:-1]}. Received: shape={np.shape(confidence)}")
    positions = array[..., :2].reshape(-1, count, 2)
    known = np.isfinite(positions).all(axis=-1)
    if confidence is None and array.shape[-1] == 2:
        certain: np.ndarray = np.ones(positions.shape[:2])
        return positions, np.where(known, 1.0, 0.0), certain
    scores = np.asarray(array[..., 2] if confidence is None else confidence, np.float64).reshape(-1, count)
    # Of `confidence_weights`, with a top of 1: what the recording's own top will be is not known yet.
    shares = np.minimum(np.maximum(np.where(np.isnan(scores), 1.0, scores), 0.0), 1.0)
    return positions, np.where(known & (shares >= FLOOR), shares**POWER, 0.0), scores


def shown_frame(
    index: int, ids: np.ndarray, positions: np.ndarray, confidence: np.ndarray, deviation: np.ndarray, kinds: np.ndarray
) -> StreamFrame:
    """The frame with what may be shown of arrays [P, ...], and without people of whom nothing may."""
    shown = (kinds != MISSING) & np.isfinite(positions).all(axis=-1)
    if len(ids) and shown.all():
        # The usual frame, and a shorter way to the same.
        return StreamFrame(
            index, np.array(ids), np.array(positions), np.array(confidence), np.array(deviation), np.array(kinds)
        )
    rows = np.flatnonzero(shown.any(axis=1))
    shown = shown[rows]
    return StreamFrame(
        index=index,
        ids=ids[rows],
        keypoints=np.where(shown[..., None], positions[rows], np.nan),
        confidence=np.where(shown, confidence[rows], 0.0),
        deviation=np.where(shown, deviation[rows], np.nan),
        provenance=np.where(shown, kinds[rows], MISSING).astype(np.uint8),
    )


def of_one(frame: StreamFrame, num_keypoints: int) -> StreamFrame:
    """The same without the axis of people; NaN where nobody is."""
    if len(frame.ids):
        parts = (frame.keypoints, frame.confidence, frame.deviation, frame.provenance)
        return StreamFrame(frame.index, frame.ids, *(part[0] for part in parts))
    return StreamFrame(
        index=frame.index,
        ids=frame.ids,
        keypoints=np.full((num_keypoints, 2), np.nan),
        confidence=np.zeros(num_keypoints),
        deviation=np.full(num_keypoints, np.nan),
        provenance=np.full(num_keypoints, MISSING, np.uint8),
    )
