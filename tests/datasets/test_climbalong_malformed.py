"""Damaged ClimbAlong files: one line that names file, field, what was received and the remedy."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raw_builders import (
    FRAMES,
    GRID,
    check_message,
    claim_shape,
    climb_arrays,
    cut,
    flip,
    make_folder,
    write_climb,
)

from kerasmooth.datasets import ClimbAlong
from kerasmooth.errors import InputError

ARRAYS = climb_arrays()
BOXES, HEATMAPS, KEYPOINTS = ARRAYS["bboxes"], ARRAYS["heatmaps"], ARRAYS["keypoints"]


def changed(values: np.ndarray, index: tuple[int, ...], value: Any) -> np.ndarray:
    result = values.astype(np.float64)
    result[index] = value
    return result


FIELD_CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "no bboxes": ("bboxes", {"without": "bboxes"}),
    "no heatmaps": ("heatmaps", {"without": "heatmaps"}),
    "no keypoints": ("keypoints", {"without": "keypoints"}),
    "boxes of five": ("bboxes", {"bboxes": np.ones((FRAMES, 5))}),
    "boxes of three": ("bboxes", {"bboxes": BOXES[:, :3]}),
    "boxes in one row": ("bboxes", {"bboxes": BOXES.ravel()}),
    "boxes with a person axis": ("bboxes", {"bboxes": BOXES[:, None]}),
    "a number for boxes": ("bboxes", {"bboxes": 3.0}),
    "no frames": ("bboxes", {"bboxes": BOXES[:0], "heatmaps": HEATMAPS[:0], "keypoints": KEYPOINTS[:0]}),
    "boxes of text": ("bboxes", {"bboxes": BOXES.astype(str)}),
    "boxes of objects": ("bboxes", {"bboxes": BOXES.astype(object)}),
    "boxes of complex numbers": ("bboxes", {"bboxes": BOXES * 1j}),
    "a box inverted across": ("bboxes", {"bboxes": changed(BOXES, (1,), [180, 200, 100, 320])}),
    "a box inverted down": ("bboxes", {"bboxes": changed(BOXES, (1,), [100, 320, 180, 200])}),
    "a box of negative size": ("bboxes", {"bboxes": changed(BOXES, (3,), [100, 200, 99, 199])}),
    "a box that is partly NaN": ("bboxes", {"bboxes": changed(BOXES, (1, 2), np.nan)}),
    "an infinite box": ("bboxes", {"bboxes": changed(BOXES, (1, 2), np.inf)}),
    "a box from -inf to inf": ("bboxes", {"bboxes": changed(BOXES, (1,), [-np.inf, -np.inf, np.inf, np.inf])}),
    "a huge box": ("bboxes", {"bboxes": changed(BOXES, (1, 3), 1e9)}),
    "heatmaps of 24 keypoints": ("heatmaps", {"heatmaps": HEATMAPS[:, :24]}),
    "heatmaps with keypoints last": ("heatmaps", {"heatmaps": np.moveaxis(HEATMAPS, 1, -1)}),
    "heatmaps of three axes": ("heatmaps", {"heatmaps": HEATMAPS[:, 0]}),
    "heatmaps of five axes": ("heatmaps", {"heatmaps": HEATMAPS[None]}),
    "heatmaps a frame short": ("heatmaps", {"heatmaps": HEATMAPS[1:]}),
    "heatmaps a frame long": ("heatmaps", {"heatmaps": np.concatenate([HEATMAPS, HEATMAPS[:1]])}),
    "heatmaps without frames": ("heatmaps", {"heatmaps": HEATMAPS[:0]}),
    "heatmaps of one cell": ("heatmaps", {"heatmaps": HEATMAPS[..., :1, :1]}),
    "heatmaps without cells": ("heatmaps", {"heatmaps": HEATMAPS[..., :0]}),
    "heatmaps of 2,000 columns": ("heatmaps", {"heatmaps": np.zeros((FRAMES, 25, 2, 2000), np.uint8)}),
    "heatmaps with NaN": ("heatmaps", {"heatmaps": changed(HEATMAPS, (1, 2, 3, 4), np.nan)}),
    "heatmaps with inf": ("heatmaps", {"heatmaps": changed(HEATMAPS, (1, 2, 3, 4), -np.inf)}),
    "heatmaps beyond float32": ("heatmaps", {"heatmaps": changed(HEATMAPS, (1, 2, 3, 4), 1e300)}),
    "heatmaps of text": ("heatmaps", {"heatmaps": np.full((FRAMES, 25, *GRID), "0.5")}),
    "heatmaps of objects": ("heatmaps", {"heatmaps": HEATMAPS.astype(object)}),
    "heatmaps of dates": ("heatmaps", {"heatmaps": np.zeros((FRAMES, 25, *GRID), "datetime64[s]")}),
    "keypoints a frame short": ("keypoints", {"keypoints": KEYPOINTS[1:]}),
    "keypoints a frame long": ("keypoints", {"keypoints": np.concatenate([KEYPOINTS, KEYPOINTS])}),
    "keypoints without frames": ("keypoints", {"keypoints": KEYPOINTS[:0]}),
    "two people": ("keypoints", {"keypoints": np.concatenate([KEYPOINTS, KEYPOINTS], axis=1)}),
    "no person axis": ("keypoints", {"keypoints": KEYPOINTS[:, 0]}),
    "24 keypoints": ("keypoints", {"keypoints": KEYPOINTS[:, :, :24]}),
    "keypoints without flag": ("keypoints", {"keypoints": KEYPOINTS[..., :2]}),
    "keypoints of text": ("keypoints", {"keypoints": KEYPOINTS.astype(str)}),
    "keypoints of objects": ("keypoints", {"keypoints": KEYPOINTS.astype(object)}),
    "a NaN keypoint": ("keypoints", {"keypoints": changed(KEYPOINTS, (1, 0, 2, 0), np.nan)}),
    "an infinite keypoint": ("keypoints", {"keypoints": changed(KEYPOINTS, (1, 0, 2, 1), -np.inf)}),
    "a huge keypoint": ("keypoints", {"keypoints": changed(KEYPOINTS, (1, 0, 2, 1), 1e8)}),
    "a negative flag": ("keypoints", {"keypoints": changed(KEYPOINTS, (1, 0, 2, 2), -1)}),
    "a NaN flag": ("keypoints", {"keypoints": changed(KEYPOINTS, (1, 0, 2, 2), np.nan)}),
    "an infinite flag": ("keypoints", {"keypoints": changed(KEYPOINTS, (1, 0, 2, 2), np.inf)}),
}


def check_read(raw_dir: Path, path: Path, field: str) -> None:
    with pytest.raises(InputError) as error:
        ClimbAlong(raw_dir).read("input/wall.npz")
    check_message(error, str(path), f": {field} must ")


@pytest.mark.parametrize(("field", "changes"), FIELD_CASES.values(), ids=list(FIELD_CASES))
def test_a_bad_array_is_named(tmp_path: Path, field: str, changes: dict[str, Any]) -> None:
    source, target = write_climb(tmp_path, **changes)
    check_read(tmp_path, target if field == "keypoints" else source, field)


def repeat_member(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        name = archive.namelist()[-1]
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(name, archive.read(name))


def replace_members(path: Path, data: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, data)


def pretend_encrypted(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1
    data[6] |= 1
    path.write_bytes(bytes(data))


DAMAGE_CASES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "empty": ("content", lambda path: path.write_bytes(b"")),
    "a folder": ("path", make_folder),
    "absent": ("path", lambda path: path.unlink()),
    "dangling link": ("path", lambda path: (path.unlink(), path.symlink_to("nowhere"))),
    "a pipe": ("path", lambda path: (path.unlink(), os.mkfifo(path))),
    "text": ("content", lambda path: path.write_text("heatmaps\n" * 99)),
    "zeros": ("content", lambda path: path.write_bytes(bytes(5000))),
    "cut early": ("content", lambda path: cut(path, 0.1)),
    "cut late": ("content", lambda path: cut(path, 0.98)),
    "an array without archive": ("content", lambda path: path.write_bytes(b"\x93NUMPY\x01\x00" + bytes(80))),
    "only the end of an archive": ("", lambda path: path.write_bytes(b"PK\x05\x06" + bytes(18))),
    "bytes flipped": ("", lambda path: flip(path, 0.5)),
    "an array twice": ("", repeat_member),
    "members that are no arrays": ("", lambda path: replace_members(path, b"hello")),
    "members without bytes": ("", lambda path: replace_members(path, b"")),
    "members of an unknown version": ("", lambda path: replace_members(path, b"\x93NUMPY\x09\x00" + bytes(90))),
    "encrypted": ("", pretend_encrypted),
}


@pytest.mark.parametrize("which", [0, 1], ids=["input", "target"])
@pytest.mark.parametrize(("field", "damage"), DAMAGE_CASES.values(), ids=list(DAMAGE_CASES))
def test_a_damaged_file_is_named(tmp_path: Path, field: str, damage: Callable[[Path], object], which: int) -> None:
    paths = write_climb(tmp_path)
    damage(paths[which])
    with pytest.raises(InputError) as error:
        ClimbAlong(tmp_path).read("input/wall.npz")
    check_message(error, str(paths[which]), f": {field} must " if field else " must ")
    named = ("bboxes", "heatmaps") if which == 0 else ("keypoints",)
    assert field or any(f": {name} must " in str(error.value) for name in named)


@pytest.mark.parametrize("shape", [(10**9, 25, 56, 56), (2**62, 25, 6, 8), (FRAMES, 25, *GRID), (-1, 25, 6, 8)])
def test_a_shape_that_the_file_has_no_bytes_for_is_refused_before_allocating(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    source, _ = write_climb(tmp_path)
    claim_shape(source, "heatmaps", shape)
    check_read(tmp_path, source, "heatmaps")


LAYOUT_CASES: dict[str, Callable[[Path], object]] = {
    "no such folder": lambda folder: None,
    "no input": lambda folder: (folder / "target").mkdir(parents=True),
    "no target": lambda folder: (write_climb(folder)[1].unlink(), (folder / "target").rmdir()),
    "input is empty": lambda folder: write_climb(folder)[0].unlink(),
    "target is empty": lambda folder: write_climb(folder)[1].unlink(),
}


@pytest.mark.parametrize("prepare", LAYOUT_CASES.values(), ids=list(LAYOUT_CASES))
def test_a_layout_that_is_not_there_is_named(tmp_path: Path, prepare: Callable[[Path], object]) -> None:
    prepare(tmp_path / "raw")
    with pytest.raises(InputError) as error:
        ClimbAlong(tmp_path / "raw").list_sources()
    check_message(error, str(tmp_path / "raw"))


@pytest.mark.parametrize("which", [0, 1], ids=["input", "target"])
def test_random_damage_gives_a_clip_or_one_line(tmp_path: Path, which: int) -> None:
    path = write_climb(tmp_path)[which]
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    refused: list[str] = []
    for _ in range(200):
        data = np.frombuffer(whole, np.uint8).copy()
        # Half of the damage goes to the directory at the end and the headers at the start.
        spread = len(data) if random.random() < 0.5 else 300
        places = -random.integers(1, spread, 3) if random.random() < 0.5 else random.integers(0, spread, 3)
        data[places] = random.integers(0, 256, 3)
        path.write_bytes(data.tobytes()[: random.integers(1, len(data) + 1) if random.random() < 0.2 else None])
        try:
            ClimbAlong(tmp_path).read("input/wall.npz")
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 50
    assert all("\n" not in message and str(path) in message for message in refused)
