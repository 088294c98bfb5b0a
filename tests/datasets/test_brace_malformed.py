"""Damaged BRACE files: one line that names file, field, what was received and the remedy."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raw_builders import (
    BRACE_TABLES,
    brace_content,
    brace_person,
    check_message,
    claim_shape,
    cut,
    flip,
    make_folder,
    write_brace,
    write_brace_tables,
    write_manual,
)

from kerasmooth.datasets import Brace
from kerasmooth.errors import InputError

SOURCE = "dataset/2019/abc/abc_100-103_toprock.json"
FRAME = "abc/img-000102.png"


def frame_with(value: Any) -> dict[str, Any]:
    """A file whose third frame holds `value`."""
    return brace_content() | {FRAME: value}


def keypoints_with(value: Any) -> dict[str, Any]:
    return frame_with({"keypoints": value})


def point_with(value: Any) -> dict[str, Any]:
    """A file whose left elbow in the third frame is `value`."""
    person: list[Any] = list(brace_person(102))
    person[7] = value
    return keypoints_with(person)


def repeated_key() -> str:
    one = json.dumps(brace_content([100]))[1:-1]
    return "{" + one + "," + one + "}"


CONTENT_CASES: dict[str, tuple[str, Any]] = {
    "not JSON": ("content", "frames: none"),
    "blank": ("content", " \n"),
    "trailing text": ("content", json.dumps(brace_content()) + "}"),
    "not UTF-8": ("content", b'{"\xff\xfe": 1}'),
    "UTF-16": ("content", json.dumps(brace_content()).encode("utf-16")),
    "zeros": ("content", bytes(100)),
    "a list": ("content", [1, 2]),
    "null": ("content", "null"),
    "a number": ("content", "7"),
    "a text": ("content", '"keypoints"'),
    "no frames": ("content", "{}"),
    "NaN": ("content", json.dumps(point_with([np.nan, 1.0, 1.0]))),
    "Infinity": ("content", json.dumps(point_with([np.inf, 1.0, 1.0]))),
    "-Infinity as a score": ("content", json.dumps(point_with([1.0, 1.0, -np.inf]))),
    "nested without end": ("content", "[" * 100_000),
    "a whole number of 5,000 digits": ("content", json.dumps(point_with([0, 1, 1])).replace("[0,", f"[{'9' * 5000},")),
    "a frame twice": ("key 'abc/img-000100.png'", repeated_key()),
    "a key twice in a frame": ("key 'keypoints'", '{"img-1": {"keypoints": null, "keypoints": []}}'),
    "two frames with one number": ("frame names", brace_content() | {"copy-102.jpg": {"keypoints": brace_person(0)}}),
    "a frame name without number": ("frame name", brace_content() | {"abc/img.png": {"keypoints": []}}),
    "an empty frame name": ("frame name", brace_content() | {"": {"keypoints": []}}),
    "a frame number of ten digits": ("frame name", brace_content() | {"img-1234567890.png": {"keypoints": []}}),
    "a frame name in other digits": ("frame name", brace_content() | {"img-٣٤": {"keypoints": []}}),
    "a frame that is a list": (f"frame '{FRAME}'", frame_with([1, 2])),
    "a frame that is null": (f"frame '{FRAME}'", frame_with(None)),
    "a frame without keypoints": (f"frame '{FRAME}'", frame_with({"box": [1, 2, 3, 4, 1]})),
    "keypoints that are a number": (f"frame '{FRAME}': keypoints", keypoints_with(17)),
    "keypoints that are a text": (f"frame '{FRAME}': keypoints", keypoints_with("a" * 17)),
    "keypoints that are a mapping": (f"frame '{FRAME}': keypoints", keypoints_with({"nose": [1, 2, 3]})),
    "16 keypoints": (f"frame '{FRAME}': keypoints", keypoints_with(brace_person(0)[:16])),
    "18 keypoints": (f"frame '{FRAME}': keypoints", keypoints_with([*brace_person(0), [1, 2, 1]])),
    "one flat list": (f"frame '{FRAME}': keypoints", keypoints_with([1.0] * 51)),
    "17 numbers": (f"frame '{FRAME}': keypoints[0]", keypoints_with([1.0] * 17)),
    "a point of two": (f"frame '{FRAME}': keypoints[7]", point_with([1.0, 2.0])),
    "a point of four": (f"frame '{FRAME}': keypoints[7]", point_with([1.0, 2.0, 1.0, 1.0])),
    "a point that is null": (f"frame '{FRAME}': keypoints[7]", point_with(None)),
    "a point that is a text": (f"frame '{FRAME}': keypoints[7]", point_with("abc")),
    "a coordinate that is a text": (f"frame '{FRAME}': keypoints[7]", point_with(["1", 2.0, 1.0])),
    "a coordinate that is null": (f"frame '{FRAME}': keypoints[7]", point_with([1.0, None, 1.0])),
    "a coordinate that is true": (f"frame '{FRAME}': keypoints[7]", point_with([True, 2.0, 1.0])),
    "a coordinate that is a list": (f"frame '{FRAME}': keypoints[7]", point_with([[1.0], 2.0, 1.0])),
    "a coordinate that overflows": ("keypoints", json.dumps(point_with([8, 1.0, 1.0])).replace("[8,", "[1e999,")),
    "a coordinate far out": ("keypoints", point_with([1.0, -1e9, 1.0])),
    "a whole number above every float": ("keypoints", point_with([10**400, 1.0, 1.0])),
    "a score that overflows": ("keypoints", json.dumps(point_with([1.0, 1.0, 8])).replace(" 8]", " 1e999]")),
}


def check_read(raw_dir: Path, path: Path, field: str, source: str = SOURCE) -> None:
    with pytest.raises(InputError) as error:
        Brace(raw_dir).read(source)
    check_message(error, str(path), f": {field} must ")


@pytest.mark.parametrize(("field", "content"), CONTENT_CASES.values(), ids=list(CONTENT_CASES))
def test_bad_json_is_named(tmp_path: Path, field: str, content: Any) -> None:
    check_read(tmp_path, write_brace(tmp_path, content), field)


FILE_CASES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "empty": ("content", lambda path: path.write_bytes(b"")),
    "a folder": ("path", make_folder),
    "absent": ("path", lambda path: path.unlink()),
    "a pipe": ("path", lambda path: (path.unlink(), os.mkfifo(path))),
    "cut in the middle": ("content", lambda path: cut(path, 0.5)),
    "last byte lost": ("content", lambda path: path.write_bytes(path.read_bytes()[:-1])),
    "bytes flipped": ("content", lambda path: flip(path, 0.5)),
    "too large": ("content", lambda path: os.truncate(path, 65 << 20)),
}


@pytest.mark.parametrize(("field", "damage"), FILE_CASES.values(), ids=list(FILE_CASES))
def test_a_damaged_file_is_named(tmp_path: Path, field: str, damage: Callable[[Path], object]) -> None:
    path = write_brace(tmp_path)
    damage(path)
    check_read(tmp_path, path, field)


JOINTS = np.array(brace_person(101))


def joint_with(value: float) -> np.ndarray:
    joints = JOINTS.copy()
    joints[3, 1] = value
    return joints


MANUAL_CASES: dict[str, tuple[str, Any]] = {
    "16 joints": ("coco_joints2d", JOINTS[:16]),
    "one column": ("coco_joints2d", JOINTS[:, :1]),
    "a third axis": ("coco_joints2d", JOINTS[None]),
    "no axis": ("coco_joints2d", np.float64(3)),
    "text": ("coco_joints2d", JOINTS.astype(str)),
    "objects": ("coco_joints2d", JOINTS.astype(object)),
    "complex": ("coco_joints2d", JOINTS + 1j),
    "NaN": ("coco_joints2d", joint_with(np.nan)),
    "inf": ("coco_joints2d", joint_with(np.inf)),
    "far out": ("coco_joints2d", joint_with(1e7)),
    "empty array": ("coco_joints2d", np.empty((0, 3))),
    "another name": ("coco_joints2d", None),
}


@pytest.mark.parametrize(("field", "joints"), MANUAL_CASES.values(), ids=list(MANUAL_CASES))
def test_a_bad_manual_frame_is_named(tmp_path: Path, field: str, joints: Any) -> None:
    write_brace(tmp_path)
    check_read(tmp_path, write_manual(tmp_path, joints, other=JOINTS), field)


MANUAL_FILE_CASES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "empty file": ("content", lambda path: path.write_bytes(b"")),
    "a folder": ("path", make_folder),
    "text file": ("content", lambda path: path.write_text("17 joints")),
    "an array without archive": ("content", lambda path: path.write_bytes(b"\x93NUMPY\x01\x00" + bytes(80))),
    "cut": ("content", lambda path: cut(path, 0.6)),
    "bytes flipped": ("coco_joints2d", lambda path: flip(path, 0.5)),
    "claims a trillion rows": ("coco_joints2d", lambda path: claim_shape(path, "coco_joints2d", (10**12, 3))),
    "claims more rows": ("coco_joints2d", lambda path: claim_shape(path, "coco_joints2d", (17, 3))),
    "claims negative rows": ("coco_joints2d", lambda path: claim_shape(path, "coco_joints2d", (-2, -4))),
    "a second file of the frame": ("frame 101", lambda path: path.with_name("abc_101.npz").write_bytes(b"x")),
}


@pytest.mark.parametrize(("field", "damage"), MANUAL_FILE_CASES.values(), ids=list(MANUAL_FILE_CASES))
def test_a_damaged_manual_file_is_named(tmp_path: Path, field: str, damage: Callable[[Path], object]) -> None:
    write_brace(tmp_path)
    path = write_manual(tmp_path, JOINTS)
    damage(path)
    check_read(tmp_path, path, field)


def test_a_manual_file_without_number_is_named(tmp_path: Path) -> None:
    write_brace(tmp_path)
    check_read(tmp_path, write_manual(tmp_path, JOINTS, "corrected.npz"), "frame name")


def test_a_manual_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    write_brace(tmp_path)
    path = tmp_path / "manual_keypoints" / "2019" / "abc"
    path.parent.mkdir(parents=True)
    path.write_text("")
    check_read(tmp_path, path, "path")


def test_a_file_at_another_depth_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dataset" / "2019" / "loose.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    assert Brace(tmp_path).list_sources() == ["dataset/2019/loose.json"]
    check_read(tmp_path, path, "path", "dataset/2019/loose.json")


def table(name: str, *changes: tuple[str, str]) -> dict[str, str]:
    """One table with texts replaced."""
    text = "\n".join(BRACE_TABLES[f"{name}.csv"]) + "\n"
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return {name: text}


TABLE_CASES: dict[str, tuple[str, dict[str, str]]] = {
    "no video_id": ("video_id", table("videos_info", ("video_id", "video"))),
    "no year": ("year", table("videos_info", ("year", "season"))),
    "no fps": ("fps", table("videos_info", ("fps", "rate"))),
    "no resolution": ("resolution", table("videos_info", ("resolution", "size"))),
    "fps twice": ("fps", table("videos_info", ("duration", "fps"))),
    "fps text": ("line 2: fps", table("videos_info", (",60,", ",sixty,"))),
    "fps zero": ("line 2: fps", table("videos_info", (",60,", ",0,"))),
    "fps negative": ("line 3: fps", table("videos_info", (",25,", ",-25,"))),
    "fps NaN": ("line 2: fps", table("videos_info", (",60,", ",nan,"))),
    "fps infinite": ("line 2: fps", table("videos_info", (",60,", ",inf,"))),
    "fps huge": ("line 2: fps", table("videos_info", (",60,", ",60000,"))),
    "resolution text": ("line 2: resolution", table("videos_info", ("1920x1080", "full HD"))),
    "resolution zero": ("line 2: resolution", table("videos_info", ("1920x1080", "1920x0"))),
    "resolution negative": ("line 2: resolution", table("videos_info", ("1920x1080", "-1920x1080"))),
    "resolution of three": ("line 2: resolution", table("videos_info", ("1920x1080", "1920x1080x3"))),
    "a cell short": ("line 2: row", table("videos_info", (",1920x1080", ""))),
    "a cell too many": ("line 2: row", table("videos_info", ("1920x1080", "1920x1080,x"))),
    "a video twice": ("line 3: video_id, year", table("videos_info", ("2020", "2019"))),
    "a quote without end": ("content", table("videos_info", ("1280x720", '"1280x720'))),
    "no text": ("content", {"videos_info": ""}),
    "another table": ("video_id", {"videos_info": "a;b\n1;2\n"}),
    "no start_frame": ("start_frame", table("segments", ("start_frame", "start"))),
    "no dance_type": ("dance_type", table("segments", ("dance_type,", "move,"))),
    "start_frame text": ("line 2: start_frame", table("segments", (",100,", ",first,"))),
    "end_frame negative": ("line 2: end_frame", table("segments", (",103,", ",-103,"))),
    "end_frame fraction": ("line 2: end_frame", table("segments", (",103,", ",103.5,"))),
    "end before start": ("line 3: start_frame", table("segments", (",203,", ",199,"))),
    "seq_idx empty": ("line 2: seq_idx", table("segments", ("abc,3,", "abc,,"))),
    "seq_idx huge": ("line 2: seq_idx", table("segments", ("abc,3,", "abc,3000000000,"))),
    "a segment twice": ("line 3: uid", table("segments", ("abc,4,200,203", "abc,4,100,103"))),
    "train without seq_idx": ("seq_idx", table("sequences_train", ("seq_idx", "index"))),
    "train seq_idx text": ("line 2: seq_idx", table("sequences_train", ("abc,3", "abc,x"))),
    "test and train share": ("line 2: video_id, seq_idx", table("sequences_test", ("abc,4", "abc,3"))),
}


@pytest.mark.parametrize(("field", "changes"), TABLE_CASES.values(), ids=list(TABLE_CASES))
def test_a_bad_table_is_named_before_the_work_starts(tmp_path: Path, field: str, changes: dict[str, str]) -> None:
    write_brace(tmp_path)
    write_brace_tables(tmp_path, **changes)
    with pytest.raises(InputError) as error:
        Brace(tmp_path).list_sources()
    path = tmp_path / "annotations" / f"{next(iter(changes))}.csv"
    check_message(error, str(path), field)


@pytest.mark.parametrize("damage", [make_folder, lambda path: path.write_bytes(b"video_id,\xff\xfe\n")])
def test_a_table_that_is_no_text_is_named(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    write_brace(tmp_path)
    write_brace_tables(tmp_path)
    path = tmp_path / "annotations" / "segments.csv"
    damage(path)
    with pytest.raises(InputError) as error:
        Brace(tmp_path).list_sources()
    check_message(error, str(path))


LAYOUT_CASES: dict[str, Callable[[Path], object]] = {
    "no such folder": lambda folder: None,
    "no dataset": lambda folder: folder.mkdir(),
    "dataset is a file": lambda folder: (folder.mkdir(), (folder / "dataset").write_text("")),
    "dataset is empty": lambda folder: (folder / "dataset" / "2019").mkdir(parents=True),
}


@pytest.mark.parametrize("prepare", LAYOUT_CASES.values(), ids=list(LAYOUT_CASES))
def test_a_layout_that_is_not_there_is_named(tmp_path: Path, prepare: Callable[[Path], object]) -> None:
    prepare(tmp_path / "raw")
    with pytest.raises(InputError) as error:
        Brace(tmp_path / "raw").list_sources()
    check_message(error, str(tmp_path / "raw"), "dataset/")


def test_random_damage_gives_clips_or_one_line(tmp_path: Path) -> None:
    path = write_brace(tmp_path)
    manual = write_manual(tmp_path, JOINTS)
    whole = {file: file.read_bytes() for file in (path, manual)}
    random = np.random.default_rng(1)
    refused: list[str] = []
    for file in [path, manual] * 100:
        data = np.frombuffer(whole[file], np.uint8).copy()
        places = random.integers(0, len(data), random.integers(1, 6))
        data[places] = random.integers(0, 256, len(places))
        file.write_bytes(data.tobytes()[: random.integers(1, len(data) + 1) if random.random() < 0.3 else None])
        try:
            Brace(tmp_path).read(SOURCE)
        except InputError as error:
            refused.append(str(error))
        file.write_bytes(whole[file])
    assert len(refused) > 50
    assert all("\n" not in message and str(tmp_path) in message for message in refused)
