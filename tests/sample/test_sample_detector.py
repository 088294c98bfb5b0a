"""The simulated keypoint head has the statistics that it is told to have."""

from dataclasses import replace

import numpy as np
import pytest

from kerasmooth.sample.detector import Detections, KeypointHead, detect
from kerasmooth.sample.motion import sequence
from kerasmooth.sample.randomness import bursts, correlated, generator
from kerasmooth.skeletons import BOULDERING_25

SIZE = (40, 56)
PERFECT = KeypointHead(
    size=SIZE, drift_std=0.0, jitter_std=0.0, secondary_share=0.0, confusion_share=0.0, miss_share=0.0
)


def climb(frames: int) -> tuple[np.ndarray, np.ndarray]:
    keypoints = sequence("climbing", frames, 30, 3)
    extent = np.ptp(keypoints, axis=1)
    return keypoints, np.concatenate(
        [keypoints.min(axis=1) - 0.05 * extent, keypoints.max(axis=1) + 0.05 * extent], axis=1
    )


def cells(heatmaps: np.ndarray) -> np.ndarray:
    """(x, y) of the highest cell, [..., 2]."""
    width = heatmaps.shape[-1]
    best = heatmaps.reshape(*heatmaps.shape[:2], -1).argmax(axis=-1)
    return np.stack([best % width, best // width], axis=-1)


@pytest.fixture(scope="module")
def usual() -> tuple[np.ndarray, np.ndarray, Detections]:
    keypoints, boxes = climb(400)
    return keypoints, boxes, detect(keypoints, boxes, KeypointHead(size=SIZE), generator(0, "test"))


def test_a_perfect_head_peaks_in_the_floor_cell() -> None:
    keypoints, boxes = climb(80)
    heatmaps = detect(keypoints, boxes, PERFECT, generator(0, "test")).heatmaps
    assert heatmaps.shape == (80, 25, *SIZE)
    assert heatmaps.dtype == np.float32
    width, height = boxes[:, None, 2] - boxes[:, None, 0], boxes[:, None, 3] - boxes[:, None, 1]
    column = np.floor((keypoints[..., 0] - boxes[:, None, 0]) * SIZE[1] / width)
    row = np.floor((keypoints[..., 1] - boxes[:, None, 1]) * SIZE[0] / height)
    # Sloping noise moves the peak where the keypoint lies between two cells.
    assert np.mean(np.all(cells(heatmaps) == np.stack([column, row], axis=-1), axis=-1)) > 0.97


def test_the_background_is_negative_and_peaks_are_positive(usual: tuple) -> None:
    heatmaps = usual[2].heatmaps
    assert np.mean(heatmaps < 0) > 0.9
    highest = heatmaps.max(axis=(2, 3))
    assert np.all(highest[~usual[2].missed] > 0)
    assert np.all(highest[usual[2].missed] < 0)


def test_misses_and_confusions_have_their_shares(usual: tuple) -> None:
    found, head = usual[2], KeypointHead()
    assert found.missed.mean() == pytest.approx(head.miss_share, abs=0.008)
    assert found.secondary.mean() == pytest.approx(head.secondary_share, abs=0.015)
    assert found.confused.mean() == pytest.approx(head.confusion_share, abs=0.008)
    starts = np.diff(found.missed.astype(int), axis=0) == 1
    assert found.missed.sum() / starts.sum() == pytest.approx(head.run_length, rel=0.35)


def test_a_second_peak_lies_on_the_other_side(usual: tuple) -> None:
    keypoints, boxes, found = usual
    scale = np.array(SIZE[::-1]) / (boxes[:, None, 2:] - boxes[:, None, :2])
    true = (keypoints - boxes[:, None, :2]) * scale - 0.5
    for left, right in BOULDERING_25.pairs[3:]:
        for here, there in ((left, right), (right, left)):
            apart = np.linalg.norm(true[:, here] - true[:, there], axis=-1) > 10
            confused = found.confused[:, here] & apart
            error = np.linalg.norm(cells(found.heatmaps)[:, here] - true[:, there], axis=-1)
            assert np.all(error[confused] < 2)
            second = found.secondary[:, here] & ~found.confused[:, here] & apart
            frames = np.flatnonzero(second)
            column, row = np.rint(true[frames, there]).astype(int).T
            inside = (row >= 0) & (row < SIZE[0]) & (column >= 0) & (column < SIZE[1])
            score = found.heatmaps[frames[inside], here, row[inside], column[inside]]
            background = np.median(found.heatmaps[frames[inside], here], axis=(1, 2))
            assert np.all(score > background + 0.5)


def test_localisation_error_lasts() -> None:
    head = replace(KeypointHead(), size=SIZE)
    keypoints, boxes = climb(400)
    extent = boxes[:, 2:] - boxes[:, :2]
    wide = np.concatenate([boxes[:, :2] - extent, boxes[:, 2:] + extent], axis=1)  # no error is cut at a border
    scale = np.array(SIZE[::-1]) / (wide[:, None, 2:] - wide[:, None, :2])
    true = (keypoints - wide[:, None, :2]) * scale - 0.5
    error = (detect(keypoints, wide, head, generator(1, "test")).peaks - true).reshape(400, -1)
    lasting, fresh = head.drift_std**2, head.jitter_std**2
    expected = head.drift_correlation * lasting / (lasting + fresh)
    measured = (error[1:] * error[:-1]).mean() / (error**2).mean()
    assert measured == pytest.approx(expected, abs=0.03)
    assert abs(error.mean()) < 0.05
    assert 0.7 < error.std() < 1.2


def test_peaks_differ_in_width(usual: tuple) -> None:
    found = usual[2]
    clean = ~found.secondary & ~found.missed
    area = (found.heatmaps > 0).sum(axis=(2, 3))[clean]
    assert np.percentile(area, 95) > 3 * np.percentile(area, 5)


def test_boxes_without_area_and_keypoints_outside() -> None:
    keypoints, boxes = climb(6)
    boxes[1] = 0.0
    boxes[2, 2] = boxes[2, 0]
    boxes[3, 3] = boxes[3, 1] + 0.5 * (boxes[3, 3] - boxes[3, 1])
    heatmaps = detect(keypoints, boxes, PERFECT, generator(0, "test")).heatmaps
    assert np.all(heatmaps[[1, 2]] == 0)
    below = keypoints[3, :, 1] > boxes[3, 3]
    assert below.sum() >= 4
    assert np.all(cells(heatmaps)[3, below, 1] == SIZE[0] - 1)


def test_bursts_and_correlated_noise() -> None:
    runs = bursts(generator(0, "runs"), (20000, 4), np.array([0.05, 0.1, 0.2, 0.4]), 6.0)
    np.testing.assert_allclose(runs.mean(axis=0), [0.05, 0.1, 0.2, 0.4], rtol=0.15)
    noise = correlated(generator(0, "noise"), (20000, 3), 2.0, 0.9)
    np.testing.assert_allclose(noise.std(axis=0), 2.0, rtol=0.1)
    np.testing.assert_allclose((noise[1:] * noise[:-1]).mean(axis=0) / noise.var(axis=0), 0.9, atol=0.03)
