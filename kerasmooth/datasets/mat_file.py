"""MATLAB v5 files: arrays of real numbers and texts by name.

`scipy.io.loadmat` ends the whole process (bus error) on some damaged files; here every length is checked before use.
Layout: MathWorks, MAT-File Format, version 5. Every element is a tag (type, number of bytes) and its data.
"""

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kerasmooth.datasets.raw_files import MAX_FRAMES, malformed, read_bytes, shown

MAX_FILE_BYTES = 4 << 20
MAX_VARIABLE_BYTES = 16 << 20
"""Of one variable when decompressed: 100,000 frames of 20 float64 numbers."""

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBER_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXT_TYPES = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_NUMBER_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_TEXT_CLASS = 4
_OTHER_CLASSES = {1: "cells", 2: "a struct", 3: "an object", 5: "a sparse matrix"}
_COMPLEX_FLAG = 0x800


class _DamageError(Exception):
    """What is wrong with a part of the file."""

    def __init__(self, field: str, expected: str, received: str) -> None:
        super().__init__(field, expected, received)
        self.field, self.expected, self.received = field, expected, received


def read_mat(path: Path, fields: Sequence[str], remedy: str) -> dict[str, np.ndarray | str]:
    """The named variables of a MATLAB v5 file: numbers as arrays, in the file's type and shape, and texts.

    Raises:
      InputError: no such file, no MATLAB v5 file, damaged, or a variable is absent, repeated or of another kind.
    """
    data = read_bytes(path, MAX_FILE_BYTES, remedy)
    found: dict[str, np.ndarray | str] = {}
    names: list[str] = []
    try:
        order = _byte_order(data)
        for elements in _matrices(memoryview(data)[_HEADER_BYTES:], order):
            name = _name(elements)
            if name in names:
                raise _DamageError(name, "be in the file once", "it twice")
            names.append(name)
            if name in fields:
                found[name] = _value(name, elements, order)
        for field in fields:
            if field not in found:
                raise _DamageError(field, "be in the file", f"only {shown(sorted(names))}")
    except _DamageError as damage:
        raise malformed(path, damage.field, damage.expected, damage.received, remedy) from None
    return found


def _byte_order(data: bytes) -> str:
    """The sign of the `struct` module for the file's byte order."""
    version, mark = data[124:126], data[126:128]
    if (version, mark) == (b"\x00\x01", b"IM"):
        return "<"
    if (version, mark) == (b"\x01\x00", b"MI"):
        return ">"
    raise _DamageError("content", "be a MATLAB v5 file", f"the version mark {shown(version + mark)}")


def _matrices(view: memoryview, order: str) -> Iterator[list[tuple[int, memoryview]]]:
    """The elements of each variable of the file."""
    for kind, part in _elements(view, order, 1):
        if kind == _COMPRESSED:
            for inner, content in _elements(memoryview(_decompressed(part)), order, 8):
                if inner == _MATRIX:
                    yield list(_elements(content, order, 8))
        elif kind == _MATRIX:
            yield list(_elements(part, order, 8))
        else:
            raise _DamageError("content", "hold variables", f"an element of type {kind}")


def _elements(view: memoryview, order: str, alignment: int) -> Iterator[tuple[int, memoryview]]:
    """(type, data) of the elements in `view`; the next one starts at a multiple of `alignment`."""
    at = 0
    while at < len(view):
        if at + 8 > len(view):
            raise _DamageError("content", "be whole", "a file that ends inside a tag")
        kind, size = struct.unpack_from(f"{order}II", view, at)
        start = at + 8
        if kind >> 16:  # Up to four bytes of data stand inside the tag, beside a shorter size and type.
            kind, size, start = kind & 0xFFFF, min(kind >> 16, 5), at + 4
        end = start + size
        if end > max(len(view), at + 8) or (start == at + 4 and size > 4):
            raise _DamageError(
                "content", "be whole", f"an element of {size:,} bytes where {len(view) - start:,} are left"
            )
        yield kind, view[start:end]
        at = max(at + 8, -(-end // alignment) * alignment)


def _decompressed(part: memoryview) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(part, MAX_VARIABLE_BYTES)
    except zlib.error as error:
        raise _DamageError("content", "be whole", f"a variable that does not decompress ({error})") from None
    if len(data) >= MAX_VARIABLE_BYTES:
        raise _DamageError("content", f"have at most {MAX_VARIABLE_BYTES:,} bytes a variable", "more")
    # Real files have streams without an end mark after data that is whole; the lengths inside tell what is missing.
    return data


def _name(elements: list[tuple[int, memoryview]]) -> str:
    """Of a variable, whose elements are: flags, dimensions, name, data ..."""
    if len(elements) < 3 or len(elements[0][1]) != 8:
        raise _DamageError("content", "hold variables with flags, dimensions and a name", f"{len(elements)} elements")
    return bytes(elements[2][1]).decode("latin-1")


def _value(name: str, elements: list[tuple[int, memoryview]], order: str) -> np.ndarray | str:
    flags = struct.unpack_from(f"{order}I", elements[0][1])[0]
    kind = flags & 0xFF
    if kind not in _NUMBER_CLASSES and kind != _TEXT_CLASS:
        raise _DamageError(name, "hold numbers or a text", _OTHER_CLASSES.get(kind, f"class {kind}"))
    if flags & _COMPLEX_FLAG:
        raise _DamageError(name, "hold real numbers", "complex ones")
    shape = _shape(name, elements[1], order)
    if math.prod(shape) and len(elements) < 4:
        raise _DamageError(name, "have data", "none")
    stored, data = elements[3] if len(elements) > 3 else (9, memoryview(b""))
    if kind == _TEXT_CLASS:
        return _text(name, stored, data, shape, order)
    number_type = _NUMBER_TYPES.get(stored)
    if number_type is None:
        raise _DamageError(name, "hold numbers", f"data of type {stored}")
    if len(data) != math.prod(shape) * int(number_type[1]):
        raise _DamageError(name, "have as many numbers as its shape says", f"shape={shape} and {len(data):,} bytes")
    # Whole doubles are often stored as smaller integers.
    values = np.frombuffer(data, np.dtype(order + number_type))
    with np.errstate(invalid="ignore", over="ignore"):
        return values.reshape(shape, order="F").astype(_NUMBER_CLASSES[kind])


def _shape(name: str, element: tuple[int, memoryview], order: str) -> tuple[int, ...]:
    kind, data = element
    if kind != 5 or len(data) % 4 or not 8 <= len(data) <= 32:
        raise _DamageError(name, "have 2 to 8 dimensions", f"{len(data)} bytes of type {kind}")
    shape = struct.unpack(f"{order}{len(data) // 4}i", data)
    if min(shape) < 0 or max(shape) > MAX_FRAMES:
        raise _DamageError(name, f"have 1 to {MAX_FRAMES:,} frames", f"shape={shape}")
    return shape


def _text(name: str, stored: int, data: memoryview, shape: tuple[int, ...], order: str) -> str:
    encoding = _TEXT_TYPES.get(stored)
    if encoding is None or shape[0] > 1 or len(shape) > 2:
        raise _DamageError(name, "be one text", f"shape={shape} of type {stored}")
    suffix = ("-le" if order == "<" else "-be") if encoding in ("utf-16", "utf-32") else ""
    try:
        return bytes(data).decode(encoding + suffix)
    except UnicodeDecodeError:
        raise _DamageError(name, "be a readable text", shown(bytes(data))) from None
