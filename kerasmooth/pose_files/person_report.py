"""What happened to one person of a file."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kerasmooth.lengths import all_finite, lengths
from kerasmooth.pose_table import INTERPOLATED, MEASURED, PREDICTED, REPLACED
from kerasmooth.smoothing.keypoints import Smoothed
from kerasmooth.smoothing.similarity import chunks

ONLY = "the only one"
"""What a person is called where the file has no names."""
STILL = 1e-9
"""Moved by less than this share of the person is not moved."""
_BY_KEYPOINT = ("method", "parameters", "jitter_before", "jitter_after", "lag_ms", "gaps_filled")
_COUNTS = ("frames", "added", "replaced", "filled", "left", "removed", "exchanged")


@dataclass
class PersonReport:
    """What happened to one person, in the table's square unit.

    Attributes:
      name: as the file has it.
      frames: with a detection.
      added: frames without one that were filled.
      replaced, filled, left, removed, exchanged: keypoints, counted frame by frame: outliers that got another position;
        those that the file did not have; those that stayed as they were; those of too little confidence that
        were not filled; those that changed places with their left or right partner.
      methods: method -> keypoints it was chosen for.
      limited: names of keypoints whose automatic cut-off ran into its limit.
      bends: (sum before, sum after, count) of second differences.
      moved, moved_of_torso: float32 [N], how far measured keypoints were moved, and that as a share of the person's
        torso.
      lag: milliseconds, the mean.
      segments: what `_as_segment` says of each.
    """

    name: str
    frames: int = 0
    added: int = 0
    replaced: int = 0
    filled: int = 0
    left: int = 0
    removed: int = 0
    exchanged: int = 0
    methods: Counter[str] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)
    bends: np.ndarray = field(default_factory=lambda: np.zeros(3))
    moved: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    moved_of_torso: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    lag: float = 0.0
    segments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def jitter(self) -> tuple[float, float]:
        """(before, after): mean length of the second difference per frame squared; NaN for none."""
        before, after, count = self.bends.tolist()
        return (before / count, after / count) if count else (np.nan, np.nan)


def total(reports: Iterable[PersonReport], name: str = "all") -> PersonReport:
    """All of them, people or segments of one, together."""
    every = list(reports)
    if len(every) == 1:
        return replace(every[0], name=name)
    result = PersonReport(name, **{field: sum(getattr(each, field) for each in every) for field in _COUNTS})
    for report in every:
        result.methods += report.methods
        result.limited += report.limited
        result.bends = result.bends + report.bends
        result.lag += report.lag * report.frames / max(result.frames, 1)
        result.segments += report.segments
    if every:
        result.moved = np.concatenate([report.moved for report in every])
        result.moved_of_torso = np.concatenate([report.moved_of_torso for report in every])
    return result


def quantiles(values: np.ndarray) -> tuple[float, float]:
    """The median and the 99 % quantile; NaN of nothing."""
    if not len(values):
        return np.nan, np.nan
    half, most = np.quantile(values, [0.5, 0.99])
    return float(half), float(most)


def report_segment(
    name: str, numbers: np.ndarray, there: np.ndarray, before: np.ndarray, done: Smoothed, keypoints: tuple[str, ...]
) -> PersonReport:
    """What happened in one segment.

    Args:
      name: of the person.
      numbers: [T], frame numbers.
      there: [T], whether the file has the person in a frame.
      before: [T, K, 2], NaN is missing.
      done: what became of it.
      keypoints: the names of K keypoints.
    """
    found, kind, size = done.report, done.provenance, float(done.report["person_size"])
    measured, there_now = all_finite(before), all_finite(done.keypoints)
    distance = np.concatenate([lengths(done.keypoints[c] - before[c]) for c in chunks(len(before))])
    moved = distance[measured & there_now & (kind == MEASURED) & ~done.swapped]
    moved[moved <= STILL * size] = 0.0
    limited = np.asarray(found.get("limited", np.zeros(len(keypoints), bool)), bool)
    lags = found["lag_ms"][np.isfinite(found["lag_ms"])]
    return PersonReport(
        name,
        frames=int(there.sum()),
        replaced=int((kind == REPLACED).sum()),
        filled=int(((kind == INTERPOLATED) | (kind == PREDICTED)).sum()),
        left=int((measured & (distance <= STILL * size)).sum()),
        removed=int((measured & ~there_now).sum()),
        exchanged=int(done.swapped.sum()),
        methods=Counter(found["method"].tolist()),
        limited=Counter(np.array(keypoints)[limited].tolist()),
        bends=_bends(measured & there_now, found["jitter_before"], found["jitter_after"]),
        moved=moved.astype(np.float32),
        # One keypoint has no size.
        moved_of_torso=(moved / size).astype(np.float32) if len(keypoints) > 1 else np.empty(0, np.float32),
        lag=float(lags.mean()) if len(lags) else 0.0,
        segments=[_as_segment(numbers, done, keypoints)],
    )


def _bends(known: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(sum before, sum after, count) of second differences, of their means [K] and where keypoints are known [T, K]."""
    count = (known[:-2] & known[1:-1] & known[2:]).sum(axis=0)
    count = np.where(np.isfinite(before) & np.isfinite(after), count, 0)
    return np.array([(count * np.nan_to_num(before)).sum(), (count * np.nan_to_num(after)).sum(), count.sum()])


def _as_segment(numbers: np.ndarray, done: Smoothed, keypoints: tuple[str, ...]) -> dict[str, Any]:
    """The frames of a segment, and for each keypoint what was chosen, and the frames in which what was done."""
    masks = {
        "replaced": done.provenance == REPLACED,
        "filled": (done.provenance == INTERPOLATED) | (done.provenance == PREDICTED),
        "exchanged": done.swapped,
    }
    frames = {name: [numbers[mask[:, k]] for k in range(len(keypoints))] for name, mask in masks.items()}
    return {
        "first_frame": int(numbers[0]),
        "last_frame": int(numbers[-1]),
        "torso": float(done.report["person_size"]),
        "keypoints": {
            keypoint: {name: done.report[name][k] for name in _BY_KEYPOINT} | {name: frames[name][k] for name in frames}
            for k, keypoint in enumerate(keypoints)
        },
    }
