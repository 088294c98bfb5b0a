"""Rows of classical smoothers, on whole tracks, each with the setting that the validation split likes best."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasmooth import boxes
from kerasmooth.boxes import Size
from kerasmooth.evaluation.results import IDENTITY
from kerasmooth.evaluation.windows import Frames
from kerasmooth.metrics import PckCounts, pck_counts
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.keypoints import smooth_keypoints

FPS = 30.0
"""Of the videos: records do not say it; the settings are in seconds and hertz of it."""
TUNED_AT = 0.1
"""The share of the torso diameter at which the PCK of the validation split picks a setting."""

_CUTOFFS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
_EUROS = [{"min_cutoff": cutoff, "beta": beta} for cutoff in (0.3, 0.6, 1.2) for beta in (0.0, 0.3, 1.0)]
GRID: dict[str, list[dict[str, Any]]] = {
    "gaussian": [{"cutoff": cutoff} for cutoff in _CUTOFFS],
    "savgol": [{"window": window} for window in (0.15, 0.25, 0.5, 0.8, 1.2)],
    "butterworth": [{"cutoff": cutoff} for cutoff in _CUTOFFS],
    "one_euro": _EUROS,
    "one_euro_zero_phase": _EUROS,
    "gcv_spline": [{}],
    "kalman": [{"model": "velocity"}, {"model": "acceleration"}],
    "auto": [{}],
}
"""Filter -> the settings that are tried; `kalman` is a Rauch-Tung-Striebel smoother, `one_euro` alone is causal."""


@dataclass(frozen=True)
class TunedFilter:
    """A filter of `filters.FILTERS`, or `auto`, its parameters, and the frames per second of the tracks."""

    method: str
    parameters: dict[str, Any]
    fps: float = FPS

    @property
    def settings(self) -> str:
        """The parameters as text."""
        return ", ".join(f"{name}={value}" for name, value in self.parameters.items())

    def smooth(self, track: Frames, size: Size, row: str = IDENTITY) -> np.ndarray:
        """A row of a track, the detector's keypoints, smoothed in image pixels: float32 [1, T, K, 2], in heatmap cells.

        A tight box moves even a still wrist on its grid, so that pixels are what is steady. Models answer for every
        frame, so a gap that the smoother leaves open is bridged by a line, and held at the ends; a keypoint that is
        never detected stays at (0, 0).
        """
        detected = track.predicted[row]
        seen = (detected != 0).any(axis=-1, keepdims=True)
        pixels = np.where(seen, track.in_pixels(detected, size), np.nan)[0]
        smoothed = smooth_keypoints(pixels, fps=self.fps, skeleton=BOULDERING_25, method=self.method, **self.parameters)
        known = np.isfinite(smoothed.keypoints).all(axis=-1)
        cells = boxes.to_heatmap(gaps.interpolate(smoothed.keypoints, known), track.boxes[0], size)[None]
        return np.where(known.any(axis=0)[:, None], cells, detected).astype(np.float32)


def tuned_filters(tracks: list[Frames], size: Size, frame_step: int) -> list[TunedFilter]:
    """For each filter of `GRID` the setting of the highest PCK, see `TUNED_AT`, on tracks of the validation split.

    Args:
      tracks: of every `frame_step`-th video frame.
      size: (height, width) of the heatmaps.
      frame_step: video frames from one frame of a track to the next.
    """
    fps = FPS / frame_step
    return [
        max((TunedFilter(method, parameters, fps) for parameters in settings), key=lambda one: _pck(one, tracks, size))
        for method, settings in GRID.items()
    ]


def _pck(smoother: TunedFilter, tracks: list[Frames], size: Size) -> float:
    counts = PckCounts.zero((TUNED_AT,))
    for track in tracks:
        counts += pck_counts(track.truth, smoother.smooth(track, size), track.visibility, (TUNED_AT,))
    return float(np.nan_to_num(counts.total()[0]))
