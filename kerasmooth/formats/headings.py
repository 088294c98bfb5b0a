"""What the headings of a table mean, in the spellings that people use."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, X, Y
from kerasmooth.formats.safe_files import bad
from kerasmooth.formats.skeleton_names import words

_SCORES = ("visibility", "vis", "score", "scores", "confidence", "conf", "likelihood", "prob", "probability")
_ROLES = {
    role: set(spellings.split())
    for role, spellings in {
        "frame": "frame frames fnum",
        "person": "person people pose track id individual animal instance subject player pid object",
        "keypoint": "landmark name keypoint joint bodypart body_part node marker point kp part",
        "group": "model type component landmark_type hand handedness body_region source_model",
        "trajectory": "trajectory",
        "time": "time timestamp timestamps seconds time_s timestamp_ms time_ms timestamp_s t ms",
        "x": "x",
        "y": "y",
        "z": "z",
        "confidence": f"{' '.join(_SCORES)} v",
    }.items()
}
_IMAGES = {"image", "img", "file", "filename", "file_name", "file_path", "path"}
"""What frames are called by where no column numbers them."""
OUR_OWN = ("provenance", "deviation")
"""Columns that only `PoseTable.to_pandas` makes."""
_ENDINGS = {"id", "index", "idx", "number", "num", "no", "name", "nr", "label"}
_COORDINATE_WORDS = {"coordinate", "coord", "position", "pos", "px", "pixel", "pixels", "landmark", "keypoint", "norm"}
_COORDS = {"x": X, "y": Y, "z": DEPTH} | dict.fromkeys((*_SCORES, "v", "p", "c"), CONFIDENCE)
_COORD = "|".join(sorted(_COORDS.keys() - {"p", "c"}, key=len, reverse=True))
_BEHIND = re.compile(rf"(.+?)(?:[ _.:/-]+|(?<=[a-z])(?=[A-Z])|(?<=\d))((?i:{_COORD}|p|c))")
_BEFORE = re.compile(rf"((?i:{_COORD}))[ _.:/-]+(.+)|((?i:{_COORD}|p|c))(\d+)")
_BETWEEN = re.compile(r"(.*[a-z])([XYZ])(\d+)")
_BRACKETS = re.compile(r"[\s()\[\]'\",]+")
_UNIT = re.compile(r"[ _](px|pixels?|mm|cm|m)$")
_NO_KEYPOINTS = {
    *("box", "bbox", "bb", "roi", "crop", "image", "img", "frame", "screen", "camera", "cam", "window", "offset"),
    *("acc", "accel", "acceleration", "gyro", "gyroscope", "mag", "magnetometer", "imu", "sensor", "gravity", "force"),
    *("vel", "velocity", "speed", "torque", "angle", "rot", "rotation", "quat", "gaze", "world", "linear", "angular"),
}
"""Words in the names of columns that have an x and a y, or an x, y and z, but are no keypoints of the picture."""


def roles_of(headings: Sequence[str]) -> dict[str, int]:
    """Which column is the frame, person, keypoint, group, time, x, y, z and confidence; the first of each that fits."""
    exact: dict[str, int] = {}
    loose: dict[str, int] = {}
    for column, parts in enumerate(map(words, headings)):
        exact.setdefault("_".join(parts), column)
        loose.setdefault(_loosely(parts), column)

    def columns_of(spellings: set[str]) -> list[int]:
        return [exact[each] for each in spellings & set(exact)] or [loose[each] for each in spellings & set(loose)]

    found = {role: columns_of(spellings) for role, spellings in _ROLES.items()}
    found["frame"] = found["frame"] or columns_of(_IMAGES)
    return {role: min(columns) for role, columns in found.items() if columns}


def _loosely(parts: list[str]) -> str:
    """A heading without what says that it is a number, name or coordinate: frame of FrameNumber, x of landmark_x."""
    kept = [part for part in parts if part not in _ENDINGS]
    if kept and kept[-1] in ("x", "y", "z", *_SCORES) and set(kept[:-1]) <= _COORDINATE_WORDS:
        return kept[-1]
    if kept and kept[0] in ("x", "y", "z") and set(kept[1:]) <= _COORDINATE_WORDS:
        return kept[0]
    return "_".join(kept) if kept else "_".join(parts)


def asked_roles(path: Path, headings: Sequence[str], columns: Mapping[str, str]) -> dict[str, int]:
    """`roles_of`, with those that the user says. Raises InputError for roles and headings that there are not."""
    plain = [heading.strip() for heading in headings]
    for role, heading in columns.items():
        if role not in _ROLES:
            raise bad(path, "columns", f"be {', '.join(_ROLES)}", role, "write --columns=frame=...,x=...,y=...")
        if heading not in plain:
            raise bad(path, "columns", f"name headings such as {', '.join(plain)[:60]}", heading, "correct --columns")
    said = {role: plain.index(heading) for role, heading in columns.items()}
    own = {name: plain.index(name) for name in OUR_OWN if name in plain}
    return {role: at for role, at in roles_of(headings).items() if at not in said.values()} | own | said


def keypoint_columns(headings: Sequence[str], taken: set[int]) -> dict[str, list[int]]:
    """For each keypoint that has columns of x and y in a table of a line a frame: columns of x, y, confidence, depth.

    Headings are nose_x, nose.x, nose x, noseX, x_nose, x12 or L0_x; what is no keypoint (bbox_x, acc_x) is left out.
    """
    found: dict[str, list[int]] = {}
    for column, heading in enumerate(headings):
        name, coord = split_heading(heading.strip())
        if name and column not in taken and not set(words(name)) & _NO_KEYPOINTS:
            columns = found.setdefault(name, [-1] * 4)
            place = _COORDS[coord.lower()]
            columns[place] = column if columns[place] < 0 else columns[place]
    return {name: columns for name, columns in found.items() if columns[X] >= 0 and columns[Y] >= 0}


def split_heading(heading: str) -> tuple[str, str]:
    """(keypoint, coordinate) of nose_x, x_nose, nose_x [px], nose (x) or poseX0; empty texts for other headings."""
    before, behind = _BEFORE.fullmatch(heading), _BEHIND.fullmatch(heading)
    if behind and not (before and len(behind.group(1)) == 1):
        return behind.group(1), behind.group(2)
    if before:
        return before.group(2) or before.group(4), before.group(1) or before.group(3)
    if between := _BETWEEN.fullmatch(heading):
        return between.group(1) + between.group(3), between.group(2)
    plain = _UNIT.sub("", _BRACKETS.sub(" ", heading).strip())
    return split_heading(plain) if plain != heading else ("", "")
