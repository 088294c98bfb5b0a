"""Measurements of little confidence count as missing; nothing that is filled gets more confidence than it had."""

import numpy as np
import pytest

from kerasmooth import smooth_keypoints
from kerasmooth.pose_table import INTERPOLATED, MISSING, REPLACED


def ramp() -> tuple[np.ndarray, np.ndarray]:
    """One keypoint that moves by (3, 1) px a frame, [40, 1, 2], and its confidence [40, 1]."""
    return np.arange(40.0)[:, None, None] * [3.0, 1.0] + 50.0, np.full((40, 1), 0.9)


def test_a_doubtful_run_is_filled_as_a_gap_is() -> None:
    truth, confidence = ramp()
    keypoints = np.array(truth)
    keypoints[15:20] += 80.0
    confidence[15:20] = 0.2
    confidence[20:25] = 0.6
    done = smooth_keypoints(keypoints, confidence, fps=30, method="gaussian", min_confidence=0.3, outliers=False)
    assert np.abs(done.keypoints[15:20] - truth[15:20]).max() < 1.0
    assert (done.provenance[15:20] == INTERPOLATED).all()
    assert (done.provenance[20:25] != INTERPOLATED).all()
    np.testing.assert_allclose(done.confidence[15:20], 0.2)


def test_what_is_too_long_to_fill_stays_out() -> None:
    keypoints, confidence = ramp()
    confidence[10:30] = 0.2
    done = smooth_keypoints(keypoints, confidence, fps=30, method="gaussian", min_confidence=0.3)
    assert np.isnan(done.keypoints[10:30]).all()
    assert (done.provenance[10:30] == MISSING).all()
    assert (done.confidence[10:30] == 0).all()
    kept = smooth_keypoints(keypoints, confidence, fps=30, method="gaussian")
    assert np.isfinite(kept.keypoints).all()


def test_a_gap_gets_the_lesser_confidence_of_its_neighbours() -> None:
    keypoints, confidence = ramp()
    keypoints[15:20] = np.nan
    confidence[20:] = 0.4
    done = smooth_keypoints(keypoints, confidence, fps=30, method="gaussian", outliers=False)
    np.testing.assert_allclose(done.confidence[15:20], 0.4)


def test_a_rejected_keypoint_keeps_its_own_confidence_at_most() -> None:
    keypoints = np.arange(60.0)[:, None, None] * [3.0, 1.0] + np.arange(5.0)[:, None] * [10.0, 40.0]
    keypoints += np.random.default_rng(0).normal(0, 0.5, keypoints.shape)
    confidence = np.full((60, 5), 0.9)
    keypoints[20, 2] += 300.0
    confidence[20, 2] = 0.15
    done = smooth_keypoints(keypoints, confidence, fps=30)
    assert done.provenance[20, 2] == REPLACED
    assert done.confidence[20, 2] == 0.15


@pytest.mark.parametrize("value", [-0.1, np.nan])
def test_a_threshold_that_cannot_be_meant_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=f"min_confidence must not be negative. Received: min_confidence={value}"):
        smooth_keypoints(*ramp(), fps=30, min_confidence=value)
