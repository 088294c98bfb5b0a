"""A breakdancer: toprock (on the feet), footwork (around the hands) and powermoves (spinning), BRACE's three kinds."""

import numpy as np

from kerasmooth.sample.body import Limbs, Subject, assemble, mirrored, rotation, torso
from kerasmooth.sample.curves import horizon, smooth_path, stepping, wander

_FLOOR = 0.036  # ankle height of a flat foot
_TIPTOE = 0.10
_SIDE = np.array([1.0, -1.0])


def _beats(rng: np.random.Generator, times: np.ndarray, bpm: tuple[float, float]) -> np.ndarray:
    """Key times, one per beat, that cover `times`."""
    beat = 60.0 / rng.uniform(*bpm)
    count = int(np.ceil(horizon(times) / beat)) + 4
    return (np.arange(count) - rng.uniform(1.0, 2.0)) * beat


def toprock(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The Indian step: a foot crosses in front on every second beat, arms close and open, hips bounce and turn.

    Returns [T, 27, 3] in statures for `times` [T] s.
    """
    keys = _beats(rng, times, (95, 120))
    step = np.arange(len(keys)) % 4  # 0 right foot in front, 1 home, 2 left foot in front, 3 home
    vary = rng.uniform(0.75, 1.25, (len(keys), 4))
    crossing = np.where(step == 0, 1.0, np.where(step == 2, -1.0, 0.0))  # +1: towards the dancer's left
    feet = np.zeros((len(keys), 2, 3))
    feet[:, :, 0] = 0.11 * _SIDE * vary[:, :1] + 0.03 * crossing[:, None]
    feet[step == 2, 0] = np.stack([-0.10 * vary[:, 0], 0 * keys, 0.20 * vary[:, 1]], axis=1)[step == 2]
    feet[step == 0, 1] = np.stack([0.10 * vary[:, 0], 0 * keys, 0.20 * vary[:, 1]], axis=1)[step == 0]
    feet[..., 1] = _FLOOR
    feet_path = stepping(keys, feet, times, lift=0.07, smoothing=0.045)
    open_arms = np.where(crossing == 0, 1.0, 0.0)[:, None] * vary[:, 2:3]
    hands = np.zeros((len(keys), 2, 3))
    hands[..., 0] = _SIDE * (-0.05 + 0.33 * open_arms)
    hands[..., 1] = -0.10 + 0.06 * open_arms + 0.05 * (vary[:, 3:4] - 1) * 4 * _SIDE
    hands[..., 2] = 0.20 - 0.10 * open_arms + 0.02 * _SIDE
    body = np.column_stack(
        [0.05 * crossing, 0.485 - 0.03 * vary[:, 3] * np.abs(crossing), 0.06 * np.abs(crossing), 0.55 * crossing * vary[:, 2]]
    )
    return _toprock_pose(
        subject, times, rng, feet_path, smooth_path(keys, hands, times, 0.06), smooth_path(keys, body, times, 0.07)
    )


def _toprock_pose(
    subject: Subject, times: np.ndarray, rng: np.random.Generator, feet: np.ndarray, hands: np.ndarray, body: np.ndarray
) -> np.ndarray:
    heading = wander(rng, times, (), amplitude=0.35, frequency=0.15)
    travel = wander(rng, times, (3,), amplitude=0.12, frequency=0.12) * np.array([1, 0, 1])
    frame = rotation(heading, 0.0, 0.0)
    pelvis = np.einsum("tij,tj->ti", frame, body[:, :3]) + travel
    bounce = wander(rng, times, (), amplitude=0.10, frequency=0.9)
    root = rotation(heading + 0.7 * body[:, 3], 0.16 + 0.4 * bounce, 0.15 * body[:, 3])
    spine = np.column_stack([0.6 * body[:, 3], 0.16 + bounce, -0.2 * body[:, 3]])
    head = np.column_stack([-0.8 * body[:, 3], 0.05 - bounce, 0 * heading])
    trunk = torso(subject, pelvis, root, spine, head)
    toes = np.einsum("tij,sj->tsi", frame, np.array([[0.35, -0.1, 1.0], [-0.35, -0.1, 1.0]]))
    limbs = Limbs(
        wrists=trunk.from_chest(hands),
        elbow_poles=trunk.chest_directions(np.array([[[0.8, -0.7, -0.5], [-0.8, -0.7, -0.5]]])),
        ankles=np.einsum("tij,tsj->tsi", frame, feet) + travel[:, None],
        turnout=0.4,
        toes=toes,
        pronation=0.6,
    )
    return assemble(trunk, limbs)


def footwork(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Crouched steps around the hands: the feet walk a circle, one leg swings long, one hand at a time is lifted.

    Returns [T, 27, 3] in statures for `times` [T] s.
    """
    keys = _beats(rng, times, (105, 150))
    count = np.arange(len(keys))
    advance = np.cumsum(rng.uniform(0.45, 0.75, len(keys)))  # radians about the middle, per step
    side_steps = count % 2
    feet = np.zeros((len(keys), 2, 3))
    for side in range(2):
        latest = np.maximum.accumulate(np.where(side_steps == side, count, 0))
        angle = advance[latest] + 0.30 * (1 - 2 * side)
        radius = np.where(latest % 3 == 0, 0.74, 0.33) * (0.95 + 0.1 * rng.random(len(keys))[latest])
        feet[:, side] = np.stack([-radius * np.sin(angle), 0 * angle + _TIPTOE, -radius * np.cos(angle)], axis=1)
    heading = smooth_path(keys, np.concatenate([[0.0], (advance[1:] + advance[:-1]) / 2]), times, 0.18)
    ankles = stepping(keys, feet, times, lift=0.06, smoothing=0.05)
    hand_keys = np.zeros((len(keys), 2, 3))
    hand_keys[..., 0] = _SIDE * 0.16
    hand_keys[..., 2] = 0.10 + 0.06 * rng.uniform(-1, 1, (len(keys), 2))
    hand_keys[..., 1] = np.where((count % 4)[:, None] == np.array([1, 3]), 0.18, 0.055)
    hands = smooth_path(keys, hand_keys, times, 0.06)
    frame = rotation(heading, 0.0, 0.0)
    pelvis = np.stack([0 * heading, 0.27 + wander(rng, times, (), amplitude=0.02, frequency=0.7), 0 * heading - 0.30], axis=1)
    pelvis = np.einsum("tij,tj->ti", frame, pelvis)
    sway = wander(rng, times, (3,), amplitude=0.10, frequency=0.6)
    trunk = torso(
        subject,
        pelvis,
        rotation(heading + sway[:, 0], 0.95, 0.6 * sway[:, 1]),
        np.column_stack([sway[:, 2], np.full(len(times), 0.30), 0 * heading]),
        np.column_stack([sway[:, 0], np.full(len(times), -0.75), 0 * heading]),
    )
    toes = np.einsum("tij,sj->tsi", frame, np.array([[0.3, -0.8, 0.7], [-0.3, -0.8, 0.7]]))
    limbs = Limbs(
        wrists=np.einsum("tij,tsj->tsi", frame, hands),
        elbow_poles=trunk.chest_directions(np.array([[[1.0, -0.5, -0.3], [-1.0, -0.5, -0.3]]])),
        ankles=ankles,
        turnout=0.5,
        toes=toes,
        wrist_flexion=-0.9,
    )
    return assemble(trunk, limbs)


def powermove(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A spin about the vertical: on the head with straddled legs, or on the back with the legs drawn in.

    Returns [T, 27, 3] in statures for `times` [T] s.
    """
    on_head = bool(rng.random() < 0.5)
    rate = 2 * np.pi * rng.uniform(0.5, 0.9)
    spin = rng.uniform(0, 2 * np.pi) + rate * times + wander(rng, times, (), amplitude=0.25, frequency=0.3)
    wobble = wander(rng, times, (4,), amplitude=0.07, frequency=0.5)
    # Pitched by more than a right angle backwards the person lies on the back; by pi the person stands on the head.
    pitch = np.pi if on_head else -1.75
    height = 0.47 if on_head else 0.09
    pelvis = np.column_stack([0.03 * np.sin(spin), height + 0.1 * wobble[:, 0], 0.03 * np.cos(spin)])
    root = rotation(spin, pitch + wobble[:, 1], wobble[:, 2])
    none = 0 * spin
    bend = none + (0.05 if on_head else 0.45)
    trunk = torso(subject, pelvis, root, np.column_stack([wobble[:, 3], bend, none]), np.column_stack([none, bend, none]))
    legs = wander(rng, times, (2,), amplitude=0.10, frequency=0.6)
    if on_head:
        spread = np.stack([_SIDE * 0.30, [-0.32, -0.32], [0.05, 0.05]], axis=1)
        hands = np.array([[[0.20, 0.11, 0.12], [-0.20, 0.11, 0.12]]])
    else:
        spread = np.stack([_SIDE * 0.14, [-0.22, -0.22], [0.22, 0.22]], axis=1)
        hands = np.array([[[0.16, -0.12, 0.20], [-0.16, -0.12, 0.20]]])
    local = spread + legs[:, :, None] * np.array([0.6, 0.5, 1.0]) * np.array([[1.0], [-1.0]])[:, [0, 0, 0]]
    reach = hands + wander(rng, times, (2, 3), amplitude=0.025, frequency=0.8)
    limbs = Limbs(
        wrists=trunk.from_chest(reach),
        elbow_poles=trunk.chest_directions(np.array([[[0.9, -0.4, -0.2], [-0.9, -0.4, -0.2]]])),
        ankles=trunk.hips + trunk.pelvis_directions(local),
        turnout=0.3,
        toes=trunk.pelvis_directions(np.array([[[0.4, -0.6, 0.6], [-0.4, -0.6, 0.6]]])),
        wrist_flexion=-0.7 if on_head else 0.1,
    )
    points = assemble(trunk, limbs)
    return mirrored(points) if rng.random() < 0.5 else points


def dancing(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One of the three kinds of dance: [T, 27, 3] in statures for `times` [T] s."""
    style = (toprock, footwork, powermove)[int(rng.integers(3))]
    return style(subject, times, rng)
