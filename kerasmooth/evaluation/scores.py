"""What rows of windows and tracks score, in heatmap cells and in image pixels."""

from collections.abc import Sequence

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.evaluation.bootstrap import video_counts
from kerasmooth.evaluation.breakdown import Breakdown
from kerasmooth.evaluation.results import CURVE_THRESHOLDS, Example, Row, RowResult, Scores, Shares, number, shares
from kerasmooth.evaluation.windows import Frames, single_frames
from kerasmooth.metrics import (
    THRESHOLDS,
    KeypointSums,
    PckCounts,
    acceleration,
    acceleration_error,
    end_point_error,
    pck_counts,
)

SPACES = ("cells", "pixels", "published")
"""`cells`: the metric, see `metrics.pck`. `pixels`: the same in image pixels. `published`: in cells, the truth is the
arg-max of its heatmap, a whole cell, and frames that do not show both shoulders and hips are skipped."""


def score(
    rows: Sequence[Row],
    windows: Frames,
    tracks: list[Frames],
    *,
    split: str,
    size: Size,
    bound: np.ndarray | None = None,
    half_pixel: dict[str, np.ndarray] | None = None,
) -> Scores:
    """Scores rows of windows, and of the tracks that these merge into.

    Args:
      rows: the first is the detector's own; some may be of the tracks only.
      windows, tracks: with the keypoints of the rows.
      split: of the records.
      size: (height, width) of the grid.
      bound: see `bound.information_bound`.
      half_pixel: see `half_pixel.half_pixel_pck`.
    """
    breakdown, frames = Breakdown(tracks, rows[0].name), single_frames(tracks)
    video, keypoint = breakdown.example_of
    judged = {space: count(windows, "", size, space).judged_share for space in SPACES}

    def result(row: Row) -> RowResult:
        name = row.name
        of_row, of_error = jitter(tracks, name, size)
        return RowResult(
            kind=row.kind,
            settings=row.settings,
            windows=pck(windows, name, size) if name in windows.predicted else None,
            tracks=pck(frames, name, size),
            error={space: mean_error(frames, name, size, space) for space in SPACES},
            by_keypoint={key: shares(values) for key, values in count(frames, name, size).by_name().items()},
            curve=curve(frames, name, size),
            acceleration=of_row,
            acceleration_error=of_error,
            by_speed=shares(breakdown.by_speed(name)),
            by_gap=shares(breakdown.by_gap(name)),
            example=shares(breakdown.example(name, size)),
            videos=video_counts(tracks, name),
        )

    return Scores(
        split=split,
        num_windows=len(windows),
        judged=number(judged["cells"]),
        published_judged=number(judged["published"]),
        acceleration=jitter(tracks, "", size)[0],
        bound=None if bound is None else shares(bound),
        example=Example(video=video, keypoint=keypoint, truth=shares(breakdown.example("", size))),
        rows={row.name: result(row) for row in rows},
        half_pixel=None if half_pixel is None else {name: shares(found) for name, found in half_pixel.items()},
    )


def count(
    frames: Frames, row: str, size: Size, space: str = "cells", thresholds: Sequence[float] = THRESHOLDS
) -> PckCounts:
    """Counts the hits of a row, or of the truth itself, row "", in a space of SPACES."""
    torso = "published" if space == "published" else "visible_sides"
    return pck_counts(*_in_space(frames, row, size, space), frames.visibility, thresholds, torso)


def pck(frames: Frames, row: str, size: Size) -> dict[str, Shares]:
    """PCK of a row at the published thresholds by space."""
    return {space: shares(count(frames, row, size, space).total()) for space in SPACES}


def curve(frames: Frames, row: str, size: Size, space: str = "cells") -> Shares:
    """PCK of a row at CURVE_THRESHOLDS."""
    return shares(count(frames, row, size, space, CURVE_THRESHOLDS).total())


def mean_error(frames: Frames, row: str, size: Size, space: str) -> float | None:
    """Mean end-point error of a row, in the unit of a space."""
    return number(end_point_error(*_in_space(frames, row, size, space), frames.visibility).mean())


def jitter(tracks: list[Frames], row: str, size: Size) -> tuple[float | None, float | None]:
    """Mean acceleration of a row, or of the truth, row "", and its mean error, in image pixels per frame squared."""
    of_row = of_error = KeypointSums.zero()
    for track in tracks:
        truth, predicted = _in_space(track, row, size, "pixels")
        of_row += acceleration(predicted, track.visibility)
        of_error += acceleration_error(truth, predicted, track.visibility)
    return number(of_row.mean()), number(of_error.mean())


def _in_space(frames: Frames, row: str, size: Size, space: str) -> tuple[np.ndarray, np.ndarray]:
    """Truth and a row, [N, T, K, 2] each."""
    truth, predicted = frames.truth, frames.keypoints(row)
    if space == "pixels":
        return frames.in_pixels(truth, size), frames.in_pixels(predicted, size)
    return np.rint(truth) if space == "published" else truth, predicted
