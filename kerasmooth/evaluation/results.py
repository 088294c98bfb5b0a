"""Scores as plain values: what scores.json holds, and what the study keeps of a run."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasmooth.settings import Settings

CURVE_THRESHOLDS = tuple(np.arange(51) / 100)
"""Shares of the torso diameter at which the curve of PCK is sampled, 0 to 0.5; the published three are among them."""
IDENTITY = "identity"

Shares = tuple[float | None, ...]
"""PCK at the published thresholds, or along a curve, as shares; None where nothing was judged."""


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
      name: unique in its table.
      kind: `identity` (the detector's own keypoints), `bias_only` (these plus a constant for each keypoint, fitted to
        the training split: what a "smoother" gains that only learnt the detector's offset), `window_mean` and
        `window_median`, `model`, or `classical`.
      run: the run's folder, "" where there is none.
      model: the kind of model, "" where there is none.
      decoder: how keypoints are read from heatmaps, "" where there are none to read.
      settings: of a classical filter, as tuned.
    """

    name: str
    kind: str
    run: str = ""
    model: str = ""
    decoder: str = ""
    settings: str = ""


class Example(Settings):
    """A keypoint of one video that moves much: what was annotated, y in image pixels; None where it is not visible."""

    video: str
    keypoint: str
    truth: Shares


class RowResult(Settings):
    """One row of a table.

    Attributes:
      kind, settings: see `Row`.
      windows: PCK by space over every frame of every window; None of filters, which smooth whole tracks.
      tracks: PCK by space, every frame once.
      error: mean end-point error of the tracks by space.
      by_keypoint: PCK in cells of the tracks by the name of a pair.
      curve: PCK in cells of the tracks at `CURVE_THRESHOLDS`.
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


def shares(values: Any) -> Shares:
    """Plain numbers of six digits behind the point, None for NaN."""
    return tuple(number(value) for value in values)


def number(value: Any) -> float | None:
    """A plain number of six digits behind the point, None for NaN."""
    return round(float(value), 6) if np.isfinite(value) else None
