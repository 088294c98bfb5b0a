"""Damaged Penn Action files: one line that names file, field, what was received and the remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from raw_builders import FRAMES, check_message, cut, flip, make_folder, penn_fields, write_penn

from kerasmooth.datasets import PennAction
from kerasmooth.errors import InputError


def changed(field: str, frame: int, joint: int, value: float) -> dict[str, Any]:
    values = penn_fields()[field].astype(np.float64)
    values[frame, joint] = value
    return {field: values}


X = penn_fields()["x"]

FIELD_CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "x text": ("x", {"x": "left"}),
    "x one frame": ("y", {"x": X[:1]}),
    "x three axes": ("x", {"x": X[..., None] * np.ones(2)}),
    "x 12 joints": ("x", {"x": X[:, :12]}),
    "x 14 joints": ("x", {"x": np.ones((FRAMES, 14))}),
    "x transposed": ("x", {"x": X.T}),
    "x no frames": ("x", {"x": np.empty((0, 13))}),
    "x empty": ("x", {"x": np.empty((0, 0))}),
    "x cells": ("x", {"x": np.array([[1.0, "a"]], object)}),
    "x struct": ("x", {"x": {"value": X}}),
    "x complex": ("x", {"x": X + 1j}),
    "x sparse": ("x", {"x": scipy.sparse.csc_array(X)}),
    "x NaN": ("x", changed("x", 1, 2, np.nan)),
    "x inf": ("x", changed("x", 1, 2, np.inf)),
    "x -inf": ("x", changed("x", 3, 0, -np.inf)),
    "x huge": ("x", changed("x", 0, 12, 1e12)),
    "x hugely negative": ("x", changed("x", 0, 12, -1e12)),
    "y text": ("y", {"y": "up"}),
    "y a frame short": ("y", {"y": X[:-1]}),
    "y 12 joints": ("y", {"y": X[:, :12]}),
    "y NaN": ("y", changed("y", 1, 2, np.nan)),
    "y inf": ("y", changed("y", 1, 2, np.inf)),
    "y huge": ("y", changed("y", 1, 2, 1e300)),
    "y cells": ("y", {"y": np.array([["a", "b"]], object)}),
    "visibility a frame long": ("visibility", {"visibility": np.ones((FRAMES + 1, 13), np.uint8)}),
    "visibility one number": ("visibility", {"visibility": 1}),
    "visibility text": ("visibility", {"visibility": "yes"}),
    "visibility 2": ("visibility", changed("visibility", 0, 0, 2)),
    "visibility negative": ("visibility", changed("visibility", 0, 0, -1)),
    "visibility NaN": ("visibility", changed("visibility", 0, 0, np.nan)),
    "train 0": ("train", {"train": 0}),
    "train 2": ("train", {"train": 2}),
    "train NaN": ("train", {"train": np.nan}),
    "train two values": ("train", {"train": np.array([[1, -1]])}),
    "train text": ("train", {"train": "train"}),
    "train empty": ("train", {"train": np.empty((0, 0))}),
    "action a number": ("action", {"action": 3.0}),
    "action empty": ("action", {"action": ""}),
    "action blank": ("action", {"action": "   "}),
    "action two texts": ("action", {"action": np.array(["squat", "bowl "])}),
    "action control characters": ("action", {"action": "sit\nup"}),
    "action cells": ("action", {"action": np.array([["squat"]], object)}),
    "dimensions zero": ("dimensions", {"dimensions": np.zeros((1, 3))}),
    "dimensions negative": ("dimensions", {"dimensions": np.array([[-270, 480, 4]])}),
    "dimensions NaN": ("dimensions", {"dimensions": np.array([[270, np.nan, 4]])}),
    "dimensions huge": ("dimensions", {"dimensions": np.array([[270, 1e9, 4]])}),
    "dimensions two values": ("dimensions", {"dimensions": np.array([[270, 480]])}),
    "dimensions text": ("dimensions", {"dimensions": "270x480"}),
    **{f"no {field}": (field, {"without": field}) for field in penn_fields() if field not in ("pose", "bbox")},
}


@pytest.mark.parametrize(("field", "changes"), FIELD_CASES.values(), ids=list(FIELD_CASES))
def test_a_bad_field_is_named(tmp_path: Path, field: str, changes: dict[str, Any]) -> None:
    path = write_penn(tmp_path, **changes)
    with pytest.raises(InputError) as error:
        PennAction(tmp_path).read("labels/0001.mat")
    check_message(error, str(path), f": {field} must ")


def claim_frames(path: Path, frames: int) -> None:
    """Makes the header of x, in an uncompressed file, claim another number of frames."""
    scipy.io.savemat(path, penn_fields(), do_compression=False)
    wrong = path.read_bytes().replace(
        np.array([FRAMES, 13], "<i4").tobytes(), np.array([frames, 13], "<i4").tobytes(), 1
    )
    path.write_bytes(wrong)


def repeat_field(path: Path) -> None:
    """Appends a second variable called x."""
    scipy.io.savemat(path, penn_fields(), do_compression=False)
    more = path.with_suffix(".more")
    scipy.io.savemat(more, {"x": X}, do_compression=False)
    path.write_bytes(path.read_bytes() + more.read_bytes()[128:])


FILE_CASES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "empty": ("content", lambda path: path.write_bytes(b"")),
    "a folder": ("path", make_folder),
    "absent": ("path", lambda path: path.unlink()),
    "dangling link": ("path", lambda path: (path.unlink(), path.symlink_to("nowhere"))),
    "header only": ("action", lambda path: path.write_bytes(path.read_bytes()[:128])),
    "half a header": ("content", lambda path: path.write_bytes(path.read_bytes()[:60])),
    "cut early": ("content", lambda path: cut(path, 0.3)),
    "cut in the middle": ("content", lambda path: cut(path, 0.5)),
    "cut late": ("content", lambda path: cut(path, 0.95)),
    "last byte lost": ("content", lambda path: path.write_bytes(path.read_bytes()[:-1])),
    "bytes flipped": ("content", lambda path: flip(path, 0.4)),
    "text": ("content", lambda path: path.write_text("x y visibility\n" * 50)),
    "zeros": ("content", lambda path: path.write_bytes(bytes(4096))),
    "random": ("content", lambda path: path.write_bytes(np.random.default_rng(0).bytes(4096))),
    "HDF5 of MATLAB 7.3": ("content", lambda path: path.write_bytes(path.read_bytes()[:124] + b"\x00\x02IM" * 200)),
    "a PNG": ("content", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4)),
    "too large": ("content", lambda path: path.write_bytes(bytes(5 << 20))),
    "claims a billion frames": ("x", lambda path: claim_frames(path, 10**9)),
    "claims more frames than bytes": ("x", lambda path: claim_frames(path, 50_000)),
    "claims negative frames": ("x", lambda path: claim_frames(path, -5)),
    "x twice": ("x", repeat_field),
    "NumPy archive": ("content", lambda path: path.write_bytes(b"PK\x03\x04" + bytes(300))),
}


@pytest.mark.parametrize(("field", "damage"), FILE_CASES.values(), ids=list(FILE_CASES))
def test_a_damaged_file_is_named(tmp_path: Path, field: str, damage: Callable[[Path], object]) -> None:
    path = write_penn(tmp_path)
    damage(path)
    with pytest.raises(InputError) as error:
        PennAction(tmp_path).read("labels/0001.mat")
    check_message(error, str(path), f": {field} must ")


LAYOUT_CASES: dict[str, Callable[[Path], object]] = {
    "no such folder": lambda folder: None,
    "no labels": lambda folder: folder.mkdir(),
    "labels is a file": lambda folder: (folder.mkdir(), (folder / "labels").write_text("")),
    "labels is empty": lambda folder: (folder / "labels").mkdir(parents=True),
    "raw_dir is a file": lambda folder: folder.write_text(""),
    "other files only": lambda folder: ((folder / "labels").mkdir(parents=True), (folder / "labels/1.txt").touch()),
    "a name that does not print": lambda folder: write_penn(folder, "00\n01"),
}


@pytest.mark.parametrize("prepare", LAYOUT_CASES.values(), ids=list(LAYOUT_CASES))
def test_a_layout_that_is_not_there_is_named(tmp_path: Path, prepare: Callable[[Path], object]) -> None:
    prepare(tmp_path / "raw")
    with pytest.raises(InputError) as error:
        PennAction(tmp_path / "raw").list_sources()
    check_message(error, str(tmp_path / "raw"))


@pytest.mark.parametrize("compress", [True, False])
def test_random_damage_gives_a_clip_or_one_line(tmp_path: Path, compress: bool) -> None:
    path = write_penn(tmp_path, compress=compress)
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    refused: list[str] = []
    for _ in range(300):
        data = np.frombuffer(whole, np.uint8).copy()
        places = random.integers(0, len(data), random.integers(1, 6))
        data[places] = random.integers(0, 256, len(places))
        path.write_bytes(data.tobytes()[: random.integers(1, len(data) + 1) if random.random() < 0.3 else None])
        try:
            PennAction(tmp_path).read("labels/0001.mat")
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all("\n" not in message and str(path) in message for message in refused)
