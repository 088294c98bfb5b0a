"""The third coordinate as one of many columns or arrays: read, written, and carried from form to form."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from recordings import FPS, moving, recording, written

from kerasmooth import formats
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BLAZEPOSE_33, COCO_17, Skeleton

OURS = ("npz", "parquet")

LONG = """Frame,Landmark_ID,Landmark_X,Landmark_Y,Landmark_Z,note
0,0,1.5,2.5,3.5,a
0,1,4.0,5.0,,b
1,0,1.6,2.6,,c
1,1,4.1,5.1,6.1,d
"""


def test_z_of_a_long_file_is_the_depth(tmp_path: Path) -> None:
    clip, out = tmp_path / "clip.csv", tmp_path / "out.csv"
    clip.write_text(LONG)
    table = formats.read(clip)
    assert table.depth is not None
    np.testing.assert_array_equal(table.depth, [[3.5, np.nan], [np.nan, 6.1]])
    formats.write(table, out)
    assert out.read_text() == LONG
    formats.write(table.with_(depth=np.array([[3.5, 7], [np.nan, np.nan]])), out)
    lines = LONG.replace("5.0,,", "5.0,7.0,").replace("6.1,", ",")
    assert out.read_text() == lines
    formats.write(table.with_(keypoints=table.keypoints + [0.25, 0]), out)
    assert [line.split(",")[3:] for line in out.read_text().splitlines()[1:3]] == [
        ["2.5", "3.5", "a"],
        ["5.0", "", "b"],
    ]


def test_a_long_file_with_a_depth_that_is_no_number(smooth: Callable[..., Any], tmp_path: Path) -> None:
    clip = tmp_path / "clip.csv"
    clip.write_text(LONG.replace("6.1", "deep"))
    done = smooth(clip, f"--output={tmp_path / 'out.csv'}", "--fps=30")
    assert done.is_bad_input
    assert "Landmark_Z in line 5 must be a number" in done.err


def deep(frames: int, people: int = 1, skeleton: Skeleton = COCO_17) -> PoseTable:
    """A recording with depths, of which those are missing whose x and y are, and some more."""
    table = recording(frames, people, skeleton=skeleton)
    depth = moving(frames, skeleton.num_keypoints, seed=9)[table.frames, :, 0]
    depth[np.isnan(table.keypoints[..., 0]) | (np.random.default_rng(0).random(depth.shape) < 0.02)] = np.nan
    return table.with_(depth=depth)


def stored(path: Path) -> dict[str, np.ndarray]:
    """What a plain parser finds in a file of ours: arrays or columns by name."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return dict(archive)
    columns = parquet.read_table(path)
    return {name: columns[name].to_numpy() for name in columns.column_names}


@pytest.mark.parametrize("to", OURS)
def test_our_files_hold_the_depth_of_tables_that_have_one(tmp_path: Path, to: str) -> None:
    table = deep(30)
    with_depth = stored(written(tmp_path / f"deep.{to}", to, table))
    without = stored(written(tmp_path / f"flat.{to}", to, table.with_(depth=None)))
    assert table.depth is not None
    assert with_depth.keys() - without.keys() == {"depth" if to == "npz" else "z"}
    depth = with_depth["depth"] if to == "npz" else with_depth["z"].reshape(table.depth.shape)
    np.testing.assert_array_equal(depth, table.depth)
    np.testing.assert_array_equal(formats.read(tmp_path / f"deep.{to}").depth, table.depth)
    assert formats.read(tmp_path / f"flat.{to}").depth is None
    again = written(tmp_path / f"again.{to}", to, formats.read(tmp_path / f"deep.{to}"))
    for name, values in stored(again).items():
        np.testing.assert_array_equal(values, with_depth[name])


@pytest.mark.parametrize("to", OURS)
def test_our_files_are_smoothed_in_depth_too(smooth: Callable[..., Any], tmp_path: Path, to: str) -> None:
    table = deep(450, people=2)
    clip = written(tmp_path / f"clip.{to}", to, table)
    out = tmp_path / f"out.{to}"
    assert smooth(clip, f"--output={out}", "--method=gaussian", "--extend=0.3", "--fps=30").code == 0
    result = formats.read(out)
    order = np.lexsort((result.people, result.frames))
    assert table.depth is not None
    assert result.depth is not None
    rough, smoothed = (np.diff(z[0::2], n=2, axis=0) for z in (table.depth, result.depth[order]))
    assert len(result.depth) > len(table.frames)
    assert np.nanmedian(np.abs(smoothed)) < 0.5 * np.nanmedian(np.abs(rough))


@pytest.mark.parametrize("form", ["trc", "wide_csv", "tidy_csv"])
@pytest.mark.parametrize("ours", OURS)
def test_z_goes_through_our_files_and_back(smooth: Callable[..., Any], tmp_path: Path, form: str, ours: str) -> None:
    suffix = formats.FORMATS[form].suffix
    clip = written(tmp_path / f"clip{suffix}", form, deep(300, skeleton=BLAZEPOSE_33))
    words = ("--fps=30", "--strength=0", "--max_gap=0", "--nooutliers", "--noswaps")
    middle, end = tmp_path / f"middle.{ours}", tmp_path / "end.trc"
    assert smooth(clip, f"--output={middle}", f"--to={ours}", *words).code == 0
    assert smooth(middle, f"--output={end}", "--to=trc", *words).code == 0
    first, last = formats.read(clip, fps=FPS), formats.read(end)
    np.testing.assert_array_equal(last.frames, first.frames)
    assert first.depth is not None
    np.testing.assert_array_equal(last.depth, first.depth)
    np.testing.assert_array_equal(last.keypoints, first.keypoints)


BAD_DEPTHS = {
    "of fewer rows": (np.ones((29, 17)), "depth must have shape (30, 17)"),
    "of three axes": (np.ones((30, 17, 1)), "depth must have shape (30, 17)"),
    "of texts": (np.full((30, 17), "1.0"), "depth must hold numbers"),
    "of objects": (np.full((30, 17), None, object), "depth must be a readable array"),
    "beyond all": (np.full((30, 17), 1e300), "depth must be within"),
    "infinite": (np.full((30, 17), np.inf), "depth must be within"),
}


@pytest.mark.parametrize("kind", BAD_DEPTHS)
def test_a_bad_array_of_depths_is_told(smooth: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    depth, told = BAD_DEPTHS[kind]
    table = written(tmp_path / "made.npz", "npz", full(30))
    np.savez(tmp_path / "clip.npz", **stored(table), depth=depth)
    done = smooth(tmp_path / "clip.npz", f"--output={tmp_path / 'out.npz'}", "--fps=30")
    assert done.is_bad_input
    assert told in done.err


@pytest.mark.parametrize(("bad", "told"), [("deep", "z must be numbers"), (1e300, "depth must be within")])
def test_a_bad_column_of_depths_is_told(smooth: Callable[..., Any], tmp_path: Path, bad: Any, told: str) -> None:
    columns = parquet.read_table(written(tmp_path / "made.parquet", "parquet", full(30).with_(depth=np.ones((30, 17)))))
    columns = columns.set_column(columns.column_names.index("z"), "z", [[bad] * len(columns)])
    parquet.write_table(columns, tmp_path / "clip.parquet")
    done = smooth(tmp_path / "clip.parquet", f"--output={tmp_path / 'out.parquet'}", "--fps=30")
    assert done.is_bad_input
    assert told in done.err


def full(frames: int) -> PoseTable:
    """One person in every frame, without a depth."""
    numbers, points = np.arange(frames), moving(frames, 17)
    return PoseTable(numbers, numbers * 0, points, np.ones(points.shape[:2]), numbers, COCO_17, FPS, (1000, 1200))
