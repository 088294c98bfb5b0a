"""A mended person filtered: by the method that was asked for, then steadied and continued as far as was asked for."""

import inspect
from typing import Any

import numpy as np

from kerasmooth.filters import FILTERS, TIME_CONSTANTS, Filtered
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.auto_filter import auto
from kerasmooth.smoothing.mending import Person
from kerasmooth.smoothing.settings import AUTO, SmoothingSettings
from kerasmooth.smoothing.steadiness import steady

DECAY_SECONDS = 0.1
"""Beyond its last measurement a keypoint moves on at its velocity, which decays with this time constant."""


def filter_person(person: Person, fps: float, settings: SmoothingSettings) -> Filtered:
    """Positions [T, K, D] in person sizes, deviation [T, K], and notes: see `filters.base.Filtered`."""
    filtered = (_apply_auto if settings.method == AUTO else _apply_named)(person, fps, settings)
    if settings.steadiness:
        for (first, end), keypoints in gaps.spans(person.alive).items():
            segment = (slice(first, end), keypoints)
            filtered.positions[segment] = steady(filtered.positions[segment], settings.steadiness, fps)
    return filtered


def _apply_named(person: Person, fps: float, settings: SmoothingSettings) -> Filtered:
    """Filters every segment between open gaps by itself; keypoints that live through the same frames together."""
    method, strength = settings.method, settings.strength
    scaled = _scaled(method, strength, settings.parameters)
    positions = np.array(person.positions)
    deviation = np.full(person.known.shape, np.nan)
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
        if filtered.deviation is not None:
            deviation[part] = filtered.deviation
        for name, values in (filtered.notes or {}).items():
            notes.setdefault(name, np.full(person.known.shape[1], np.nan))[keypoints] = values
    return Filtered(positions, deviation, notes)


def _scaled(method: str, strength: float, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a filter whose time constants are `strength` times as long."""
    accepted = inspect.signature(FILTERS[method]).parameters
    for name in parameters:
        if name not in accepted or name in ("positions", "weights", "fps"):
            raise ValueError(f"method {method!r} has no such parameter. Received: {name}={parameters[name]!r}")
    powers = TIME_CONSTANTS.get(method, {})
    scaled = {name: parameters.get(name, accepted[name].default) * strength**power for name, power in powers.items()}
    return parameters | scaled


def _apply_auto(person: Person, fps: float, settings: SmoothingSettings) -> Filtered:
    """All keypoints together, through every segment of frames in which the person is there."""
    if settings.parameters:
        received = f"parameters={settings.parameters}"
        raise ValueError(f"method 'auto' tunes itself and takes no parameters. Received: {received}")
    positions = np.array(person.positions)
    deviation = np.full(person.known.shape, np.nan)
    notes: dict[str, np.ndarray] = {}
    segments = list(gaps.spans(np.any(person.alive, axis=1, keepdims=True)))
    for first, end in sorted(segments, key=lambda span: span[0] - span[1]):
        segment = slice(first, end)
        # A short segment does not tell how long the noise lasts; the longest does, where it could be smoothed.
        lasting = notes["noise_memory"][notes["method"] != "none"] if notes else np.zeros(0)
        memory = float(lasting.max(initial=0.0))
        values, weights, known = positions[segment], person.weights[segment], person.known[segment]
        filtered = auto(values, weights, known, fps, settings.strength, memory, person.joined)
        positions[segment], deviation[segment] = filtered.positions, filtered.deviation
        notes = notes or filtered.notes or {}
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
