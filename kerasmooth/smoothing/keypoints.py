"""Smooths keypoint arrays: the one call that finds swaps and outliers, fills gaps, filters, and reports."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasmooth.lengths import all_finite
from kerasmooth.pose_table import INTERPOLATED, MEASURED, MISSING, PREDICTED, REPLACED
from kerasmooth.skeletons import Skeleton
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing import report as smoothing_report
from kerasmooth.smoothing.arguments import checked_arrays, checked_depth, checked_fps, named_skeleton
from kerasmooth.smoothing.depth import prepare_depth
from kerasmooth.smoothing.filtering import extend_ends, filter_person
from kerasmooth.smoothing.mending import exchanged, is_measured, mend
from kerasmooth.smoothing.person_scale import person_size
from kerasmooth.smoothing.settings import AUTO, SmoothingSettings

CHUNK_FRAMES = 8192
OVERLAP_SECONDS = 4.0


@dataclass(frozen=True, eq=False)
class Smoothed:
    """What `smooth_keypoints` returns; the axis P only where the input had it.

    Attributes:
      keypoints: float64 [P, T, K, 2]; NaN where nothing is known.
      confidence: float64 [P, T, K], the input's (1 without one); 0 where missing. Where filled or replaced it is the
        least of its neighbours' and its own.
      deviation: float64 [P, T, K], standard deviation of a position along one axis in the input's unit, NaN where the
        filter knows none.
      provenance: uint8 [P, T, K], index into `pose_table.PROVENANCE`.
      swapped: bool [P, T, K], exchanged with its left or right partner.
      report: name -> array [P, K] (object for texts and dicts): `method`, `parameters`, `gaps_filled` (runs),
        `outliers` and `swaps` (frames), `jitter_before` and `jitter_after` (mean length of the second difference where
        measured, input unit per frame squared), `lag_ms`, `limited` (the highest cut-off was the likeliest: hardly
        anything could be smoothed); and `person_size` [P]. All of x and y.
      depth: float64 [P, T, K]; NaN where nothing is known, which may be where x and y are; None where none was given.
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    deviation: np.ndarray
    provenance: np.ndarray
    swapped: np.ndarray
    report: dict[str, np.ndarray]
    depth: np.ndarray | None = None


def smooth_keypoints(
    keypoints: np.ndarray,
    confidence: np.ndarray | None = None,
    *,
    fps: float | None,
    skeleton: str | Skeleton | None = None,
    method: str = AUTO,
    max_gap: float = 0.5,
    extend: float = 0.0,
    outliers: bool = True,
    swaps: bool = True,
    strength: float = 1.0,
    steadiness: float = 0.0,
    min_confidence: float = 0.0,
    depth: np.ndarray | None = None,
    **parameters: Any,
) -> Smoothed:
    """Smooths the keypoints of one or several people over time.

    Args:
      keypoints: [T, K, 2 or 3] or [P, T, K, 2 or 3], (x, y[, confidence]); NaN is missing. T consecutive frames.
      confidence: [T, K] or [P, T, K]; 0 is missing, NaN is unknown. It weighs every measurement.
      fps: frames per second.
      skeleton: a name (coco, mediapipe ...) or a Skeleton; says which keypoints are left/right pairs and the torso.
      method: "auto" or a name in `filters.FILTERS`.
      max_gap: seconds; longer gaps stay open.
      extend: seconds by which a keypoint is continued before its first and after its last measurement.
      outliers: find and replace positions that the others contradict.
      swaps: find and mend exchanged left/right pairs (needs `skeleton`).
      strength: multiplies the filter's time constant; 0 leaves everything as it is.
      steadiness: 0 to 1: by up to so many twentieths of a torso a keypoint may be moved for less jitter.
      min_confidence: measurements of less confidence count as missing: filled as gaps are, or NaN.
      depth: [T, K] or [P, T, K], a third coordinate in about the scale of x; NaN is missing. It is smoothed by the same
        method, with the swaps, outliers, weights and gaps of x and y and outliers of its own; x and y do not see it.
      **parameters: those of the filter, in hertz, seconds and person sizes.

    Raises:
      ValueError: shapes that do not fit, fps missing or not positive, an unknown method, skeleton or parameter.
    """
    settings = SmoothingSettings(
        method, max_gap, extend, outliers, swaps, strength, steadiness, min_confidence, parameters
    )
    people, scores = checked_arrays(keypoints, confidence)
    rate, body = checked_fps(fps), named_skeleton(skeleton, people.shape[2])
    depths = checked_depth(depth, np.shape(keypoints))
    each = zip(people, scores, [None] * len(people) if depths is None else depths, strict=True)
    smoothed = [smooth_person(points, weights, rate, body, settings, third) for points, weights, third in each]
    if np.ndim(keypoints) == 3:
        return smoothed[0]
    names = _ARRAYS if depths is None else (*_ARRAYS, "depth")
    arrays = {name: np.stack([getattr(one, name) for one in smoothed]) for name in names}
    report = {name: np.stack([one.report[name] for one in smoothed]) for name in smoothed[0].report}
    return Smoothed(**arrays, report=report)


_ARRAYS = ("keypoints", "confidence", "deviation", "provenance", "swapped")


@dataclass(frozen=True, eq=False)
class _Chunk:
    """A chunk of one person: arrays [T, K, ...], and what does not depend on time."""

    keypoints: np.ndarray
    confidence: np.ndarray
    deviation: np.ndarray
    provenance: np.ndarray
    swapped: np.ndarray
    depth: np.ndarray | None
    size: float
    notes: dict[str, Any]


def smooth_person(
    keypoints: np.ndarray,
    confidence: np.ndarray,
    fps: float,
    skeleton: Skeleton | None,
    settings: SmoothingSettings,
    depth: np.ndarray | None = None,
) -> Smoothed:
    """Smooths one person; long recordings in chunks that overlap, so that memory stays flat.

    Args:
      keypoints: float64 [T, K, 2], (x, y); NaN is missing.
      confidence: float64 [T, K], not negative; 0 is missing, NaN is unknown.
      fps: frames per second.
      skeleton: of the K keypoints; None: no pairs and no torso are known.
      settings: how.
      depth: float64 [T, K], see `smooth_keypoints`.
    """
    overlap = int(np.ceil(OVERLAP_SECONDS * fps))
    frames, num_keypoints = confidence.shape
    # Of many keypoints fewer frames at a time: finding outliers takes some 800 bytes for each.
    chunk = max(CHUNK_FRAMES * 25 // max(num_keypoints, 25), 4 * overlap)
    firsts = range(0, frames, chunk) if frames > chunk + 2 * overlap else range(1)
    last = frames if len(firsts) == 1 else chunk
    names = _ARRAYS if depth is None else (*_ARRAYS, "depth")
    whole: dict[str, np.ndarray] = {}
    chunks = []
    for first in firsts:
        begin, end = max(first - overlap, 0), min(first + last + overlap, frames)
        part, until = slice(begin, end), min(first + last, frames)
        done = _smooth_chunk(
            keypoints[part], confidence[part], fps, skeleton, settings, None if depth is None else depth[part]
        )
        for name in names:
            values = getattr(done, name)
            if name not in whole:
                whole[name] = np.empty((frames, *values.shape[1:]), values.dtype)
            whole[name][first:until] = values[first - begin : until - begin]
        chunks.append((done.size, done.notes))
    smoothed = Smoothed(**whole, report={})
    # The middle of a recording stands for what was chosen along it.
    size, notes = chunks[len(chunks) // 2]
    smoothed.report.update(_report(keypoints, confidence, smoothed, size, notes, fps, settings))
    return smoothed


def _smooth_chunk(
    keypoints: np.ndarray,
    scores: np.ndarray,
    fps: float,
    skeleton: Skeleton | None,
    settings: SmoothingSettings,
    depth: np.ndarray | None,
) -> _Chunk:
    if settings.strength == 0:
        measured = is_measured(keypoints, scores, settings)
        provenance = np.where(measured, MEASURED, MISSING).astype(np.uint8)
        unknown, unswapped = np.full(measured.shape, np.nan), np.zeros_like(measured)
        size = person_size(np.where(measured[..., None], keypoints, 0.0), measured, skeleton)
        confidence = np.where(measured, scores, 0.0)
        return _Chunk(np.array(keypoints), confidence, unknown, provenance, unswapped, depth, size, {})
    person = mend(keypoints, scores, fps, skeleton, settings)
    filtered = filter_person(person, fps, settings)
    further = int(settings.extend * fps + 1e-6)
    predicted = extend_ends(filtered.positions, person.alive, further, fps)
    estimate, deviation = filtered.positions, filtered.deviation
    provenance = np.where(person.known, MEASURED, np.where(person.alive, INTERPOLATED, MISSING)).astype(np.uint8)
    provenance[person.rejected & person.alive] = REPLACED
    provenance[predicted] = PREDICTED
    shown = provenance != MISSING
    result = estimate * person.size
    result += person.origin
    spread = np.full(shown.shape, np.nan) if deviation is None else deviation * person.size
    if depth is not None:
        flat = prepare_depth(depth, person, fps, skeleton, settings.max_gap, settings.outliers)
        found = filter_person(flat, fps, settings)
        beyond = extend_ends(found.positions, flat.alive, further, fps)
        depth = np.where(shown & (flat.alive | beyond), found.positions[..., 0] * flat.size + flat.origin, np.nan)
    confidence = person.confidence
    if not shown.all():
        result[~shown], spread[~shown] = np.nan, np.nan
    if not person.known.all():
        given = scores if skeleton is None else exchanged(scores, person.swapped, skeleton)
        filled = gaps.lesser_neighbour(np.nan_to_num(confidence, nan=1.0), person.known)
        # Never more than the file gave: one that was replaced had a confidence of its own.
        filled = np.fmin(filled, np.where(given > 0, given, np.nan))
        confidence = np.where(person.known, confidence, np.where(shown, filled, 0.0))
    return _Chunk(result, confidence, spread, provenance, person.swapped, depth, person.size, filtered.notes or {})


def _report(
    keypoints: np.ndarray,
    scores: np.ndarray,
    smoothed: Smoothed,
    size: float,
    notes: dict[str, Any],
    fps: float,
    settings: SmoothingSettings,
) -> dict[str, np.ndarray]:
    frames, num_keypoints = scores.shape
    parameters = np.empty(num_keypoints, object)
    chosen = {name: np.broadcast_to(np.asarray(value), (num_keypoints,)) for name, value in notes.items()}
    methods = chosen.pop("method", np.full(num_keypoints, settings.method, object))
    limited = np.asarray(chosen.pop("limited", np.zeros(num_keypoints, bool)), bool)
    for keypoint in range(num_keypoints):
        parameters[keypoint] = settings.parameters | {name: values[keypoint] for name, values in chosen.items()}
    measured = all_finite(keypoints) & (scores != 0) & (smoothed.provenance != MISSING)
    lag = np.zeros(num_keypoints)
    if settings.method in smoothing_report.CAUSAL:
        part = slice(max(0, frames // 2 - CHUNK_FRAMES // 2), frames // 2 + CHUNK_FRAMES // 2)
        before, after = (np.where(measured[part, :, None], a[part], 0.0) for a in (keypoints, smoothed.keypoints))
        max_lag = int(smoothing_report.MAX_LAG_SECONDS * fps)
        lag = smoothing_report.lag_frames(before, after, max_lag, measured[part]) * 1000 / fps
    filled = smoothed.provenance == INTERPOLATED
    return {
        "method": np.asarray(methods, object),
        "parameters": parameters,
        "gaps_filled": filled[:1].sum(axis=0) + (filled[1:] & ~filled[:-1]).sum(axis=0),
        "outliers": (smoothed.provenance == REPLACED).sum(axis=0),
        "swaps": smoothed.swapped.sum(axis=0),
        "jitter_before": smoothing_report.jitter(keypoints, measured),
        "jitter_after": smoothing_report.jitter(smoothed.keypoints, measured),
        "lag_ms": lag,
        "limited": limited,
        "person_size": np.float64(size),
    }
