"""Files of photographs, which are no video; and of videos, however little is seen in them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from long_inputs import ALWAYS, recording, written

from kerasmooth import formats
from kerasmooth.formats import blocks
from kerasmooth.pose_files.tables import UNRELATED, smooth_table
from kerasmooth.smoothing.settings import SmoothingSettings


def photographs(path: Path, numbers: list[int], people: int = 4) -> Path:
    """COCO results of photographs, each with up to so many people of any size anywhere, and of any pose."""
    random = np.random.default_rng(5)
    records: list[dict[str, Any]] = []
    for number in numbers:
        for _ in range(random.integers(1, people + 1)):
            size, corner = random.uniform(40, 350), random.uniform((0, 0), (500, 300))
            body = corner + random.uniform((0, 0), (0.6 * size, size), (17, 2))
            triples = np.column_stack([body.round(2), random.uniform(0.3, 1, 17).round(3)])
            records.append({"image_id": number, "category_id": 1, "keypoints": triples.ravel().tolist(), "score": 0.8})
    path.write_text(json.dumps(records))
    return path


SCATTERED = np.random.default_rng(1).choice(580_000, 150, replace=False).tolist()
DENSE = np.random.default_rng(2).choice(2_000, 150, replace=False).tolist()


@pytest.mark.parametrize("numbers", [sorted(SCATTERED), SCATTERED, sorted(DENSE), list(range(150))])
@pytest.mark.parametrize("people", [1, 4])
def test_photographs_stay_as_they_are(tmp_path: Path, numbers: list[int], people: int) -> None:
    clip = photographs(tmp_path / "val.json", numbers, people)
    done = smooth_table(formats.read(clip, fps=30.0), SmoothingSettings())
    formats.write(done.table, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == clip.read_bytes()
    assert done.notes == (UNRELATED,)


def test_a_long_file_of_photographs_stays_as_it_is(
    smooth: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = photographs(tmp_path / "val.json", sorted(SCATTERED))
    monkeypatch.setattr(blocks, "LONG_BYTES", 1000)
    assert smooth(clip, f"--output={tmp_path / 'out.json'}", "--fps=30").code == 0
    assert (tmp_path / "out.json").read_bytes() == clip.read_bytes()


def test_real_photographs_stay_as_they_are(shared_data: Path) -> None:
    path = shared_data / "interop" / "coco_person_keypoints_val2014_fakekeypoints100_results.json"
    table = formats.read(path, fps=30.0)
    done = smooth_table(table, SmoothingSettings())
    np.testing.assert_array_equal(done.table.keypoints, table.keypoints)
    assert done.notes == (UNRELATED,)


@pytest.mark.parametrize("share", [1.0, 0.3, 0.1])
def test_a_video_of_few_detections_is_a_video(share: float) -> None:
    table = recording(600, people=2, ids=False)
    rows = np.random.default_rng(0).random(len(table.frames)) < share
    fields = ("frames", "people", "keypoints", "confidence", "provenance", "deviation")
    table = table.with_(**{field: getattr(table, field)[rows] for field in fields})
    for numbers in (table.frame_numbers, np.unique(table.frames)):
        done = smooth_table(table.with_(frame_numbers=numbers), SmoothingSettings(method="gaussian"))
        assert UNRELATED not in done.notes
        assert (done.table.keypoints[: rows.sum()] != table.keypoints).any()


def test_a_video_full_of_wrong_detections_is_a_video() -> None:
    table = recording(300, people=1, ids=False)
    random = np.random.default_rng(0)
    frames = np.concatenate([table.frames, random.integers(0, 300, 900)])
    wrong = random.uniform(0, 2000, (900, 1, 2)) + random.uniform(0, 200, (900, 17, 2))
    values = {
        "frame_numbers": np.arange(300),
        "keypoints": np.concatenate([table.keypoints, wrong]),
        "confidence": np.concatenate([table.confidence, np.full((900, 17), 0.4)]),
        "people": np.full(len(frames), -1),
        "provenance": np.zeros((len(frames), 17), np.uint8),
        "deviation": np.full((len(frames), 17), np.nan),
    }
    assert (
        UNRELATED not in smooth_table(table.with_(frames=frames, **values), SmoothingSettings(method="gaussian")).notes
    )


@pytest.mark.usefixtures("short_blocks")
def test_copies_are_the_same_in_blocks(smooth: Callable[..., Any], tmp_path: Path) -> None:
    table = recording(500, people=2, ids=False)
    again = np.flatnonzero(np.random.default_rng(0).random(len(table.frames)) < 0.1)
    rows = np.sort(np.concatenate([np.arange(len(table.frames)), again]), kind="stable")
    copied = np.append(False, np.diff(rows) == 0)
    fields = ("frames", "people", "keypoints", "confidence", "provenance", "deviation")
    table = table.with_(**{field: getattr(table, field)[rows] for field in fields})
    table.keypoints[copied] += np.random.default_rng(1).normal(0, 2, table.keypoints[copied].shape)
    table.confidence[copied] *= 0.5
    clip = written(tmp_path / "clip", "openpose", table)
    for name, block in (("memory", "--block_seconds=0"), ("blocks", ALWAYS)):
        assert smooth(clip, f"--output={tmp_path / name}", block, "--fps=30", "--method=gaussian").code == 0
    files = sorted(path.name for path in (tmp_path / "memory").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "blocks").iterdir())
    for name in files:
        assert (tmp_path / "memory" / name).read_bytes() == (tmp_path / "blocks" / name).read_bytes()
    done = formats.read(tmp_path / "blocks")
    assert (done.people < 0).sum() == copied.sum()
    # As long apart as 80 frames, somebody is a new one.
    assert len(np.unique(done.people)) <= 1 + 2 + 5
