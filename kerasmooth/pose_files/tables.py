"""A pose table smoothed: people followed, each one's rows laid out in time, smoothed, and put back where they were."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.pose_files.person_report import PersonReport, bends
from kerasmooth.pose_files.put_back import Added, Rows, Unit, put_back, values_of
from kerasmooth.pose_table import PoseTable
from kerasmooth.smoothing import gaps, photographs, tracking
from kerasmooth.smoothing.keypoints import Smoothed
from kerasmooth.smoothing.segments import Smoother, check_model, smooth_segment
from kerasmooth.smoothing.settings import SmoothingSettings

MAX_FPS = 10_000.0
MAX_DENSE_VALUES = 1 << 27
"""Most keypoints of one person over all frames, absences up to a second among them; each takes some 200 bytes."""
ABSENCE_SECONDS = 1.0
"""Longer absences are shortened to this before smoothing: nothing is filled across them, and memory stays small."""
UNRELATED = "frames show unrelated pictures, or are too far apart: left as they are"


@dataclass(frozen=True, eq=False)
class SmoothedTable:
    """A table, smoothed, and what happened.

    Attributes:
      table: the input's rows in their order, then those of people who were filled in.
      people: int64 [rows of table], who each is, where the table has no ids too; -1 for who repeats somebody.
      reports: one a person, by id.
      jumps: how often an id of the file jumped.
      cuts: how often the video goes on with another shot.
      notes: what was left as it was, and why; a line each.
    """

    table: PoseTable
    people: np.ndarray
    reports: list[PersonReport]
    jumps: int
    cuts: int = 0
    notes: tuple[str, ...] = ()


def check_fps(fps: float | None, name: str) -> float:
    """The frame rate of a file. Raises InputError where it is unknown or no frame rate."""
    if fps is None:
        raise InputError(f"{name}: fps must be known, the file does not say it: give it with --fps=N")
    if not 0 < fps <= MAX_FPS:
        raise InputError(f"{name}: fps must be above 0 and at most {MAX_FPS:g}, received {fps:g}: give it with --fps=N")
    return float(fps)


def smooth_table(
    table: PoseTable,
    settings: SmoothingSettings,
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
    known = np.isfinite(work.before).all(axis=-1) & ~(table.confidence <= 0)
    tracks = tracking.follow(
        table.frames // step,
        table.people,
        work.before,
        known,
        fps=fps / step,
        confidence=table.confidence,
        single=_is_single(table),
    )
    if (table.people < 0).all() and photographs.are_unrelated(table.frames, tracks):
        return SmoothedTable(table, table.people, [], 0, 0, (UNRELATED,))
    # A file of one person without ids stays so.
    one = tracks.followed and len(np.unique(table.frames)) == len(table.frames)
    parts = tracking.groups(tracks.segments)
    for done, rows in enumerate(parts, 1):
        work.smooth(rows, -1 if one else int(tracks.people[rows[0]]), model)
        if on_part:
            on_part(done, len(parts))
    ids = table.people if one else tracks.people
    result, filled = work.result(ids)
    people = np.concatenate([tracks.people, filled if not one else np.full(len(filled), -1, np.int64)])
    reports = [work.reports[person] for person in sorted(work.reports)]
    notes = tell_copies(int((tracks.segments < 0).sum()))
    return SmoothedTable(result, people, reports, tracks.jumps, len(tracks.cuts), notes)


def _is_single(table: PoseTable) -> bool:
    """Whether the file holds one person by id."""
    people = np.unique(table.people)
    return len(people) == 1 and people[0] >= 0 and len(np.unique(table.frames)) == len(table.frames)


def tell_copies(count: int) -> tuple[str, ...]:
    """A line about detections that repeat somebody, if there are any."""
    what = "detection repeats" if count == 1 else "detections repeat"
    return (f"{count:,} {what} somebody in the same frame: left as they are",) if count else ()


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

    def __init__(self, table: PoseTable, settings: SmoothingSettings, fps: float, step: int, name: str) -> None:
        self._table, self._settings, self._fps, self._step, self._name = table, settings, fps, step, name
        self._unit = Unit.of(table)
        self._rows = Rows.of(table, self._unit)
        self._regular = _usual_step(table.frame_numbers)[1] > 0.5
        self._added: list[Added] = []
        self.reports: dict[int, PersonReport] = {}

    @property
    def before(self) -> np.ndarray:
        """[rows, K, 2]."""
        return self._rows.before

    def smooth(self, rows: np.ndarray, person: int, model: Smoother | None) -> None:
        """Smooths one part, whose rows have different frames."""
        rows = rows[np.argsort(self._table.frames[rows], kind="stable")]
        numbers, slots = self._lay_out(self._table.frames[rows])
        shape = (len(numbers), self._table.skeleton.num_keypoints)
        keypoints, confidence = np.full((*shape, 2), np.nan), np.zeros(shape)
        keypoints[slots], confidence[slots] = self._rows.before[rows], self._table.confidence[rows]
        depth = None
        if self._rows.depth is not None:
            depth = np.full(shape, np.nan)
            depth[slots] = self._rows.depth[rows]
        done = smooth_segment(keypoints, confidence, self._fps, self._table.skeleton, self._settings, model, depth)
        for name, values in values_of(done, slots).items():
            getattr(self._rows, name)[rows] = values
        empty = np.ones(len(numbers), bool)
        empty[slots] = False
        # Numbers without an order are of photographs, not of a video: nobody was there in between.
        empty &= self._regular
        empty &= np.isfinite(done.keypoints).all(axis=-1).any(axis=-1)
        self._added.append(
            {
                "frames": numbers[empty],
                "people": np.full(int(empty.sum()), person, np.int64),
                **values_of(done, empty),
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
        if total * self._table.skeleton.num_keypoints > MAX_DENSE_VALUES:
            raise InputError(
                f"{self._name}: a person must have at most {MAX_DENSE_VALUES:,} keypoints over all frames, received "
                f"{total:,} frames of {self._table.skeleton.num_keypoints}: split the file or lower --max_gap"
            )
        places += before
        owner = np.clip(np.searchsorted(places, np.arange(total), side="right") - 1, 0, None)
        return frames[owner] + (np.arange(total) - places[owner]) * self._step, places

    def _tell(self, person: int, frames: int, before: np.ndarray, done: Smoothed) -> None:
        scale = self._unit.scale
        bent = bends(before / scale, done.keypoints / scale)
        self.reports.setdefault(person, PersonReport(person)).tell(frames, bent, done.report)

    def result(self, people: np.ndarray) -> tuple[PoseTable, np.ndarray]:
        """The table with new rows behind its own, and the people [new rows] they are of."""
        result, columns = put_back(self._table, people, self._rows, self._added, self._unit)
        for person, report in self.reports.items():
            report.added = int((columns["people"] == person).sum())
        return result, columns["people"]
