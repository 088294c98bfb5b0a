"""Steadiness buys less jitter for a stated loss."""

import numpy as np

from kerasmooth.smoothing.keypoints import smooth_keypoints
from kerasmooth.smoothing.steadiness import MOST
from tests.smoothing.recordings import SKELETON, noise, torso, truth


def test_more_is_steadier_and_moves_no_further_than_it_says() -> None:
    points = truth("squat", 30, 5.0)
    measured = points + noise(points.shape, 30, memory=0.08) * 0.03 * torso(points)
    results = {wish: smooth_keypoints(measured, fps=30, skeleton=SKELETON, steadiness=wish) for wish in (0.0, 0.3, 1.0)}
    jitter = [result.report["jitter_after"].mean() for result in results.values()]
    assert jitter[1] < 0.9 * jitter[0]
    assert jitter[2] < 0.9 * jitter[1]
    for wish, result in results.items():
        moved = np.linalg.norm(result.keypoints - results[0.0].keypoints, axis=-1) / result.report["person_size"]
        assert np.sqrt(np.mean(moved**2)) <= 1.5 * np.sqrt(2) * wish * MOST
