"""What the smoothing command is asked for, checked before anything is read."""

import inspect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasmooth import formats
from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.filters import FILTERS
from kerasmooth.pose_files.tables import MAX_FPS
from kerasmooth.smoothing.keypoints import smooth_keypoints
from kerasmooth.smoothing.settings import AUTO, SmoothingSettings

MAX_SECONDS = 10.0
"""Longest gap that may be filled."""
MAX_STRENGTH = 100.0
MAX_SIDE = 100_000
_TRIAL_FPS = 1000.0
"""A frame rate at which every sensible frequency can be tried."""
_NOT_PARAMETERS = {"positions", "weights", "fps", "parameters"}


@dataclass(frozen=True)
class Options:
    """The flags of the command; an empty text is one that was not given."""

    output: str
    settings: SmoothingSettings
    to: str = ""
    input_format: str = ""
    model: str = ""
    fps: float | None = None
    image_size: Size | None = None
    plot: str = ""
    report: str = ""
    video: str = ""
    overlay: str = ""
    overlay_style: str = "beside"
    workers: int = 1
    overwrite: bool = False


def check(options: Options) -> None:
    """Raises InputError for values that cannot be meant."""
    settings = options.settings
    if not options.output:
        raise InputError("--output is empty: name the file (or, for several inputs, the folder) to write")
    for flag, name in (("to", options.to), ("from", options.input_format)):
        if name and name not in formats.FORMATS:
            raise InputError(f"--{flag} must be one of {', '.join(formats.FORMATS)}, received {name!r}")
    for flag, value, highest in (
        ("max_gap", settings.max_gap, MAX_SECONDS),
        ("extend", settings.extend, MAX_SECONDS),
        ("strength", settings.strength, MAX_STRENGTH),
    ):
        if not 0 <= value <= highest:
            raise InputError(f"--{flag} must be from 0 to {highest:g}, received {value}")
    if options.fps is not None and not 0 < options.fps <= MAX_FPS:
        raise InputError(f"--fps must be above 0 and at most {MAX_FPS:g}, received {options.fps}")
    if options.video and not options.overlay:
        raise InputError(
            f"--video={options.video} is only used to draw on: name the file to draw with --overlay=FILE.mp4"
        )
    if options.overlay and not options.overlay.lower().endswith(".mp4"):
        raise InputError(f"--overlay must end in .mp4, received {options.overlay!r}")
    _check_parameters(settings)


def _check_parameters(settings: SmoothingSettings) -> None:
    if not settings.parameters:
        return
    if settings.method == AUTO:
        raise InputError("--parameter is for one filter, received with --method=auto: name a filter with --method=NAME")
    known = set(inspect.signature(FILTERS[settings.method]).parameters) - _NOT_PARAMETERS
    for name in settings.parameters:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise InputError(f"--parameter: {settings.method} takes {listed}, received {name!r}")
    try:
        smooth_keypoints(
            np.arange(24.0).reshape(12, 1, 2), fps=_TRIAL_FPS, method=settings.method, **settings.parameters
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"--parameter: {settings.method}: {error}") from None


def parse_parameters(texts: list[str]) -> dict[str, Any]:
    """NAME=VALUE texts, numbers or true and false. Raises InputError for others."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier() or name in values:
            raise InputError(f"--parameter must be NAME=VALUE with each name once, received {text!r}")
        values[name] = _value(text, value)
    return values


def _value(text: str, value: str) -> bool | int | float:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return int(value) if len(value) < 10 else float(value)
    except ValueError:
        pass
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"--parameter must be NAME=NUMBER, received {text!r}")
    return number


def parse_image_size(text: str) -> Size | None:
    """ "1080x1920" (height, width); None for an empty text. Raises InputError for others."""
    if not text:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 0 < int(part[:9]) <= MAX_SIDE for part in parts):
        raise InputError(f"--image_size must be HEIGHTxWIDTH in pixels, such as 1080x1920, received {text!r}")
    return int(parts[0]), int(parts[1])
