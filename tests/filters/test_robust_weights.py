"""Weights against heavy tails."""

import numpy as np

from kerasmooth.filters.robust_weights import robust_weights


def squares(sample: np.ndarray) -> np.ndarray:
    """[T, K] of coordinates [T, K, 2]."""
    return np.sum(sample**2, axis=-1)


def test_normal_noise_is_hardly_ever_taken_for_heavy_tails() -> None:
    generator = np.random.default_rng(0)
    normal = squares(generator.normal(size=(200, 60, 5, 2)))
    known = np.ones((60, 5), bool)
    assert np.mean([robust_weights(one, known, 2).min() < 1 for one in normal]) < 0.02


def test_what_lies_far_out_in_heavy_tails_counts_less() -> None:
    """The weights of maximum likelihood for three degrees of freedom and scale 1: (3 + 2) / (3 + d), at most 1."""
    generator = np.random.default_rng(0)
    heavy = squares(generator.normal(size=(4000, 1, 2)) / np.sqrt(generator.chisquare(3, size=(4000, 1, 1)) / 3))
    weights = robust_weights(heavy, np.ones(heavy.shape, bool), 2)
    np.testing.assert_allclose(weights, np.minimum(5 / (3 + heavy), 1), rtol=0.15)
