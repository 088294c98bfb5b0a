import numpy as np
import pytest

from kerasmooth.skeletons import SKELETONS
from kerasmooth.smoothing.person_scale import person_size, size_in_frame


@pytest.mark.parametrize("name", ["bouldering_25", "coco_17", None])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_the_size_in_a_frame_is_that_of_a_recording_of_one_frame(name: str | None, share: float) -> None:
    skeleton = SKELETONS[name] if name else None
    count = skeleton.num_keypoints if skeleton else 9
    random = np.random.default_rng(0)
    for _ in range(30):
        keypoints = random.normal(size=(count, 2)) * (40, 90) + 200
        known = random.random(count) >= share
        keypoints[~known] = np.nan
        expected = person_size(keypoints[None], known[None], skeleton)
        assert size_in_frame(keypoints, known, skeleton) == pytest.approx(expected, rel=1e-12)


def test_of_nobody_or_of_one_point_the_size_is_one() -> None:
    for known in (np.zeros(5, bool), np.arange(5) == 2):
        assert size_in_frame(np.ones((5, 2)), known) == person_size(np.ones((1, 5, 2)), known[None]) == 1.0
