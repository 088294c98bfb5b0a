"""Scores as plain values: what scores.json holds, and what the study keeps of a run."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasmooth.evaluation.breakdown import Breakdown
from kerasmooth.evaluation.scores import Accuracies
from kerasmooth.settings import Settings

if TYPE_CHECKING:  # they load TensorFlow, which a report needs not
    from kerasmooth.evaluation.evaluator import Evaluation
    from kerasmooth.evaluation.predictor import Row

Shares = tuple[float | None, ...]
"""PCK at the published thresholds, or along a curve, as shares; None where nothing was judged."""


class Example(Settings):
    """A keypoint of one video that moves much: what was annotated, y in image pixels; None where it is not visible."""

    video: str
    keypoint: str
    truth: Shares


class RowResult(Settings):
    """One row of a table.

    Attributes:
      kind, settings: see `evaluation.predictor.Row`.
      windows: PCK by space over every frame of every window; None of filters, which smooth whole tracks.
      tracks: PCK by space, every frame once.
      error: mean end-point error of the tracks by space.
      by_keypoint: PCK in cells of the tracks by the name of a pair.
      curve: PCK in cells of the tracks at `evaluation.scores.CURVE_THRESHOLDS`.
      acceleration, acceleration_error: of the tracks, in px/frame^2.
      by_speed, by_gap: mean error of the tracks in torso diameters, see `breakdown`.
      example: a keypoint over a few seconds, y in image pixels, see `Example`.
      videos: keypoints within the published shares, and keypoints judged, by video, of the tracks in cells.
    """

    kind: str
    settings: str = ""
    windows: dict[str, Shares] | None
    tracks: dict[str, Shares]
    error: dict[str, float | None]
    by_keypoint: dict[str, Shares]
    curve: Shares
    acceleration: float | None
    acceleration_error: float | None
    by_speed: Shares
    by_gap: Shares
    example: Shares
    videos: dict[str, tuple[int, ...]]


class Scores(Settings):
    """The scores of all rows in one setting.

    Attributes:
      split, num_windows: what was judged.
      judged, published_judged: share of frames in windows that PCK judged, by either rule.
      acceleration: of the truth, in px/frame^2.
      bound: see `bound.information_bound`.
      example: what the examples of the rows are of.
      rows: by name, in order.
      half_pixel: see `half_pixel.half_pixel_pck`; None where no real detector made the heatmaps.
    """

    split: str
    num_windows: int
    judged: float | None
    published_judged: float | None
    acceleration: float | None
    bound: Shares | None
    example: Example
    rows: dict[str, RowResult]
    half_pixel: dict[str, Shares] | None = None


def scores_of(evaluation: "Evaluation") -> Scores:
    """The scores of an evaluation."""
    breakdown = Breakdown([t for tracks in evaluation.tracks.values() for t in tracks], evaluation.rows[0].name)
    video, keypoint = breakdown.example_of
    truth = shares(breakdown.example("", evaluation.setting.size))
    first = evaluation.total(evaluation.rows[0].name)
    judged = [(first.windows or first.tracks)[space].curve.judged_share for space in ("cells", "published")]
    return Scores(
        split=evaluation.setting.split,
        num_windows=sum(evaluation.num_windows.values()),
        judged=shares(judged)[0],
        published_judged=shares(judged)[1],
        acceleration=_number(first.jitter["truth"].mean()),
        bound=None if evaluation.bound is None else shares(evaluation.bound),
        example=Example(video=video, keypoint=keypoint, truth=truth),
        rows={row.name: _row_result(evaluation, row, breakdown) for row in evaluation.rows},
        half_pixel=None
        if evaluation.half_pixel is None
        else {name: shares(pck) for name, pck in evaluation.half_pixel.items()},
    )


def _row_result(evaluation: "Evaluation", row: "Row", breakdown: Breakdown) -> RowResult:
    score, counts = evaluation.total(row.name), evaluation.by_video(row.name)
    cells = score.tracks["cells"]
    return RowResult(
        kind=row.kind,
        settings=row.settings,
        windows=None if score.windows is None else pck_by_space(score.windows),
        tracks=pck_by_space(score.tracks),
        error={space: _number(accuracy.error.mean()) for space, accuracy in score.tracks.items()},
        by_keypoint={name: shares(values) for name, values in cells.pck_by_name().items()},
        curve=shares(cells.curve.total()),
        acceleration=_number(score.jitter["predicted"].mean()),
        acceleration_error=_number(score.jitter["error"].mean()),
        by_speed=shares(breakdown.by_speed(row.name)),
        by_gap=shares(breakdown.by_gap(row.name)),
        example=shares(breakdown.example(row.name, evaluation.setting.size)),
        videos={
            video: (*map(int, hits), int(total))
            for video, hits, total in zip(counts.videos, counts.hits, counts.totals, strict=True)
        },
    )


def pck_by_space(accuracies: Accuracies) -> dict[str, Shares]:
    """PCK at the published thresholds by space."""
    return {space: shares(accuracy.pck()) for space, accuracy in accuracies.items()}


def shares(values: Any) -> Shares:
    """Plain numbers of six digits behind the point, None for NaN."""
    return tuple(_number(value) for value in values)


def _number(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
