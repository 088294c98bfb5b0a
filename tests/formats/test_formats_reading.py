from pathlib import Path

import numpy as np
import pytest
from pose_files import SAMPLES, mmpose, sleap

from kerasmooth import formats
from kerasmooth.errors import InputError
from kerasmooth.formats.skeleton_names import skeleton_of_names
from kerasmooth.skeletons import BODY_25, BODY_25B, COCO_17


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_file_gives_the_numbers_that_are_in_it(sample: str, tmp_path: Path) -> None:
    path, expected = SAMPLES[sample](tmp_path)
    assert formats.detect(path).name == expected.name
    table = formats.read(path)
    assert table.frames.tolist() == expected.frames
    assert table.people.tolist() == expected.people
    assert table.frame_numbers.tolist() == expected.frame_numbers
    assert table.skeleton.num_keypoints == expected.num_keypoints
    for (row, keypoint), (x, y, confidence) in expected.points.items():
        np.testing.assert_allclose(
            table.keypoints[row, keypoint], (x, y), atol=2e-3 if sample == "climbalong" else 1e-12
        )
        np.testing.assert_allclose(
            table.confidence[row, keypoint], confidence, atol=1e-2 if sample == "climbalong" else 0
        )
    for name, value in {"fps": None, "unit": "px", "y_up": False, **expected.attributes}.items():
        assert getattr(table, name) == value, name


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_the_user_says_of_rate_and_size_holds(sample: str, tmp_path: Path) -> None:
    table = formats.read(SAMPLES[sample](tmp_path)[0], fps=29.97, image_size=(480, 640))
    assert (table.fps, table.image_size) == (29.97, (480, 640))


def test_names_and_limbs_come_from_the_file(tmp_path: Path) -> None:
    cat = formats.read(mmpose(tmp_path)[0]).skeleton
    assert (cat.name, cat.keypoints, cat.limbs) == ("cat", ("head", "left_paw", "right_paw"), ((0, 1), (0, 2)))
    assert cat.pairs == ((1, 2),)
    fly = formats.read(sleap(tmp_path)[0]).skeleton
    assert (fly.keypoints, fly.limbs) == (("head", "left_wing", "right_wing"), ((0, 1), (0, 2)))


@pytest.mark.parametrize("skeleton", [BODY_25, BODY_25B], ids=lambda s: s.name)
def test_openpose_s_two_skeletons_of_25_are_told_apart_by_their_limbs(skeleton: object, tmp_path: Path) -> None:
    import json

    body = {"nose": (50, 10), "neck": (50, 30), "head_top": (50, 0), "mid_hip": (50, 80)}
    for sign, side in ((-1, "left"), (1, "right")):
        parts = {
            "eye": (2, 8),
            "ear": (5, 9),
            "shoulder": (10, 30),
            "elbow": (15, 50),
            "wrist": (16, 70),
            "hip": (7, 80),
        }
        parts |= {"knee": (7, 110), "ankle": (7, 140), "heel": (6, 144), "big_toe": (9, 146), "small_toe": (11, 146)}
        body |= {f"{side}_{name}": (50 + sign * x, y) for name, (x, y) in parts.items()}
    flat = [value for name in skeleton.keypoints for value in (*body[name], 0.9)]  # type: ignore[attr-defined]
    (tmp_path / "a_1_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": flat}]}))
    assert formats.read(tmp_path).skeleton == skeleton


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["RHip", "LHip", "Neck"], ["right_hip", "left_hip", "neck"]),
        (
            ["wingL", "wingR", "forelegL4", "forelegR4"],
            ["left_wing", "right_wing", "left_foreleg_4", "right_foreleg_4"],
        ),
        (["l_ank", "r_ank", "head"], ["left_ank", "right_ank", "head"]),
        (["Left Knee", "Right Knee"], ["left_knee", "right_knee"]),
        (["leftear", "rightear"], ["left_ear", "right_ear"]),
        (["left_eye", "right_eye"], ["left_eye", "right_eye"]),
        (["LBigToe", "RBigToe"], ["left_big_toe", "right_big_toe"]),
        (["R", "L"], ["r", "l"]),
        (["left_paw", "tail"], ["left_paw", "tail"]),
        (["a b", "a_b"], ["a b", "a_b"]),
        (["глаз", "нос"], ["глаз", "нос"]),
    ],
)
def test_names_of_sides(names: list[str], expected: list[str]) -> None:
    assert list(skeleton_of_names("x", names).keypoints) == expected


def test_known_names_find_their_skeleton() -> None:
    names = ["".join(word.title() for word in name.split("_")) for name in COCO_17.keypoints]
    assert skeleton_of_names("x", names) is COCO_17


def test_an_unknown_file_names_the_known_formats(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,speed\n1,2\n")
    with pytest.raises(InputError, match=r"known are npz, .*openpose.*sleap"):
        formats.detect(path)
    with pytest.raises(InputError, match="must exist"):
        formats.read(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="format must be one of"):
        formats.read(path, format_name="csv")


def test_a_single_openpose_frame_is_a_file_of_one(tmp_path: Path) -> None:
    path, expected = SAMPLES["openpose"](tmp_path)
    table = formats.read(sorted(path.iterdir())[0])
    assert table.frame_numbers.tolist() == [0]
    assert table.skeleton.num_keypoints == expected.num_keypoints
    with pytest.raises(InputError, match="give the folder that holds it"):
        formats.read(sorted(path.iterdir())[0], format_name="openpose")
    (tmp_path / "staff.json").write_text('{"people": [{"name": "Ada"}]}')
    with pytest.raises(InputError, match="received a file of none"):
        formats.read(tmp_path / "staff.json")


@pytest.mark.parametrize(
    ("name", "text", "frame_numbers"),
    [
        ("coco", "[]", []),
        ("mmpose", '{"meta_info": {}, "instance_info": []}', []),
        ("mmpose", '{"meta_info": {}, "instance_info": [{"frame_id": 4, "instances": []}]}', [4]),
        ("ultralytics", "[[], [], []]", [0, 1, 2]),
        ("openpifpaf", '{"frame": 3, "predictions": []}', [3]),
        ("openpifpaf", '{"frame": 3, "predictions": []}\n{"frame": 5, "predictions": []}\n', [3, 5]),
    ],
)
def test_files_without_anyone(name: str, text: str, frame_numbers: list[int], tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    table = formats.read(path)
    assert formats.detect(path).name == name
    assert len(table.frames) == 0
    assert table.frame_numbers.tolist() == frame_numbers
    formats.write(table, tmp_path / "out.json")
    assert (tmp_path / "out.json").read_text() == text


def test_visibility_flags_of_coco_count_as_confidence_and_stay_flags(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    flags = [2, 1, 0] + [2] * 14
    values = [v for k, flag in enumerate(flags) for v in (k + 1, k + 2, flag)]
    path.write_text(f'[{{"image_id": 1, "category_id": 1, "keypoints": {values}, "score": 0.5}}]')
    table = formats.read(path)
    assert table.confidence[0, :3].tolist() == [1.0, 0.5, 0.0]
    keypoints = table.keypoints.copy()
    keypoints[0, 2] = 7.5
    formats.write(
        table.with_(keypoints=keypoints, confidence=np.where(table.confidence == 0, 0.7, table.confidence)),
        tmp_path / "o.json",
    )
    assert '"keypoints": [1.0, 2.0, 2, 2.0, 3.0, 1, 7.5, 7.5, 2, 4' in (tmp_path / "o.json").read_text()
