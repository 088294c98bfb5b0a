"""The smoother that chooses by itself: averages motion models by how likely they make the recording, without truth.

1. Every coordinate gets a grid of motion models (`filters.motion_models`): cut-offs, memories of the velocity and of
   the noise. The memory of the noise is one for the person; the size of the noise is one per coordinate, drawn towards
   that of the person's other keypoints (a hierarchical prior); the motion is each coordinate's own. Curves are averaged
   by the models' posterior probabilities, not picked.
2. Residuals tell how heavy the noise's tails are (Student's t by maximum likelihood); what lies far out counts less
   (iteratively reweighted least squares). Low confidence and gaps enter the same way: as a measurement that is drawn
   towards the curve.
3. The same once more in coordinates that are turned so that keypoints that move together share a component (principal
   velocities): common motion then stands out of the noise. Both estimates are averaged.
4. The result is steadied where that moves it by less than anybody can tell (`smoothing.steady`).
"""

import itertools
from dataclasses import dataclass

import numpy as np

from kerasmooth.filters.base import Filtered
from kerasmooth.filters.gaussian_filter import gaussian
from kerasmooth.filters.kalman_filter import posterior_deviation
from kerasmooth.filters.motion_models import MotionModel, correlation, curves, misfits, weighed_curve
from kerasmooth.filters.student import robust_weights
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.steady import relative_jitter, steady

CUTOFFS = tuple(float(cutoff) for cutoff in np.geomspace(0.15, 7.0, 12))
MEMORIES = (0.15, 0.5, np.inf)
NOISE_MEMORIES = (0.0, 0.03, 0.06, 0.12)
"""Seconds. A longer memory would take slow motion for noise."""
SPREAD_OF_NOISE = 0.8
"""Deviation of the log of the noise's variance among the coordinates of a person."""
ROUNDS = 3
TURNS = 3
TURNED_SHARE = 0.7
LEAST_KNOWN = 4
"""Measurements that a keypoint needs; with fewer it gets a Gaussian."""
BRIDGED_SECONDS = 0.5
WINDOW_SECONDS = 20.0
OVERLAP_SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class _Choice:
    """What a round found for C coordinates: the curves and why."""

    curve: np.ndarray
    noise: np.ndarray
    noise_memory: float
    cutoff: np.ndarray
    log_memory: np.ndarray


def auto(positions: np.ndarray, weights: np.ndarray, known: np.ndarray, fps: float, strength: float = 1.0) -> Filtered:
    """Smooths one person, whose keypoints help each other.

    Args:
      positions: float64 [T, K, D] in person sizes, finite.
      weights: [T, K] in 0..1; 0 where not known.
      known: bool [T, K].
      fps: frames per second.
      strength: divides all cut-offs.

    Returns:
      Filtered with an approximate posterior deviation [T, K] and, in `notes`, per keypoint the `method`, its `cutoff`
      in Hz, the `memory` of its velocity and the `noise_memory` in seconds, and the `noise` in units of the positions.
    """
    frames, num_keypoints, _ = positions.shape
    result = gaussian(positions, weights=weights, fps=fps, cutoff=2.0 / strength).positions
    deviation = np.full((frames, num_keypoints), np.nan)
    notes = {name: np.full(num_keypoints, np.nan) for name in ("cutoff", "memory", "noise_memory", "noise")}
    used = np.flatnonzero(known.sum(axis=0) >= LEAST_KNOWN)
    if len(used):
        for first, end, fade_in in _windows(frames, fps):
            part = np.ix_(np.arange(first, end), used)
            curve, spread, chosen = _smooth_window(positions[part], weights[part], fps, strength)
            ramp = np.minimum((np.arange(end - first) + 1) / (fade_in + 1), 1.0)[:, None, None]
            result[part] = ramp * curve + (1 - ramp) * result[part] if fade_in else curve
            deviation[part] = spread
            for name, values in chosen.items():
                notes[name][used] = values
    method = np.full(num_keypoints, "gaussian", object)
    method[used] = "motion models"
    return Filtered(result, deviation, {"method": method, **notes})


def _windows(frames: int, fps: float) -> list[tuple[int, int, int]]:
    """(first, end, frames to fade in) of windows that cover all frames."""
    size, overlap = max(int(WINDOW_SECONDS * fps), 64), max(int(OVERLAP_SECONDS * fps), 8)
    if frames <= size + overlap:
        return [(0, frames, 0)]
    count = -(-(frames - overlap) // size)
    bounds = np.linspace(0, frames - overlap, count + 1).astype(int)
    return [(int(a), int(b) + overlap, 0 if a == 0 else overlap) for a, b in itertools.pairwise(bounds)]


def _smooth_window(
    positions: np.ndarray, weights: np.ndarray, fps: float, strength: float
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Curve [T, K, D], deviation [T, K], and what was chosen, name -> [K]."""
    frames, num_keypoints, dimensions = positions.shape
    known = weights > 0
    filled = gaps.interpolate(positions, known)
    level = filled.mean(axis=0, keepdims=True)
    measured = (filled - level).reshape(frames, -1)
    shares = np.repeat(weights, dimensions, axis=1)
    pulled = np.array(measured)
    memories: tuple[float, ...] = NOISE_MEMORIES
    for turn in range(ROUNDS):
        last = turn == ROUNDS - 1
        choice = _choose(pulled, shares, dimensions, memories, fps, strength if last else 1.0)
        near = NOISE_MEMORIES.index(choice.noise_memory)
        memories = NOISE_MEMORIES[max(near - 1, 0) : near + 2]
        residual = ((measured - choice.curve) / choice.noise).reshape(frames, num_keypoints, dimensions)
        trust = weights * robust_weights(np.sum(residual**2, axis=-1), known, dimensions)
        shares = np.repeat(trust, dimensions, axis=1)
        bridge = _bridged(measured, choice, trust, fps)
        pulled = bridge + shares * (measured - bridge)
    turned = _turned(measured, shares, choice, fps, strength)
    curve = ((1 - TURNED_SHARE) * choice.curve + TURNED_SHARE * turned).reshape(positions.shape) + level
    noise = np.sqrt(np.mean(choice.noise.reshape(num_keypoints, dimensions) ** 2, axis=1))
    curve = steady(curve, noise, choice.noise_memory, relative_jitter(positions, curve, known), fps, strength)
    cutoff = np.exp(np.log(choice.cutoff).reshape(num_keypoints, dimensions).mean(axis=1))
    # Noise that hangs together averages out more slowly: as if it were larger.
    rho = correlation(choice.noise_memory, fps)
    deviation = posterior_deviation(trust, cutoff, fps) * noise * np.sqrt((1 + rho) / (1 - rho))
    memory = np.exp(choice.log_memory.reshape(num_keypoints, dimensions).mean(axis=1))
    chosen = {"cutoff": cutoff, "memory": memory, "noise": noise}
    return curve, deviation, chosen | {"noise_memory": np.full(num_keypoints, choice.noise_memory)}


def _bridged(measured: np.ndarray, choice: _Choice, trust: np.ndarray, fps: float) -> np.ndarray:
    """The curves [T, C], in gaps those that follow from both sides alone: what had been guessed there has no say."""
    frames, num_keypoints = trust.shape
    bridge = choice.curve.reshape(frames, num_keypoints, -1).copy()
    values = measured.reshape(bridge.shape)
    cutoffs, memories = (
        np.exp(logs.reshape(num_keypoints, -1).mean(axis=1)) for logs in (np.log(choice.cutoff), choice.log_memory)
    )
    # Across a long gap the curve from both sides swings wide; the straight line stays there.
    short = gaps.find_gaps(trust > 0, gaps.longest_run(BRIDGED_SECONDS, fps)).inner
    for keypoint in np.flatnonzero(short.any(axis=0)):
        model = MotionModel(float(cutoffs[keypoint]), float(memories[keypoint]))
        curve = weighed_curve(values[:, keypoint], trust[:, keypoint], model, fps)
        bridge[short[:, keypoint], keypoint] = curve[short[:, keypoint]]
    return bridge.reshape(measured.shape)


def _models(noise_memories: tuple[float, ...], fps: float) -> list[MotionModel]:
    cutoffs = [cutoff for cutoff in CUTOFFS if cutoff < 0.45 * fps]
    return [MotionModel(c, memory, noise) for noise in noise_memories for memory in MEMORIES for c in cutoffs]


def _choose(
    values: np.ndarray,
    shares: np.ndarray,
    dimensions: int,
    noise_memories: tuple[float, ...],
    fps: float,
    strength: float,
) -> _Choice:
    """Averages models of values [T, C]; shares [T, C] say how much was measured."""
    frames, count = values.shape
    models = _models(noise_memories, fps)
    found, log_sizes = misfits(values, models, fps)
    misfit = found.reshape(len(noise_memories), -1, count)
    sizes = log_sizes.reshape(len(noise_memories), -1)
    degrees = np.maximum(shares.sum(axis=0) - 1, 0.5)
    measured = degrees / max(frames - 1, 1)
    scale = np.median(np.var(np.diff(values, axis=0), axis=0)) if frames > 1 else 1.0
    logs = np.log(max(scale, 1e-12)) + np.linspace(np.log(1e-4), np.log(1e1), 48)
    best_memory, picks = _noise_sizes(misfit, sizes, measured, degrees, logs, dimensions)
    variance = np.exp(logs[picks])
    scores = misfit[best_memory] / variance + sizes[best_memory][:, None] * measured
    chances = np.exp(-(scores - scores.min(axis=0)) / 2)
    chances /= chances.sum(axis=0)
    kept = models[best_memory * misfit.shape[1] :][: misfit.shape[1]]
    curve = _average(values, kept, chances, fps, strength)
    cutoff = np.exp(np.log([model.cutoff for model in kept]) @ chances)
    log_memory = np.log([min(model.memory, 10.0) for model in kept]) @ chances
    return _Choice(curve, np.sqrt(variance), noise_memories[best_memory], cutoff, log_memory)


def _average(
    values: np.ndarray, models: list[MotionModel], chances: np.ndarray, fps: float, strength: float
) -> np.ndarray:
    """The curves of values [T, C] averaged by chances [models, C]."""
    curve, total = np.zeros_like(values), np.zeros(values.shape[1])
    used = chances.max(axis=1) > 1e-3
    kept = [model for model, use in zip(models, used, strict=True) if use]
    for one, share in zip(curves(values, kept, fps, strength), chances[used], strict=True):
        curve += share * one
        total += share
    return curve / total


def _noise_sizes(
    misfits: np.ndarray, sizes: np.ndarray, shares: np.ndarray, degrees: np.ndarray, logs: np.ndarray, dimensions: int
) -> tuple[int, np.ndarray]:
    """The memory of the noise (index) and per coordinate its size (index into `logs`), a posteriori.

    Args:
      misfits: [memories, models, C].
      sizes: [memories, models].
      shares: [C], measured share of the frames.
      degrees: [C], measurements less one.
      logs: [S], logs of the noise variances to choose from.
      dimensions: coordinates a keypoint; each axis has a noise level of its own.
    """
    prior = -0.5 * ((logs[:, None] - logs[None]) / SPREAD_OF_NOISE) ** 2
    prior -= _log_sum(prior, axis=0)[None]
    best_score, best = -np.inf, (0, np.zeros(misfits.shape[2], int))
    for memory in range(len(misfits)):
        score, picks = 0.0, np.zeros(misfits.shape[2], int)
        for axis in range(dimensions):
            own = slice(axis, None, dimensions)
            exponent = misfits[memory, :, own] * np.exp(-logs)[:, None, None] + sizes[memory][:, None] * shares[own]
            evidence = _log_sum(-exponent / 2, axis=1) - 0.5 * logs[:, None] * degrees[own]
            common = _log_sum(evidence[:, None] + prior[:, :, None], axis=0).sum(axis=1)
            level = int(np.argmax(common))
            score += common[level]
            picks[own] = np.argmax(evidence + prior[:, level, None], axis=0)
        if score > best_score:
            best_score, best = score, (memory, picks)
    return best


def _log_sum(values: np.ndarray, axis: int) -> np.ndarray:
    top = values.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(values - top).sum(axis=axis))


def _turned(measured: np.ndarray, shares: np.ndarray, choice: _Choice, fps: float, strength: float) -> np.ndarray:
    """The curves once more, in the principal directions of the velocities, where noise has size 1."""
    curve = choice.curve / choice.noise
    measured = measured / choice.noise
    if len(curve) < 4:
        return choice.curve
    models = _models((choice.noise_memory,), fps)
    for turn in range(TURNS):
        velocity = np.diff(curve, axis=0)
        _, basis = np.linalg.eigh(velocity.T @ velocity)
        values = (curve + shares * (measured - curve)) @ basis
        misfit, sizes = misfits(values, models, fps)
        scores = misfit + sizes[:, None]
        chances = np.exp(-(scores - scores.min(axis=0)) / 2)
        chances /= chances.sum(axis=0)
        curve = _average(values, models, chances, fps, strength if turn == TURNS - 1 else 1.0) @ basis.T
    return curve * choice.noise
