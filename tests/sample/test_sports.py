"""Generated sport is smooth in time: a smoother's truth must not jump."""

import numpy as np
import pytest

from kerasmooth.sample import sports
from kerasmooth.sample.motion import KINDS, sequence

SPORTS = [kind for kind, how in KINDS.items() if how.move.__module__ == sports.__name__]


@pytest.mark.parametrize("kind", SPORTS)
def test_no_keypoint_jumps(kind: str) -> None:
    """At 240 frames/s a hand at 20 torsos a second moves by 0.08 torsos a frame, and changes that by little."""
    for seed in range(3):
        points = sequence(kind, 480, 240, seed)
        torso = np.median(np.linalg.norm(points[:, 3] - points[:, 15], axis=-1))
        steps = np.diff(points, axis=0) / torso
        assert np.linalg.norm(steps, axis=-1).max() < 0.16
        assert np.linalg.norm(np.diff(steps, axis=0), axis=-1).max() < 0.03


def test_all_nine_are_tried() -> None:
    assert len(SPORTS) == 9
