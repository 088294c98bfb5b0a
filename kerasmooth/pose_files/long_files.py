"""Long files out of core: read in blocks, smoothed while they come in, and written as soon as they are done."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from kerasmooth.formats.block_file import BlockFile, BlockWriter, Survey, WholeOnly
from kerasmooth.pose_files.long_tracks import Detections, LongTracks
from kerasmooth.pose_files.part_stream import Course, Done, PartStream
from kerasmooth.pose_files.pending import Pending
from kerasmooth.pose_files.person_report import PersonReport
from kerasmooth.pose_files.put_back import Unit
from kerasmooth.pose_files.tables import ABSENCE_SECONDS, check_fps, tell_copies
from kerasmooth.pose_table import PoseTable
from kerasmooth.smoothing import gaps, tracking
from kerasmooth.smoothing.keypoints import CHUNK_FRAMES, OVERLAP_SECONDS
from kerasmooth.smoothing.settings import SmoothingSettings
from kerasmooth.smoothing.stretch import Smoother, check_model

READ_FRAMES = 1024
AHEAD_SECONDS = 1.0
"""How much of the next block is looked at to follow people."""
PATIENCE = 2
"""Chunks of frames that the results of others wait for a person who has left."""

OnFrames = Callable[[str, int, int], None]
"""Called with what is being done, frames done, and frames in all."""


@dataclass(frozen=True, eq=False)
class LongResult:
    """What happened: one report a person, by id; unit of the lengths in them; jumps, cuts, notes of `SmoothedTable`."""

    reports: list[PersonReport]
    unit: str
    jumps: int
    cuts: int
    notes: tuple[str, ...]


def smooth_long(
    file: BlockFile,
    open_writer: Callable[[], AbstractContextManager[BlockWriter]],
    settings: SmoothingSettings,
    *,
    block_seconds: float = 0.0,
    model: Smoother | None = None,
    keep_parts: bool = False,
    on_frames: OnFrames | None = None,
) -> LongResult:
    """Smooths a file into another one of the same format, in memory that does not grow with its length.

    The result is that of `tables.smooth_table` where blocks are as long as the pieces in which it smooths long
    recordings. Shorter ones know less of a person: its size, and a keypoint's usual noise, by which an outlier now and
    then is judged otherwise; and what a method tunes by itself is tuned on each block, which moves most positions by a
    little, not only those at the joints. A filter with fixed parameters gives the same where the outliers are the same.
    Two things are always told from what is near instead of from the whole file: whether somebody without an id is
    followed one by one or by assignment, and the size of a person who left for longer than PATIENCE blocks.

    Args:
      file: not yet surveyed.
      open_writer: gives what writes the result, whole or not at all; called after the survey.
      settings: how.
      block_seconds: length of the blocks; 0 for that of the pieces, which is also the most.
      model: see `tables.smooth_table`.
      keep_parts: whether to report keypoint by keypoint, which does take memory for every part.
      on_frames: told what was done.

    Raises:
      block_file.WholeOnly: the file cannot be read in blocks; nothing is written then.
      InputError: as reading, smoothing and writing; nothing is written then.
    """
    tell = on_frames or (lambda what, done, total: None)
    survey = Survey()
    for survey in file.survey(READ_FRAMES):
        tell("reading", survey.frames, int(survey.frames / max(file.share, 1e-9)))
    if survey.highest < 0 and not _frame_step(survey.steps)[1]:
        # Whether they are photographs is told by all of them.
        raise WholeOnly("its frame numbers are scattered")
    fps = check_fps(file.common["fps"], str(file.path))
    blocks = file.blocks(max(READ_FRAMES, int(4 * fps)))
    first = next(blocks)
    if model is not None:
        check_model(first.skeleton, str(file.path))
    course = _course(first, survey, fps, settings, block_seconds, model)
    with open_writer() as writer:
        work = _Work(course, survey, writer, keep_parts)
        for table in itertools.chain([first], blocks):
            work.take(table)
            tell("smoothing", work.pending.written, survey.frames)
        work.finish()
    reports = [work.reports[person] for person in sorted(work.reports)]
    return LongResult(reports, first.unit, work.tracks.jumps, work.tracks.cuts, tell_copies(work.tracks.copies))


def _course(
    table: PoseTable,
    survey: Survey,
    fps: float,
    settings: SmoothingSettings,
    block_seconds: float,
    model: Smoother | None,
) -> Course:
    step, regular = _frame_step(survey.steps)
    fps = fps / step
    overlap = int(np.ceil(OVERLAP_SECONDS * fps))
    chunk = max(CHUNK_FRAMES, 4 * overlap)
    if block_seconds:
        chunk = min(max(round(block_seconds * fps), overlap, 2), chunk)
    return Course(
        fps=fps,
        step=step,
        first=survey.first,
        last=survey.last,
        unit=Unit.of(table),
        skeleton=table.skeleton,
        settings=settings,
        model=model,
        longest=max(gaps.longest_run(settings.max_gap, fps), int(np.ceil(ABSENCE_SECONDS * fps))),
        room=int(settings.extend * fps + 1e-6),
        chunk=chunk,
        overlap=overlap,
        regular=regular,
    )


def _frame_step(steps: Counter[int]) -> tuple[int, bool]:
    """As `tables.frame_step`, from counts; and whether most frame numbers are that far apart."""
    if not steps:
        return 1, True
    usual = min(steps, key=lambda step: (-steps[step], step))
    regular = steps[usual] > 0.5 * steps.total()
    return (usual if regular and not any(step % usual for step in steps) else 1), regular


class _Work:
    """The parts that are open, and the blocks that wait for them."""

    def __init__(self, course: Course, survey: Survey, writer: BlockWriter, keep_parts: bool) -> None:
        self._course, self._keep, self._crowded = course, keep_parts, survey.crowded
        self.tracks = LongTracks(course.fps, survey.highest + 1)
        self.reports: dict[int, PersonReport] = {}
        self.pending = Pending(writer, course.unit, self._count_added)
        self._streams: dict[int, PartStream] = {}
        self._left: dict[int, int] = {}
        self._table: PoseTable | None = None

    def take(self, table: PoseTable) -> None:
        """The next block; the one before it is worked on."""
        if self._table is not None:
            self._advance(self._table, table)
        self._table = table

    def finish(self) -> None:
        """Works on the last block, and writes what is left."""
        if self._table is not None:
            self._advance(self._table, None)
        for label in list(self._streams):
            self._close(label)
        self.pending.write_until(None)

    def _advance(self, table: PoseTable, following: PoseTable | None) -> None:
        block = self._detections(table)
        ahead = block.part(slice(0))
        if following is not None and len(block.frames):
            ahead = self._detections(following)
            near = np.searchsorted(ahead.frames, block.frames[-1] + AHEAD_SECONDS * self._course.fps, side="right")
            ahead = ahead.part(slice(int(near)))
        found = self.tracks.follow(block, ahead)
        # A file of one person without ids stays so.
        one = self.tracks.followed and not self._crowded
        first = self.pending.add(table, table.people if one else found.people)
        for rows in tracking.groups(found.parts):
            self._push(table, rows, first, int(found.parts[rows[0]]), -1 if one else int(found.people[rows[0]]))
        if following is not None and len(following.frame_numbers):
            self._close_lost(int(following.frame_numbers[0]))

    def _detections(self, table: PoseTable) -> Detections:
        keypoints = table.keypoints * self._course.unit.scale
        known = np.isfinite(keypoints).all(axis=-1) & ~(table.confidence <= 0)
        return Detections(table.frames // self._course.step, table.people, keypoints, known, table.confidence)

    def _push(self, table: PoseTable, rows: np.ndarray, first: int, label: int, person: int) -> None:
        if label not in self._streams:
            self._streams[label] = PartStream(self._course, person, self._left.get(label))
        scale = self._course.unit.scale
        depth = None if table.depth is None else table.depth[rows] * scale[0]
        values = (table.keypoints[rows] * scale, table.confidence[rows], depth)
        self._pass_on(self._streams[label].push(table.frames[rows], first + rows, *values))

    def _pass_on(self, pieces: Iterator[Done]) -> None:
        for done in pieces:
            self.pending.put(done)

    def _close_lost(self, now: int) -> None:
        """Ends the parts that cannot go on, or that have kept others waiting for long; writes what is complete."""
        course = self._course
        remembered = max(tracking.MEMORY_SECONDS * course.fps, 1.0) * course.step
        patience = PATIENCE * (course.chunk + course.overlap) * course.step
        for label, stream in list(self._streams.items()):
            if not self.tracks.may_return(label):
                over = now - stream.last > remembered
            else:
                over = now - stream.first_open > patience
                self._left |= {label: stream.last} if over else {}
            if over:
                self._close(label)
        opened = [stream.first_open for stream in self._streams.values()]
        self.pending.write_until(min([now - course.room * course.step, *opened]))

    def _close(self, label: int) -> None:
        stream = self._streams.pop(label)
        self._pass_on(stream.close())
        person = self.reports.setdefault(stream.person, PersonReport(stream.person))
        person.tell(stream.report.frames, stream.report.bends, stream.report.found(), keep=self._keep)

    def _count_added(self, people: np.ndarray) -> None:
        for person, count in zip(*np.unique(people, return_counts=True), strict=True):
            self.reports.setdefault(int(person), PersonReport(int(person))).added += int(count)
