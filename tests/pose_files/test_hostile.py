"""Malformed and hostile inputs through the whole command: one line and status 2, and nothing else happens.

Each runs in a process that may take ROOM megabytes more than it has when it starts; see confined_runs.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile_files import REFUSED, SMOOTHED
from malformed_files import CASES

from kerasmooth import formats

ROOM = 2048
MOST_MEGABYTES = 1024
MOST_SECONDS = 10.0
"""Of the processor."""
PICTURES = ("frames", "spectra", "trajectories")
DRAWN = ("coco all in one place", "csv of no frame")


@dataclass(frozen=True)
class Done:
    """How the command ended, what it said, how long it took and how much memory it took on top."""

    code: int
    seconds: float
    megabytes: float
    out: str
    err: str


Smooth = Callable[..., Done]


@pytest.fixture(scope="module")
def smooth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smooth]:
    """Runs the command in a folder, with words."""
    printed = tmp_path_factory.mktemp("printed") / "run"
    command = [sys.executable, str(Path(__file__).with_name("confined_runs.py")), str(ROOM)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def run(folder: Path, *words: str) -> Done:
        server.stdin.write(json.dumps({"words": words, "folder": str(folder), "output": str(printed)}) + "\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        return Done(**answer, out=_text(printed, ".out"), err=_text(printed, ".err"))

    with server:
        yield run
        server.stdin.close()


def _text(path: Path, suffix: str) -> str:
    return path.with_name(path.name + suffix).read_text()


def tree(folder: Path) -> dict[str, object]:
    """Everything in a folder, with the bytes of files and the targets of links."""
    found: dict[str, object] = {}
    for where, folders, files in os.walk(folder):
        for path in [Path(where, name) for name in folders + files]:
            kind = path.lstat().st_mode
            content: object = None
            if path.is_symlink():
                content = str(path.readlink())
            elif path.is_file():
                content = path.read_bytes()
            found[str(path.relative_to(folder))] = (kind, content)
    return found


def check_refused(done: Done) -> None:
    assert done.code == 2, done
    lines = done.err.splitlines()
    assert len(lines) == 1, done.err
    assert lines[0].startswith("error: ")
    assert 30 < len(lines[0]) < 1200
    assert re.search(r"0x[0-9a-f]{6}", lines[0]) is None
    assert not done.out
    check_small(done)


def check_small(done: Done) -> None:
    assert done.megabytes < MOST_MEGABYTES, done
    assert done.seconds < MOST_SECONDS, done


def test_there_are_enough_inputs() -> None:
    assert len(REFUSED) >= 200


@pytest.mark.parametrize("title", REFUSED)
def test_hostile_inputs_give_one_line(title: str, smooth: Smooth, tmp_path: Path) -> None:
    path = REFUSED[title](tmp_path)
    before = tree(tmp_path)
    name = str(path.relative_to(tmp_path))
    done = smooth(tmp_path, name, f"--output=out{path.suffix}", "--fps=30", "--plot=pictures")
    check_refused(done)
    assert name in done.err
    assert ("no such file" in done.err) == (title in ("link to itself", "link to nothing"))
    assert tree(tmp_path) == before


@pytest.mark.slow
@pytest.mark.parametrize("title", CASES)
def test_malformed_files_give_one_line(title: str, smooth: Smooth, tmp_path: Path) -> None:
    name, _, make = CASES[title]
    if name == "parquet":
        pytest.importorskip("pyarrow")
    path = make(tmp_path)
    before = tree(tmp_path)
    rate = [] if "rate" in title or "fps" in title else ["--fps=30"]
    check_refused(
        smooth(tmp_path, str(path.relative_to(tmp_path)), f"--output=out{path.suffix}", f"--from={name}", *rate)
    )
    assert tree(tmp_path) == before


@pytest.mark.parametrize("title", SMOOTHED)
def test_odd_inputs_come_back(title: str, smooth: Smooth, tmp_path: Path) -> None:
    path = SMOOTHED[title](tmp_path)
    before = tree(tmp_path)
    plot = ["--plot=pictures"] if title in DRAWN else []
    done = smooth(tmp_path, str(path.relative_to(tmp_path)), f"--output=out{path.suffix}", "--fps=30", *plot)
    assert done.code == 0, done.err
    assert not done.err
    check_small(done)
    after = tree(tmp_path)
    assert {name: after[name] for name in before} == before
    made = {name for name in set(after) - set(before) if name.partition("/")[0] != f"out{path.suffix}"}
    assert made == ({"pictures"} | {f"pictures/{name}.png" for name in PICTURES} if plot else set())
    old, new = formats.read(path), formats.read(tmp_path / f"out{path.suffix}", format_name=formats.detect(path).name)
    assert set(old.frame_numbers.tolist()) <= set(new.frame_numbers.tolist())
