"""MMPose 1.x: {meta_info, instance_info} of its demos, or the bare list of its inferencer."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.boxes import Size
from kerasmooth.formats.bounded_files import write_bytes
from kerasmooth.formats.building import build_table, check_asked, check_counts
from kerasmooth.formats.instance_lists import Instances, People, check_people, find_places, person_ids, updated
from kerasmooth.formats.json_files import JsonStyle, dumps, first_and_keys, integer, load, numbers
from kerasmooth.formats.limits import MAX_KEYPOINTS, bad
from kerasmooth.formats.pose_format import PoseFormat, confidence_to_write, in_image_pixels, source_of
from kerasmooth.formats.skeleton_names import known_limbs, skeleton_of_count
from kerasmooth.formats.triples import Record, box_of, mean_score
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import SKELETONS, Skeleton


class MMPose(PoseFormat):
    """Frame numbers are frame_id (from 1); one image is frame 0. Coordinates beyond x and y are copied."""

    name = "mmpose"
    description = "MMPose 1.x predictions of a video or an image"
    suffix = ".json"

    def detect(self, path: Path) -> bool:
        first, keys = first_and_keys(path)
        return "instance_info" in keys or (first == "{" and "meta_info" in keys) or "keypoint_scores" in keys

    def read(self, path: Path, *, fps: float | None = None, image_size: Size | None = None) -> PoseTable:
        check_asked(fps, image_size)
        value, style = load(path)
        entries = value.get("instance_info") if isinstance(value, dict) else value
        if not isinstance(entries, list) or any(type(entry) is not dict for entry in entries):
            raise bad(path, "instance_info", "be a list of objects", entries, "check what wrote the file")
        return self.table_of(path, value, entries, style, fps=fps, image_size=image_size)

    def table_of(
        self,
        path: Path,
        value: Any,
        entries: list[Record],
        style: JsonStyle,
        *,
        fps: float | None,
        image_size: Size | None,
        first: int = 0,
    ) -> PoseTable:
        """The table of a file, or of some of its entries, from number `first`, as the value of a file of their own."""
        frames, people = _frames(path, entries, first)
        places = find_places(people, lambda person: person.get("keypoints") not in (None, []))
        instances = Instances(value, frames, people, places, style)
        coordinates, scores = _arrays(path, [people[at][i] for at, i in places])
        skeleton = skeleton_of(value, scores.shape[1])
        return build_table(
            self.name,
            path,
            frames=np.array([frames[at] for at, _ in places], np.int64),
            people=person_ids(path, instances, "track_id"),
            keypoints=coordinates.reshape(-1, skeleton.num_keypoints, 2),
            confidence=scores.reshape(-1, skeleton.num_keypoints),
            skeleton=skeleton,
            payload=instances,
            frame_numbers=np.unique(np.array(frames, np.int64)),
            fps=fps,
            image_size=image_size,
        )

    def write(self, table: PoseTable, path: Path) -> None:
        source = source_of(table, self.name)
        if source is not None:
            write_bytes(path, dumps(self.changed(table, path), source.payload.style))
            return
        table = in_image_pixels(table, path, self.name)
        xy, scores = _written(table)
        by_frame: dict[int, People] = {int(frame): [] for frame in table.frame_numbers}
        for row, frame in enumerate(table.frames.tolist()):
            by_frame[frame].append(_fresh(table, row, xy[row], scores[row]))
        entries = [{"frame_id": frame, "instances": people} for frame, people in by_frame.items()]
        value = {"meta_info": _meta(table.skeleton), "instance_info": entries}
        write_bytes(path, dumps(value, JsonStyle((",", ": "), "\t")))

    def changed(self, table: PoseTable, path: Path) -> Any:
        """The value that a table was read from, with what changed and what was added."""
        xy, scores = _written(table)

        def change(record: Record, row: int, moved: np.ndarray) -> Record:
            keypoints, confidence = list(record["keypoints"]), list(record["keypoint_scores"])
            for k in np.flatnonzero(moved).tolist():
                keypoints[k] = [*xy[row][k], *keypoints[k][2:]]
                confidence[k] = scores[row][k]
            return {**record, "keypoints": keypoints, "keypoint_scores": confidence}

        def fresh(row: int) -> Record:
            return _fresh(table, row, xy[row], scores[row])

        people, further = updated(table, table.source, "track_id", change, fresh)
        return _rebuilt(path, table.source.payload, people, further)


def _written(table: PoseTable) -> tuple[list[Any], list[Any]]:
    """x, y and score of every keypoint as the file has them."""
    return np.nan_to_num(table.keypoints).tolist(), confidence_to_write(table).tolist()


def _fresh(table: PoseTable, row: int, xy: list[Any], scores: list[Any]) -> Record:
    """A record for a row that no record of a file is there for."""
    x, y, width, height = box_of(table.keypoints[row])
    record: Record = {
        "keypoints": xy,
        "keypoint_scores": scores,
        "bbox": [[x, y, x + width, y + height]],
        "bbox_score": mean_score(table.confidence[row]),
    }
    return {**record, "track_id": int(table.people[row])} if table.people[row] >= 0 else record


def _frames(path: Path, entries: list[Record], first: int) -> tuple[list[int], list[People]]:
    """Frame numbers and people of the entries: frames with instances, or the instances of one image."""
    if not any("instances" in entry for entry in entries):
        return ([0], [entries]) if entries else ([], [])
    frames, people = [], []
    for index, entry in enumerate(entries, first):
        people.append(check_people(path, f"instances of frame entry {index}", entry.get("instances")))
        frames.append(integer(path, f"frame_id of entry {index}", entry.get("frame_id", index)))
    if len(set(frames)) < len(frames):
        raise bad(path, "frame_id", "differ from frame to frame", "one twice", "check what wrote the file")
    return frames, people


def _arrays(path: Path, records: list[Record]) -> tuple[np.ndarray, np.ndarray]:
    """float64 [D, K, 2] and [D, K] of the records."""
    if not records:
        return np.empty((0, 0, 2)), np.empty((0, 0))
    count, width = 0, 0
    coordinates: list[Any] = []
    scores: list[Any] = []
    for row, record in enumerate(records):
        points, confidence = record["keypoints"], record.get("keypoint_scores")
        if not isinstance(points, list) or set(map(type, points)) != {list} or len(set(map(len, points))) != 1:
            raise bad(path, f"keypoints of person {row}", "be a list of [x, y]", points, "check what wrote the file")
        count, width = count or len(points), width or len(points[0])
        if len(points) != count or len(points[0]) != width or not 2 <= width <= 3:
            received = f"{len(points)} of {len(points[0])} after {count} of {width}"
            raise bad(path, f"keypoints of person {row}", "be as many as the others'", received, "one skeleton a file")
        if not isinstance(confidence, list) or len(confidence) != count:
            raise bad(path, f"keypoint_scores of person {row}", f"be {count}", confidence, "check what wrote the file")
        coordinates.extend(value for point in points for value in point)
        scores.extend(confidence)
    check_counts(path, len(records), count)
    xy = numbers(path, "keypoints", coordinates).reshape(len(records), count, width)[..., :2]
    return xy, numbers(path, "keypoint_scores", scores).reshape(len(records), count)


def _rebuilt(path: Path, instances: Instances, people: list[People], further: dict[int, People]) -> Any:
    """The whole value with new lists of people."""
    value = instances.value
    entries = value["instance_info"] if isinstance(value, dict) else value
    one_image = bool(entries) and "instances" not in entries[0] and instances.frames == [0]
    if one_image:
        if any(further.values()):
            raise bad(path, "content", "stay one image", "people in other frames", "choose another format")
        entries = people[0]
    else:
        entries = [{**entry, "instances": each} for entry, each in zip(entries, people, strict=True)]
        entries += [{"frame_id": frame, "instances": each} for frame, each in further.items()]
        entries.sort(key=lambda entry: entry.get("frame_id", 0))
    return {**value, "instance_info": entries} if isinstance(value, dict) else entries


def skeleton_of(value: Any, count: int) -> Skeleton:
    """From meta_info where it names as many keypoints as there are, otherwise by their number."""
    meta = value.get("meta_info") if isinstance(value, dict) else None
    meta = meta if isinstance(meta, dict) else {}
    names = meta.get("keypoint_id2name")
    if not isinstance(names, dict) or not 1 <= len(names) <= MAX_KEYPOINTS or count not in (0, len(names)):
        return skeleton_of_count(count or 17)
    keypoints = [names.get(str(i)) for i in range(len(names))]
    if not all(isinstance(name, str) for name in keypoints) or len(set(keypoints)) < len(keypoints):
        return skeleton_of_count(len(names))
    known = next((s for s in SKELETONS.values() if s.keypoints == tuple(keypoints)), None)
    if known:
        return known
    links = meta.get("skeleton_links")
    links = links.get("__ndarray__") if isinstance(links, dict) else links
    texts = [str(name) for name in keypoints]
    return Skeleton(str(meta.get("dataset_name", "mmpose"))[:40], tuple(texts), _limbs(links, texts))


def _limbs(links: Any, names: list[str]) -> tuple[tuple[int, int], ...]:
    if not isinstance(links, list):
        return known_limbs(names)
    index = {name: i for i, name in enumerate(names)} | {i: i for i in range(len(names))}
    pairs = [link for link in links if isinstance(link, list) and len(link) == 2]
    found = [(a, b) for a, b in pairs if isinstance(a, int | str) and isinstance(b, int | str)]
    return tuple(dict.fromkeys((index[a], index[b]) for a, b in found if a in index and b in index))


def _meta(skeleton: Skeleton) -> Record:
    return {
        "dataset_name": skeleton.name,
        "num_keypoints": skeleton.num_keypoints,
        "keypoint_id2name": {str(i): name for i, name in enumerate(skeleton.keypoints)},
        "keypoint_name2id": {name: i for i, name in enumerate(skeleton.keypoints)},
        "skeleton_links": [list(limb) for limb in skeleton.limbs],
    }
