"""One person between two jumps, smoothed while the file is still being read."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kerasmooth.pose_files.part_report import PartReport
from kerasmooth.pose_files.put_back import Added, Unit, values_of
from kerasmooth.skeletons import Skeleton
from kerasmooth.smoothing.settings import SmoothingSettings
from kerasmooth.smoothing.steps import prepare
from kerasmooth.smoothing.stretch import SmoothedStretch, Smoother, smooth_stretch


@dataclass(frozen=True, eq=False)
class Course:
    """What all parts of a file share.

    Attributes:
      fps, step: frames per second, and frame numbers a frame.
      first, last: frame numbers of the file.
      unit: of the keypoints that are pushed.
      skeleton, settings, model: see `stretch.smooth_stretch`.
      longest: frames that an absence is shortened to.
      room: frames by which a part may be extended.
      chunk, overlap: frames that are smoothed at a time, and that are looked at before and after them.
      regular: frame numbers are those of a video, so that somebody may be there in between.
    """

    fps: float
    step: int
    first: int
    last: int
    unit: Unit
    skeleton: Skeleton
    settings: SmoothingSettings
    model: Smoother | None
    longest: int
    room: int
    chunk: int
    overlap: int
    regular: bool


@dataclass(frozen=True, eq=False)
class Done:
    """Rows of the file (numbered through) with their new values, and rows of frames in which there was nobody."""

    rows: np.ndarray
    values: dict[str, np.ndarray]
    added: Added


class PartStream:
    """Frames of a part come in, smoothed ones go out once the frames behind them are known.

    The frames are cut where `smoothing.smooth_keypoints` cuts a long recording, so that the result is the same.
    """

    def __init__(self, course: Course, person: int, after: int | None) -> None:
        """`after`: the frame number behind which the part begins, where it goes on after a long absence."""
        self._course, self.person, self._after = course, person, after
        self.last = course.first
        self.report = PartReport(course.unit.scale)
        self._numbers, self._rows = np.empty(0, np.int64), np.empty(0, np.int64)
        num_keypoints = course.skeleton.num_keypoints
        self._keypoints, self._confidence = np.empty((0, num_keypoints, 2)), np.empty((0, num_keypoints))
        self._depth, self._deep = np.empty((0, num_keypoints)), False
        self._begin = self._done = 0
        self._empty = True

    @property
    def first_open(self) -> int:
        """The first frame number of which the result is not out."""
        return int(self._numbers[self._done - self._begin])

    @property
    def _end(self) -> int:
        return self._begin + len(self._numbers)

    def push(
        self,
        frames: np.ndarray,
        rows: np.ndarray,
        keypoints: np.ndarray,
        confidence: np.ndarray,
        depth: np.ndarray | None = None,
    ) -> Iterator[Done]:
        """Takes rows of further, increasing frames.

        Args:
          frames, rows: int64 [N].
          keypoints: [N, K, 2].
          confidence: [N, K].
          depth: [N, K], with all or with none.
        """
        numbers, places = self._lay_out(frames)
        laid = np.full(len(numbers), -1, np.int64)
        laid[places] = rows
        shape = (len(numbers), self._course.skeleton.num_keypoints)
        points, scores, depths = np.full((*shape, 2), np.nan), np.zeros(shape), np.full(shape, np.nan)
        points[places], scores[places] = keypoints, confidence
        if depth is not None:
            depths[places], self._deep = depth, True
        self._append(numbers, laid, points, scores, depths)
        self.last, self._empty = int(frames[-1]), False
        chunk, overlap = self._course.chunk, self._course.overlap
        # A recording that is hardly longer than a chunk is smoothed in one piece.
        while self._end >= (self._done + chunk + overlap if self._done else chunk + 2 * overlap + 1):
            yield self._smooth(self._done + chunk)

    def close(self) -> Iterator[Done]:
        """The rest; nothing may be pushed afterwards."""
        course = self._course
        after = min(course.room, (course.last - self.last) // course.step)
        nobody = np.zeros((after, course.skeleton.num_keypoints))
        numbers = self.last + (1 + np.arange(after)) * course.step
        nowhere = np.full((*nobody.shape, 2), np.nan)
        self._append(numbers, np.full(after, -1, np.int64), nowhere, nobody, nowhere[..., 0])
        if not self._done and self._end <= course.chunk + 2 * course.overlap:
            yield self._smooth(self._end)
        while self._done < self._end:
            yield self._smooth(min(self._done + course.chunk, self._end))

    def _lay_out(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(frame numbers of the frames to append, the places of `frames` in them); long absences are shortened."""
        course = self._course
        if self._empty:
            since = course.first if self._after is None else self._after + (course.room + 1) * course.step
            before = max(0, min(course.room, (int(frames[0]) - since) // course.step))
            places = np.concatenate([[0], np.cumsum(self._shortened(np.diff(frames)))]) + before
            known, at = frames, places
        else:
            places = np.cumsum(self._shortened(np.diff(frames, prepend=self.last))) - 1
            known, at = np.concatenate([[self.last], frames]), np.concatenate([[-1], places])
        slots = np.arange(int(places[-1]) + 1)
        owner = np.clip(np.searchsorted(at, slots, side="right") - 1, 0, None)
        return known[owner] + (slots - at[owner]) * course.step, places

    def _shortened(self, steps: np.ndarray) -> np.ndarray:
        return np.minimum(steps // self._course.step, self._course.longest + 2)

    def _append(
        self, numbers: np.ndarray, rows: np.ndarray, keypoints: np.ndarray, confidence: np.ndarray, depth: np.ndarray
    ) -> None:
        self._numbers = np.concatenate([self._numbers, numbers])
        self._rows = np.concatenate([self._rows, rows])
        self._keypoints = np.concatenate([self._keypoints, keypoints])
        self._confidence = np.concatenate([self._confidence, confidence])
        self._depth = np.concatenate([self._depth, depth])

    def _smooth(self, end: int) -> Done:
        """Smooths up to frame `end`, and forgets what is not needed any more."""
        course = self._course
        first, last = max(self._done - course.overlap, 0), min(end + course.overlap, self._end)
        window = slice(first - self._begin, last - self._begin)
        keypoints, confidence = self._keypoints[window], self._confidence[window]
        depth = self._depth[window] if self._deep else None
        done = smooth_stretch(keypoints, confidence, course.fps, course.skeleton, course.settings, course.model, depth)
        core = slice(self._done - first, end - first)
        swapped = self._swapped(keypoints, confidence, done)
        part = slice(self._done - self._begin, end - self._begin)
        numbers, rows = self._numbers[part], self._rows[part]
        values = values_of(done, core)
        self.report.add(keypoints[core], values, swapped[core], done.report, int((rows >= 0).sum()))
        self._done = end
        kept = slice(max(end - course.overlap, 0) - self._begin if end < self._end else len(self._numbers), None)
        self._begin += kept.start
        for name in ("_numbers", "_rows", "_keypoints", "_confidence", "_depth"):
            setattr(self, name, np.array(getattr(self, name)[kept]))
        return self._sorted_out(numbers, rows, values)

    def _swapped(self, keypoints: np.ndarray, confidence: np.ndarray, done: SmoothedStretch) -> np.ndarray:
        """bool [T, K]; they are looked for once more, as a smoothing only counts them."""
        settings, course = self._course.settings, self._course
        if not np.any(done.report["swaps"]):
            return np.zeros(confidence.shape, bool)
        scores = np.where(confidence < 0, 0.0, confidence)
        return prepare(keypoints, scores, course.fps, course.skeleton, settings).swapped

    def _sorted_out(self, numbers: np.ndarray, rows: np.ndarray, values: dict[str, np.ndarray]) -> Done:
        there = rows >= 0
        empty = ~there & np.isfinite(values["keypoints"]).all(axis=-1).any(axis=-1) & self._course.regular
        added = {name: value[empty] for name, value in values.items()}
        added["frames"], added["people"] = numbers[empty], np.full(int(empty.sum()), self.person, np.int64)
        return Done(rows[there], {name: value[there] for name, value in values.items()}, added)
