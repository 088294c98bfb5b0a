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

SIDES = ("left", "right")
_OUTWARD = np.array([1.0, -1.0])  # body x of each side

ANKLE_HEIGHT = 0.039
MAX_FLEXION = np.radians(150.0)
"""Elbows and knees bend this far; towards the straight limb they stop softly short of 0."""


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
        return centre[:, None] + _OUTWARD[:, None] * half_width * axes[:, None, :, 0]

    def from_chest(self, local: np.ndarray) -> np.ndarray:
        """Positions [T or 1, 2, 3] relative to the neck in chest axes -> world [T, 2, 3]."""
        return self.neck[:, None] + self.chest_directions(local)

    def chest_directions(self, local: np.ndarray) -> np.ndarray:
        """Directions [T or 1, 2, 3] in chest axes -> world [T, 2, 3]."""
        return np.einsum("tij,tsj->tsi", self.chest_axes, np.broadcast_to(local, (len(self.neck), 2, 3)))

    def pelvis_directions(self, local: np.ndarray) -> np.ndarray:
        """Directions [T or 1, 2, 3] in pelvis axes -> world [T, 2, 3]."""
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


def _soft_clip(values: np.ndarray, low: float, high: float, softness: float) -> np.ndarray:
    """`values` where they are well inside (low, high); approaches the bounds smoothly and never passes them."""
    below = high - softness * np.logaddexp(0, (high - values) / softness)
    return low + softness * np.logaddexp(0, (below - low) / softness)


def two_bones(
    start: np.ndarray, target: np.ndarray, pole: np.ndarray, upper: float, lower: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A limb of two rigid bones from `start` that reaches for `target`, its middle joint turned towards `pole`.

    A target beyond reach, or so close that the joint would bend past MAX_FLEXION, is approached as far as possible.

    Args:
      start: [..., 3].
      target: [..., 3].
      pole: [..., 3], a direction not parallel to the limb.
      upper: length of the first bone.
      lower: length of the second bone.

    Returns:
      (middle joint, end, hinge axis), each [..., 3]; the unit hinge axis is perpendicular to both bones, and the cross
      product of hinge and bone points to where the joint points.
    """
    reach = target - start
    distance = np.linalg.norm(reach, axis=-1, keepdims=True)
    along = reach / np.maximum(distance, 1e-9)
    nearest = np.sqrt(upper**2 + lower**2 + 2 * upper * lower * np.cos(MAX_FLEXION))
    distance = _soft_clip(distance, nearest, 0.995 * (upper + lower), 0.03 * (upper + lower))
    cosine = (upper**2 + distance**2 - lower**2) / (2 * upper * distance)
    sine = np.sqrt(np.maximum(1 - cosine**2, 0))
    bend = across(pole, along)
    middle = start + upper * (cosine * along + sine * bend)
    return middle, start + distance * along, np.cross(along, bend)


@dataclass(frozen=True, eq=False)
class Limbs:
    """What arms and legs aim for, in the world; [T, 2, 3], left and right.

    Attributes:
      wrists: positions.
      elbow_poles: directions in which the elbows point.
      ankles: positions.
      toes: directions in which the feet point.
      turnout: share of the knees' direction that goes outward (0 straight ahead, 1 a frog's).
      pronation: radians [2] or [T, 2]; 0 has the thumb towards the bend of the elbow (up, with the forearm level in
        front), positive turns the palm down.
      wrist_flexion: radians, bends the hand towards the palm.
    """

    wrists: np.ndarray
    elbow_poles: np.ndarray
    ankles: np.ndarray
    toes: np.ndarray
    turnout: float = 0.3
    pronation: np.ndarray | float = 0.9
    wrist_flexion: float = 0.15


def _knee_poles(trunk: Torso, limbs: Limbs) -> np.ndarray:
    """Where the knees point [T, 2, 3]: forward under a hanging thigh, up under a raised one, down under one behind."""
    legs = np.einsum("tji,tsj->tsi", trunk.pelvis_axes, unit(limbs.ankles - trunk.hips))
    outward = np.broadcast_to(limbs.turnout * _OUTWARD, legs.shape[:2])
    return trunk.pelvis_directions(np.stack([outward, legs[..., 2] + 0.1, 0.25 - legs[..., 1]], axis=-1))


def assemble(trunk: Torso, limbs: Limbs) -> np.ndarray:
    """The 27 POINTS of a posed body, [T, 27, 3] in statures."""
    subject = trunk.subject
    points = {"nose": _head_point(trunk, (0.0, 0.100, 0.066))}
    elbows, wrists, elbow_hinges = two_bones(
        trunk.shoulders, limbs.wrists, limbs.elbow_poles, subject.upper_arm, subject.forearm
    )
    knees, ankles, knee_hinges = two_bones(trunk.hips, limbs.ankles, _knee_poles(trunk, limbs), subject.thigh, subject.shank)
    hands = _hands(subject, elbows, wrists, elbow_hinges, limbs)
    feet = _feet(subject, knees, ankles, knee_hinges, limbs.toes)
    groups = {"shoulder": trunk.shoulders, "elbow": elbows, "wrist": wrists, **hands}
    groups |= {"hip": trunk.hips, "knee": knees, "ankle": ankles, **feet}
    for side, name in enumerate(SIDES):
        outward = _OUTWARD[side]
        points[f"{name}_ear"] = _head_point(trunk, (0.043 * outward, 0.108, 0.004))
        points[f"{name}_eye"] = _head_point(trunk, (0.018 * outward, 0.121, 0.054))
        points |= {f"{name}_{part}": both[:, side] for part, both in groups.items()}
    return np.stack([points[name] for name in POINTS], axis=1)


def _head_point(trunk: Torso, local: tuple[float, float, float]) -> np.ndarray:
    return trunk.neck + trunk.subject.head * trunk.head_axes @ np.array(local)


def _hands(
    subject: Subject, elbows: np.ndarray, wrists: np.ndarray, hinges: np.ndarray, limbs: Limbs
) -> dict[str, np.ndarray]:
    """Pinky, index and thumb knuckles [T, 2, 3]: a rigid hand turned about the forearm and flexed at the wrist."""
    forearm = unit(wrists - elbows)
    # Neutral: the thumb lies in the plane of the arm, on the side away from the elbow's point.
    inner = np.cross(forearm, hinges)
    side = np.cross(forearm, inner) * _OUTWARD[:, None]
    turn = np.broadcast_to(limbs.pronation, wrists.shape[:2])[..., None]
    thumb_side = np.cos(turn) * inner + np.sin(turn) * side
    palm = np.cross(forearm, thumb_side) * _OUTWARD[:, None]
    fingers = np.cos(limbs.wrist_flexion) * forearm + np.sin(limbs.wrist_flexion) * palm
    length = subject.hand
    return {
        "pinky": wrists + length * (0.92 * fingers - 0.38 * thumb_side),
        "index": wrists + length * (1.0 * fingers + 0.30 * thumb_side),
        "thumb": wrists + length * (0.55 * fingers + 0.62 * thumb_side + 0.15 * palm),
    }


def _feet(
    subject: Subject, knees: np.ndarray, ankles: np.ndarray, hinges: np.ndarray, toes: np.ndarray
) -> dict[str, np.ndarray]:
    """Heels and toes [T, 2, 3]: a rigid foot on an ankle hinge between 30 degrees up and 55 down."""
    shank = unit(ankles - knees)
    # A share of the knee's direction keeps the hinge defined when the toes are wanted along the shank.
    forward = across(unit(toes) + 0.4 * np.cross(hinges, shank), shank)
    down = _soft_clip((unit(toes) * shank).sum(-1, keepdims=True), -0.5, 0.82, 0.08)
    direction = np.sqrt(1 - down**2) * forward + down * shank
    sole = np.sqrt(1 - down**2) * shank - down * forward
    length = subject.foot
    return {
        "heel": ankles + length * (0.30 * sole - 0.32 * direction),
        "foot_index": ankles + length * (0.30 * sole + 1.0 * direction),
    }


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


_SWAPPED = np.array([POINTS.index(_other_side(name)) for name in POINTS])


def mirrored(points: np.ndarray) -> np.ndarray:
    """The mirror image in x of [T, 27, 3], left and right renamed: a left-hander's motion from a right-hander's."""
    return points[:, _SWAPPED] * np.array([-1.0, 1.0, 1.0])
