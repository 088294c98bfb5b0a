"""Whether one row is better than another: the difference of their PCK, and how far other videos might move it."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.evaluation.windows import Frames
from kerasmooth.metrics import THRESHOLDS, pck_counts


@dataclass(frozen=True, eq=False)
class VideoCounts:
    """Keypoints within the published shares of the torso diameter, by video: what a result keeps of a row.

    Attributes:
      videos: V names, sorted: see `video_of`.
      hits: int64 [V, 3].
      totals: int64 [V], keypoints judged.
    """

    videos: tuple[str, ...]
    hits: np.ndarray
    totals: np.ndarray

    def pck(self) -> np.ndarray:
        """float64 [3]: of all videos together; NaN if nothing was judged."""
        return self.hits.sum(axis=0) / self.totals.sum() if self.totals.any() else np.full(len(THRESHOLDS), np.nan)


def video_of(clip_id: bytes) -> str:
    """The video that a clip is of: its id up to the third part, `brace/2011/<video>` or `penn_action/0001`."""
    return "/".join(clip_id.decode().split("/")[:3])


def video_counts(frames: list[Frames], row: str) -> VideoCounts:
    """Counts a row of tracks or windows in heatmap cells, by the metric of `metrics.pck`."""
    counts: dict[str, np.ndarray] = {}
    for part in frames:
        for of_clip in part.by_clip():
            found = pck_counts(of_clip.truth, of_clip.predicted[row], of_clip.visibility)
            numbers = np.append(found.hits.sum(axis=1), found.totals.sum())
            video = video_of(bytes(of_clip.clip_ids[0]))
            counts[video] = counts.get(video, 0) + numbers
    videos = tuple(sorted(counts))
    table = np.array([counts[video] for video in videos], np.int64).reshape(-1, len(THRESHOLDS) + 1)
    return VideoCounts(videos, table[:, :-1], table[:, -1])


@dataclass(frozen=True)
class Difference:
    """Of two shares: as measured, and the interval in which 95 of 100 draws of videos lie."""

    mean: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def paired_bootstrap(one: VideoCounts, other: VideoCounts, draws: int = 2000, seed: int = 0) -> list[Difference]:
    """PCK of `one` minus that of `other` at the published thresholds, by drawing videos anew (Efron, 1979).

    Frames of a video resemble each other, so that whole videos are drawn, with replacement, the same for both.

    Args:
      one, other: counts of the same videos.
      draws: how often.
      seed: of the draws.

    Raises:
      ValueError: the videos are not the same.
    """
    if one.videos != other.videos:
        raise ValueError(f"rows of the same videos are compared. Received: {len(one.videos)} and {len(other.videos)}")
    generator, count = np.random.default_rng(seed), len(one.videos)
    weights = generator.multinomial(count, np.full(count, 1 / count), size=draws)
    with np.errstate(invalid="ignore"):
        drawn = weights @ one.hits / (weights @ one.totals)[:, None]
        drawn -= weights @ other.hits / (weights @ other.totals)[:, None]
    low, high = np.nanquantile(drawn, (0.025, 0.975), axis=0)
    means = one.pck() - other.pck()
    return [Difference(*map(float, values)) for values in zip(means, low, high, strict=True)]
