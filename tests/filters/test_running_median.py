"""Sorting networks against sorting."""

import numpy as np
import pytest
from scipy.ndimage import median_filter

from kerasmooth.filters.median_filter import median
from kerasmooth.filters.running_median import comparators, full_medians, full_weighted_medians, medians_and_spreads


@pytest.mark.parametrize("size", [*range(1, 20), 31, 64])
def test_the_network_sorts_all_zeros_and_ones_and_so_everything(size: int) -> None:
    if size <= 12:
        numbers = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    else:
        numbers = np.random.default_rng(size).integers(0, 2, (4000, size))
    wires = list(numbers.T)
    for low, high in comparators(size):
        wires[low], wires[high] = np.minimum(wires[low], wires[high]), np.maximum(wires[low], wires[high])
    np.testing.assert_array_equal(np.array(wires), np.sort(numbers.T, axis=0))


@pytest.mark.parametrize("half", [1, 3, 8, 9, 20])
def test_medians_are_scipys(half: int) -> None:
    positions = np.random.default_rng(0).normal(size=(400, 7, 2))
    bare = median_filter(positions, (2 * half + 1, 1, 1))[half:-half]
    np.testing.assert_array_equal(full_medians(positions, half), bare)
    whole = median(positions, fps=2 * half + 1.0, window=1.0).positions
    np.testing.assert_array_equal(whole[half:-half], bare)
    # At the edges the window shrinks.
    np.testing.assert_array_equal(whole[0], positions[0])
    np.testing.assert_allclose(whole[half - 1], np.median(positions[: 2 * half - 1], axis=0))


@pytest.mark.parametrize("half", [5, 140])
def test_weighted_medians_are_those_of_copies(half: int) -> None:
    random = np.random.default_rng(1)
    positions = random.normal(size=(300, 4, 3)).round(1)
    copies = random.integers(0, 4, (300, 4))
    result = full_weighted_medians(positions, copies / 3, half)
    for frame in range(0, 300 - 2 * half, 17):
        for keypoint in range(4):
            window = slice(frame, frame + 2 * half + 1)
            repeated = np.repeat(positions[window, keypoint], copies[window, keypoint], axis=0)
            np.testing.assert_allclose(result[frame, keypoint], np.median(repeated, axis=0), atol=1e-9)


def test_without_any_weight_the_middle_of_the_window_stays() -> None:
    positions = np.random.default_rng(2).normal(size=(20, 1, 2))
    weights = np.ones((20, 1))
    weights[5:12] = 0
    result = full_weighted_medians(positions, weights, 2)
    np.testing.assert_array_equal(result[5:8], positions[7:10])


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_medians_and_spreads_are_those_of_what_is_known(share: float) -> None:
    random = np.random.default_rng(3)
    positions, known = random.normal(size=(200, 3, 2)), random.random((200, 3)) >= share
    known[60:80, 1] = share == 0
    positions[~known] = np.nan
    middle, spread = medians_and_spreads(positions, known, 4)
    for frame in (0, 2, 50, 70, 150, 199):
        window = slice(max(frame - 4, 0), frame + 5)
        for keypoint in range(3):
            seen = positions[window, keypoint][known[window, keypoint]]
            if not len(seen):
                assert np.isnan(middle[frame, keypoint]).all()
                assert np.isnan(spread[frame, keypoint])
                continue
            expected = np.median(seen, axis=0)
            np.testing.assert_allclose(middle[frame, keypoint], expected)
            away = np.median(np.linalg.norm(seen - expected, axis=1))
            assert spread[frame, keypoint] == pytest.approx(away)
