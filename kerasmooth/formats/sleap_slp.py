"""SLEAP's own .slp files: predicted and labelled instances of one video, in HDF5."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.formats.hdf5_files import dataset, holds, opened, text_attribute, texts, updating
from kerasmooth.formats.people import mean_score
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.raw_poses import CONFIDENCE, RawPoses, X, Y
from kerasmooth.formats.safe_files import AS_NPZ, MAX_KEYPOINTS, MAX_PEOPLE, bad
from kerasmooth.formats.skeleton_names import skeleton_of_names, with_links
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "save it again with SLEAP"
_POINTS = {0: "points", 1: "pred_points"}
"""The table of an instance's points by its type: labelled by a person, or predicted."""
_POINT = [("x", "f8"), ("y", "f8"), ("visible", "?"), ("complete", "?")]
_INSTANCE = [("instance_id", "i8"), ("instance_type", "u1"), ("frame_id", "u8"), ("skeleton", "u4"), ("track", "i4")]
_INSTANCE += [("from_predicted", "i8"), ("score", "f4"), ("point_id_start", "u8"), ("point_id_end", "u8")]
_INSTANCE += [("tracking_score", "f4")]
_FRAME = [("frame_id", "u8"), ("video", "u4"), ("frame_idx", "u8")]
_FRAME += [("instance_id_start", "u8"), ("instance_id_end", "u8")]
_TABLES = {"frames": _FRAME, "instances": _INSTANCE, "points": _POINT, "pred_points": [*_POINT, ("score", "f8")]}
_COORDS = (X, Y, CONFIDENCE)
_MAX_TRACKS = 100_000
"""A person's id is the place of a track in a list."""
_BY_PLACE = ("identity", "categories", "embeddings")
"""Groups that name instances by their place."""


class SleapLabels(PoseFormat):
    """A line an instance; tracks are the people, -1 where untracked. Predictions that were corrected are left alone."""

    name = "sleap_slp"
    description = "SLEAP labels and predictions (.slp)"
    suffix = ".slp"
    needs = "frames instances pred_points"

    def detect(self, path: Path) -> bool:
        return holds(path, lambda file: "metadata" in file and set(_TABLES) <= set(file))

    def parse(self, path: Path, columns: Mapping[str, str]) -> Parsed:
        with opened(path) as file:
            tables = {name: _table(path, file, name) for name in _TABLES}
            skeleton, facts = _skeleton(path, file), _video(path, file)
        frames, instances, count = tables["frames"], tables["instances"], skeleton.num_keypoints
        if len(np.unique(frames["video"])) > 1:
            raise bad(path, "frames", "be of one video", "several", "save each video in a file of its own")
        check_counts(path, len(instances), count)
        corrected = instances["from_predicted"][instances["instance_type"] == 0]
        chosen = np.flatnonzero((instances["instance_type"] == 0) | ~np.isin(instances["instance_id"], corrected))
        values = np.full((len(chosen), count, 3), np.nan)
        for name, lines, at in _points(path, tables, chosen, count):
            for i, coord in enumerate(("x", "y", "score")[: 3 if name == "pred_points" else 2]):
                values[lines, :, i] = tables[name][coord][at]
        order = np.argsort(frames["frame_id"])
        place = np.searchsorted(frames["frame_id"][order], instances["frame_id"][chosen])
        if not np.isin(instances["frame_id"][chosen], frames["frame_id"]).all():
            raise bad(path, "instances", "be in one of the frames", "one that is in none", _REMEDY)
        numbers = frames["frame_idx"].astype(np.int64)
        raw = RawPoses(
            values[:, None],
            _COORDS,
            numbers[order[place]],
            people=instances["track"][chosen].astype(np.int64),
        )
        return Parsed(raw, skeleton, (path, tables, chosen), np.unique(numbers), facts)

    def fresh(self, table: PoseTable, path: Path) -> tuple[RawPoses, Any]:
        tables = {name: np.empty(0, kind) for name, kind in _TABLES.items()}
        raw = RawPoses.empty(table.skeleton.num_keypoints, _COORDS)
        return raw, (None, tables, raw.frames)

    def save(self, path: Path, raw: RawPoses, rest: Any, table: PoseTable) -> None:
        """`rest`: the file, its tables, and the instance of each line."""
        source, tables, instances = rest
        tables = {name: values.copy() for name, values in tables.items()}
        for line, who in raw.renamed(table).items():
            if line < raw.known:
                tables["instances"]["track"][instances[line]] = who
        values = raw.values[:, 0]
        for name, lines, at in _points(path, tables, instances, values.shape[1]):
            _put(tables[name], at, values[lines])
        frames = tables["frames"]
        numbers = np.setdiff1d(table.frame_numbers, frames["frame_idx"].astype(np.int64))
        first = int(frames["frame_id"].max(initial=0)) + (len(frames) > 0)
        video = frames["video"][0] if len(frames) else 0
        ids = first + np.arange(len(numbers))
        tables["frames"] = _grown(frames, len(numbers), frame_id=ids, video=video, frame_idx=numbers)
        if len(raw.further):
            _add_instances(tables, raw, table)
        with updating(source, path) as file:
            if source is None:
                _create(file, table)
            _write(path, file, tables)


def _table(path: Path, file: h5py.File, name: str) -> np.ndarray:
    found = dataset(path, file, name)
    wanted = {field for field, _ in _TABLES[name]} - {"visible", "complete", "tracking_score"}
    fields = set(found.dtype.names or ())
    if found.ndim != 1 or (found.shape[0] and not wanted <= fields):
        raise bad(path, name, f"be a table of {', '.join(sorted(wanted))}"[:80], f"{sorted(fields)}"[:60], _REMEDY)
    return np.asarray(found[()])


def _skeleton(path: Path, file: h5py.File) -> Skeleton:
    """The first skeleton of a file."""
    try:
        facts = json.loads(text_attribute(file["metadata"], "json"))
        skeleton, nodes = facts["skeletons"][0], facts["nodes"]
        order = [node["id"] if isinstance(node, dict) else node for node in skeleton["nodes"]]
        names = [str(nodes[int(i)]["name"]) for i in order]
        links, kinds = [], list[int]()
        for link in skeleton["links"]:
            # A type is spelt out when it comes first, and named by its number then: 1 is an edge, 2 a symmetry.
            kind = link.get("type") or {}
            kinds += [kind["py/reduce"][1]["py/tuple"][0]] if "py/reduce" in kind else []
            if not kinds or kinds[kind.get("py/id", len(kinds)) - 1] == 1:
                links.append([order.index(link["source"]), order.index(link["target"])])
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise bad(path, "metadata", "describe a skeleton", f"{type(error).__name__}", _REMEDY) from None
    if not 1 <= len(names) <= MAX_KEYPOINTS or len(set(names)) < len(names):
        raise bad(path, "nodes", f"be 1 to {MAX_KEYPOINTS:,} different names", f"{len(names)}", _REMEDY)
    return with_links(skeleton_of_names("sleap", names), links)


def _video(path: Path, file: h5py.File) -> dict[str, Any]:
    """Frame rate, image size and names of tracks, where the file says them."""
    try:
        backend = json.loads(texts(path, file, "videos_json", 1)[0])["backend"]
        shape, fps = backend.get("shape") or [0, 0, 0, 0], backend.get("fps")
        size = (int(shape[1]), int(shape[2])) if min(shape[1:3]) > 0 else None
        names = {i: str(json.loads(text)[1]) for i, text in enumerate(texts(path, file, "tracks_json", MAX_PEOPLE))}
        return {"fps": float(fps) if fps and fps > 0 else None, "image_size": size, "person_names": names}
    except (InputError, KeyError, ValueError, IndexError, TypeError, RecursionError):
        return {}


def _points(
    path: Path, tables: dict[str, np.ndarray], chosen: np.ndarray, count: int
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Table, lines, and where in it their points are [lines, K]. Raises InputError where they are not there."""
    found = []
    for kind, name in _POINTS.items():
        lines = np.flatnonzero(tables["instances"]["instance_type"][chosen] == kind)
        instances = tables["instances"][chosen[lines]]
        start, end = (instances[f"point_id_{side}"].astype(np.int64) for side in ("start", "end"))
        if ((end - start != count) | (start < 0) | (end > len(tables[name]))).any():
            raise bad(path, "instances", f"have {count} points each, in the file", "others", "one skeleton a file")
        found.append((name, lines, start[:, None] + np.arange(count)))
    return found


def _put(points: np.ndarray, at: np.ndarray, values: np.ndarray) -> None:
    """Writes x, y and, where there is one, the score of points; a point that was not there is visible now."""
    points["visible"][at[np.isnan(points["x"][at]) & ~np.isnan(values[..., 0])]] = True
    for i, name in enumerate(("x", "y", "score")):
        if name in (points.dtype.names or ()):
            points[name][at] = values[..., i]


def _grown(rows: np.ndarray, count: int, **fields: Any) -> np.ndarray:
    """The rows of a table with so many further ones, whose other fields are 0."""
    further = np.zeros(count, rows.dtype)
    for name in fields.keys() & set(rows.dtype.names or ()):
        further[name] = fields[name]
    return np.concatenate([rows, further])


def _add_instances(tables: dict[str, np.ndarray], raw: RawPoses, table: PoseTable) -> None:
    """Adds those of the further lines, all instances of a frame side by side as SLEAP wants them."""
    frames, instances, points = tables["frames"], tables["instances"], tables["pred_points"]
    lines, values = np.array(raw.further), raw.values[raw.known :, 0]
    count, starts = values.shape[1], len(points) + values.shape[1] * np.arange(len(lines))
    x, y, score = values.reshape(-1, 3).T
    tables["pred_points"] = _grown(points, len(x), x=x, y=y, score=score, visible=~np.isnan(x))
    by_number = np.argsort(frames["frame_idx"])
    place = by_number[np.searchsorted(frames["frame_idx"][by_number].astype(np.int64), raw.frames[lines])]
    joined = _grown(
        instances,
        len(lines),
        frame_id=frames["frame_id"][place],
        instance_id=int(instances["instance_id"].max(initial=-1)) + 1 + np.arange(len(lines)),
        instance_type=1,
        from_predicted=-1,
        track=np.maximum(np.array(raw.people)[lines], -1),
        score=[mean_score(table.confidence[line]) for line in lines.tolist()],
        point_id_start=starts,
        point_id_end=starts + count,
    )
    at = {frame: i for i, frame in enumerate(frames["frame_id"].tolist())}
    owners = np.array([at[frame] for frame in joined["frame_id"].tolist()])
    joined, owners = joined[np.argsort(owners, kind="stable")], np.sort(owners)
    new_id = {old: new for new, old in enumerate(joined["instance_id"].tolist())}
    joined["from_predicted"] = [new_id.get(old, -1) for old in joined["from_predicted"].tolist()]
    joined["instance_id"] = np.arange(len(joined))
    frames["instance_id_start"] = np.searchsorted(owners, np.arange(len(frames)))
    frames["instance_id_end"] = np.searchsorted(owners, np.arange(len(frames)), side="right")
    tables["instances"] = joined


def _write(path: Path, file: h5py.File, tables: dict[str, np.ndarray]) -> None:
    grown = len(tables["instances"]) != (len(file["instances"]) if "instances" in file else 0)
    if grown and any(name in file for name in _BY_PLACE):
        raise bad(path, "instances", "stay where they are in a file with identities", "further ones", AS_NPZ)
    for name, values in tables.items():
        if name not in file or file[name][()].tobytes() != values.tobytes():
            if name in file:
                del file[name]
            file.create_dataset(name, data=values, maxshape=(None,))
    tracks = int(tables["instances"]["track"].max(initial=-1)) + 1
    if tracks > _MAX_TRACKS:
        raise bad(path, "people", f"have ids below {_MAX_TRACKS:,}", f"{tracks - 1:,}", AS_NPZ)
    if tracks > len(file["tracks_json"]):
        names = texts(path, file, "tracks_json", tracks)
        del file["tracks_json"]
        names += [json.dumps([0, f"track_{i}"]) for i in range(len(names), tracks)]
        file.create_dataset("tracks_json", data=[name.encode() for name in names], maxshape=(None,))


def _create(file: h5py.File, table: PoseTable) -> None:
    """All of a fresh file but its tables."""
    kind = {"py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [1]}]}
    links = [
        {"edge_insert_idx": i, "key": 0, "source": a, "target": b, "type": {"py/id": 1} if i else kind}
        for i, (a, b) in enumerate(table.skeleton.limbs)
    ]
    graph = {"name": "Skeleton-0", "num_edges_inserted": len(links)}
    skeleton = {"directed": True, "graph": graph, "links": links, "multigraph": True}
    skeleton["nodes"] = [{"id": i} for i in range(table.skeleton.num_keypoints)]
    nodes = [{"name": name, "weight": 1.0} for name in table.skeleton.keypoints]
    facts = {"version": "2.0.0", "skeletons": [skeleton], "nodes": nodes, "negative_anchors": {}, "provenance": {}}
    metadata = file.create_group("metadata")
    metadata.attrs["format_id"] = 1.2
    metadata.attrs["json"] = np.bytes_(json.dumps(facts | dict.fromkeys(("videos", "tracks", "suggestions"), ())))
    shape = [len(table.frame_numbers), *(table.image_size or (0, 0)), 3]
    backend = {"type": "MediaVideo", "shape": shape, "filename": "", "fps": table.fps}
    file.create_dataset(
        "videos_json", data=[json.dumps({"filename": "", "backend": backend}).encode()], maxshape=(None,)
    )
    for name in ("tracks_json", "suggestions_json"):
        file.create_dataset(name, shape=(0,), dtype="S32", maxshape=(None,))
