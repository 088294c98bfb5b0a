"""A baseball pitch from the stretch: leg lift, stride, cocked arm, release, follow-through, and back to the rubber."""

import numpy as np

from kerasmooth.sample.body import Subject, mirrored, rotation, torso
from kerasmooth.sample.curves import repeat_keys, smooth_path, wander
from kerasmooth.sample.limbs import Limbs, assemble

# Authored for a right-handed pitcher who throws towards +z; left-handers are mirrored. Times in s.
_TIMES = [0.0, 0.45, 0.85, 1.25, 1.45, 1.56, 1.66, 1.85, 2.30, 2.80, 3.30, 3.80]
_PERIOD = 4.4
# Pelvis x, y, z; yaw, lean forward, lean right (degrees).
_PELVIS = [
    [0.00, 0.505, 0.06, -88, 2, 0],
    [0.00, 0.505, 0.05, -90, 2, 0],
    [0.00, 0.500, 0.06, -98, 4, -4],
    [-0.02, 0.440, 0.36, -72, 10, -4],
    [-0.02, 0.420, 0.46, -20, 18, 4],
    [-0.02, 0.420, 0.50, 2, 30, 8],
    [-0.02, 0.425, 0.54, 14, 42, 8],
    [0.00, 0.440, 0.60, 28, 48, 6],
    [0.00, 0.480, 0.66, 8, 18, 0],
    [0.00, 0.500, 0.55, -20, 5, 0],
    [0.00, 0.500, 0.25, -60, 3, 0],
    [0.00, 0.505, 0.06, -88, 2, 0],
]
# Chest against pelvis: twist left, bend forward, bend right (degrees).
_SPINE = [
    [0, 4, 0],
    [0, 5, 0],
    [-8, 12, 0],
    [-10, 2, 0],
    [-30, -14, -4],
    [4, -2, -10],
    [16, 18, -6],
    [22, 30, 0],
    [8, 16, 0],
    [0, 6, 0],
    [0, 4, 0],
    [0, 4, 0],
]
_HEAD_TURN = [70, 72, 78, 72, 48, 0, -16, -24, -8, 10, 40, 70]  # the eyes stay on the catcher
# Wrist of the throwing (right) and of the glove hand in chest axes, from the neck.
_THROWING = [
    [-0.02, -0.10, 0.17],
    [-0.02, -0.08, 0.17],
    [-0.02, -0.10, 0.17],
    [-0.33, -0.08, -0.12],
    [-0.25, 0.13, -0.16],
    [-0.24, 0.21, 0.17],
    [-0.10, -0.02, 0.30],
    [0.08, -0.20, 0.22],
    [-0.08, -0.20, 0.18],
    [-0.12, -0.22, 0.12],
    [-0.08, -0.18, 0.15],
    [-0.02, -0.10, 0.17],
]
_GLOVE = [
    [0.03, -0.11, 0.18],
    [0.03, -0.09, 0.18],
    [0.03, -0.11, 0.18],
    [0.38, -0.02, 0.06],
    [0.28, -0.06, 0.16],
    [0.17, -0.12, 0.13],
    [0.16, -0.14, 0.08],
    [0.20, -0.12, 0.10],
    [0.14, -0.18, 0.10],
    [0.14, -0.20, 0.12],
    [0.08, -0.16, 0.16],
    [0.03, -0.11, 0.18],
]
_THROWING_ELBOW = [
    [-0.6, -0.8, -0.1],
    [-0.6, -0.8, -0.1],
    [-0.6, -0.8, -0.1],
    [-0.5, 0.6, -0.6],
    [-1.0, -0.3, -0.1],
    [-1.0, -0.4, 0.3],
    [-0.9, 0.4, 0.1],
    [-0.9, 0.3, -0.1],
    [-0.8, -0.5, -0.3],
    [-0.6, -0.6, -0.5],
    [-0.6, -0.8, -0.3],
    [-0.6, -0.8, -0.1],
]
# Ankles in the world: the pivot (right) foot and the stride (left) foot.
_PIVOT_FOOT = [
    [0.0, 0.036, 0.0],
    [0.0, 0.036, 0.0],
    [0.0, 0.036, 0.0],
    [0.0, 0.045, 0.02],
    [0.0, 0.10, 0.10],
    [-0.02, 0.13, 0.20],
    [-0.06, 0.20, 0.30],
    [-0.14, 0.24, 0.56],
    [-0.13, 0.036, 0.72],
    [-0.12, 0.036, 0.60],
    [-0.04, 0.08, 0.25],
    [0.0, 0.036, 0.0],
]
_STRIDE_FOOT = [
    [0.0, 0.036, 0.17],
    [-0.02, 0.06, 0.17],
    [-0.15, 0.33, 0.10],
    [0.02, 0.07, 0.68],
    [0.02, 0.036, 0.76],
    [0.02, 0.036, 0.76],
    [0.02, 0.036, 0.76],
    [0.02, 0.036, 0.76],
    [0.04, 0.036, 0.76],
    [0.06, 0.10, 0.56],
    [0.04, 0.036, 0.38],
    [0.0, 0.036, 0.17],
]
_PIVOT_TOES = [-90, -90, -90, -90, -50, -25, -5, 5, 0, -30, -70, -90]  # degrees of yaw
_STRIDE_TOES = [-85, -85, -80, -20, -5, -5, -5, -5, -5, -25, -70, -85]


def pitching(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A pitch every 4.4 s, right- or left-handed: [T, 27, 3] in statures for `times` [T] s.

    Key poses are authored; what varies is the person, the handedness, the tempo and a few centimetres of sway. The
    hand is slower at release than a professional's (about half of 40 m/s).
    """
    left_handed = bool(rng.random() < 0.3)
    times = times * rng.uniform(0.9, 1.1) + rng.uniform(0.1, 0.7)
    key_times, cycles = repeat_keys(_TIMES, _PERIOD, times.max())

    def path(keys: list, smoothing: float) -> np.ndarray:
        return smooth_path(key_times, np.tile(np.array(keys, np.float64).T, cycles).T, times, smoothing)

    pelvis = path(_PELVIS, 0.07)
    angles = np.radians(pelvis[:, 3:])
    sway = wander(rng, times, (3,), amplitude=0.006, frequency=0.4)
    turn = np.radians(path(_HEAD_TURN, 0.09))
    head = np.column_stack([turn, -0.5 * angles[:, 1], np.zeros(len(times))])
    trunk = torso(subject, pelvis[:, :3] + sway, rotation(*angles.T), np.radians(path(_SPINE, 0.045)), head)
    wrists = np.stack([path(_GLOVE, 0.05), path(_THROWING, 0.035)], axis=1)
    poles = np.stack([np.broadcast_to([0.6, -0.6, -0.5], wrists[:, 0].shape), path(_THROWING_ELBOW, 0.05)], axis=1)
    ankles = np.stack([path(_STRIDE_FOOT, 0.05), path(_PIVOT_FOOT, 0.05)], axis=1)
    yaw = np.radians(np.stack([path(_STRIDE_TOES, 0.07), path(_PIVOT_TOES, 0.07)], axis=1))
    toes = np.stack([np.sin(yaw), np.full_like(yaw, -0.1), np.cos(yaw)], axis=-1)
    limbs = Limbs(
        wrists=trunk.from_chest(wrists),
        elbow_poles=trunk.chest_directions(poles),
        ankles=ankles,
        toes=toes,
    )
    points = assemble(trunk, limbs)
    return mirrored(points) if left_handed else points
