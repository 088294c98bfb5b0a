import numpy as np
import pytest

from kerasmooth.skeletons import (
    BOULDERING_25,
    COCO_17,
    PENN_ACTION_13,
    SKELETONS,
    Skeleton,
    convert,
    index_map,
    skeleton_named,
)


def test_the_study_s_order() -> None:
    names = BOULDERING_25.keypoints
    assert len(names) == 25
    assert (names[0], names[7], names[14], names[16], names[24]) == (
        "nose",
        "left_wrist",
        "right_thumb",
        "right_hip",
        "right_foot_index",
    )


def test_published_penn_action_positions() -> None:
    assert index_map(BOULDERING_25, PENN_ACTION_13).tolist() == [0, 3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 19, 20]
    never = np.flatnonzero(index_map(PENN_ACTION_13, BOULDERING_25) < 0).tolist()
    assert never == [1, 2, 9, 10, 11, 12, 13, 14, 21, 22, 23, 24]


def test_coco_loses_only_its_eyes() -> None:
    values = np.arange(17.0)[None, :, None].repeat(2, axis=2)
    converted = convert(values, COCO_17, BOULDERING_25, fill=np.nan)
    assert set(range(17)) - set(converted[0, :, 0][~np.isnan(converted[0, :, 0])].astype(int)) == {1, 2}
    assert converted[0, BOULDERING_25.index("right_ankle"), 0] == COCO_17.index("right_ankle")


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_every_skeleton_is_whole(skeleton: Skeleton) -> None:
    assert len(set(skeleton.keypoints)) == skeleton.num_keypoints
    sided = [name for name in skeleton.keypoints if name.startswith(("left_", "right_"))]
    assert 2 * len(skeleton.pairs) == len(sided)
    for left, right in skeleton.pairs:
        assert skeleton.keypoints[left].replace("left", "right") == skeleton.keypoints[right]
    assert len(set(skeleton.limbs)) == len(skeleton.limbs)


def test_torso_needs_all_four() -> None:
    assert BOULDERING_25.torso == ((3, 15), (4, 16))
    assert Skeleton("hand", ("wrist", "thumb"), ()).torso is None


def test_an_unknown_keypoint_is_named() -> None:
    with pytest.raises(ValueError, match="keypoint='tail'"):
        COCO_17.index("tail")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("coco", "coco_17"),
        ("COCO-17", "coco_17"),
        ("mediapipe", "blazepose_33"),
        ("halpe26", "halpe_26"),
        ("wholebody133", "coco_wholebody_133"),
        ("body25", "body_25"),
        ("BODY_25B", "body_25b"),
        ("mpii", "mpii_16"),
    ],
)
def test_names_that_people_type(said: str, name: str) -> None:
    assert skeleton_named(said).name == name
    with pytest.raises(ValueError, match=r"one of .*mediapipe.* Received: skeleton='cocoa'"):
        skeleton_named("cocoa")
