import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from kerasmooth.clip import PoseClip
from kerasmooth.datasets import DatasetReader, ReadResult
from kerasmooth.errors import InputError
from kerasmooth.skeletons import BOULDERING_25, Skeleton
from kerasmooth.tfrecord.parts import PartMaker, load_part, prepare, quantise, restore_heatmaps

SIZE = (24, 16)
BOX = (100.0, 50.0, 132.0, 98.0)  # 16 cells of 2 px by 24 cells of 2 px


def pose_clip(**changes: object) -> PoseClip:
    fields: dict = {
        "clip_id": "d/1",
        "video_id": "d/1",
        "keypoints": np.full((3, 25, 2), (101.0, 51.0)),
        "visibility": np.ones((3, 25), bool),
        "boxes": np.tile(BOX, (3, 1)),
        "frame_numbers": np.arange(5, 8),
    }
    return PoseClip(**(fields | changes))


def test_pixels_become_cells_whose_centres_are_integers() -> None:
    keypoints = pose_clip().keypoints.copy()
    keypoints[1, 7] = (104.0, 61.0)
    prepared = prepare(pose_clip(keypoints=keypoints), SIZE)
    assert prepared.keypoints.dtype == np.float32
    np.testing.assert_array_equal(prepared.keypoints[0, 0], [0, 0])
    np.testing.assert_array_equal(prepared.keypoints[1, 7], [1.5, 5.0])
    assert prepared.visibility.all()
    assert prepared.has_box.all()


def test_outside_the_grid_is_missing_and_missing_is_zero() -> None:
    keypoints = pose_clip().keypoints.copy()
    keypoints[0, 0], keypoints[0, 1], keypoints[0, 2] = (99.0, 51.0), (131.9, 97.9), (110.0, 99.1)
    visibility = np.ones((3, 25), bool)
    visibility[2, 3] = False
    keypoints[2, 3] = np.nan
    prepared = prepare(pose_clip(keypoints=keypoints, visibility=visibility), SIZE)
    assert prepared.visibility[0, :3].tolist() == [False, True, False]
    assert not prepared.visibility[2, 3]
    assert (prepared.keypoints[~prepared.visibility] == 0).all()


def test_a_frame_without_a_box_is_unusable_and_the_others_are_not() -> None:
    boxes = np.tile(BOX, (3, 1))
    boxes[1] = np.nan
    prepared = prepare(pose_clip(boxes=boxes), SIZE)
    assert prepared.has_box.tolist() == [True, False, True]
    assert prepared.visibility.any(axis=1).tolist() == [True, False, True]
    assert np.isfinite(prepared.boxes).all()


def scores(frames: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    values = np.random.default_rng(0).normal(size=(frames, *size, 25)).astype(np.float32) * 7
    values[0, :, :, 3] = -1.0  # a detector that saw nothing
    return values


def test_a_detector_s_heatmaps_come_back_normalised_within_the_quantisation() -> None:
    raw = scores(2)
    restored = restore_heatmaps([quantise(frame) for frame in raw], (*SIZE, 25))
    positive = np.maximum(raw.astype(np.float64), 0)
    sums = positive.sum(axis=(1, 2), keepdims=True)
    expected = 255 * positive / np.where(sums > 0, sums, 1)
    step = 255 * positive.max(axis=(1, 2), keepdims=True) / 255 / np.where(sums > 0, sums, 1)
    # Half a level of rounding, and the sum of all roundings shifts the whole heatmap a little.
    assert np.all(np.abs(restored - expected) <= step / 2 + 0.01 * expected + 1e-6)
    totals = restored.sum(axis=(1, 2))
    assert totals[0, 3] == 0
    totals[0, 3] = 255
    np.testing.assert_allclose(totals, 255, rtol=1e-5)
    argmax = [array.reshape(2, -1, 25).argmax(axis=1) for array in (restored, positive)]
    np.testing.assert_array_equal(argmax[0], argmax[1])


def test_the_grid_is_that_of_the_detector() -> None:
    prepared = prepare(pose_clip(heatmaps=scores(3, (8, 12))), (56, 56))
    assert prepared.size == (8, 12)
    assert len(prepared.heatmaps) == 3


@dataclass(frozen=True)
class CountingReader(DatasetReader):
    """Reads nothing: a clip for every file, and a line in `log` for every call."""

    log: Path
    name: ClassVar[str] = "fake"
    licence: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    obtain: ClassVar[str] = ""
    skeleton: ClassVar[Skeleton] = BOULDERING_25

    def list_sources(self) -> list[str]:
        return ["a.raw", "b.raw"]

    def read(self, source: str) -> ReadResult:
        with self.log.open("a") as log:
            log.write(source + "\n")
        if source == "b.raw":
            raise InputError(f"{source}: bad: mend it")
        return ReadResult([pose_clip(clip_id=source)], {"blurred": 2})


@pytest.fixture
def maker(tmp_path: Path) -> PartMaker:
    raw, parts = tmp_path / "raw", tmp_path / "parts"
    raw.mkdir()
    parts.mkdir()
    (raw / "a.raw").write_text("1")
    (raw / "b.raw").write_text("1")
    return PartMaker(CountingReader(raw, tmp_path / "log"), parts, SIZE)


def test_a_finished_part_is_not_read_again_until_the_raw_file_changes(maker: PartMaker, tmp_path: Path) -> None:
    log = tmp_path / "log"
    part = load_part(maker.make("a.raw"))
    assert (part.source, part.clips[0].clip_id, part.dropped) == ("a.raw", "a.raw", {"blurred": 2})
    assert maker.make("a.raw") == maker.make("a.raw")
    assert log.read_text() == "a.raw\n"
    (maker.reader.raw_dir / "a.raw").write_text("22")
    maker.make("a.raw")
    assert log.read_text() == "a.raw\na.raw\n"


def test_a_bad_raw_file_leaves_no_part(maker: PartMaker) -> None:
    for source in ("b.raw", "b.raw"):
        with pytest.raises(InputError, match=r"b\.raw: bad"):
            maker.make(source)
    assert os.listdir(maker.folder) == []
