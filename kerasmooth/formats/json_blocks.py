"""Long JSON files of one list, in blocks of its elements."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.formats.block_file import BlockFile, WholeOnly
from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.folder_blocks import without_rows
from kerasmooth.formats.json_files import JsonStyle, elements_text, list_parts, parse
from kerasmooth.formats.json_stream import JsonStream
from kerasmooth.formats.limits import bad
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

MAX_BLOCK_CHARACTERS = 8 << 20
"""Of the elements of a block but its last frame."""


@dataclass(frozen=True, eq=False)
class _Held:
    """A payload without its elements, and their text: as values they take ten times as much."""

    payload: Any
    text: bytes


class JsonBlocks(BlockFile):
    """What is told from the whole file is known after the survey.

    Attributes:
      style: of the text.
      around: the object that has the list, with [] for it; None for a bare list.
    """

    key: ClassVar[str | None] = None
    """Of the list in an object."""

    def __init__(self, path: Path, fps: float | None, image_size: Size | None) -> None:
        super().__init__(path, fps, image_size)
        self.style = JsonStyle()
        self.around: dict[str, Any] | None = None

    def raw_blocks(self, size: int) -> Iterator[PoseTable]:
        stream = JsonStream(self.path)
        first = count = 0
        for elements, text in self._groups(stream, size):
            table = self._placed(elements, first)
            found = table.skeleton.num_keypoints if len(table.frames) else count
            count = count or found
            if found != count:
                where, received = f"keypoints in {_place(elements, first)}", f"{found} after {count}"
                raise bad(self.path, where, "be as many as before", received, "one skeleton a file")
            first += len(elements)
            self.share = stream.share
            held = _Held(self.payload_of(table.source.payload, []), text)
            yield table.with_(source=replace(table.source, payload=held))
        self.style, self.around = stream.style, stream.around

    def _placed(self, elements: list[Any], first: int) -> PoseTable:
        """As `table`, with the place in what is told of damage."""
        try:
            return self.table(elements, first)
        except InputError as error:
            raise InputError(f"{error} (in {_place(elements, first)})") from None

    def _groups(self, stream: JsonStream, size: int) -> Iterator[tuple[list[Any], bytes]]:
        """The elements of `size` frames, and of fewer where they are very long; and the text of a list of them."""
        group: list[Any] = []
        texts: list[str] = []
        frames = begin = 0
        for element in stream.elements(self.key):
            begins = not group or self.begins_frame(element, group[-1])
            full = stream.position - begin > MAX_BLOCK_CHARACTERS
            if group and full and not begins:
                raise WholeOnly("one of its frames is very long")
            if group and begins and (full or frames == size):
                yield group, _list_of(texts)
                group, texts, frames, begin = [], [], 0, stream.position
            group.append(element)
            texts.append(stream.taken)
            frames += begins
        if group:
            yield group, _list_of(texts)

    def begins_frame(self, element: Any, before: Any) -> bool:
        """Whether an element is of another frame than the one before it."""
        return True

    @abstractmethod
    def table(self, elements: list[Any], first: int) -> PoseTable:
        """The table of some elements, the first of which has this number."""

    @abstractmethod
    def payload_of(self, payload: Any, elements: list[Any]) -> Any:
        """A payload with these elements instead of its own."""

    @abstractmethod
    def changed(self, table: PoseTable) -> list[Any]:
        """The elements that a table was read from, with what changed and what was added."""

    def elements_to_write(self, table: PoseTable) -> list[Any]:
        """As `changed`, of a table that `blocks` gave."""
        held: _Held = table.source.payload
        payload = self.payload_of(held.payload, parse(self.path, held.text.decode()))
        return self.changed(table.with_(source=replace(table.source, payload=payload)))

    def items(self, table: PoseTable) -> list[Any]:
        return [table.skeleton] if len(table.frames) else []

    def learn(self, items: list[Any]) -> dict[str, Any]:
        return {"skeleton": items[0]} if items else {}

    def finished(self, table: PoseTable) -> PoseTable:
        skeleton: Skeleton = self.common.get("skeleton", table.skeleton)
        if table.skeleton.num_keypoints != skeleton.num_keypoints:
            table = without_rows(table, skeleton)
        return super().finished(table)

    @contextmanager
    def writer(self, path: Path) -> Iterator["_Writer"]:
        head, tail = list_parts(self.around, self.key or "", self.style)
        with replacing(path) as partial, partial.open("wb") as stream:
            stream.write(head)
            yield _Writer(self, stream)
            stream.write(tail)


def _list_of(texts: list[str]) -> bytes:
    return ("[" + ",".join(texts) + "]").encode()


def _place(elements: list[Any], first: int) -> str:
    last = first + len(elements) - 1
    return f"element {first} of the list" if last == first else f"elements {first} to {last} of the list"


class _Writer:
    """Writes the elements of each block."""

    def __init__(self, file: JsonBlocks, stream: BinaryIO) -> None:
        self._file, self._stream = file, stream
        self._between = b""

    def write(self, table: PoseTable) -> None:
        style, depth = self._file.style, 0 if self._file.around is None else 1
        self._stream.write(self._between + elements_text(self._file.elements_to_write(table), style, depth))
        self._between = style.separators[0].encode()
