"""Errors broken down by the speed of a keypoint and by the length of a gap in its detections; and an example."""

import numpy as np
import pandas as pd

from kerasmooth.boxes import Size
from kerasmooth.evaluation.bootstrap import video_of
from kerasmooth.evaluation.windows import Frames, single_frames
from kerasmooth.metrics import torso_diameter
from kerasmooth.skeletons import BOULDERING_25

SPEED_EDGES = (0.0, 0.01, 0.03, 0.1, 0.3)
"""Lower edges of the speeds, in torso diameters a frame, by which errors are kept."""
GAP_EDGES = (1, 2, 4, 8, 16)
"""Lower edges of the lengths, in frames, of the gaps in which a keypoint was not detected."""
EXAMPLE_FRAMES = 120


class Breakdown:
    """What the truth and the detector say of each frame of tracks, to sort errors by.

    Args:
      tracks: with the rows that are asked for.
      detector: the row of the detector's own keypoints, (0, 0) where it has none.
    """

    def __init__(self, tracks: list[Frames], detector: str) -> None:
        self._frames, steps = single_frames(tracks), [_steps(track) for track in tracks]
        diameter = torso_diameter(self._frames.truth, self._frames.visibility)
        self._diameter = np.where(diameter > 0, diameter, np.nan)  # [F, 1]
        self._speeds = np.concatenate(steps) / self._diameter
        self._gaps = np.concatenate([_gaps(track, detector) for track in tracks])
        motion = np.array([np.nansum(of_track[:EXAMPLE_FRAMES], axis=0) for of_track in steps])
        track, self._keypoint = np.unravel_index(np.argmax(motion), motion.shape)
        self._example = tracks[track]

    def by_speed(self, row: str) -> np.ndarray:
        """float64 [5]: mean error in torso diameters by `SPEED_EDGES`; NaN where there is no such speed."""
        return self._mean_errors(row, self._speeds, SPEED_EDGES)

    def by_gap(self, row: str) -> np.ndarray:
        """float64 [5]: mean error in torso diameters by `GAP_EDGES`; NaN where there is no such gap."""
        return self._mean_errors(row, self._gaps, GAP_EDGES)

    @property
    def example_of(self) -> tuple[str, str]:
        """(video, keypoint) that moves most."""
        return video_of(bytes(self._example.clip_ids[0])), BOULDERING_25.keypoints[self._keypoint]

    def example(self, row: str, size: Size) -> np.ndarray:
        """float64 [T], y of that keypoint in image pixels; of the truth, row "", NaN where it is not visible."""
        track = self._example
        positions = track.in_pixels(track.keypoints(row), size)[..., 1]
        values: np.ndarray = np.where(track.visibility, positions, np.nan)[0, :EXAMPLE_FRAMES, self._keypoint]
        return values

    def _mean_errors(self, row: str, values: np.ndarray, edges: tuple[float, ...]) -> np.ndarray:
        frames = self._frames
        errors = np.linalg.norm(frames.predicted[row] - frames.truth, axis=-1)[:, 0] / self._diameter
        known = frames.visibility[:, 0] & (values >= edges[0]) & np.isfinite(errors)
        bins = np.digitize(values[known], edges) - 1
        means = pd.Series(errors[known].astype(np.float64)).groupby(bins).mean()
        return means.reindex(range(len(edges))).to_numpy()


def _steps(track: Frames) -> np.ndarray:
    """[T, K]: half the distance from the frame before to the frame after, in cells; NaN where one is not known."""
    truth = np.where(track.visibility[..., None], track.truth, np.nan)[0]
    steps = np.full(truth.shape[:-1], np.nan)
    steps[1:-1] = np.linalg.norm(truth[2:] - truth[:-2], axis=-1) / 2
    return steps


def _gaps(track: Frames, detector: str) -> np.ndarray:
    """int [T, K]: length of the gap that a frame lies in; 0 where the keypoint was detected or is not visible."""
    missed = track.visibility[0] & ~track.predicted[detector][0].any(axis=-1)
    lengths = np.zeros(missed.shape, int)
    for keypoint, column in enumerate(missed.T):
        edges = np.flatnonzero(np.diff(column.astype(int), prepend=0, append=0))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            lengths[start:end, keypoint] = end - start
    return lengths
