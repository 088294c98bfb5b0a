"""Bad JSON files, and bad folders of one file a frame."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from malformed_parts import JSON_FORMATS, JUNK, OBJECT_FORMATS, Maker, a_folder, bytes_file, case, cut, edited
from pose_files import SAMPLES, flat

for each in JSON_FORMATS:
    case("truncated", each, "whole JSON", cut(each, 0.6))
    case("deep nesting", each, "nesting", bytes_file(each, b"[" * 200_000))
    case("deep objects", each, "nesting", bytes_file(each, b'{"a":' * 100_000))
    case("a number", each, "must be a list", bytes_file(each, b"17"))
    case("text", each, "must", bytes_file(each, b'"keypoints"'))
    case("list of numbers", each, "must be a list", bytes_file(each, b"[1, 2, 3]"))
    case("number of 5,000 digits", each, "must be JSON", bytes_file(each, b"[" + b"9" * 5000 + b"]"))
    case("zeros", each, "whole JSON", bytes_file(each, b"\0" * 5000))

OBJECT_SAMPLES = {"alphapose_images": "alphapose_tracked"}
for each in OBJECT_FORMATS:
    case("truncated", each, "whole JSON", cut(OBJECT_SAMPLES.get(each, each), 0.6))
    case("deep nesting", each, "nesting", bytes_file(each, b'{"a":' * 100_000))
    case("a number", each, "must be", bytes_file(each, b"17"))
    case("list of numbers", each, "must be", bytes_file(each, b"[1, 2, 3]"))
COCO, IMAGES = "coco_annotations", "alphapose_images"
for title, name, message, sample, old, new in (
    ("image of nobody", COCO, "one of the images", COCO, b'"image_id": 7', b'"image_id": 5'),
    ("image without id", COCO, "have an id", COCO, b'"id": 30', b'"ix": 30'),
    ("image_id of a list", COCO, "one of the images", COCO, b'"image_id": 7', b'"image_id": [7]'),
    ("no annotations", COCO, "images and annotations", COCO, b'"annotations"', b'"notes"'),
    ("text for a number", COCO, "hold numbers", COCO, b"[1, 2, 2", b'[1, "x", 2'),
    ("huge", COCO, "within 1e", COCO, b"[1, 2, 2", b"[1, 1e300, 2"),
    ("pairs", COCO, "as the others", COCO, b"[1, 2, 2, ", b"["),
    ("people of text", IMAGES, "list of objects", "alphapose_cmu", b'"bodies": [{', b'"bodies": "", "x": [{'),
    ("joints of text", IMAGES, "list of numbers", "alphapose_cmu", b'"joints": [', b'"joints": "", "x": ['),
    ("id of text", IMAGES, "whole number", "alphapose_tracked", b'"idx": 1', b'"idx": "b"'),
    ("pairs", "easy_vitpose", "lists of 3", "easy_vitpose", b"[20.5, 10.25, 0.9]", b"[20.5, 10.25]"),
    ("text for a number", "easy_vitpose", "hold numbers", "easy_vitpose", b"[20.5,", b'["a",'),
    ("frame of a list", "easy_vitpose", "object of people", "easy_vitpose", b"{}", b"[]"),
    ("point of text", "mediapipe_json", "lists of objects", "mediapipe_json", b'[[{"x"', b'[["a", {"x"'),
    ("text for a number", "mediapipe_json", "hold numbers", "mediapipe_json", b'"x": 0.25', b'"x": "left"'),
    ("frames of text", "mediapipe_json", "list of frames", "mediapipe_json", b'"frames": [', b'"frames": "", "f": ['),
):  # fmt: skip
    case(title, name, message, edited(sample, old, new))


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
case("points of four", "mmpose", "list of .x, y", records("mmpose", at(1, "keypoints", value=[[1, 2, 3, 4]] * 3)))
case("ragged points", "mmpose", "lists of 2", records("mmpose", at(1, "keypoints", value=[[1, 2], [1], [1, 2]])))
case(
    "mixed skeletons",
    "mmpose",
    "one skeleton",
    records("mmpose", lambda people: people[1].update(keypoints=[[1, 2]], keypoint_scores=[1])),
)
case("frame twice", "mmpose", "differ from frame", edited("mmpose", b'"frame_id": 2', b'"frame_id": 1'))
case("frame of text", "mmpose", "frame_id", edited("mmpose", b'"frame_id": 2', b'"frame_id": "b"'))
case("instances of text", "mmpose", "list of objects", edited("mmpose", b'"instances": []', b'"instances": "none"'))
case(
    "mixed skeletons",
    "ultralytics",
    "one skeleton",
    records("ultralytics", at(1, "keypoints", value={"x": [1], "y": [1, 2]})),
)
case("broken line", "openpifpaf", "line 2", edited("openpifpaf_video", b'{"frame": 2', b'{"frame" 2'))
case("frame twice", "openpifpaf", "differ from frame", edited("openpifpaf_video", b'"frame": 2', b'"frame": 1'))
case(
    "line without frame",
    "openpifpaf",
    "frame of frame entry 0",
    edited("openpifpaf_video", b'"frame": 1', b'"fram": 1'),
)

FIRST = "video_000000000003_keypoints.json"
for title, message, old, new in (
    ("truncated", "whole JSON", b'"}]}', b""),
    ("NaN as text", "hold numbers", b"[40,140", b'["nan",140'),
    ("huge", "within 1e", b"[40,140", b"[1e200,140"),
    ("wrong count", "hold x, y, score", b"[40,140", b"[140"),
    ("mixed skeletons", "as the others", b"[40,140", b"[1,1,1,40,140"),
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
case("word", "ultralytics_txt", "hold numbers", edited("ultralytics_txt", b"0.28", b"wide", TXT))
case("huge", "ultralytics_txt", "within 1e", edited("ultralytics_txt", b"0.10", b"1e99", TXT))
case("ragged", "ultralytics_txt", "cells", edited("ultralytics_txt", b"0.10 0.20 0.5 ", b"", TXT))
case("boxes only", "ultralytics_txt", "cells", edited("ultralytics_txt", b"0", b"0 0.5 0.5 0.1 0.1\n0", "video_1.txt"))
case("junk", "ultralytics_txt", "UTF-8", edited("ultralytics_txt", b"0.18 0.28", JUNK, TXT))
case("no files", "ultralytics_txt", "hold .txt files", a_folder)
