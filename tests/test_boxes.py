import numpy as np
import pytest

from kerasmooth import boxes

SIZE = (56, 40)


def test_the_centre_of_the_first_cell_is_zero_and_the_outer_edges_are_half_a_cell_away() -> None:
    box = np.array([100.0, 50.0, 180.0, 106.0])  # 40 cells of 2 px by 56 cells of 1 px
    points = np.array([[101.0, 50.5], [100.0, 50.0], [180.0, 106.0], [179.0, 105.5]])
    expected = [[0, 0], [-0.5, -0.5], [39.5, 55.5], [39, 55]]
    np.testing.assert_allclose(boxes.to_heatmap(points, box, SIZE), expected, atol=1e-12)


def test_to_image_undoes_to_heatmap() -> None:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 100, (7, 2))
    box = np.concatenate([low, low + rng.uniform(1, 300, (7, 2))], axis=1)
    points = rng.uniform(-50, 400, (7, 5, 2))
    np.testing.assert_allclose(boxes.to_image(boxes.to_heatmap(points, box, SIZE), box, SIZE), points, atol=1e-9)


def test_a_mask_rcnn_head_that_encodes_by_floor_and_decodes_at_half_agrees_with_the_rule() -> None:
    box = np.array([10.0, 20.0, 66.0, 76.0])
    x = np.linspace(10.0, 65.999, 200)
    encoded = np.floor((x - 10.0) * 56 / 56)
    ours = boxes.to_heatmap(np.stack([x, np.full_like(x, 30)], -1), box, (56, 56))[:, 0]
    assert np.all(np.abs(encoded - ours) <= 0.5 + 1e-9)
    assert boxes.to_image(np.array([[3.0, 3.0]]), box, (56, 56))[0, 0] == pytest.approx(10 + 3.5)


def test_from_cell_centres_is_the_published_scale() -> None:
    box = np.array([5.0, 8.0, 47.0, 90.0])
    point = np.array([[20.0, 33.0]])
    expected = [(20 - 5) * 39 / 42, (33 - 8) * 55 / 82]
    np.testing.assert_allclose(boxes.to_heatmap(point, boxes.from_cell_centres(box, SIZE), SIZE)[0], expected)


def test_tight_box_grows_by_the_margin_and_ignores_the_invisible() -> None:
    keypoints = np.array([[[10, 20], [30, 60], [1000, 1000]]], float)
    visibility = np.array([[True, True, False]])
    np.testing.assert_allclose(boxes.tight_box(keypoints, visibility, 0.05), [[9, 18, 31, 62]])


@pytest.mark.parametrize(
    ("keypoints", "visibility"),
    [
        ([[1.0, 2.0], [3.0, 4.0]], [False, False]),
        ([[1.0, 2.0], [3.0, 4.0]], [True, False]),
        ([[1.0, 2.0], [1.0, 9.0]], [True, True]),
    ],
    ids=["nothing visible", "one point", "a vertical line"],
)
def test_no_area_is_no_box(keypoints: list, visibility: list) -> None:
    box = boxes.tight_box(np.array([keypoints]), np.array([visibility]))
    assert np.isnan(box).all()
    assert not boxes.has_area(box).any()


def test_has_area_refuses_inverted_and_infinite_boxes() -> None:
    candidates = np.array([[0, 0, 1, 1], [1, 0, 0, 1], [0, 0, 0, 1], [0, 0, np.inf, 1], [np.nan] * 4], float)
    assert boxes.has_area(candidates).tolist() == [True, False, False, False, False]


def test_inside_means_rounding_to_a_cell() -> None:
    points = np.array([[-0.5, 0], [-0.51, 0], [39.49, 55.49], [39.51, 0], [0, 55.51]])
    assert boxes.inside(points, SIZE).tolist() == [True, False, True, False, False]
