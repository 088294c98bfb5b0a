"""Every format written from a table of another: a fresh file that its own reader, and a plain parser, understands."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from pose_files import SAMPLES

from kerasmooth import formats
from kerasmooth.errors import InputError
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import COCO_17

NOT_FRESH = {"climbalong", "nwb"}
TARGETS = [name for name in formats.FORMATS if name not in NOT_FRESH]
ONE_PERSON = {"trc", "speed21"}
NO_CONFIDENCE = {"trc", "speed21"}
KEEPS_EMPTY_FRAMES = set(TARGETS) - {"coco", "alphapose", "ultralytics_txt", "parquet"}


def table_of(people: int) -> PoseTable:
    """`people` in frames 2, 3 and 5 of 2, 3, 4, 5; the second keypoint of the first row is missing."""
    frames = np.repeat([2, 3, 5], people)
    ids = np.tile(np.arange(people), 3)
    keypoints = np.random.default_rng(0).uniform(10, 400, (len(frames), 17, 2))
    confidence = np.full((len(frames), 17), 0.75)
    keypoints[0, 1], confidence[0, 1] = np.nan, 0
    return PoseTable(frames, ids, keypoints, confidence, np.arange(2, 6), COCO_17, fps=25.0, image_size=(480, 640))


def order_of(table: PoseTable) -> np.ndarray:
    """The rows with somebody, by frame and person: in a tidy table frames without anybody have rows too."""
    order = np.lexsort((table.people, table.frames))
    return order[np.isfinite(table.keypoints[order]).any(axis=(1, 2))]


def suffix_of(name: str) -> str:
    return formats.FORMATS[name].suffix


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("people", [1, 2])
def test_a_fresh_file_holds_the_table(target: str, people: int, tmp_path: Path) -> None:
    table = table_of(people)
    out = tmp_path / f"out{suffix_of(target)}"
    if people > 1 and target in ONE_PERSON:
        with pytest.raises(InputError, match="must be one in"):
            formats.write(table, out, target)
        assert not out.exists()
        return
    formats.write(table, out, target)
    assert formats.detect(out).name == target
    again = formats.read(out, image_size=(480, 640))
    order = order_of(again)
    keypoints = again.keypoints[order] * ([640, 480] if again.unit == "normalised" else [1, 1])
    with_ids = set(TARGETS) - ONE_PERSON - {"mediapipe_json"}
    assert again.frames[order].tolist() == table.frames.tolist()
    np.testing.assert_allclose(keypoints, table.keypoints, rtol=1e-12)
    if target in with_ids:
        assert again.people[order].tolist() == table.people.tolist()
    if target not in NO_CONFIDENCE:
        known = ~np.isnan(again.confidence[order])
        np.testing.assert_allclose(again.confidence[order][known], table.confidence[known])
    if target in KEEPS_EMPTY_FRAMES:
        assert set(again.frame_numbers.tolist()) >= {2, 3, 4, 5}


@pytest.mark.parametrize("target", sorted(set(TARGETS) - ONE_PERSON))
@pytest.mark.parametrize(
    "sample", ["alphapose", "deeplabcut_multi", "sleap", "arrays", "climbalong", "mediapipe", "openpose"]
)
def test_every_file_becomes_every_other(sample: str, target: str, tmp_path: Path) -> None:
    table = formats.read(SAMPLES[sample](tmp_path)[0], fps=25, image_size=(480, 640))
    out = tmp_path / f"converted{suffix_of(target)}"
    formats.write(table, out, target)
    again = formats.read(out, image_size=(480, 640))
    rows, others = order_of(table), order_of(again)
    here = table.keypoints[rows] * ([640, 480] if table.unit == "normalised" else [1, 1])
    there = again.keypoints[others] * ([640, 480] if again.unit == "normalised" else [1, 1])
    assert again.frames[others].tolist() == table.frames[rows].tolist()
    np.testing.assert_allclose(there, here, rtol=1e-9)


def test_plain_parsers_understand_fresh_files(tmp_path: Path) -> None:
    table = table_of(1)
    x, y = table.keypoints[0, 0]
    for name in ("coco", "openpose", "deeplabcut", "sleap", "trc"):
        formats.write(table, tmp_path / f"a{suffix_of(name)}" if name != "openpose" else tmp_path / "frames", name)
    first = json.loads((tmp_path / "a.json").read_text())[0]
    assert (first["image_id"], first["keypoints"][:6], first["category_id"]) == (2, [x, y, 0.75, 0, 0, 0], 1)
    files = sorted((tmp_path / "frames").iterdir())
    assert [file.name for file in files] == [f"frames_{i:012d}_keypoints.json" for i in (2, 3, 4, 5)]
    assert json.loads(files[2].read_text())["people"] == []
    with (tmp_path / "a.csv").open() as stream:
        lines = list(csv.reader(stream))
    assert [line[0] for line in lines] == ["scorer", "bodyparts", "coords", "2", "3", "4", "5"]
    assert lines[3][1:7] == [repr(float(x)), repr(float(y)), "0.75", "", "", "0.0"]
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["tracks"].shape == (1, 2, 17, 6)
        assert file["tracks"][0, :, 0, 2].tolist() == [x, y]
        assert file["node_names"][0] == b"nose"
        assert (file["instance_scores"].shape, file["tracking_scores"].shape) == ((1, 6), (1, 6))
        assert file["edge_names"][0].tolist() == [name.encode() for name in ("left_shoulder", "right_shoulder")]
    lines = [line.split("\t") for line in (tmp_path / "a.trc").read_text().splitlines()]
    assert lines[2][:5] == ["25", "25", "4", "17", "px"]
    assert lines[5][:5] == ["2", "0.08", repr(float(x)), repr(float(y)), "0.0"]


def test_y_upwards_and_shares_become_pixels(tmp_path: Path) -> None:
    table = formats.read(SAMPLES["mediapipe_long"](tmp_path)[0])
    with pytest.raises(InputError, match="give the image size"):
        formats.write(table, tmp_path / "o.json", "coco")
    formats.write(table.with_(image_size=(600, 400)), tmp_path / "o.json", "coco")
    np.testing.assert_array_equal(formats.read(tmp_path / "o.json").keypoints[0, 0], (200.5, 600 - 500))
    metres = formats.read(SAMPLES["trc"](tmp_path)[0], image_size=(600, 400))
    with pytest.raises(InputError, match="coordinates in 'm'"):
        formats.write(metres, tmp_path / "m.json", "coco")
    assert not (tmp_path / "m.json").exists()


def test_trc_needs_a_frame_rate_and_shares_an_image_size(tmp_path: Path) -> None:
    table = table_of(1)
    with pytest.raises(InputError, match="give --fps"):
        formats.write(table.with_(fps=None), tmp_path / "o.trc", "trc")
    with pytest.raises(InputError, match="give the image size"):
        formats.write(table.with_(image_size=None), tmp_path / "labels", "ultralytics_txt")
    with pytest.raises(InputError, match="format must be named"):
        formats.write(table, tmp_path / "o")


def test_heatmaps_cannot_be_written(tmp_path: Path) -> None:
    table = formats.read(SAMPLES["climbalong"](tmp_path)[0])
    with pytest.raises(InputError, match="write npz instead"):
        formats.write(table, tmp_path / "o.npz")


@pytest.mark.parametrize("target", TARGETS)
def test_a_table_without_anyone_is_written_too(target: str, tmp_path: Path) -> None:
    table = PoseTable(
        np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 17, 2)), np.empty((0, 17)), np.arange(3), COCO_17,
        fps=25.0, image_size=(480, 640),
    )  # fmt: skip
    out = tmp_path / f"out{suffix_of(target)}"
    formats.write(table, out, target)
    assert out.exists()
    if target not in ("ultralytics_txt", "openpifpaf"):
        assert not np.isfinite(formats.read(out, format_name=target).keypoints).any()
