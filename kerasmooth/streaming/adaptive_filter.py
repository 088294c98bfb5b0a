"""The filter of a stream: learns noise and motion of every keypoint while frames arrive, one at a time."""

import numpy as np

from kerasmooth.streaming import motion_chain
from kerasmooth.streaming.motion_bank import MEMORIES, PAIRS, TO_ANY, TO_NEIGHBOUR, MotionBank

State = dict[str, np.ndarray]
"""Arrays whose first axis is people, but for histories ("past_..."): frames, oldest first, then people. The oldest is
that of L frames ago, the newest this one, or ("past_early_...") that of EARLY frames ago."""

UNTOUCHED = 0.97
"""A measurement stays as it is where the estimate claims a deviation above this share of the measurement's."""
FIRST = 2
"""Measurements that say where a keypoint is and how fast, and so nothing yet of noise and motion."""
UNGATED = 5
"""Measurements of a keypoint that are believed whatever they are."""
CAUTION = 1.1
"""Deviations are so much larger than the models claim: no motion is quite like them."""
EARLY = 4
"""Frames of lookahead after which, where there are more of them, a frame is estimated once already."""
CHANGES = 2 * TO_NEIGHBOUR + TO_ANY
"""How often a second a keypoint changes how it moves, so that no cut-off fits what came before and what comes after: a
hand that rests before it punches. Then the early estimate is the better one."""
REFUSED_FRAMES, REFUSED_SECONDS = 2, 0.05
"""A keypoint is refused for so many frames, and seconds, in a row at most: then it went there."""

_ROWS, _COLUMNS = (np.array(index) for index in zip(*PAIRS, strict=True))
_READ = np.array([[1.0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]])
"""Times a covariance (of PAIRS): that of each state with what is measured, place + noise."""


class AdaptiveFilter:
    """Kalman filters of many cut-offs side by side; their mean is shown, by how likely each one is.

    After Blom and Bar-Shalom, "The interacting multiple model algorithm" (IEEE TAC 1988), but the filters do not
    interact: the noise, which all of them are relative to, is then free until the mean is taken. A hidden Markov chain
    (`motion_chain`) follows the cut-off of each keypoint once for every noise level; how likely it makes what is
    measured says which level is the right one. Filters and chain are smoothed over a fixed lag.

    P people, K keypoints, B models (G memories of the noise, then M cut-offs), R noise levels, L frames of lookahead.

    Args:
      fps: frames per second.
      lookahead: L.
      outliers: whether to refuse measurements that are improbable under every model.
    """

    def __init__(self, fps: float, lookahead: int, outliers: bool) -> None:
        self._bank, self._fps, self._lookahead, self._outliers = MotionBank(fps), fps, lookahead, outliers

    def empty(self, num_keypoints: int) -> State:
        """The state of no people."""
        models, past, count = self._bank.size, self._lookahead + 1, num_keypoints
        early = past - EARLY if self._lookahead > EARLY else 0
        memories, cutoffs, levels = len(MEMORIES), self._bank.num_cutoffs, len(motion_chain.LEVELS)
        return {
            "origin": np.empty((0, 2, count)),
            "seen": np.empty((0, count), np.int64),
            "refusals": np.empty((0, count), np.int64),
            "refused_seconds": np.empty((0, count)),
            "mean": np.empty((0, models, 3, 2, count)),
            "covariance": np.empty((0, models, 6, count)),
            "chain": np.empty((0, memories, cutoffs, levels, count)),
            "evidence": np.empty((0, memories, levels, count)),
            "noise": np.empty((0, memories, levels, count)),
            "past_mean": np.empty((past, 0, models, 2, count)),
            "past_shared": np.empty((past, 0, models, 3, count)),
            "past_variance": np.empty((past, 0, models, count)),
            "past_chain": np.empty((past, 0, memories, cutoffs, count)),
            "past_fit": np.empty((past, 0, memories, cutoffs, count)),
            "past_measured": np.empty((past, 0, count, 2)),
            "past_weight": np.empty((past, 0, count)),
            "past_early_mean": np.empty((early, 0, memories, cutoffs, 2, count)),
            "past_early_variance": np.empty((early, 0, memories, cutoffs, count)),
            "past_early_logs": np.empty((early, 0, memories, cutoffs, count)),
        }

    def start(self, state: State, where: np.ndarray) -> None:
        """Forgets how keypoints `where`, bool [P, K], move, but not how noisy they are."""
        for name in ("seen", "refusals", "refused_seconds"):
            state[name][where] = 0
        state["chain"].transpose(0, 4, 1, 2, 3)[where] = 1 / self._bank.num_cutoffs
        state["mean"].transpose(0, 4, 1, 2, 3)[where] = 0.0
        state["covariance"].transpose(0, 3, 1, 2)[where] = self._bank.start
        state["past_shared"].transpose(0, 1, 4, 2, 3)[:, where] = 0.0

    def step(
        self, state: State, positions: np.ndarray, weights: np.ndarray, seconds: float, size: np.ndarray
    ) -> np.ndarray:
        """Takes in positions [P, K, 2] with weights [P, K] (0: missing) of people of a size [P].

        Returns:
          bool [P, K], the keypoints that were refused.
        """
        known = weights > 0
        places = np.where(known[:, None], positions.transpose(0, 2, 1), 0.0)
        self._predict(state, seconds)
        self._begin(state, places, known & (state["seen"] == 0))
        mean, shared = state["mean"], _READ @ state["covariance"]
        away = (places - state["origin"])[:, None] - mean[:, :, 0] - mean[:, :, 2]
        if not known.all():
            away = np.where(known[:, None, None], away, 0.0)
        spread = shared[:, :, 0] + shared[:, :, 2] - self._bank.lasting[:, None]
        spread += (1 / np.where(known, weights, 1.0))[:, None]
        area = np.where(size > 0, size * size, 1.0)
        squares = (away * away).sum(axis=2) / (spread * (2 * area)[:, None, None])
        used = self._judge(state, squares, spread, known, seconds)
        self._update(state, away, shared, spread, used)
        _push(state, "past_measured", np.where(used[..., None], positions, np.nan))
        _push(state, "past_weight", np.where(used, weights, 0.0))
        if self._lookahead > EARLY:
            names = ("past_early_mean", "past_early_variance", "past_early_logs")
            for name, values in zip(names, self._smoothed(state, self._lookahead - EARLY), strict=True):
                _push(state, name, values)
        return known & ~used

    def _predict(self, state: State, seconds: float) -> None:
        transition, mean = self._bank.transition(seconds * self._fps), state["mean"]
        people, models, _, _, count = mean.shape
        state["mean"] = (transition.states @ mean.reshape(people, models, 3, 2 * count)).reshape(mean.shape)
        state["covariance"] = transition.covariances @ state["covariance"] + transition.added
        state["past_shared"] = transition.states @ state["past_shared"][1:]
        state["chain"] = motion_chain.later_cutoffs(state["chain"], transition.changes)
        state["evidence"] = motion_chain.later(state["evidence"], seconds)

    def _begin(self, state: State, places: np.ndarray, fresh: np.ndarray) -> None:
        """Sets the filters of keypoints `fresh` on their first measurement."""
        if not fresh.any():
            return
        self.start(state, fresh)
        state["origin"] = np.where(fresh[:, None] & np.isnan(state["origin"]), places, state["origin"])
        offset = (places - state["origin"]).transpose(0, 2, 1)[fresh]
        state["mean"][:, :, 0].transpose(0, 3, 1, 2)[fresh] = offset[:, None]

    def _judge(
        self, state: State, squares: np.ndarray, spread: np.ndarray, known: np.ndarray, seconds: float
    ) -> np.ndarray:
        """Takes the measurements into chain and noise; returns which are used, bool [P, K]."""
        shape = state["past_chain"].shape[1:]
        squares, spread = squares.reshape(shape), spread.reshape(shape)
        before = state["chain"]
        after, density = motion_chain.judge(before, motion_chain.log_densities(squares, spread))
        refused = np.zeros_like(known)
        if self._outliers:
            likely = np.einsum("pgrk,pgrk->pk", state["noise"], np.exp(density))
            refused = self._refuse(state, known & (likely < motion_chain.OUTLIER), seconds)
        used = known & ~refused
        judged = used & (state["seen"] >= FIRST)
        state["seen"] += used
        evidence = motion_chain.with_measurement(state["evidence"], density)
        if not judged.all():
            after = np.where(judged[:, None, None, None], after, before)
            evidence = np.where(judged[:, None, None], evidence, state["evidence"])
        state["chain"], state["evidence"] = after, evidence
        state["noise"] = motion_chain.noise_levels(evidence)
        newest = motion_chain.cutoffs(state["noise"], after)
        _push(state, "past_fit", motion_chain.log_fit(newest, motion_chain.cutoffs(state["noise"], before)))
        _push(state, "past_chain", newest)
        return used

    def _refuse(self, state: State, unlikely: np.ndarray, seconds: float) -> np.ndarray:
        """Which of the `unlikely` keypoints are outliers: none that is new or was refused for long."""
        believed = (state["refusals"] >= REFUSED_FRAMES) & (state["refused_seconds"] >= REFUSED_SECONDS - 1e-9)
        refused = unlikely & ~believed & (state["seen"] >= UNGATED)
        state["refusals"] = np.where(refused, state["refusals"] + 1, 0)
        state["refused_seconds"] = np.where(refused, state["refused_seconds"] + seconds, 0.0)
        return refused

    def _update(self, state: State, away: np.ndarray, shared: np.ndarray, spread: np.ndarray, used: np.ndarray) -> None:
        """The Kalman update of the state now and of the places of the last L frames."""
        share = np.where(used[:, None], 1 / spread, 0.0)
        away = np.where(used[:, None, None], away, 0.0)
        gain = shared * share[:, :, None]
        state["mean"] += gain[:, :, :, None] * away[:, :, None]
        state["covariance"] -= np.take(gain, _ROWS, axis=2) * np.take(shared, _COLUMNS, axis=2)
        # Those frames have moved by one: the oldest is gone, and the place now is the newest.
        past = state["past_shared"]
        read = past[:, :, :, 0] + past[:, :, :, 2]
        gains = read * share
        _fill(state, "past_mean", gains[:, :, :, None] * away, state["mean"][:, :, 0])
        _fill(state, "past_variance", gains * -read, state["covariance"][:, :, 0])
        newest = state["covariance"][:, :, :3]
        state["past_shared"] = np.concatenate([past - gains[:, :, :, None] * shared, newest[None]])

    def estimate(self, state: State, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(positions [P, K, 2], deviations [P, K]) of the frame `lookahead` frames ago."""
        means, variances, logs = self._smoothed(state, 0)
        if self._lookahead > EARLY:
            same = -CHANGES * (self._lookahead - EARLY) / self._fps
            means = np.concatenate([means, state["past_early_mean"][0]], axis=2)
            variances = np.concatenate([variances, state["past_early_variance"][0]], axis=2)
            logs = np.concatenate([logs + same, state["past_early_logs"][0] + np.log(-np.expm1(same))], axis=2)
        shares = np.exp(logs - logs.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        noise = motion_chain.VARIANCES @ state["noise"]
        claims = shares * noise[:, :, None]
        shares *= state["noise"].sum(axis=2)[:, :, None]
        place = (shares[:, :, :, None] * means).sum(axis=(1, 2))
        apart = ((means - place[:, None, None]) ** 2).sum(axis=3) / 2
        area = np.where(size > 0, size * size, np.nan)[:, None]
        variance = (claims * variances).sum(axis=(1, 2)) * area + (shares * apart).sum(axis=(1, 2))
        weight = state["past_weight"][0]
        measured = noise.sum(axis=1) * area / np.maximum(weight, 1e-300)
        kept = (weight > 0) & (variance > UNTOUCHED**2 * measured)
        position = (state["origin"] + place).transpose(0, 2, 1)
        position = np.where(kept[..., None], state["past_measured"][0], position)
        claimed = np.where(weight > 0, np.minimum(variance, measured), variance)
        return position, CAUTION * np.sqrt(claimed)

    def _smoothed(self, state: State, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the frame at `index` of the histories: means [P, G, M, 2, K], variances and log shares [P, G, M, K]."""
        logs = motion_chain.smooth_chain(state["past_chain"][index], state["past_fit"][index + 1 :])
        means = state["past_mean"][index].reshape(*logs.shape[:3], 2, logs.shape[3])
        return means, state["past_variance"][index].reshape(logs.shape), logs


def _push(state: State, name: str, newest: np.ndarray) -> None:
    """Adds a frame to a history, which loses its oldest."""
    state[name] = np.concatenate([state[name][1:], newest[None]])


def _fill(state: State, name: str, more: np.ndarray, newest: np.ndarray) -> None:
    """The same for a history of which every frame that stays changes by `more`."""
    history = np.empty_like(state[name])
    np.add(state[name][1:], more, out=history[:-1])
    history[-1] = newest
    state[name] = history
