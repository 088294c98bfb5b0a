import numpy as np
import pytest

from kerasmooth.clip import PoseClip


def clip(**changes: object) -> PoseClip:
    fields: dict = {
        "clip_id": "d/1",
        "video_id": "d/1",
        "keypoints": np.zeros((3, 25, 2)),
        "visibility": np.ones((3, 25), bool),
        "boxes": np.zeros((3, 4)),
        "frame_numbers": np.arange(5, 8),
    }
    return PoseClip(**(fields | changes))


def test_a_whole_clip_counts_its_frames() -> None:
    assert clip().num_frames == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("keypoints", np.zeros((3, 17, 2))),
        ("visibility", np.ones((2, 25), bool)),
        ("boxes", np.zeros((3, 5))),
        ("frame_numbers", np.array([5, 6, 8])),
        ("frame_numbers", np.array([7, 6, 5])),
        ("heatmaps", np.zeros((3, 25, 8, 8))),
    ],
)
def test_a_part_that_does_not_fit_is_named_with_what_was_received(field: str, value: np.ndarray) -> None:
    with pytest.raises(ValueError, match=f"Received: {field}"):
        clip(**{field: value})
