"""Arrays of one's own: which axis and which coordinate is what."""

from pathlib import Path

import numpy as np
import pytest
from pose_files import moved

from kerasmooth import formats
from kerasmooth.errors import InputError


@pytest.mark.parametrize("name", ["scores", "keypoint_scores", "confidence"])
def test_named_scores_of_arrays(name: str, tmp_path: Path) -> None:
    keypoints = np.random.default_rng(0).uniform(100, 200, (5, 3, 2)).astype(np.float32)
    scores = np.random.default_rng(1).uniform(0, 9, (5, 3))
    np.savez(tmp_path / "a.npz", keypoints=keypoints, **{name: scores})
    table = moved(tmp_path / "a.npz", tmp_path / "b.npz")
    np.testing.assert_array_equal(table.confidence, scores)
    with np.load(tmp_path / "b.npz") as archive:
        assert archive["keypoints"].dtype == np.float32
        np.testing.assert_array_equal(archive[name], scores)


@pytest.mark.parametrize(
    ("third", "what"), [((0, 1), "confidence"), ((0, 9.5), "confidence"), ((480, 520), "depth"), ((-2, 2), "depth")]
)
def test_a_third_coordinate_of_arrays(third: tuple[float, float], what: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(300, 700, (20, 4, 3))
    values[..., 2] = np.random.default_rng(1).uniform(*third, (20, 4))
    np.save(tmp_path / "a.npy", values)
    table = formats.read(tmp_path / "a.npy")
    np.testing.assert_array_equal(getattr(table, what), values[..., 2])
    assert (table.depth is None) == (what == "confidence")
    if table.depth is not None:
        formats.write(table.with_(depth=table.depth + 1), tmp_path / "b.npy")
        np.testing.assert_allclose(np.load(tmp_path / "b.npy")[..., 2], values[..., 2] + 1)


def test_metres_around_an_origin_have_a_height_and_no_confidence(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform([-1, -1, 0], [1, 1, 1.4], (20, 4, 3))
    np.save(tmp_path / "metres.npy", values)
    assert formats.read(tmp_path / "metres.npy").depth is not None
    shares = np.abs(values)
    shares[3:9] = [-1, -1, 0]
    np.save(tmp_path / "shares.npy", shares)
    assert formats.read(tmp_path / "shares.npy").depth is None


@pytest.mark.parametrize("people_first", [True, False])
@pytest.mark.parametrize("shape", [(3, 40), (20, 20), (1, 8)])
def test_the_axis_of_people_is_told_by_motion(shape: tuple[int, int], people_first: bool, tmp_path: Path) -> None:
    people, frames = shape
    random = np.random.default_rng(0)
    walk = random.uniform(0, 900, (people, 1, 5, 2)) + np.cumsum(random.normal(0, 1, (people, frames, 5, 2)), axis=1)
    np.save(tmp_path / "a.npy", walk if people_first else walk.swapaxes(0, 1))
    table = formats.read(tmp_path / "a.npy")
    assert len(table.frame_numbers) == frames
    np.testing.assert_array_equal(table.keypoints[table.people == people - 1], walk[-1])


def test_axes_that_cannot_be_told_are_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", random.uniform(0, 900, (6, 7, 5, 2)))
    with pytest.raises(InputError, match="show which axis is time"):
        formats.read(tmp_path / "a.npy")
    walk = random.uniform(0, 100, (1, 17, 2)) + np.cumsum(random.normal(0, 1, (60, 1, 2)), axis=0)
    np.save(tmp_path / "b.npy", walk.swapaxes(0, 1))
    with pytest.raises(InputError, match="have frames before keypoints"):
        formats.read(tmp_path / "b.npy")
    np.savez(tmp_path / "b.npz", keypoints=walk.swapaxes(0, 1), frame_numbers=np.arange(17))
    assert len(formats.read(tmp_path / "b.npz").frames) == 17
    np.save(tmp_path / "one.npy", walk[:1].swapaxes(0, 1)[:1])
    np.save(tmp_path / "frame.npy", walk[:, :1].reshape(1, -1, 2))
    for name in ("one.npy", "frame.npy"):
        assert formats.read(tmp_path / name).frames.tolist() == [0]


def test_arrays_of_four_coordinates_and_of_other_names(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0, 1, (9, 33, 4))
    np.savez(tmp_path / "a.npz", values)
    table = formats.read(tmp_path / "a.npz")
    assert table.depth is not None
    np.testing.assert_array_equal(table.depth, values[..., 2])
    np.testing.assert_array_equal(table.confidence, values[..., 3])
    moved(tmp_path / "a.npz", tmp_path / "b.npz", by=1)
    with np.load(tmp_path / "b.npz") as archive:
        np.testing.assert_array_equal(archive["arr_0"], values + [1, 1, 0, 0])
