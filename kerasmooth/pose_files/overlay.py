"""A film of the poses before and after, over the video or on a blank canvas."""

import colorsys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.safe_files import replacing
from kerasmooth.pose_files.table_smoothing import SmoothedTable, frame_step
from kerasmooth.pose_files.video import opened, properties_of
from kerasmooth.pose_table import MEASURED, PoseTable

MAX_SIDE = 960
"""Longest side in pixels of a canvas without a video."""
_BACKGROUND = 32
_BEFORE, _AFTER = (0, 140, 255), (255, 160, 60)
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FILLED_WORD = "white: filled or replaced"
Colour = tuple[int, int, int]


def draw(
    before: PoseTable, after: SmoothedTable, path: Path, *, video: Path | None = None, style: str = "beside"
) -> None:
    """Writes the film: every frame of the video, or without one every frame of the table.

    Args:
      before: as read.
      after: what `smooth_table` made of it.
      path: of the MP4 file.
      video: what the poses were estimated from.
      style: "beside" (before left, after right) or "over" (both over each other).

    Raises:
      InputError: the video cannot be read or has no frame, or the film cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if video is None:
        view = canvas(after.table)
        numbers = after.table.frame_numbers
        fps = float(after.table.fps or 25.0) / frame_step(before.frame_numbers)
        blank = np.full((*view.size, 3), _BACKGROUND, np.uint8)
        frames = [int(number) for number in numbers] or [0]  # A file of no frames is a film of one, so that it plays.
        _write(path, ((number, blank) for number in frames), _Painter(before, after, view, style), fps)
        return
    with opened(video) as capture:
        found = properties_of(capture)
        painter = _Painter(before, after, _onto_image(before, found.size), style)
        fps = found.fps or float(after.table.fps or 25.0)
        _write(path, _frames(capture, _first_frame(before, found.frames)), painter, fps)


def _first_frame(table: PoseTable, frames: int) -> int:
    """The number that a table gives to the first of the frames of a video.

    Where its format does not say it, 0; 1 where there is no frame 0 but one that 0 would leave no picture for.
    """
    if table.first_frame is not None:
        return table.first_frame
    numbers = table.frame_numbers
    return int(len(numbers) > 0 and numbers[0] >= 1 and numbers[-1] == frames)


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
                raise InputError(f"--overlay={path}: the video has no frame to draw on: check --video")
        finally:
            if writer is not None:
                writer.release()


@dataclass(frozen=True, eq=False)
class View:
    """From a table's coordinates to pixels of the film: positions * scale + offset."""

    size: Size
    scale: np.ndarray
    offset: np.ndarray

    def points(self, keypoints: np.ndarray) -> np.ndarray:
        """int64 [K, 2]; far outside of the picture where NaN."""
        placed = keypoints * self.scale + self.offset
        limit = 8 * max(self.size)
        return np.rint(np.clip(np.nan_to_num(placed, nan=-limit), -limit, limit)).astype(np.int64)


class _Painter:
    """Draws the people of a frame."""

    def __init__(self, before: PoseTable, after: SmoothedTable, view: View, style: str) -> None:
        self._before, self._after, self._view, self._style = before, after, view, style
        self._limbs = before.skeleton.limbs
        self._rows: dict[int, list[int]] = defaultdict(list)
        for row, frame in enumerate(after.table.frames.tolist()):
            self._rows[frame].append(row)
        self._width = max(1, round(min(view.size) / 300))
        self._several = len(np.unique(after.people)) > 1

    def paint(self, number: int, image: np.ndarray) -> np.ndarray:
        """The picture of a frame; `image` is left as it is."""
        rows = self._rows.get(number, [])
        if self._style == "over":
            picture = image.copy()
            self._people(picture, rows, False, _BEFORE, self._width + 2)
            self._people(picture, rows, True, _AFTER, self._width)
            words = [(f"frame {number}:", _WHITE), ("before", _BEFORE), ("after", _AFTER), (_FILLED_WORD, _WHITE)]
            return _with_even_sides(_label(picture, words))
        left, right = image.copy(), image.copy()
        self._people(left, rows, False, None, self._width)
        self._people(right, rows, True, None, self._width)
        _label(left, [(f"before, frame {number}", _WHITE)])
        _label(right, [(f"after, {_FILLED_WORD}", _WHITE)])
        right[:, :2] = _WHITE
        return _with_even_sides(np.concatenate([left, right], axis=1))

    def _people(self, picture: np.ndarray, rows: list[int], after: bool, colour: Colour | None, width: int) -> None:
        table = self._after.table if after else self._before
        for row in rows:
            if row >= len(table.frames):
                continue
            person = int(self._after.people[row])
            shade, known = colour or _shade(person), np.isfinite(table.keypoints[row]).all(axis=-1)
            points = self._view.points(table.keypoints[row])
            measured = table.provenance[row] == MEASURED if after else np.ones(len(known), bool)
            self._pose(picture, points, known, measured, shade, width)
            if after and self._several and person >= 0 and known.any():
                # Above the highest keypoint.
                x, y = points[known][points[known][:, 1].argmin()].tolist()
                place = (x - self._width * 4, max(y - self._width * 5, 0))
                name, thick = table.person_names.get(person, str(person)), max(1, self._width - 1)
                cv2.putText(picture, name, place, _FONT, _text_size(picture), shade, thick, cv2.LINE_AA)

    def _pose(
        self,
        picture: np.ndarray,
        points: np.ndarray,
        known: np.ndarray,
        measured: np.ndarray,
        shade: Colour,
        width: int,
    ) -> None:
        """Limbs between points [K, 2] in pixels; keypoints that were not measured are white with a black rim."""
        for a, b in self._limbs:
            if known[a] and known[b]:
                cv2.line(picture, points[a].tolist(), points[b].tolist(), shade, width, cv2.LINE_AA)
        for keypoint in np.flatnonzero(known).tolist():
            place = points[keypoint].tolist()
            if not measured[keypoint]:
                cv2.circle(picture, place, width + 3, _BLACK, -1, cv2.LINE_AA)
            cv2.circle(picture, place, width + 1, shade if measured[keypoint] else _WHITE, -1, cv2.LINE_AA)


def _text_size(picture: np.ndarray) -> float:
    return max(0.4, picture.shape[0] / 1000)


def _label(picture: np.ndarray, words: list[tuple[str, Colour]]) -> np.ndarray:
    """The picture with words of their own colours on a bar at the top left, as many as have room."""
    size, left = _text_size(picture), 0
    (_, height), base = cv2.getTextSize("before, after", _FONT, size, 1)
    for word, colour in words:
        width = cv2.getTextSize(word, _FONT, size, 1)[0][0]
        if left and left + width + 2 * base > picture.shape[1]:
            break
        cv2.rectangle(picture, (left, 0), (left + width + 2 * base, height + 3 * base), _BLACK, -1)
        cv2.putText(picture, word, (left + base, height + base), _FONT, size, colour, 1, cv2.LINE_AA)
        left += width + 2 * base
    return picture


def _shade(person: int) -> Colour:
    """A colour of a person's own, far from that of the next."""
    red, green, blue = colorsys.hsv_to_rgb((0.08 + 0.618034 * max(person, 0)) % 1.0, 0.65, 1.0)
    return int(255 * blue), int(255 * green), int(255 * red)


def _with_even_sides(picture: np.ndarray) -> np.ndarray:
    """Codecs take even sides only."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def canvas(table: PoseTable) -> View:
    """The whole image where its size is known, otherwise where the people are."""
    if table.image_size is not None and table.unit in ("px", "normalised"):
        size = table.image_size
        factor = min(1.0, MAX_SIDE / max(size))
        return _onto_image(table, _even(np.array(size) * factor))
    points = table.keypoints[np.isfinite(table.keypoints).all(axis=-1)]
    low, high = np.percentile(points if len(points) else np.zeros((1, 2)), [0.5, 99.5], axis=0)
    margin = 0.1 * max(float((high - low).max()), 1e-9)
    factor = MAX_SIDE / float((high - low).max() + 2 * margin)
    size = _even((high - low + 2 * margin)[::-1] * factor)
    scale, offset = np.array([factor, factor]), (margin - low) * factor
    if table.y_up:
        scale[1], offset[1] = -factor, size[0] - offset[1]
    return View(size, scale, offset)


def _even(size: np.ndarray) -> Size:
    height, width = (max(64, 2 * int(np.ceil(side / 2))) for side in size)
    return height, width


def _onto_image(table: PoseTable, size: Size) -> View:
    """The whole image in a picture of `size` (height, width)."""
    height, width = (1, 1) if table.unit == "normalised" else table.image_size or size
    scale, offset = np.array([size[1] / width, size[0] / height]), np.zeros(2)
    if table.y_up:
        scale[1], offset[1] = -scale[1], float(size[0])
    return View(size, scale, offset)
