"""Tables of a line a keypoint: frame, keypoint, x, y, perhaps z (MediaPipe, FreeMoCap by frame), in CSV and Parquet."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasmooth.formats.frame_names import Names
from kerasmooth.formats.headings import OUR_OWN, asked_roles, roles_of
from kerasmooth.formats.pose_format import Parsed, PoseFormat
from kerasmooth.formats.raw_poses import CONFIDENCE, DEPTH, RawPoses, X, Y, coords_of
from kerasmooth.formats.safe_files import MAX_KEYPOINTS, bad
from kerasmooth.formats.skeleton_names import index_skeleton, skeleton_of_names
from kerasmooth.formats.text_table import TABLES, TextTable, fresh_table, header_lines, headings_of, read_table
from kerasmooth.formats.wide_csv import frames_of, people_of, with_empty_frames
from kerasmooth.pose_table import MISSING, PROVENANCE, PoseTable
from kerasmooth.skeletons import BLAZEPOSE_33, SKELETONS, Skeleton

COORDS = {"x": X, "y": Y, "z": DEPTH, "confidence": CONFIDENCE}
NEEDED = ("keypoint", "x", "y")
_NAMED_BY = ("group", "trajectory", "keypoint")
"""The columns that say which keypoint it is. FreeMoCap's trajectories are several estimates of the same ones."""
Keypoint = tuple[str, ...]
"""What stands in these columns, as far as a table has them."""
_PLAIN = re.compile(r"|3d_xyz|(.*[._])?(body|pose)")
"""Groups and trajectories that say no more than that it is a keypoint of the body."""


@dataclass(frozen=True, eq=False)
class Tidy:
    """How the lines of a table of keypoints belong together.

    Attributes:
      table: the table, whose numbers are those of `COORDS` that it has, in this order.
      roles: the column of frame, person, keypoint, group, time, x, y, z, confidence; and of what our own tables have.
      lines: int64 [P, K], the line of each keypoint of each person in a frame, -1 for none.
      frames: what frames are called.
      people: what people are called.
      keypoints: of the K.
    """

    table: TextTable
    roles: dict[str, int]
    lines: np.ndarray
    frames: Names
    people: Names
    keypoints: list[Keypoint]


class TidyCsv(PoseFormat):
    """Keypoints have numbers (33 are MediaPipe's) or names, or a group and a name. z is the depth."""

    name = "tidy_csv"
    description = "CSV with one line a keypoint: frame, keypoint, x, y (MediaPipe, FreeMoCap, tidy tables)"
    suffix = ".csv"
    needs = "keypoint x y"
    holds = "any"
    guesses_unit = True

    def detect(self, path: Path) -> bool:
        return path.suffix.lower() in TABLES and set(NEEDED) <= set(roles_of(headings_of(path)[0]))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        header_lines(path, 1)
        headings, dialect = headings_of(path)
        roles = asked_roles(path, headings, columns)
        for role in NEEDED:
            if role not in roles:
                remedy = f"say which it is with --columns={role}=HEADING"
                raise bad(path, "header", f"name a column of {role}", ",".join(headings)[:60], remedy)
        table, values = read_table(path, 1, number_columns(roles), headings, dialect)
        return parse_tidy(path, table, values, roles)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        coords = coords_of(table)
        headings = ["frame", "person", "keypoint", *(name for name, coord in COORDS.items() if coord in coords)]
        raw = RawPoses.empty(table.skeleton.num_keypoints, coords)
        roles = {name: column for column, name in enumerate(headings)}
        lines, names = np.empty((0, table.skeleton.num_keypoints), np.int64), Names()
        keypoints: list[Keypoint] = [(name,) for name in table.skeleton.keypoints]
        return raw, Tidy(fresh_table([headings], 3), roles, lines, names, Names(), keypoints)

    def _converted(self, table: PoseTable, path: Path) -> PoseTable:
        return with_empty_frames(super()._converted(table, path), path)

    def save(self, path: Path, raw: RawPoses, rest: Tidy, table: PoseTable) -> None:
        save_tidy(path, raw, rest, table)


def number_columns(roles: dict[str, int]) -> np.ndarray:
    """The columns of numbers, in the order of `COORDS`."""
    return np.array([roles[name] for name in COORDS if name in roles], np.int64)


def parse_tidy(path: Path, table: TextTable, values: np.ndarray, roles: dict[str, int]) -> Parsed:
    """What a table of keypoints holds whose columns are `roles`, with numbers [L, C]."""
    keys, keypoints, skeleton = _keypoints(path, table.others, roles)
    people = Names(np.zeros(len(values), np.int64))
    if "person" in roles:
        people = people_of(table.others[roles["person"]])
    frames = _frames(path, table.others, roles, keys, people.numbers)
    of = pd.DataFrame({"frame": frames.numbers, "person": people.numbers, "keypoint": keys})
    # People without an id are several where a keypoint comes again.
    of["again"] = np.where(people.numbers < 0, of.groupby(list(of)).cumcount(), 0)
    of = of.drop(columns="keypoint")
    pairs, row = of.drop_duplicates().to_numpy(), of.groupby(list(of), sort=False).ngroup().to_numpy()
    lines = np.full((len(pairs), len(keypoints)), -1, np.int64)
    lines[row, keys] = np.arange(len(values))
    if (lines >= 0).sum() < len(values):
        remedy = "one recording and one person a file, or say who is who with --columns=person=HEADING"
        raise bad(path, "keypoint", "be once in a frame", "one twice", remedy)
    positions = np.full((len(pairs), 1, len(keypoints), values.shape[1]), np.nan)
    positions[row, 0, keys] = values
    raw = RawPoses(
        positions,
        tuple(COORDS[name] for name in COORDS if name in roles),
        pairs[:, 0],
        people=pairs[:, 1],
        unseen_at=(0.0, -1.0),
        is_single="person" not in roles,
    )
    attributes: dict[str, Any] = {"person_names": people.names}
    if set(OUR_OWN) <= set(roles):
        kinds = table.others[roles["provenance"]].astype(str).map({name: i for i, name in enumerate(PROVENANCE)})
        attributes["provenance"] = np.full(lines.shape, MISSING, np.uint8)
        attributes["provenance"][row, keys] = kinds.fillna(MISSING).to_numpy(np.uint8)
        attributes["deviation"] = np.full(lines.shape, np.nan)
        deviation = pd.to_numeric(table.others[roles["deviation"]], errors="coerce")
        attributes["deviation"][row, keys] = deviation.to_numpy(np.float64, na_value=np.nan)
    return Parsed(raw, skeleton, Tidy(table, roles, lines, frames, people, keypoints), attributes=attributes)


def save_tidy(path: Path, raw: RawPoses, rest: Tidy, table: PoseTable) -> None:
    """Writes a table with its numbers, and with lines for keypoints that came."""
    known, values = len(rest.table.others), raw.values[:, 0]
    lines = np.concatenate([rest.lines, np.full((len(raw.further), values.shape[1]), -1)])
    # A fresh file says of every keypoint that there is one.
    row, key = np.nonzero((lines < 0) & (~np.isnan(values[..., 0]) | (known == 0)))
    further = range(known, known + len(row))
    lines[row, key] = further
    there = lines >= 0
    numbers = np.full((further.stop, values.shape[2]), np.nan)
    numbers[lines[there]] = values[there]
    texts, of = rest.table.with_lines(len(row)), rest.roles
    frames = raw.frames[row].tolist()
    if "frame" in of:
        texts.put(of["frame"], further, [str(rest.frames.name(frame)) for frame in frames])
    else:
        texts.put(of.get("time", -1), further, [_time(rest.frames.names, frame) for frame in frames])
    for place, role in enumerate(role for role in _NAMED_BY if role in of):
        texts.put(of[role], further, [rest.keypoints[k][place] for k in key.tolist()])
    renamed = [(line, who) for at, who in raw.renamed(table).items() for line in lines[at].tolist() if line >= 0]
    texts.put(of.get("person", -1), [line for line, _ in renamed], [rest.people.name(who) for _, who in renamed])
    for name in set(OUR_OWN) & set(of):
        facts = table.deviation[there] if name == "deviation" else np.array(PROVENANCE)[table.provenance[there]]
        texts.put(of[name], lines[there].tolist(), pd.Series(facts, dtype=object).replace(np.nan, None).tolist())
    frame_of = np.empty(len(numbers), np.int64)
    frame_of[lines[there]] = np.broadcast_to(raw.frames[:, None], lines.shape)[there]
    in_order = np.all(np.diff(frame_of[:known]) >= 0)
    texts.write(path, numbers, np.argsort(frame_of, kind="stable") if in_order else np.arange(len(numbers)))


def _keypoints(path: Path, texts: pd.DataFrame, roles: dict[str, int]) -> tuple[np.ndarray, list[Keypoint], Skeleton]:
    """The index of each line's keypoint, the keypoints, and the skeleton."""
    columns = [texts[roles[role]].astype(str) for role in _NAMED_BY if role in roles]
    numbers = pd.to_numeric(columns[-1], errors="coerce").to_numpy(np.float64)
    if all(groups.nunique() < 2 for groups in columns[:-1]) and np.isfinite(numbers).all():
        return _numbered(path, numbers, tuple(groups.iloc[0] if len(groups) else "" for groups in columns[:-1]))
    found: Any = pd.MultiIndex.from_arrays(columns).factorize()
    keys, different = found[0].astype(np.int64), [tuple(map(str, each)) for each in found[1].tolist()]
    if len(different) > MAX_KEYPOINTS:
        expected = f"be one of at most {MAX_KEYPOINTS:,} names or numbers"
        received = f"{len(different):,} different ones, such as {different[-1][1]!r}"
        raise bad(path, "keypoint", expected, received, "correct the cells")
    labels = [_label(each, different) for each in different] or ["none"]
    if len(set(labels)) < len(labels):
        labels = ["_".join(each) for each in different]
    skeleton = skeleton_of_names("tidy", labels)
    for known in SKELETONS.values():
        # A keypoint that the first frame does not have comes late in the file.
        if set(known.keypoints) == set(skeleton.keypoints):
            order = np.array([known.keypoints.index(name) for name in skeleton.keypoints])
            return order[keys], [different[i] for i in np.argsort(order)], known
    return keys, different, skeleton


def _numbered(path: Path, numbers: np.ndarray, groups: Keypoint) -> tuple[np.ndarray, list[Keypoint], Skeleton]:
    """As `_keypoints` of keypoints that have numbers, from 0, or from 1 those of MediaPipe."""
    faulty = (numbers != np.rint(numbers)) | (numbers < 0) | (numbers >= MAX_KEYPOINTS)
    if faulty.any():
        expected, culprit = f"be a whole number below {MAX_KEYPOINTS:,}, or a name", numbers[faulty][0]
        raise bad(path, "keypoint", expected, f"{culprit:g}", "correct the cell")
    keys = numbers.astype(np.int64)
    first = 1 if len(keys) and (keys.min(), keys.max()) == (1, 33) else 0
    count = int(keys.max()) + 1 - first if len(keys) else 33
    skeleton = BLAZEPOSE_33 if count == 33 else index_skeleton(count)
    return keys - first, [(*groups, str(k + first)) for k in range(count)], skeleton


def _label(keypoint: Keypoint, keypoints: list[Keypoint]) -> str:
    """What a keypoint is called: those of a body by their names alone, of hands and faces with their group's."""
    *groups, name = keypoint
    telling = [group for group in groups if not _PLAIN.fullmatch(group.lower())]
    if telling:
        return "_".join([*telling, name])
    if name.isdigit():
        of_body = sum(each[:-1] == keypoint[:-1] for each in keypoints)
        return BLAZEPOSE_33.keypoints[int(name)] if of_body == 33 and int(name) < 33 else f"keypoint_{name}"
    return name


def _frames(path: Path, texts: pd.DataFrame, roles: dict[str, int], keys: np.ndarray, people: np.ndarray) -> Names:
    """The frame of each line: as its column says; else by the time; else another frame where a keypoint comes again."""
    if "frame" in roles:
        return frames_of(path, "frame", texts[roles["frame"]])
    if "time" in roles:
        codes, times = pd.factorize(texts[roles["time"]])
        return Names(codes.astype(np.int64), dict(enumerate(times.tolist())), None)
    again = pd.DataFrame({"person": people, "keypoint": keys}).groupby(["person", "keypoint"]).cumcount()
    return Names(again.to_numpy(np.int64))


def _time(times: dict[int, Any], frame: int) -> str:
    """The time of a frame: as in the file, or as its first ones go on; an empty text where these are no numbers."""
    if frame in times:
        return str(times[frame])
    known = pd.to_numeric(pd.Series(list(times.values()), dtype=object), errors="coerce").to_numpy(np.float64)
    if len(known) < 2 or np.isnan(known).any():
        return ""
    return repr(float(known[0] + frame * np.median(np.diff(known))))
