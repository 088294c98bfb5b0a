"""The elements of a list in a JSON text that is too long for memory."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasmooth.errors import InputError
from kerasmooth.formats.block_file import MAX_LONG_BYTES, WholeOnly
from kerasmooth.formats.bounded_files import check_file, reason
from kerasmooth.formats.json_files import BOM, STYLE_SAMPLE, JsonStyle, fault, style_between
from kerasmooth.formats.limits import bad

CHUNK_BYTES = 1 << 20
MAX_ELEMENT = 8 << 20
"""Characters of a value; as values, lists and objects take up to twenty times as much."""
_spaces = re.compile(r"[ \t\n\r]*").match


class JsonStream:
    """Reads one element after the other with the standard library's decoder, so that all is as `json.loads` has it.

    Attributes:
      share: of the file's bytes that were read.
      position: characters of the text up to the end of the last value.
      around: for a list in an object the object, with [] for the list; complete after the last element.
    """

    def __init__(self, path: Path) -> None:
        check_file(path, MAX_LONG_BYTES)
        self.path = path
        self.share = 0.0
        self.around: dict[str, Any] | None = None
        self._decoder = json.JSONDecoder()
        self._text, self._at, self._began = "", 0, 0
        # Where the text that is held begins: characters before it, lines, and characters in its line.
        self._dropped = self._lines = self._column = 0
        self._bytes = b""
        self._read = 0
        self._first = self._last = ""
        self._ascii = True

    @property
    def position(self) -> int:
        return self._dropped + self._at

    @property
    def taken(self) -> str:
        """The text of the last value."""
        return self._text[self._began : self._at]

    @property
    def style(self) -> JsonStyle:
        """Of the text; known after the last element."""
        return style_between(self._first, self._last, self._ascii)

    def elements(self, key: str | None = None) -> Iterator[Any]:
        """Every element of the list that the text is, or that it has under `key` if it is an object.

        Raises:
          WholeOnly: it is something else, or has too much around the list, or one value is very long.
          InputError: it cannot be read, or is no JSON; the elements before are given out first.
        """
        try:
            with self.path.open("rb") as self._stream:
                yield from self._elements(key)
        except OSError as error:
            raise bad(self.path, "path", "be a readable file", reason(error), "check its permissions") from None

    def _elements(self, key: str | None) -> Iterator[Any]:
        if self._next() == BOM and not self.position:
            self._text = self._text[1:]
        begin = self._next()
        if begin == "[":
            yield from self._list()
        elif begin == "{" and key is not None:
            yield from self._object(key)
        else:
            raise WholeOnly("it is no list")
        if self._next():
            raise self._fault("Extra data")

    def _list(self) -> Iterator[Any]:
        self._at += 1
        if self._next() == "]":
            self._at += 1
            return
        mark = ","
        while mark == ",":
            yield self._value()
            mark = self._next()
            if mark not in ("]", ","):
                raise self._fault("Expecting ',' delimiter")
            self._at += 1
            self._next()

    def _object(self, key: str) -> Iterator[Any]:
        self.around = {}
        room = MAX_ELEMENT
        self._at += 1
        mark = "," if self._next() != "}" else "}"
        while mark == ",":
            begin = self.position
            if self._next() != '"':
                raise self._fault("Expecting property name enclosed in double quotes")
            name = self._value()
            if self._next() != ":":
                raise self._fault("Expecting ':' delimiter")
            self._at += 1
            mark = self._next()
            if name == key:
                if name in self.around or mark != "[":
                    raise WholeOnly(f"it has no list, or two, as {key}")
                self.around[name] = []
                yield from self._list()
            else:
                self.around[name] = self._value()
                room -= self.position - begin
            if room < 0:
                raise WholeOnly(f"it has much beside {key}")
            mark = self._next()
            if mark not in ("}", ","):
                raise self._fault("Expecting ',' delimiter")
            self._at += mark == ","
        self._at += 1

    def _next(self) -> str:
        """The next character that is no space, without taking it; "" at the end."""
        while True:
            found = _spaces(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _value(self) -> Any:
        """Takes the value that begins here."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # Perhaps its end is not read yet.
                if not self._more():
                    raise self._fault(error.msg, error.pos) from None
            except (RecursionError, MemoryError, ValueError) as error:
                raise fault(self.path, "content", error) from None
            else:
                # A number may go on, with as much as "e+1" to tell it.
                if end + 3 <= len(self._text) or not self._more():
                    self._began, self._at = self._at, end
                    return value

    def _fault(self, message: str, at: int | None = None) -> InputError:
        error = json.JSONDecodeError(message, self._text, self._at if at is None else at)
        error.colno += self._column if error.lineno == 1 else 0
        error.lineno += self._lines
        return fault(self.path, "content", error)

    def _more(self) -> bool:
        """Reads on, and drops what was taken; at the end of the file it is False, and nothing happens."""
        at = self._at
        rest = len(self._text) - at
        if rest > MAX_ELEMENT:
            raise WholeOnly("one of its values is very long")
        # As much again as there is, so that long values are not tried often.
        data = self._stream.read(min(max(CHUNK_BYTES, rest), MAX_ELEMENT + 1 - rest))
        text = self._decoded(data)
        if not data:
            return False
        self._first += text[: STYLE_SAMPLE - len(self._first)]
        self._last = (self._last + text)[-STYLE_SAMPLE:]
        self._ascii &= text.isascii()
        lines = self._text.count("\n", 0, at)
        self._column = at - self._text.rfind("\n", 0, at) - 1 if lines else self._column + at
        self._lines += lines
        self._dropped += at
        self._text, self._at = self._text[at:] + text, 0
        return True

    def _decoded(self, data: bytes) -> str:
        """UTF-8 text of the bytes that were read, up to a character that goes on."""
        held = self._bytes + data
        try:
            text, used = codecs.utf_8_decode(held, "strict", not data)
        except UnicodeDecodeError as error:
            received = f"byte {held[error.start]:#04x} at offset {self._read - len(self._bytes) + error.start}"
            remedy = "save it as UTF-8, or check that it is a pose file"
            raise bad(self.path, "content", "be UTF-8 text", received, remedy) from None
        self._bytes = held[used:]
        self._read += len(data)
        self.share = min(self._read / max(self.path.stat().st_size, 1), 1.0)
        return text
