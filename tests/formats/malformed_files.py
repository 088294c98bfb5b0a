"""Bad and hostile files of every format: name of the case -> (format, part of the message, maker of the file)."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pose_files import NAN, SAMPLES, flat

Maker = Callable[[Path], Path]
Case = tuple[str, str, Maker]
CASES: dict[str, Case] = {}

JSON_FORMATS = ("coco", "alphapose", "openpifpaf", "mmpose", "ultralytics")
CSV_FORMATS = ("deeplabcut", "lightning_pose", "mediapipe", "mediapipe_long", "trc", "speed21")
BINARY_FORMATS = ("npz", "arrays", "climbalong", "parquet", "sleap", "deeplabcut_h5")
SUFFIXES = {
    "npz": ".npz",
    "arrays": ".npz",
    "climbalong": ".npz",
    "parquet": ".parquet",
    "trc": ".trc",
    "speed21": ".data",
}


def suffix(name: str) -> str:
    return (
        ".json" if name in JSON_FORMATS else ".h5" if name in ("sleap", "deeplabcut_h5") else SUFFIXES.get(name, ".csv")
    )


def case(title: str, name: str, message: str, maker: Maker) -> None:
    assert f"{name}-{title}" not in CASES
    CASES[f"{name}-{title}"] = (name, message, maker)


def bytes_file(name: str, data: bytes) -> Maker:
    def make(folder: Path) -> Path:
        path = folder / f"bad{suffix(name)}"
        path.write_bytes(data)
        return path

    return make


def a_folder(folder: Path) -> Path:
    (folder / "bad").mkdir()
    return folder / "bad"


def cut(sample: str, share: float) -> Maker:
    """A good file without its end."""

    def make(folder: Path) -> Path:
        path, _ = SAMPLES[sample](folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return make


def edited(sample: str, old: bytes, new: bytes, file: str = "") -> Maker:
    """A good file with one text replaced."""

    def make(folder: Path) -> Path:
        path, _ = SAMPLES[sample](folder)
        target = path / file if file else path
        data = target.read_bytes()
        assert old in data
        target.write_bytes(data.replace(old, new, 1))
        return path

    return make


JUNK = bytes(np.random.default_rng(0).integers(128, 256, 4000, dtype=np.uint8))

for each in (*JSON_FORMATS, *CSV_FORMATS, *BINARY_FORMATS):
    case("empty", each, "not be empty", bytes_file(each, b""))
    case("junk", each, "must", bytes_file(each, JUNK))
    case("folder", each, "must be a file", a_folder)
    case("absent", each, "must be a readable file", lambda folder: folder / "nothing")

for each in JSON_FORMATS:
    case("truncated", each, "whole JSON", cut(each, 0.6))
    case("deep nesting", each, "nesting", bytes_file(each, b"[" * 200_000))
    case("deep objects", each, "nesting", bytes_file(each, b'{"a":' * 100_000))
    case("a number", each, "must be a list", bytes_file(each, b"17"))
    case("text", each, "must", bytes_file(each, b'"keypoints"'))
    case("list of numbers", each, "must be a list", bytes_file(each, b"[1, 2, 3]"))
    case("number of 5,000 digits", each, "must be JSON", bytes_file(each, b"[" + b"9" * 5000 + b"]"))
    case("zeros", each, "whole JSON", bytes_file(each, b"\0" * 5000))


def records(name: str, change: Callable[[list[dict[str, Any]]], object]) -> Maker:
    """A good file of a JSON format with its list of people changed."""

    def make(folder: Path) -> Path:
        path, _ = SAMPLES[name](folder)
        value = json.loads(path.read_text())
        people = {"mmpose": lambda: value["instance_info"][0]["instances"], "ultralytics": lambda: value[0]}
        change(people.get(name, lambda: value)())
        path.write_text(json.dumps(value))
        return path

    return make


def at(*keys: Any, value: Any) -> Callable[[Any], None]:
    def change(place: Any) -> None:
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


POINT: dict[str, tuple[Any, ...]] = {
    "coco": (1, "keypoints", 3),
    "alphapose": (1, "keypoints", 3),
    "openpifpaf": (1, "keypoints", 3),
    "mmpose": (1, "keypoints", 1, 0),
    "ultralytics": (1, "keypoints", "x", 1),
}
for each, place in POINT.items():
    case("NaN as text", each, "hold numbers", records(each, at(*place, value="NaN")))
    case("huge", each, "within 1e.09", records(each, at(*place, value=1e300)))
    case("infinite", each, "within 1e.09", records(each, at(*place, value=float("inf"))))
    case("400 digits", each, "too large", records(each, at(*place, value=10**400)))
    case("nested", each, "hold numbers", records(each, at(*place, value=[1])))
    case("true", each, "hold numbers", records(each, at(*place, value=True)))
    case(
        "wrong count",
        each,
        "received",
        records(each, lambda people, p=place: people[p[0]][p[1]].pop("x" if p[2] == "x" else -1)),
    )
    case("text for a list", each, "must be", records(each, at(*place[:2], value="1 2 3")))
    case(
        "crowd",
        each,
        "at most 1,000 a frame",
        records(each, lambda people, p=place: people.extend([people[p[0]]] * 1200)),
    )
    case(
        "id of text",
        each,
        "number",
        records(
            each, at(1, {"coco": "track_id", "alphapose": "idx", "openpifpaf": "id_"}.get(each, "track_id"), value="x")
        ),
    )

for each in ("coco", "alphapose", "openpifpaf"):
    case("mixed skeletons", each, "one skeleton", records(each, at(1, "keypoints", value=flat(19, 1))))
    case(
        "too many keypoints",
        each,
        "1 to 2,000",
        records(each, lambda people: [person.update(keypoints=flat(2500, 1)) for person in people]),
    )
case("no image_id", "coco", "have an image_id", records("coco", lambda people: people[1].pop("image_id")))
case("image_id of a list", "coco", "texts or all whole", records("coco", at(1, "image_id", value=[1])))
case("image_id beyond 53 bits", "coco", "whole number", records("coco", at(1, "image_id", value=1 << 60)))
case("image_id of half", "coco", "whole number", records("coco", at(1, "image_id", value=1.5)))
case("mixed image_ids", "alphapose", "texts or all whole", records("alphapose", at(1, "image_id", value=5)))
case(
    "scores of another number",
    "mmpose",
    "keypoint_scores",
    records("mmpose", lambda people: people[0]["keypoint_scores"].append(1)),
)
case("points of four", "mmpose", "one skeleton", records("mmpose", at(1, "keypoints", value=[[1, 2, 3, 4]] * 3)))
case("ragged points", "mmpose", "list of .x, y", records("mmpose", at(1, "keypoints", value=[[1, 2], [1], [1, 2]])))
case(
    "mixed skeletons",
    "mmpose",
    "one skeleton",
    records("mmpose", lambda people: people[1].update(keypoints=[[1, 2]], keypoint_scores=[1])),
)
case("frame twice", "mmpose", "differ from frame", edited("mmpose", b'"frame_id": 2', b'"frame_id": 1'))
case("frame of text", "mmpose", "frame_id", edited("mmpose", b'"frame_id": 2', b'"frame_id": "b"'))
case("instances of text", "mmpose", "list of people", edited("mmpose", b'"instances": []', b'"instances": "none"'))
case(
    "mixed skeletons",
    "ultralytics",
    "one skeleton",
    records("ultralytics", at(1, "keypoints", value={"x": [1], "y": [1, 2]})),
)
case("broken line", "openpifpaf", "line 2", edited("openpifpaf_video", b'{"frame": 2', b'{"frame" 2'))
case("frame twice", "openpifpaf", "differ from line", edited("openpifpaf_video", b'"frame": 2', b'"frame": 1'))
case("line without frame", "openpifpaf", "frame of line 1", edited("openpifpaf_video", b'"frame": 1', b'"fram": 1'))

FIRST = "video_000000000003_keypoints.json"
for title, message, old, new in (
    ("truncated", "whole JSON", b'"}]}', b""),
    ("NaN as text", "hold numbers", b"[40,140", b'["nan",140'),
    ("huge", "within 1e", b"[40,140", b"[1e200,140"),
    ("wrong count", "list of x, y, score", b"[40,140", b"[140"),
    ("mixed skeletons", "as many keypoints", b"[40,140", b"[1,1,1,40,140"),
    ("people of text", "list of objects", b'"people":[{', b'"people":"","p":[{'),
    ("id of text", "person_id", b"[-1]", b'["a"]'),
):  # fmt: skip
    case(title, "openpose", message, edited("openpose", old, new, FIRST))


def openpose_with(name: str, data: bytes) -> Maker:
    def make(folder: Path) -> Path:
        path, _ = SAMPLES["openpose"](folder)
        (path / name).write_bytes(data)
        return path

    return make


case(
    "two sequences",
    "openpose",
    "one sequence a folder",
    openpose_with("other_000000000003_keypoints.json", b'{"people":[]}'),
)
case("file without number", "openpose", "hold a frame number", openpose_with("notes.json", b'{"people":[]}'))
case("another JSON", "openpose", "people", openpose_with("meta_7.json", b'{"a":[]}'))
case("frame file of a list", "openpose", "people", openpose_with("video_7.json", b"[1]"))
case("empty frame file", "openpose", "not be empty", openpose_with("video_7.json", b""))
case("junk frame file", "openpose", "UTF-8", openpose_with("video_7.json", JUNK))
case("deep frame file", "openpose", "nesting", openpose_with("video_7.json", b'{"people":' + b"[" * 100_000))
case(
    "crowd",
    "openpose",
    "at most 1,000 a frame",
    openpose_with("video_7.json", json.dumps({"people": [{"pose_keypoints_2d": flat(25, 1)}] * 1200}).encode()),
)
case("no files", "openpose", "hold .json files", a_folder)
case("a file", "openpose", "folder of all frames", lambda folder: next(SAMPLES["openpose"](folder)[0].iterdir()))

TXT = "video_12.txt"
case("word", "ultralytics_txt", "hold numbers", edited("ultralytics_txt", b"0.75", b"wide", TXT))
case("huge", "ultralytics_txt", "within 1e", edited("ultralytics_txt", b"0.10", b"1e99", TXT))
case("ragged", "ultralytics_txt", "cells", edited("ultralytics_txt", b"0.10 ", b"", TXT))
case("boxes only", "ultralytics_txt", "cells", edited("ultralytics_txt", b"0", b"0 0.5 0.5 0.1 0.1\n0", "video_1.txt"))
case("junk", "ultralytics_txt", "UTF-8", edited("ultralytics_txt", b"0.5 0.5", JUNK, TXT))
case("no files", "ultralytics_txt", "hold .txt files", a_folder)

case("not UTF-8", "deeplabcut", "UTF-8", edited("deeplabcut", b"leftear", b"\xff\xfeear"))
case("binary inside", "deeplabcut", "binary", edited("deeplabcut", b"leftear", b"left\0ear"))
case("ragged", "deeplabcut", "line 6 must have 7 cells", edited("deeplabcut", b"2,5.0,6.0", b"2,5.0"))
case("truncated", "deeplabcut", "cells", cut("deeplabcut", 0.95))
case("word", "deeplabcut", "line 4 must be a number", edited("deeplabcut", b"1.50", b"left"))
case("huge", "deeplabcut", "within 1e", edited("deeplabcut", b"1.50", b"1e300"))
case("infinite", "deeplabcut", "within 1e", edited("deeplabcut", b"1.50", b"inf"))
case("frame twice", "deeplabcut", "one twice", edited("deeplabcut", b"\n2,", b"\n0,"))
case("column twice", "deeplabcut", "be one column", edited("deeplabcut", b"rightear", b"leftear"))
case("no bodyparts", "deeplabcut", "bodyparts", edited("deeplabcut", b"bodyparts", b"parts"))
case("no x", "deeplabcut", "x and y", edited("deeplabcut", b"coords,x,y,likelihood,x,y", b"coords,a,b,c,a,b"))
case("x without y", "deeplabcut", "x and y of each", edited("deeplabcut", b"coords,x,y", b"coords,x,b"))
case("header of other width", "deeplabcut", "cells", edited("deeplabcut", b"scorer,DLC_net,", b"scorer,"))
case("word", "lightning_pose", "must be a number", edited("lightning_pose", b"1.5", b"?"))
case("ragged", "lightning_pose", "cells", edited("lightning_pose", b"1.5,", b""))
case("huge", "lightning_pose", "within 1e", edited("lightning_pose", b"1.5", b"9e99"))

case("word", "mediapipe", "must be a number", edited("mediapipe", b"0.1000", b"nose"))
case("ragged", "mediapipe", "cells", edited("mediapipe", b"0.1000,", b""))
case("huge", "mediapipe", "within 1e", edited("mediapipe", b"0.1000", b"1e300"))
case("frame of half", "mediapipe", "whole number", edited("mediapipe", b"\n2,", b"\n2.5,"))
case("frame of nothing", "mediapipe", "whole number", edited("mediapipe", b"\n2,", b"\nnan,"))
case("frame beyond 53 bits", "mediapipe", "whole number", edited("mediapipe", b"\n2,", b"\n1e300,"))
case("frame twice", "mediapipe", "one twice", edited("mediapipe", b"\n2,", b"\n1,"))
case("truncated", "mediapipe", "cells", cut("mediapipe", 0.8))
case("no points", "mediapipe", "name columns", bytes_file("mediapipe", b"frame,time\n1,2\n"))
case("word", "mediapipe_long", "must be a number", edited("mediapipe_long", b"200.50", b"nose"))
case("ragged", "mediapipe_long", "cells", edited("mediapipe_long", b"200.50,", b""))
case("huge", "mediapipe_long", "within 1e", edited("mediapipe_long", b"200.50", b"-1e300"))
case("landmark twice", "mediapipe_long", "one twice", edited("mediapipe_long", b"\n0,1,", b"\n0,0,"))
case("landmark of a million", "mediapipe_long", "below 2,000", edited("mediapipe_long", b"\n0,1,", b"\n0,1000000,"))
case("landmark below 0", "mediapipe_long", "whole number", edited("mediapipe_long", b"\n0,1,", b"\n0,-1,"))
case("frame of nothing", "mediapipe_long", "whole number", edited("mediapipe_long", b"\n0,1,", b"\n,1,"))
case("no landmark", "mediapipe_long", "column of landmark", edited("mediapipe_long", b"Landmark_ID", b"what"))

case("word", "trc", "must be a number", edited("trc", b"0.10", b"head"))
case("ragged", "trc", "cells", edited("trc", b"0.10\t", b""))
case("ragged later", "trc", "cells", edited("trc", b"0.14\t", b""))
case("huge", "trc", "within 1e", edited("trc", b"0.10", b"1e300"))
case("rate of text", "trc", "DataRate", edited("trc", b"60\t60", b"fast\t60"))
case("no header", "trc", "PathFileType", edited("trc", b"PathFileType", b"Path"))
case("header only in part", "trc", "5 lines", cut("trc", 0.2))
case("marker twice", "trc", "different names", edited("trc", b"RKnee", b"Head"))
case("no markers", "trc", "different names", edited("trc", b"Head\t\t\tRKnee", b"\t\t\t"))
case("frame twice", "trc", "one twice", edited("trc", b"\n2\t", b"\n1\t"))
case("not UTF-8", "trc", "UTF-8", edited("trc", b"RKnee", b"\xe9nee"))

case("word", "speed21", "hold numbers", edited("speed21", b"100.5", b"left"))
case("wrong count", "speed21", "hold 16 pairs", edited("speed21", b"4#100.5,200;", b"4#"))
case("not pairs", "speed21", "pairs", edited("speed21", b"100.5,200", b"100.5"))
case("no mark", "speed21", "frame#", edited("speed21", b"2#NULL", b"2 NULL"))
case("frame twice", "speed21", "one twice", edited("speed21", b"2#", b"1#"))
case("frame of text", "speed21", "frame#", edited("speed21", b"2#", b"two#"))
case("huge", "speed21", "within 1e", edited("speed21", b"100.5", b"1e99"))


def npz(**arrays: Any) -> Maker:
    def make(folder: Path) -> Path:
        np.savez(folder / "bad.npz", **arrays)
        return folder / "bad.npz"

    return make


def claiming(name: str, shape: tuple[int, ...], dtype: str = "<f4", size: int = 0) -> Maker:
    """An archive whose array claims to be far larger than it is; `size` is what the archive's directory claims."""

    def make(folder: Path) -> Path:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
        with zipfile.ZipFile(folder / "bad.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(1000))
            archive.getinfo(f"{name}.npy").file_size = size or len(header.getvalue()) + 1000
        return folder / "bad.npz"

    return make


def damaged(sample: str, position: float) -> Maker:
    """A good file with bytes overwritten."""

    def make(folder: Path) -> Path:
        path, _ = SAMPLES[sample](folder)
        data = bytearray(path.read_bytes())
        start = int(len(data) * position)
        data[start : start + 64] = b"\xa5" * 64
        path.write_bytes(data)
        return path

    return make


GOOD = np.ones((4, 5, 2))
case("bomb", "arrays", "unpack to at most", claiming("keypoints", (1, 100_000_000, 3), "|u1", 300_000_000))
case("claims terabytes", "arrays", "readable array", claiming("keypoints", (1 << 40, 5, 2)))
case("negative shape", "arrays", "readable array", claiming("keypoints", (-4, 5, 2)))
case("objects", "arrays", "hold numbers", npz(keypoints=np.full((1, 1, 2), None, object)))
case("texts", "arrays", "hold numbers", npz(keypoints=np.full((4, 5, 2), "1.0")))
case("complex", "arrays", "hold numbers", npz(keypoints=GOOD * 1j))
case("two axes", "arrays", "3 or 4 axes", npz(keypoints=np.ones((4, 2))))
case("four coordinates", "arrays", "the last of 2 or 3", npz(keypoints=np.ones((4, 5, 4))))
case("no keypoints of a person", "arrays", "3 or 4 axes", npz(keypoints=np.ones((4, 0, 2))))
case("million people", "arrays", "at most 1,000 people", npz(keypoints=np.ones((10**6, 1, 1, 2), np.int8)))
case("huge", "arrays", "within 1e", npz(keypoints=GOOD * 1e300))
case("infinite", "arrays", "within 1e", npz(keypoints=GOOD * np.inf))
case(
    "confidence of other shape", "arrays", "confidence must have shape", npz(keypoints=GOOD, confidence=np.ones((5, 4)))
)
case("rate of two", "arrays", "fps must be one number", npz(keypoints=GOOD, fps=np.ones(2)))
case("rate of text", "arrays", "fps must hold numbers", npz(keypoints=GOOD, fps=np.array("30")))
case(
    "frames out of order",
    "arrays",
    "frame_numbers must increase",
    npz(keypoints=GOOD, frame_numbers=np.array([3, 2, 1, 0])),
)
case(
    "frames of other length", "arrays", "frame_numbers must have shape", npz(keypoints=GOOD, frame_numbers=np.arange(3))
)
case("without keypoints", "arrays", "keypoints must be in the file", npz(poses=GOOD))
case("truncated", "arrays", "NPZ", cut("arrays", 0.7))
case("damaged", "arrays", "must", damaged("arrays", 0.2))
case("truncated npy", "arrays", "NPY", cut("array", 0.7))
case(
    "npy of objects",
    "arrays",
    "hold numbers",
    lambda folder: [np.save(folder / "bad.npy", np.array([{}]), allow_pickle=True), folder / "bad.npy"][1],
)  # type: ignore[func-returns-value]

case("boxes of other length", "climbalong", "bboxes", npz(heatmaps=np.ones((2, 3, 4, 4), "f4"), bboxes=np.ones((3, 4))))
case("no boxes", "climbalong", "bboxes", npz(heatmaps=np.ones((2, 3, 4, 4), "f4")))
case("three axes", "climbalong", "heatmaps", npz(heatmaps=np.ones((2, 4, 4), "f4"), bboxes=np.ones((2, 4))))
case("whole numbers", "climbalong", "floats", npz(heatmaps=np.ones((2, 3, 4, 4), int), bboxes=np.ones((2, 4))))
case("huge box", "climbalong", "bboxes", npz(heatmaps=np.ones((2, 3, 4, 4), "f4"), bboxes=np.full((2, 4), 1e30)))
case("bomb", "climbalong", "unpack to at most", claiming("heatmaps", (9, 25, 560, 560), "<f4", 300_000_000))


def ours(**changes: Any) -> Maker:
    """Our own NPZ with some arrays changed, or left out where None."""

    def make(folder: Path) -> Path:
        skeleton = '{"name": "two", "keypoints": ["a", "b"], "limbs": [[0, 1]]}'
        arrays: dict[str, Any] = {
            "schema_version": 1, "frames": [1, 3], "people": [0, 0], "keypoints": np.ones((2, 2, 2)),
            "confidence": np.ones((2, 2)), "frame_numbers": [1, 2, 3], "provenance": np.zeros((2, 2), np.uint8),
            "deviation": np.full((2, 2), NAN), "fps": NAN, "image_size": [0, 0], "unit": "px", "y_up": False,
            "skeleton": skeleton, **changes,
        }  # fmt: skip
        np.savez(folder / "bad.npz", **{name: value for name, value in arrays.items() if value is not None})
        return folder / "bad.npz"

    return make


for name_ in ("frames", "people", "keypoints", "confidence", "frame_numbers", "provenance", "fps", "skeleton"):
    case(f"without {name_}", "npz", f"{name_} must be in the file", ours(**{name_: None}))
case("newer", "npz", "update kerasmooth", ours(schema_version=2))
case("people of another number", "npz", "people", ours(people=[0]))
case("keypoints of another number", "npz", "keypoints", ours(keypoints=np.ones((2, 3, 2))))
case("frames of half", "npz", "frames", ours(frames=[1.5, 3.0]))
case("frame numbers without a frame", "npz", "frame_numbers", ours(frame_numbers=[1, 2]))
case("frame numbers out of order", "npz", "frame_numbers", ours(frame_numbers=[3, 2, 1]))
case("unknown provenance", "npz", "provenance", ours(provenance=np.full((2, 2), 9)))
case("skeleton of numbers", "npz", "skeleton", ours(skeleton=5))
case("skeleton that is no JSON", "npz", "skeleton", ours(skeleton="{"))
case("skeleton of deep nesting", "npz", "skeleton", ours(skeleton="[" * 100_000))
case(
    "skeleton with a name twice",
    "npz",
    "skeleton",
    ours(skeleton='{"name": "x", "keypoints": ["a", "a"], "limbs": []}'),
)
case("limbs to nowhere", "npz", "skeleton", ours(skeleton='{"name": "x", "keypoints": ["a", "b"], "limbs": [[0, 7]]}'))
case("huge", "npz", "within 1e", ours(keypoints=np.full((2, 2, 2), 1e300)))
case("negative image size", "npz", "image_size", ours(image_size=[-1, 5]))


def hdf5(change: Callable[[h5py.File], object], sample: str = "sleap") -> Maker:
    def make(folder: Path) -> Path:
        path, _ = SAMPLES[sample](folder)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return make


def replaced(name: str, **new: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        if new:
            file.create_dataset(name, **new)

    return change


def linked(file: h5py.File) -> None:
    del file["tracks"]
    file["tracks"] = h5py.ExternalLink("/etc/other.h5", "/tracks")


case("without tracks", "sleap", "tracks", hdf5(replaced("tracks")))
case("without names", "sleap", "node_names", hdf5(replaced("node_names")))
case("linked elsewhere", "sleap", "tracks must be an array in the file", hdf5(linked))
case(
    "claims terabytes",
    "sleap",
    "bytes",
    hdf5(replaced("tracks", shape=(2, 2, 3, 1 << 40), dtype="f8", chunks=(2, 2, 3, 64))),
)
case(
    "claims gigabytes",
    "sleap",
    "fit the size",
    hdf5(replaced("tracks", shape=(2, 2, 3, 1 << 26), dtype="f8", chunks=(2, 2, 3, 64))),
)
case(
    "million tracks",
    "sleap",
    "at most 1,000",
    hdf5(replaced("tracks", shape=(10**6, 2, 3, 2), dtype="f8", chunks=(64, 2, 3, 2))),
)
case("three axes", "sleap", "have shape", hdf5(replaced("tracks", data=np.ones((2, 3, 4)))))
case("other nodes", "sleap", "have shape", hdf5(replaced("tracks", data=np.ones((2, 2, 7, 4)))))
case("tracks of text", "sleap", "hold numbers", hdf5(replaced("tracks", data=np.full((2, 2, 3, 4), b"x"))))
case("scores of other shape", "sleap", "point_scores", hdf5(replaced("point_scores", data=np.ones((2, 3)))))
case("names of numbers", "sleap", "names", hdf5(replaced("node_names", data=np.arange(3))))
case("name twice", "sleap", "differ", hdf5(replaced("node_names", data=np.array([b"a", b"a", b"b"]))))
case("huge", "sleap", "within 1e", hdf5(replaced("tracks", data=np.full((2, 2, 3, 4), 1e200))))
case("truncated", "sleap", "HDF5", cut("sleap", 0.5))
case("signature only", "sleap", "HDF5", bytes_file("sleap", b"\x89HDF\r\n\x1a\n" + bytes(64)))


def labels(data: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(data)

    return change


CALLS = b"cos\nsystem\n(S'touch /tmp/kerasmooth_was_here'\ntR."
case("pickle that calls", "deeplabcut_h5", "asks for", hdf5(labels(CALLS), "deeplabcut_h5"))
case("pickle that is none", "deeplabcut_h5", "plain values", hdf5(labels(b"hello"), "deeplabcut_h5"))
case("pickle of a number", "deeplabcut_h5", "hold numbers under", hdf5(labels(b"I5\n."), "deeplabcut_h5"))
case(
    "too few labels",
    "deeplabcut_h5",
    "hold numbers under",
    hdf5(labels(b"(lp0\n(VA\nVb\nVx\ntp1\na."), "deeplabcut_h5"),
)
case(
    "fixed layout",
    "deeplabcut_h5",
    "as a table",
    hdf5(lambda file: file["df_with_missing"].attrs.__setitem__("pandas_type", np.bytes_(b"frame")), "deeplabcut_h5"),
)
case(
    "without frame",
    "deeplabcut_h5",
    "data frame",
    hdf5(lambda file: file.__delitem__("df_with_missing"), "deeplabcut_h5"),
)
case(
    "without table",
    "deeplabcut_h5",
    "array in the file",
    hdf5(lambda file: file.__delitem__("df_with_missing/table"), "deeplabcut_h5"),
)
case(
    "table of numbers",
    "deeplabcut_h5",
    "fields",
    hdf5(replaced("df_with_missing/table", data=np.ones(3)), "deeplabcut_h5"),
)
case("truncated", "deeplabcut_h5", "HDF5", cut("deeplabcut_h5", 0.5))


def parquet(**metadata: Any) -> Maker:
    """A Parquet file of two rows with the given metadata of ours, or without any."""

    def make(folder: Path) -> Path:
        import pyarrow
        from pyarrow import parquet as files

        columns = {"frame": [1, 2], "person": [0, 0]}
        columns |= {f"a.{field}": [1.0, 2.0] for field in ("x", "y", "confidence", "deviation", "provenance")}  # type: ignore[misc]
        facts = {
            "schema_version": 1,
            "skeleton": {"name": "s", "keypoints": ["a"], "limbs": []},
            "frame_numbers": [[1, 2]],
        }
        table = pyarrow.table(columns)
        if metadata:
            table = table.replace_schema_metadata({"kerasmooth": json.dumps({**facts, **metadata})})
        files.write_table(table, folder / "bad.parquet")
        return folder / "bad.parquet"

    return make


case("someone else's", "parquet", "metadata must say kerasmooth", parquet())
case("newer", "parquet", "update kerasmooth", parquet(schema_version=2))
case("without a column", "parquet", "hold b.", parquet(skeleton={"name": "s", "keypoints": ["b"], "limbs": []}))
case("without a skeleton", "parquet", "skeleton", parquet(skeleton=None))
case("frame numbers without end", "parquet", "frame_numbers", parquet(frame_numbers=[[0, 1 << 60]]))
case("frame numbers of text", "parquet", "must", parquet(frame_numbers="all"))
case("frames that are not numbered", "parquet", "must", parquet(frame_numbers=[[7, 9]]))
case("size of text", "parquet", "must", parquet(image_size="big"))
case("footer only", "parquet", "Parquet", bytes_file("parquet", b"PAR1" + struct.pack("<I", 1 << 30) + b"PAR1"))
