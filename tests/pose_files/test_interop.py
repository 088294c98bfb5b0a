"""Real files of every tool through the whole command: the same file again, steadier, and with nothing lost."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import in_process
import numpy as np
import pytest
from scipy.ndimage import median_filter

from kerasmooth import formats
from kerasmooth.pose_table import MEASURED, PoseTable

# file, format, where the positions and what belongs to them are in its tree ("*" is any place), ids that are given out
FILES = {
    "alphapose*.json": ("alphapose", "*/keypoints/*", "*/idx/*"),
    "coco_person*.json": ("coco", "*/keypoints/*", "*/track_id"),
    "dlc_EPM_15*.csv": ("deeplabcut", "x|y|likelihood", ""),
    "mediapipe_Ash*.csv": ("wide_csv", "x|y|z|visibility", ""),
    "mediapipe_climbing*.csv": ("tidy_csv", "Landmark_X|Landmark_Y|Landmark_Z", ""),
    "mmpose*.json": ("mmpose", "instance_info/*/instances/*/keypoints/*", ""),
    "openpifpaf*.json": ("openpifpaf", "*/keypoints/*", "*/id_"),
    "openpose_two_people": ("openpose", "*/people/*/pose_keypoints_2d/*", "*/people/*/person_id/*"),
    "sleap*.h5": ("sleap", "tracks|point_scores", ""),
    "trc/*.trc": ("trc", "X|Y|Z", ""),
}
Smooth = Callable[..., in_process.Finished]
Tree = dict[tuple[Any, ...], Any]
METHODS = ("auto", "butterworth")
AS_IT_IS = ("--strength=0", "--nooutliers", "--noswaps", "--max_gap=0")


def only(folder: Path, pattern: str) -> Path:
    (path,) = (folder / "interop").glob(pattern)
    return path


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Tree:
    """Every value of a tree of dicts and lists by its place in it."""
    if isinstance(value, dict):
        return {key: v for name, part in value.items() for key, v in leaves(part, (*place, name)).items()} or {
            place: {}
        }
    if isinstance(value, list):
        return {key: v for i, part in enumerate(value) for key, v in leaves(part, (*place, i)).items()} or {place: []}
    return {place: value}


def content(path: Path) -> Tree:
    """What a plain parser of its kind finds in a file, or in the files of a folder."""
    if path.is_dir():
        return {(child.name, *place): v for child in sorted(path.iterdir()) for place, v in content(child).items()}
    if path.suffix == ".json":
        return leaves(json.loads(path.read_text()))
    if path.suffix == ".h5":
        return hdf5_content(path)
    with path.open(newline="") as stream:
        lines = list(csv.reader(stream, delimiter="\t" if path.suffix == ".trc" else ","))
    names = lines[2] if lines[0][0] == "scorer" else lines[4] if path.suffix == ".trc" else lines[0]
    kinds = [name.rpartition("_")[2] if len(names) > 8 else name for name in names]
    kinds = [kind.rstrip("0123456789") if path.suffix == ".trc" else kind for kind in kinds]
    return {
        (i, kinds[j] if j < len(kinds) else "", j): cell for i, line in enumerate(lines) for j, cell in enumerate(line)
    }


def hdf5_content(path: Path) -> Tree:
    found: Tree = {}

    def visit(name: str, item: Any) -> None:
        found[(name, "attributes")] = {key: str(value) for key, value in item.attrs.items()}
        if isinstance(item, h5py.Dataset):
            found[(name,)] = (item.dtype, item.shape, item[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def is_at(place: tuple[Any, ...], pattern: str) -> bool:
    """Whether a place is one that the pattern means: a path with any parts, or one of the names in a table."""
    if "/" not in pattern:
        return any(part in pattern.split("|") for part in place)
    parts = pattern.split("/")
    return len(parts) == len(place) and all(p in ("*", str(part)) for p, part in zip(parts, place, strict=True))


def check_kept(old: Path, new: Path, positions: str, ids: str) -> None:
    """Everything but the positions is in the new file as it was, but ids where the old one had none."""
    before, after = content(old), content(new)
    assert list(before) == [place for place in after if place in before]
    assert all(ids and is_at(place, ids) for place in set(after) - set(before))
    changed = {place for place in before if after[place] != before[place]}
    assert all(is_at(place, positions) or (ids and is_at(place, ids)) for place in changed), sorted(changed, key=str)[
        :5
    ]


def lost(old: PoseTable, new: PoseTable, people: np.ndarray) -> float:
    """The share of the motion that is lost: 0 for a running median of what the file had, 1 for a constant."""
    away, motion = [], []
    for person in np.unique(people):
        rows = np.flatnonzero(people == person)
        rows = rows[np.argsort(old.frames[rows], kind="stable")]
        middle = median_filter(old.keypoints[rows], size=(5, 1, 1), mode="nearest")
        away.append(np.linalg.norm(new.keypoints[rows] - middle, axis=-1).ravel())
        seen = np.isfinite(middle).all(axis=(1, 2)) if len(rows) > 9 else np.zeros(len(rows), bool)
        rest = np.median(middle[seen], axis=0) if seen.any() else middle
        motion.append(np.linalg.norm(middle - rest, axis=-1).ravel())
    return float(np.nanmean(np.concatenate(away)) / np.nanmean(np.concatenate(motion)))


def bent(table: PoseTable, people: np.ndarray) -> float:
    """Mean second difference of the keypoints of each person, over all who are there for some time."""
    lengths = []
    for person in np.unique(people):
        rows = np.flatnonzero(people == person)
        rows = rows[np.argsort(table.frames[rows], kind="stable")]
        lengths.append(np.linalg.norm(np.diff(table.keypoints[rows], n=2, axis=0), axis=-1).ravel())
    return float(np.nanmean(np.concatenate(lengths)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("file", FILES)
def test_real_files_come_back_steadier(
    file: str, method: str, smooth: Smooth, shared_data: Path, tmp_path: Path
) -> None:
    name, positions, ids = FILES[file]
    path = cut(only(shared_data, file), tmp_path)
    out = tmp_path / "out" / path.name
    done = smooth(path, f"--output={out}", "--fps=30", f"--method={method}")
    assert (done.code, done.err) == (0, "")
    assert formats.detect(out).name == name
    old, new = formats.read(path, fps=30), formats.read(out, fps=30)
    np.testing.assert_array_equal(new.frames[: len(old.frames)] if name != "sleap" else new.frames, old.frames)
    np.testing.assert_array_equal(new.frame_numbers, old.frame_numbers)
    assert (new.skeleton, new.unit, new.y_up, new.image_size) == (old.skeleton, old.unit, old.y_up, old.image_size)
    gone = (old.provenance == MEASURED) & np.isnan(new.keypoints[: len(old.frames)]).any(axis=-1)
    assert not gone.any()
    check_kept(path, out, positions, ids)
    if len(old.frame_numbers) > 50:
        before, after = bent(old, new.people[: len(old.frames)]), bent(new, new.people)
        # Files of tools that smooth by themselves are left as they are by auto.
        assert after <= before if method == "auto" else after < before
        assert lost(old, new, new.people[: len(old.frames)]) < 0.25


@pytest.mark.parametrize("file", FILES)
def test_nothing_asked_for_is_nothing_changed(file: str, smooth: Smooth, shared_data: Path, tmp_path: Path) -> None:
    _, _, ids = FILES[file]
    path = only(shared_data, file)
    out = tmp_path / path.name
    assert smooth(path, f"--output={out}", "--fps=30", *AS_IT_IS).code == 0
    if ids and not file.startswith("alphapose"):  # A file without ids gets them, and nothing else.
        check_kept(path, out, ids, ids)
    elif file.startswith("alphapose"):  # The second of two people who share an id in frame 145 gets one of its own.
        before, after = content(path), content(out)
        assert {place for place in before if before[place] != after[place]} == {(145, "idx", 0)}
    elif path.suffix == ".json":
        assert json.loads(out.read_text()) == json.loads(path.read_text())
    else:
        assert out.read_bytes() == path.read_bytes()


def cut(path: Path, folder: Path, frames: int = 80) -> Path:
    """The beginning of a long file: as much of it as shows what the whole would; short ones as they are."""
    target = folder / path.name
    if path.is_dir():
        return shutil.copytree(path, target)
    if path.suffix == ".json" and path.stat().st_size > 1 << 20:
        target.write_text(json.dumps(json.loads(path.read_text())[:frames]))
    elif path.suffix == ".csv":
        lines = path.read_text().splitlines(keepends=True)
        target.write_text("".join(lines[: frames * (33 if "climbing" in path.name else 1) + 3]))
    elif path.suffix == ".h5":
        with h5py.File(path) as old, h5py.File(target, "w") as new:
            for name, values in old.items():
                long = {0: 3000} if name == "track_occupancy" else {values.ndim - 1: 3000} if name == "tracks" else {}
                parts = tuple(slice(frames) if axis in long else slice(None) for axis in range(values.ndim))
                new[name] = values[parts]
    else:
        shutil.copyfile(path, target)
    return target


def test_a_climb_at_its_own_rate(smooth: Smooth, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "speed21"
    rates = {
        line.split(";")[0]: float(line.split(";")[-1]) for line in (folder / "metadata.txt").read_text().split("\n")
    }
    for path in sorted((folder / "skeletons").iterdir()):
        assert formats.read(path).fps == rates[path.stem]
    path = folder / "skeletons" / "10_2020-11-21_1.data"
    done = smooth(path, f"--output={tmp_path / path.name}", "--method=whittaker")
    assert (done.code, done.err) == (0, "")
    heads = [
        [line.partition("#")[0] for line in each.read_text().splitlines()] for each in (path, tmp_path / path.name)
    ]
    assert heads[0] == heads[1]


@pytest.mark.slow
def test_every_climb_of_speed21(smooth: Smooth, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "speed21" / "skeletons"
    done = smooth(folder, f"--output={tmp_path}")
    assert (done.code, done.err) == (0, "")
    paths = sorted(folder.iterdir())
    assert [path.name for path in sorted(tmp_path.iterdir())] == [path.name for path in paths]
    ratios = []
    for path in paths:
        old, new = formats.read(path), formats.read(tmp_path / path.name, fps=30)
        assert set(old.frame_numbers.tolist()) <= set(new.frame_numbers.tolist())
        ratios.append(bent(new, np.zeros(len(new.frames), np.int64)) / bent(old, np.zeros(len(old.frames), np.int64)))
    assert len(paths) == 91
    # The default leaves the fast motion of a speed climb in: 0.50 in the median.
    assert np.median(ratios) < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("camera", range(3))
def test_all_of_shelf(camera: int, smooth: Smooth, shared_data: Path, tmp_path: Path) -> None:
    folder, numbers = shelf_folder(shared_data / "shelf" / "shelf_pairs.npz", camera, tmp_path / "poses")
    out = tmp_path / "out"
    done = smooth(folder, f"--output={out}", "--fps=25", "--image_size=776x1032")
    assert (done.code, done.err) == (0, "")
    old, new = formats.read(folder), formats.read(out)
    np.testing.assert_array_equal(new.frame_numbers, numbers)
    assert old.skeleton.name == "body_25"
    assert bent(new, new.people) < 0.3 * bent(old, new.people[: len(old.frames)])


def shelf_folder(path: Path, camera: int, folder: Path) -> tuple[Path, np.ndarray]:
    """The detections of a camera as OpenPose writes them, and their frame numbers."""
    folder.mkdir()
    with np.load(path) as archive:
        found, first = archive[f"det_{camera}"].astype(float), int(archive["first_frame"])
    for frame in range(found.shape[1]):
        people = [
            {"person_id": [-1], "pose_keypoints_2d": pose.ravel().tolist()}
            for pose in found[:, frame]
            if pose[:, 2].any()
        ]
        name = f"shelf_{first + frame:012d}_keypoints.json"
        (folder / name).write_text(json.dumps({"version": 1.3, "people": people}))
    return folder, first + np.arange(found.shape[1])
