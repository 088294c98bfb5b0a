"""Good files with one value replaced by something odd, or one bit flipped: read whole, or refused in one line."""

import re
from pathlib import Path

import numpy as np
import pytest
from pose_files import SAMPLES

from kerasmooth import formats
from kerasmooth.errors import InputError

VALUE = re.compile(rb'-?\d+\.?\d*|"[^"]{0,40}"|\[[^][{}]{0,400}\]|\{[^][{}]{0,400}\}|[A-Za-z_]+')
ODD = (
    b"1e400", b"-0", b"nan", b"NaN", b"null", b'"x"', b"[]", b"{}", b"[[1]]", b"9" * 20, b"1e308", b"true", b"-5",
    b'""', b"1" * 400, b"x", b"-Infinity", b"[0]", b'{"x":[1]}', b"9007199254740993", b"0", b"0.5", b"",
)  # fmt: skip


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    places = list(VALUE.finditer(data)) if b"\0" not in data[:2000] else []
    changed = bytearray(data)
    if places:
        # Half of them near the beginning, where headers are.
        place = places[random.integers(len(places) if random.random() < 0.5 else min(40, len(places)))]
        changed[place.start() : place.end()] = ODD[random.integers(len(ODD))]
    else:
        changed[int(random.integers(len(changed)))] ^= 1 << int(random.integers(8))
    return bytes(changed)


@pytest.mark.parametrize("sample", SAMPLES)
def test_odd_values_are_read_or_refused(sample: str, tmp_path: Path) -> None:
    path, expected = SAMPLES[sample](tmp_path)
    files = [path] if path.is_file() else sorted(path.iterdir())
    good = {file: file.read_bytes() for file in files}
    random = np.random.default_rng(sorted(SAMPLES).index(sample))
    for attempt in range(12):
        file = files[random.integers(len(files))]
        file.write_bytes(mutated(good[file], random))
        name = expected.name if attempt % 3 else None
        try:
            table = formats.read(path, format_name=name)
            if expected.name != "climbalong":
                formats.write(table.with_(keypoints=table.keypoints + 0.5), tmp_path / str(attempt) / path.name)
            message = ""
        except InputError as error:
            message = str(error)
        assert "\n" not in message
        file.write_bytes(good[file])
