import numpy as np
import pytest

from kerasmooth.skeletons import COCO_17
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.outliers import find_outliers
from kerasmooth.smoothing.person_scale import person_size
from kerasmooth.smoothing.swaps import find_swaps


def column(text: str) -> np.ndarray:
    return np.array([[c == "x"] for c in text])


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"), [(0.5, 30, 15), (0.5, 29.97, 14), (0.5, 25, 12), (0, 30, 0), (1, 60, 60)]
)
def test_the_longest_run_of_missing_frames(seconds: float, fps: float, frames: int) -> None:
    assert gaps.longest_run(seconds, fps) == frames


def test_inner_and_outer_gaps() -> None:
    found = gaps.find_gaps(column("..xx.x...xx...."), 2)
    assert "".join("i" if i else "." for i in found.inner[:, 0]) == "....i.........."
    assert "".join("o" if o else "." for o in found.outer[:, 0]) == "oo............."
    assert found.filled.tolist() == [1]


def test_interpolation_is_on_the_line_and_held_beyond() -> None:
    known = column(".x..x.")
    values = np.where(known, np.array([9, 1, 9, 9, 4, 9.0])[:, None], np.nan)[..., None]
    assert gaps.interpolate(values, known)[:, 0, 0].tolist() == [1, 1, 2, 3, 4, 4]
    assert gaps.interpolate(values, np.zeros_like(known)).tolist() == np.zeros((6, 1, 1)).tolist()


def test_spans_gather_the_keypoints_that_live_together() -> None:
    alive = np.hstack([column("xx.xx"), column("xx..."), column("...xx")])
    found = {span: keypoints.tolist() for span, keypoints in gaps.spans(alive).items()}
    assert found == {(0, 2): [0, 1], (3, 5): [0, 2]}


def test_the_size_is_the_torsos_and_the_box_stands_in_for_it() -> None:
    keypoints = np.random.default_rng(0).uniform(0, 100, (10, 17, 2))
    keypoints[:, [5, 6]], keypoints[:, [11, 12]] = (40, 20), (40, 70)
    known = np.ones((10, 17), bool)
    assert person_size(keypoints, known, COCO_17) == 50
    assert person_size(2 * keypoints, known) == pytest.approx(2 * person_size(keypoints, known))
    assert 0.5 < person_size(keypoints, known) / 50 < 2
    assert person_size(keypoints, np.zeros_like(known), COCO_17) == 1


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.3])
def test_noise_alone_has_next_to_no_outliers_and_planted_ones_are_found(noise: float) -> None:
    generator = np.random.default_rng(0)
    positions = np.sin(np.arange(300) / 15)[:, None, None] + generator.normal(size=(300, 10, 2)) * noise
    known = np.ones((300, 10), bool)
    assert find_outliers(positions, known, 30).mean() < 0.003
    planted = np.zeros((300, 10), bool)
    planted[20::40] = True
    spiked = positions + np.where(planted, 1 + 8 * noise, 0)[..., None]
    found = find_outliers(spiked, known, 30)
    assert found[planted].mean() > 0.95
    assert found[~planted].mean() < 0.003


def test_crossing_keypoints_are_not_swapped() -> None:
    times = np.arange(150) / 30
    left, right = np.sin(3 * times), -np.sin(3 * times)
    positions = np.stack([np.stack([left, times], -1), np.stack([right, times], -1)], axis=1)
    positions += np.random.default_rng(0).normal(size=positions.shape) * 0.02
    assert not find_swaps(positions, np.ones((150, 2), bool), ((0, 1),), 30).any()
