"""Whether one row is better than another: the difference of their PCK, and how far other videos might move it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kerasmooth.evaluation.windows import Frames
from kerasmooth.metrics import pck_counts

VideoCounts = Mapping[str, tuple[int, ...]]
"""Video -> keypoints within each of the published shares of the torso diameter, and keypoints judged."""


def video_of(clip_id: bytes) -> str:
    """The video that a clip is of: its id up to the third part, `brace/2011/<video>` or `penn_action/0001`."""
    return "/".join(clip_id.decode().split("/")[:3])


def video_counts(tracks: list[Frames], row: str) -> dict[str, tuple[int, ...]]:
    """Counts a row of tracks in heatmap cells, by the metric of `metrics.pck`."""
    counts: dict[str, np.ndarray] = {}
    for track in tracks:
        found = pck_counts(track.truth, track.predicted[row], track.visibility)
        video = video_of(bytes(track.clip_ids[0]))
        counts[video] = counts.get(video, 0) + np.append(found.hits.sum(axis=1), found.totals.sum())
    return {video: tuple(counts[video].tolist()) for video in sorted(counts)}


@dataclass(frozen=True)
class Difference:
    """Of two shares: as measured, and the interval in which 95 of 100 draws of videos lie."""

    mean: float
    low: float
    high: float


def paired_bootstrap(one: VideoCounts, other: VideoCounts, draws: int = 2000, seed: int = 0) -> list[Difference]:
    """PCK of `one` minus that of `other` at the published thresholds, by drawing videos anew (Efron, 1979).

    Frames of a video resemble each other, so that whole videos are drawn, with replacement, the same for both. A video
    that only one of the two has, as it is too short for the other's windows, is left out.

    Args:
      one, other: counts by video.
      draws: how often.
      seed: of the draws.
    """
    videos = sorted({*one} & {*other})
    counts = [np.array([row[video] for video in videos], np.int64).reshape(len(videos), -1) for row in (one, other)]
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(len(videos), np.full(len(videos), 1 / len(videos)), size=draws)
    drawn, measured = (_pck(weights, *counts), _pck(np.ones((1, len(videos)), np.int64), *counts)[0])
    low, high = np.nanquantile(drawn, (0.025, 0.975), axis=0)
    return [Difference(*map(float, values)) for values in zip(measured, low, high, strict=True)]


@np.errstate(invalid="ignore")
def _pck(weights: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[D, 3]: differences of PCK of counts [V, 4] whose videos count `weights` [D, V] times."""
    sums = [weights @ counts for counts in (one, other)]
    first, second = (of_row[:, :-1] / of_row[:, -1:] for of_row in sums)
    return np.asarray(first - second)
