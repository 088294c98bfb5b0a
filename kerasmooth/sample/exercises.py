"""Repetitions in one place: bench press, sit-up, squat."""

import numpy as np

from kerasmooth.sample.body import Subject, both_sides, rotation, torso
from kerasmooth.sample.curves import horizon, smooth_path, wander
from kerasmooth.sample.limbs import Limbs, assemble

_FLOOR = 0.036


def _repetitions(rng: np.random.Generator, times: np.ndarray, period: tuple[float, float]) -> np.ndarray:
    """[T] from 0 (start position) to 1 (end position) and back, with a short rest at both; every repetition differs."""
    keys, values = [-2.0 - rng.uniform(0, 1)], [0.0]
    now = -1.9
    while now < horizon(times) + 2:
        length, depth, rest = rng.uniform(*period), rng.uniform(0.9, 1.0), rng.uniform(0.1, 0.3)
        keys += [now, now + 0.42 * length, now + 0.42 * length + 0.1, now + length]
        values += [0.0, depth, depth, 0.0]
        now += length + rest
    return smooth_path(keys, values, times, 0.10)


def bench_press(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """On the back on a bench, a bar lowered to the chest and pushed up: [T, 27, 3] in statures for `times` [T] s."""
    up = 1 - _repetitions(rng, times, (1.8, 2.8))
    sway = wander(rng, times, (3,), amplitude=0.004, frequency=0.5)
    none = 0 * up
    pelvis = np.array([0.0, 0.27, 0.0]) + sway
    trunk = torso(
        subject,
        pelvis,
        rotation(none, -np.pi / 2 + 0.03 * up, none),
        np.column_stack([none, none - 0.10, none]),
        np.column_stack([none + 0.5 * sway[:, 0], none + 0.1, none]),
    )
    grip = rng.uniform(0.20, 0.26)
    shoulders = trunk.shoulders.mean(axis=1)
    bar = shoulders + np.stack([none, 0.07 + 0.235 * up, 0.075 - 0.06 * up], axis=1)
    wrists = bar[:, None] + np.array([[grip, 0, 0], [-grip, 0, 0]])
    feet = both_sides(0.16, _FLOOR, 0.30) + rng.uniform(-0.02, 0.02, (2, 3)) * [1, 0, 1]
    limbs = Limbs(
        wrists=wrists,
        elbow_poles=np.broadcast_to(both_sides(0.7, -0.8, 0.3), wrists.shape),
        ankles=np.broadcast_to(feet, wrists.shape),
        turnout=0.3,
        toes=np.broadcast_to(both_sides(0.2, -0.1, 1.0), wrists.shape),
        pronation=1.4,
    )
    return assemble(trunk, limbs)


def situp(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """From the back to sitting, knees bent, hands behind the head: [T, 27, 3] in statures for `times` [T] s."""
    up = _repetitions(rng, times, (1.8, 2.8))
    none = 0 * up
    pelvis = np.array([0.0, 0.065, 0.0]) + wander(rng, times, (3,), amplitude=0.003, frequency=0.5)
    trunk = torso(
        subject,
        pelvis,
        rotation(none, -1.52 + 1.15 * up, none),
        np.column_stack(
            [wander(rng, times, (), amplitude=0.03, frequency=0.4), 0.05 + 0.95 * np.sin(np.pi / 2 * up), none]
        ),
        np.column_stack([none, 0.15 + 0.25 * up, none]),
    )
    hands = both_sides(0.085, 0.085, 0.03)
    feet = both_sides(0.07, _FLOOR, 0.36) + rng.uniform(-0.02, 0.02, (2, 3)) * [1, 0, 1]
    shape = (len(times), 2, 3)
    limbs = Limbs(
        wrists=trunk.from_chest(hands + wander(rng, times, (2, 3), amplitude=0.004, frequency=0.6)),
        elbow_poles=trunk.chest_directions(both_sides(0.9, 0.1, 0.35)),
        ankles=np.broadcast_to(feet, shape),
        turnout=0.1,
        toes=np.broadcast_to(both_sides(0.1, -0.1, 1.0), shape),
    )
    return assemble(trunk, limbs)


def squat(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Knee bends with the arms held out in front: [T, 27, 3] in statures for `times` [T] s."""
    down = _repetitions(rng, times, (1.6, 2.6))
    none = 0 * down
    sway = wander(rng, times, (3,), amplitude=0.005, frequency=0.5)
    pelvis = np.stack([none, 0.515 - 0.25 * down, -0.02 - 0.13 * down], axis=1) + sway
    trunk = torso(
        subject,
        pelvis,
        rotation(sway[:, 0], 0.03 + 0.55 * down, none),
        np.column_stack([none, 0.05 + 0.10 * down, none]),
        np.column_stack([none, -0.45 * down, none]),
    )
    raise_arms = 0.25 + 0.7 * down[:, None]
    hands = np.stack([none, -0.26 + 0.26 * raise_arms[:, 0], 0.12 + 0.16 * raise_arms[:, 0]], axis=1)[:, None]
    hands = hands + both_sides(0.12, 0, 0)
    feet = both_sides(0.12, _FLOOR, 0.0) + rng.uniform(-0.02, 0.02, (2, 3)) * [1, 0, 1]
    limbs = Limbs(
        wrists=trunk.from_chest(hands),
        elbow_poles=trunk.chest_directions(both_sides(0.5, -1.0, -0.3)),
        ankles=np.broadcast_to(feet, hands.shape),
        turnout=0.4,
        toes=np.broadcast_to(both_sides(0.3, -0.1, 1.0), hands.shape),
    )
    return assemble(trunk, limbs)
