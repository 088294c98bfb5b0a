"""Frame numbers of files that name images: "12.jpg", "cam01.0012.json", 139, and back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.json_files import integer
from kerasmooth.formats.limits import bad

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, eq=False)
class FrameNames:
    """What each row's image is called, the frame number it was given, and how further ones are called.

    Attributes:
      frames: int64 [D].
      names: image name of each frame number.
      pattern: text before the number, number of digits, text after it; None for numbers that are names themselves.
    """

    frames: np.ndarray
    names: dict[int, Any]
    pattern: tuple[str, int, str] | None

    def name(self, frame: int) -> Any:
        if frame in self.names:
            return self.names[frame]
        if self.pattern is None:
            return frame
        before, digits, after = self.pattern
        return f"{before}{frame:0{digits}d}{after}"


def last_number(text: str) -> tuple[str, str, str] | None:
    """(before, digits, after) of the last number in a text without its file extension, or None."""
    stem, dot, extension = text.rpartition(".")
    if not dot or not extension.isalnum() or extension.isdigit():
        stem, dot, extension = text, "", ""
    found = list(_DIGITS.finditer(stem))
    # More digits than a frame number has belong to an identifier.
    if not found or len(found[-1].group()) > 15:
        return None
    match = found[-1]
    return stem[: match.start()], match.group(), stem[match.end() :] + dot + extension


def frame_names(path: Path, field: str, values: Sequence[Any]) -> FrameNames:
    """Frame numbers of image names: a whole number is its own; otherwise the last number in the name.

    Where that gives two images the same number, or some image none, images are counted in order of appearance.

    Raises:
      InputError: neither text nor whole number.
    """
    kinds = {type(value) for value in values}
    if kinds <= {int, float}:
        frames = np.array([integer(path, field, value) for value in values], np.int64)
        return FrameNames(frames, dict(zip(frames.tolist(), values, strict=True)), None)
    if kinds != {str}:
        culprit = next(value for value in values if type(value) not in (int, str)) if kinds - {int, str} else "both"
        raise bad(path, field, "be all texts or all whole numbers", culprit, "check what wrote the file")
    different = list(dict.fromkeys(values))
    parts = [last_number(name) for name in different]
    numbered = [int(part[1]) for part in parts if part]
    if len(set(numbered)) == len(different):
        first = parts[0] or ("", "", "")
        width = len(first[1]) if all(part and len(part[1]) == len(first[1]) for part in parts) else 1
        pattern = (first[0], width if first[1].startswith("0") and width > 1 else 1, first[2])
    else:
        numbered, pattern = list(range(len(different))), ("", 1, ".jpg")
    number = dict(zip(different, numbered, strict=True))
    frames = np.array([number[name] for name in values], np.int64)
    return FrameNames(frames, dict(zip(numbered, different, strict=True)), pattern)
