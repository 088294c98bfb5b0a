"""A pose table smoothed: people followed, each one's segments smoothed frame by frame, and written into their rows."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.pose_files.person_report import ONLY, PersonReport, report_segment, total
from kerasmooth.pose_files.square_unit import SquareUnit
from kerasmooth.pose_table import PoseTable, append_rows
from kerasmooth.smoothing import gaps, photographs, tracking
from kerasmooth.smoothing.segments import Smoother, check_model, smooth_segment
from kerasmooth.smoothing.settings import SmoothingSettings

MAX_FPS = 10_000.0
MAX_SEGMENT_VALUES = 1 << 27
"""Most keypoints of one person over all frames, absences up to a second among them; each takes some 200 bytes."""
ABSENCE_SECONDS = 1.0
"""Longer absences are shortened to this before smoothing: nothing is filled across them, and memory stays small."""
_VALUES = ("keypoints", "confidence", "provenance", "deviation")


@dataclass(frozen=True, eq=False)
class SmoothedTable:
    """A table, smoothed, and what happened.

    Attributes:
      table: the input's rows in their order, then those of people who were filled in.
      people: int64 [rows of table], who each is, where the table has no ids too; -1 for a duplicate of somebody.
      reports: one a person, by id.
      unit: of the lengths in the reports.
      jumps: how often an id of the file jumped.
      cuts: how often the video goes on with another shot.
      duplicates: detections of somebody whom the same frame has already; they are left as they are.
      unrelated: the frames are photographs, or too far apart: everything is left as it is.
    """

    table: PoseTable
    people: np.ndarray
    reports: list[PersonReport] = field(default_factory=list)
    unit: str = "px"
    jumps: int = 0
    cuts: int = 0
    duplicates: int = 0
    unrelated: bool = False


def check_fps(fps: float | None, name: str) -> float:
    """The frame rate of a file. Raises InputError where it is unknown or no frame rate."""
    if fps is None:
        raise InputError(f"{name}: fps must be known, the file does not say it: give it with --fps=N or --video=FILE")
    if not 0 < fps <= MAX_FPS:
        raise InputError(f"{name}: fps must be above 0 and at most {MAX_FPS:g}, received {fps:g}: give it with --fps=N")
    return float(fps)


def smooth_table(
    table: PoseTable,
    settings: SmoothingSettings,
    *,
    name: str = "the table",
    model: Smoother | None = None,
    on_segment: Callable[..., None] | None = None,
) -> SmoothedTable:
    """Smooths every person of a table. Positions that nothing was done to stay exactly as they are.

    Args:
      table: any, with fps, which counts frame numbers; where these are regularly apart by more than one, so are frames.
      settings: how.
      name: what errors call the table.
      model: smooths the keypoints it knows by name; the others are smoothed as `settings` say.
      on_segment: called with completed=segments done, total=segments in all; a segment is a person between two jumps.

    Raises:
      InputError: no frame rate, nothing in common with the model, more than fits into memory.
      ValueError: wrong settings.
    """
    fps = check_fps(table.fps, name)
    if model is not None:
        check_model(table.skeleton, name)
    unit = SquareUnit.of(table)
    square = unit.into(table)
    step = frame_step(table.frame_numbers)
    tracks = _follow(square, fps / step, step, settings.min_confidence)
    if (table.people < 0).all() and photographs.are_unrelated(table.frames, tracks):
        return SmoothedTable(table, table.people, unit=unit.name, unrelated=True)
    # A file of one person without ids stays so, and so does a photograph.
    frames = len(np.unique(table.frames))
    nameless = tracks.followed and frames == len(table.frames)
    people = np.full(len(table.people), -1) if nameless else tracks.people
    work = _Work(square, settings, fps / step, step, name, model)
    segments = tracking.groups(tracks.segments)
    for done, rows in enumerate(segments, 1):
        work.smooth(rows, int(people[rows[0]]))
        if on_segment:
            on_segment(completed=done, total=len(segments))
    result = work.result(table.people if nameless or frames == 1 else people)
    added = result.people[len(table.people) :]
    return SmoothedTable(
        unit.out_of(result, table),
        np.concatenate([tracks.people, added]),
        [total(work.reports[person], work.reports[person][0].name) for person in sorted(work.reports)],
        unit.name,
        tracks.jumps,
        len(tracks.cuts),
        int((tracks.segments < 0).sum()),
    )


def _follow(square: PoseTable, fps: float, step: int, min_confidence: float) -> tracking.Tracks:
    known = np.isfinite(square.keypoints).all(axis=-1) & ~(square.confidence <= 0)
    known &= ~(square.confidence < min_confidence)
    people = np.unique(square.people)
    one = len(people) == 1 and people[0] >= 0 and len(np.unique(square.frames)) == len(square.frames)
    return tracking.follow(
        square.frames // step,
        square.people,
        square.keypoints,
        known,
        fps=fps,
        confidence=square.confidence,
        single=square.is_single or one,
    )


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
    """The rows of a table while segment after segment is smoothed; `fps` is of its frames, `step` apart."""

    def __init__(
        self, table: PoseTable, settings: SmoothingSettings, fps: float, step: int, name: str, model: Smoother | None
    ) -> None:
        self._table, self._settings, self._fps, self._step = table, settings, fps, step
        self._name, self._model = name, model
        names = (*_VALUES, "depth") if table.depth is not None else _VALUES
        self._values = {each: getattr(table, each) for each in names}
        # Numbers without an order are of photographs, not of a video: nobody was there in between.
        self._fills_frames = _usual_step(table.frame_numbers)[1] > 0.5
        self._added: list[dict[str, np.ndarray]] = []
        self.reports: dict[int, list[PersonReport]] = {}

    def smooth(self, rows: np.ndarray, person: int) -> None:
        """Smooths one segment, whose rows have different frames."""
        table = self._table
        rows = rows[np.argsort(table.frames[rows], kind="stable")]
        numbers, places = self._every_frame(table.frames[rows])
        # One person in every frame, the usual file, needs no copies.
        whole = len(numbers) == len(rows) == len(table.frames) and (np.diff(rows) == 1).all()

        def every_frame(values: np.ndarray, nothing: float) -> np.ndarray:
            if whole:
                return values
            found = np.full((len(numbers), *values.shape[1:]), nothing)
            found[places] = values[rows]
            return found

        keypoints, confidence = every_frame(table.keypoints, np.nan), every_frame(table.confidence, 0.0)
        depth = None if table.depth is None else every_frame(table.depth, np.nan)
        done = smooth_segment(keypoints, confidence, self._fps, table.skeleton, self._settings, self._model, depth)
        for name, values in self._values.items():
            if whole:
                self._values[name] = getattr(done, name)
                continue
            self._values[name] = np.array(values) if values is getattr(table, name) else values
            self._values[name][rows] = getattr(done, name)[places]
        there = np.zeros(len(numbers), bool)
        there[places] = True
        if self._fills_frames:
            at = np.flatnonzero(~there & np.isfinite(done.keypoints).all(axis=-1).any(axis=-1))
            values = {name: getattr(done, name)[at] for name in self._values}
            self._added.append({"frames": numbers[at], "people": np.full(len(at), person), **values})
        name = table.person_names.get(person, ONLY if person < 0 or table.is_single else str(person))
        found = report_segment(name, numbers, there, keypoints, done, table.skeleton.keypoints)
        self.reports.setdefault(person, []).append(found)

    def _every_frame(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(frame numbers [T], the places [rows] of increasing frames in them); long absences are shortened."""
        longest = max(gaps.longest_run(self._settings.max_gap, self._fps), int(np.ceil(ABSENCE_SECONDS * self._fps)))
        steps = np.diff(frames) // self._step
        places = np.concatenate([[0], np.cumsum(np.minimum(steps, longest + 2))])
        room = int(self._settings.extend * self._fps + 1e-6)
        before = min(room, int(frames[0] - self._table.frame_numbers[0]) // self._step)
        after = min(room, int(self._table.frame_numbers[-1] - frames[-1]) // self._step)
        count, keypoints = before + int(places[-1]) + 1 + after, self._table.skeleton.num_keypoints
        if count * keypoints > MAX_SEGMENT_VALUES:
            raise InputError(
                f"{self._name}: a person must have at most {MAX_SEGMENT_VALUES:,} keypoints over all frames, received "
                f"{count:,} frames of {keypoints}: split the file or lower --max_gap"
            )
        places += before
        owner = np.clip(np.searchsorted(places, np.arange(count), side="right") - 1, 0, None)
        return frames[owner] + (np.arange(count) - places[owner]) * self._step, places

    def result(self, people: np.ndarray) -> PoseTable:
        """The table, whose rows are of `people`, with new values, and with rows for frames without somebody behind.

        A new row that the table has already, that person in that frame, is left out. Where an id jumped to and fro,
        two of its segments may fill a frame: the surer one stays.
        """
        result = self._table.with_(people=people, **self._values)
        if not self._added:
            return result
        columns = {key: np.concatenate([segment[key] for segment in self._added]) for key in self._added[0]}
        taken = set(zip(result.frames.tolist(), people.tolist(), strict=True))
        order = np.lexsort((-np.nansum(columns["confidence"], axis=1), columns["people"], columns["frames"]))
        chosen: list[int] = []
        for row in order.tolist():
            pair = (int(columns["frames"][row]), int(columns["people"][row]))
            if pair not in taken:
                taken.add(pair)
                chosen.append(row)
                self.reports[pair[1]][0].added += 1
        return append_rows(result, **{key: values[chosen] for key, values in columns.items()}) if chosen else result
