"""Files of photographs, which are no video; and of videos, however little is seen in them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import recording

from kerasmooth import formats
from kerasmooth.pose_files.table_smoothing import smooth_table
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
    assert done.unrelated


def test_people_of_one_photograph_get_no_ids(tmp_path: Path) -> None:
    clip = photographs(tmp_path / "one.json", [7], people=9)
    done = smooth_table(formats.read(clip, fps=30.0), SmoothingSettings())
    assert len(done.table.frames) > 1
    formats.write(done.table, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == clip.read_bytes()


def test_real_photographs_stay_as_they_are(shared_data: Path) -> None:
    path = shared_data / "interop" / "coco_person_keypoints_val2014_fakekeypoints100_results.json"
    table = formats.read(path, fps=30.0)
    done = smooth_table(table, SmoothingSettings())
    np.testing.assert_array_equal(done.table.keypoints, table.keypoints)
    assert done.unrelated


@pytest.mark.parametrize("share", [1.0, 0.3, 0.1])
def test_a_video_of_few_detections_is_a_video(share: float) -> None:
    table = recording(600, people=2, ids=False)
    rows = np.random.default_rng(0).random(len(table.frames)) < share
    fields = ("frames", "people", "keypoints", "confidence", "provenance", "deviation")
    table = table.with_(**{field: getattr(table, field)[rows] for field in fields})
    for numbers in (table.frame_numbers, np.unique(table.frames)):
        done = smooth_table(table.with_(frame_numbers=numbers), SmoothingSettings(method="gaussian"))
        assert not done.unrelated
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
    assert not smooth_table(table.with_(frames=frames, **values), SmoothingSettings(method="gaussian")).unrelated
