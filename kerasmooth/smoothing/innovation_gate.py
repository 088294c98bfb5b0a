"""Runs of wrong positions: frames in a row that a keypoint's motion before and after contradicts.

Innovation gating with several hypotheses. A tracker of nearly constant velocity (alpha-beta filter: Bar-Shalom, Li,
Kirubarajan, Estimation with Applications to Tracking and Navigation, 2001) takes a measurement at the price of its
squared innovation in variances, a chi-squared variable of 2 degrees of freedom if all is well, or passes it over at a
fixed price. The cheapest way through the recording is found by dynamic programming over the last measurement taken;
each keeps the tracker of its own cheapest past. So a run of wrong frames is left out as a whole, and a keypoint that
stays where it went is followed from there.
"""

from dataclasses import dataclass

import numpy as np

from kerasmooth.smoothing.vectors import MEDIAN_LENGTHS

RUN_SECONDS = 0.25
"""The longest run that is passed over: what stays away for longer is where the keypoint went."""
RUN_PRICE, FRAME_PRICE = 10.0, 8.0
"""Of a run that is passed over, and of each position in it. One position: as unlikely as once in 8,000."""
JUMP_PRICE = 40.0
"""The most that a position costs: the keypoint jumped there, and its velocity is unknown."""
LEAST_DEVIATION = 0.08
"""In person sizes: of an innovation along one axis."""
COMMON_MOTION = 1.2
"""Deviation by which an innovation is expected to be larger when the other keypoints change their velocity too, as a
share of what they do: a fast movement, or one of the camera, is of several keypoints, a mistake of one."""
VELOCITY_GAIN = 0.8
"""Of the tracker, whose position is the last one taken."""
SUSPECT = 4.0
"""Squared change of velocity in variances from which on the frames around are looked at."""
_SECONDS_AROUND = 0.15
_BEND = 6.0
"""Variance of a second difference of independent noise of size 1; that of the tracker's innovation is smaller."""
_INNOVATION = 2.5


def find_runs(positions: np.ndarray, known: np.ndarray, trusted: np.ndarray, fps: float) -> np.ndarray:
    """Finds positions that the keypoint's own way before and after contradicts.

    Args:
      positions: float64 [T, K, D] in person sizes, finite.
      known: bool [T, K].
      trusted: bool [T, K], part of `known`: from these it is learnt how much keypoints usually deviate.
      fps: frames per second.

    Returns:
      bool [T, K]; never what is not known.
    """
    rejected = np.zeros_like(known)
    if known.sum(axis=0).max(initial=0) < 4:
        return rejected
    series = _Series.of(positions, known)
    variances = np.take_along_axis(usual_variances(positions, trusted), series.frames, axis=0)
    with np.errstate(invalid="ignore"):
        suspect = series.bends() ** 2 * (_INNOVATION / _BEND) > SUSPECT * variances
    longest = max(int(RUN_SECONDS * fps + 1e-6), 1)
    stretches = _stretches(suspect, series.counts, longest + max(round(_SECONDS_AROUND * fps), 2))
    if len(stretches.keypoints):
        taken, inside = _cheapest(series, variances, stretches, longest)
        rows, columns = np.nonzero(inside & ~taken)
        keypoints = stretches.keypoints[columns]
        rejected[series.frames[stretches.firsts[columns] + rows, keypoints], keypoints] = True
    return rejected


@dataclass(frozen=True, eq=False)
class _Series:
    """The known positions of each keypoint one after the other; what lies beyond its count means nothing.

    Attributes:
      positions: [N, K, D].
      frames: int64 [N, K], which frame each is of.
      counts: int64 [K].
    """

    positions: np.ndarray
    frames: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, positions: np.ndarray, known: np.ndarray) -> "_Series":
        counts = known.sum(axis=0)
        frames = np.argsort(~known, axis=0, kind="stable")[: counts.max(initial=0)]
        return cls(np.take_along_axis(positions, frames[..., None], axis=0), frames, counts)

    def bends(self) -> np.ndarray:
        """[N, K]: how far the next position is from where the velocity until here leads, as a second difference of
        neighbouring frames would be; NaN at the ends."""
        bends = np.full(self.frames.shape, np.nan)
        if len(bends) < 3:
            return bends
        frames = np.diff(self.frames, axis=0)
        steps = np.diff(self.positions, axis=0)
        ratio = frames[1:] / np.maximum(frames[:-1], 1)
        apart = np.linalg.norm(steps[1:] - ratio[..., None] * steps[:-1], axis=-1)
        usual = np.sqrt(((1 + ratio) ** 2 + ratio**2 + 1) / _BEND * np.maximum(frames[1:], 1))
        inner = np.arange(1, len(bends) - 1)[:, None] < self.counts - 1
        bends[1:-1] = np.where(inner, apart / usual, np.nan)
        return bends


def usual_variances(positions: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """Of an innovation along one axis, [T, K]: the keypoint's own, and that of what most keypoints do in the frame.

    Arguments: as of `find_runs`.
    """
    series = _Series.of(positions, trusted)
    found = series.bends()
    shown = np.isfinite(found)
    bends = np.full(trusted.shape, np.nan)
    bends[series.frames[shown], np.nonzero(shown)[1]] = found[shown]
    usual = MEDIAN_LENGTHS[positions.shape[-1]]
    own = _quantile_low(bends, axis=0, left_out=0) / usual * np.sqrt(_INNOVATION / _BEND)
    # A keypoint is no witness of its own: of the bends in a frame the median without the largest.
    common = _quantile_low(bends, axis=1, left_out=1) / usual * COMMON_MOTION
    padded = np.pad(common, 1)
    common = np.maximum.reduce([padded[:-2], padded[1:-1], padded[2:]])
    return np.maximum(own, LEAST_DEVIATION) ** 2 + common[:, None] ** 2


def _quantile_low(values: np.ndarray, axis: int, left_out: int) -> np.ndarray:
    """The lower median along an axis without NaN and without the largest `left_out`; 0 where nothing is left."""
    ranked = np.sort(values, axis=axis)
    count = np.isfinite(ranked).sum(axis=axis, keepdims=True) - left_out
    middle = np.take_along_axis(ranked, np.maximum(count - 1, 0) // 2, axis=axis)
    return np.where(count > 0, middle, 0.0).squeeze(axis)


@dataclass(frozen=True, eq=False)
class _Stretches:
    """Parts of series that are worth looking at, the longest first: keypoints, firsts and ends [S], in the series."""

    keypoints: np.ndarray
    firsts: np.ndarray
    ends: np.ndarray


def _stretches(suspect: np.ndarray, counts: np.ndarray, margin: int) -> _Stretches:
    """What is within `margin` positions of suspect [N, K]."""
    summed = np.cumsum(np.pad(suspect.astype(np.int64), ((margin + 1, margin), (0, 0))), axis=0)
    near = (summed[2 * margin + 1 :] > summed[: -2 * margin - 1]) & (np.arange(len(suspect))[:, None] < counts)
    edges = np.diff(np.pad(near.astype(np.int8), ((1, 1), (0, 0))), axis=0)
    keypoints, firsts = np.nonzero(edges.T == 1)
    _, ends = np.nonzero(edges.T == -1)
    order = np.argsort(firsts - ends, kind="stable")
    return _Stretches(keypoints[order], firsts[order], ends[order])


def _cheapest(
    series: _Series, variances: np.ndarray, stretches: _Stretches, longest: int
) -> tuple[np.ndarray, np.ndarray]:
    """bool [W, S] twice: what the cheapest way takes of each stretch, and what is in the stretch at all."""
    lengths = stretches.ends - stretches.firsts
    width = int(lengths[0])
    at = np.minimum(stretches.firsts + np.arange(width)[:, None], len(series.frames) - 1)
    skipped = np.concatenate([[0.0], RUN_PRICE + FRAME_PRICE * np.arange(1, longest + 1)])
    keypoints = stretches.keypoints
    ways = _Ways(series.positions[at, keypoints], series.frames[at, keypoints], variances[at, keypoints], skipped)
    # The first position of all may be wrong as well; that of a later stretch is among good ones.
    opening = stretches.firsts == 0
    for row, active in enumerate(np.searchsorted(-lengths, -np.arange(1, width), side="left").tolist(), 1):
        ways.extend(row, active)
        if row <= longest:
            ways.begin(row, np.flatnonzero(opening[:active]))
    last = _last_taken(ways.price, lengths, skipped, stretches.ends == series.counts[stretches.keypoints])
    return _way_back(ways.came_from, last), np.arange(width)[:, None] < lengths


class _Ways:
    """The cheapest way to each position of S stretches (W rows), and the velocity with which it arrives."""

    def __init__(self, positions: np.ndarray, frames: np.ndarray, variances: np.ndarray, skipped: np.ndarray) -> None:
        self._positions, self._frames, self._variances, self._skipped = positions, frames, variances, skipped
        self._velocity = np.zeros_like(positions)
        self.price, self.came_from = np.zeros(frames.shape), np.full(frames.shape, -1)

    def extend(self, row: int, active: int) -> None:
        """Finds the way to row `row` of the first `active` stretches."""
        low = max(0, row - len(self._skipped))
        past, here = (slice(low, row), slice(active)), (row, slice(active))
        frames = self._frames[here] - self._frames[past]
        innovation = self._positions[here] - self._positions[past] - self._velocity[past] * frames[..., None]
        cost = np.sum(innovation**2, axis=-1) / (self._variances[here] * frames)
        total = self.price[past] + np.minimum(cost, JUMP_PRICE) + self._skipped[row - low - 1 :: -1][:, None]
        best = (total.argmin(axis=0), np.arange(active))
        before = (low + best[0], best[1])
        self.price[here], self.came_from[here] = total[best], before[0]
        gained = self._velocity[before] + VELOCITY_GAIN * innovation[best] / frames[best][:, None]
        self._velocity[here] = np.where((cost[best] < JUMP_PRICE)[:, None], gained, 0.0)

    def begin(self, row: int, stretches: np.ndarray) -> None:
        """Takes row `row` for the first good one where that is cheaper."""
        stretches = stretches[self._skipped[row] < self.price[row, stretches]]
        self.price[row, stretches], self.came_from[row, stretches] = self._skipped[row], -1
        self._velocity[row, stretches] = 0.0


def _last_taken(price: np.ndarray, lengths: np.ndarray, skipped: np.ndarray, at_the_end: np.ndarray) -> np.ndarray:
    """int64 [S]: the last position that the cheapest way takes; the last ones of all may be passed over."""
    rows = lengths - 1 - np.arange(len(skipped))[:, None]
    allowed = (rows >= 0) & (at_the_end | (np.arange(len(skipped)) == 0)[:, None])
    ends = price[np.maximum(rows, 0), np.arange(len(lengths))] + skipped[:, None]
    return np.asarray(rows[np.where(allowed, ends, np.inf).argmin(axis=0), np.arange(len(lengths))])


def _way_back(came_from: np.ndarray, last: np.ndarray) -> np.ndarray:
    """bool [W, S]: what lies on the ways that end at `last`."""
    taken = np.zeros(came_from.shape, bool)
    current = last.copy()
    for row in range(len(came_from) - 1, -1, -1):
        hit = current == row
        taken[row] = hit
        current = np.where(hit, came_from[row], current)
    return taken
