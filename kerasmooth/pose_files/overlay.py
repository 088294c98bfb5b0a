"""A film of the poses before and after, over the video or on a blank canvas."""

import colorsys
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.pose_files.tables import SmoothedTable, frame_step
from kerasmooth.pose_table import MEASURED, PoseTable

# FFmpeg and OpenCV write their own complaints about a bad video to stderr; ours is one line.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")

import cv2

MAX_SIDE = 960
"""Longest side in pixels of a canvas without a video."""
STYLES = ("beside", "over")
_BACKGROUND = 32
_BEFORE, _AFTER = (0, 140, 255), (255, 160, 60)
_FILLED = (80, 220, 80)
Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class _View:
    """From a table's coordinates to pixels of the film: positions * scale + offset."""

    size: Size
    scale: np.ndarray
    offset: np.ndarray

    def points(self, keypoints: np.ndarray) -> np.ndarray:
        """int64 [K, 2]; far outside of the picture where NaN."""
        placed = keypoints * self.scale + self.offset
        limit = 8 * max(self.size)
        return np.rint(np.clip(np.nan_to_num(placed, nan=-limit), -limit, limit)).astype(np.int64)


def check_video(video: Path) -> None:
    """Raises InputError where there is no video that can be read."""
    with _opened(video):
        pass


def draw(
    before: PoseTable, after: SmoothedTable, path: Path, *, video: Path | None = None, style: str = "beside"
) -> None:
    """Writes the film: every frame of the video, or without one every frame of the table.

    Frame numbers count the video's frames from 0; from 1 where the first is 1 and the last is the number of frames.

    Args:
      before: as read.
      after: what `smooth_files.smooth_table` made of it.
      path: of the MP4 file.
      video: what the poses were estimated from.
      style: "beside" (before left, after right) or "over" (both over each other).

    Raises:
      InputError: the video cannot be read, or the film cannot be written.
    """
    if style not in STYLES:
        raise ValueError(f"style must be one of {STYLES}. Received: style={style!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if video is None:
        view = _canvas(after.table)
        numbers = after.table.frame_numbers
        fps = float(after.table.fps or 25.0) / frame_step(before.frame_numbers)
        blank = np.full((*view.size, 3), _BACKGROUND, np.uint8)
        _write(path, ((int(number), blank) for number in numbers), _Painter(before, after, view, style), fps)
        return
    with _opened(video) as capture:
        size = (int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)))
        fps = capture.get(cv2.CAP_PROP_FPS) or float(after.table.fps or 25.0)
        numbers, count = before.frame_numbers, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        first = int(len(numbers) > 0 and numbers[0] == 1 and numbers[-1] == count)
        painter = _Painter(before, after, _onto_video(before, size), style)
        _write(path, _frames(capture, first), painter, fps)


@contextmanager
def _opened(video: Path) -> Iterator["cv2.VideoCapture"]:
    capture = cv2.VideoCapture(str(video)) if video.is_file() else None
    try:
        if capture is None or not capture.isOpened() or not capture.get(cv2.CAP_PROP_FRAME_WIDTH) > 0:
            raise InputError(f"--video={video}: it must be a video that OpenCV can read: check the name, or convert it")
        yield capture
    finally:
        if capture is not None:
            capture.release()


def _frames(capture: "cv2.VideoCapture", first: int) -> Iterator[tuple[int, np.ndarray]]:
    number = first
    while True:
        there, image = capture.read()
        if not there:
            return
        yield number, image
        number += 1


def _write(path: Path, frames: Iterator[tuple[int, np.ndarray]], painter: "_Painter", fps: float) -> None:
    with replacing(path) as partial:
        writer = None
        try:
            for number, image in frames:
                picture = painter.paint(number, image)
                if writer is None:
                    size = (picture.shape[1], picture.shape[0])
                    writer = cv2.VideoWriter(str(partial), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
                    if not writer.isOpened():
                        raise InputError(f"--overlay={path}: OpenCV cannot write this film: choose another folder")
                writer.write(picture)
            if writer is None:
                raise InputError(f"--overlay={path}: there is no frame to draw: check the input and the video")
        finally:
            if writer is not None:
                writer.release()


def _canvas(table: PoseTable) -> _View:
    """The whole image where its size is known, otherwise where the people are."""
    if table.image_size is not None and table.unit in ("px", "normalised"):
        size = table.image_size
        factor = min(1.0, MAX_SIDE / max(size))
        return _onto_video(table, _even(np.array(size) * factor))
    points = table.keypoints[np.isfinite(table.keypoints).all(axis=-1)]
    points = points if len(points) else np.zeros((1, 2))
    low, high = np.percentile(points, [0.5, 99.5], axis=0)
    margin = 0.1 * max(float((high - low).max()), 1e-9)
    low, extent = low - margin, high - low + 2 * margin
    factor = MAX_SIDE / float(extent.max())
    size = _even(extent[::-1] * factor)
    scale, offset = np.array([factor, factor]), -low * factor
    if table.y_up:
        scale[1], offset[1] = -factor, size[0] + low[1] * factor
    return _View(size, scale, offset)


def _even(size: np.ndarray) -> Size:
    height, width = (max(64, 2 * int(np.ceil(side / 2))) for side in size)
    return height, width


def _onto_video(table: PoseTable, size: Size) -> _View:
    height, width = size
    if table.unit == "normalised":
        scale = np.array([width, height], np.float64)
    else:
        known = table.image_size or size
        scale = np.array([width / known[1], height / known[0]])
    offset = np.zeros(2)
    if table.y_up:
        scale[1], offset[1] = -scale[1], float(height)
    return _View(size, scale, offset)


class _Painter:
    """Draws the people of a frame."""

    def __init__(self, before: PoseTable, after: SmoothedTable, view: _View, style: str) -> None:
        self._before, self._after, self._view, self._style = before, after, view, style
        self._limbs = before.skeleton.limbs
        self._rows: dict[int, list[int]] = defaultdict(list)
        for row, frame in enumerate(after.table.frames.tolist()):
            self._rows[frame].append(row)
        self._width = max(1, round(min(view.size) / 300))

    def paint(self, number: int, image: np.ndarray) -> np.ndarray:
        """The picture of a frame; `image` is left as it is."""
        rows = self._rows.get(number, [])
        if self._style == "over":
            picture = image.copy()
            self._people(picture, rows, False, _BEFORE, self._width)
            self._people(picture, rows, True, _AFTER, self._width + 1)
            self._label(picture, f"before and after, frame {number}", (255, 255, 255))
            return _with_even_sides(picture)
        left, right = image.copy(), image.copy()
        self._people(left, rows, False, None, self._width)
        self._people(right, rows, True, None, self._width)
        self._label(left, f"before, frame {number}", (255, 255, 255))
        self._label(right, "after", (255, 255, 255))
        return _with_even_sides(np.concatenate([left, right], axis=1))

    def _people(self, picture: np.ndarray, rows: list[int], after: bool, colour: Colour | None, width: int) -> None:
        table = self._after.table if after else self._before
        for row in rows:
            if row >= len(table.frames):
                continue
            shade = colour or _shade(int(self._after.people[row]))
            measured = table.provenance[row] == MEASURED if after else None
            self._pose(picture, table.keypoints[row], measured, shade, width)

    def _pose(
        self, picture: np.ndarray, keypoints: np.ndarray, measured: np.ndarray | None, colour: Colour, width: int
    ) -> None:
        """Keypoints [K, 2]; those that were not measured are drawn green."""
        known = np.isfinite(keypoints).all(axis=-1)
        points = self._view.points(keypoints).tolist()
        for a, b in self._limbs:
            if known[a] and known[b]:
                cv2.line(picture, tuple(points[a]), tuple(points[b]), colour, width, cv2.LINE_AA)
        for keypoint in np.flatnonzero(known).tolist():
            shown = colour if measured is None or measured[keypoint] else _FILLED
            cv2.circle(picture, tuple(points[keypoint]), width + 1, shown, -1, cv2.LINE_AA)

    def _label(self, picture: np.ndarray, text: str, colour: Colour) -> None:
        size = max(0.4, picture.shape[0] / 1000)
        (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        cv2.rectangle(picture, (0, 0), (width + 2 * base, height + 3 * base), (0, 0, 0), -1)
        cv2.putText(picture, text, (base, height + base), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def _shade(person: int) -> Colour:
    """A colour of a person's own, far from that of the next."""
    red, green, blue = colorsys.hsv_to_rgb((0.08 + 0.618034 * max(person, 0)) % 1.0, 0.65, 1.0)
    return int(255 * blue), int(255 * green), int(255 * red)


def _with_even_sides(picture: np.ndarray) -> np.ndarray:
    """Codecs take even sides only."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
