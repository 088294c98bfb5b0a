"""What is counted of one row of a table: sums, which add over datasets, in heatmap cells and in image pixels."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from kerasmooth.boxes import Size
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

CURVE_THRESHOLDS = tuple(np.arange(51) / 100)
"""Shares of the torso diameter at which the curve of PCK is sampled, 0 to 0.5; the published three are among them."""
PUBLISHED_THRESHOLDS = [CURVE_THRESHOLDS.index(threshold) for threshold in THRESHOLDS]


@dataclass(frozen=True, eq=False)
class Accuracy:
    """How near, in one unit of length: PCK at `CURVE_THRESHOLDS`, and end-point errors."""

    curve: PckCounts
    error: KeypointSums

    def __add__(self, other: "Accuracy") -> "Accuracy":
        return Accuracy(self.curve + other.curve, self.error + other.error)

    def pck(self) -> np.ndarray:
        """float64 [3]: PCK of all keypoints at the published thresholds; NaN if nothing was judged."""
        return self.curve.total()[PUBLISHED_THRESHOLDS]

    def pck_by_name(self) -> dict[str, np.ndarray]:
        """Keypoint name -> float64 [3]; the two of a pair together."""
        return {name: shares[PUBLISHED_THRESHOLDS] for name, shares in self.curve.by_name().items()}


Accuracies = dict[str, Accuracy]
"""By the names of `accuracies`."""
Jitter = dict[str, KeypointSums]
"""By the names of `jitter`."""


@dataclass(frozen=True, eq=False)
class Score:
    """One row.

    Attributes:
      windows: every frame of every window, as published; None of a row that smooths whole tracks.
      tracks: windows merged into tracks first, every frame once.
      jitter: of these tracks.
    """

    windows: Accuracies | None
    tracks: Accuracies
    jitter: Jitter

    def __add__(self, other: "Score") -> "Score":
        pairs = None if self.windows is None or other.windows is None else (self.windows, other.windows)
        return Score(pairs and _added(*pairs), _added(self.tracks, other.tracks), _added(self.jitter, other.jitter))


_Counts = TypeVar("_Counts", Accuracy, KeypointSums)


def _added(one: dict[str, _Counts], other: dict[str, _Counts]) -> dict[str, _Counts]:
    return {name: one[name] + other[name] for name in one}


def accuracies(frames: Frames, row: str, size: Size) -> Accuracies:
    """Scores a row of windows on a grid (height, width).

    Returns:
      `cells`: the metric, see `metrics.pck`. `pixels`: the same in image pixels. `published`: in cells, the truth is
      the arg-max of its heatmap, a whole cell, and frames that do not show both shoulders and hips are skipped.
    """
    truth, predicted, shown = frames.truth, frames.predicted[row], frames.visibility
    return {
        "cells": _accuracy(truth, predicted, shown),
        "pixels": _accuracy(frames.in_pixels(truth, size), frames.in_pixels(predicted, size), shown),
        "published": _accuracy(np.rint(truth), predicted, shown, "published"),
    }


def _accuracy(truth: np.ndarray, predicted: np.ndarray, shown: np.ndarray, torso: str = "visible_sides") -> Accuracy:
    curve = pck_counts(truth, predicted, shown, CURVE_THRESHOLDS, torso)
    return Accuracy(curve, end_point_error(truth, predicted, shown))


def jitter(track: Frames, row: str, size: Size) -> Jitter:
    """Lengths of second differences over time of a row of one track, in image pixels per frame squared.

    Returns:
      `truth`, `predicted`: of these keypoints. `error`: of the difference between the two.
    """
    truth, predicted = (track.in_pixels(keypoints, size) for keypoints in (track.truth, track.predicted[row]))
    shown = track.visibility
    return {
        "truth": acceleration(truth, shown),
        "predicted": acceleration(predicted, shown),
        "error": acceleration_error(truth, predicted, shown),
    }


def score(windows: Frames, tracks: list[Frames], size: Size) -> dict[str, Score]:
    """Scores every row of windows and of their tracks; rows may be of the tracks only."""
    frames, scores = single_frames(tracks), {}
    for row in tracks[0].predicted:
        of_tracks = jitter(tracks[0], row, size)
        for track in tracks[1:]:
            of_tracks = _added(of_tracks, jitter(track, row, size))
        in_windows = accuracies(windows, row, size) if row in windows.predicted else None
        scores[row] = Score(in_windows, accuracies(frames, row, size), of_tracks)
    return scores
