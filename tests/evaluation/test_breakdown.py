import numpy as np
import pytest

from kerasmooth.evaluation.breakdown import Breakdown
from kerasmooth.evaluation.windows import Frames

SIZE = (12, 16)


@pytest.fixture
def track() -> Frames:
    """Forty frames of a person of a torso of 10 cells who stands still, but for a wrist that moves 2 cells a frame."""
    truth = np.zeros((1, 40, 25, 2))
    truth[..., [15, 16], 1] = 10
    truth[0, :, 7, 1] = 2 * np.arange(40)
    detected = truth + (3, 4)
    detected[0, 5:8, 7] = 0  # the wrist is missed for three frames, the nose for one
    detected[0, 20, 0] = 0
    truth[0, :, 7, 0] = 1  # so that a missed wrist errs
    visibility = np.ones((1, 40, 25), bool)
    visibility[0, 30:, 7] = False
    box = np.broadcast_to(np.array([0.0, 0, 160, 240]), (1, 40, 4))
    numbers = np.arange(40)[None]
    return Frames(np.array([b"set/video"]), numbers, truth, visibility, box, {"identity": detected, "right": truth})


def test_errors_by_speed(track: Frames) -> None:
    by_speed = Breakdown([track], "identity").by_speed("identity")
    # 0.2 torso diameters a frame is the wrist alone; in three frames it stands at the origin, at (1, 2 t) in truth.
    wrist = [np.hypot(2, 4)] * 25 + [np.hypot(1, 2 * t) for t in (5, 6, 7)]
    assert by_speed[3] == pytest.approx(np.mean(wrist) / 10)
    assert by_speed[0] == pytest.approx((5 * (24 * 38 - 1)) / (24 * 38) / 10), "the missed nose lies at the origin"
    assert np.isnan(by_speed[[1, 2, 4]]).all()
    assert Breakdown([track], "identity").by_speed("right")[3] == 0


def test_errors_by_gap(track: Frames) -> None:
    by_gap = Breakdown([track], "identity").by_gap("identity")
    assert by_gap[0] == 0, "the nose is at the origin, where it was put"
    assert by_gap[1] == pytest.approx(np.mean([np.hypot(1, 2 * t) for t in (5, 6, 7)]) / 10)
    assert np.isnan(by_gap[2:]).all()


def test_the_example_is_what_moves_most(track: Frames) -> None:
    breakdown = Breakdown([track], "identity")
    assert breakdown.example_of == ("set/video", "left_wrist")
    truth = breakdown.example("", SIZE)
    np.testing.assert_allclose(truth[:30], (2 * np.arange(30) + 0.5) * 20)
    assert np.isnan(truth[30:]).all()
    np.testing.assert_allclose(breakdown.example("identity", SIZE)[:3] - truth[:3], 80)
