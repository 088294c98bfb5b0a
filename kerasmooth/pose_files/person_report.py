"""What happened to one person of a file."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasmooth.pose_table import INTERPOLATED, MEASURED, PREDICTED, REPLACED
from kerasmooth.smoothing.keypoints import Smoothed
from kerasmooth.smoothing.similarity import chunks
from kerasmooth.smoothing.vectors import all_finite, lengths

ONLY = "the only one"
"""What a person is called where the file has no names."""
STILL = 1e-9
"""Moved by less than this share of the person is not moved."""
_MAX_SAMPLE, _MAX_SORTED = 2_001, 1_000_000
_BY_KEYPOINT = ("method", "parameters", "jitter_before", "jitter_after", "lag_ms", "gaps_filled")


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
      moved, moved_of_torso: [N, 2], how far measured keypoints were moved, and that as a share of the person's torso;
        a sample in increasing order, and for how many each stands.
      lag: milliseconds, the mean.
      segments: what `as_segment` says of each.
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
    moved: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    moved_of_torso: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    lag: float = 0.0
    segments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def jitter(self) -> tuple[float, float]:
        """(before, after): mean length of the second difference per frame squared; NaN for none."""
        before, after, count = self.bends.tolist()
        return (before / count, after / count) if count else (np.nan, np.nan)

    def add(self, other: "PersonReport") -> None:
        """Counts what happened to somebody else, or in another segment, too."""
        for name in ("added", "replaced", "filled", "left", "removed", "exchanged"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.methods += other.methods
        self.limited += other.limited
        self.bends = self.bends + other.bends
        self.moved = np.concatenate([self.moved, other.moved])
        self.moved_of_torso = np.concatenate([self.moved_of_torso, other.moved_of_torso])
        frames = max(self.frames + other.frames, 1)
        self.lag = (self.lag * self.frames + other.lag * other.frames) / frames
        self.frames += other.frames
        self.segments += other.segments


def total(reports: Iterable[PersonReport]) -> PersonReport:
    """All of them as one."""
    result = PersonReport("all")
    for report in reports:
        result.add(report)
    return result


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
    sample = sampled(moved)
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
        moved=sample,
        # One keypoint has no size.
        moved_of_torso=sample / [size, 1.0] if len(keypoints) > 1 else sample[:0],
        lag=float(lags.mean()) if len(lags) else 0.0,
        segments=[_as_segment(numbers, done, keypoints)],
    )


def sampled(values: np.ndarray) -> np.ndarray:
    """[N, 2]: values in increasing order, at most _MAX_SAMPLE evenly spaced ones, and for how many each stands."""
    kept = np.sort(values[:: 1 + len(values) // _MAX_SORTED])
    if len(kept) > _MAX_SAMPLE:
        kept = kept[np.linspace(0, len(kept) - 1, _MAX_SAMPLE).round().astype(np.int64)]
    return np.stack([kept, np.full(len(kept), len(values) / max(len(kept), 1))], axis=1)


def quantile(sample: np.ndarray, share: float) -> float:
    """The value below which that share of a sample [N, 2] lies; NaN of nothing."""
    if not len(sample):
        return np.nan
    return float(np.quantile(sample[:, 0], share, weights=sample[:, 1], method="inverted_cdf"))


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
