"""A breakdancer on the beat: toprock, on the feet, and footwork, around the hands."""

import numpy as np

from kerasmooth.sample.body import OUTWARD, Subject, both_sides, rotation, torso
from kerasmooth.sample.curves import horizon, smooth_path, stepping, wander
from kerasmooth.sample.limbs import Limbs, assemble

_FLOOR = 0.036  # ankle height of a flat foot
_TIPTOE = 0.10


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
    crossing = np.where(step == 0, 1.0, np.where(step == 2, -1.0, 0.0))  # +1: towards the dancer's left
    vary = rng.uniform(0.75, 1.25, (len(keys), 4))
    open_arms = np.where(crossing == 0, 1.0, 0.0) * vary[:, 2]
    hands = np.zeros((len(keys), 2, 3))
    hands[..., 0] = OUTWARD * (-0.05 + 0.33 * open_arms[:, None])
    hands[..., 1] = (-0.10 + 0.06 * open_arms)[:, None] + np.outer(0.2 * (vary[:, 3] - 1), OUTWARD)
    hands[..., 2] = (0.20 - 0.10 * open_arms)[:, None] + 0.02 * OUTWARD
    moved = np.abs(crossing)
    # Pelvis x, y, z and turn to the left.
    body = np.stack(
        [0.05 * crossing, 0.485 - 0.03 * vary[:, 3] * moved, 0.06 * moved, 0.55 * vary[:, 2] * crossing], axis=1
    )
    return _toprock_pose(
        subject,
        times,
        rng,
        feet=stepping(keys, _toprock_feet(step, vary), times, lift=0.07, smoothing=0.045),
        hands=smooth_path(keys, hands, times, 0.06),
        body=smooth_path(keys, body, times, 0.07),
    )


def _toprock_feet(step: np.ndarray, vary: np.ndarray) -> np.ndarray:
    """Ankles [N, 2, 3] at each beat: at home side by side, or one of them crossed in front of the other."""
    feet = np.zeros((len(step), 2, 3))
    feet[..., 0] = np.outer(0.11 * vary[:, 0], OUTWARD)
    feet[..., 1] = _FLOOR
    for side, in_front in ((0, step == 2), (1, step == 0)):
        feet[in_front, side, 0] = -0.10 * OUTWARD[side] * vary[in_front, 0]
        feet[in_front, side, 2] = 0.20 * vary[in_front, 1]
    return feet


def _toprock_pose(
    subject: Subject,
    times: np.ndarray,
    rng: np.random.Generator,
    *,
    feet: np.ndarray,
    hands: np.ndarray,
    body: np.ndarray,
) -> np.ndarray:
    """The dancer drifts over the floor and turns; feet, hands and body are relative to that."""
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
    advance = np.cumsum(rng.uniform(0.45, 0.75, len(keys)))  # radians about the middle, per step
    heading = smooth_path(keys, np.append(0.0, (advance[1:] + advance[:-1]) / 2), times, 0.18)
    ankles = stepping(keys, _footwork_feet(rng, advance), times, lift=0.06, smoothing=0.05)
    lifted = np.arange(len(keys))[:, None] % 4 == np.array([1, 3])
    reach = 0.10 + 0.06 * rng.uniform(-1, 1, lifted.shape)
    hands = np.stack([0.16 * OUTWARD + 0 * reach, np.where(lifted, 0.18, 0.055), reach], axis=-1)
    frame = rotation(heading, 0.0, 0.0)
    none = 0 * heading
    height = 0.27 + wander(rng, times, (), amplitude=0.02, frequency=0.7)
    sway = wander(rng, times, (3,), amplitude=0.10, frequency=0.6)
    trunk = torso(
        subject,
        np.einsum("tij,tj->ti", frame, np.stack([none, height, none - 0.30], axis=1)),
        rotation(heading + sway[:, 0], 0.95, 0.6 * sway[:, 1]),
        np.stack([sway[:, 2], none + 0.30, none], axis=1),
        np.stack([sway[:, 0], none - 0.75, none], axis=1),
    )
    limbs = Limbs(
        wrists=np.einsum("tij,tsj->tsi", frame, smooth_path(keys, hands, times, 0.06)),
        elbow_poles=trunk.chest_directions(both_sides(1.0, -0.5, -0.3)),
        ankles=ankles,
        toes=np.einsum("tij,sj->tsi", frame, both_sides(0.3, -0.8, 0.7)),
        turnout=0.5,
        wrist_flexion=-0.9,
    )
    return assemble(trunk, limbs)


def _footwork_feet(rng: np.random.Generator, advance: np.ndarray) -> np.ndarray:
    """Ankles [N, 2, 3] at each beat: left and right take turns, every third step is a long one."""
    count = np.arange(len(advance))
    feet = np.zeros((len(advance), 2, 3))
    for side in range(2):
        latest = np.maximum.accumulate(np.where(count % 2 == side, count, 0))
        angle = advance[latest] + 0.30 * OUTWARD[side]
        radius = np.where(latest % 3 == 0, 0.74, 0.33) * rng.uniform(0.95, 1.05, len(advance))[latest]
        feet[:, side] = np.stack([-radius * np.sin(angle), 0 * angle + _TIPTOE, -radius * np.cos(angle)], axis=1)
    return feet
