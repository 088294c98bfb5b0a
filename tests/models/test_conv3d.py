import numpy as np
from scipy.ndimage import correlate

from kerasmooth.models import Conv3D


def test_it_is_one_convolution_over_time_and_space() -> None:
    rng = np.random.default_rng(0)
    model = Conv3D(5, (7, 9), 2)
    kernel, bias = rng.normal(size=(5, 5, 5, 2, 2)), np.array([0.3, -0.2])
    model.set_weights([kernel, bias])
    heatmaps = rng.random((1, 5, 7, 9, 2)).astype("float32")
    expected = np.empty((5, 7, 9, 2))
    for out in range(2):
        filtered = [correlate(heatmaps[0, ..., i], kernel[..., i, out], mode="constant") for i in range(2)]
        expected[..., out] = np.maximum(sum(filtered) + bias[out], 0)
    smoothed = np.array(model({"heatmaps": heatmaps})["heatmaps"])[0]
    np.testing.assert_allclose(smoothed, expected, rtol=1e-5, atol=1e-5)


def test_the_kernel_spans_the_window() -> None:
    assert Conv3D(window=3, num_keypoints=4).get_layer("convolution").kernel.shape == (3, 5, 5, 4, 4)
