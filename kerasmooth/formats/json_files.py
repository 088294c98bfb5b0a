"""JSON of a checked size, and written back in the style that it was found in."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.formats.bounded_files import decode, head_text, read_bytes
from kerasmooth.formats.limits import bad, shown

MAX_JSON_BYTES = 1 << 29
_MAX_CONTAINERS = 12_000_000
_MAX_ITEMS = 80_000_000
BOM = "\ufeff"
STYLE_SAMPLE = 1 << 16


@dataclass(frozen=True)
class JsonStyle:
    """How a JSON text is laid out: as json.dumps takes it, with what follows the value."""

    separators: tuple[str, str] = (", ", ": ")
    indent: str | None = None
    ascii: bool = True
    start: str = ""
    end: str = ""


def load(path: Path) -> tuple[Any, JsonStyle]:
    """The value in a JSON file, and the text's style. Raises InputError for anything else."""
    data = read_bytes(path, MAX_JSON_BYTES)
    # An empty list takes 60 times the memory of its two characters.
    containers, items = data.count(b"[") + data.count(b"{"), data.count(b",")
    if containers > _MAX_CONTAINERS or items > _MAX_ITEMS:
        expected = f"have at most {_MAX_CONTAINERS:,} lists and objects and {_MAX_ITEMS:,} values"
        raise bad(path, "content", expected, f"{containers:,} and {items:,}", "split the file")
    text = decode(path, data)
    return parse(path, text), style_of(text)


def parse(path: Path, text: str, where: str = "content") -> Any:
    """The value of a JSON text. Raises InputError naming the file and `where` in it."""
    try:
        return json.loads(text.removeprefix(BOM))
    except (RecursionError, MemoryError, ValueError) as error:
        raise fault(path, where, error) from None


def fault(path: Path, where: str, error: Exception) -> InputError:
    """What the user is told of an error of the json module."""
    if isinstance(error, RecursionError):
        return bad(path, where, "be JSON of moderate nesting", "deep nesting", "check that it is a pose file")
    if isinstance(error, MemoryError):
        return bad(path, where, "be JSON that fits into memory", "more", "split the file")
    if isinstance(error, json.JSONDecodeError):
        received = f"a fault at line {error.lineno} column {error.colno} ({error.msg})"
        return bad(path, where, "be whole JSON", received, "write the file again")
    return bad(path, where, "be JSON", shown(str(error)), "write the file again")


def style_of(text: str) -> JsonStyle:
    """The layout of a JSON text."""
    return style_between(text[:STYLE_SAMPLE], text[-STYLE_SAMPLE:], text.isascii())


def style_between(start: str, end: str, ascii_only: bool) -> JsonStyle:
    """The layout of a text from its first and last STYLE_SAMPLE characters."""
    sample = start.removeprefix(BOM)
    indented = re.match(r"\s*[\[{]\r?\n([ \t]*)\S", sample)
    comma = "," if indented or re.search(r'[\]}"\d],[^ ]', sample) else ", "
    colon = ":" if re.search(r'":[^ ]', sample) else ": "
    indent = indented.group(1) if indented else None
    behind = end[len(end.rstrip()) :]
    return JsonStyle((comma, colon), indent, ascii_only, BOM if start.startswith(BOM) else "", behind)


def dumps(value: Any, style: JsonStyle) -> bytes:
    """The JSON text of a value in a style; NaN is written as the standard library does."""
    return (style.start + _laid_out(value, style, 0) + style.end).encode("utf-8")


def list_parts(around: dict[str, Any] | None, key: str, style: JsonStyle) -> tuple[bytes, bytes]:
    """What `dumps` puts before and after the elements of a list: of a bare one, or of `around[key]`, which is []."""
    if around is None:
        text = "[" + _margin(style, 0) + "]"
        return (style.start + text[:1]).encode(), (text[1:] + style.end).encode()
    names = list(around)
    at = names.index(key) + 1
    before = _laid_out({name: around[name] for name in names[:at]}, style, 0)
    after = _laid_out({name: around[name] for name in names[at:]}, style, 0)
    closing = _margin(style, 0) + "}"
    rest = style.separators[0] + after[1:] if names[at:] else closing
    head = before[: -len("]" + closing)]
    return (style.start + head).encode(), (_margin(style, 1) + "]" + rest + style.end).encode()


def elements_text(values: list[Any], style: JsonStyle, depth: int) -> bytes:
    """The elements of a list, not empty, that lies `depth` lists or objects deep, as `dumps` writes them."""
    return _laid_out(values, style, depth)[1 : -len(_margin(style, depth) + "]")].encode("utf-8")


def _margin(style: JsonStyle, depth: int) -> str:
    return "" if style.indent is None else "\n" + style.indent * depth


def _laid_out(value: Any, style: JsonStyle, depth: int) -> str:
    try:
        if style.indent is None:
            return json.dumps(value, ensure_ascii=style.ascii, separators=style.separators)
        parts: list[str] = []
        _indent(value, style, _margin(style, depth), parts)
        return "".join(parts)
    except RecursionError:
        # Nesting that could just be read.
        remedy = "deep nesting: check that the input is a pose file"
        raise InputError(f"JSON must be of moderate nesting to be written, received {remedy}") from None


def _indent(value: Any, style: JsonStyle, margin: str, parts: list[str]) -> None:
    """What json.dumps gives with an indent, which it does ten times slower: lists of numbers go in one piece."""
    inner = margin + (style.indent or "")
    if isinstance(value, list) and value:
        if set(map(type, value)) <= {int, float}:
            parts.append("[" + inner + json.dumps(value)[1:-1].replace(", ", "," + inner) + margin + "]")
            return
        for i, item in enumerate(value):
            parts.append(("," if i else "[") + inner)
            _indent(item, style, inner, parts)
        parts.append(margin + "]")
    elif isinstance(value, dict) and value:
        for i, (name, item) in enumerate(value.items()):
            parts.append(("," if i else "{") + inner + json.dumps(name, ensure_ascii=style.ascii) + style.separators[1])
            _indent(item, style, inner, parts)
        parts.append(margin + "}")
    else:
        parts.append(json.dumps(value, ensure_ascii=style.ascii))


@lru_cache(maxsize=16)
def _keys_in_head(path: Path, stamp: tuple[int, int]) -> tuple[str, frozenset[str]]:
    text = head_text(path).lstrip()
    return text[:1], frozenset(re.findall(r'"([A-Za-z0-9_ .-]{1,60})"\s*:', text))


def first_and_keys(path: Path) -> tuple[str, frozenset[str]]:
    """The first character and the keys in the beginning of a JSON file; "" and none for any other file."""
    if path.suffix.lower() not in (".json", ".jsonl") or not path.is_file():
        return "", frozenset()
    state = path.stat()
    return _keys_in_head(path, (state.st_mtime_ns, state.st_size))


def numbers(path: Path, field: str, values: list[Any]) -> np.ndarray:
    """A list of numbers as float64 [N]; null counts as NaN. Raises InputError for anything else in it."""
    odd = set(map(type, values)) - {int, float, type(None)}
    if odd:
        culprit = next(value for value in values if type(value) in odd)
        raise bad(path, field, "hold numbers", culprit, "check what wrote the file")
    try:
        return np.array(values, np.float64)
    except (OverflowError, ValueError, TypeError):
        raise bad(path, field, "hold numbers", "one that is too large", "check what wrote the file") from None


def integer(path: Path, field: str, value: Any) -> int:
    """A whole number within 53 bits. Raises InputError for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 53) < value < 1 << 53:
        raise bad(path, field, "be a whole number", value, "check what wrote the file")
    return value
