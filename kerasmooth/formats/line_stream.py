"""The lines of a text that is too long for memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from kerasmooth.formats.block_file import MAX_LONG_BYTES
from kerasmooth.formats.bounded_files import check_file, head, reason
from kerasmooth.formats.limits import bad

MAX_LINE_BYTES = 16 << 20
MAX_BLOCK_CHARACTERS = 64 << 20
_MAX_BLANK_LINES = 1_000_000
_BOM = b"\xef\xbb\xbf"


def some(lines: Iterator[str], count: int) -> list[str]:
    """The next lines, at most `count`, and fewer where they are very long; [] at the end."""
    taken: list[str] = []
    room = MAX_BLOCK_CHARACTERS
    while room > 0 and len(taken) < count and (line := next(lines, None)) is not None:
        taken.append(line)
        room -= len(line)
    return taken


class LineStream:
    """Gives what `csv_lines.read_lines` gives, one line at a time.

    Attributes:
      start: a byte order mark or nothing.
      newline: what ends a line.
      final: what follows the last line; known after it.
      share: of the file's bytes that were read.
    """

    def __init__(self, path: Path) -> None:
        check_file(path, MAX_LONG_BYTES)
        begin = head(path, 1_000_000)
        if b"\0" in begin[:4096]:
            raise bad(path, "content", "be text", "binary data", "check that it is a pose file")
        self.path = path
        self.start = _BOM.decode() if begin.startswith(_BOM) else ""
        self.newline = "\r\n" if b"\r\n" in begin else "\n"
        self.final = ""
        self.share = 0.0

    def lines(self) -> Iterator[str]:
        """Every line but blank ones at the end. Raises InputError for what is no text."""
        try:
            with self.path.open("rb") as stream:
                yield from self._lines(stream)
        except OSError as error:
            raise bad(self.path, "path", "be a readable file", reason(error), "check its permissions") from None

    def _lines(self, stream: BinaryIO) -> Iterator[str]:
        end = self.newline.encode()
        at = stream.seek(len(self.start.encode()))
        total = max(self.path.stat().st_size, 1)
        blank: list[str] = []
        ended = False
        while data := self._line(stream, end):
            ended = data.endswith(end)
            line = self._decoded(data.removesuffix(end), at)
            at += len(data)
            self.share = min(at / total, 1.0)
            if not line.strip():
                blank.append(line)
                if len(blank) > _MAX_BLANK_LINES:
                    raise bad(self.path, "content", "be lines of numbers", "blank lines only", "write the file again")
                continue
            yield from blank
            blank = []
            yield line
        rest = blank + [""] * ended
        self.final = self.newline.join(["", *rest]) if rest else ""

    def _line(self, stream: BinaryIO, end: bytes) -> bytes:
        data = stream.readline(MAX_LINE_BYTES)
        while data and not data.endswith(end) and len(data) < MAX_LINE_BYTES:
            more = stream.readline(MAX_LINE_BYTES)
            if not more:
                break
            data += more
        if len(data) >= MAX_LINE_BYTES:
            received = f"one of {MAX_LINE_BYTES:,} bytes and more"
            raise bad(self.path, "lines", "be of one frame each", received, "check that it is a pose file")
        return data

    def _decoded(self, data: bytes, at: int) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            received = f"byte {data[error.start]:#04x} at offset {at + error.start}"
            remedy = "save it as UTF-8, or check that it is a pose file"
            raise bad(self.path, "content", "be UTF-8 text", received, remedy) from None
