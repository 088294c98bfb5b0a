"""Long COCO results and AlphaPose files, in blocks of records."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.alphapose import AlphaPose
from kerasmooth.formats.block_file import WholeOnly
from kerasmooth.formats.building import check_frames
from kerasmooth.formats.coco_results import CocoResults
from kerasmooth.formats.frame_names import FrameNames, frame_names, last_number
from kerasmooth.formats.json_blocks import JsonBlocks
from kerasmooth.formats.json_records import Records, check_images
from kerasmooth.formats.limits import bad
from kerasmooth.formats.triples import Record
from kerasmooth.pose_table import PoseTable


class RecordBlocks(JsonBlocks):
    """The records must be in the order of their frames, and images that have names must have a number each."""

    def __init__(self, form: CocoResults | AlphaPose, path: Path, fps: float | None, image_size: Size | None) -> None:
        super().__init__(path, fps, image_size)
        self._form = form
        self._names = _Names(path)
        self._example: Record | None = None
        self._scores = np.empty(0)
        self._flags: bool | None = None

    def begins_frame(self, element: Any, before: Any) -> bool:
        return _image(element) != _image(before)

    def table(self, elements: list[Any], first: int) -> PoseTable:
        culprits = [element for element in elements if type(element) is not dict]
        if culprits:
            expected = "be a list of objects, one a person"
            raise bad(self.path, "content", expected, culprits[0], "check what wrote the file")
        check_images(self.path, elements, first)
        names = self._names.of([element["image_id"] for element in elements])
        if (np.diff(names.frames) < 0).any():
            raise WholeOnly("its frames are not in order")
        check_frames(self.path, names.frames, np.unique(names.frames))
        self._example = self._example or elements[0]
        records = Records(elements, np.empty(0, np.int64), names, self.style, example=self._example)
        # Scores are as they are in the file until all are known.
        flags = self._flags or False
        table = self._form.table_of(
            self.path, records, fps=self.fps, image_size=self.image_size, first=first, flags=flags
        )
        if self._flags is None:
            # Of more than three different scores one is no flag: that is remembered with the four highest.
            self._scores = np.unique(np.append(self._scores, table.confidence))[-4:]
        return table

    def learn(self, items: list[Any]) -> dict[str, Any]:
        self._flags = self._form.are_flags(self._scores)
        return super().learn(items)

    def payload_of(self, payload: Records, elements: list[Any]) -> Records:
        return replace(payload, items=elements)

    def changed(self, table: PoseTable) -> list[Any]:
        return self._form.changed(table)


def _image(element: Any) -> int | float | str | None:
    """What a record calls its image; None where it is damaged, which is told when its block is read."""
    value = element.get("image_id") if type(element) is dict else None
    return value if isinstance(value, int | float | str) else None


class _Names:
    """Gives the names in a block the frame numbers that `frame_names` gives those of the whole file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: Any = None
        self._lengths: set[int] = set()

    def of(self, values: list[Any]) -> FrameNames:
        """Raises WholeOnly where names are not told apart by their last numbers."""
        self._first = values[0] if self._first is None else self._first
        if type(self._first) is not str or any(type(value) is not str for value in values):
            names = frame_names(self._path, "image_id", [self._first, *values])
            return FrameNames(names.frames[1:], names.names, names.pattern)
        numbers: dict[str, int] = {}
        for name in dict.fromkeys(values):
            parts = last_number(name)
            if parts is None:
                raise WholeOnly("its images are not numbered")
            numbers[name] = int(parts[1])
            self._lengths.add(len(parts[1]))
        if len(set(numbers.values())) < len(numbers):
            raise WholeOnly("its images are not told apart by their numbers")
        before, digits, after = last_number(self._first) or ("", "", "")
        width = len(digits) if digits.startswith("0") and len(self._lengths) == 1 else 1
        frames = np.array([numbers[name] for name in values], np.int64)
        return FrameNames(frames, {number: name for name, number in numbers.items()}, (before, width, after))
