"""SLEAP's own .slp files: predicted and labelled instances of one video, in HDF5."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kerasmooth.formats.bounded_files import replacing
from kerasmooth.formats.cells import CONFIDENCE, Cells, X, Y, columns_of
from kerasmooth.formats.hdf5_files import dataset, holds, opened, updating
from kerasmooth.formats.json_people import mean_score
from kerasmooth.formats.limits import AS_NPZ, MAX_KEYPOINTS, bad
from kerasmooth.formats.pose_format import Parsed, PoseFormat, check_counts
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_REMEDY = "save it again with SLEAP"
_USER, _PREDICTED = 0, 1
_POINT = [("x", "f8"), ("y", "f8"), ("visible", "?"), ("complete", "?")]
_PREDICTED_POINT = np.dtype([*_POINT, ("score", "f8")])
_INSTANCE = np.dtype(
    [
        *(("instance_id", "i8"), ("instance_type", "u1"), ("frame_id", "u8"), ("skeleton", "u4"), ("track", "i4")),
        *(("from_predicted", "i8"), ("score", "f4"), ("point_id_start", "u8"), ("point_id_end", "u8")),
        ("tracking_score", "f4"),
    ]
)
_FRAME = np.dtype(
    [("frame_id", "u8"), ("video", "u4"), ("frame_idx", "u8"), ("instance_id_start", "u8"), ("instance_id_end", "u8")]
)
_TABLES = ("frames", "instances", "points", "pred_points")
_BY_INSTANCE = ("identity", "categories", "embeddings")
"""Groups that name instances by their place."""


@dataclass(frozen=True, eq=False)
class Slp:
    """The file, its four tables, and the instance of each line of the cells."""

    path: Path | None
    tables: dict[str, np.ndarray]
    instances: np.ndarray


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
            skeleton = _skeleton(path, file)
            facts = _video(file)
        frames, instances = tables["frames"], tables["instances"]
        if len(np.unique(frames["video"])) > 1:
            raise bad(path, "frames", "be of one video", "several", "save each video in a file of its own")
        count = skeleton.num_keypoints
        check_counts(path, len(instances), count)
        corrected = set(instances["from_predicted"][instances["instance_type"] == _USER].tolist())
        chosen = [
            i
            for i, (kind, own) in enumerate(
                zip(instances["instance_type"].tolist(), instances["instance_id"].tolist(), strict=True)
            )
            if kind == _USER or own not in corrected
        ]
        chosen_at = np.array(chosen, np.int64)
        at = _points_at(path, tables, chosen_at, count)
        values = np.full((len(chosen), count, 3), np.nan)
        for kind, name in ((_USER, "points"), (_PREDICTED, "pred_points")):
            lines = np.flatnonzero(instances["instance_type"][chosen_at] == kind)
            points = tables[name][at[lines]]
            for i, coord in enumerate(("x", "y", *(["score"] if kind == _PREDICTED else []))):
                values[lines, :, i] = points[coord]
        place = {int(frame): i for i, frame in enumerate(frames["frame_id"].tolist())}
        owner = [place.get(frame, -1) for frame in instances["frame_id"][chosen_at].tolist()]
        if min(owner, default=0) < 0:
            raise bad(path, "instances", "be in one of the frames", "one that is in none", _REMEDY)
        numbers = frames["frame_idx"].astype(np.int64)
        cells = Cells(
            values.reshape(len(chosen), 3 * count),
            numbers[np.array(owner, np.int64)],
            columns_of(1, count, (X, Y, CONFIDENCE)),
            people=instances["track"][chosen_at].astype(np.int64),
        )
        rest = Slp(path, tables, chosen_at)
        return Parsed(cells, skeleton, rest, frame_numbers=np.unique(numbers), attributes=facts)

    def fresh(self, table: PoseTable, path: Path) -> Parsed:
        count, empty = table.skeleton.num_keypoints, np.empty(0, np.int64)
        kinds = {"frames": _FRAME, "instances": _INSTANCE, "points": np.dtype(_POINT), "pred_points": _PREDICTED_POINT}
        tables = {name: np.empty(0, kind) for name, kind in kinds.items()}
        cells = Cells(np.empty((0, 3 * count)), empty, columns_of(1, count, (X, Y, CONFIDENCE)), people=empty)
        return Parsed(cells, table.skeleton, Slp(None, tables, empty))

    def save(self, path: Path, cells: Cells, rest: Slp, table: PoseTable) -> None:
        count = cells.columns.shape[1]
        tables = {name: values.copy() for name, values in rest.tables.items()}
        instances = tables["instances"]
        for line, who in cells.renamed(table).items():
            if line < cells.known:
                instances["track"][rest.instances[line]] = who
        at = _points_at(path, tables, rest.instances, count)
        values = cells.values.reshape(-1, count, 3)
        for kind, name in ((_USER, "points"), (_PREDICTED, "pred_points")):
            lines = np.flatnonzero(instances["instance_type"][rest.instances] == kind)
            _put(tables[name], at[lines], values[lines])
        _add_frames(tables, np.setdiff1d(table.frame_numbers, tables["frames"]["frame_idx"].astype(np.int64)))
        _add_instances(path, tables, rest, cells, table)
        if rest.path is None:
            with replacing(path) as temporary, h5py.File(temporary, "w") as file:
                _create(file, table)
                _write(file, tables, int(tables["instances"]["track"].max(initial=-1)) + 1)
            return
        with updating(rest.path, path) as file:
            _write(file, tables, int(tables["instances"]["track"].max(initial=-1)) + 1)


def _table(path: Path, file: h5py.File, name: str) -> np.ndarray:
    found = dataset(path, file, name)
    wanted = {
        "frames": set(_FRAME.names or ()),
        "instances": set(_INSTANCE.names or ()) - {"tracking_score"},
        "points": {"x", "y"},
        "pred_points": {"x", "y", "score"},
    }[name]
    fields = set(found.dtype.names or ())
    if found.ndim != 1 or (found.shape[0] and not wanted <= fields):
        raise bad(path, name, f"be a table of {', '.join(sorted(wanted))}"[:80], f"{sorted(fields)}"[:60], _REMEDY)
    return np.asarray(found[()])


def _skeleton(path: Path, file: h5py.File) -> Skeleton:
    """The first skeleton of a file."""
    text = file["metadata"].attrs.get("json", b"")
    try:
        facts = json.loads(text)
        skeleton, nodes = facts["skeletons"][0], facts["nodes"]
        order = [node["id"] if isinstance(node, dict) else node for node in skeleton["nodes"]]
        names = [str(nodes[int(i)]["name"]) for i in order]
        links = [
            (order.index(link["source"]), order.index(link["target"]), link.get("type")) for link in skeleton["links"]
        ]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise bad(path, "metadata", "describe a skeleton", f"{type(error).__name__}", _REMEDY) from None
    if not 1 <= len(names) <= MAX_KEYPOINTS or len(set(names)) < len(names):
        raise bad(path, "nodes", f"be 1 to {MAX_KEYPOINTS:,} different names", f"{len(names)}", _REMEDY)
    kinds: list[int] = []
    limbs = []
    for source, target, kind in links:
        # The type is spelt out when it comes first, and named by its number afterwards: 1 an edge, 2 a symmetry.
        if isinstance(kind, dict) and "py/reduce" in kind:
            kinds.append(kind["py/reduce"][1]["py/tuple"][0])
            meant = kinds[-1]
        else:
            number = kind.get("py/id", 1) if isinstance(kind, dict) else 1
            meant = kinds[number - 1] if 0 < number <= len(kinds) else 1
        if meant == 1:
            limbs.append((source, target))
    found = skeleton_of_names("sleap", names)
    return Skeleton(found.name, found.keypoints, tuple(dict.fromkeys(limbs)))


def _video(file: h5py.File) -> dict[str, Any]:
    """Frame rate and image size, where the file says them."""
    try:
        backend = json.loads(file["videos_json"][0])["backend"]
        shape, fps = backend.get("shape") or [0, 0, 0, 0], backend.get("fps")
        size = (int(shape[1]), int(shape[2])) if min(shape[1:3]) > 0 else None
        return {"fps": float(fps) if fps and fps > 0 else None, "image_size": size}
    except (KeyError, ValueError, IndexError, TypeError):
        return {}


def _points_at(path: Path, tables: dict[str, np.ndarray], chosen: np.ndarray, count: int) -> np.ndarray:
    """int64 [lines, K], where the points of instances are. Raises InputError where they are not there."""
    instances = tables["instances"][chosen]
    start, end = instances["point_id_start"].astype(np.int64), instances["point_id_end"].astype(np.int64)
    room = np.where(instances["instance_type"] == _PREDICTED, len(tables["pred_points"]), len(tables["points"]))
    if ((end - start != count) | (start < 0) | (end > room)).any():
        raise bad(path, "instances", f"have {count} points each, in the file", "others", "one skeleton a file")
    return start[:, None] + np.arange(count)


def _put(points: np.ndarray, at: np.ndarray, values: np.ndarray) -> None:
    """Writes x, y and, where there is one, the score of points; a point that was not there is visible now."""
    appeared = np.isnan(points["x"][at]) & ~np.isnan(values[..., 0])
    for i, name in enumerate(("x", "y", "score")):
        if name in (points.dtype.names or ()):
            points[name][at] = values[..., i]
    points["visible"][at[appeared]] = True


def _add_frames(tables: dict[str, np.ndarray], numbers: np.ndarray) -> None:
    frames = tables["frames"]
    further = np.zeros(len(numbers), frames.dtype)
    further["frame_id"] = int(frames["frame_id"].max(initial=0)) + (len(frames) > 0) + np.arange(len(numbers))
    further["video"] = frames["video"][0] if len(frames) else 0
    further["frame_idx"] = numbers
    tables["frames"] = np.concatenate([frames, further])


def _add_instances(path: Path, tables: dict[str, np.ndarray], rest: Slp, cells: Cells, table: PoseTable) -> None:
    """Adds those of the further lines, all instances of a frame side by side as SLEAP wants them."""
    if not len(cells.further):
        return
    if rest.path is not None:
        with opened(rest.path) as file:
            if any(name in file for name in _BY_INSTANCE):
                raise bad(path, "instances", "stay where they are in a file with identities", "further ones", AS_NPZ)
    frames, instances, count = tables["frames"], tables["instances"], cells.columns.shape[1]
    lines = np.array(cells.further)
    id_of = dict(zip(frames["frame_idx"].tolist(), frames["frame_id"].tolist(), strict=True))
    further = np.zeros(len(lines), instances.dtype)
    further["instance_id"] = int(instances["instance_id"].max(initial=-1)) + 1 + np.arange(len(lines))
    further["instance_type"] = _PREDICTED
    further["frame_id"] = [id_of[int(frame)] for frame in cells.frames[lines].tolist()]
    further["track"] = np.maximum(cells.people[lines], -1) if cells.people is not None else -1
    further["from_predicted"] = -1
    further["score"] = [mean_score(table.confidence[line]) for line in lines.tolist()]
    further["point_id_start"] = len(tables["pred_points"]) + count * np.arange(len(lines))
    further["point_id_end"] = further["point_id_start"] + count
    points = np.zeros(len(lines) * count, tables["pred_points"].dtype)
    points["x"] = np.nan
    _put(points, np.arange(len(points)).reshape(-1, count), cells.values[lines].reshape(-1, count, 3))
    tables["pred_points"] = np.concatenate([tables["pred_points"], points])
    joined = np.concatenate([instances, further])
    place = {frame: i for i, frame in enumerate(frames["frame_id"].tolist())}
    owners = np.array([place[frame] for frame in joined["frame_id"].tolist()])
    order = np.argsort(owners, kind="stable")
    new_id = {int(old): new for new, old in enumerate(joined["instance_id"][order].tolist())}
    joined = joined[order]
    joined["from_predicted"] = [new_id.get(int(old), -1) for old in joined["from_predicted"].tolist()]
    joined["instance_id"] = np.arange(len(joined))
    frames["instance_id_start"] = np.searchsorted(owners[order], np.arange(len(frames)))
    frames["instance_id_end"] = np.searchsorted(owners[order], np.arange(len(frames)), side="right")
    tables["instances"] = joined


def _write(file: h5py.File, tables: dict[str, np.ndarray], tracks: int) -> None:
    for name, values in tables.items():
        if (
            name not in file
            or file[name].shape != values.shape
            or not np.array_equal(file[name][()].tobytes(), values.tobytes())
        ):
            if name in file:
                del file[name]
            file.create_dataset(name, data=values, maxshape=(None,))
    names = [text.decode() if isinstance(text, bytes) else str(text) for text in file["tracks_json"][()].tolist()]
    if tracks > len(names):
        del file["tracks_json"]
        names += [json.dumps([0, f"track_{i}"]) for i in range(len(names), tracks)]
        file.create_dataset("tracks_json", data=[name.encode() for name in names], maxshape=(None,))


def _create(file: h5py.File, table: PoseTable) -> None:
    """All of a fresh file but its tables."""
    names = table.skeleton.keypoints
    kind = {"py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [1]}]}
    links = [
        {"edge_insert_idx": i, "key": 0, "source": a, "target": b, "type": {"py/id": 1} if i else kind}
        for i, (a, b) in enumerate(table.skeleton.limbs)
    ]
    skeleton = {
        "directed": True,
        "graph": {"name": "Skeleton-0", "num_edges_inserted": len(links)},
        "links": links,
        "multigraph": True,
        "nodes": [{"id": i} for i in range(len(names))],
    }
    facts = {
        "version": "2.0.0",
        "skeletons": [skeleton],
        "nodes": [{"name": name, "weight": 1.0} for name in names],
        "videos": [],
        "tracks": [],
        "suggestions": [],
        "negative_anchors": {},
        "provenance": {},
    }
    metadata = file.create_group("metadata")
    metadata.attrs["format_id"] = 1.2
    metadata.attrs["json"] = np.bytes_(json.dumps(facts))
    height, width = table.image_size or (0, 0)
    backend = {
        "type": "MediaVideo",
        "shape": [len(table.frame_numbers), height, width, 3],
        "filename": "",
        "fps": table.fps,
    }
    video = json.dumps({"filename": "", "backend": backend})
    file.create_dataset("videos_json", data=[video.encode()], maxshape=(None,))
    file.create_dataset("tracks_json", shape=(0,), dtype="S32", maxshape=(None,))
    file.create_dataset("suggestions_json", shape=(0,), dtype="S32", maxshape=(None,))
