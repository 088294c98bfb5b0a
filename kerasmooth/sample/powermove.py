"""A breakdancer's spins about the vertical: on the head and on the back."""

import numpy as np

from kerasmooth.sample.body import OUTWARD, Subject, Torso, both_sides, mirrored, rotation, torso
from kerasmooth.sample.curves import wander
from kerasmooth.sample.limbs import Limbs, assemble


def powermove(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A headspin with straddled legs or a backspin with the legs drawn in, clockwise or not.

    Returns [T, 27, 3] in statures for `times` [T] s.
    """
    on_head = bool(rng.random() < 0.5)
    rate = 2 * np.pi * rng.uniform(0.5, 0.9)
    spin = rng.uniform(0, 2 * np.pi) + rate * times + wander(rng, times, (), amplitude=0.25, frequency=0.3)
    wobble = wander(rng, times, (4,), amplitude=0.07, frequency=0.5)
    # Pitched backwards by a little more than a right angle a person lies on the back, by pi stands on the head.
    pitch, height, curl = (np.pi, 0.47, 0.05) if on_head else (-1.75, 0.09, 0.45)
    none = 0 * spin
    trunk = torso(
        subject,
        np.stack([0.03 * np.sin(spin), height + 0.1 * wobble[:, 0], 0.03 * np.cos(spin)], axis=1),
        rotation(spin, pitch + wobble[:, 1], wobble[:, 2]),
        np.stack([wobble[:, 3], none + curl, none], axis=1),
        np.stack([none, none + curl, none], axis=1),
    )
    points = assemble(trunk, _spinning_limbs(trunk, times, rng, on_head))
    return mirrored(points) if rng.random() < 0.5 else points


def _spinning_limbs(trunk: Torso, times: np.ndarray, rng: np.random.Generator, on_head: bool) -> Limbs:
    hands = both_sides(0.20, 0.11, 0.12) if on_head else both_sides(0.16, -0.12, 0.20)
    ankles = both_sides(0.30, -0.32, 0.05) if on_head else both_sides(0.14, -0.22, 0.22)
    kick = wander(rng, times, (2,), amplitude=0.10, frequency=0.6)
    ankles = ankles + kick[:, :, None] * np.array([0.6, 0.5, 1.0]) * OUTWARD[:, None]
    return Limbs(
        wrists=trunk.from_chest(hands + wander(rng, times, (2, 3), amplitude=0.025, frequency=0.8)),
        elbow_poles=trunk.chest_directions(both_sides(0.9, -0.4, -0.2)),
        ankles=trunk.hips + trunk.pelvis_directions(ankles),
        toes=trunk.pelvis_directions(both_sides(0.4, -0.6, 0.6)),
        wrist_flexion=-0.7 if on_head else 0.1,
    )
