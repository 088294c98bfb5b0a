"""Arms and legs: two rigid bones that reach for a place, then hands and feet; and the whole body as 27 points."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.sample.body import OUTWARD, POINTS, Subject, Torso, across, unit

MAX_FLEXION = np.radians(150.0)
"""Elbows and knees bend this far; towards the straight limb they stop softly short of 0."""


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
    outward = np.broadcast_to(limbs.turnout * OUTWARD, legs.shape[:2])
    return trunk.pelvis_directions(np.stack([outward, legs[..., 2] + 0.1, 0.25 - legs[..., 1]], axis=-1))


def assemble(trunk: Torso, limbs: Limbs) -> np.ndarray:
    """The 27 POINTS of a posed body, [T, 27, 3] in statures."""
    subject = trunk.subject
    points = {"nose": _head_point(trunk, (0.0, 0.100, 0.066))}
    elbows, wrists, elbow_hinges = two_bones(
        trunk.shoulders, limbs.wrists, limbs.elbow_poles, subject.upper_arm, subject.forearm
    )
    knees, ankles, knee_hinges = two_bones(
        trunk.hips, limbs.ankles, _knee_poles(trunk, limbs), subject.thigh, subject.shank
    )
    hands = _hands(subject, elbows, wrists, elbow_hinges, limbs)
    feet = _feet(subject, knees, ankles, knee_hinges, limbs.toes)
    groups = {"shoulder": trunk.shoulders, "elbow": elbows, "wrist": wrists, **hands}
    groups |= {"hip": trunk.hips, "knee": knees, "ankle": ankles, **feet}
    for side, name in enumerate(("left", "right")):
        outward = OUTWARD[side]
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
    side = np.cross(forearm, inner) * OUTWARD[:, None]
    turn = np.broadcast_to(limbs.pronation, wrists.shape[:2])[..., None]
    thumb_side = np.cos(turn) * inner + np.sin(turn) * side
    palm = np.cross(forearm, thumb_side) * OUTWARD[:, None]
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
