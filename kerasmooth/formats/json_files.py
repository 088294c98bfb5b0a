"""JSON of a checked size, read and written with the standard library."""

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.formats.bounded_files import decode, head_text, read_bytes
from kerasmooth.formats.limits import bad, shown

MAX_JSON_BYTES = 1 << 30
_MAX_CONTAINERS = 12_000_000
_MAX_ITEMS = 120_000_000
_REMEDY = "check what wrote the file"
_TAIL_BYTES = 1 << 14
_AT_ONCE = 256
"""Elements of a list that are turned into text together."""


def load(path: Path, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """The value in a JSON file. Raises InputError for anything else."""
    data = read_bytes(path, max_bytes)
    # An empty list takes 60 times the memory of its two characters.
    containers, items = data.count(b"[") + data.count(b"{"), data.count(b",")
    if containers > _MAX_CONTAINERS or items > _MAX_ITEMS:
        expected = f"have at most {_MAX_CONTAINERS:,} lists and objects and {_MAX_ITEMS:,} values"
        raise bad(path, "content", expected, f"{containers:,} and {items:,}", "split the file")
    text = decode(path, data).removeprefix("\ufeff")
    del data
    return parse(path, text)


def load_lines(path: Path) -> list[Any]:
    """The values of a file with one JSON value a line. Raises InputError naming the line that is none."""
    lines = decode(path, read_bytes(path, MAX_JSON_BYTES)).removeprefix("\ufeff").split("\n")
    return [parse(path, line, f"line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def parse(path: Path, text: str, where: str = "content") -> Any:
    """The value of a JSON text. Raises InputError naming the file and `where` in it."""
    try:
        return json.loads(text)
    except RecursionError:
        raise bad(path, where, "be JSON of moderate nesting", "deep nesting", "check that it is a pose file") from None
    except MemoryError:
        raise bad(path, where, "be JSON that fits into memory", "more", "split the file") from None
    except json.JSONDecodeError as error:
        received = f"a fault at line {error.lineno} column {error.colno} ({error.msg})"
        raise bad(path, where, "be whole JSON", received, "write the file again") from None
    except ValueError as error:
        raise bad(path, where, "be JSON", shown(str(error)), "write the file again") from None


def dump(value: Any, stream: IO[str], default: Callable[[Any], Any] | None = None) -> None:
    """Writes a value as JSON, long lists a part at a time; `default`: see json.dumps."""
    try:
        stream.writelines(_parts(value, default))
    except RecursionError:
        # Nesting that could just be read.
        remedy = "deep nesting: check that the input is a pose file"
        raise InputError(f"JSON must be of moderate nesting to be written, received {remedy}") from None


def _parts(value: Any, default: Callable[[Any], Any] | None) -> Iterator[str]:
    if isinstance(value, list) and len(value) > _AT_ONCE:
        elements = iter(value)
        mark = "["
        while part := list(islice(elements, _AT_ONCE)):
            yield mark + json.dumps(part, default=default)[1:-1]
            mark = ", "
        yield "]"
    elif type(value) is dict and value:
        mark = "{"
        for name, each in value.items():
            yield f"{mark}{json.dumps(name)}: "
            yield from _parts(each, default)
            mark = ", "
        yield "}"
    else:
        yield json.dumps(value, default=default)


@lru_cache(maxsize=16)
def _keys_in_head(path: Path, stamp: tuple[int, int]) -> tuple[str, frozenset[str]]:
    text = head_text(path).lstrip()
    with path.open("rb") as stream:
        stream.seek(max(0, stamp[1] - _TAIL_BYTES))
        tail = stream.read(_TAIL_BYTES).decode("utf-8", errors="ignore")
    return text[:1], frozenset(re.findall(r'"([A-Za-z0-9_ .-]{1,60})"\s*:', text + " " + tail))


def first_and_keys(path: Path) -> tuple[str, frozenset[str]]:
    """The first character and the keys at the beginning and the end of a JSON file; "" and none for any other file."""
    if path.suffix.lower() not in (".json", ".jsonl") or not path.is_file():
        return "", frozenset()
    state = path.stat()
    return _keys_in_head(path, (state.st_mtime_ns, state.st_size))


def numbers(path: Path, field: str, values: list[Any]) -> list[Any]:
    """A list of numbers, null as NaN. Raises InputError for anything else in it."""
    odd = set(map(type, values)) - {int, float}
    if not odd:
        return values
    if odd != {type(None)}:
        culprit = next(value for value in values if type(value) in odd - {type(None)})
        raise bad(path, field, "hold numbers", culprit, _REMEDY)
    return [np.nan if value is None else value for value in values]


def integer(path: Path, field: str, value: Any) -> int:
    """A whole number within 53 bits. Raises InputError for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 53) < value < 1 << 53:
        raise bad(path, field, "be a whole number", value, _REMEDY)
    return value
