"""Files that are smoothed in blocks: the same as in memory, in memory that stays flat, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from long_inputs import ALWAYS, FPS, recording, written

from kerasmooth import formats
from kerasmooth.formats import blocks
from kerasmooth.pose_files import long_files
from kerasmooth.pose_files.tables import smooth_table
from kerasmooth.skeletons import BLAZEPOSE_33, BODY_25
from kerasmooth.smoothing.settings import SmoothingSettings


def contents(path: Path) -> dict[str, Any]:
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            names: list[str] = []
            file.visit(names.append)
            arrays = {name: file[name] for name in names if isinstance(file[name], h5py.Dataset)}
            return {name: (each.dtype, each.shape, each[()].tobytes()) for name, each in arrays.items()}
    if path.is_file():
        return {path.suffix: path.read_bytes()}
    return {child.name: child.read_bytes() for child in path.iterdir()}


FILES = {
    "one animal": ("deeplabcut", ".csv", {"people": 1}),
    "animals whose ids jump": ("deeplabcut", ".csv", {"people": 3, "jumps": 12}),
    "landmarks": ("mediapipe", ".csv", {"skeleton": BLAZEPOSE_33}),
    "markers": ("trc", ".trc", {"skeleton": BODY_25}),
    "people of openpose": ("openpose", "", {"people": 2, "skeleton": BODY_25, "ids": False}),
    "labels": ("ultralytics_txt", "", {"people": 2}),
    "records of coco": ("coco", ".json", {"people": 2, "ids": False}),
    "records of alphapose": ("alphapose", ".json", {"people": 3, "jumps": 12}),
    "frames of mmpose": ("mmpose", ".json", {"people": 2}),
    "frames of ultralytics": ("ultralytics", ".json", {"people": 2, "ids": False}),
    "a video of openpifpaf": ("openpifpaf", ".openpifpaf.json", {"people": 2, "ids": False}),
    "parquet": ("parquet", ".parquet", {"people": 2, "ids": False}),
    "landmarks line by line": ("mediapipe_long", ".csv", {"skeleton": BLAZEPOSE_33}),
    "landmarks of people": ("mediapipe_long", ".csv", {"people": 2, "skeleton": BODY_25}),
    "our own": ("npz", ".npz", {"people": 2, "ids": False}),
    "one animal, as HDF5": ("deeplabcut_h5", ".h5", {"people": 1}),
    "animals whose ids jump, as HDF5": ("deeplabcut_h5", ".h5", {"people": 3, "jumps": 12}),
    "tracks": ("sleap", ".h5", {"people": 2}),
    "tracks that jump": ("sleap", ".h5", {"people": 3, "jumps": 12}),
}


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("name", FILES)
def test_blocks_give_what_memory_gives(smooth: Callable[..., Any], tmp_path: Path, name: str) -> None:
    to, suffix, people = FILES[name]
    clip = written(tmp_path / f"clip{suffix}", to, recording(500, **people))
    words = ("--fps=30", "--method=gaussian", "--image_size=1080x1920", "--extend=0.3")
    for block, out in (("0", "memory"), ("3600", "blocks")):
        report = tmp_path / f"{out}.told"
        done = smooth(
            clip, f"--output={tmp_path / out}{suffix}", f"--block_seconds={block}", f"--report={report}", *words
        )
        assert done.code == 0, done.err
    memory, inside = (tmp_path / f"{out}{suffix}" for out in ("memory", "blocks"))
    if to in ("parquet", "npz"):  # where added rows stand among the others
        tables = [formats.read(path) for path in (memory, inside)]
        tables = [table.with_(source=None) for table in tables]
        orders = [np.lexsort((table.people, table.frames)) for table in tables]
        for field in ("frames", "people", "keypoints", "confidence", "provenance", "deviation"):
            np.testing.assert_array_equal(*(getattr(t, field)[o] for t, o in zip(tables, orders, strict=True)))
        np.testing.assert_array_equal(*(table.frame_numbers for table in tables))
    else:
        assert contents(memory) == contents(inside)
    told = [json.loads((tmp_path / f"{out}.told").read_text())[0]["people"] for out in ("memory", "blocks")]
    assert [person["person"] for person in told[0]] == [person["person"] for person in told[1]]
    for one, other in zip(*told, strict=True):
        for number in ("frames", "frames_added", "jitter_before", "jitter_after"):
            assert one[number] == pytest.approx(other[number], rel=1e-9), number
        for count in ("gaps_filled", "outliers", "swaps"):
            assert sum_of(one, count) == sum_of(other, count)


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("jumps", [0, 12])
def test_cuts_and_jumps_are_told_as_in_memory(smooth: Callable[..., Any], tmp_path: Path, jumps: int) -> None:
    table = recording(500, people=3, jumps=jumps)
    # Another camera, from behind: were all moved alike, it would be a camera that turns.
    behind = table.keypoints * [-1, 1] + [3500, 200]
    keypoints = np.where((table.frames >= 250)[:, None, None], behind, table.keypoints)
    clip = written(tmp_path / "clip.csv", "deeplabcut", table.with_(keypoints=keypoints))
    told = []
    for block in (0, 3600):
        report = tmp_path / f"{block}.json"
        words = (f"--block_seconds={block}", f"--report={report}", "--fps=30", "--method=gaussian")
        assert smooth(clip, f"--output={tmp_path / str(block)}.csv", *words).code == 0
        told.append([json.loads(report.read_text())[0][count] for count in ("cuts", "jumps")])
    assert told[0] == told[1]
    assert told[0][0] == 1
    assert (told[0][1] > 0) == (jumps > 0)


def sum_of(person: dict[str, Any], count: str) -> int:
    return sum(sum(part[count]) for part in person["parts"])


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize(
    ("start", "newline", "end", "numbered"),
    [("", "\n", "\n", False), ("\ufeff", "\r\n", "\r\n", True), ("", "\n", "", False), ("", "\n", "\n\n \n", True)],
    ids=["no frame column", "windows", "no last newline", "blank lines"],
)
def test_a_text_keeps_its_form(
    smooth: Callable[..., Any], tmp_path: Path, start: str, newline: str, end: str, numbered: bool
) -> None:
    made = written(tmp_path / "made.csv", "mediapipe", recording(450)).read_text().splitlines()
    lines = made if numbered else [line.partition(",")[2] for line in made]
    lines[200] += newline  # a blank line
    clip = tmp_path / "clip.csv"
    clip.write_bytes((start + newline.join(lines) + end).encode())
    for block in (0, 3600):
        done = smooth(
            clip, f"--output={tmp_path / str(block)}.csv", f"--block_seconds={block}", "--fps=30", "--method=median"
        )
        assert done.code == 0, done.err
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "3600.csv").read_bytes()


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("method", ["auto", "kalman", "one_euro", "gcv_spline"])
def test_methods_that_tune_themselves(smooth: Callable[..., Any], tmp_path: Path, method: str) -> None:
    clip = written(tmp_path / "clip.csv", "deeplabcut", recording(400))
    for block in (0, 3600):
        out = f"--output={tmp_path / str(block)}.csv"
        assert smooth(clip, out, f"--block_seconds={block}", "--fps=30", f"--method={method}").code == 0
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "3600.csv").read_bytes()


@pytest.mark.parametrize(
    ("method", "most", "usual"),
    [
        ("gaussian", 1e-9, 1e-9),
        ("butterworth", 1e-9, 1e-9),
        ("median", 1e-9, 1e-9),
        ("savgol", 1e-3, 1e-9),
        ("one_euro", 1.0, 0.05),
        ("kalman", np.inf, 0.1),
        ("auto", np.inf, 0.4),
    ],
)
def test_shorter_blocks_differ_by_little(
    smooth: Callable[..., Any], tmp_path: Path, method: str, most: float, usual: float
) -> None:
    """The noise is 2 px. What is tuned on a block is tuned on less, so that it differs; by less than the noise."""
    clip = written(tmp_path / "clip.csv", "deeplabcut", recording(900))
    tables = []
    for block in (0, 10):
        out = tmp_path / f"{block}.csv"
        assert smooth(clip, f"--output={out}", f"--block_seconds={block}", "--fps=30", f"--method={method}").code == 0
        tables.append(formats.read(out))
    np.testing.assert_array_equal(*(np.isnan(table.keypoints) for table in tables))
    apart = np.linalg.norm(tables[0].keypoints - tables[1].keypoints, axis=-1)
    assert np.nanmax(apart) <= most
    assert np.nanmedian(apart) <= usual


@pytest.mark.usefixtures("short_blocks")
def test_somebody_stays_the_same_over_many_blocks(smooth: Callable[..., Any], tmp_path: Path) -> None:
    table = recording(700, people=3, ids=False)
    clip = written(tmp_path / "clip", "openpose", table)
    assert smooth(clip, f"--output={tmp_path / 'out'}", ALWAYS, "--fps=30", "--method=gaussian").code == 0
    new = formats.read(tmp_path / "out")
    for person in np.unique(new.people):
        assert np.ptp(np.nanmean(new.keypoints[new.people == person, :, 0], axis=1)) < 450
    # Somebody who was away for 40 or 100 frames is a new one.
    assert 3 <= len(np.unique(new.people)) <= 6


@pytest.mark.usefixtures("short_blocks")
def test_who_leaves_for_good_keeps_nobody_waiting(smooth: Callable[..., Any], tmp_path: Path) -> None:
    table = recording(1200, people=2)
    rows = (table.people == 0) | (table.frames < 100) | (table.frames > 1100)
    fields = ("frames", "people", "keypoints", "confidence", "provenance", "deviation")
    table = table.with_(**{field: getattr(table, field)[rows] for field in fields})
    clip = written(tmp_path / "clip.csv", "deeplabcut", table)
    for block in (0, 3600):
        out = f"--output={tmp_path / str(block)}.csv"
        assert smooth(clip, out, f"--block_seconds={block}", "--fps=30", "--method=gaussian").code == 0
    one, other = (formats.read(tmp_path / f"{block}.csv") for block in (0, 3600))
    np.testing.assert_array_equal(one.frames, other.frames)
    apart = np.linalg.norm(one.keypoints - other.keypoints, axis=-1)
    assert np.nanmax(apart[one.people == 0]) == 0
    # The one who left is measured by what is near: the size of a person decides what an outlier is.
    assert np.nanquantile(apart, 0.999) < 1e-9


@pytest.mark.usefixtures("short_blocks")
def test_frames_that_are_regularly_apart(smooth: Callable[..., Any], tmp_path: Path) -> None:
    table = recording(400)
    numbers = table.frames * 5 + 3
    clip = written(tmp_path / "clip.csv", "deeplabcut", table.with_(frames=numbers, frame_numbers=numbers))
    for block in (0, 3600):
        out = f"--output={tmp_path / str(block)}.csv"
        assert smooth(clip, out, f"--block_seconds={block}", "--fps=150", "--method=gaussian").code == 0
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "3600.csv").read_bytes()
    assert len(formats.read(tmp_path / "0.csv").frames) > len(table.frames)


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize("to", ["parquet", "npz"])
def test_any_of_them_becomes_ours(smooth: Callable[..., Any], tmp_path: Path, to: str) -> None:
    clip = written(tmp_path / "clip.csv", "deeplabcut", recording(350))
    for block in (0, 3600):
        words = (f"--output={tmp_path / str(block)}.{to}", f"--block_seconds={block}", f"--to={to}")
        assert smooth(clip, *words, "--fps=30", "--method=kalman").code == 0
    one, other = (formats.read(tmp_path / f"{block}.{to}") for block in (0, 3600))
    order = np.argsort(one.frames)
    np.testing.assert_array_equal(one.keypoints[order], other.keypoints)
    np.testing.assert_array_equal(one.provenance[order], other.provenance)
    np.testing.assert_array_equal(one.frame_numbers, other.frame_numbers)
    assert (one.fps, one.skeleton, one.unit) == (other.fps, other.skeleton, other.unit)
    assert np.isfinite(other.deviation).any()


class Halfway:
    """A model that moves everything by half of what is between it and the mean of its neighbours."""

    name = "halfway"
    taught = np.ones(25, bool)

    def smooth(self, keypoints: np.ndarray, confidence: np.ndarray, fps: float) -> np.ndarray:
        around = (np.roll(keypoints, 1, axis=0) + np.roll(keypoints, -1, axis=0)) / 2
        return (keypoints + np.where(np.isfinite(around), around, keypoints)) / 2


@pytest.mark.usefixtures("short_blocks")
def test_a_model_works_in_blocks_too(tmp_path: Path) -> None:
    clip = written(tmp_path / "clip.csv", "deeplabcut", recording(500))
    table = formats.read(clip, fps=FPS)
    whole = smooth_table(table, SmoothingSettings(method="gaussian"), model=Halfway())
    file = blocks.open_blocks(clip, "deeplabcut", fps=FPS, image_size=None)
    assert file is not None
    result = long_files.smooth_long(
        file, lambda: file.writer(tmp_path / "out.csv"), SmoothingSettings(method="gaussian"), model=Halfway()
    )
    assert result.reports[0].methods == whole.reports[0].methods
    new = formats.read(tmp_path / "out.csv")
    old = whole.table.keypoints[np.argsort(whole.table.frames)]
    assert np.nanquantile(np.linalg.norm(new.keypoints - old, axis=-1), 0.99) < 1e-9
