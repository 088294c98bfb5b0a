"""What the command, and a stream, make of people who are reported twice, and of photographs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import moving, recording, written
from test_photographs import SCATTERED, photographs

from kerasmooth import formats
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import COCO_17
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


def test_duplicates_are_named(smooth: Callable[..., Any], tmp_path: Path) -> None:
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


def test_photographs_are_named(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = photographs(tmp_path / "val.json", SCATTERED)
    done = smooth(clip, f"--output={tmp_path / 'out.json'}", "--fps=30")
    assert done.code == 0
    assert "nothing was smoothed: the frames are unrelated photographs, or too far apart" in done.out
    assert (tmp_path / "out.json").read_bytes() == clip.read_bytes()


def test_a_duplicate_gets_into_nobody_elses_columns(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = written(tmp_path / "clip", "openpose", doubled(300)[0])
    words = ("--to=deeplabcut", "--fps=30", "--method=gaussian")
    assert smooth(clip, f"--output={tmp_path / 'out.csv'}", *words).code == 0
    table = formats.read(tmp_path / "out.csv")
    for person in (0, 1):
        # People are 900 px apart.
        assert np.ptp(np.nanmean(table.keypoints[table.people == person, :, 0], axis=1)) < 450


def test_a_duplicate_is_nobody_in_a_stream() -> None:
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


def video_of(path: Path, keypoints: np.ndarray, confidence: np.ndarray, frames: np.ndarray | None = None) -> Path:
    """A file of one person, keypoints [T, 17, 2] and confidence [T, 17]."""
    rows = np.arange(len(keypoints)) if frames is None else frames
    return written(
        path, "npz", PoseTable(rows, rows * 0, keypoints, confidence, rows, COCO_17, 30.0, image_size=(500, 500))
    )


NOTHING = {
    "the confidence of every keypoint is 0": (moving(40, 17), np.zeros((40, 17)), []),
    "no keypoint has a confidence of 0.5": (moving(40, 17), np.full((40, 17), 0.4), ["--min_confidence=0.5"]),
    "there is one frame": (moving(1, 17), np.ones((1, 17)), []),
    "nobody is in this file": (moving(0, 17), np.ones((0, 17)), []),
    "the recording is too short": (moving(3, 17), np.ones((3, 17)), []),
    "the strength is 0": (moving(40, 17), np.ones((40, 17)), ["--strength=0", "--nooutliers", "--noswaps"]),
}


@pytest.mark.parametrize("reason", NOTHING)
def test_where_nothing_could_be_smoothed_the_reason_is_given(
    smooth: Callable[..., Any], tmp_path: Path, reason: str
) -> None:
    keypoints, confidence, words = NOTHING[reason]
    clip = video_of(tmp_path / "clip.npz", keypoints, confidence)
    done = smooth(clip, f"--output={tmp_path / 'out.npz'}", *words)
    assert done.code == 0, done.err
    assert f"nothing was smoothed: {reason}" in done.out


def test_what_was_smoothed_has_no_such_note(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = video_of(tmp_path / "clip.npz", moving(40, 17), np.ones((40, 17)))
    assert "nothing" not in smooth(clip, f"--output={tmp_path / 'out.npz'}").out


def test_keypoints_of_too_little_confidence_are_missing_and_counted(smooth: Callable[..., Any], tmp_path: Path) -> None:
    keypoints, confidence = moving(60, 17), np.full((60, 17), 0.9)
    confidence[20:24, 3], confidence[20:50, 4] = 0.1, 0.1
    clip = video_of(tmp_path / "clip.npz", keypoints, confidence)
    done = smooth(clip, f"--output={tmp_path / 'out.npz'}", "--min_confidence=0.3", "--method=gaussian")
    assert "30 keypoints of less confidence than 0.3 were not filled: they are missing now" in done.out
    new = formats.read(tmp_path / "out.npz")
    assert np.isnan(new.keypoints[20:50, 4]).all()
    np.testing.assert_allclose(new.confidence[20:24, 3], 0.1)
    assert np.abs(new.keypoints[20:24, 3] - keypoints[19, 3]).max() < 150


def test_how_far_keypoints_were_moved_is_in_the_table_and_the_report(
    smooth: Callable[..., Any], tmp_path: Path
) -> None:
    """Against the positions in both files; the torso is that of the file too."""
    keypoints = np.tile(np.random.default_rng(3).uniform(100, 300, (17, 2)), (200, 1, 1))
    keypoints += np.random.default_rng(4).normal(0, 2, keypoints.shape)
    clip = video_of(tmp_path / "clip.npz", keypoints, np.ones((200, 17)))
    report = tmp_path / "report.json"
    words = (f"--report={report}", "--method=gaussian", "--nooutliers", "--noswaps")
    done = smooth(clip, f"--output={tmp_path / 'out.npz'}", *words)
    moved = np.linalg.norm(formats.read(tmp_path / "out.npz").keypoints - keypoints, axis=-1).ravel()
    person = json.loads(report.read_text())[0]["people"][0]
    half, most = np.quantile(moved, [0.5, 0.99])
    assert person["moved"] == {"median": pytest.approx(half, rel=0.01), "99_percent": pytest.approx(most, rel=0.01)}
    torso = np.median(np.linalg.norm(keypoints[:, [5, 6]] - keypoints[:, [11, 12]], axis=-1).mean(axis=1))
    assert person["moved_of_torso"]["median"] == pytest.approx(half / torso, rel=0.02)
    assert f"{half:.2f} / {most:.2f}" in done.out
    assert f"{100 * person['moved_of_torso']['median']:.2f} / " in done.out
