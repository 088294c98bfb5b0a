"""Hostile inputs of the smoothing command: title -> maker of the input in a folder.

REFUSED ones give one line and status 2; SMOOTHED ones look odd, are sound, and are written back.
"""

import json
import os
from pathlib import Path

import hostile_texts
import numpy as np
from hostile_archives import hdf5, with_tracks
from hostile_parts import JUNK, REFUSED, SMOOTHED, WIDE, Maker, coco, data, person, sample
from pose_files import flat

__all__ = ["REFUSED", "SMOOTHED", "hostile_texts"]

# --- folders and links


def folder_of(**files: bytes) -> Maker:
    """A folder of files; __ in a name is a dot."""

    def make(folder: Path) -> Path:
        (folder / "bad").mkdir()
        for name, content in files.items():
            (folder / "bad" / name.replace("__", ".")).write_bytes(content)
        return folder / "bad"

    return make


_FRAME = json.dumps({"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": flat(25, 1)}]}).encode()


def _crowd(count: int) -> bytes:
    one = '{"pose_keypoints_2d": [' + "1, 2, 1, " * 24 + "1, 2, 1]}"
    return ('{"people": [' + ", ".join([one] * count) + "]}").encode()


def link(target: str, name: str = "bad.json") -> Maker:
    def make(folder: Path) -> Path:
        (folder / name).symlink_to(target)
        return folder / name

    return make


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "bad.json")
    return folder / "bad.json"


def _loop_inside(folder: Path) -> Path:
    (folder / "bad").mkdir()
    (folder / "bad" / "again").symlink_to(folder / "bad")
    return folder / "bad"


def _openpose(name: str, content: bytes) -> Maker:
    return folder_of(**{"a_1__json": _FRAME, "a_2__json": _FRAME, name: content})


REFUSED |= {
    "link to itself": link("bad.json"),
    "link to nothing": link("nowhere.json"),
    "link to a device": link("/dev/zero"),
    "link to an endless file": link("/dev/urandom", "bad.csv"),
    "pipe": _pipe,
    "folder that holds itself": _loop_inside,
    "folder of nothing": folder_of(),
    "folder of junk": folder_of(a=JUNK, b__json=JUNK, c__npz=JUNK),
    "openpose folder, one file junk": _openpose("a_3__json", JUNK),
    "openpose folder, one file empty": _openpose("a_3__json", b""),
    "openpose folder, one file truncated": _openpose("a_3__json", _FRAME[:-5]),
    "openpose folder, one file of a list": _openpose("a_3__json", b"[]"),
    "openpose folder, one file of another skeleton": _openpose(
        "a_3__json", _FRAME.replace(b'_2d": [', b'_2d": [1, 1, 1, ')
    ),
    "openpose folder, 200,000 people in a frame": _openpose("a_3__json", _crowd(200_000)),
    "openpose folder, two sequences": _openpose("b_2__json", _FRAME),
    "openpose folder, number of 30 digits": _openpose("a_" + "9" * 30 + "__json", b"{}"),
    "openpose folder, frame is a link to itself": lambda folder: _with_link(_openpose("a_3__json", _FRAME)(folder)),
    "labels folder, one file junk": folder_of(a_1__txt=b"0 .5 .5 .1 .1 .5 .5 1\n", a_2__txt=JUNK),
    "labels folder, lines differ": folder_of(a_1__txt=b"0 .5 .5 .1 .1 .5 .5 1\n", a_2__txt=b"0 .5 .5 .1 .1 .5\n"),
    "labels folder, infinity": folder_of(a_1__txt=b"0 .5 .5 .1 .1 .5 .5 1\n", a_2__txt=b"0 .5 .5 .1 .1 inf .5 1\n"),
}


def _with_link(folder: Path) -> Path:
    (folder / "a_4.json").symlink_to("a_4.json")
    return folder


def _with_folder(folder: Path) -> Path:
    (folder / "a_5.json").mkdir()
    return folder


# --- odd, but sound


SMOOTHED |= {
    "coco with a byte order mark": sample("coco", lambda old: b"\xef\xbb\xbf" + old),
    "csv with a byte order mark": sample("deeplabcut", lambda old: b"\xef\xbb\xbf" + old),
    "csv with Windows line ends": sample("deeplabcut", lambda old: old.replace(b"\n", b"\r\n")),
    "csv of one frame": data("good.csv", WIDE + b"5,1,2,3,4\n"),
    "csv of no frame": data("good.csv", WIDE),
    "csv without last line end": data("good.csv", WIDE + b"0,1,2,3,4\n1,1,2,3,4"),
    "csv of empty cells": data("good.csv", WIDE + b"0,,,,\n1,,,,\n"),
    "csv backwards": data("good.csv", WIDE + b"9,1,2,3,4\n8,1,2,3,4\n-7,1,2,3,4\n"),
    "coco of negative frames": data("good.json", coco([person(-5), person(-4), person(-3)])),
    "coco of frames 10^15 apart": data("good.json", coco([person(0), person(1), person(10**15), person(10**15 + 1)])),
    "coco of an empty list": data("good.json", b"[]"),
    "coco of NaN": data("good.json", coco([person(1), person(2, [float("nan")] * 51), person(3)])),
    "coco all in one place": data("good.json", coco([person(i, [5, 5, 1] * 17) for i in range(40)])),
    "coco of the largest numbers": data("good.json", coco([person(i, [1e9 - i, 1e9, 1] * 17) for i in range(40)])),
    "coco of the smallest numbers": data("good.json", coco([person(i, [5e-324, 1e-300, 1] * 17) for i in range(40)])),
    "coco of unsure keypoints": data("good.json", coco([person(i, [i, i, 1e-300] * 17) for i in range(40)])),
    "coco of a thousand people": data("good.json", coco([person(1 + i // 1000, [i, 7, 1]) for i in range(1001)])),
    "openpose folder with a folder": lambda folder: _with_folder(_openpose("a_3__json", _FRAME)(folder)),
    "openpose folder of empty frames": folder_of(a_1__json=b'{"people":[]}', a_2__json=b'{"people":[]}'),
    "openpose folder with another file": folder_of(a_1__json=_FRAME, a_2__json=_FRAME, notes__txt=b"mine"),
    "sleap of no frames and no people": hdf5(lambda file: with_tracks(file, data=np.ones((0, 2, 3, 0)))),
    "speed21 of nobody": data("good.data", b"1#NULL\n2#NULL\n"),
}  # fmt: skip
