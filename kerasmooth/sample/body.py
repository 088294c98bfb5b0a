"""An articulated human body in 3D: rigid bones, hinge elbows and knees, pose -> keypoints, all frames at once.

Lengths are in statures (the person's height is 1). World axes: x to the right as the camera sees the scene from the
front, y up, z towards that camera; the floor is y = 0. Body axes: x to the person's left, y up, z forward, so that
a person who faces the camera has no rotation. Segment lengths are the means of Drillis and Contini (1966) as
tabulated by Winter, "Biomechanics and Motor Control of Human Movement"; the face, hand and foot points are those of
MediaPipe BlazePose, placed by eye.
"""

from dataclasses import dataclass, replace

import numpy as np

from kerasmooth.skeletons import BOULDERING_25

POINTS = (*BOULDERING_25.keypoints, "left_eye", "right_eye")
"""The 27 points of a body: the study's 25, then the eyes that COCO has besides."""

OUTWARD = np.array([1.0, -1.0])  # body x of the left and of the right side


@dataclass(frozen=True)
class Subject:
    """The proportions of one person, in statures."""

    hip_half_width: float = 0.060
    pelvis: float = 0.060
    abdomen: float = 0.110
    chest: float = 0.118
    shoulder_half_width: float = 0.112
    head: float = 1.0
    upper_arm: float = 0.186
    forearm: float = 0.146
    hand: float = 0.055
    thigh: float = 0.245
    shank: float = 0.246
    foot: float = 0.110

    @property
    def arm(self) -> float:
        return self.upper_arm + self.forearm

    @property
    def leg(self) -> float:
        return self.thigh + self.shank


def draw_subject(rng: np.random.Generator) -> Subject:
    """A person whose segments differ from the mean by 4 % each (one standard deviation)."""
    names = tuple(Subject.__dataclass_fields__)
    factors = np.exp(0.04 * np.clip(rng.standard_normal(len(names)), -2, 2))
    mean = Subject()
    return replace(mean, **{name: getattr(mean, name) * factor for name, factor in zip(names, factors, strict=True)})


def rotation(yaw: np.ndarray | float, pitch: np.ndarray | float, roll: np.ndarray | float) -> np.ndarray:
    """Rotations [T, 3, 3]: roll about z, then pitch about x, then yaw about y (radians, scalars or [T]).

    Positive yaw turns to the person's left, positive pitch leans forward, positive roll leans to the person's right.
    """
    yaw, pitch, roll = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, np.float64)) for a in (yaw, pitch, roll)))
    return _axis_rotation(1, yaw) @ _axis_rotation(0, pitch) @ _axis_rotation(2, roll)


def _axis_rotation(axis: int, angle: np.ndarray) -> np.ndarray:
    result = np.zeros((len(angle), 3, 3))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    result[:, axis, axis] = 1
    result[:, first, first] = result[:, second, second] = np.cos(angle)
    result[:, first, second] = -np.sin(angle)
    result[:, second, first] = np.sin(angle)
    return result


def both_sides(x: float, y: float, z: float) -> np.ndarray:
    """[2, 3]: a place or direction of the left side in body axes, and its mirror image on the right."""
    return np.array([[x, y, z], [-x, y, z]])


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., 3] scaled to length 1."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def across(vectors: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The unit direction of `vectors` [..., 3] perpendicular to the unit vectors `axis` [..., 3]."""
    return unit(vectors - (vectors * axis).sum(-1, keepdims=True) * axis)


@dataclass(frozen=True, eq=False)
class Torso:
    """Pelvis, spine and head of one person over T frames.

    Attributes:
      subject: the proportions.
      pelvis: [T, 3], the middle of the hips.
      pelvis_axes: [T, 3, 3], columns are the body axes of the pelvis in the world.
      neck: [T, 3], the middle of the shoulders.
      chest_axes: [T, 3, 3].
      head_axes: [T, 3, 3].
    """

    subject: Subject
    pelvis: np.ndarray
    pelvis_axes: np.ndarray
    neck: np.ndarray
    chest_axes: np.ndarray
    head_axes: np.ndarray

    @property
    def hips(self) -> np.ndarray:
        """[T, 2, 3], left and right."""
        return self._sides(self.pelvis, self.pelvis_axes, self.subject.hip_half_width)

    @property
    def shoulders(self) -> np.ndarray:
        """[T, 2, 3], left and right."""
        return self._sides(self.neck, self.chest_axes, self.subject.shoulder_half_width)

    @staticmethod
    def _sides(centre: np.ndarray, axes: np.ndarray, half_width: float) -> np.ndarray:
        return centre[:, None] + OUTWARD[:, None] * half_width * axes[:, None, :, 0]

    def from_chest(self, local: np.ndarray) -> np.ndarray:
        """Positions [2, 3] or [T, 2, 3] relative to the neck in chest axes -> world [T, 2, 3]."""
        return self.neck[:, None] + self.chest_directions(local)

    def chest_directions(self, local: np.ndarray) -> np.ndarray:
        """Directions [2, 3] or [T, 2, 3] in chest axes -> world [T, 2, 3]."""
        return np.einsum("tij,tsj->tsi", self.chest_axes, np.broadcast_to(local, (len(self.neck), 2, 3)))

    def pelvis_directions(self, local: np.ndarray) -> np.ndarray:
        """Directions [2, 3] or [T, 2, 3] in pelvis axes -> world [T, 2, 3]."""
        return np.einsum("tij,tsj->tsi", self.pelvis_axes, np.broadcast_to(local, (len(self.neck), 2, 3)))


def torso(subject: Subject, pelvis: np.ndarray, root: np.ndarray, spine: np.ndarray, head: np.ndarray) -> Torso:
    """Poses the trunk by joint angles.

    Args:
      subject: the proportions.
      pelvis: [T, 3], the middle of the hips in the world.
      root: [T, 3, 3], the pelvis axes in the world.
      spine: [T, 3] radians, (twist to the left, bend forward, bend to the right) of the chest against the pelvis,
        shared equally by a joint below and one above the abdomen.
      head: [T, 3] radians, (turn left, nod, tilt right) of the head against the chest.
    """
    half = rotation(*(spine / 2).T)
    abdomen_axes = root @ half
    chest_axes = abdomen_axes @ half
    waist = pelvis + subject.pelvis * root[:, :, 1]
    neck = waist + subject.abdomen * abdomen_axes[:, :, 1] + subject.chest * chest_axes[:, :, 1]
    return Torso(subject, pelvis, root, neck, chest_axes, chest_axes @ rotation(*head.T))


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


_SWAPPED = np.array([POINTS.index(_other_side(name)) for name in POINTS])


def mirrored(points: np.ndarray) -> np.ndarray:
    """The mirror image in x of [T, 27, 3], left and right renamed: a left-hander's motion from a right-hander's."""
    return points[:, _SWAPPED] * np.array([-1.0, 1.0, 1.0])
