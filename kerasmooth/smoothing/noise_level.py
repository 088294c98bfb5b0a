"""How large a detector's noise is and how long it lasts, from what a person's keypoints do not do together.

Limbs move together: in the directions in which the recording moves least (the smallest principal components of all
coordinates) there is hardly any motion, and what is seen there is the noise of the detector, which errs in every
keypoint by itself. So neither a fast kick is taken for noise nor slow noise for motion.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpbtrf, dtbtrs

from kerasmooth.filters.banded import stiffness_at

MEMORIES = (0.0, 0.03, 0.06)
"""Seconds in which the correlation of the noise falls to 1/e; 0 is white noise. Longer ones look alike over
LAG_SECONDS, and one that is too long takes slow motion for noise."""
LAG_SECONDS = 0.12
"""Second differences over so long hold most of the noise whatever its memory; over one frame only what is white."""
BLOCK_SECONDS = 0.3
"""Directions come from some blocks of the recording, and the noise is measured in others."""
NEAR_FOLDS, APART_FOLDS = (2, 0), (6, 1)
"""Into how many folds the blocks are dealt, and how many blocks on either side of a measured one teach nothing. What
moves is known best from the blocks beside; noise that lasts is in them too, and looks shorter than it is."""
STRONGEST_APART = 0.06
"""Person sizes: larger noise (this is measured of some 8 %) keeps the shorter memory. With the longer one the error
falls further, but short gestures go with it."""
LEAST_BLOCKS, LEAST_BLOCKS_APART = 5, 9
"""Of which a recording must consist to be measured, and to be measured apart: half of them teach then."""
LEAST_KNOWN = 0.9
"""Share of the frames in which a keypoint must be known: a bridged gap shows no noise."""
LEAST_RATIO = 0.6
"""Of the ratio of fast to slow noise that the longest memory gives."""
STILL_SHARE = 0.3
"""Of all directions, those that count as still."""
DOUBT = 1.5
"""How many times as large as measured the noise may be: the smallest components are small by chance, too."""
LOWEST_CUTOFF, CUTOFF_RATIO = 0.3, 2.0
"""Hz: the cut-offs of the motions under which the memories are compared."""
LEAST_NOISE = 1e-5
"""Person sizes."""
ORDERS = (2, 3)
"""Of the differences that a motion keeps small: a body that turns fast keeps third ones small, and second ones not."""


@dataclass(frozen=True, eq=False)
class Noise:
    """The noise of K keypoints.

    Attributes:
      memory: seconds, one of MEMORIES.
      most: [K], the largest deviation along an axis that noise of this memory can have, in the unit of the positions;
        inf where nothing tells.
      whole: [K], the deviation of all noise, also of what lasts longer and cannot be told from motion; 0 where nothing
        tells.
      axes: [D], the deviation along each axis in their root mean square: a detector whose heatmaps cover a high narrow
        box errs more in height than in width.
    """

    memory: float
    most: np.ndarray
    whole: np.ndarray
    axes: np.ndarray


def estimate_noise(positions: np.ndarray, known: np.ndarray, fps: float, memory: float = 0.0) -> Noise:
    """The noise of one person's keypoints, from those that are known nearly all the time.

    Args:
      positions: float64 [T, K, D], finite, gaps bridged.
      known: bool [T, K], what was measured.
      fps: frames per second.
      memory: seconds, where the recording is too short to tell.
    """
    frames, num_keypoints, dimensions = positions.shape
    lag = max(round(LAG_SECONDS * fps), 2)
    block = max(round(BLOCK_SECONDS * fps), 2 * lag)
    watched = np.flatnonzero(known.mean(axis=0) >= LEAST_KNOWN)
    still = int(STILL_SHARE * len(watched) * dimensions)
    unknown = Noise(memory, np.full(num_keypoints, np.inf), np.zeros(num_keypoints), np.ones(dimensions))
    if frames < LEAST_BLOCKS * block:
        return unknown
    values = positions - positions.mean(axis=0)
    likeliest, white = _likeliest_memory(values, fps)
    deviation = np.sqrt(white.mean(axis=1))
    axes = np.sqrt(np.median(white / white.mean(axis=1, keepdims=True), axis=0))
    axes /= math.sqrt(np.mean(axes**2))
    if still < 2:
        return dataclasses.replace(unknown, axes=axes)
    scaled = (values / (deviation[:, None] * axes))[:, watched].reshape(frames, -1)
    near, far = _in_still_directions(scaled, lag, block, still, *NEAR_FOLDS)

    def deviations(variances: np.ndarray) -> np.ndarray:
        own = np.sqrt(variances.reshape(-1, dimensions).mean(axis=1))
        # What is missing often is taken to be as the others.
        shares = np.full(num_keypoints, np.median(own))
        shares[watched] = own
        return shares * deviation

    whole = deviations(far / _curvature(MEMORIES[likeliest], lag / fps))
    seen = _memory_seen(near, far, lag, fps) or 0
    if 0 < seen < likeliest and np.median(whole) < STRONGEST_APART and frames >= LEAST_BLOCKS_APART * block:
        seen = _memory_seen(*_in_still_directions(scaled, lag, block, still, *APART_FOLDS), lag, fps) or seen
    # Correlated only where both say so: fast motion makes the one believe it, leftovers of motion the other.
    memory = MEMORIES[min(likeliest, seen)]
    explained = deviations(np.minimum(near / _curvature(memory, 1 / fps), far / _curvature(memory, lag / fps)))
    # A limb that kicks is never still, and shows too little noise: it has as much as the others.
    most = DOUBT * np.maximum(explained, np.median(explained[watched]))
    return Noise(memory, np.maximum(most, LEAST_NOISE), whole, axes)


def _curvature(memory: float, seconds: float) -> float:
    """The expected square of x(t) - (x(t - s) + x(t + s)) / 2 for noise of variance 1."""
    if memory == 0:
        return 1.5
    return 1.5 - 2 * math.exp(-seconds / memory) + 0.5 * math.exp(-2 * seconds / memory)


def _memory_seen(near: np.ndarray, far: np.ndarray, lag: int, fps: float) -> int | None:
    """The index of the memory that curvatures over one and over `lag` frames show; None if the directions moved."""
    ratio = max(float(near.mean() / max(far.mean(), 1e-300)), 1e-300)
    expected = np.array([_curvature(memory, 1 / fps) / _curvature(memory, lag / fps) for memory in MEMORIES])
    if ratio < LEAST_RATIO * expected[-1]:
        # No noise lasts so long.
        return None
    return int(np.abs(np.log(expected / ratio)).argmin())


def _in_still_directions(
    values: np.ndarray, lag: int, block: int, still: int, folds: int, beside: int
) -> tuple[np.ndarray, np.ndarray]:
    """[C] twice: mean squared curvature over one frame and over `lag` frames, of the part of each coordinate that lies
    in the still directions, as if all of it did.

    The directions of each fold come from all blocks of others but those that lie `beside` its own.
    """
    near, far = (values[s:-s] - (values[: -2 * s] + values[2 * s :]) / 2 for s in (1, lag))
    near_fold, far_fold = ((np.arange(len(v)) + s) // block % folds for v, s in ((near, 1), (far, lag)))
    sums, parts = np.zeros((2, values.shape[1])), np.zeros(values.shape[1])
    for fold in np.unique(far_fold):
        away = (far_fold - fold) % folds
        learnt = far[np.minimum(away, folds - away) > beside]
        # In a short recording all directions in which nothing at all was seen.
        count = max(still, learnt.shape[1] - len(learnt))
        directions = np.linalg.eigh(learnt.T @ learnt)[1][:, :count]
        for row, (curves, own) in enumerate(((near, near_fold), (far, far_fold))):
            inside = curves[own == fold] @ directions
            sums[row] += np.mean((inside @ directions.T) ** 2, axis=0)
        parts += (directions**2).sum(axis=1)
    near_sum, far_sum = sums / np.maximum(parts, 1e-12)
    return near_sum, far_sum


def _likeliest_memory(positions: np.ndarray, fps: float) -> tuple[int, np.ndarray]:
    """(index of the memory of the largest likelihood over all keypoints, [K, D] variances if the noise is white)."""
    costs, white = _costs_of_memories(positions, fps, ORDERS[0])
    if costs.argmin() > 0:
        # Noise does not last that a smoother motion explains as well.
        others, _ = _costs_of_memories(positions, fps, ORDERS[1])
        costs = min(costs, others, key=np.min)
    return int(costs.argmin()), white


def _costs_of_memories(positions: np.ndarray, fps: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    """-2 log likelihood of each of MEMORIES under motions of an order, and [K, D] variances if the noise is white."""
    frames, num_keypoints, dimensions = positions.shape
    count = max(round(math.log(fps / LOWEST_CUTOFF) / math.log(CUTOFF_RATIO)) + 1, 2)
    cutoffs = np.geomspace(LOWEST_CUTOFF, fps, count)
    costs, white = [], np.empty(0)
    for memory in MEMORIES:
        squares, logs = innovations(positions.reshape(frames, -1), cutoffs, memory, fps, order)
        degrees = frames - LOST_FRAMES
        variances = np.maximum(squares.sum(axis=1) / degrees, LEAST_NOISE**2).reshape(-1, num_keypoints, dimensions)
        # A cut-off for both axes: with one for each, fast motion along one of them would seem to have no noise.
        cost = (degrees * np.log(variances) + logs.sum(axis=1)[:, None, None]).sum(axis=2)
        if memory == 0:
            white = variances[cost.argmin(axis=0), np.arange(num_keypoints)]
        costs.append(cost.min(axis=0).sum())
    return np.array(costs), white


LOST_FRAMES = max(ORDERS) + 1
"""At either end: of the first frames a filter can predict nothing."""


def innovations(
    values: np.ndarray, cutoffs: np.ndarray, memory: float, fps: float, order: int
) -> tuple[np.ndarray, np.ndarray]:
    """How far each frame is from what those before (and, backwards, those after) predict, under models of motion.

    A coordinate is a random walk integrated once or twice (its difference of this order is white) plus noise of that
    memory. Then a difference of the values is a moving average, whose banded covariance LAPACK factors.

    Args:
      values: float64 [T, C].
      cutoffs: [M], Hz at which motion and noise are as strong.
      memory: seconds.
      fps: frames per second.
      order: of ORDERS.

    Returns:
      squares [M, T, C] in variances of the noise and the logs of their variances [M, T], each the mean of both
      directions; the LOST_FRAMES at an end are of one direction only, with half its weight.
    """
    frames = len(values)
    rho = math.exp(-1 / (memory * fps)) if memory else 0.0
    difference = np.poly(np.ones(order))
    whole = np.convolve(difference, [1.0, -rho]) if rho else difference
    lost = len(whole) - 1
    noise = (1 - rho**2) * _covariances(difference, lost)
    motion = _covariances(np.array([1.0, -rho]) if rho else np.ones(1), lost)
    directions = []
    for one in (values, values[::-1]):
        changes = sum(share * one[lost - k : frames - k] for k, share in enumerate(whole))
        directions.append(np.asfortranarray(changes))
    squares = np.zeros((len(cutoffs), frames, values.shape[1]))
    logs = np.zeros((len(cutoffs), frames))
    for model, stiffness in enumerate(stiffness_at(cutoffs, fps, order)):
        bands = np.repeat((noise + motion / stiffness)[:, None], frames - lost, axis=1)
        factor = dpbtrf(bands, lower=1)[0]
        for reverse, changes in enumerate(directions):
            found = dtbtrs(factor, changes, uplo="L")[0][LOST_FRAMES - lost :] ** 2
            sizes = 2 * np.log(factor[0, LOST_FRAMES - lost :])
            where = slice(0, frames - LOST_FRAMES) if reverse else slice(LOST_FRAMES, None)
            squares[model, where] += 0.5 * (found[::-1] if reverse else found)
            logs[model, where] += 0.5 * (sizes[::-1] if reverse else sizes)
    return squares, logs


def _covariances(weights: np.ndarray, count: int) -> np.ndarray:
    """[count + 1], of a moving average with itself, 0 to `count` frames later."""
    padded = np.concatenate([weights, np.zeros(count)])
    return np.array([np.dot(weights, padded[lag : lag + len(weights)]) for lag in range(count + 1)])
