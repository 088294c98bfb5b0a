"""A pose table smoothed: people followed, each one's rows laid out in time, smoothed, and put back where they were."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.formats import append_rows
from kerasmooth.pose_table import PoseTable
from kerasmooth.smoothing import gaps, tracking
from kerasmooth.smoothing.stretch import Settings, SmoothedStretch, Smoother, check_model, smooth_stretch

MAX_FPS = 10_000.0
MAX_DENSE_VALUES = 1 << 27
"""Most keypoints of one person over all frames, absences up to a second among them; each takes some 200 bytes."""
ABSENCE_SECONDS = 1.0
"""Longer absences are shortened to this before smoothing: nothing is filled across them, and memory stays small."""


@dataclass
class PersonReport:
    """What happened to one person.

    Attributes:
      person: the id; -1 where the file has one person and no ids.
      frames: with a detection.
      added: frames without one that were filled in.
      methods: method -> keypoints it was chosen for.
      gaps, outliers, swaps: runs filled, positions replaced, pairs exchanged.
      bends: (sum before, sum after, count) of second differences in the table's unit.
      lag: milliseconds, the mean.
      keypoints: what `smoothing.Smoothed.report` says of each keypoint, for each part of the person.
    """

    person: int
    frames: int = 0
    added: int = 0
    methods: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    outliers: int = 0
    swaps: int = 0
    bends: np.ndarray = field(default_factory=lambda: np.zeros(3))
    lag: float = 0.0
    keypoints: list[dict[str, np.ndarray]] = field(default_factory=list)

    @property
    def jitter(self) -> tuple[float, float]:
        """(before, after): mean length of the second difference, table's unit per frame squared; NaN for none."""
        before, after, count = self.bends.tolist()
        return (before / count, after / count) if count else (np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class SmoothedTable:
    """A table, smoothed, and what happened.

    Attributes:
      table: the input's rows in their order, then those of people who were filled in.
      people: int64 [rows of table], who each is, where the table has no ids too.
      reports: one a person, by id.
      jumps: how often an id of the file jumped, cuts of the video among it.
    """

    table: PoseTable
    people: np.ndarray
    reports: list[PersonReport]
    jumps: int


def check_fps(fps: float | None, name: str) -> float:
    """The frame rate of a file. Raises InputError where it is unknown or no frame rate."""
    if fps is None:
        raise InputError(f"{name}: fps must be known, the file does not say it: give it with --fps=N")
    if not 0 < fps <= MAX_FPS:
        raise InputError(f"{name}: fps must be above 0 and at most {MAX_FPS:g}, received {fps:g}: give it with --fps=N")
    return float(fps)


def smooth_table(
    table: PoseTable,
    settings: Settings,
    *,
    name: str = "the table",
    model: Smoother | None = None,
    on_part: Callable[[int, int], None] | None = None,
) -> SmoothedTable:
    """Smooths every person of a table. Positions that nothing was done to stay exactly as they are.

    Args:
      table: any, with fps, which counts frame numbers; where these are regularly apart by more than one, so are frames.
      settings: how.
      name: what errors call the table.
      model: smooths the keypoints it knows by name; the others are smoothed as `settings` say.
      on_part: called with (parts done, parts in all); a part is a person between two jumps.

    Raises:
      InputError: no frame rate, nothing in common with the model, more than fits into memory.
      ValueError: wrong settings.
    """
    fps = check_fps(table.fps, name)
    if model is not None:
        check_model(table.skeleton, name)
    step = frame_step(table.frame_numbers)
    work = _Work(table, settings, fps / step, step, name)
    known = np.isfinite(work.keypoints).all(axis=-1) & ~(table.confidence <= 0)
    tracks = tracking.follow(table.frames // step, table.people, work.keypoints, known, fps=fps / step)
    # A file of one person without ids stays so.
    one = tracks.followed and len(np.unique(table.frames)) == len(table.frames)
    parts = tracking.groups(tracks.parts)
    for done, rows in enumerate(parts, 1):
        work.smooth(rows, -1 if one else int(tracks.people[rows[0]]), model)
        if on_part:
            on_part(done, len(parts))
    ids = table.people if one else tracks.people
    result, filled = work.result(ids)
    people = np.concatenate([tracks.people, filled if not one else np.full(len(filled), -1, np.int64)])
    return SmoothedTable(result, people, [work.reports[person] for person in sorted(work.reports)], tracks.jumps)


def frame_step(numbers: np.ndarray) -> int:
    """By how much frame numbers regularly increase: 5 where only every fifth frame was looked at."""
    usual, share = _usual_step(numbers)
    return usual if share > 0.5 and not (np.diff(numbers) % usual).any() else 1


def _usual_step(numbers: np.ndarray) -> tuple[int, float]:
    """(the most frequent difference of frame numbers, its share among all)."""
    if len(numbers) < 2:
        return 1, 1.0
    steps, counts = np.unique(np.diff(numbers), return_counts=True)
    return int(steps[counts.argmax()]), float(counts.max() / counts.sum())


class _Work:
    """The rows of a table while they are being smoothed, in a unit that is the same along x and y, y downwards."""

    def __init__(self, table: PoseTable, settings: Settings, fps: float, step: int, name: str) -> None:
        self._table, self._settings, self._fps, self._step, self._name = table, settings, fps, step, name
        height, width = table.image_size if table.unit == "normalised" and table.image_size else (1, 1)
        self._scale = np.array([width, -height if table.y_up else height], np.float64)
        self._regular = _usual_step(table.frame_numbers)[1] > 0.5
        self.keypoints = table.keypoints * self._scale
        self._smoothed = np.array(self.keypoints)
        self._confidence, self._provenance = np.array(table.confidence), np.array(table.provenance)
        self._deviation = np.array(table.deviation)
        self._added: list[dict[str, np.ndarray]] = []
        self.reports: dict[int, PersonReport] = {}

    def smooth(self, rows: np.ndarray, person: int, model: Smoother | None) -> None:
        """Smooths one part, whose rows have different frames."""
        rows = rows[np.argsort(self._table.frames[rows], kind="stable")]
        numbers, slots = self._lay_out(self._table.frames[rows])
        shape = (len(numbers), self.keypoints.shape[1])
        keypoints, confidence = np.full((*shape, 2), np.nan), np.zeros(shape)
        keypoints[slots], confidence[slots] = self.keypoints[rows], self._table.confidence[rows]
        done = smooth_stretch(keypoints, confidence, self._fps, self._table.skeleton, self._settings, model)
        self._smoothed[rows], self._confidence[rows] = done.keypoints[slots], done.confidence[slots]
        self._provenance[rows], self._deviation[rows] = done.provenance[slots], done.deviation[slots]
        empty = np.ones(len(numbers), bool)
        empty[slots] = False
        # Numbers without an order are of photographs, not of a video: nobody was there in between.
        empty &= self._regular
        empty &= np.isfinite(done.keypoints).all(axis=-1).any(axis=-1)
        self._added.append(
            {
                "frames": numbers[empty],
                "people": np.full(int(empty.sum()), person, np.int64),
                "keypoints": done.keypoints[empty],
                "confidence": done.confidence[empty],
                "provenance": done.provenance[empty],
                "deviation": done.deviation[empty],
            }
        )
        self._tell(person, len(rows), keypoints, done)

    def _lay_out(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(frame numbers [T], the places [rows] of increasing frames in them); long absences are shortened."""
        longest = max(gaps.longest_run(self._settings.max_gap, self._fps), int(np.ceil(ABSENCE_SECONDS * self._fps)))
        steps = np.diff(frames) // self._step
        places = np.concatenate([[0], np.cumsum(np.minimum(steps, longest + 2))])
        room = int(self._settings.extend * self._fps + 1e-6)
        before = min(room, int(frames[0] - self._table.frame_numbers[0]) // self._step)
        after = min(room, int(self._table.frame_numbers[-1] - frames[-1]) // self._step)
        total = before + int(places[-1]) + 1 + after
        if total * self.keypoints.shape[1] > MAX_DENSE_VALUES:
            raise InputError(
                f"{self._name}: a person must have at most {MAX_DENSE_VALUES:,} keypoints over all frames, received "
                f"{total:,} frames of {self.keypoints.shape[1]}: split the file or lower --max_gap"
            )
        places += before
        owner = np.clip(np.searchsorted(places, np.arange(total), side="right") - 1, 0, None)
        return frames[owner] + (np.arange(total) - places[owner]) * self._step, places

    def _tell(self, person: int, frames: int, before: np.ndarray, done: SmoothedStretch) -> None:
        report = self.reports.setdefault(person, PersonReport(person))
        found = done.report
        report.methods.update(found["method"].tolist())
        report.gaps += int(found["gaps_filled"].sum())
        report.outliers += int(found["outliers"].sum())
        report.swaps += int(found["swaps"].sum()) // 2
        report.bends += _bends(before / self._scale, done.keypoints / self._scale)
        lag = np.nanmean(found["lag_ms"]) if np.isfinite(found["lag_ms"]).any() else 0.0
        report.lag = float((report.lag * report.frames + lag * frames) / (report.frames + frames))
        report.frames += frames
        report.keypoints.append(found)

    def result(self, people: np.ndarray) -> tuple[PoseTable, np.ndarray]:
        """The table with new rows behind its own, and the people [new rows] they are of."""
        table = self._table
        # Back through the unit only what moved: the rest keeps every digit.
        same = (self._smoothed == self.keypoints) | (np.isnan(self._smoothed) & np.isnan(self.keypoints))
        result = table.with_(
            people=people,
            keypoints=np.where(same, table.keypoints, self._smoothed / self._scale),
            confidence=self._confidence,
            provenance=self._provenance,
            deviation=self._deviation / np.sqrt(np.abs(self._scale.prod())),
        )
        if not self._added:
            return result, np.empty(0, np.int64)
        columns = {key: np.concatenate([part[key] for part in self._added]) for key in self._added[0]}
        columns["keypoints"] = columns["keypoints"] / self._scale
        columns["deviation"] = columns["deviation"] / np.sqrt(np.abs(self._scale.prod()))
        taken = set(zip(table.frames.tolist(), people.tolist(), strict=True))
        pairs = zip(columns["frames"].tolist(), columns["people"].tolist(), strict=True)
        free = np.array([pair not in taken for pair in pairs], bool)
        order = np.lexsort((columns["people"], columns["frames"]))
        columns = {key: values[order[free[order]]] for key, values in columns.items()}
        for person, report in self.reports.items():
            report.added = int((columns["people"] == person).sum())
        return append_rows(result, **columns), columns["people"]


def _bends(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(sum before, sum after, count) of second differences of [T, K, 2] where three frames in a row are measured."""
    known = np.isfinite(before).all(axis=-1) & np.isfinite(after).all(axis=-1)
    shown = known[:-2] & known[1:-1] & known[2:]
    sums = [
        np.where(shown, np.linalg.norm(values[2:] - 2 * values[1:-1] + values[:-2], axis=-1), 0.0).sum()
        for values in (before, after)
    ]
    return np.array([*sums, shown.sum()], np.float64)
