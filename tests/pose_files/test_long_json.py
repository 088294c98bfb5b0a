"""Long JSON lists, smoothed in blocks: in memory that stays flat, whole or not at all."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hostile_files import REFUSED, SMOOTHED
from long_inputs import FPS, moving, nothing_left, recording, written

from kerasmooth import formats
from kerasmooth.errors import InputError
from kerasmooth.formats.block_file import BlockWriter, WholeOnly
from kerasmooth.formats.instance_blocks import MMPoseBlocks, UltralyticsBlocks
from kerasmooth.formats.json_blocks import JsonBlocks
from kerasmooth.formats.record_blocks import RecordBlocks
from kerasmooth.pose_files.long_files import smooth_long
from kerasmooth.pose_files.tables import smooth_table
from kerasmooth.smoothing.settings import SmoothingSettings

OPENED: dict[str, Callable[[Path], JsonBlocks]] = {
    "coco": lambda path: RecordBlocks(formats.CocoResults(), path, FPS, None),
    "alphapose": lambda path: RecordBlocks(formats.AlphaPose(), path, FPS, None),
    "mmpose": lambda path: MMPoseBlocks(path, FPS, None),
    "ultralytics": lambda path: UltralyticsBlocks(path, FPS, None),
}
SETTINGS = SmoothingSettings(method="gaussian", extend=0.3)
MEASURED = """
import sys
from pathlib import Path
from kerasmooth import formats
from kerasmooth.formats.record_blocks import RecordBlocks
from kerasmooth.pose_files.long_files import smooth_long
from kerasmooth.smoothing.settings import SmoothingSettings
file = RecordBlocks(formats.CocoResults(), Path(sys.argv[1]), 30.0, None)
smooth_long(file, lambda: file.writer(Path(sys.argv[2])), SmoothingSettings(method="gaussian"))
print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])
"""


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("layout", [None, 1, "\t"])
@pytest.mark.parametrize("name", OPENED)
def test_blocks_give_what_memory_gives(tmp_path: Path, name: str, layout: int | str | None) -> None:
    """People come and go, ids jump, people are added, and the text is laid out as it was."""
    table = recording(400, people=2, jumps=6, seed=3)
    clip = written(tmp_path / "clip.json", name, table)
    clip.write_text(json.dumps(json.loads(clip.read_text()), indent=layout) + "\n" * bool(layout))
    file = OPENED[name](clip)
    smooth_long(file, lambda: file.writer(tmp_path / "blocks.json"), SETTINGS)
    whole = smooth_table(formats.read(clip, fps=FPS, format_name=name), SETTINGS)
    formats.write(whole.table, tmp_path / "memory.json")
    assert (tmp_path / "blocks.json").read_bytes() == (tmp_path / "memory.json").read_bytes()
    assert len(whole.table.frames) > len(table.frames)


def never_written() -> AbstractContextManager[BlockWriter]:
    raise RuntimeError("it is being written")


@pytest.mark.parametrize("name", OPENED)
def test_damage_at_the_end_is_told_before_anything_is_written(tmp_path: Path, name: str) -> None:
    clip = written(tmp_path / "clip.json", name, recording(2500, seed=3))
    good = clip.read_bytes()
    with pytest.raises(RuntimeError, match="being written"):
        smooth_long(OPENED[name](clip), never_written, SETTINGS)
    for bad in (good[:-1].rstrip(b"\n]}"), good + b"]", good[:-40] + b'"' + good[-40:], good.rstrip(b"\n]} ") + b",]"):
        clip.write_bytes(bad)
        with pytest.raises(InputError) as error:
            smooth_long(OPENED[name](clip), never_written, SETTINGS)
        assert str(error.value).startswith(f"{clip}: ")
        assert " line " in str(error.value)
        assert nothing_left(tmp_path, clip)


HOSTILE = [title for title in REFUSED if title.split()[0] in {*OPENED, "json"} or title.endswith(" .json")]


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_files_are_refused(tmp_path: Path, title: str) -> None:
    """In one line, or left to the reading as a whole, which refuses them."""
    path = REFUSED[title](tmp_path)
    names = [name for name in OPENED if formats.FORMATS[name].detect(path)] or ["coco"]
    with pytest.raises((InputError, WholeOnly)) as error:
        for _ in OPENED[names[0]](path).survey(1024):
            pass
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("title", [title for title in SMOOTHED if "thousand" not in title])
def test_odd_files_are_the_same_in_blocks(tmp_path: Path, title: str) -> None:
    path = SMOOTHED[title](tmp_path)
    name = formats.detect(path).name
    if name not in OPENED:
        return
    file = OPENED[name](path)
    try:
        smooth_long(file, lambda: file.writer(tmp_path / "blocks.json"), SETTINGS)
    except WholeOnly:
        return
    whole = smooth_table(formats.read(path, fps=FPS, format_name=name), SETTINGS)
    formats.write(whole.table, tmp_path / "memory.json")
    assert (tmp_path / "blocks.json").read_bytes() == (tmp_path / "memory.json").read_bytes()


def peak(clip: Path, frames: int) -> float:
    """MiB that a process held at most that smooths a file of so many frames."""
    with clip.open("w") as file:
        for first in range(0, frames, 10_000):
            for i, points in enumerate(moving(min(10_000, frames - first), 4, first=first).round(2).tolist(), first):
                keypoints = [value for x, y in points for value in (x, y, 0.9)]
                file.write(("[" if not i else ", ") + json.dumps({"image_id": i, "keypoints": keypoints}))
        file.write("]")
    words = [sys.executable, "-c", MEASURED, str(clip), str(clip.with_suffix(".out.json"))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / 1024


def test_memory_stays_flat(tmp_path: Path) -> None:
    short, long = (peak(tmp_path / f"{frames}.json", frames) for frames in (20_000, 60_000))
    assert long < 400
    assert long < 1.15 * short


@pytest.mark.slow
def test_memory_stays_flat_for_a_million_frames(tmp_path: Path) -> None:
    short, long = (peak(tmp_path / f"{frames}.json", frames) for frames in (100_000, 1_000_000))
    assert long < 400
    assert long < 1.15 * short
