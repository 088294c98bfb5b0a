import itertools

import numpy as np
import pytest

from kerasmooth.filters.confidence_weights import FLOOR, confidence_weights


def scores(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.9, (200, 5))


@pytest.mark.parametrize("scale", [0.3, 1.0, 12.0, 255.0])
def test_the_scale_of_a_detector_does_not_matter(scale: float) -> None:
    np.testing.assert_allclose(confidence_weights(scale * scores()), confidence_weights(scores()))


def test_a_detection_half_as_confident_has_four_times_the_variance() -> None:
    confidence = np.full((100, 1), 0.8)
    confidence[10], confidence[11], confidence[12] = 0.4, 0.8 * FLOOR / 2, 0.0
    weights = confidence_weights(confidence)
    assert weights[10, 0] == pytest.approx(0.25)
    assert weights[[11, 12], 0].tolist() == [0, 0]
    assert weights[0, 0] == 1


def test_flags_and_what_is_not_known() -> None:
    flags = np.full((100, 1), 2.0)
    flags[5], flags[6], flags[7] = 1, 0, np.nan
    assert confidence_weights(flags)[[4, 5, 6, 7], 0].tolist() == [1, 0.25, 0, 1]
    assert (confidence_weights(np.full((10, 2), np.nan)) == 1).all()
    assert (confidence_weights(np.zeros((10, 2))) == 0).all()


def test_the_variance_on_real_detections_goes_as_the_weights_say(shared_data) -> None:  # type: ignore[no-untyped-def]
    """Shelf: errors of OpenPose less each keypoint's constant offset, against hand-made truth."""
    squares, weights = [], []
    with np.load(shared_data / "shelf" / "shelf_pairs.npz") as data:
        truth_index, index = data["shelf15_for_body25"]
        for camera in range(3):
            for detected, truth in zip(data[f"det_{camera}"], data[f"gt_{camera}"], strict=True):
                error = detected[:, index, :2].astype(float) - truth[:, truth_index]
                error[detected[:, index, 2] <= 0] = np.nan
                seen = np.isfinite(error).all(axis=-1)
                offset = np.zeros((error.shape[1], 2))
                for keypoint in np.flatnonzero(seen.any(axis=0)):
                    offset[keypoint] = np.median(error[seen[:, keypoint], keypoint], axis=0)
                weight = confidence_weights(detected[..., 2].astype(float))[:, index]
                squares.append(np.minimum(np.sum((error - offset) ** 2, axis=-1)[seen], 150.0**2))
                weights.append(weight[seen])
    square, weight = np.concatenate(squares), np.concatenate(weights)
    edges = (0.08, 0.3, 0.6, 0.9, 1.01)
    variances = [square[(weight >= a) & (weight < b)].mean() for a, b in itertools.pairwise(edges)]
    assert variances[0] > 1.5 * variances[1] > 2 * variances[2]
    assert variances[2] > variances[3]
