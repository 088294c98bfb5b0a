"""The Penn Action reader on small files with expected values, and on the real label files."""

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from raw_builders import FRAMES, penn_fields, write_penn

from kerasmooth import boxes
from kerasmooth.clip import PoseClip
from kerasmooth.datasets import DATASETS, PennAction, ReadResult
from kerasmooth.skeletons import BOULDERING_25, PENN_ACTION_13


def read_one(raw_dir: Path, **options: object) -> PoseClip:
    reader = PennAction(raw_dir, **options)
    (clip,) = reader.read(reader.list_sources()[0]).clips
    return clip


def test_a_file_is_a_clip_with_its_joints_at_their_names(tmp_path: Path) -> None:
    write_penn(tmp_path)
    clip = read_one(tmp_path)
    fields = penn_fields()
    assert (clip.clip_id, clip.video_id) == ("penn_action/0001", "penn_action/0001")
    assert (clip.label, clip.official_split) == ("bench_press", "train")
    assert (clip.image_size, clip.fps, clip.heatmaps) == ((270, 480), None, None)
    assert clip.frame_numbers.tolist() == [1, 2, 3, 4]
    for name in BOULDERING_25.keypoints:
        k = BOULDERING_25.index(name)
        known = name in PENN_ACTION_13.keypoints
        assert clip.visibility[:, k].all() == clip.visibility[:, k].any() == known
        if known:
            joint = PENN_ACTION_13.index(name)
            np.testing.assert_array_equal(clip.keypoints[:, k, 0], fields["x"][:, joint])
            np.testing.assert_array_equal(clip.keypoints[:, k, 1], fields["y"][:, joint])


def test_boxes_put_positions_where_the_published_scale_puts_them(tmp_path: Path) -> None:
    write_penn(tmp_path)
    clip = read_one(tmp_path, size=(40, 56))
    x, y = penn_fields()["x"], penn_fields()["y"]
    left, width = x.min(1) - 0.05 * 240, 1.1 * 240
    top, height = y.min(1) - 0.05 * 84, 92  # 1.1 * 84 = 92.4: the published code rounds the box to whole pixels
    wrist = BOULDERING_25.index("left_wrist")
    found = boxes.to_heatmap(clip.keypoints, clip.boxes, (40, 56))[:, wrist]
    np.testing.assert_allclose(found[:, 0], (x[:, 5] - left) * 55 / width, atol=1e-9)
    np.testing.assert_allclose(found[:, 1], (y[:, 5] - top) * 39 / height, atol=1e-9)


def test_occluded_and_unannotated_joints_are_invisible_and_do_not_stretch_the_box(tmp_path: Path) -> None:
    fields = penn_fields()
    fields["visibility"][1, 6] = 0  # occluded: the position is a plausible guess, far out
    fields["x"][1, 6] = 470.0
    fields["visibility"][2, 12] = 0  # not annotated: (1, 1) rescaled with the clip
    fields["x"][2, 12] = fields["y"][2, 12] = 1.3333
    fields["x"][3, 12] = fields["y"][3, 12] = 1.3333  # the same mark under a flag that is set
    write_penn(tmp_path, **fields)
    clip = read_one(tmp_path)
    right_wrist, right_ankle = (BOULDERING_25.index(name) for name in ("right_wrist", "right_ankle"))
    assert clip.visibility.sum(axis=1).tolist() == [13, 12, 12, 12]
    assert not clip.visibility[1, right_wrist]
    assert not clip.visibility[2:, right_ankle].any()
    assert clip.boxes[1, 2] < 400
    assert clip.boxes[2:, 0].min() > 80
    assert np.all(clip.keypoints[~clip.visibility] == 0)


def test_unsigned_coordinates_do_not_wrap_around(tmp_path: Path) -> None:
    x, y = penn_fields()["x"] - 98, penn_fields()["y"]
    write_penn(tmp_path, x=x.astype(np.uint16), y=y.astype(np.uint8))
    clip = read_one(tmp_path)
    np.testing.assert_array_equal(clip.keypoints[:, BOULDERING_25.index("nose")], np.stack([x[:, 0], y[:, 0]], -1))
    assert clip.boxes[0, 0] < 2 - 0.05 * 240  # left of the image: an unsigned difference would be huge
    assert boxes.has_area(clip.boxes).all()


def test_faults_of_fields_that_are_not_needed_do_no_harm(tmp_path: Path) -> None:
    fields = penn_fields(300)
    fields["bbox"] = fields["bbox"][:-1]
    fields["dimensions"][0, 2] = 1
    write_penn(tmp_path, **fields)
    assert read_one(tmp_path).num_frames == 300


def test_visible_joints_beyond_the_image_stay_and_the_image_size_is_not_believed(tmp_path: Path) -> None:
    fields = penn_fields()
    fields["x"][0, 3] = 637.0
    write_penn(tmp_path, **fields)
    clip = read_one(tmp_path)
    assert clip.visibility[0].sum() == 13
    assert clip.keypoints[0, BOULDERING_25.index("left_elbow"), 0] == 637.0
    assert clip.image_size is None


@pytest.mark.parametrize("visible", [0, 1])
def test_a_frame_without_two_visible_joints_has_no_box(tmp_path: Path, visible: int) -> None:
    fields = penn_fields()
    fields["visibility"][2] = np.arange(13) < visible
    write_penn(tmp_path, **fields)
    clip = read_one(tmp_path)
    assert clip.num_frames == FRAMES
    assert np.isnan(clip.boxes[2]).all()
    assert boxes.has_area(clip.boxes).tolist() == [True, True, False, True]


def test_a_file_of_one_frame_and_the_test_flag(tmp_path: Path) -> None:
    write_penn(tmp_path, **(penn_fields(1) | {"train": np.array([[-1]], np.int32)}))
    clip = read_one(tmp_path)
    assert (clip.num_frames, clip.official_split) == (1, "test")


@pytest.mark.parametrize(
    ("actions", "kept"),
    [
        ("published", {"baseball_pitch", "bench_press"}),
        ("intended", {"baseball_pitch", "bench_press", "situp"}),
        ("all", {"baseball_pitch", "bench_press", "situp", "bowl"}),
    ],
)
def test_actions_select_and_the_rest_is_counted(tmp_path: Path, actions: str, kept: set[str]) -> None:
    names = ("baseball_pitch", "bench_press", "situp", "bowl")
    for i, action in enumerate(names):
        write_penn(tmp_path, f"{i:04}", **(penn_fields(i + 1) | {"action": action}))
    reader = PennAction(tmp_path, actions)
    results = [reader.read(source) for source in reader.list_sources()]
    assert {clip.label for result in results for clip in result.clips} == kept
    dropped = sum((Counter(result.dropped) for result in results), Counter())
    assert dropped["other_action"] == sum(i + 1 for i, action in enumerate(names) if action not in kept)


def test_the_default_selection_is_the_intended_one() -> None:
    assert PennAction(Path()).actions == "intended"


def test_occluded_joints_inside_the_grid_can_be_kept_as_in_the_published_code(tmp_path: Path) -> None:
    fields = penn_fields()
    fields["visibility"][1, 5:8] = 0
    fields["x"][1, 5] = 470.0  # far outside the box of the others
    fields["x"][1, 7] = fields["y"][1, 7] = 1.3333  # not annotated
    fields["visibility"][2, 1:] = 0  # nothing that spans a box
    write_penn(tmp_path, **fields)
    clip = read_one(tmp_path, occluded="keep")
    left_wrist, right_wrist, left_hip = (
        BOULDERING_25.index(name) for name in ("left_wrist", "right_wrist", "left_hip")
    )
    assert clip.visibility[1, [left_wrist, right_wrist, left_hip]].tolist() == [False, True, False]
    assert clip.keypoints[1, right_wrist].tolist() == [100 + 120 + 2, 60 + 42 + 1]
    assert not clip.visibility[2].any()
    np.testing.assert_array_equal(clip.boxes, read_one(tmp_path).boxes)


def test_an_unknown_treatment_of_occluded_joints_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: occluded='some'"):
        PennAction(Path(), occluded="some")


def test_an_unknown_selection_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: actions='some'"):
        PennAction(Path(), actions="some")


def test_sources_are_sorted_and_leave_out_what_is_no_label_file(tmp_path: Path) -> None:
    for name in ("0010", "0002", "0001"):
        write_penn(tmp_path, name)
    (tmp_path / "labels" / "._0001.mat").write_bytes(b"x")
    (tmp_path / "labels" / "readme.txt").write_bytes(b"x")
    assert PennAction(tmp_path).list_sources() == ["labels/0001.mat", "labels/0002.mat", "labels/0010.mat"]


def test_a_pickled_reader_reads_the_same(tmp_path: Path) -> None:
    write_penn(tmp_path)
    reader = PennAction(tmp_path, "all", size=(40, 56))
    copy = pickle.loads(pickle.dumps(reader))
    assert copy == reader
    np.testing.assert_array_equal(copy.read("labels/0001.mat").clips[0].boxes, read_one(tmp_path, size=(40, 56)).boxes)


def test_the_registry_has_every_reader_by_its_name() -> None:
    assert {"penn_action", "brace", "climbalong", "sample"} <= set(DATASETS)
    for name, reader in DATASETS.items():
        assert reader.name == name
        assert all((reader.licence, reader.citation, reader.obtain))


# On the real files ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_files(shared_data: Path) -> dict[str, ReadResult]:
    reader = PennAction(shared_data / "penn_action", actions="all")
    return {source[-8:-4]: reader.read(source) for source in reader.list_sources()}


def test_all_real_files_are_read(real_files: dict[str, ReadResult]) -> None:
    clips = [clip for result in real_files.values() for clip in result.clips]
    assert len(clips) == len({clip.clip_id for clip in clips}) == 2326
    assert sum(clip.num_frames for clip in clips) == 163_841
    assert Counter(clip.official_split for clip in clips) == {"train": 1258, "test": 1068}
    assert sum(int((clip.visibility.sum(axis=1) == 13).sum()) for clip in clips) == 36_874
    assert sorted(n for n, r in real_files.items() if r.clips[0].image_size is None) == ["0979", "1021", "1024", "1032"]
    assert [n for n, r in real_files.items() if not r.clips[0].visibility.any()] == ["1516"]
    assert np.isnan(real_files["1516"].clips[0].boxes).all()


@pytest.mark.parametrize(("actions", "clips", "frames"), [("published", 307, 26_036), ("intended", 407, None)])
def test_real_selections_have_the_published_counts(
    shared_data: Path, real_files: dict[str, ReadResult], actions: str, clips: int, frames: int | None
) -> None:
    wanted = {"baseball_pitch", "bench_press", "situp"}
    names = [name for name, result in real_files.items() if result.clips[0].label in wanted or int(name) % 20 == 0]
    reader = PennAction(shared_data / "penn_action", actions=actions)
    results = [reader.read(f"labels/{name}.mat") for name in names]
    assert sum(len(result.clips) for result in results) == clips
    kept = sum(clip.num_frames for result in results for clip in result.clips)
    assert frames in (None, kept)
    seen = sum(real_files[name].clips[0].num_frames for name in names)
    assert kept + sum(result.dropped.get("other_action", 0) for result in results) == seen


@pytest.mark.parametrize("number", range(1, 13))
def test_positions_are_those_of_the_published_code(
    shared_data: Path, real_files: dict[str, ReadResult], golden: dict[str, np.ndarray], number: int
) -> None:
    expected = golden[f"penn_{number:04}"].astype(float)
    reader = PennAction(shared_data / "penn_action", actions="all", occluded="keep")
    (clip,) = reader.read(f"labels/{number:04}.mat").clips
    np.testing.assert_array_equal(clip.visibility, expected[..., 0] >= 0)
    (without_occluded,) = real_files[f"{number:04}"].clips
    assert np.all(clip.visibility[without_occluded.visibility])
    same = clip.keypoints == without_occluded.keypoints
    assert same[without_occluded.visibility].all()
    found = boxes.to_heatmap(clip.keypoints, clip.boxes, (56, 56))[clip.visibility]
    wanted = expected[clip.visibility]
    # Rounding noise decides exact ties, so compare the continuous position with the published cell.
    assert np.abs(found - wanted).max() <= 0.5 + 1e-6
    tie = np.abs(np.abs(found - wanted) - 0.5) < 1e-6
    assert np.array_equal(np.rint(found)[~tie], wanted[~tie])
