"""Numbers of frames that are named as images are ("12.jpg", "cam01.0012.json", 139), and of people, and back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.formats.json_files import integer
from kerasmooth.formats.safe_files import MAX_FRAMES, bad

_DIGITS = re.compile(r"\d+")
_LONGEST = 15
"""More digits than a frame number has belong to an identifier."""
Parts = tuple[str, str, str]
"""What stands before the frame number in a name, its digits, and what stands behind."""


@dataclass(frozen=True, eq=False)
class Names:
    """The numbers of frames or people that a file names, and how further ones are called.

    Attributes:
      numbers: int64 [D], of each name in the file.
      names: of each number.
      pattern: text before the number, number of digits, text after it; None for numbers that are names themselves.
    """

    numbers: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    names: dict[int, Any] = field(default_factory=dict)
    pattern: tuple[str, int, str] | None = None

    def name(self, number: int) -> Any:
        if number in self.names or self.pattern is None:
            return self.names.get(number, number)
        before, digits, after = self.pattern
        return f"{before}{number:0{digits}d}{after}"


def frame_names(path: Path, field: str, values: Sequence[Any]) -> Names:
    """Frame numbers of image names: a whole number is its own; of a name it is the digits that vary from name to name.

    Where no digits tell all images apart they are counted in order of appearance.

    Raises:
      InputError: neither text nor whole number.
    """
    kinds = {type(value) for value in values}
    if kinds <= {int, float}:
        frames = np.array([integer(path, field, value) for value in values], np.int64)
        return Names(frames, dict(zip(frames.tolist(), values, strict=True)), None)
    if kinds != {str}:
        culprit = next(value for value in values if type(value) not in (int, str)) if kinds - {int, str} else "both"
        raise bad(path, field, "be all texts or all whole numbers", culprit)
    different = list(dict.fromkeys(values))
    parts = _number_parts(different)
    numbers, pattern = list(range(len(different))), ("", 1, ".jpg")
    if parts and len({int(digits) for _, digits, _ in parts}) == len(different):
        digits = [part[1] for part in parts]
        numbers, width = [int(each) for each in digits], len(digits[0])
        padded = all(len(each) == width for each in digits) and any(each.startswith("0") for each in digits)
        pattern = (parts[0][0], width if padded else 1, parts[0][2])
    number = dict(zip(different, numbers, strict=True))
    frames = np.array([number[name] for name in values], np.int64)
    return Names(frames, dict(zip(numbers, different, strict=True)), pattern)


def file_frames(folder: Path, names: list[str]) -> Names:
    """Frame numbers of the names of files.

    Raises:
      InputError: too many, a name without a number, or a number twice: then it is more than one sequence.
    """
    if len(names) > MAX_FRAMES:
        raise bad(folder, "files", f"be at most {MAX_FRAMES:,}", f"{len(names):,}", "split the folder")
    culprit = next((name for name in names if not _runs(name)), "")
    if culprit and len(names) > 1:
        raise bad(folder, "file names", "hold a frame number", culprit, "rename the file, or move it away")
    seen: dict[int, str] = {}
    for name, (_, digits, _) in zip(names, _number_parts(names) or [], strict=False):
        other = seen.setdefault(int(digits), name)
        if other != name:
            received = f"{other!r} and {name!r}"
            raise bad(folder, "file names", "have a frame number of their own", received, "one sequence a folder")
    return frame_names(folder, "file names", names)


def are_counted(names: Sequence[str]) -> bool:
    """Whether numbers tell all these names apart."""
    parts = _number_parts(names)
    return parts is not None and len({int(digits) for _, digits, _ in parts}) == len(names)


def _number_parts(names: Sequence[str]) -> list[Parts] | None:
    """Each name around the digits that vary from name to name, the last ones where several do; None without digits."""
    runs = [_runs(name) for name in names]
    if not all(runs):
        return None
    chosen = [-1] * len(names)
    if len({_DIGITS.sub("#", name) for name in names}) == 1:
        columns = list(zip(*[[match.group() for match in each] for each in runs], strict=True))
        varying = [i for i, column in enumerate(columns) if len(set(column)) > 1]
        telling = [i for i in varying if len({int(digits) for digits in columns[i]}) == len(names)]
        chosen = [(telling or varying or [-1])[-1]] * len(names)
    matches = [each[at] for each, at in zip(runs, chosen, strict=True)]
    return [(name[: m.start()], m.group(), name[m.end() :]) for name, m in zip(names, matches, strict=True)]


def _runs(name: str) -> list[re.Match[str]]:
    """The numbers in a name, without those of its extension and of the hash that Roboflow puts behind .rf."""
    stem = name.partition(".rf.")[0]
    without, dot, extension = stem.rpartition(".")
    if dot and extension.isalnum() and not extension.isdigit():
        stem = without
    return [match for match in _DIGITS.finditer(stem) if len(match.group()) <= _LONGEST]
