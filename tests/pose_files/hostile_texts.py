"""Hostile text, JSON and tables."""

import gzip

from hostile_parts import JUNK, REFUSED, WIDE, coco, data, person, sample
from pose_files import flat

# --- text that is no text, or not all of it

for _name in ("coco", "alphapose", "mmpose", "openpifpaf", "ultralytics"):
    for _share in (0.02, 0.3, 0.75, 0.98):
        REFUSED[f"{_name} truncated at {_share:.0%}"] = sample(_name, lambda old, s=_share: old[: int(len(old) * s)])
    REFUSED[f"{_name} twice"] = sample(_name, lambda old: old + old)
    REFUSED[f"{_name} in UTF-16"] = sample(_name, lambda old: old.decode().encode("utf-16"))
    REFUSED[f"{_name} in UTF-32"] = sample(_name, lambda old: old.decode().encode("utf-32"))
    REFUSED[f"{_name} gzipped"] = sample(_name, lambda old: gzip.compress(old, mtime=0))
for _name in ("deeplabcut", "lightning_pose", "mediapipe", "mediapipe_long", "trc", "speed21"):
    REFUSED[f"{_name} in UTF-16"] = sample(_name, lambda old: old.decode().encode("utf-16"))
    REFUSED[f"{_name} gzipped"] = sample(_name, lambda old: gzip.compress(old, mtime=0))
    REFUSED[f"{_name} with zeros behind"] = sample(_name, lambda old: old + bytes(3000))
    if not _name.startswith("mediapipe"):  # There it is a header, and a file of no frames.
        REFUSED[f"{_name} of one endless line"] = sample(_name, lambda old: old.replace(b"\n", b",") * 200)
for _name in ("sleap", "deeplabcut_h5", "arrays", "array", "climbalong"):
    REFUSED[f"{_name} as a CSV"] = sample(_name, lambda old: old[: len(old) // 2], to="bad.csv")
    REFUSED[f"{_name} all but its first byte"] = sample(_name, lambda old: old[1:])
    REFUSED[f"{_name} all but its last kilobyte"] = sample(_name, lambda old: old[:-1024])
SUFFIXES = ("json", "csv", "npz", "npy", "h5", "trc", "data", "parquet", "txt", "pkl", "xml", "mat", "zip", "mp4", "")
for _suffix in SUFFIXES:
    REFUSED[f"junk .{_suffix}"] = data(f"bad.{_suffix}".rstrip("."), JUNK)
    REFUSED[f"nothing .{_suffix}"] = data(f"bad.{_suffix}".rstrip("."), b"")
    REFUSED[f"spaces .{_suffix}"] = data(f"bad.{_suffix}".rstrip("."), b" \n" * 40_000)
for _suffix in ("json", "csv", "trc", "data", "txt"):
    REFUSED[f"byte order mark alone .{_suffix}"] = data(f"bad.{_suffix}", b"\xef\xbb\xbf")
    REFUSED[f"zeros .{_suffix}"] = data(f"bad.{_suffix}", bytes(100_000))

# --- JSON that is whole and means nothing

for _title, _content in {
    "nesting": b"[" * 1_000_000 + b"]" * 1_000_000,
    "nesting of objects": b'{"keypoints":' * 100_000 + b"1" + b"}" * 100_000,
    "nesting inside": b'[{"image_id": 1, "keypoints": ' + b"[" * 500_000 + b"]" * 500_000 + b"}]",
    "a digit a million times": b'[{"image_id": 1, "keypoints": [' + b"9" * 1_000_000 + b"]}]",
    "a string of 20 MB": b'[{"image_id": "' + b"1" * 20_000_000 + b'", "keypoints": ["x"]}]',
    "key twice": b'[{"image_id": 1, "keypoints": [1, 2, 1], "keypoints": "x"}]',
    "lone surrogate": b'[{"image_id": "\\ud800", "category_id": 1, "keypoints": "\\udfff", "score": 1}]',
    "null": b"null",
    "a list of nulls": b"[null, null]",
    "infinity": coco([person(keypoints=[float("inf")] * 51)]),
    "NaN as text": coco([person(keypoints=["NaN"] * 51)]),
    "Infinity as text": coco([person(keypoints=["Infinity"] * 51)]),
    "1e308": coco([person(keypoints=[1e308] * 51)]),
    "beyond float": b'[{"image_id": 1, "category_id": 1, "score": 1, "keypoints": [1e999, 1e999, 1]}]',
    "frame number of half": coco([person(1.5)]),
    "frame number beyond 64 bits": coco([person(10**30)]),
    "frame number of a list": coco([person([1])]),
    "frame number missing": coco([{"keypoints": flat(17, 1), "category_id": 1, "score": 1}]),
    "wrong count": coco([person(keypoints=[1, 2, 1, 4])]),
    "mixed skeletons": coco([person(1), person(2, flat(26, 1))]),
    "keypoints of objects": coco([person(keypoints=[{}] * 51)]),
    "crowd": coco([person(1, [1, 2, 1])] * 5000),
    "too many keypoints": coco([person(1, flat(30_000, 1))]),
}.items():
    REFUSED[f"json {_title}"] = data("bad.json", _content)
REFUSED["json million people in a frame"] = data("bad.json", lambda: _people(1_000_000, "1"))
REFUSED["json million empty objects"] = data("bad.json", lambda: b"[" + b"{}," * 1_000_000 + b"{}]")
REFUSED["json 100,000 people of text"] = data("bad.json", lambda: _people(100_000, '"x"'))
REFUSED["json million image names"] = data("bad.json", lambda: _people(20_000, '"x1", "keypoints": 1, "a": [[[]]]'))
for _title, _before, _one, _after in (
    (
        "mmpose",
        '{"meta_info": {}, "instance_info": [{"frame_id": 1, "instances": [',
        '{"keypoints": [[1, 2]], "keypoint_scores": [1]}',
        "]}]}",
    ),
    (
        "ultralytics",
        "[[",
        '{"name": "person", "class": 0, "box": {"x1": 1}, "keypoints": {"x": [1], "y": [2], "visible": [1]}}',
        "]]",
    ),
    ("openpifpaf", "[", '{"keypoints": [1, 2, 1], "bbox": [1, 2, 3, 4], "score": 1, "category_id": 1}', "]"),
):
    REFUSED[f"{_title} of 200,000 people in a frame"] = data(
        "bad.json", lambda b=_before, o=_one, a=_after: (b + ", ".join([o] * 200_000) + a).encode()
    )


def _people(count: int, image: str) -> bytes:
    return ("[" + ", ".join([f'{{"image_id": {image}, "keypoints": [1, 2, 1]}}'] * count) + "]").encode()


# --- tables whose lines disagree

for _title, _content in {
    "columns shift": WIDE + b"0,1,2,3,4\n1,1,2,3\n2,1,2,3,4,5\n",
    "line twice": WIDE + b"0,1,2,3,4\n0,1,2,3,4\n1,1,2,3,4\n",
    "frame of half": WIDE + b"0.5,1,2,3,4\n",
    "frame of 10^30": WIDE + b"1" + b"0" * 30 + b",1,2,3,4\n",
    "1e308": WIDE + b"0,1e308,2,3,4\n",
    "1e999": WIDE + b"0,1e999,2,3,4\n",
    "a number with an underscore": WIDE + b"0,1_0,2,3,4\n",
    "words": WIDE + b"0,one,two,three,four\n",
    "hexadecimal": WIDE + b"0,0x1F,2,3,4\n",
    "an open quote": WIDE + b'0,"1,2,3,4\n1,1,2,3,4\n',
    "header alone of 200,000 columns": b",".join(b"p%d_x,p%d_y" % (i, i) for i in range(100_000)) + b"\n1,2\n",
    "a million commas": b"," * 1_000_000,
    "a zero byte": WIDE + b"0,1,\x00,3,4\n",
    "Latin-1": WIDE + b"0,1,2,3,4 \xe9\n",
}.items():
    REFUSED[f"csv {_title}"] = data("bad.csv", _content)
REFUSED["long csv landmarks shift"] = data("bad.csv", b"frame,landmark,x,y\n0,a,1,2\n0,b,1,2\n1,a,1,2\n1,b,1\n")
REFUSED["speed21 lines shift"] = data("bad.data", b"1#1,2;3,4\n2#1,2\n3#1,2;3,4;5,6\n")
REFUSED["speed21 infinity"] = data("bad.data", b"1#inf,2;3,4\n2#1,2;3,4\n")
REFUSED["speed21 frame twice"] = data("bad.data", b"1#1,2;3,4\n1#1,2;3,4\n")
REFUSED["speed21 frame of 10^18"] = data("bad.data", b"1#1,2;3,4\n1000000000000000000#1,2;3,4\n")
REFUSED["trc frames of another number"] = sample("trc", lambda old: old.replace(b"\n2\t", b"\n1\t"))
REFUSED["trc cut in its header"] = sample("trc", lambda old: b"\n".join(old.split(b"\n")[:4]))
