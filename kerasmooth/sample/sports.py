"""Fast gestures and everyday motion: kick, punch, throw, jump, jumping jacks, walking, sprint, cartwheel, standing."""

import numpy as np

from kerasmooth.sample.body import OUTWARD, Subject, both_sides, mirrored, rotation, torso
from kerasmooth.sample.curves import horizon, smooth_path, wander
from kerasmooth.sample.limbs import Limbs, assemble

_FLOOR = 0.036
_HIP_HEIGHT = 0.515
_GUARD = both_sides(0.10, -0.06, 0.16)
_HANGING = both_sides(0.15, -0.30, 0.05)


def _gestures(
    rng: np.random.Generator, times: np.ndarray, seconds: tuple[float, float], rest: tuple[float, float]
) -> np.ndarray:
    """[T] from 0 (rest) to 1 (turning point) and back; each gesture lasts `seconds`, then comes a rest."""
    keys, values = [-9.0], [0.0]
    now = -1.0 - rng.uniform(0, rest[1])
    while now < horizon(times) + 2:
        length = rng.uniform(*seconds)
        keys += [now, now + 0.5 * length, now + length]
        values += [0.0, rng.uniform(0.85, 1.0), 0.0]
        now += length + rng.uniform(*rest)
    return smooth_path(keys, values, times, 0.07 * min(seconds))


def _upright(
    subject: Subject,
    times: np.ndarray,
    rng: np.random.Generator,
    *,
    hands: np.ndarray,
    ankles: np.ndarray,
    pelvis: np.ndarray | None = None,
    yaw: np.ndarray | float = 0.0,
    lean: np.ndarray | float = 0.03,
    roll: np.ndarray | float = 0.0,
    twist: np.ndarray | float = 0.0,
    toes: np.ndarray | None = None,
    elbows: np.ndarray | None = None,
) -> np.ndarray:
    """A body on its feet: hands [T or 1, 2, 3] from the neck in chest axes, ankles [T or 1, 2, 3] in the world."""
    none = np.zeros(len(times))
    sway = wander(rng, times, (3,), amplitude=0.004, frequency=0.5)
    middle = np.stack([none, none + _HIP_HEIGHT, none], axis=1) if pelvis is None else pelvis
    spine = np.column_stack([none + twist, none + 0.05, none])
    trunk = torso(
        subject,
        middle + sway,
        rotation(none + yaw, none + lean, none + roll),
        spine,
        np.column_stack([-0.5 * spine[:, 0], 0.5 * none, none]),
    )
    shape = (len(times), 2, 3)
    limbs = Limbs(
        wrists=trunk.from_chest(np.broadcast_to(hands, shape)),
        elbow_poles=trunk.chest_directions(both_sides(0.6, -0.7, -0.5) if elbows is None else elbows),
        ankles=np.broadcast_to(ankles, shape),
        turnout=0.2,
        toes=np.broadcast_to(both_sides(0.2, -0.1, 1.0) if toes is None else toes, shape),
    )
    return assemble(trunk, limbs)


def _feet(width: float = 0.09) -> np.ndarray:
    return both_sides(width, _FLOOR, 0.0)[None]


def standing(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A person who stands still but for a little sway: [T, 27, 3] in statures for `times` [T] s."""
    return _upright(subject, times, rng, hands=_HANGING[None], ankles=_feet())


def kick(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A front kick of 0.3 to 0.5 s to the height of the hips; everything else rests: [T, 27, 3] in statures."""
    up = _gestures(rng, times, (0.3, 0.5), (0.8, 2.0))
    ankles = np.repeat(_feet(), len(times), axis=0)
    ankles[:, 1] += up[:, None] * np.array([0.04, 0.46, 0.42])
    points = _upright(subject, times, rng, hands=_GUARD[None], ankles=ankles, lean=0.03 - 0.12 * up)
    return mirrored(points) if rng.random() < 0.5 else points


def punch(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A straight punch of 0.25 to 0.4 s from a guard: [T, 27, 3] in statures."""
    out = _gestures(rng, times, (0.25, 0.4), (0.5, 1.5))
    hands = np.repeat(_GUARD[None], len(times), axis=0)
    hands[:, 1] += out[:, None] * np.array([0.06, 0.05, 0.18])
    ankles = _feet() + np.array([[0, 0, 0.12], [0, 0, -0.10]])
    points = _upright(subject, times, rng, hands=hands, ankles=ankles, twist=0.5 * out)
    return mirrored(points) if rng.random() < 0.5 else points


def throw(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An overhand throw: the arm is drawn back slowly and comes over in 0.2 s: [T, 27, 3] in statures."""
    keys, hands, turns = [-9.0], [_HANGING[1]], [0.0]
    now = -1.0 - rng.uniform(0, 2)
    while now < horizon(times) + 2:
        keys += [now, now + 0.6, now + 0.7, now + 0.8, now + 0.9, now + 1.4]
        hands += [_HANGING[1], [-0.26, 0.08, -0.16], [-0.24, 0.2, 0.02], [-0.16, 0.12, 0.27], [0.0, -0.1, 0.25]]
        hands.append(_HANGING[1])
        turns += [0.0, -0.7, -0.2, 0.35, 0.5, 0.0]
        now += 1.4 + rng.uniform(0.5, 1.5)
    arm = smooth_path(keys, np.array(hands, np.float64), times, 0.02)
    wrists = np.repeat(_HANGING[None], len(times), axis=0)
    wrists[:, 1] = arm
    ankles = _feet() + np.array([[0, 0, 0.15], [0, 0, -0.12]])
    twist = smooth_path(keys, np.array(turns), times, 0.03)
    # The throwing arm never points where its elbow does: there it would flip.
    elbows = np.array([[0.6, -0.7, -0.5], [-1.0, -0.2, 0.2]])
    points = _upright(subject, times, rng, hands=wrists, ankles=ankles, twist=twist, elbows=elbows)
    return mirrored(points) if rng.random() < 0.3 else points


def jump(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Counter-movement jumps: down, up by about 0.2 statures in a parabola of free fall, and landing."""
    keys, heights, arms = [-9.0], [0.0], [0.0]
    now = -1.0 - rng.uniform(0, 2)
    while now < horizon(times) + 2:
        flight = rng.uniform(0.38, 0.55)
        # Statures of 1.75 m: free fall is 5.6 statures / s^2.
        top = 5.6 * flight**2 / 8
        keys += [now, now + 0.45, now + 0.7]
        heights += [0.0, -0.16, 0.0]
        arms += [0.0, -0.4, 0.9]
        for share in (0.25, 0.5, 0.75, 1.0):
            keys.append(now + 0.7 + share * flight)
            heights.append(4 * top * share * (1 - share))
            arms.append(0.9)
        keys += [now + 0.9 + flight, now + 1.4 + flight]
        heights += [-0.1, 0.0]
        arms += [0.2, 0.0]
        now += 1.4 + flight + rng.uniform(0.4, 1.2)
    height = smooth_path(keys, np.array(heights), times, 0.03)
    swing = smooth_path(keys, np.array(arms), times, 0.06)
    none = 0 * height
    ankles = _feet() + np.stack([none, np.maximum(height, 0) - 0.0, none], axis=1)[:, None]
    hands = _HANGING + np.stack([none, 0.35 * swing, 0.25 * np.abs(swing)], axis=1)[:, None]
    pelvis = np.stack([none, _HIP_HEIGHT + height, -0.25 * np.maximum(-height, 0)], axis=1)
    lean = 0.03 + 2.2 * np.maximum(-height, 0)
    return _upright(subject, times, rng, hands=hands, ankles=ankles, pelvis=pelvis, lean=lean)


def jumping_jacks(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Arms and legs out and in at 0.9 to 1.3 Hz, the hands meeting over the head: [T, 27, 3] in statures."""
    rate = rng.uniform(0.9, 1.3)
    phase = 2 * np.pi * rate * times + rng.uniform(0, 2 * np.pi)
    out = 0.5 - 0.5 * np.cos(phase)
    angle = 0.15 + 2.75 * out
    reach = 0.31
    hands = np.stack(
        [OUTWARD * (0.11 + reach * np.sin(angle))[:, None], np.repeat(-reach * np.cos(angle)[:, None], 2, axis=1)],
        axis=-1,
    )
    hands = np.concatenate([hands, np.full((len(times), 2, 1), 0.04)], axis=-1)
    hop = 0.05 * np.abs(np.sin(phase)) ** 1.5
    ankles = np.repeat(_feet(), len(times), axis=0)
    ankles[..., 0] += 0.12 * OUTWARD * out[:, None]
    ankles[..., 1] += hop[:, None]
    none = 0 * out
    pelvis = np.stack([none, _HIP_HEIGHT - 0.02 * out + hop, none], axis=1)
    return _upright(subject, times, rng, hands=hands, ankles=ankles, pelvis=pelvis)


def _gait(
    subject: Subject, times: np.ndarray, rng: np.random.Generator, *, rate: float, stride: float, lift: float
) -> np.ndarray:
    """Feet on a moving belt: `rate` strides a second of so many statures, the heel lifted by `lift` behind."""
    phase = 2 * np.pi * rate * times + rng.uniform(0, 2 * np.pi)
    phases = np.stack([phase, phase + np.pi], axis=1)
    forward = 0.5 * stride * np.sin(phases)
    # The foot is up while it comes forward, and highest when the swing begins.
    rising = np.clip(np.cos(phases + 0.35), 0, None) ** 2
    ankles = np.zeros((len(times), 2, 3))
    ankles[..., 0] = 0.05 * OUTWARD
    ankles[..., 1] = _FLOOR + lift * rising
    ankles[..., 2] = forward
    swing = -0.32 * min(stride / 0.4, 1.6) * np.sin(phases)
    bent = 0.5 * min(lift / 0.15, 1.5)
    hands = np.stack(
        [
            0.13 * OUTWARD + 0 * swing,
            -0.30 + 0.12 * bent + 0.25 * np.maximum(swing, 0),
            0.05 + 0.08 * bent + 0.65 * swing,
        ],
        axis=-1,
    )
    bounce = 0.015 * lift / 0.1 * np.cos(2 * phase)
    none = 0 * bounce
    pelvis = np.stack([none, _HIP_HEIGHT - 0.02 - 0.1 * stride**2 + bounce, none], axis=1)
    down = np.where(rising[..., None] > 0, 1.0, 1.0) * np.array([0.1, -0.1, 1.0]) - rising[..., None] * [0, 0.9, 0]
    return _upright(
        subject, times, rng, hands=hands, ankles=ankles, pelvis=pelvis, lean=0.05 + 0.12 * lift,
        twist=0.12 * np.sin(phase), toes=down,
    )  # fmt: skip


def walking(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Walking in place, as a panning camera sees it, 0.8 to 1.1 strides a second: [T, 27, 3] in statures."""
    return _gait(subject, times, rng, rate=rng.uniform(0.8, 1.1), stride=rng.uniform(0.34, 0.44), lift=0.07)


def sprint(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sprinting in place, as a panning camera sees it, 1.9 to 2.3 strides a second: [T, 27, 3] in statures."""
    return _gait(subject, times, rng, rate=rng.uniform(1.9, 2.3), stride=rng.uniform(0.6, 0.75), lift=0.3)


def cartwheel(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cartwheels sideways, a turn in about 0.8 s with arms and legs spread, then a rest: [T, 27, 3] in statures."""
    keys, turns = [-9.0], [0.0]
    now, turned = -1.0 - rng.uniform(0, 1.5), 0.0
    while now < horizon(times) + 2:
        length = rng.uniform(0.7, 1.0)
        keys += [now, now + length]
        turns += [turned, turned + 2 * np.pi]
        turned += 2 * np.pi
        now += length + rng.uniform(0.6, 1.2)
    angle = smooth_path(keys, np.array(turns), times, 0.07)
    spread = 0.5 - 0.5 * np.cos(angle)
    none = 0 * angle
    pelvis = np.stack([none, _HIP_HEIGHT - 0.02 + 0.08 * spread, none], axis=1)
    roll = rotation(none, none, angle)
    legs = np.stack(
        [
            OUTWARD * (0.09 + 0.27 * spread)[:, None],
            np.repeat((-_HIP_HEIGHT + _FLOOR + 0.02 + 0.1 * spread)[:, None], 2, axis=1),
            np.zeros((len(times), 2)),
        ],
        axis=-1,
    )
    ankles = pelvis[:, None] + np.einsum("tij,tsj->tsi", roll, legs)
    hands = np.array(_HANGING)[None] + spread[:, None, None] * (both_sides(0.22, 0.24, 0.0) - _HANGING)
    toes = np.einsum("tij,sj->tsi", roll, both_sides(0.2, -0.4, 1.0))
    return _upright(subject, times, rng, hands=hands, ankles=ankles, pelvis=pelvis, roll=angle, toes=toes)
