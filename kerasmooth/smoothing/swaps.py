"""Left/right swaps: frames in which a detector exchanged the two sides."""

import itertools

import numpy as np

from kerasmooth.lengths import lengths
from kerasmooth.windows import segments

CHANGE_COST = 0.3
"""In person sizes: by how much less a pair must move altogether for it to count as exchanged."""
SWAPPED_COST = 0.01
"""In person sizes a frame: of two explanations that are as good, the one with fewer exchanged frames."""
LEAST_DISTANCE = 0.2
"""In person sizes: keypoints nearer to each other than this cannot be told apart, and stay."""
FORGET_SECONDS = 0.1
"""After a longer gap nothing is known of where the two were."""
VELOCITY_SHARE, VELOCITY_RATE = 0.8, 30.0
"""How much of the last step is expected again, up to so many frames a second; of more frames it is more noise."""
AROUND_SECONDS, AROUND_END_SECONDS = 0.2, 0.12
"""What is exchanged for a while must fit to this much before and behind it; at an end, where one side decides, less."""
LONGEST_END_SECONDS = 0.12
"""Of what is exchanged up to an end: for longer, it may be the rest that is."""
LONGEST_SECONDS = 0.4
"""Of what is exchanged: for longer, the two have more likely changed places, ..."""
LEAST_STRETCH = 0.1
"""In person sizes, of all limbs of a pair together: so much further from their usual lengths they speak against it, and
so much nearer they must be at an end of the recording, where only one side is seen."""
SUDDEN = 0.15
"""... unless each jumped to where the other was: nearer than this share of the jump."""


def find_swaps(
    positions: np.ndarray,
    known: np.ndarray,
    pairs: tuple[tuple[int, int], ...],
    fps: float,
    limbs: tuple[tuple[int, int], ...] = (),
) -> np.ndarray:
    """Finds exchanged pairs by the cheapest sequence of "as is" and "exchanged" over time (Viterbi, 1967).

    A frame costs how far both keypoints are from where their velocity would take them, so that pairs may cross; a
    change of state costs CHANGE_COST on top. The state that more frames are in is taken for right, as no one says which
    side is left. What was exchanged only because of a wrong position at its edge, or for long, is left as it is, and so
    is what would stretch the limbs: in fast motion, as in a sprint, two keypoints pass each other within a frame. At an
    end of the recording limbs must speak for it.

    Args:
      positions: [T, K, D] in person sizes, finite.
      known: bool [T, K].
      pairs: (left, right) keypoint indices.
      limbs: index pairs of keypoints that are joined.
      fps: frames per second.

    Returns:
      bool [T, K]: the keypoint has its partner's position; True for both of a pair.
    """
    swapped = np.zeros_like(known)
    for pair in pairs:
        sides = np.array(pair)
        both = np.flatnonzero(known[:, sides].all(axis=1))
        for frames in np.split(both, np.flatnonzero(np.diff(both) > FORGET_SECONDS * fps) + 1):
            if len(frames) >= 3:
                swapped[frames[:, None], sides] = _swapped_pair(positions[frames][:, sides], frames, fps)[:, None]
    while _leave_what_does_not_fit(positions, known, swapped, pairs, limbs):
        pass  # What stays as it is now speaks for what is joined to it.
    return swapped


def _leave_what_does_not_fit(
    positions: np.ndarray,
    known: np.ndarray,
    swapped: np.ndarray,
    pairs: tuple[tuple[int, int], ...],
    limbs: tuple[tuple[int, int], ...],
) -> bool:
    """Takes runs that the limbs speak against out of `swapped`; whether there were any."""
    left = False
    for pair in pairs:
        for first, end in segments(swapped[:, pair[0]]):
            at_an_end = first == 0 or end == len(positions)
            stretch = _stretch(positions, known & ~swapped, pair, slice(first, end), limbs)
            if stretch > (-LEAST_STRETCH if at_an_end else LEAST_STRETCH):
                swapped[first:end, list(pair)] = False
                left = True
    return left


def _stretch(
    positions: np.ndarray, fixed: np.ndarray, pair: tuple[int, int], run: slice, limbs: tuple[tuple[int, int], ...]
) -> float:
    """By how much limbs from a pair to what is `fixed` [T, K] are further from their usual lengths if it is exchanged,
    or nan where there are none."""
    stretches = []
    for a, b in limbs:
        own, joined = (a, b) if a in pair else (b, a)
        if own not in pair or joined in pair or not fixed[run, joined].all():
            continue
        place = positions[run, joined]
        usual = np.median(lengths(positions[:, own] - positions[:, joined]))
        other = pair[1] if own == pair[0] else pair[0]
        as_is, exchanged = (np.abs(lengths(positions[run, one] - place) - usual).mean() for one in (own, other))
        stretches.append(float(exchanged - as_is))
    return sum(stretches) if stretches else float("nan")


def _swapped_pair(positions: np.ndarray, frames: np.ndarray, fps: float) -> np.ndarray:
    """bool [N]: of positions [N, 2 sides, D] at these frames, which are exchanged."""
    as_is, exchanged = (lengths(after - positions[:-1]).sum(axis=-1) for after in (positions[1:], positions[1:, ::-1]))
    if (exchanged + CHANGE_COST >= as_is).all():
        # Each change costs more than it saves: the usual recording, seen without a loop.
        return np.zeros(len(positions), bool)
    swapped = _cheapest(_costs(positions, frames, fps))
    if swapped.sum() > len(swapped) / 2:
        swapped = ~swapped
    edges = np.flatnonzero(np.diff(np.pad(swapped.astype(np.int8), 1)))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        swapped[first:end] = _fits_exchanged(positions, first, end, fps)
    return swapped & (lengths(positions[:, 0] - positions[:, 1]) >= LEAST_DISTANCE)


def _costs(positions: np.ndarray, frames: np.ndarray, fps: float) -> np.ndarray:
    """float64 [N - 1, 2, 2]: of each frame but the first, if the state changed in the one before and if it does now."""
    waits = np.diff(frames)
    share = np.zeros(len(waits))
    share[1:] = VELOCITY_SHARE * min(1.0, VELOCITY_RATE / fps) * np.minimum(waits[1:] / waits[:-1], 1.0)
    start, middle, end = np.concatenate([positions[:1], positions[:-2]]), positions[:-1], positions[1:]
    costs = np.empty((len(waits), 2, 2))
    for changed, changes in itertools.product((0, 1), repeat=2):
        expected = middle + share[:, None, None] * (middle - (start[:, ::-1] if changed else start))
        costs[:, changed, changes] = lengths((end[:, ::-1] if changes else end) - expected).sum(axis=-1)
    costs[:, :, 1] += CHANGE_COST
    return costs


def _cheapest(costs: np.ndarray) -> np.ndarray:
    """bool [N]: whether each frame is exchanged, on the way that costs least."""
    # Plain numbers: four states, (exchanged in the frame before, exchanged here), are too few for arrays to pay.
    never = float("inf")
    off_off, off_on, on_off, on_on = 0.0, never, never, SWAPPED_COST
    came_from = []
    for (stay_stay, stay_change), (change_stay, change_change) in costs.tolist():
        options = (
            (off_off + stay_stay, on_off + change_stay),
            (off_off + stay_change + SWAPPED_COST, on_off + change_change + SWAPPED_COST),
            (on_on + stay_change, off_on + change_change),
            (on_on + stay_stay + SWAPPED_COST, off_on + change_stay + SWAPPED_COST),
        )
        came_from.append([int(changed < stayed) for stayed, changed in options])
        off_off, off_on, on_off, on_on = (min(option) for option in options)
    totals = [off_off, off_on, on_off, on_on]
    before, here = divmod(totals.index(min(totals)), 2)
    swapped = [here]
    for changed in reversed(came_from):
        before, here = before ^ changed[2 * before + here], before
        swapped.append(here)
    return np.array(swapped[::-1], bool)


def _fits_exchanged(positions: np.ndarray, first: int, end: int, fps: float) -> bool:
    """Whether the frames from `first` to `end` are nearer to those around them exchanged than as they are."""
    inner = first > 0 and end < len(positions)
    if not inner and end - first > LONGEST_END_SECONDS * fps:
        return False
    if end - first > LONGEST_SECONDS * fps:
        return all(_is_sudden(positions[edge - 1], positions[edge]) for edge in (first, end))
    count = max(round((AROUND_SECONDS if inner else AROUND_END_SECONDS) * fps), 2)
    gain = 0.0
    for outside, inside in (
        (positions[max(first - count, 0) : first], positions[first : min(first + count, end)]),
        (positions[end : end + count], positions[max(end - count, first) : end]),
    ):
        if len(outside):
            there, here = np.median(outside, axis=0), np.median(inside, axis=0)
            gain += float(lengths(here - there).sum() - lengths(here[::-1] - there).sum())
    return gain > 0


def _is_sudden(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether two positions [2 sides, D] jumped to each other's places."""
    return bool(lengths(after[::-1] - before).sum() < SUDDEN * lengths(after - before).sum())
