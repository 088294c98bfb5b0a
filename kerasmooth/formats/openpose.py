"""OpenPose: a folder with one JSON file a frame."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import decode, read_bytes, replacing_folder
from kerasmooth.formats.building import build_table, check_counts
from kerasmooth.formats.frame_folder import MAX_FRAME_BYTES, FrameFolder, first_frame
from kerasmooth.formats.frame_names import FrameNames
from kerasmooth.formats.json_files import JsonStyle, dumps, first_and_keys, integer, numbers, parse, style_of
from kerasmooth.formats.limits import MAX_COORDINATE, MAX_PEOPLE, bad
from kerasmooth.formats.pose_format import (
    Source,
    changed_confidence,
    changed_positions,
    in_image_pixels,
    source_of,
)
from kerasmooth.formats.skeleton_json import index_skeleton
from kerasmooth.formats.triples import Record, fresh_triples, merged
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BODY_25, BODY_25B, OPENPOSE_COCO_18, OPENPOSE_MPI_15, Skeleton

_KEYS = ("pose_keypoints_2d", "pose_keypoints")
"""The second one was written before version 1.2."""
_MISSING = (0, 0, 0)
_OTHER_FIELDS = (
    "face_keypoints_2d",
    "hand_left_keypoints_2d",
    "hand_right_keypoints_2d",
    "pose_keypoints_3d",
    "face_keypoints_3d",
    "hand_left_keypoints_3d",
    "hand_right_keypoints_3d",
)


@dataclass(frozen=True, eq=False)
class _Folder:
    """Where the rows lie; the files themselves are read again for writing, so that memory stays small.

    Attributes:
      files: name of each file.
      frames: frame number of each file.
      places: (file, person) of each row of the table.
      key: of the body keypoints.
      names: of the files of further frames.
      style: of the text of further files.
    """

    files: tuple[str, ...]
    frames: tuple[int, ...]
    places: list[tuple[int, int]]
    key: str
    names: FrameNames
    style: JsonStyle


class OpenPose(FrameFolder):
    """The frame number is the last number in a file's name. Face, hands and 3D are copied, not smoothed."""

    name = "openpose"
    description = "OpenPose's folder of one JSON file a frame"
    frame_suffix = ".json"

    def detect(self, path: Path) -> bool:
        candidate = first_frame(path, self.frame_suffix) if path.is_dir() else path
        return candidate is not None and "people" in first_and_keys(candidate)[1]

    def read_files(
        self,
        path: Path,
        files: list[str],
        names: FrameNames,
        numbers: np.ndarray,
        fps: float | None,
        image_size: Size | None,
    ) -> PoseTable:
        rows = _Rows(path)
        style = JsonStyle()
        for index, file in enumerate(files):
            people, style = _load(path / file)[1:]
            rows.add(index, path / file, people)
        keypoints = rows.triples()
        skeleton = _skeleton(keypoints)
        frames = numbers.tolist()
        return build_table(
            self.name,
            path,
            frames=np.array([frames[file] for file, _ in rows.places], np.int64),
            people=_unique_ids(frames, rows),
            keypoints=keypoints[..., :2],
            confidence=keypoints[..., 2],
            skeleton=skeleton,
            payload=_Folder(tuple(files), tuple(frames), rows.places, rows.key, names, style),
            frame_numbers=np.unique(numbers),
            fps=fps,
            image_size=image_size,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is None:
            table = in_image_pixels(table, path, self.name)
            stem = path.name or "frame"
            names = FrameNames(table.frame_numbers, {}, (f"{stem}_", 12, "_keypoints.json"))
            folder = _Folder((), (), [], _KEYS[0], names, JsonStyle((",", ":"), None))
        else:
            folder = source.payload
        with replacing_folder(path) as target:
            self.write_into(target, table, source, folder)

    def write_into(self, target: Path, table: PoseTable, source: Source | None, folder: "_Folder") -> None:
        """Writes the files of a table into a folder."""
        added = defaultdict(list)
        for row in range(len(source.frames) if source else 0, len(table.frames)):
            added[int(table.frames[row])].append(_fresh_person(table, row, folder.key))
        if source is not None:
            self._write_known(table, source, added, target)
        for frame in sorted({*table.frame_numbers.tolist(), *added} - set(folder.frames)):
            value = {"version": 1.3, "people": added[frame]}
            (target / folder.names.name(frame)).write_bytes(dumps(value, folder.style))

    def _write_known(self, table: PoseTable, source: Source, added: dict[int, list[Record]], target: Path) -> None:
        """The files that there were, with what changed."""
        folder: _Folder = source.payload
        moved = changed_positions(table, source) | changed_confidence(table, source)
        renamed = (table.people[: len(moved)] != source.people) & (table.people[: len(moved)] >= 0)
        rows = defaultdict(list)
        for row in np.flatnonzero(moved.any(axis=1) | renamed).tolist():
            rows[folder.places[row][0]].append(row)
        for index, (file, frame) in enumerate(zip(folder.files, folder.frames, strict=True)):
            origin = source.path / file
            if index not in rows and frame not in added:
                (target / file).write_bytes(read_bytes(origin, MAX_FRAME_BYTES))
                continue
            value, people, style = _load(origin)
            people = list(people)
            for row in rows[index]:
                at = folder.places[row][1]
                if at >= len(people) or len(people[at].get(folder.key) or ()) != 3 * moved.shape[1]:
                    raise bad(origin, "people", "be those that were read", "others", "leave the input alone meanwhile")
                person = dict(people[at])
                person[folder.key] = merged(person[folder.key], table, row, moved[row], _MISSING)
                if renamed[row]:
                    person["person_id"] = [int(table.people[row])]
                people[at] = person
            (target / file).write_bytes(dumps({**value, "people": people + added.get(frame, [])}, style))


class _Rows:
    """Collects the people of the files that have body keypoints."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: list[tuple[int, int]] = []
        self.ids: list[int] = []
        self.key = _KEYS[0]
        self._arrays: list[np.ndarray] = []

    def add(self, index: int, path: Path, people: list[Record]) -> None:
        for at, person in enumerate(people):
            key = _KEYS[1] if _KEYS[1] in person else _KEYS[0]
            values = person.get(key)
            if values in (None, []):
                continue
            if not isinstance(values, list) or len(values) % 3:
                raise bad(path, key, "be a list of x, y, score", values, "check what wrote the file")
            if self._arrays and (len(values) != 3 * len(self._arrays[0]) or key != self.key):
                received = f"{len(values) // 3} after {len(self._arrays[0])}"
                raise bad(path, key, "have as many keypoints as the others", received, "one skeleton a folder")
            check_counts(path, len(self.places) + 1, len(values) // 3)
            self.key = key
            self.places.append((index, at))
            self.ids.append(_person_id(path, person.get("person_id")))
            self._arrays.append(numbers(path, key, values).reshape(-1, 3))

    def triples(self) -> np.ndarray:
        return np.stack(self._arrays) if self._arrays else np.empty((0, 25, 3))


def _load(path: Path) -> tuple[Record, list[Record], JsonStyle]:
    """The value of a file, its people, and its style."""
    text = decode(path, read_bytes(path, MAX_FRAME_BYTES))
    value: Any = parse(path, text)
    people = value.get("people") if isinstance(value, dict) else None
    if not isinstance(people, list) or any(type(person) is not dict for person in people):
        raise bad(path, "people", "be a list of objects", people, "check that it is an OpenPose file")
    if len(people) > MAX_PEOPLE:
        raise bad(path, "people", f"be at most {MAX_PEOPLE:,} a frame", f"{len(people):,}", "check what wrote the file")
    return value, people, style_of(text)


def _person_id(path: Path, value: Any) -> int:
    while isinstance(value, list):
        value = value[0] if value else None
    return -1 if value is None else max(-1, integer(path, "person_id", value))


def _unique_ids(frames: list[int], rows: _Rows) -> np.ndarray:
    """int64 [D]; an id that two people of one frame have is left to the first."""
    seen: set[tuple[int, int]] = set()
    people = []
    for (file, _), person in zip(rows.places, rows.ids, strict=True):
        people.append(-1 if (frames[file], person) in seen else person)
        seen.add((frames[file], person))
    return np.array(people, np.int64)


def _fresh_person(table: PoseTable, row: int, key: str) -> Record:
    person = int(table.people[row])
    return {"person_id": [person], key: fresh_triples(table, row, _MISSING), **{field: [] for field in _OTHER_FIELDS}}


def _skeleton(triples: np.ndarray) -> Skeleton:
    """By the number of keypoints; of the two with 25 the one whose limbs come out shorter."""
    known = {18: OPENPOSE_COCO_18, 15: OPENPOSE_MPI_15}
    if triples.shape[1] != 25:
        return known.get(triples.shape[1]) or index_skeleton(triples.shape[1])
    return BODY_25B if _limb_length(triples, BODY_25B) < _limb_length(triples, BODY_25) else BODY_25


def _limb_length(triples: np.ndarray, skeleton: Skeleton) -> float:
    """Mean over the limbs of their median length; 0 where there is nothing to measure."""
    ends = np.array(skeleton.limbs)
    scores = triples[..., 2]
    seen = (scores[:, ends[:, 0]] > 0) & (scores[:, ends[:, 1]] > 0)
    # Wild numbers, which are refused later, must not overflow here.
    points = np.clip(triples[..., :2], -MAX_COORDINATE, MAX_COORDINATE)
    lengths = np.linalg.norm(points[:, ends[:, 0]] - points[:, ends[:, 1]], axis=2)
    medians = [np.median(lengths[seen[:, i], i]) for i in range(len(ends)) if seen[:, i].any()]
    return float(np.mean(medians)) if medians else 0.0
