"""Banded matrices against the dense ones they stand for."""

import numpy as np
import pytest
from scipy.linalg import cholesky_banded

from kerasmooth.filters.banded import (
    banded_product,
    difference_penalty,
    inverse_diagonals,
    noise_precision,
    stiffness_at,
    weighed,
)


def dense(bands: np.ndarray) -> np.ndarray:
    frames = bands.shape[1]
    matrix = np.diag(bands[0])
    for offset in range(1, len(bands)):
        below = np.diag(bands[offset, : frames - offset], -offset)
        matrix += below + below.T
    return matrix


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_penalty_is_that_of_the_differences(order: int) -> None:
    stiffness = np.random.default_rng(0).uniform(1, 5, 12 - order)
    differences = np.diff(np.eye(12), n=order, axis=0)
    expected = differences.T @ np.diag(stiffness) @ differences
    np.testing.assert_allclose(dense(difference_penalty(12, order, stiffness)), expected, atol=1e-12)


def test_the_noise_is_that_of_an_autoregression() -> None:
    fps, memory = 30.0, 0.08
    apart = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    covariance = np.exp(-apart / (memory * fps))
    np.testing.assert_allclose(dense(noise_precision(9, memory, fps)), np.linalg.inv(covariance), atol=1e-9)
    np.testing.assert_array_equal(dense(noise_precision(9, 0.0, fps)), np.eye(9))


def test_products_weights_and_inverses_are_the_dense_ones() -> None:
    random = np.random.default_rng(1)
    bands = difference_penalty(20, 3, random.uniform(1, 9, 17))
    bands[0] += 1
    weights, values = random.uniform(0.1, 1, 20), random.normal(size=(20, 4))
    roots = np.diag(np.sqrt(weights))
    np.testing.assert_allclose(dense(weighed(bands, weights)), roots @ dense(bands) @ roots, atol=1e-12)
    np.testing.assert_allclose(banded_product(bands, values), dense(bands) @ values, atol=1e-12)
    factor = cholesky_banded(bands, lower=True)
    found = inverse_diagonals(np.stack([factor, factor]))
    np.testing.assert_allclose(found[1], np.diag(np.linalg.inv(dense(bands))), rtol=1e-9)


@pytest.mark.parametrize("order", [2, 3])
def test_half_of_the_amplitude_passes_at_the_cutoff(order: int) -> None:
    fps, cutoff = 60.0, 3.0
    wave = np.cos(2 * np.pi * cutoff * np.arange(2001) / fps)
    bands = float(stiffness_at(np.array(cutoff), fps, order)) * difference_penalty(2001, order)
    bands[0] += 1
    smoothed = np.linalg.solve(dense(bands), wave)
    assert smoothed[1000] == pytest.approx(0.5, abs=1e-3)
