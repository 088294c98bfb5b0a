"""What is mended before a person is filtered: sides that were exchanged, outliers, gaps; all in person sizes."""

from dataclasses import dataclass

import numpy as np

from kerasmooth.filters.confidence_weights import confidence_weights
from kerasmooth.lengths import all_finite
from kerasmooth.skeletons import Skeleton
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.low_confidence import find_unsure
from kerasmooth.smoothing.outliers import find_outliers
from kerasmooth.smoothing.person_scale import person_size
from kerasmooth.smoothing.settings import SmoothingSettings
from kerasmooth.smoothing.swaps import find_swaps

ORIGIN_FRAMES = 500
"""So many frames, at least, say where a person is in the middle."""
LONGEST_END_SECONDS, LONGEST_END_FRAMES = 0.12, 2
"""Outliers at an end are replaced up to so long, the larger counts: further out nothing is known."""


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
      joined: bool [K, K], which keypoints a limb joins.
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
    joined: np.ndarray


def mend(
    keypoints: np.ndarray,
    scores: np.ndarray,
    fps: float,
    skeleton: Skeleton | None,
    settings: SmoothingSettings,
) -> Person:
    """The person, with swaps mended, outliers rejected and gaps found."""
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
        swapped = find_swaps(positions, known, skeleton.pairs, fps, skeleton.limbs)
        values = (positions, weights, known, confidence)
        positions, weights, known, confidence = (exchanged(each, swapped, skeleton) for each in values)
    rejected = np.zeros_like(known)
    if settings.outliers:
        rejected = find_outliers(positions, known, fps, confidence, skeleton)
        rejected |= find_unsure(positions, known & ~rejected, confidence, fps, skeleton)
    rejected, ends = replaceable(rejected, known, fps, settings.max_gap)
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
        joined=_joined(skeleton, known.shape[1]),
    )


def _joined(skeleton: Skeleton | None, num_keypoints: int) -> np.ndarray:
    joined = np.zeros((num_keypoints, num_keypoints), bool)
    for a, b in skeleton.limbs if skeleton is not None else ():
        joined[a, b] = joined[b, a] = True
    return joined


def replaceable(rejected: np.ndarray, known: np.ndarray, fps: float, max_gap: float) -> tuple[np.ndarray, np.ndarray]:
    """The outliers that can be replaced: in gaps of up to `max_gap` seconds, or short ends; and which are at ends.

    Args:
      rejected, known: bool [T, K]; all that is rejected is known.

    Returns:
      bool [T, K] twice.
    """
    if not rejected.any():
        return rejected, rejected
    left = known & ~rejected
    inner = gaps.find_gaps(left, gaps.longest_run(max_gap, fps)).inner
    longest_end = min(max(int(LONGEST_END_SECONDS * fps), LONGEST_END_FRAMES), gaps.longest_run(max_gap, fps))
    ends = rejected & gaps.find_gaps(left, longest_end).outer
    return rejected & (inner | ends), ends


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
