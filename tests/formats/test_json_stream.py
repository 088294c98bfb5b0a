"""Lists in JSON read element by element: what the json module gives for the whole text, whatever the chunks."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from kerasmooth.errors import InputError
from kerasmooth.formats import json_files, json_stream
from kerasmooth.formats.block_file import WholeOnly
from kerasmooth.formats.json_files import dumps, elements_text, list_parts, parse, style_of
from kerasmooth.formats.json_stream import JsonStream

VALUES: list[Any] = [
    {"image_id": 12, "keypoints": [1.5, -2e-05, 1e300, 0, -0.0], "score": 1.0, "ünï": 'ö"\\\n\t€𝄞'},
    [],
    {},
    {"a": {"b": [[1, 2.50], [3, [None, True, False]]], "]": "}{[,"}},
    -17,
    12345678901234567890123,
    "\\",
    "\ud800",
    [float("inf"), float("-inf")],
    0.1 + 0.2,
]
INDENTS: list[Any] = [None, 0, 2, "\t"]


def texts() -> list[str]:
    made = [json.dumps(VALUES, indent=indent, ensure_ascii=True) for indent in INDENTS]
    made += [json.dumps(VALUES, separators=(",", ":")) + "\n", " \r\n[\r\n]\r\n", "[1]", "[ 1.5e1 , 2 ]  "]
    plain = [value for value in VALUES if value != "\ud800"]
    return [*made, json.dumps(plain, ensure_ascii=False, indent=1), "\ufeff" + json.dumps(plain, ensure_ascii=False)]


def read(path: Path, key: str | None = None) -> tuple[list[Any], JsonStream]:
    stream = JsonStream(path)
    return list(stream.elements(key)), stream


@pytest.mark.parametrize("chunk", [1, 2, 7, 64, 1 << 20])
def test_elements_are_those_of_the_whole_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", chunk)
    path = tmp_path / "list.json"
    for text in texts():
        path.write_bytes(text.encode())
        elements, stream = read(path)
        # As texts: 1 is not 1.0, and the order of keys counts.
        assert repr(elements) == repr(json.loads(text.removeprefix("\ufeff")))
        assert stream.style == style_of(text)
        assert stream.share == 1.0


@pytest.mark.parametrize("chunk", [3, 1 << 20])
def test_a_list_in_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", chunk)
    path = tmp_path / "object.json"
    for around in ({"a": 1, "b": {"c": [2]}}, {}, {"a": [1, {"list": 3}]}):
        for at in range(len(around) + 1):
            value = dict([*list(around.items())[:at], ("list", VALUES[:4]), *list(around.items())[at:]])
            for indent in INDENTS:
                path.write_text(json.dumps(value, indent=indent))
                elements, stream = read(path, "list")
                assert repr(elements) == repr(VALUES[:4])
                assert repr(stream.around) == repr(value | {"list": []})


@pytest.mark.parametrize("indent", INDENTS)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_parts_join_to_the_whole_text(indent: Any, ascii_only: bool) -> None:
    records = [value for value in VALUES if value != "\ud800"]
    for around in (None, {"list": []}, {"meta": {"é": [1, 2]}, "list": [], "after": [1.5], "x": "\0"}):
        value = records if around is None else around | {"list": records}
        text = ("\ufeff" if ascii_only else "") + json.dumps(value, indent=indent, ensure_ascii=ascii_only) + "\n \n"
        style = style_of(text)
        head, tail = list_parts(around, "list", style)
        depth = 0 if around is None else 1
        bodies = [elements_text(part, style, depth) for part in (records[:1], records[1:4], records[4:])]
        assert head + style.separators[0].encode().join(bodies) + tail == dumps(value, style)


def outcome(path: Path) -> str:
    try:
        return repr(read(path)[0])
    except (InputError, WholeOnly) as error:
        return str(error)


def truth(path: Path, text: str) -> str:
    if not text.startswith("["):
        return "it is no list"
    try:
        value = parse(path, text)
    except InputError as error:
        return str(error)
    return repr(value)


@pytest.mark.parametrize("chunk", [5, 1 << 20])
def test_damage_is_told_as_of_the_whole_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Every cut, every character left out, and marks put in everywhere; the place is the same too."""
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", chunk)
    path = tmp_path / "bad.json"
    text = '[{"a": [1.5, "x\\n"],\n "é": null},\n\n {"b": NaN} ,{}] \n'
    damaged = [text[:at] for at in range(1, len(text))]
    damaged += [text[:at] + mark + text[at + 1 :] for at in range(len(text)) for mark in ("", ",", "]", "}", '"', "7")]
    refused = 0
    for each in damaged:
        path.write_bytes(each.encode())
        expected = truth(path, each)
        # Python 3.13 says of a last comma that it is one, at its own place.
        if "trailing comma" not in expected:
            assert outcome(path) == expected, each
        refused += expected.startswith(str(path))
    assert refused > 200


def test_the_place_is_that_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", 100)
    lines = [f'{{"image_id": {i}}}' for i in range(500)]
    lines[400] = '{"image_id": 400,, "é"}'
    path = tmp_path / "bad.json"
    path.write_text("[\n  " + ",\n  ".join(lines) + "\n]")
    assert "line 402 column 20 (" in outcome(path)
    path.write_bytes(b'["' + b"\xc3\xa9" * 400 + b'", "' + b"\xff" + b'"]')
    assert "byte 0xff at offset 806" in outcome(path)
    path.write_bytes(b'["\xc3')
    assert "byte 0xc3 at offset 2" in outcome(path)


@pytest.mark.parametrize("text", ["[" * 200_000, '[{"a":' * 100_000, "[" + "9" * 5000 + "]"])
def test_hostile_nesting_and_numbers(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    assert outcome(path) == truth(path, text)
    assert "must be JSON" in outcome(path)


def test_what_is_held_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", 100)
    monkeypatch.setattr(json_stream, "MAX_ELEMENT", 1000)
    path = tmp_path / "bad.json"
    for text in ('["' + "x" * 5000 + '"]', "[[" + "1," * 5000 + "1]]", '{"' + "x" * 5000 + '": 1}'):
        path.write_text(text)
        with pytest.raises(WholeOnly, match="very long"):
            read(path, "list")
    path.write_text("{" + ",".join(f'"{i}": {i}' for i in range(1000)) + ', "list": []}')
    with pytest.raises(WholeOnly, match="much beside list"):
        read(path, "list")
    path.write_text('{"list": [1], "list": [2]}')
    with pytest.raises(WholeOnly, match="or two"):
        read(path, "list")


def test_spaces_are_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", 100)
    monkeypatch.setattr(json_stream, "MAX_ELEMENT", 1000)
    path = tmp_path / "wide.json"
    path.write_text(
        "[" + (" \n" * 3000).join(["1", ",", "2"]) + "\t" * 5000 + "]" + " " * (json_files.STYLE_SAMPLE + 9)
    )
    elements, stream = read(path)
    assert elements == [1, 2]
    assert stream.style == style_of(path.read_text())


def test_random_lists_in_random_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(3)
    path = tmp_path / "list.json"

    def value(depth: int) -> Any:
        kind = chance.randrange(6 if depth else 4)
        if kind == 4:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        if kind == 5:
            return {chance.choice("abc€"): value(depth - 1) for _ in range(chance.randrange(4))}
        return [chance.uniform(-1e3, 1e3), chance.randrange(10**9), chance.choice(["", '"', "é\\", "]"]), None][kind]

    for _ in range(300):
        monkeypatch.setattr(json_stream, "CHUNK_BYTES", chance.randrange(1, 60))
        values = [value(3) for _ in range(chance.randrange(6))]
        path.write_text(json.dumps(values, indent=chance.choice(INDENTS), ensure_ascii=chance.random() < 0.5))
        assert repr(read(path)[0]) == repr(values)
