"""The ClimbAlong reader on small files with expected values."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from raw_builders import FRAMES, GRID, climb_arrays, write_climb

from kerasmooth import boxes
from kerasmooth.clip import PoseClip
from kerasmooth.datasets import ClimbAlong
from kerasmooth.datasets.climbalong import clamp_to_grid

HEIGHT, WIDTH = GRID


def read_one(raw_dir: Path, **options: str) -> PoseClip:
    reader = ClimbAlong(raw_dir, **options)
    (clip,) = reader.read(reader.list_sources()[0]).clips
    return clip


def test_a_video_is_a_clip_with_the_detectors_boxes_and_heatmaps(tmp_path: Path) -> None:
    write_climb(tmp_path)
    clip = read_one(tmp_path)
    arrays = climb_arrays()
    assert (clip.clip_id, clip.video_id) == ("climbalong/wall", "climbalong/wall")
    assert (clip.fps, clip.image_size, clip.label, clip.official_split) == (30.0, (1920, 1080), "", "")
    assert clip.frame_numbers.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(clip.keypoints, arrays["keypoints"][:, 0, :, :2])
    assert clip.visibility.all()
    np.testing.assert_array_equal(clip.boxes, arrays["bboxes"])
    assert clip.heatmaps is not None
    assert clip.heatmaps.shape == (FRAMES, HEIGHT, WIDTH, 25)
    assert clip.heatmaps.dtype == np.float32
    for k in (0, 7, 24):
        np.testing.assert_array_equal(clip.heatmaps[2, :, :, k], arrays["heatmaps"][2, k])
    assert clip.heatmaps.min() < 0  # raw scores


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8"])
def test_scores_of_every_type_become_float32(tmp_path: Path, dtype: str) -> None:
    heatmaps = np.arange(FRAMES * 25 * HEIGHT * WIDTH).reshape(FRAMES, 25, HEIGHT, WIDTH) % 200
    write_climb(tmp_path, heatmaps=heatmaps.astype(dtype))
    found = read_one(tmp_path).heatmaps
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.moveaxis(found, -1, 1), heatmaps)


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [100, 200, 100, 320], [100, 200, 180, 200], [np.nan] * 4])
def test_a_frame_without_detection_stays_with_no_box_and_no_scores(tmp_path: Path, box: list[float]) -> None:
    arrays = climb_arrays()
    arrays["bboxes"][1] = box
    arrays["heatmaps"][1] = np.nan
    write_climb(tmp_path, **arrays)
    for option in ("clamp", "drop"):
        clip = read_one(tmp_path, outside_box=option)
        assert boxes.has_area(clip.boxes).tolist() == [True, False, True, True]
        assert np.isnan(clip.boxes[1]).all()
        assert clip.heatmaps is not None
        assert not clip.heatmaps[1].any()
        np.testing.assert_array_equal(clip.keypoints[1], arrays["keypoints"][1, 0, :, :2])
        assert clip.visibility[1].all()


def outside_points() -> dict[str, np.ndarray]:
    """Box (100, 200) to (180, 320), cells of 10 x 20 pixels; keypoints of frame 1 in and around it."""
    arrays = climb_arrays()
    arrays["keypoints"][1, 0, :5, :2] = [[50, 265], [230, 265], [143, 100], [200, 400], [101, 201]]
    return arrays


def test_clamp_moves_keypoints_outside_the_box_to_the_nearest_border_cell(tmp_path: Path) -> None:
    arrays = outside_points()
    write_climb(tmp_path, **arrays)
    clip = read_one(tmp_path)
    assert clip.visibility.all()
    # Centres of the border cells: 105 and 175 across, 210 and 310 down. An axis inside the box stays as it is.
    assert clip.keypoints[1, :5].tolist() == [[105, 265], [175, 265], [143, 210], [175, 310], [101, 201]]
    np.testing.assert_array_equal(clip.keypoints[1, 5:], arrays["keypoints"][1, 0, 5:, :2])
    cells = np.rint(boxes.to_heatmap(clip.keypoints, clip.boxes, GRID))
    assert cells[1, :4].tolist() == [[0, 3], [7, 3], [4, 0], [7, 5]]
    assert boxes.inside(cells, GRID).all()


def test_drop_makes_them_invisible(tmp_path: Path) -> None:
    write_climb(tmp_path, **outside_points())
    clip = read_one(tmp_path, outside_box="drop")
    assert clip.visibility[1, :6].tolist() == [False] * 4 + [True] * 2
    assert clip.visibility.sum() == FRAMES * 25 - 4
    assert clip.keypoints[1, 4].tolist() == [101, 201]


def test_clamping_leaves_frames_without_a_box_alone() -> None:
    keypoints = np.array([[[3.0, 4.0]]])
    np.testing.assert_array_equal(clamp_to_grid(keypoints, np.full((1, 4), np.nan), GRID), keypoints)


@pytest.mark.parametrize(("annotated", "kept"), [(25, True), (23, True), (22, False), (0, False)])
def test_a_video_with_too_few_keypoints_in_its_first_frame_is_skipped(
    tmp_path: Path, annotated: int, kept: bool
) -> None:
    arrays = climb_arrays()
    arrays["keypoints"][0, 0, annotated:] = 0
    write_climb(tmp_path, **arrays)
    reader = ClimbAlong(tmp_path)
    result = reader.read("input/wall.npz")
    assert bool(result.clips) == kept
    assert result.dropped == ({} if kept else {"few_keypoints_in_first_frame": FRAMES})
    if kept:
        assert result.clips[0].visibility.sum(axis=1).tolist() == [annotated, 25, 25, 25]


def test_an_unannotated_keypoint_may_hold_anything(tmp_path: Path) -> None:
    arrays = climb_arrays()
    arrays["keypoints"][2, 0, 3] = [np.nan, 1e12, 0]
    write_climb(tmp_path, **arrays)
    clip = read_one(tmp_path)
    assert not clip.visibility[2, 3]
    assert np.isfinite(clip.keypoints).all()


def test_sources_are_all_videos_that_have_an_input_or_a_target(tmp_path: Path) -> None:
    for video in ("b", "a", "c"):
        paths = write_climb(tmp_path, video)
    paths[0].unlink()
    assert ClimbAlong(tmp_path).list_sources() == ["input/a.npz", "input/b.npz", "input/c.npz"]


def test_a_pickled_reader_reads_the_same(tmp_path: Path) -> None:
    write_climb(tmp_path, **outside_points())
    reader = ClimbAlong(tmp_path, "drop")
    copy = pickle.loads(pickle.dumps(reader))
    assert copy == reader
    np.testing.assert_array_equal(
        copy.read("input/wall.npz").clips[0].visibility, read_one(tmp_path, outside_box="drop").visibility
    )


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: outside_box='shrink'"):
        ClimbAlong(Path(), outside_box="shrink")
