import numpy as np
import pytest

from kerasmooth import formats
from kerasmooth.formats.skeleton_names import index_skeleton
from kerasmooth.pose_files.table_smoothing import frame_step, smooth_table
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BODY_25
from kerasmooth.smoothing import tracking
from kerasmooth.smoothing.settings import SmoothingSettings

FPS = 25.0


def person(frames: int, x: float, speed: float = 0.0, seed: int = 0) -> np.ndarray:
    """[T, 12, 2]: someone of some 200 px at x who moves by `speed` px a frame."""
    random = np.random.default_rng(seed)
    place = random.uniform((0, 0), (120, 300), (12, 2))
    return place + [x, 0] + np.arange(frames)[:, None, None] * [speed, 0] + random.normal(0, 2, (frames, 12, 2))


def follow(frames: np.ndarray, keypoints: np.ndarray, people: np.ndarray | None = None) -> tracking.Tracks:
    people = np.full(len(frames), -1) if people is None else people
    return tracking.follow(frames, people, keypoints, np.isfinite(keypoints).all(axis=-1), fps=FPS)


def test_two_people_who_pass_each_other_keep_their_ids() -> None:
    left, right = person(60, 0, 5, seed=1), person(60, 300, -5, seed=2)
    keypoints = np.stack([left, right], axis=1)
    order = np.random.default_rng(0).permuted(np.tile([0, 1], (60, 1)), axis=1)
    shuffled = np.take_along_axis(keypoints, order[:, :, None, None], axis=1).reshape(120, 12, 2)
    tracks = follow(np.repeat(np.arange(60), 2), shuffled)
    assert len(np.unique(tracks.people)) == 2
    for who in (0, 1):
        assert len(np.unique(tracks.people[order.ravel() == who])) == 1
    assert tracks.followed


def test_who_leaves_for_long_is_someone_new() -> None:
    frames = np.concatenate([np.arange(20), np.arange(25, 40), np.arange(100, 120)])
    tracks = follow(frames, person(120, 0)[frames])
    assert tracks.people.tolist() == [0] * 35 + [1] * 20


def test_an_id_of_the_file_that_jumps_is_cut_in_parts() -> None:
    keypoints = np.concatenate([person(20, 0), person(20, 3000, seed=5)])
    tracks = follow(np.arange(40), keypoints, np.full(40, 4))
    assert set(tracks.people.tolist()) == {4}
    assert tracks.segments.tolist() == [0] * 20 + [1] * 20
    assert tracks.jumps == 1
    assert not tracks.followed


def test_a_frame_that_is_someone_else_is_left_out_and_the_rest_goes_on() -> None:
    keypoints = person(30, 0)
    keypoints[10] += 2000
    tracks = follow(np.arange(30), keypoints, np.zeros(30, np.int64))
    assert tracks.segments.tolist() == [0] * 10 + [1] + [0] * 19


def test_who_runs_does_not_jump() -> None:
    tracks = follow(np.arange(30), person(30, 0, speed=160), np.zeros(30, np.int64))
    assert tracks.jumps == 0


def test_an_id_may_be_away_for_long() -> None:
    frames = np.concatenate([np.arange(10), np.arange(500, 510)])
    keypoints = np.concatenate([person(10, 0), person(10, 2000)])
    assert follow(frames, keypoints, np.zeros(20, np.int64)).segments.tolist() == [0] * 20


def test_an_id_that_is_twice_in_a_frame_counts_for_the_first() -> None:
    keypoints = np.stack([person(10, 0), person(10, 1000)], axis=1).reshape(20, 12, 2)
    tracks = follow(np.repeat(np.arange(10), 2), keypoints, np.zeros(20, np.int64))
    assert tracks.people.tolist() == [0, 1] * 10


def test_an_id_that_some_frames_lack_goes_on_and_nobody_is_there_twice() -> None:
    keypoints = np.stack([person(30, 0, seed=1), person(30, 600, seed=2)], axis=1).reshape(60, 12, 2)
    ids = np.tile([4, 7], 30)
    ids[20:24], ids[41] = -1, -1
    frames = np.repeat(np.arange(30), 2)
    tracks = follow(frames, keypoints, ids)
    assert tracks.people.tolist() == [4, 7] * 30
    table = PoseTable(frames, ids, keypoints, np.ones((60, 12)), np.arange(30), index_skeleton(12), fps=FPS)
    assert len(smooth_table(table, SmoothingSettings()).table.frames) == 60
    # Somebody else without an id is somebody else.
    ids[1::2] = -1
    assert follow(frames, keypoints, ids).people.tolist() == [4, 5] * 30


def test_frame_numbers_far_apart_cost_nothing() -> None:
    frames = np.array([0, 1, 10**9, 10**9 + 1, 2**62])
    tracks = follow(frames, person(5, 0))
    assert tracks.people.tolist() == [0, 0, 1, 1, 2]


def test_nothing_and_nobody() -> None:
    assert len(follow(np.empty(0, np.int64), np.empty((0, 12, 2))).people) == 0
    tracks = follow(np.array([0, 0, 1]), np.full((3, 12, 2), np.nan))
    assert len(np.unique(tracks.people)) == 3


@pytest.mark.parametrize(
    ("numbers", "step"),
    [([], 1), ([7], 1), ([0, 1, 2, 9], 1), ([0, 5, 10, 20], 5), ([3, 8, 13], 5), ([0, 5, 10, 11], 1), ([1, 40, 77], 1)],
)
def test_the_step_of_frame_numbers(numbers: list[int], step: int) -> None:
    assert frame_step(np.array(numbers, np.int64)) == step


def test_every_fifth_frame_is_smoothed_as_a_slower_video() -> None:
    keypoints = np.concatenate([person(60, 0, 2), person(60, 0, 2, seed=3)[:, :13]], axis=1)
    keypoints = np.pad(keypoints, ((0, 0), (0, 1), (0, 0)))
    settings = SmoothingSettings(method="gaussian", outliers=False, swaps=False)
    results = []
    for step, fps in ((1, FPS), (5, 5 * FPS)):
        frames = np.arange(60)[np.arange(60) % 20 != 7] * step
        rows = frames // step
        table = PoseTable(
            frames, np.zeros(len(rows), np.int64), keypoints[rows], np.ones((len(rows), 25)), frames, BODY_25, fps
        )
        results.append(smooth_table(table, settings).table)
    np.testing.assert_allclose(results[0].keypoints, results[1].keypoints)
    np.testing.assert_array_equal(results[0].frames * 5, results[1].frames)
    assert len(results[0].frames) == 60


def test_coordinates_of_any_kind_give_the_same() -> None:
    """Pixels, shares of the image and y upwards are the same poses."""
    pixels = np.pad(person(40, 100, 2), ((0, 0), (0, 13), (0, 0)), constant_values=np.nan)
    height, width = 480, 640
    rows = (np.arange(40), np.zeros(40, np.int64))
    conf = np.where(np.isnan(pixels[..., 0]), 0.0, 0.8)
    results = []
    for scale, up in (((1, 1), False), ((width, height), False), ((width, -height), True)):
        unit = "px" if scale == (1, 1) else "normalised"
        table = PoseTable(*rows, pixels / scale, conf, rows[0], BODY_25, FPS, (height, width), unit, up)
        results.append(smooth_table(table, SmoothingSettings()).table.keypoints * scale)
    np.testing.assert_allclose(results[1], results[0], atol=1e-6)
    np.testing.assert_allclose(results[2], results[0], atol=1e-6)


def test_shelf_without_ids(shared_data) -> None:  # type: ignore[no-untyped-def]
    """Real detections of four people who stand close together; the file that pairs them knows who they are."""
    with np.load(shared_data / "shelf" / "shelf_pairs.npz") as archive:
        detections = {name: archive[name] for name in archive.files if name.startswith("det_")}
    for found in detections.values():
        frames, people = np.nonzero((found[..., 2] > 0).any(axis=-1).T)
        keypoints = np.where(found[..., 2:] > 0, found[..., :2], np.nan)[people, frames]
        tracks = follow(frames, keypoints)
        wrong = sum(
            (tracks.people == who).sum() - np.bincount(people[tracks.people == who]).max()
            for who in np.unique(tracks.people)
        )
        assert wrong <= 0.03 * len(people)
        assert len(np.unique(tracks.people)) <= 12


def test_real_files_go_through(shared_data) -> None:  # type: ignore[no-untyped-def]
    """One of each kind that is small; every frame of the input is in the output."""
    folder = shared_data / "interop"
    for name in ("openpose_two_people", "mmpose_results_53_2020-11-21_2.json", "mediapipe_Ash1708_pose_landmarks.csv"):
        table = formats.read(folder / name, fps=30.0)
        done = smooth_table(table, SmoothingSettings(method="gaussian")).table
        np.testing.assert_array_equal(done.frames[: len(table.frames)], table.frames)
        assert np.isin(table.frame_numbers, done.frame_numbers).all()
        measured = np.isfinite(table.keypoints).all(axis=-1)
        assert np.isfinite(done.keypoints[: len(measured)][measured]).all()
