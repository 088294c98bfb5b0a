"""Long CSV files with one line a landmark, in blocks: the same bytes as in memory, however the text is laid out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from long_inputs import ALWAYS, moving, nothing_left

WORDS = ("--fps=30", "--method=gaussian", "--extend=0.3")


def landmarks(count: int = 33, first: int = 0, frames: int = 400, scale: float = 1.0) -> list[str]:
    """Lines of somebody who is not there for some frames, and of whom now and then a landmark is missing."""
    random = np.random.default_rng(1)
    lines = ["frame,landmark_id,x,y,z"]
    for frame, points in enumerate(moving(frames, count) * scale):
        if frame % 130 not in (7, 8, 9, 96, 97, 98):
            lines += [f"{frame},{k + first},{x:.5f},{y:.5f},{k}" for k, (x, y) in enumerate(points.tolist())]
    return [line for line in lines if random.random() > 0.01 or line is lines[0]]


def late(lines: list[str], wanted: Callable[[int], bool]) -> list[str]:
    """Some landmarks come only behind frame 200."""
    cells = [line.split(",")[:2] for line in lines[1:]]
    kept = [line for line, (frame, k) in zip(lines[1:], cells, strict=True) if int(frame) > 200 or wanted(int(k))]
    return lines[:1] + kept


TEXTS = {
    "plain": "\n".join([*landmarks(), ""]),
    "counted from 1": "\n".join([*landmarks(first=1), ""]),
    "shares": "\n".join([*landmarks(scale=0.001), ""]),
    "another skeleton": "\n".join([*late(landmarks(count=9), lambda k: k < 5), ""]),
    "counted from 1, so it seems": "\n".join([*late(landmarks(count=34), lambda k: k > 0), ""]),
    "windows": "\ufeff" + "\r\n".join([*landmarks(), ""]),
    "no last line end": "\n".join(landmarks()),
    "blank lines": "\n\n".join([*landmarks(frames=300), " ", ""]),
}


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_keeps_its_form(smooth: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    clip = tmp_path / "clip.csv"
    clip.write_bytes(TEXTS[kind].encode())
    for block in ("0", "3600"):
        done = smooth(clip, f"--output={clip.with_stem(block)}", f"--block_seconds={block}", *WORDS)
        assert done.code == 0, done.err
    memory, blocks = (clip.with_stem(block).read_bytes() for block in ("0", "3600"))
    assert memory == blocks
    assert len(memory.splitlines()) > len(TEXTS[kind].splitlines())


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda line: line.replace(",", ",nose", 1), "landmark_id in line 9001"),
        (lambda line: line + ",1", "line 9001"),
        (lambda line: line.replace(",", ",99999", 1), "landmark in line 9001"),
        (lambda line: "0" + line[line.index(",") :], "not in order"),
    ],
    ids=["word", "cell too many", "landmark of many", "earlier frame"],
)
def test_a_bad_line_late_in_the_file(
    smooth: Callable[..., Any], tmp_path: Path, spoil: Callable[[str], str], told: str
) -> None:
    clip = tmp_path / "clip.csv"
    lines = landmarks()
    lines[9000] = spoil(lines[9000])
    clip.write_text("\n".join([*lines, ""]))
    done = smooth(clip, f"--output={tmp_path / 'out.csv'}", ALWAYS, *WORDS)
    assert done.is_bad_input
    assert told in done.err
    assert nothing_left(tmp_path, clip)
