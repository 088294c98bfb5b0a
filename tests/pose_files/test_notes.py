"""What the command, and a stream, make of people who are reported twice, and of photographs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from recordings import recording, written
from test_photographs import SCATTERED, photographs

from kerasmooth import formats
from kerasmooth.pose_table import PoseTable
from kerasmooth.streaming.stream import KeypointStream


def doubled(frames: int) -> tuple[PoseTable, int]:
    """Two people, and how many of their detections are there once more, before the better one."""
    table = recording(frames, people=2, ids=False)
    again = np.flatnonzero(np.random.default_rng(0).random(len(table.frames)) < 0.1)
    rows = np.sort(np.concatenate([np.arange(len(table.frames)), again]), kind="stable")
    copied = np.append(np.diff(rows) == 0, False)
    fields = ("frames", "people", "keypoints", "confidence", "provenance", "deviation")
    table = table.with_(**{field: getattr(table, field)[rows] for field in fields})
    table.keypoints[copied] += 2.0
    table.confidence[copied] *= 0.5
    return table, int(copied.sum())


def test_duplicates_are_told(smooth: Callable[..., Any], tmp_path: Path) -> None:
    table, copies = doubled(400)
    clip = written(tmp_path / "clip", "openpose", table)
    words = (f"--output={tmp_path / 'out'}", f"--report={tmp_path / 'report.json'}", "--method=gaussian", "--fps=30")
    done = smooth(clip, *words)
    assert done.code == 0
    note = f"{copies} detections repeat somebody in the same frame: left as they are"
    assert note in done.out
    assert json.loads((tmp_path / "report.json").read_text())[0]["notes"] == [note]
    old, new = formats.read(clip), formats.read(tmp_path / "out")
    left = np.flatnonzero(new.people < 0)
    assert len(left) == copies
    # The less sure one of two, as it was.
    before, after = np.nan_to_num(old.keypoints[:, 0]), np.nan_to_num(new.keypoints[:, 0])
    kept = {(frame, *points) for frame, points in zip(old.frames.tolist(), before.tolist(), strict=True)}
    assert all((new.frames[row], *after[row].tolist()) in kept for row in left.tolist())
    assert np.nanmax(new.confidence[left]) <= 0.5


def test_photographs_are_told(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = photographs(tmp_path / "val.json", SCATTERED)
    done = smooth(clip, f"--output={tmp_path / 'out.json'}", "--fps=30")
    assert done.code == 0
    assert "frames show unrelated pictures, or are too far apart: left as they are" in done.out
    assert (tmp_path / "out.json").read_bytes() == clip.read_bytes()


def test_a_copy_gets_into_nobody_elses_columns(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = written(tmp_path / "clip", "openpose", doubled(300)[0])
    words = ("--to=deeplabcut", "--fps=30", "--method=gaussian")
    assert smooth(clip, f"--output={tmp_path / 'out.csv'}", *words).code == 0
    table = formats.read(tmp_path / "out.csv")
    for person in (0, 1):
        # People are 900 px apart.
        assert np.ptp(np.nanmean(table.keypoints[table.people == person, :, 0], axis=1)) < 450


def test_a_copy_is_nobody_in_a_stream() -> None:
    random = np.random.default_rng(0)
    bodies = random.uniform(0, 300, (2, 17, 2)) + [[[0, 0]], [[600, 0]]]
    stream, seen = KeypointStream(num_keypoints=17, fps=30.0), set()
    for number in range(60):
        people = bodies + random.normal(0, 2, bodies.shape)
        frame = stream.step(np.concatenate([people, people[:1] + 2]) if number % 3 == 0 else people)
        assert frame is not None
        assert len(frame.ids) == 2
        seen |= set(frame.ids.tolist())
    assert len(seen) == 2
