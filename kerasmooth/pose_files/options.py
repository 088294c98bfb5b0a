"""What the smoothing command is asked for, checked before anything is read."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasmooth import formats
from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.pose_files.help_texts import parameters_of
from kerasmooth.pose_files.table_smoothing import MAX_FPS
from kerasmooth.skeletons import skeleton_named
from kerasmooth.smoothing.keypoints import smooth_person
from kerasmooth.smoothing.settings import AUTO, SmoothingSettings

MAX_SECONDS = 10.0
"""Longest gap that may be filled."""
MAX_STRENGTH = 100.0
MAX_SIDE = 100_000
_TRIAL_FPS = 1000.0
"""A frame rate at which every sensible frequency can be tried."""


@dataclass(frozen=True)
class Options:
    """The flags of the command; an empty text is one that was not given."""

    output: str
    settings: SmoothingSettings
    to: str = ""
    input_format: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    skeleton: str = ""
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
    if not options.output:
        raise InputError("--output is empty: name the file (or, for several inputs, the folder) to write")
    for flag, name in (("to", options.to), ("from", options.input_format)):
        if name and name not in formats.FORMATS:
            raise InputError(f"--{flag} must be one of {', '.join(formats.FORMATS)}, received {name!r}")
    if options.skeleton:
        try:
            skeleton_named(options.skeleton)
        except ValueError as error:
            raise InputError(f"--{error}") from None
    if options.fps is not None and not 0 < options.fps <= MAX_FPS:
        raise InputError(f"--fps must be above 0 and at most {MAX_FPS:g}, received {options.fps}")
    if options.overlay and not options.overlay.lower().endswith(".mp4"):
        raise InputError(f"--overlay must end in .mp4, received {options.overlay!r}")


def parse_settings(parameters: list[str], **settings: Any) -> SmoothingSettings:
    """How to smooth; `parameters` are NAME=VALUE texts, `settings` those of SmoothingSettings.

    Raises:
      InputError: values that cannot be meant.
    """
    values = _parse_parameters(parameters)
    try:
        found = SmoothingSettings(**settings, parameters=values)
    except ValueError as error:
        raise InputError(f"--{error}") from None
    for flag, highest in (("max_gap", MAX_SECONDS), ("extend", MAX_SECONDS), ("strength", MAX_STRENGTH)):
        if getattr(found, flag) > highest:
            raise InputError(f"--{flag} must be from 0 to {highest:g}, received {getattr(found, flag)}")
    _check_parameters(found)
    return found


def _check_parameters(settings: SmoothingSettings) -> None:
    if not settings.parameters:
        return
    if settings.method == AUTO:
        raise InputError("--parameter is for one filter, received with --method=auto: name a filter with --method=NAME")
    known = parameters_of(settings.method)
    for name in settings.parameters:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise InputError(f"--parameter: {settings.method} takes {listed}, received {name!r}")
    try:
        smooth_person(np.arange(24.0).reshape(12, 1, 2), np.ones((12, 1)), _TRIAL_FPS, None, settings)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"--parameter: {settings.method}: {error}") from None


def _parse_parameters(texts: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier() or name in values:
            raise InputError(f"--parameter must be NAME=VALUE with each name once, received {text!r}")
        values[name] = _value(text, value)
    return values


def _value(text: str, value: str) -> bool | int | float | str:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        number = float(value)
    except ValueError:
        if value.isidentifier():
            return value
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"--parameter must be NAME=VALUE, a number or a name, received {text!r}")
    return int(number) if value.lstrip("+-").isdecimal() else number


def parse_columns(text: str) -> dict[str, str]:
    """ "frame=Nr,x=U,y=V" as what a column is -> its heading; see `formats.read`. Raises InputError for others."""
    columns: dict[str, str] = {}
    for each in text.split(",") if text else []:
        role, equals, heading = (part.strip() for part in each.partition("="))
        if not equals or not heading or role in columns:
            raise InputError(f"--columns must be ROLE=HEADING,ROLE=HEADING with each role once, received {text!r}")
        columns[role] = heading
    return columns


def parse_image_size(text: str) -> Size | None:
    """ "1080x1920" (height, width); None for an empty text. Raises InputError for others."""
    if not text:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 0 < int(part[:9]) <= MAX_SIDE for part in parts):
        raise InputError(f"--image_size must be HEIGHTxWIDTH in pixels, such as 1080x1920, received {text!r}")
    return int(parts[0]), int(parts[1])
