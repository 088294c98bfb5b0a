"""Generated raw files have the layouts, the oddities and the bytes that they should."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from kerasmooth.datasets import DATASETS, write_raw
from kerasmooth.errors import InputError
from kerasmooth.sample.folder import MARKER

DIGEST = """
import hashlib
from kerasmooth.datasets import DATASETS
for name in ("penn_action", "brace", "climbalong"):
    for path, content in DATASETS[name].raw_files(3, 14, 5):
        print(name, path, hashlib.sha256(content).hexdigest())
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def files(dataset: str, num_videos: int, frames: int, seed: int = 0) -> dict[str, bytes]:
    generate = DATASETS[dataset].raw_files
    assert generate is not None
    return dict(generate(num_videos, frames, seed))


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


@pytest.fixture(scope="module")
def penn_action() -> list[dict[str, np.ndarray]]:
    return [loadmat(io.BytesIO(content)) for content in files("penn_action", 12, 30).values()]


@pytest.mark.parametrize("dataset", ["penn_action", "brace", "climbalong"])
def test_same_arguments_same_bytes(dataset: str, tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        write_raw(tmp_path / name, dataset=dataset, num_videos=2, frames_per_video=12, seed=seed)
    first, again, other = (tree(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    data = {name for name in first.keys() & other.keys() if not name.endswith(".csv")}
    assert len(data) >= 3
    assert all(first[name] != other[name] for name in data)


def test_bytes_do_not_depend_on_process_processor_time_or_zone() -> None:
    plain = {**os.environ, "PYTHONWARNINGS": "ignore"}
    # NumPy and OpenBLAS choose kernels by what the processor has; those of an older one round differently.
    older = {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX2 FMA3 AVX512F", "OPENBLAS_CORETYPE": "Nehalem"}
    elsewhere = {**plain, **older, "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"}
    here, there = (
        subprocess.run([sys.executable, "-c", DIGEST], env=env, capture_output=True, text=True, check=True).stdout
        for env in (plain, elsewhere)
    )
    assert here == there
    assert len(here.splitlines()) > 15


def test_penn_action_layout(penn_action: list[dict[str, np.ndarray]]) -> None:
    assert list(files("penn_action", 3, 5)) == ["labels/0001.mat", "labels/0002.mat", "labels/0003.mat"]
    actions = [label["action"].item() for label in penn_action]
    assert actions[:4] == ["baseball_pitch", "bench_press", "situp", "squat"]
    assert {label["pose"].item() for label in penn_action} <= {"front", "back", "left", "right"}
    for label in penn_action:
        assert {label[key].shape for key in ("x", "y", "visibility")} == {(30, 13)}
        assert label["visibility"].dtype == np.uint8
        assert set(np.unique(label["visibility"])) <= {0, 1}
        assert label["train"].item() in (1, -1)
        assert label["dimensions"][0, 2] == label["nframes"].item() == 30
        assert label["nframes"].dtype == np.uint8
    assert {label["train"].item() for label in penn_action if label["action"] == "situp"} == {1, -1}


def test_penn_action_positions_are_whole_pixels_of_a_larger_clip(penn_action: list[dict[str, np.ndarray]]) -> None:
    for label in penn_action:
        x, y = label["x"], label["y"]
        if x.dtype == np.float64:
            assert any(np.allclose(both / scale, np.rint(both / scale), atol=1e-9)
                       for scale in (0.75, 2 / 3) for both in [np.stack([x, y])])  # fmt: skip
            assert not np.allclose(x, np.rint(x))
    kinds = {label["x"].dtype.name for label in penn_action}
    assert kinds == {"float64", "uint8", "uint16"}


def test_penn_action_oddities(penn_action: list[dict[str, np.ndarray]]) -> None:
    parked, visible, beyond, short = [], [], [], []
    for label in penn_action:
        x, y, flags = label["x"].astype(float), label["y"].astype(float), label["visibility"]
        mark = (x == y) & (x < 2)
        assert not np.any(mark & (flags == 1)), "what is not annotated is never visible"
        parked.append(mark.mean(axis=0))
        visible.append(flags.mean())
        rows, columns = label["dimensions"][0, :2]
        beyond.append(bool(np.any(((x > columns) | (y > rows)) & (flags == 1))))
        short.append(len(label["bbox"]) < len(x))
    assert sum(short) == 1
    assert sum(beyond) == 1
    assert sum(share == 0 for share in visible) == 1
    assert 0.8 < np.mean([share for share in visible if share]) < 0.98
    whole, half = ((np.array(parked) == share).sum() for share in (1.0, 0.5))
    assert (whole, half) == (2, 1)


def test_penn_action_occluded_joints_have_plausible_positions(penn_action: list[dict[str, np.ndarray]]) -> None:
    for label in penn_action:
        x, y = label["x"].astype(float), label["y"].astype(float)
        hidden = (label["visibility"] == 0) & ~((x == y) & (x < 2))
        bbox = label["bbox"].astype(float)
        frames = len(bbox)
        inside = (x[:frames] >= bbox[:, :1]) & (x[:frames] <= bbox[:, 2:3])
        inside &= (y[:frames] >= bbox[:, 1:2]) & (y[:frames] <= bbox[:, 3:4])
        assert np.all(inside[hidden[:frames]])


def test_penn_action_counts_overflow_in_long_files() -> None:
    counts = [loadmat(io.BytesIO(content))["nframes"] for content in files("penn_action", 2, 300).values()]
    assert [count.item() for count in counts] == [300, 255]
    assert [count.dtype for count in counts] == [np.uint16, np.uint8]


def test_brace_layout() -> None:
    content = files("brace", 3, 60)
    pattern = r"dataset/(\d{4})/(\w+)/\2_(\d+)-(\d+)_(toprock|powermove|footwork)\.json"
    names = [re.fullmatch(pattern, path) for path in content if path.startswith("dataset/")]
    assert len(names) == 6
    gaps = 0
    for name in names:
        assert name is not None
        frames = json.loads(content[name[0]])
        numbers = [int(re.fullmatch(rf"{name[2]}/img-(\d{{6}})\.png", image)[1]) for image in frames]  # type: ignore[index]
        assert (numbers[0], numbers[-1]) == (int(name[3]), int(name[4]))
        assert numbers == sorted(numbers)
        gaps += int((np.diff(numbers) > 1).sum())
        for annotation in frames.values():
            joints = np.array(annotation["keypoints"])
            assert joints.shape == (17, 3)
            assert len(annotation["box"]) == 5
            assert np.all((joints[:, 2] > 0) & (joints[:, 2] <= 1))
            np.testing.assert_array_equal(joints, np.round(joints, 2))
            x, y, width, height, _ = annotation["box"]
            assert np.all((joints[:, :2] >= [x, y]) & (joints[:, :2] <= [x + width, y + height]))
    assert gaps == 2


def test_brace_manual_frames_correct_what_is_wrong() -> None:
    content = files("brace", 4, 60, seed=3)
    automatic = {image: frame for path, text in content.items() if path.startswith("dataset/")
                 for image, frame in json.loads(text).items()}  # fmt: skip
    moved, filled = [], 0
    for path, data in content.items():
        if not path.startswith("manual_keypoints/"):
            continue
        found = re.fullmatch(r"manual_keypoints/\d{4}/(\w+)/\1_(\d{6})\.npz", path)
        assert found is not None
        manual = np.load(io.BytesIO(data))["coco_joints2d"]
        assert manual.shape == (17, 3)
        frame = automatic.get(f"{found[1]}/img-{found[2]}.png")
        if frame is None:
            filled += 1
            continue
        moved.append(np.linalg.norm(manual[:, :2] - np.array(frame["keypoints"])[:, :2], axis=-1).max())
    assert filled == 2, "the first frame of each gap"
    assert len(moved) >= 8
    assert min(moved) > 20


def test_brace_tables_have_the_real_columns(shared_data: Path) -> None:
    content = files("brace", 3, 40)
    for path in (shared_data / "brace_annotations").glob("*.csv"):
        name = path.name if path.name == "videos_info.csv" else f"annotations/{path.name}"
        assert content[name].splitlines()[0] == path.read_bytes().splitlines()[0]


def test_brace_tables_agree_with_the_files() -> None:
    content = files("brace", 3, 40)
    listed = {
        f"dataset/{r['year']}/{r['video_id']}/{r['video_id']}_{r['start_frame']}-{r['end_frame']}_{r['dance_type']}.json"
        for r in table(content["annotations/segments.csv"])
    }
    assert listed == {path for path in content if path.startswith("dataset/")}
    train, test = (
        {r["uid"] for r in table(content[f"annotations/sequences_{split}.csv"])} for split in ("train", "test")
    )
    assert train
    assert test
    assert not train & test
    assert train | test == {r["uid"] for r in table(content["annotations/sequences.csv"])}
    assert [r["resolution"] for r in table(content["videos_info.csv"])] == ["1920x1080"] * 3
    assert float(table(content["videos_info.csv"])[0]["fps"]) == pytest.approx(29.97, abs=0.001)


def test_climbalong_layout() -> None:
    content = files("climbalong", 4, 20)
    assert sorted(content) == [f"{kind}/climb_0{i}.npz" for kind in ("input", "target") for i in range(1, 5)]
    frames, annotated, empty, outside = [], [], [], []
    for index in range(1, 5):
        given = np.load(io.BytesIO(content[f"input/climb_0{index}.npz"]))
        target = np.load(io.BytesIO(content[f"target/climb_0{index}.npz"]))["keypoints"]
        boxes, heatmaps = given["bboxes"], given["heatmaps"]
        count = len(boxes)
        assert boxes.shape == (count, 4)
        assert heatmaps.shape == (count, 25, 56, 56)
        assert heatmaps.dtype == np.float32
        assert target.shape == (count, 1, 25, 3)
        area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        assert np.all(heatmaps[~area] == 0)
        frames.append(count)
        annotated.append(int((target[0, 0, :, 2] > 0).sum()))
        empty.append(int((~area).sum()))
        outside.append(int(((target[:, 0, :, 1] > boxes[:, None, 3]) & area[:, None]).sum()))
    assert frames == [20, 20, 20, 30], "the last video is the longest"
    assert annotated == [25, 20, 25, 25]
    assert empty == [2, 0, 0, 2]
    assert all(count > 0 for count in outside[1::2])


def test_writes_whole_folders_and_replaces_its_own(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "raw"
    target.mkdir(parents=True)
    write_raw(target, dataset="penn_action", num_videos=3, frames_per_video=4, seed=0)
    assert len(tree(target)) == 4
    write_raw(target, dataset="brace", num_videos=1, frames_per_video=4, seed=0)
    assert not (target / "labels").exists()
    marker = json.loads((target / MARKER).read_text())
    assert marker["dataset"] == "brace"
    assert set(marker["files"]) | {MARKER} == set(tree(target))
    assert [path.name for path in target.parent.iterdir()] == ["raw"], "nothing is left beside it"


def test_refuses_what_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match=r"1 files that were not generated here \(first 'mine.txt'\)"):
        write_raw(tmp_path, dataset="brace", num_videos=1, frames_per_video=4, seed=0)
    target = tmp_path / "raw"
    write_raw(target, dataset="brace", num_videos=1, frames_per_video=4, seed=0)
    (target / "annotations" / "notes.txt").write_text("precious")
    with pytest.raises(InputError, match=r"annotations/notes\.txt"):
        write_raw(target, dataset="brace", num_videos=1, frames_per_video=4, seed=0)
    with pytest.raises(InputError, match="must be a folder"):
        write_raw(tmp_path / "mine.txt", dataset="brace", num_videos=1, frames_per_video=4, seed=0)
    with pytest.raises(InputError, match="cannot be written"):
        write_raw(tmp_path / "mine.txt" / "raw", dataset="brace", num_videos=1, frames_per_video=4, seed=0)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_an_interruption_leaves_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "raw"
    write_raw(target, dataset="penn_action", num_videos=2, frames_per_video=4, seed=0)
    before = tree(target)

    def interrupt(path: str) -> None:
        if path.endswith("0003.mat"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_raw(target, dataset="penn_action", num_videos=5, frames_per_video=4, seed=1, on_file=interrupt)
    assert tree(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_misuse(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dataset must be one of .*Received: dataset='coco'"):
        write_raw(tmp_path / "raw", dataset="coco", num_videos=1, frames_per_video=4, seed=0)
    with pytest.raises(ValueError, match="Received: frames_per_video=0"):
        write_raw(tmp_path / "raw", dataset="brace", num_videos=1, frames_per_video=0, seed=0)


@pytest.mark.parametrize("dataset", ["penn_action", "brace", "climbalong"])
def test_one_frame_is_enough(dataset: str, tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", dataset=dataset, num_videos=1, frames_per_video=1, seed=9)
    assert tree(tmp_path / "raw")


def tool(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "tools" / "make_sample_raw.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_tool(repository: Path, tmp_path: Path) -> None:
    target = tmp_path / "raw"
    arguments = ("--dataset=brace", "--num_videos=2", "--frames_per_video=8", "--seed=4")
    done = tool(repository, f"--raw_dir={target}", *arguments)
    assert done.returncode == 0, done.stderr
    assert "generated files in the layout of brace" in done.stdout
    write_raw(tmp_path / "direct", dataset="brace", num_videos=2, frames_per_video=8, seed=4)
    assert tree(target) == tree(tmp_path / "direct")
    (target / "mine.txt").write_text("precious")
    refused = tool(repository, f"--raw_dir={target}", *arguments)
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1
    assert tool(repository, *arguments).returncode == 2
