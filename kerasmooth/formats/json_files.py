"""JSON of a checked size, read and written with the standard library."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.formats.safe_files import bad, decode, head_text, read_bytes, shown

MAX_JSON_BYTES = 1 << 30
_MAX_CONTAINERS = 12_000_000
_MAX_ITEMS = 120_000_000
_TAIL_BYTES = 1 << 14
_LONG = 12
"""Shorter lists stay lists."""
_AT_ONCE = 256
"""Elements of a list that are turned into text together."""


class Lines(list[Any]):
    """The values of a file with one JSON value a line."""


def load(path: Path, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """The value in a JSON file, or its `Lines`. Raises InputError for anything else."""
    data = read_bytes(path, max_bytes)
    # An empty list takes 60 times the memory of its two characters.
    containers, items = data.count(b"[") + data.count(b"{"), data.count(b",")
    if containers > _MAX_CONTAINERS or items > _MAX_ITEMS:
        expected = f"have at most {_MAX_CONTAINERS:,} lists and objects and {_MAX_ITEMS:,} values"
        raise bad(path, "content", expected, f"{containers:,} and {items:,}", "split the file")
    text = decode(path, data).removeprefix("\ufeff")
    del data
    if re.match(r"\s*\{[^\n]*\}[ \r]*\n\s*\{", text):
        lines = enumerate(text.split("\n"), 1)
        return Lines(_parse(path, line, f"line {number}") for number, line in lines if line.strip())
    return _parse(path, text, "content")


def _parse(path: Path, text: str, where: str) -> Any:
    try:
        return json.loads(text, object_hook=_packed)
    except RecursionError:
        raise bad(path, where, "be JSON of moderate nesting", "deep nesting", "check that it is a pose file") from None
    except MemoryError:
        raise bad(path, where, "be JSON that fits into memory", "more", "split the file") from None
    except json.JSONDecodeError as error:
        received = f"a fault at line {error.lineno} column {error.colno} ({error.msg})"
        raise bad(path, where, "be whole JSON", received, "write the file again") from None
    except ValueError as error:
        raise bad(path, where, "be JSON", shown(str(error)), "write the file again") from None


def _packed(value: dict[str, Any]) -> dict[str, Any]:
    """An object whose long lists of numbers, or of lists of as many numbers each, are arrays: of a tenth the size."""
    for name, items in value.items():
        if type(items) is list and len(items) >= _LONG:
            value[name] = _array(items)
    return value


def _array(items: list[Any]) -> Any:
    if type(items[0]) is list:
        flat = [number for each in items if type(each) is list for number in each]
        if not flat or len(flat) != len(items) * len(items[0]) or any(len(each) != len(items[0]) for each in items):
            return items
        array = _array(flat)
        return array.reshape(len(items), -1) if isinstance(array, np.ndarray) else items
    if not set(map(type, items)) <= {int, float}:
        return items
    try:
        array = np.array(items)
    except OverflowError:
        return items
    return array if array.dtype.kind in "if" else items


def dump(value: Any, stream: IO[str]) -> None:
    """Writes a value as JSON, arrays as lists, a part at a time."""
    try:
        if isinstance(value, Lines):
            stream.writelines(f"{json.dumps(line, default=np.ndarray.tolist)}\n" for line in value)
        else:
            stream.writelines(_parts(value))
    except RecursionError:
        # Nesting that could just be read.
        remedy = "deep nesting: check that the input is a pose file"
        raise InputError(f"JSON must be of moderate nesting to be written, received {remedy}") from None


def _parts(value: Any) -> Iterator[str]:
    if isinstance(value, list) and len(value) > _AT_ONCE:
        mark = "["
        for at in range(0, len(value), _AT_ONCE):
            yield mark + json.dumps(value[at : at + _AT_ONCE], default=np.ndarray.tolist)[1:-1]
            mark = ", "
        yield "]"
    elif type(value) is dict and value:
        mark = "{"
        for name, each in value.items():
            yield f"{mark}{json.dumps(name)}: "
            yield from _parts(each)
            mark = ", "
        yield "}"
    else:
        yield json.dumps(value, default=np.ndarray.tolist)


@lru_cache(maxsize=16)
def _keys_in_head(path: Path, stamp: tuple[int, int]) -> tuple[str, frozenset[str]]:
    text = head_text(path).lstrip()
    with path.open("rb") as stream:
        stream.seek(max(0, stamp[1] - _TAIL_BYTES))
        tail = stream.read(_TAIL_BYTES).decode("utf-8", errors="ignore")
    return text[:1], frozenset(re.findall(r'"([A-Za-z0-9_ .-]{1,60})"\s*:', text + "\n" + tail))


def first_and_keys(path: Path) -> tuple[str, frozenset[str]]:
    """The first character and the keys at the beginning and the end of a JSON file; "" and none for any other file."""
    if path.suffix.lower() not in (".json", ".jsonl") or not path.is_file():
        return "", frozenset()
    state = path.stat()
    return _keys_in_head(path, (state.st_mtime_ns, state.st_size))


def numbers(path: Path, field: str, values: Any, width: int = 0) -> np.ndarray:
    """An array of a list of numbers, null as NaN; with a width, one [N, width] of lists of so many numbers.

    Raises:
      InputError: anything else.
    """
    if isinstance(values, list) and width:
        if any(type(each) is not list or len(each) != width for each in values):
            raise bad(path, field, f"be lists of {width} numbers", values)
        return numbers(path, field, [number for each in values for number in each]).reshape(-1, width)
    if isinstance(values, list):
        odd = set(map(type, values)) - {int, float, type(None)}
        if odd:
            raise bad(path, field, "hold numbers", next(each for each in values if type(each) in odd))
        try:
            values = np.array([np.nan if each is None else each for each in values])
        except OverflowError:
            values = np.empty(0, object)
    if not isinstance(values, np.ndarray) or values.ndim != (2 if width else 1):
        raise bad(path, field, "be a list of numbers", shown(np.asarray(values).tolist()))
    if values.dtype.kind not in "if":
        raise bad(path, field, "hold numbers", "one that is too large")
    return values


def integer(path: Path, field: str, value: Any) -> int:
    """A whole number within 53 bits. Raises InputError for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 53) < value < 1 << 53:
        raise bad(path, field, "be a whole number", value)
    return value
