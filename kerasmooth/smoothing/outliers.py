"""Outliers: positions from which a keypoint jumps there and back.

A movement gathers speed: its first frame is near where the keypoint came from, however fast it becomes. An outlier is
far away at once and at once back. So a run of frames is compared with the cubic through the two positions before and
the two behind it: at both of its edges it must be about as far from that curve as anywhere, further than the keypoint
usually is, and further than it moves in the frames beside it. That alone condemns a single frame. A longer run is
rejected on further evidence only: it stretches a limb, the confidence falls, or what the keypoint is joined to stays;
of a foot that jumps as a whole, what the foot is joined to. Where one of the four is missing, the curve is a guess,
and the run must be further from it.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from kerasmooth.lengths import lengths
from kerasmooth.skeletons import Skeleton
from kerasmooth.smoothing import gaps

LONGEST_SECONDS, LONGEST_FRAMES = 0.27, 8
"""Of a run; the larger counts."""
LEAST_DISTANCE = 0.1
"""In person sizes: nearer than this nothing is an outlier."""
USUAL_TIMES = 5.0
"""How many times further from the curve than usual."""
MOVING_TIMES = 1.0
"""How many times further than the keypoint moves a frame, just before or after."""
GUESSED_TIMES = 2.0
"""How many times further than elsewhere next to a gap or an end."""
EDGE_SHARE = 0.5
"""Of the largest distance, at both edges; and of that at the edges, in between."""
SAMPLES = 8
"""Frames of a long run that are looked at."""
BLOCK_SECONDS = 1.0
"""What is usual is the median over about so long."""
COMPANY = 0.25
"""Share of a distance that a neighbour must go along for both to have moved."""
STRETCHED = 1.25
"""Times the usual greatest length of a limb."""
USUAL_LENGTH = 0.95
"""Quantile of a limb's lengths."""
CONFIDENCE_FALL = 0.7
"""Share of the confidence around a run below which it is evidence."""
ROUNDS = 6


def find_outliers(
    positions: np.ndarray,
    known: np.ndarray,
    fps: float,
    confidence: np.ndarray | None = None,
    skeleton: Skeleton | None = None,
) -> np.ndarray:
    """Finds outliers of one person.

    Args:
      positions: float64 [T, K, D] in person sizes, finite; any value where not known.
      known: bool [T, K].
      fps: frames per second.
      confidence: [T, K]; None or the same everywhere is no evidence; NaN is unknown.
      skeleton: its limbs say what is joined to what.

    Returns:
      bool [T, K]; never what is not known.
    """
    frames = len(positions)
    rejected = np.zeros_like(known)
    if frames < 6:
        return rejected
    longest = min(max(int(LONGEST_SECONDS * fps), LONGEST_FRAMES), frames - 5)
    evidence = _Evidence.of(positions, known, confidence, skeleton)
    block = max(round(BLOCK_SECONDS * fps), 24)
    for _ in range(ROUNDS):
        left = known & ~rejected
        runs = _Runs(gaps.interpolate(positions, left), left, known, longest, block)
        found = runs.find(evidence)
        if not found.any():
            break
        rejected |= found
    return rejected & known


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What else tells of an outlier: neighbours [K] (lists), lengths of limbs, confidence [T, K] or None."""

    neighbours: list[list[int]]
    longest_limbs: dict[tuple[int, int], float]
    confidence: np.ndarray | None

    @classmethod
    def of(
        cls, positions: np.ndarray, known: np.ndarray, confidence: np.ndarray | None, skeleton: Skeleton | None
    ) -> "_Evidence":
        neighbours: list[list[int]] = [[] for _ in range(known.shape[1])]
        longest = {}
        for a, b in skeleton.limbs if skeleton is not None else ():
            neighbours[a].append(b)
            neighbours[b].append(a)
            both = known[:, a] & known[:, b]
            if both.any():
                limb = lengths(positions[both, a] - positions[both, b])
                longest[a, b] = longest[b, a] = float(np.quantile(limb, USUAL_LENGTH))
        if confidence is not None:
            used = confidence[known & np.isfinite(confidence)]
            if not used.size or np.ptp(used) == 0:
                confidence = None
        return cls(neighbours, longest, confidence)


class _Runs:
    """Every run of up to `longest` frames of every keypoint, against the curve around it."""

    def __init__(self, values: np.ndarray, left: np.ndarray, known: np.ndarray, longest: int, block: int) -> None:
        self._values, self._left, self._block = values, left, block
        padded_known = np.pad(known, ((2, 2), (0, 0)))
        # [T + 3, K], whether both frames of a pair were measured; pair i is frames i - 2 and i - 1.
        self._both_measured = padded_known[1:] & padded_known[:-1]
        padded = _padded(values)
        frames, num_keypoints, _ = values.shape
        self._scores = np.zeros((longest, frames, num_keypoints))
        self._edges: list[np.ndarray] = []
        steps = lengths(np.diff(padded, axis=0))
        for count in range(1, longest + 1):
            self._score(padded, steps, count)

    def _score(self, padded: np.ndarray, steps: np.ndarray, count: int) -> None:
        """Scores the runs of `count` frames by their first frame: how many times beyond what is allowed; 0 is none."""
        starts = len(self._values) - count + 1
        outer = [padded[i : i + starts] for i in (0, 1, count + 2, count + 3)]
        places = np.array([-2.0, -1.0, count, count + 1.0])
        apart = np.stack(
            [
                padded[2 + i : 2 + i + starts] - sum(w * o for w, o in zip(_cubic(places, i), outer, strict=True))
                for i in np.unique(np.linspace(0, count - 1, min(count, SAMPLES)).astype(int))
            ]
        )
        distances = lengths(apart)
        edge, most, least = np.minimum(distances[0], distances[-1]), distances.max(axis=0), distances.min(axis=0)
        moving = np.maximum(steps[:starts], steps[count + 2 : count + 2 + starts])
        moving = np.maximum(moving, lengths(outer[2] - outer[1]) / (count + 1))
        allowed = np.maximum(USUAL_TIMES * _usual(edge, self._block), LEAST_DISTANCE) + MOVING_TIMES * moving
        whole = (edge >= EDGE_SHARE * most) & (least >= EDGE_SHARE * edge)
        score = np.where(whole, edge / allowed, 0.0)
        seen = self._left[:starts] & self._left[count - 1 :]
        self._scores[count - 1, :starts] = np.where(seen, score, 0.0)
        self._edges.append(apart[0])

    def find(self, evidence: _Evidence) -> np.ndarray:
        """bool [T, K]: the worst run of each neighbourhood that the evidence condemns."""
        found = np.zeros_like(self._left)
        scores = self._scores
        counts, firsts, keypoints = np.nonzero(scores > 1)
        order = np.argsort(-scores[counts, firsts, keypoints] + 1e-3 * counts, kind="stable")
        busy = np.zeros_like(self._left)
        for count, first, keypoint in zip(*(a[order].tolist() for a in (counts, firsts, keypoints)), strict=True):
            run = slice(first, first + count + 1)
            around = slice(max(first - 2, 0), first + count + 3)
            if busy[around, keypoint].any():
                continue
            # The worst explanation of a place is settled first; others there wait for the next round.
            busy[run, keypoint] = True
            if self._is_condemned(evidence, count + 1, first, keypoint):
                found[run, keypoint] = True
        return found

    def _is_condemned(self, evidence: _Evidence, count: int, first: int, keypoint: int) -> bool:
        run = slice(first, first + count)
        for other in evidence.neighbours[keypoint]:
            usual = evidence.longest_limbs.get((keypoint, other))
            limb = lengths(self._values[run, keypoint] - self._values[run, other])
            if usual and np.median(limb) > STRETCHED * usual and self._stays(other, count, first, None):
                return True
        if evidence.confidence is not None and _falls(evidence.confidence[:, keypoint], run, self._left[:, keypoint]):
            return True
        surrounded = self._both_measured[[first, first + count + 2], keypoint].all()
        if not surrounded and self._scores[count - 1, first, keypoint] < GUESSED_TIMES:
            return False
        return self._jumps_alone(evidence.neighbours, count, first, keypoint)

    def _jumps_alone(self, neighbours: list[list[int]], count: int, first: int, keypoint: int) -> bool:
        """Whether what the keypoint is joined to stays, or jumps with it just so and what that is joined to stays."""
        if not neighbours[keypoint]:
            return count == 1
        group, reached, stays = {keypoint}, [keypoint], False
        while reached:
            for other in set(neighbours[reached.pop()]) - group:
                if self._stays(other, count, first, keypoint):
                    stays = True
                elif self._scores[count - 1, first, other] > 1:
                    group.add(other)
                    reached.append(other)
                else:
                    return False
        return stays

    def _stays(self, other: int, count: int, first: int, keypoint: int | None) -> bool:
        """Whether a neighbour does not jump along with the keypoint, or, with None, does not jump itself."""
        apart = self._edges[count - 1][first, other]
        if keypoint is None:
            return self._scores[count - 1, first, other] <= 1
        own = self._edges[count - 1][first, keypoint]
        return float(apart @ own) < COMPANY * float(own @ own)


def _padded(values: np.ndarray) -> np.ndarray:
    """Two more frames at either end, mirrored about the median of the outermost three."""
    start, end = np.median(values[:3], axis=0), np.median(values[-3:], axis=0)
    before = 2 * start - values[[4, 3]]
    behind = 2 * end - values[[-4, -5]]
    return np.concatenate([before, values, behind])


def _cubic(places: np.ndarray, at: float) -> np.ndarray:
    """Weights of four places in the value of the cubic through them (Lagrange)."""
    others = places[None, :] - places[:, None]
    np.fill_diagonal(others, 1.0)
    gaps_to = np.where(np.eye(4, dtype=bool), 1.0, places[None, :] - at)
    return np.asarray((gaps_to / others).prod(axis=1))


def _usual(distances: np.ndarray, block: int) -> np.ndarray:
    """[T, K]: the median of the distances over about a block around each frame."""
    frames = len(distances)
    count = max(frames // block, 1)
    edges = np.linspace(0, frames, count + 1).astype(int)
    medians = np.stack([np.median(distances[a:b], axis=0) for a, b in itertools.pairwise(edges)])
    return np.repeat(medians, np.diff(edges), axis=0)


def _falls(confidence: np.ndarray, run: slice, left: np.ndarray) -> bool:
    """Whether the confidence [T] in a run is well below that around it."""
    count = run.stop - run.start
    reach = max(count, 3)
    around = [c[m & np.isfinite(c)] for c, m in ((confidence[a], left[a]) for a in (
        slice(max(run.start - reach, 0), run.start), slice(run.stop, run.stop + reach)
    ))]  # fmt: skip
    inside = confidence[run][np.isfinite(confidence[run])]
    if not inside.size or not all(one.size for one in around):
        return False
    return bool(np.median(inside) < CONFIDENCE_FALL * min(np.median(one) for one in around))
