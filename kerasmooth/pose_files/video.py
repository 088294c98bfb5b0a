"""Videos, opened by OpenCV."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError

# FFmpeg and OpenCV write their own complaints about a bad video to stderr; ours is one line.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")

import cv2


@dataclass(frozen=True)
class Properties:
    """What a video says of itself: frames per second (None where it says none), (height, width), number of frames."""

    fps: float | None
    size: Size
    frames: int


def properties(video: Path) -> Properties:
    """Raises InputError where there is no video that can be read."""
    with opened(video) as capture:
        return properties_of(capture)


def properties_of(capture: "cv2.VideoCapture") -> Properties:
    """Of a video that is open."""
    size = (int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)))
    return Properties(capture.get(cv2.CAP_PROP_FPS) or None, size, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))


@contextmanager
def opened(video: Path) -> Iterator["cv2.VideoCapture"]:
    """The video, open within the block. Raises InputError where there is none that can be read."""
    capture = cv2.VideoCapture(str(video)) if video.is_file() else None
    try:
        if capture is None or not capture.isOpened() or not capture.get(cv2.CAP_PROP_FRAME_WIDTH) > 0:
            raise InputError(f"--video={video}: it must be a video that OpenCV can read: check the name, or convert it")
        yield capture
    finally:
        if capture is not None:
            capture.release()
