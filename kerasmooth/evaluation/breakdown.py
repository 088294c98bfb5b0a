"""Errors broken down by the speed of a keypoint and by the length of a gap in its detections; and an example."""

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.evaluation.bootstrap import video_of
from kerasmooth.evaluation.windows import Frames
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
        self._tracks = tracks
        with np.errstate(divide="ignore", invalid="ignore"):
            self._speeds = [_speeds(track) for track in tracks]
        self._gaps = [_gaps(track, detector) for track in tracks]
        self._example = max(range(len(tracks)), key=lambda i: _motion(tracks[i]).max(initial=0), default=0)
        self._keypoint = int(np.argmax(_motion(tracks[self._example])))

    def by_speed(self, row: str) -> np.ndarray:
        """float64 [5]: mean error in torso diameters by `SPEED_EDGES`; NaN where there is no such speed."""
        return self._mean_errors(row, self._speeds, SPEED_EDGES)

    def by_gap(self, row: str) -> np.ndarray:
        """float64 [5]: mean error in torso diameters by `GAP_EDGES`; NaN where there is no such gap."""
        return self._mean_errors(row, self._gaps, GAP_EDGES)

    @property
    def example_of(self) -> tuple[str, str]:
        """(video, keypoint) that moves most."""
        return video_of(bytes(self._tracks[self._example].clip_ids[0])), BOULDERING_25.keypoints[self._keypoint]

    def example(self, row: str, size: Size) -> np.ndarray:
        """float64 [T], y of that keypoint in image pixels; of the truth, row "", NaN where it is not visible."""
        track = self._tracks[self._example]
        shown = track.visibility[0, :EXAMPLE_FRAMES, self._keypoint]
        values = track.in_pixels(track.predicted[row] if row else track.truth, size)
        positions: np.ndarray = values[0, :EXAMPLE_FRAMES, self._keypoint, 1]
        return np.where(shown, positions, np.nan)

    def _mean_errors(self, row: str, values: list[np.ndarray], edges: tuple[float, ...]) -> np.ndarray:
        totals, counts = np.zeros(len(edges)), np.zeros(len(edges))
        for track, of_track in zip(self._tracks, values, strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                errors = np.linalg.norm(track.predicted[row] - track.truth, axis=-1) / _diameters(track)
            known = track.visibility & (of_track >= edges[0]) & np.isfinite(errors)
            bins = np.digitize(of_track[known], edges) - 1
            totals += np.bincount(bins, errors[known], len(edges))
            counts += np.bincount(bins, minlength=len(edges))
        return np.divide(totals, counts, out=np.full(len(edges), np.nan), where=counts > 0)


def _diameters(track: Frames) -> np.ndarray:
    """[1, T, 1]."""
    return torso_diameter(track.truth, track.visibility)[..., None]


def _steps(track: Frames) -> np.ndarray:
    """[1, T, K]: half the distance from the frame before to the frame after, in cells; NaN where one is not known."""
    truth = np.where(track.visibility[..., None], track.truth, np.nan)
    steps = np.full(truth.shape[:-1], np.nan)
    steps[:, 1:-1] = np.linalg.norm(truth[:, 2:] - truth[:, :-2], axis=-1) / 2
    return steps


def _speeds(track: Frames) -> np.ndarray:
    """[1, T, K], in torso diameters a frame."""
    return _steps(track) / _diameters(track)


def _motion(track: Frames) -> np.ndarray:
    """[K]: how far each keypoint goes in the frames of an example."""
    return np.asarray(np.nansum(_steps(track)[:, :EXAMPLE_FRAMES], axis=(0, 1)))


def _gaps(track: Frames, detector: str) -> np.ndarray:
    """int [1, T, K]: length of the gap that a frame lies in; 0 where the keypoint was detected or is not visible."""
    missed = track.visibility[0] & ~track.predicted[detector][0].any(axis=-1)
    lengths = np.zeros(missed.shape, int)
    for keypoint, column in enumerate(missed.T):
        edges = np.flatnonzero(np.diff(column.astype(int), prepend=0, append=0))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            lengths[start:end, keypoint] = end - start
    return lengths[None]
