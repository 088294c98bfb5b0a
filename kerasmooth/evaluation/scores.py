"""What an evaluation counts of one smoother: sums that add over batches and datasets, in cells and in image pixels."""

import math
from dataclasses import dataclass

import numpy as np

from kerasmooth import boxes
from kerasmooth.evaluation.tracks import Tracks
from kerasmooth.metrics import (
    THRESHOLDS,
    KeypointSums,
    PckCounts,
    acceleration,
    acceleration_error,
    end_point_error,
    pck_counts,
    torso_diameter,
)

CURVE_THRESHOLDS = np.arange(51) / 100
"""Shares of the torso diameter at which the curve of PCK is sampled, 0 to 0.5."""
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class SpaceScore:
    """How near, in one unit of length.

    Attributes:
      pck: keypoints within the published shares of the torso diameter.
      error: end-point errors.
      curve: int64 [51], keypoints within `CURVE_THRESHOLDS` of the torso diameter.
      torso_sum: of the torso diameters of the frames that `pck` judged.
    """

    pck: PckCounts
    error: KeypointSums
    curve: np.ndarray
    torso_sum: float

    @classmethod
    def of(
        cls, truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray, torso: str = "visible_sides"
    ) -> "SpaceScore":
        """Scores keypoints [N, T, K, 2]; visibility bool [N, T, K]; torso: see `metrics.torso_diameter`."""
        truth = truth.astype(np.float64)
        diameter = torso_diameter(truth, visibility, torso=torso)
        judged = diameter > 0
        distance = np.linalg.norm(predicted - truth, axis=-1)
        shown = visibility & judged[..., None]
        share = (distance / np.where(judged, diameter, 1.0)[..., None])[shown]
        # Rounded, so that a distance of exactly a threshold counts as within it.
        first = np.searchsorted(CURVE_THRESHOLDS, np.round(share, 12), side="left")
        within = np.bincount(first[np.isfinite(share)], minlength=len(CURVE_THRESHOLDS) + 1)[:-1].cumsum()
        return cls(
            pck_counts(truth, predicted, visibility, THRESHOLDS, torso),
            end_point_error(truth, predicted, visibility),
            within.astype(np.int64),
            float(diameter[judged].sum()),
        )

    def __add__(self, other: "SpaceScore") -> "SpaceScore":
        return SpaceScore(
            self.pck + other.pck, self.error + other.error, self.curve + other.curve, self.torso_sum + other.torso_sum
        )

    @property
    def mean_torso(self) -> float:
        """Mean torso diameter of the frames that `pck` judged; NaN if there are none."""
        judged = self.pck.frames - self.pck.frames_skipped
        return self.torso_sum / judged if judged else math.nan

    def curve_shares(self) -> np.ndarray:
        """float64 [51], PCK at `CURVE_THRESHOLDS`; NaN if nothing was judged."""
        totals = int(self.pck.totals.sum())
        return self.curve / totals if totals else np.full(len(self.curve), math.nan)


Scores = dict[str, SpaceScore]
"""By the names of `in_spaces`."""


def in_spaces(
    truth: np.ndarray, predicted: np.ndarray, visibility: np.ndarray, frame_boxes: np.ndarray, size: boxes.Size
) -> Scores:
    """Scores keypoints that are given in heatmap cells.

    Args:
      truth: [N, T, K, 2], sub-pixel (x, y) in cells.
      predicted: [N, T, K, 2].
      visibility: bool [N, T, K].
      frame_boxes: [N, T, 4].
      size: (height, width) of the grid.

    Returns:
      `cells`: the metric, see `metrics.pck`. `pixels`: the same in image pixels. `published`: in cells, the truth is
      the arg-max of its heatmap, a whole cell, and frames that do not show both shoulders and hips are skipped.
    """
    whole = np.rint(truth.astype(np.float64))
    true_pixels, predicted_pixels = (
        boxes.to_image(keypoints.astype(np.float64), frame_boxes, size) for keypoints in (truth, predicted)
    )
    return {
        "cells": SpaceScore.of(truth, predicted, visibility),
        "pixels": SpaceScore.of(true_pixels, predicted_pixels, visibility),
        "published": SpaceScore.of(whole, predicted, visibility, "published"),
    }


@dataclass(frozen=True, eq=False)
class Jitter:
    """Second differences over time in image pixels per frame squared: of the truth, of the prediction, and the length
    of the difference between the two. Frames are those of a track: one window frame after the other.
    """

    truth: KeypointSums
    predicted: KeypointSums
    error: KeypointSums

    @classmethod
    def zero(cls, num_keypoints: int) -> "Jitter":
        """Nothing summed: the start of a sum."""
        return cls(*(KeypointSums.zero(num_keypoints) for _ in range(3)))

    def __add__(self, other: "Jitter") -> "Jitter":
        return Jitter(self.truth + other.truth, self.predicted + other.predicted, self.error + other.error)


@dataclass(frozen=True, eq=False)
class RowScore:
    """One smoother's row.

    Attributes:
      windows: every frame of every window, as published.
      frames: windows merged into tracks first, every frame once.
      jitter: of these tracks.
    """

    windows: Scores
    frames: Scores
    jitter: Jitter

    def __add__(self, other: "RowScore") -> "RowScore":
        return RowScore(
            added(self.windows, other.windows), added(self.frames, other.frames), self.jitter + other.jitter
        )


def added(one: Scores, other: Scores) -> Scores:
    """Sums of two scores."""
    return {space: one[space] + other[space] for space in one}


def score_tracks(tracks: Tracks, name: str, size: boxes.Size) -> tuple[Scores, Jitter]:
    """Scores one smoother's tracks: every frame once, and the jitter in image pixels."""
    scores: Scores = {}
    for start in range(0, len(tracks.clips), _CHUNK):
        part = slice(start, start + _CHUNK)
        truth, predicted = tracks.truth[part, None], tracks.predicted[name][part, None]
        found = in_spaces(truth, predicted, tracks.visibility[part, None], tracks.boxes[part, None], size)
        scores = added(scores, found) if scores else found
    starts = tracks.triples()
    jitter = Jitter.zero(tracks.truth.shape[1])
    for start in range(0, len(starts), _CHUNK):
        jitter += _jitter(tracks, name, size, starts[start : start + _CHUNK, None] + np.arange(3))
    return scores, jitter


def _jitter(tracks: Tracks, name: str, size: boxes.Size, rows: np.ndarray) -> Jitter:
    """Of the frames `rows` [N, 3], each three in a row."""
    truth, predicted = (
        boxes.to_image(keypoints[rows].astype(np.float64), tracks.boxes[rows], size)
        for keypoints in (tracks.truth, tracks.predicted[name])
    )
    shown = tracks.visibility[rows]
    error = acceleration_error(truth, predicted, shown)
    return Jitter(acceleration(truth, shown), acceleration(predicted, shown), error)
