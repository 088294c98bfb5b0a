"""Generated motion of a person, as a camera sees it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kerasmooth.sample.body import POINTS, Subject, draw_subject
from kerasmooth.sample.camera import draw_view, project
from kerasmooth.sample.climbing import climbing
from kerasmooth.sample.dancing import footwork, toprock
from kerasmooth.sample.exercises import bench_press, situp, squat
from kerasmooth.sample.pitching import pitching
from kerasmooth.sample.powermove import powermove
from kerasmooth.sample.randomness import generator
from kerasmooth.sample.sports import (
    cartwheel,
    jump,
    jumping_jacks,
    kick,
    punch,
    sprint,
    standing,
    throw,
    walking,
)
from kerasmooth.skeletons import BOULDERING_25

Size = tuple[int, int]


@dataclass(frozen=True)
class Kind:
    """A kind of motion.

    Attributes:
      move: (subject, times [T] s, rng) -> [T, 27, 3] statures.
      azimuths: ranges of camera directions, degrees, 0 in front of the scene.
      image_size: (height, width) in pixels of the dataset it stands for.
    """

    move: Callable[[Subject, np.ndarray, np.random.Generator], np.ndarray]
    azimuths: tuple[tuple[float, float], ...]
    image_size: Size


def _dancing(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    style = (toprock, footwork, powermove)[int(rng.integers(3))]
    return style(subject, times, rng)


_ALL_ROUND = ((-180.0, 180.0),)
_FROM_THE_SIDE = ((50.0, 115.0), (-115.0, -50.0))
KINDS: dict[str, Kind] = {
    "climbing": Kind(climbing, ((-25.0, 25.0),), (1920, 1080)),
    "dancing": Kind(_dancing, ((-50.0, 50.0),), (1080, 1920)),
    "toprock": Kind(toprock, ((-50.0, 50.0),), (1080, 1920)),
    "footwork": Kind(footwork, _ALL_ROUND, (1080, 1920)),
    "powermove": Kind(powermove, _ALL_ROUND, (1080, 1920)),
    "pitching": Kind(pitching, ((-120.0, -20.0), (150.0, 200.0)), (360, 480)),
    "bench_press": Kind(bench_press, _FROM_THE_SIDE, (360, 480)),
    "situp": Kind(situp, _FROM_THE_SIDE, (360, 480)),
    "squat": Kind(squat, ((-100.0, 100.0),), (360, 480)),
    "standing": Kind(standing, _ALL_ROUND, (1080, 1920)),
    "walking": Kind(walking, _FROM_THE_SIDE, (1080, 1920)),
    "sprint": Kind(sprint, _FROM_THE_SIDE, (1080, 1920)),
    "kick": Kind(kick, _FROM_THE_SIDE, (1080, 1920)),
    "punch": Kind(punch, _FROM_THE_SIDE, (1080, 1920)),
    "throw": Kind(throw, _FROM_THE_SIDE, (1080, 1920)),
    "jump": Kind(jump, _ALL_ROUND, (1080, 1920)),
    "jumping_jacks": Kind(jumping_jacks, ((-40.0, 40.0),), (1080, 1920)),
    "cartwheel": Kind(cartwheel, ((-30.0, 30.0),), (1080, 1920)),
}


@dataclass(frozen=True, eq=False)
class Motion:
    """One generated clip.

    Attributes:
      points: float64 [T, 27, 3], body.POINTS in statures (x right, y up, z towards the front), before the camera.
      pixels: float64 [T, 27, 2], (x, y) in the image.
      depth: float64 [T, 27], distance along the view in statures; larger is farther from the camera.
      image_size: (height, width).
    """

    points: np.ndarray
    pixels: np.ndarray
    depth: np.ndarray
    image_size: Size

    def select(self, names: tuple[str, ...]) -> np.ndarray:
        """The pixels of the named keypoints, [T, len(names), 2]."""
        return self.pixels[:, [POINTS.index(name) for name in names]]

    def select_depth(self, names: tuple[str, ...]) -> np.ndarray:
        """The depth of the named keypoints, [T, len(names)]."""
        return self.depth[:, [POINTS.index(name) for name in names]]


def simulate(kind: str, num_frames: int, fps: float, seed: int, *, image_size: Size | None = None) -> Motion:
    """A clip of one person with all that is known of it; `sequence` gives the keypoints alone.

    Args:
      kind: a key of KINDS.
      num_frames: T, at least 1.
      fps: frames per second.
      seed: any integer; decides the person, the motion and the camera.
      image_size: (height, width); the kind's own where None.

    Raises:
      ValueError: for an unknown kind, no frames, or a frame rate that is not positive.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {sorted(KINDS)}. Received: kind={kind!r}")
    if num_frames < 1:
        raise ValueError(f"num_frames must be at least 1. Received: num_frames={num_frames}")
    if not fps > 0:
        raise ValueError(f"fps must be positive. Received: fps={fps}")
    chosen = KINDS[kind]
    size = image_size or chosen.image_size
    times = np.arange(num_frames) / fps
    subject = draw_subject(generator(seed, kind, "subject"))
    points = chosen.move(subject, times, generator(seed, kind, "motion"))
    rng = generator(seed, kind, "camera")
    pixels, depth = project(points, times, draw_view(rng, chosen.azimuths), size, rng)
    return Motion(points, pixels, depth, size)


def sequence(kind: str, num_frames: int, fps: float, seed: int) -> np.ndarray:
    """The 25 keypoints of one moving person, exact and without gaps.

    What it models: an articulated body of rigid bones with a person's proportions (each segment varied), a root that
    moves, spine and neck by joint angles, arms and legs by reaching for holds, floor and authored key poses with hinge
    elbows and knees, all smooth in time; seen in perspective by a camera at a random place that keeps the person in the
    picture. The duration is num_frames / fps: a higher frame rate samples the same motion more densely.

    Limits: nothing has mass, so balance and forces are only imitated; limbs may pass through each other and through the
    torso; hips and shoulders are limited by the authored poses alone; fingers and face are rigid; one person, always
    whole in the image; nothing is hidden (the raw datasets add occlusion, annotation and detector errors themselves).

    Args:
      kind: "climbing", "dancing" (one of "toprock", "footwork", "powermove"), "pitching", or another key of KINDS.
      num_frames: T, at least 1.
      fps: frames per second.
      seed: any integer; decides the person, the motion and the camera.

    Returns:
      float64 [T, 25, 2], (x, y) in pixels of an image of size KINDS[kind].image_size, in the order of
      skeletons.BOULDERING_25.

    Raises:
      ValueError: for an unknown kind, no frames, or a frame rate that is not positive.
    """
    return simulate(kind, num_frames, fps, seed).pixels[:, : BOULDERING_25.num_keypoints]
