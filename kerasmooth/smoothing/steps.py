"""The steps of a smoothing, one person at a time: prepare, filter, extend."""

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasmooth.filters import FILTERS, TIME_CONSTANTS, Filtered
from kerasmooth.filters.confidence import confidence_weights
from kerasmooth.skeletons import Skeleton
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.auto_filter import auto
from kerasmooth.smoothing.outliers import find_replaceable
from kerasmooth.smoothing.person_scale import person_size
from kerasmooth.smoothing.settings import AUTO, SmoothingSettings
from kerasmooth.smoothing.swaps import find_swaps
from kerasmooth.smoothing.vectors import all_finite

ORIGIN_FRAMES = 500
"""So many frames, at least, say where a person is in the middle."""
DECAY_SECONDS = 0.1
"""Beyond its last measurement a keypoint moves on at its velocity, which decays with this time constant."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person, ready to filter.

    Attributes:
      positions: float64 [T, K, 2] in person sizes from `origin`, swaps mended, interpolated where not known.
      weights: [T, K], 0 where not known.
      known: bool [T, K], measured and not rejected.
      alive: bool [T, K], known, in a gap that is to be filled, or an outlier at an end.
      rejected: bool [T, K], outliers that are replaced.
      swapped: bool [T, K], exchanged with the partner.
      measured: bool [T, K], measured in the input.
      confidence: [T, K] of the input, swaps mended, 0 where not known.
      size: the person's size in input units.
      origin: [2] in input units.
    """

    positions: np.ndarray
    weights: np.ndarray
    known: np.ndarray
    alive: np.ndarray
    rejected: np.ndarray
    swapped: np.ndarray
    measured: np.ndarray
    confidence: np.ndarray
    size: float
    origin: np.ndarray


def prepare(
    keypoints: np.ndarray,
    scores: np.ndarray,
    fps: float,
    skeleton: Skeleton | None,
    settings: SmoothingSettings,
) -> Person:
    """Mends swaps, rejects outliers, finds the gaps, and goes over to person sizes."""
    measured = is_measured(keypoints, scores, settings)
    weights = np.where(measured, confidence_weights(np.where(measured, scores, 0.0)), 0.0)
    known = weights > 0
    origin = _middle(keypoints, known)
    size = person_size(keypoints, known, skeleton)
    positions = (keypoints - origin) / size
    positions[~known] = 0.0
    confidence = np.where(known, scores, 0.0)
    swapped = np.zeros_like(known)
    if settings.swaps and skeleton is not None and skeleton.pairs:
        swapped = find_swaps(positions, known, skeleton.pairs, fps)
        values = (positions, weights, known, confidence)
        positions, weights, known, confidence = (exchanged(each, swapped, skeleton) for each in values)
    rejected = ends = np.zeros_like(known)
    if settings.outliers:
        rejected, ends = find_replaceable(positions, known, fps, settings.max_gap)
    known = known & ~rejected
    found = gaps.find_gaps(known, gaps.longest_run(settings.max_gap, fps))
    return Person(
        positions=gaps.interpolate(positions, known),
        weights=np.where(known, weights, 0.0),
        known=known,
        alive=known | found.inner | ends,
        rejected=rejected,
        swapped=swapped,
        measured=measured,
        confidence=np.where(known, confidence, 0.0),
        size=size,
        origin=origin,
    )


def is_measured(keypoints: np.ndarray, scores: np.ndarray, settings: SmoothingSettings) -> np.ndarray:
    """bool [T, K]: there is a position, of enough confidence; one that is unknown (NaN) is enough."""
    return all_finite(keypoints) & (scores != 0) & ~(scores < settings.min_confidence)


def _middle(keypoints: np.ndarray, known: np.ndarray) -> np.ndarray:
    """[2]: the person's median place; of a long recording, that of some of the frames, as any place near by will do."""
    every = slice(None, None, max(1, len(known) // ORIGIN_FRAMES))
    if not known[every].any():
        every = slice(None)
    return np.median(keypoints[every][known[every]], axis=0) if known.any() else np.zeros(2)


def exchanged(values: np.ndarray, swapped: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Values [T, K, ...], those of pairs that are swapped (bool [T, K]) each in its partner's place."""
    own = np.arange(skeleton.num_keypoints)
    partners = own.copy()
    for left, right in skeleton.pairs:
        partners[[left, right]] = right, left
    order = np.where(swapped, partners, own)
    return np.take_along_axis(values, order.reshape(*order.shape, *[1] * (values.ndim - 2)), axis=1)


def apply_filter(person: Person, method: str, fps: float, strength: float, parameters: dict[str, Any]) -> Filtered:
    """Filters every stretch between open gaps by itself; keypoints that live through the same frames together."""
    if method == AUTO:
        return _apply_auto(person, fps, strength, parameters)
    scaled = _scaled(method, strength, parameters)
    positions = np.array(person.positions)
    deviation, refused = np.full(person.known.shape, np.nan), np.zeros_like(person.known)
    notes: dict[str, np.ndarray] = {}
    for (first, end), keypoints in gaps.spans(person.alive).items():
        # Of all keypoints a slice: nothing is copied.
        whole = len(keypoints) == positions.shape[1]
        part = (slice(first, end), slice(None) if whole else keypoints)
        filtered = FILTERS[method](person.positions[part], weights=person.weights[part], fps=fps, **scaled)
        share = 1.0 if method in TIME_CONSTANTS else min(strength, 1.0)
        if share == 1:
            positions[part] = filtered.positions
        else:
            positions[part] += share * (filtered.positions - positions[part])
        if filtered.refused is not None:
            refused[part] = filtered.refused
            positions[part] = np.where(filtered.refused[..., None], filtered.positions, positions[part])
        if filtered.deviation is not None:
            deviation[part] = filtered.deviation
        for name, values in (filtered.notes or {}).items():
            notes.setdefault(name, np.full(person.known.shape[1], np.nan))[keypoints] = values
    return Filtered(positions, deviation, notes, refused)


def _scaled(method: str, strength: float, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a filter whose time constants are `strength` times as long."""
    accepted = inspect.signature(FILTERS[method]).parameters
    for name in parameters:
        if name not in accepted or name in ("positions", "weights", "fps"):
            raise ValueError(f"method {method!r} has no such parameter. Received: {name}={parameters[name]!r}")
    powers = TIME_CONSTANTS.get(method, {})
    scaled = {name: parameters.get(name, accepted[name].default) * strength**power for name, power in powers.items()}
    return parameters | scaled


def _apply_auto(person: Person, fps: float, strength: float, parameters: dict[str, Any]) -> Filtered:
    """All keypoints together, through every stretch of frames in which the person is there."""
    if parameters:
        raise ValueError(f"method 'auto' tunes itself and takes no parameters. Received: parameters={parameters}")
    positions = np.array(person.positions)
    deviation = np.full(person.known.shape, np.nan)
    notes: dict[str, np.ndarray] = {}
    longest = 0
    for first, end in gaps.spans(np.any(person.alive, axis=1, keepdims=True)):
        stretch = slice(first, end)
        filtered = auto(positions[stretch], person.weights[stretch], person.known[stretch], fps, strength)
        positions[stretch], deviation[stretch] = filtered.positions, filtered.deviation
        if end - first > longest and filtered.notes:
            longest, notes = end - first, filtered.notes
    return Filtered(positions, deviation, notes)


def extend_ends(positions: np.ndarray, alive: np.ndarray, max_frames: int, fps: float) -> np.ndarray:
    """Continues keypoints in place beyond their first and last frame; returns where, bool [T, K]."""
    extended = np.zeros_like(alive)
    if max_frames == 0:
        return extended
    for backwards in (False, True):
        values, living, done = (a[::-1] if backwards else a for a in (positions, alive, extended))
        for keypoint in np.flatnonzero(living.any(axis=0)):
            last = int(np.flatnonzero(living[:, keypoint])[-1])
            steps = np.arange(1, min(max_frames, len(living) - 1 - last) + 1)
            moving = last > 0 and living[last - 1, keypoint]
            velocity = values[last, keypoint] - values[last - 1, keypoint] if moving else np.zeros(values.shape[-1])
            decay = DECAY_SECONDS * fps
            reach = decay * (1 - np.exp(-steps / decay))
            values[last + steps, keypoint] = values[last, keypoint] + reach[:, None] * velocity
            done[last + steps, keypoint] = True
    return extended
