"""The BRACE reader on small files with expected values, on real dances in its layout, and on its own tables."""

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from raw_builders import brace_content, brace_person, write_brace, write_brace_tables, write_manual

from kerasmooth import boxes
from kerasmooth.clip import PoseClip
from kerasmooth.datasets import Brace
from kerasmooth.datasets.brace_tables import read_tables
from kerasmooth.skeletons import BOULDERING_25, COCO_17


def read_all(raw_dir: Path, **options: object) -> list[PoseClip]:
    reader = Brace(raw_dir, **options)
    return [clip for source in reader.list_sources() for clip in reader.read(source).clips]


def test_a_file_is_a_clip_with_its_keypoints_at_their_names(tmp_path: Path) -> None:
    write_brace(tmp_path)
    (clip,) = read_all(tmp_path)
    assert clip.clip_id == "brace/2019/abc/abc_100-103_toprock"
    assert clip.video_id == "brace/abc"
    assert (clip.label, clip.official_split, clip.fps, clip.image_size) == ("toprock", "", None, None)
    assert clip.frame_numbers.tolist() == [100, 101, 102, 103]
    for name in BOULDERING_25.keypoints:
        k = BOULDERING_25.index(name)
        known = name in COCO_17.keypoints
        assert clip.visibility[:, k].all() == clip.visibility[:, k].any() == known
        if known:
            assert clip.keypoints[2, k].tolist() == brace_person(102)[COCO_17.index(name)][:2]


def test_boxes_put_positions_where_the_published_scale_puts_them(tmp_path: Path) -> None:
    write_brace(tmp_path)
    (clip,) = read_all(tmp_path, size=(40, 56))
    found = boxes.to_heatmap(clip.keypoints, clip.boxes, (40, 56))[0, BOULDERING_25.index("left_hip")]
    x = (30 * 11 + 0.05 * 480) * 55 / 528  # 16 steps of 30 pixels: 480, grown to 528
    y = (11 * 11 + 0.05 * 176) * 39 / 194  # 16 steps of 11 pixels: 176, grown to 193.6, rounded
    np.testing.assert_allclose(found, [x, y], atol=1e-9)


def test_frames_are_ordered_by_number_and_a_gap_starts_a_clip(tmp_path: Path) -> None:
    write_brace(tmp_path, brace_content([107, 100, 101, 105, 106, 109]))
    clips = read_all(tmp_path)
    assert [clip.frame_numbers.tolist() for clip in clips] == [[100, 101], [105, 106, 107], [109]]
    assert [clip.clip_id.rsplit("/", 1)[1] for clip in clips] == ["100", "105", "109"]
    nose = BOULDERING_25.index("nose")
    assert clips[1].keypoints[:, nose, 0].tolist() == [400.0 + frame for frame in (105, 106, 107)]


@pytest.mark.parametrize("name", ["img-000101.npz", "abc_000101.npz"])
@pytest.mark.parametrize("columns", [2, 3])
def test_a_manual_frame_replaces_the_automatic_one(tmp_path: Path, name: str, columns: int) -> None:
    write_brace(tmp_path)
    joints = np.zeros((17, columns))  # a third column of zeros: it means nothing
    joints[:, :2] = np.array(brace_person(101))[:, :2] + 7
    joints[9, :2] = 0  # left wrist: not annotated
    write_manual(tmp_path, joints, name)
    write_manual(tmp_path, joints + 50, "img-000102.npz", year="2018")  # another recording
    (clip,) = read_all(tmp_path)
    nose, wrist = BOULDERING_25.index("nose"), BOULDERING_25.index("left_wrist")
    assert clip.keypoints[:, nose, 0].tolist() == [500, 508, 502, 503]
    assert clip.visibility[:, wrist].tolist() == [True, False, True, True]


def test_a_manual_frame_fills_no_gap(tmp_path: Path) -> None:
    write_brace(tmp_path, brace_content([100, 102]))
    write_manual(tmp_path, np.array(brace_person(101)), "img-000101.npz")
    assert [clip.num_frames for clip in read_all(tmp_path)] == [1, 1]


def test_a_manual_keypoint_beyond_the_image_does_not_stretch_the_box(tmp_path: Path) -> None:
    write_brace(tmp_path)
    write_brace_tables(tmp_path)
    joints = np.array(brace_person(101))
    joints[9] = [2500, 300, 1]  # left wrist, right of the image of 1920 x 1080
    write_manual(tmp_path, joints)
    (clip,) = read_all(tmp_path)
    assert not clip.visibility[1, BOULDERING_25.index("left_wrist")]
    assert clip.visibility[1].sum() == 14
    assert clip.boxes[1, 2] < 1100


def test_what_is_not_annotated_is_invisible(tmp_path: Path) -> None:
    content = brace_content()
    first, second, third, fourth = (entry["keypoints"] for entry in content.values())
    first[0] = [0.0, 0.0, 1.0]
    second[16][2] = 0
    third[:] = []
    fourth[:] = [[0.0, 0.0, 0.0]] * 17
    content["abc/img-000104.png"] = {"keypoints": None, "score": 0.2}
    write_brace(tmp_path, content)
    (clip,) = read_all(tmp_path)
    assert clip.visibility.sum(axis=1).tolist() == [14, 14, 0, 0, 0]
    assert not clip.visibility[0, BOULDERING_25.index("nose")]
    assert not clip.visibility[1, BOULDERING_25.index("right_ankle")]
    assert boxes.has_area(clip.boxes).tolist() == [True, True, False, False, False]
    assert clip.boxes[0, 0] > 500  # the point at (0, 0) did not stretch it
    assert np.isfinite(clip.keypoints).all()


@pytest.mark.parametrize("folder", ["annotations", "."])
def test_tables_are_keyed_by_video_and_year(tmp_path: Path, folder: str) -> None:
    write_brace_tables(tmp_path, folder)
    write_brace(tmp_path)
    write_brace(tmp_path, brace_content(range(200, 204)), name="abc_200-203")
    write_brace(tmp_path, year="2020")
    write_brace(tmp_path, year="2021", video="new", name="new_100-103_powermove")
    found = {clip.clip_id: (clip.label, clip.official_split, clip.fps, clip.image_size) for clip in read_all(tmp_path)}
    assert found == {
        "brace/2019/abc/abc_100-103_toprock": ("toprock", "train", 60.0, (1080, 1920)),
        "brace/2019/abc/abc_200-203": ("footwork", "test", 60.0, (1080, 1920)),
        "brace/2020/abc/abc_100-103_toprock": ("toprock", "", 25.0, (720, 1280)),
        "brace/2021/new/new_100-103_powermove": ("powermove", "", None, None),
    }


def test_recordings_of_one_series_stay_together_and_clips_apart(tmp_path: Path) -> None:
    write_brace(tmp_path)
    write_brace(tmp_path, year="2020")
    write_brace(tmp_path, video="other")
    clips = read_all(tmp_path)
    assert len({clip.clip_id for clip in clips}) == 3
    assert [clip.video_id for clip in clips] == ["brace/abc", "brace/other", "brace/abc"]


def test_a_byte_order_mark_and_empty_cells_are_fine(tmp_path: Path) -> None:
    write_brace(tmp_path)
    write_brace_tables(tmp_path, videos_info="\ufeffvideo_id,year,fps,resolution\r\nabc,2019,,\r\n\r\n")
    (clip,) = read_all(tmp_path)
    assert (clip.fps, clip.image_size, clip.official_split) == (None, None, "train")


def test_a_pickled_reader_reads_the_same(tmp_path: Path) -> None:
    write_brace(tmp_path)
    write_brace_tables(tmp_path)
    reader = Brace(tmp_path, size=(40, 56))
    (source,) = reader.list_sources()
    copy = pickle.loads(pickle.dumps(reader))
    np.testing.assert_array_equal(copy.read(source).clips[0].boxes, reader.read(source).clips[0].boxes)


# On real files -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dances(shared_data: Path) -> list[PoseClip]:
    return read_all(shared_data / "breakdance")


def test_all_real_dances_are_read(dances: list[PoseClip]) -> None:
    assert len(dances) == len({clip.clip_id for clip in dances}) == 50
    assert sum(clip.num_frames for clip in dances) == 17_596
    assert {(clip.fps, clip.image_size) for clip in dances} == {(60.0, (1080, 1920))}
    assert set(Counter(clip.label for clip in dances)) == {"toprock", "footwork", "powermove"}
    assert len({clip.video_id for clip in dances}) == 18
    assert all(boxes.has_area(clip.boxes).all() for clip in dances)
    assert all((clip.visibility.sum(axis=1) >= 13).all() for clip in dances)


def test_real_manual_frames_replace_automatic_ones(shared_data: Path, dances: list[PoseClip]) -> None:
    replaced = 0
    nose, ankle = BOULDERING_25.index("nose"), BOULDERING_25.index("left_ankle")
    for path in sorted((shared_data / "breakdance" / "manual_keypoints").glob("*/*/*.npz")):
        year, video, number = path.parts[-3], path.parts[-2], int(path.stem[-6:])
        clips = [clip for clip in dances if clip.clip_id.startswith(f"brace/{year}/{video}/")]
        for clip in clips:
            if number in clip.frame_numbers:
                frame = number - clip.frame_numbers[0]
                joints = np.load(path)["coco_joints2d"]
                visible = clip.visibility[frame, [nose, ankle]]
                found = clip.keypoints[frame, [nose, ankle]]
                np.testing.assert_array_equal(found[visible], joints[[0, 15], :2][visible])
                replaced += 1
    assert replaced == 106  # every manual file is of a frame in a clip


def test_the_real_tables_are_read(shared_data: Path) -> None:
    tables = read_tables(shared_data / "brace_annotations")
    assert len(tables.videos) == 81
    assert {info.image_size for info in tables.videos.values()} == {(1080, 1920)}
    assert len(tables.segments) == 1352
    assert Counter(tables.official_splits.values()) == {"train": 319, "test": 146}
    assert all(segment.sequence in tables.official_splits for segment in tables.segments.values())
    assert {segment.label for segment in tables.segments.values()} == {"toprock", "powermove", "footwork"}
    # The frames of BRACE; its segments count from the first to the last, both included.
    assert sum(last - first + 1 for _, _, first, last in tables.segments) == 334_538
