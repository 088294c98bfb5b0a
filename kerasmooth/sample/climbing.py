"""A person climbing a wall: hands and feet rest on holds and move one at a time, the body follows."""

from dataclasses import dataclass, field

import numpy as np

from kerasmooth.sample.body import Subject, both_sides, rotation, torso
from kerasmooth.sample.curves import horizon, smooth_path, wander
from kerasmooth.sample.limbs import Limbs, assemble

# The climber faces the wall (z = 0) with the back to the camera, so the left hand is at negative x.
_SIDE_X = (-1.0, 1.0)
_HANDS, _FEET = (0, 1), (2, 3)  # limbs: left hand, right hand, left foot, right foot
_ORDER = (1, 2, 3, 0, 3, 2)
_HAND_OFF_WALL, _ANKLE_OFF_WALL = 0.03, 0.105


@dataclass
class _Plan:
    """Key times and values of the limbs and of the body, built move by move."""

    holds: np.ndarray  # [4, 2], x and y on the wall
    pelvis: np.ndarray  # [2]
    limb_times: list[list[float]] = field(default_factory=list)
    limb_values: list[list[np.ndarray]] = field(default_factory=list)
    body_times: list[float] = field(default_factory=list)
    body_values: list[np.ndarray] = field(default_factory=list)  # pelvis x, y; yaw; nod


def _start(rng: np.random.Generator) -> _Plan:
    spread = rng.uniform(0.8, 1.2, 4)
    holds = np.array([[-0.17, 0.52], [0.15, 0.46], [-0.15, -0.36], [0.15, -0.31]]) * spread[:, None]
    plan = _Plan(holds, np.zeros(2))
    for limb in range(4):
        plan.limb_times.append([-2.0])
        plan.limb_values.append([_contact(holds[limb], limb)])
    plan.pelvis = _balance(holds)
    plan.body_times.append(-2.0)
    plan.body_values.append(np.array([*plan.pelvis, 0.0, -0.1]))
    return plan


def _contact(hold: np.ndarray, limb: int, off_wall: float = 0.0) -> np.ndarray:
    return np.array([*hold, (_HAND_OFF_WALL if limb in _HANDS else _ANKLE_OFF_WALL) + off_wall])


def _balance(holds: np.ndarray) -> np.ndarray:
    """Where the pelvis rests for these holds: over the feet, no limb beyond its reach."""
    hands, feet = holds[:2], holds[2:]
    x = 0.65 * feet[:, 0].mean() + 0.35 * hands[:, 0].mean()
    y = 0.5 * (hands[:, 1].mean() - 0.45) + 0.5 * (feet[:, 1].mean() + 0.34)
    y = max(min(y, feet[:, 1].min() + 0.44), hands[:, 1].max() - 0.56)
    return np.array([x, y])


def _next_hold(rng: np.random.Generator, plan: _Plan, limb: int, drift: float) -> np.ndarray:
    side = _SIDE_X[limb % 2]
    if limb in _HANDS:
        offset = np.array([side * rng.uniform(0.05, 0.24), rng.uniform(0.50, 0.62)])
    else:
        offset = np.array([side * rng.uniform(0.07, 0.22), rng.uniform(-0.36, -0.17)])
    return plan.pelvis + offset + np.array([drift, 0.0])


def _move(rng: np.random.Generator, plan: _Plan, limb: int, start: float, drift: float) -> float:
    """One limb goes to its next hold; returns when it rests there."""
    end = start + rng.uniform(0.40, 0.80)
    before, after = plan.holds[limb], _next_hold(rng, plan, limb, drift)
    lift = rng.uniform(0.03, 0.07)
    plan.limb_times[limb] += [start, (start + end) / 2, end]
    middle = _contact(0.45 * before + 0.55 * after, limb, lift)
    plan.limb_values[limb] += [_contact(before, limb), middle, _contact(after, limb)]
    plan.holds[limb] = after
    turn = _SIDE_X[limb % 2] * (0.30 if limb in _HANDS else -0.12) * rng.uniform(0.5, 1.2)
    nod = -0.35 if limb in _HANDS else 0.55
    plan.body_times += [start - 0.15, 0.4 * start + 0.6 * end]
    plan.pelvis = _balance(plan.holds)
    last = plan.body_values[-1]
    plan.body_values += [np.array([*last[:3], 0.6 * nod]), np.array([*plan.pelvis, turn, nod])]
    return end


def _plan(rng: np.random.Generator, until: float) -> _Plan:
    plan = _start(rng)
    drift = rng.uniform(-0.06, 0.06)
    now, turn = rng.uniform(0.0, 0.4), int(rng.integers(len(_ORDER)))
    while now < until + 1.0:
        now = _move(rng, plan, _ORDER[turn % len(_ORDER)], now, drift) + rng.uniform(0.05, 0.40)
        turn += 1
    for times, values in zip(plan.limb_times, plan.limb_values, strict=True):
        times.append(now + 1.0)
        values.append(values[-1])
    return plan


def climbing(subject: Subject, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A climb seen from behind: [T, 27, 3] in statures for `times` [T] s.

    Static climbing only: three limbs hold while one moves; no jumps, no swinging, no heel hooks. Holds are points on
    one vertical wall; nothing weighs anything, the pelvis simply rests over the feet and follows the hands.
    """
    plan = _plan(rng, horizon(times))
    paths = [smooth_path(t, v, times, 0.06) for t, v in zip(plan.limb_times, plan.limb_values, strict=True)]
    hands, feet = np.stack(paths[:2], axis=1), np.stack(paths[2:], axis=1)
    body = smooth_path(plan.body_times, plan.body_values, times, 0.16)
    pelvis = np.column_stack([body[:, :2], np.full(len(times), 0.235)])
    pelvis += wander(rng, times, (3,), amplitude=0.006, frequency=0.5)
    lean = np.arctan2(hands[..., 0].mean(axis=1) - pelvis[:, 0], 0.5) * 0.55
    # Facing the wall is a yaw of pi; a turn to the person's right brings the left hip to the wall.
    root = rotation(np.pi - 0.7 * body[:, 2], 0.05, lean)
    spine = np.column_stack([-0.5 * body[:, 2], np.full(len(times), 0.10), 0.5 * lean])
    head = np.column_stack([-0.6 * body[:, 2], body[:, 3], np.zeros(len(times))])
    trunk = torso(subject, pelvis, root, spine, head + wander(rng, times, (3,), amplitude=0.06, frequency=0.4))
    limbs = Limbs(
        wrists=hands,
        elbow_poles=trunk.chest_directions(both_sides(0.75, -0.7, -0.35)),
        ankles=feet,
        turnout=0.8,
        toes=np.broadcast_to(both_sides(-0.35, -0.05, -1.0), hands.shape),
        pronation=1.2,
    )
    return assemble(trunk, limbs)
