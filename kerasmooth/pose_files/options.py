"""What the smoothing command is asked for, checked before anything is read, and what --help says of it."""

import inspect
import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasmooth import formats
from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.filters import FILTERS
from kerasmooth.pose_files.table_smoothing import MAX_FPS
from kerasmooth.skeletons import SKELETONS, skeleton_named
from kerasmooth.smoothing.keypoints import smooth_person
from kerasmooth.smoothing.settings import AUTO, SmoothingSettings

MAX_SECONDS = 10.0
"""Longest gap that may be filled."""
MAX_STRENGTH = 100.0
MAX_SIDE = 100_000
_TRIAL_FPS = 1000.0
"""A frame rate at which every sensible frequency can be tried."""
_NOT_PARAMETERS = {"positions", "weights", "fps"}
"""What filters take that is no setting."""


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
    known = _parameters_of(settings.method)
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


def _parameters_of(method: str) -> dict[str, Any]:
    """Name -> default of the parameters of a filter."""
    every = inspect.signature(FILTERS[method]).parameters.items()
    return {name: parameter.default for name, parameter in every if name not in _NOT_PARAMETERS}


def _describe_method(name: str) -> str:
    text = inspect.getdoc(FILTERS[name]) or ""
    summary, _, other = text.partition("\n")[0].partition(" Arguments: ")
    if found := re.search(r"`(\w+)`", other):
        text = inspect.getdoc(FILTERS[found[1]]) or ""
    meanings = dict(re.findall(r"^  (\w+): (.*(?:\n {4,}.*)*)", text, re.MULTILINE))
    parameters = [
        f"{parameter}={'(chosen)' if default is None else default}, {' '.join(meanings[parameter].split()).rstrip('.')}"
        for parameter, default in _parameters_of(name).items()
    ]
    return f"- {name}: {summary} Parameters: {'; '.join(parameters)}."


_FORMATS = [f"- {name} ({each.suffix or 'folder'}): {each.description}" for name, each in formats.FORMATS.items()]
FORMATS_HELP = "\n".join(
    ["Formats:", *_FORMATS, f"Keypoints are known by their names, or in the orders {', '.join(SKELETONS)}."]
)
METHODS_HELP = "\n".join(
    [
        "Methods, with their parameters and defaults for --parameter:",
        "- auto: chooses and tunes a model of motion and noise for each keypoint; it has no parameters.",
        *(_describe_method(name) for name in FILTERS),
    ]
)
