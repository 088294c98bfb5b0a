"""JSON pose files in blocks: the tables and the bytes that reading and writing them whole gives."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from malformed_files import CASES
from pose_files import SAMPLES, flat

from kerasmooth import formats
from kerasmooth.errors import InputError
from kerasmooth.formats import json_blocks, json_stream
from kerasmooth.formats.block_file import WholeOnly
from kerasmooth.formats.instance_blocks import MMPoseBlocks, UltralyticsBlocks
from kerasmooth.formats.json_blocks import JsonBlocks
from kerasmooth.formats.record_blocks import RecordBlocks

JSON_LISTS = ("coco", "alphapose", "mmpose", "ultralytics")
LAYOUTS: list[Any] = [{"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}]
REAL = {
    "interop/alphapose_halpe_results_jackthgu.json": "alphapose",
    "interop/coco_person_keypoints_val2014_fakekeypoints100_results.json": "coco",
}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", 1000)


def opened(path: Path, name: str) -> JsonBlocks:
    form = formats.FORMATS[name]
    if name in ("coco", "alphapose"):
        return RecordBlocks(form, path, None, None)  # type: ignore[arg-type]
    return MMPoseBlocks(path, None, None) if name == "mmpose" else UltralyticsBlocks(path, None, None)


def surveyed(path: Path, name: str, size: int) -> JsonBlocks:
    file = opened(path, name)
    for _ in file.survey(size):
        pass
    return file


def rewritten(file: JsonBlocks, size: int, path: Path) -> bytes:
    """The file with its keypoints moved, in blocks."""
    rows = 0
    with file.writer(path) as writer:
        for table in file.blocks(size):
            writer.write(table.with_(keypoints=table.keypoints + shifts(rows, len(table.frames))))
            rows += len(table.frames)
    return path.read_bytes()


def shifts(first: int, rows: int) -> np.ndarray:
    """A quarter of a pixel for every third row of the file."""
    return np.where((first + np.arange(rows)) % 3 == 0, 0.25, 0)[:, None, None]


def check_same(path: Path, name: str, size: int, folder: Path) -> None:
    whole = formats.read(path, format_name=name)
    file = surveyed(path, name, size)
    tables = list(file.blocks(size))
    assert all(len(table.frame_numbers) <= size for table in tables)
    for field in ("frames", "people", "keypoints", "confidence", "frame_numbers"):
        joined = np.concatenate([getattr(table, field) for table in tables])
        np.testing.assert_array_equal(joined, getattr(whole, field), err_msg=field)
    assert {(table.unit, table.skeleton) for table in tables} == {(whole.unit, whole.skeleton)}
    formats.write(whole.with_(keypoints=whole.keypoints + shifts(0, len(whole.frames))), folder / "whole.json")
    assert rewritten(file, size, folder / "blocks.json") == (folder / "whole.json").read_bytes()


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("name", JSON_LISTS)
def test_small_files(tmp_path: Path, name: str, size: int) -> None:
    path, _ = SAMPLES[name](tmp_path)
    check_same(path, name, size, tmp_path)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", JSON_LISTS)
def test_layouts(tmp_path: Path, name: str, layout: Any) -> None:
    path, _ = SAMPLES[name](tmp_path)
    value = json.loads(path.read_text())
    people = {"mmpose": lambda: value["instance_info"][0]["instances"], "ultralytics": lambda: value[0]}
    people.get(name, lambda: value)()[-1]["note"] = {"é": [[], {}, None, 1e-7]}
    start, end = ("\ufeff", "\r\n") if "indent" in layout else ("", "")
    path.write_bytes((start + json.dumps(value, **layout) + end).encode())
    check_same(path, name, 1, tmp_path)


@pytest.mark.parametrize("name", REAL)
def test_real_files(shared_data: Path, tmp_path: Path, name: str) -> None:
    path = shared_data / name
    value = json.loads(path.read_text())
    ordered = tmp_path / "ordered.json"
    ordered.write_text(json.dumps(sorted(value, key=lambda record: str(record["image_id"]).rjust(30, "0"))))
    check_same(ordered, REAL[name], 7, tmp_path)


def coco_file(path: Path, images: list[Any], *scores: Any, **more: Any) -> Path:
    records = []
    for i, image in enumerate(images):
        keypoints = flat(17, i)
        keypoints[2::3] = [scores[(i + k) % len(scores)] if scores else 0.5 for k in range(17)]
        records.append({"image_id": image, "category_id": 3, "keypoints": keypoints, "score": 0.5} | more)
    path.write_text(json.dumps(records))
    return path


@pytest.mark.parametrize(
    ("images", "scores"),
    [
        ([1, 1, 2, 5, 5, 5, 9], ()),
        ([1, 2, 3, 4, 5, 6], (0, 1, 2)),
        ([1, 2, 3, 4, 5, 6], (1, 1, 0)),
        ([1, 2, 3, 4, 5, 6], (2, 2, 2, 2, 2, 2, 0.5, 0, 1)),
        ([1.0, 2, 3.0, 3, 4], ()),
        (["a_08.jpg", "a_09.jpg", "a_10.jpg", "b_11.jpg"], ()),
        (["8.png", "9.png", "10.png"], ()),
        (["08.png", "9.png", "010.png"], ()),
    ],
)
def test_images_and_scores_are_told_from_the_whole_file(tmp_path: Path, images: list[Any], scores: Any) -> None:
    path = coco_file(tmp_path / "some.json", images, *scores)
    for size in (1, 2):
        check_same(path, "coco", size, tmp_path)


@pytest.mark.parametrize(
    ("images", "added", "name"),
    [([7, 8, 11, 12], 9, 9), (["x07.jpg", "x08.jpg", "x11.jpg"], 9, "x09.jpg"), (["8.jpg", "12.jpg"], 9, "9.jpg")],
)
def test_added_people_are_named_as_the_others(tmp_path: Path, images: list[Any], added: int, name: Any) -> None:
    """A late block's new record follows the first record of the file, which that block does not hold."""
    from added_rows import with_row

    path = coco_file(tmp_path / "some.json", images)
    file = surveyed(path, "coco", 1)
    with file.writer(tmp_path / "out.json") as writer:
        for table in file.blocks(1):
            writer.write(with_row(table, added, 4) if table.frames[0] == added - 1 else table)
    records = json.loads((tmp_path / "out.json").read_text())
    (new,) = [record for record in records if record["image_id"] == name]
    assert (new["category_id"], new["track_id"]) == (3, 4)
    assert [record["image_id"] for record in records if record is not new] == images


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        ([1, 2, 1], "not in order"),
        ([3, 2], "not in order"),
        (["a", "b"], "not numbered"),
        (["a1", "b1"], "not in order"),
        (["2.jpg", "10.jpg", "9.jpg"], "not in order"),
    ],
)
def test_other_orders_are_left_to_memory(tmp_path: Path, images: list[Any], reason: str) -> None:
    path = coco_file(tmp_path / "some.json", images)
    for size in (1, 100):
        with pytest.raises(WholeOnly, match="not"):
            surveyed(path, "coco", size)
    with pytest.raises(WholeOnly, match=reason):
        surveyed(path, "coco", 1)
    formats.read(path)


def test_frames_without_keypoints_and_blocks_of_nobody(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    records: list[Any] = [{"image_id": i, "keypoints": []} for i in range(6)]
    records[4] = {"image_id": 4, "keypoints": flat(3, 1)}
    path.write_text(json.dumps(records))
    check_same(path, "coco", 1, tmp_path)
    entries: list[Any] = [{"frame_id": i, "instances": []} for i in range(6)]
    entries[4]["instances"] = [{"keypoints": [[1, 2], [3, 4]], "keypoint_scores": [1, 0.5]}]
    names = {"0": "nose", "1": "tail"}
    for meta in ({}, {"meta_info": {"keypoint_id2name": names}}):
        for value in ({**meta, "instance_info": entries}, {"instance_info": entries, **meta}, entries):
            path.write_text(json.dumps(value, indent=1))
            check_same(path, "mmpose", 1, tmp_path)


@pytest.mark.parametrize("largest", [0.75, 3.0])
def test_shares_of_the_image_are_told_from_the_whole_file(tmp_path: Path, largest: float) -> None:
    path = tmp_path / "some.json"
    values = [0.25, 0.5, largest, 0.5]
    people = [{"keypoints": {"x": [0.125, value], "y": [0.5, 0.25], "visible": [1, 1]}} for value in values]
    path.write_text(json.dumps([[person] for person in people] + [[]]))
    check_same(path, "ultralytics", 1, tmp_path)
    assert formats.read(path, format_name="ultralytics").unit == ("px" if largest > 1.5 else "normalised")


def outcome(path: Path, name: str, size: int) -> str:
    """What is told of a bad file."""
    try:
        surveyed(path, name, size)
    except WholeOnly:
        return "memory"
    except InputError as error:
        return str(error)
    return "good"


@pytest.mark.parametrize("title", [title for title, (name, *_) in CASES.items() if name in JSON_LISTS])
def test_bad_files(tmp_path: Path, title: str) -> None:
    name, _, make = CASES[title]
    path = make(tmp_path)
    for size in (1, 1000):
        told = outcome(path, name, size)
        assert told == "memory" or (told.startswith(f"{path}: ") and "\n" not in told)


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ('{"image_id": 700, "keypoints": [1, 2, "x"]}', "keypoints must hold numbers, received x"),
        ('{"image_id": 700, "keypoints": [1e300, 2, 1]}', "received 1e+300 (frame 700, keypoint 0)"),
        ('{"image_id": 700, "keypoints": [1, 2, 1, 3]}', "keypoints of record 700 must hold"),
        ('{"image_id": 700, "keypoints": [1, 2, 1, 3, 4, 1]}', "one skeleton a file"),
        ('{"image_id": 700, "keypoints" [1, 2, 1]}', "line 701 column 31 (Expecting ':' delimiter)"),
        ('{"image_id": 700, "keypoints": [1, 2, 1}', "line 701 column 40 (Expecting ',' delimiter)"),
        ('{"image_id": "x", "keypoints": [1, 2, 1]}', "all texts or all whole numbers"),
        ('{"image_id": 0.5, "keypoints": [1, 2, 1]}', "image_id must be a whole number, received 0.5"),
        ('{"keypoints": [1, 2, 1]}', "record 700 must have an image_id"),
        ("[7]", "be a list of objects, one a person, received [7]"),
    ],
)
def test_a_late_fault_is_told_with_its_place(tmp_path: Path, spoilt: str, told: str) -> None:
    path = tmp_path / "some.json"
    lines = [json.dumps({"image_id": i, "keypoints": [i, 1.5, 0.5]}) for i in range(1000)]
    lines[700] = spoilt
    path.write_text("[" + ",\n".join(lines) + "]")
    for size, place in ((1, "element 700 of"), (64, "elements 640 to 703 of"), (5000, "elements 0 to 999 of")):
        said = outcome(path, "coco", size)
        assert told in said
        assert place in said or "line 701" in said


def test_crowds_and_long_frames_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = coco_file(tmp_path / "some.json", [4] * 1001 + [5])
    assert "be at most 1,000 a frame" in outcome(path, "coco", 1)
    monkeypatch.setattr(json_blocks, "MAX_BLOCK_CHARACTERS", 5000)
    assert outcome(path, "coco", 1) == "memory"
    path = coco_file(tmp_path / "some.json", list(range(500)))
    file = surveyed(path, "coco", 400)
    assert max(len(table.frames) for table in file.blocks(400)) < 30
    check_same(path, "coco", 400, tmp_path)
