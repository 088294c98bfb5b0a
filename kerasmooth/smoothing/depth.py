"""The third coordinate of a person, made ready to go through the same steps as x and y."""

from dataclasses import replace

import numpy as np

from kerasmooth.skeletons import Skeleton
from kerasmooth.smoothing import gaps
from kerasmooth.smoothing.mending import Person, exchanged, replaceable
from kerasmooth.smoothing.outliers import find_outliers


def prepare_depth(
    depth: np.ndarray,
    person: Person,
    fps: float,
    skeleton: Skeleton | None,
    max_gap: float,
    outliers: bool,
) -> Person:
    """The depth as a person of one coordinate: what x and y swap, weigh and reject counts for it as well.

    Beyond that a depth is known where it is finite and no outlier among the depths alone: what a detector guesses of it
    may be wrong where x and y are right.

    Args:
      depth: float64 [T, K], in the input's unit; NaN is missing.
      person: the x and y.
      fps: frames per second.
      skeleton: whose pairs were swapped.
      max_gap: seconds; longer gaps stay open.
      outliers: whether to look for them.
    """
    if skeleton is not None and person.swapped.any():
        depth = exchanged(depth, person.swapped, skeleton)
    known = person.known & np.isfinite(depth)
    origin = depth[known].mean(keepdims=True) if known.any() else np.zeros(1)
    positions = np.where(known, depth - origin, 0.0)[..., None] / person.size
    rejected = np.zeros_like(known)
    if outliers:
        rejected = find_outliers(positions, known, fps, None, skeleton)
    rejected, ends = replaceable(rejected, known, fps, max_gap)
    known &= ~rejected
    found = gaps.find_gaps(known, gaps.longest_run(max_gap, fps))
    return replace(
        person,
        positions=gaps.interpolate(positions, known),
        weights=np.where(known, person.weights, 0.0),
        known=known,
        alive=known | found.inner | ends | (found.outer & person.rejected),
        rejected=rejected,
        origin=origin,
    )
