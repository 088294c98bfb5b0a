"""Generated motion obeys what is true of any body: rigid bones, hinges, smoothness, and its place in the picture."""

import numpy as np
import pytest

from kerasmooth.sample.body import POINTS
from kerasmooth.sample.motion import KINDS, sequence, simulate
from kerasmooth.skeletons import BOULDERING_25

SEEDS = range(6)
BONES = [
    *(f"{side}_{a} {side}_{b}" for side in ("left", "right") for a, b in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "pinky"), ("wrist", "index"), ("wrist", "thumb"),
        ("pinky", "thumb"), ("hip", "knee"), ("knee", "ankle"), ("ankle", "heel"), ("heel", "foot_index"),
        ("ankle", "foot_index"), ("ear", "eye"),
    )),
    "left_shoulder right_shoulder", "left_hip right_hip", "left_ear right_ear", "nose left_ear", "nose right_eye",
]  # fmt: skip
MAX_ACCELERATION = {  # statures / s^2; a pitcher's hand is the fastest thing here, at about 30 g
    "climbing": 15, "dancing": 90, "toprock": 30, "footwork": 90, "powermove": 60, "pitching": 350,
    "bench_press": 10, "situp": 10, "squat": 10,
    "standing": 5, "walking": 120, "sprint": 450, "kick": 200, "punch": 150, "throw": 150, "jump": 450,
    "jumping_jacks": 90, "cartwheel": 450,
}  # fmt: skip


def points(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, POINTS.index(name)]


def angle(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Degrees at b between a and c."""
    u, v = a - b, c - b
    return np.degrees(np.arccos((u * v).sum(-1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(v, axis=-1)))


@pytest.mark.parametrize("kind", KINDS)
def test_bones_keep_their_length_and_left_equals_right(kind: str) -> None:
    for seed in SEEDS:
        body = simulate(kind, 90, 30, seed).points
        lengths = {
            bone: np.linalg.norm(np.subtract(*(points(body, n) for n in bone.split())), axis=-1) for bone in BONES
        }
        for bone, length in lengths.items():
            np.testing.assert_allclose(length, length[0], atol=1e-9, err_msg=bone)
            if bone.startswith("left_") and " right_" not in bone:
                np.testing.assert_allclose(length, lengths[bone.replace("left_", "right_")], atol=1e-9, err_msg=bone)


@pytest.mark.parametrize("kind", KINDS)
def test_proportions_are_those_of_people(kind: str) -> None:
    for seed in SEEDS:
        body = simulate(kind, 1, 30, seed).points
        arm = sum(np.linalg.norm(points(body, a) - points(body, b)) for a, b in (
            ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist")))  # fmt: skip
        leg = sum(np.linalg.norm(points(body, a) - points(body, b)) for a, b in (
            ("left_hip", "left_knee"), ("left_knee", "left_ankle")))  # fmt: skip
        shoulders = np.linalg.norm(points(body, "left_shoulder") - points(body, "right_shoulder"))
        assert 0.27 < arm < 0.40
        assert 0.42 < leg < 0.57
        assert 1.2 < leg / arm < 1.8
        assert 0.18 < shoulders < 0.27


@pytest.mark.parametrize("kind", KINDS)
def test_elbows_knees_and_ankles_stay_within_their_range(kind: str) -> None:
    for seed in SEEDS:
        body = simulate(kind, 150, 30, seed).points
        for side in ("left_", "right_"):
            for joints in ("shoulder elbow wrist", "hip knee ankle"):
                inside = angle(*(points(body, side + name) for name in joints.split()))
                assert inside.min() > 29
                assert inside.max() < 179
            foot = points(body, side + "foot_index") - points(body, side + "heel")
            shank = points(body, side + "knee") - points(body, side + "ankle")
            ankle = angle(foot, np.zeros_like(foot), shank)
            assert ankle.min() > 50
            assert ankle.max() < 160


@pytest.mark.parametrize("kind", KINDS)
def test_motion_is_smooth(kind: str) -> None:
    for seed in range(12):
        body = simulate(kind, 240, 120, seed).points
        acceleration = np.linalg.norm(np.diff(body, 2, axis=0), axis=-1) * 120**2
        assert acceleration.max() < MAX_ACCELERATION[kind], (seed, POINTS[int(acceleration.max(axis=0).argmax())])
        assert np.ptp(body, axis=0).max() > 0.005, "somebody who stands still is no motion"


@pytest.mark.parametrize("kind", KINDS)
def test_every_keypoint_of_every_frame_is_in_the_picture(kind: str) -> None:
    height, width = KINDS[kind].image_size
    for seed in range(12):
        keypoints = sequence(kind, 45, 30, seed)
        assert keypoints.shape == (45, 25, 2)
        assert keypoints.dtype == np.float64
        assert 0 <= keypoints[..., 0].min() <= keypoints[..., 0].max() < width
        assert 0 <= keypoints[..., 1].min() <= keypoints[..., 1].max() < height
        assert np.max(np.ptp(keypoints, axis=(0, 1)) / (width, height)) > 0.5, "and not lost in it"


@pytest.mark.parametrize("kind", KINDS)
def test_left_is_left(kind: str) -> None:
    for seed in range(12):
        body = simulate(kind, 90, 30, seed).points
        across = {
            part: points(body, f"left_{part}") - points(body, f"right_{part}") for part in ("ear", "shoulder", "hip")
        }
        middle = {
            part: (points(body, f"left_{part}") + points(body, f"right_{part}")) / 2 for part in ("ear", "shoulder")
        }
        forward = points(body, "nose") - middle["ear"]
        up = (points(body, "left_eye") + points(body, "right_eye")) / 2 - points(body, "nose")
        # Left, up and forward are a right-handed system: from behind one's own eyes, the left ear is to the left.
        assert np.all(np.linalg.det(np.stack([across["ear"], up, forward], axis=-1)) > 0)
        assert np.all((across["shoulder"] * across["hip"]).sum(-1) > 0)
        assert np.all((across["shoulder"] * across["ear"]).sum(-1) > -0.001)


def test_a_climber_is_seen_from_behind_and_a_dancer_mostly_from_the_front() -> None:
    left, right = (BOULDERING_25.index(f"{side}_shoulder") for side in ("left", "right"))
    for seed in SEEDS:
        climber = sequence("climbing", 60, 30, seed)
        assert np.all(climber[:, left, 0] < climber[:, right, 0])
    dancers = np.stack([sequence("toprock", 60, 30, seed) for seed in range(20)])
    assert np.mean(dancers[..., left, 0] > dancers[..., right, 0]) > 0.8


def test_a_climber_moves_one_limb_at_a_time_and_gets_higher() -> None:
    tips = ("left_wrist", "right_wrist", "left_ankle", "right_ankle")
    for seed in SEEDS:
        body = simulate("climbing", 600, 30, seed).points
        speed = np.stack([np.linalg.norm(np.diff(points(body, tip), axis=0), axis=-1) * 30 for tip in tips], axis=1)
        assert np.mean((speed > 0.2).sum(axis=1) <= 1) > 0.97
        assert np.mean(speed > 0.2) > 0.1
        hips = points(body, "left_hip")[:, 1]
        assert hips[-1] > hips[0] + 0.3


def test_a_pitch_is_fast_and_only_the_throwing_hand_is() -> None:
    for seed in SEEDS:
        body = simulate("pitching", 400, 120, seed).points
        peaks = {
            name: np.linalg.norm(np.diff(points(body, name), axis=0), axis=-1).max() * 120
            for name in ("left_wrist", "right_wrist")
        }
        assert max(peaks.values()) > 6  # statures / s
        assert max(peaks.values()) > 1.5 * min(peaks.values())


@pytest.mark.parametrize("kind", ["toprock", "footwork", "powermove", "bench_press", "situp", "squat", "pitching"])
def test_nobody_sinks_into_the_floor(kind: str) -> None:
    for seed in range(12):
        assert simulate(kind, 120, 30, seed).points[..., 1].min() > -0.04


@pytest.mark.parametrize("kind", KINDS)
def test_the_frame_rate_only_samples_the_motion(kind: str) -> None:
    coarse, fine = simulate(kind, 31, 30, 5), simulate(kind, 61, 60, 5)
    np.testing.assert_allclose(fine.points[::2], coarse.points, atol=1e-6)


def test_the_seed_decides() -> None:
    np.testing.assert_array_equal(sequence("dancing", 20, 30, 3), sequence("dancing", 20, 30, 3))
    people = [sequence("climbing", 20, 30, seed) for seed in SEEDS]
    heights = [np.ptp(keypoints[..., 1], axis=1).mean() for keypoints in people]
    assert max(heights) > 1.2 * min(heights), "people of differing size"
    assert not np.allclose(people[0], people[1])


@pytest.mark.parametrize("num_frames", [1, 2, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_short_clips(kind: str, num_frames: int) -> None:
    keypoints = sequence(kind, num_frames, 25, 0)
    assert keypoints.shape == (num_frames, 25, 2)
    assert np.isfinite(keypoints).all()


def test_image_size_can_be_chosen() -> None:
    motion = simulate("climbing", 10, 30, 0, image_size=(100, 300))
    assert motion.image_size == (100, 300)
    assert motion.pixels[..., 1].max() < 100
    assert motion.pixels[..., 1].max() > 30


def test_misuse() -> None:
    with pytest.raises(ValueError, match=r"kind must be one of .*Received: kind='flying'"):
        sequence("flying", 10, 30, 0)
    with pytest.raises(ValueError, match="Received: num_frames=0"):
        sequence("climbing", 0, 30, 0)
    with pytest.raises(ValueError, match="Received: fps=0"):
        sequence("climbing", 10, 0, 0)
