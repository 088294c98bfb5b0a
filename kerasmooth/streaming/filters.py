"""Filters that take one frame at a time and keep all they know in a dict of arrays, for any number of people."""

from typing import Protocol

import numpy as np

from kerasmooth.filters.one_euro_filter import OneEuroState, one_euro_step

State = dict[str, np.ndarray]
"""Arrays whose first axis is people, but for histories ("past_..."): frames [L + 1], oldest first, then people."""

DIFFUSE = 1e7
"""Variance of the first state in variances of a measurement."""


class StreamFilter(Protocol):
    """What a stream needs of a filter; it holds the settings, the state is handed in."""

    lookahead: int

    def empty(self, num_keypoints: int) -> State:
        """The state of no people."""

    def start(self, state: State, where: np.ndarray) -> None:
        """Forgets keypoints `where`, bool [P, K]."""

    def predict(self, state: State, seconds: float) -> np.ndarray:
        """Where the keypoints are expected now, [P, K, 2]; NaN where nothing is known."""

    def update(
        self, state: State, positions: np.ndarray, weights: np.ndarray, seconds: float, size: np.ndarray
    ) -> None:
        """Takes in positions [P, K, 2] with weights [P, K] (0: missing) of people of a size [P]."""

    def estimate(self, state: State) -> tuple[np.ndarray, np.ndarray]:
        """(positions [P, K, 2], deviations [P, K]) of the frame `lookahead` frames ago."""


class OneEuroStream:
    """`filters.one_euro`, frame by frame.

    Args:
      min_cutoff, beta, derivative_cutoff: as there; beta for positions in person sizes.
    """

    lookahead = 0

    def __init__(self, min_cutoff: float = 1.0, beta: float = 0.5, derivative_cutoff: float = 1.0) -> None:
        if not (min_cutoff > 0 and derivative_cutoff > 0 and beta >= 0):
            received = f"min_cutoff={min_cutoff}, beta={beta}, derivative_cutoff={derivative_cutoff}"
            raise ValueError(f"cut-offs must be positive, beta not negative. Received: {received}")
        self._settings = (min_cutoff, beta, derivative_cutoff)

    def empty(self, num_keypoints: int) -> State:
        shape = (0, num_keypoints)
        return {"value": np.empty((*shape, 2)), "velocity": np.empty((*shape, 2)), "elapsed": np.empty(shape)}

    def start(self, state: State, where: np.ndarray) -> None:
        state["value"][where], state["velocity"][where], state["elapsed"][where] = np.nan, 0.0, 0.0

    def predict(self, state: State, seconds: float) -> np.ndarray:
        return state["value"]

    def update(
        self, state: State, positions: np.ndarray, weights: np.ndarray, seconds: float, size: np.ndarray
    ) -> None:
        people, num_keypoints = weights.shape
        min_cutoff, beta, derivative_cutoff = self._settings
        value, velocity = (state[name].reshape(-1, 2) for name in ("value", "velocity"))
        flat = OneEuroState(value, velocity, state["elapsed"].reshape(-1))
        # The speed is that in the positions' unit: beta takes it to person sizes.
        betas = np.repeat(beta / size, num_keypoints)
        solid = np.where(weights[..., None] > 0, positions, 0.0).reshape(-1, 2)
        one_euro_step(flat, solid, weights.ravel(), seconds, min_cutoff, betas, derivative_cutoff)  # type: ignore[arg-type]
        state["value"] = flat.value.reshape(people, num_keypoints, 2)
        state["velocity"] = flat.velocity.reshape(people, num_keypoints, 2)
        state["elapsed"] = flat.elapsed.reshape(people, num_keypoints)

    def estimate(self, state: State) -> tuple[np.ndarray, np.ndarray]:
        return state["value"], np.full(state["elapsed"].shape, np.nan)


class KalmanStream:
    """`filters.kalman` with a given cut-off and nearly constant velocity, smoothed over a fixed lag.

    The estimate is that of the Rauch-Tung-Striebel smoother over all frames so far, `lookahead` frames before the last.
    What takes time is Python calling NumPy: mean and covariance of a keypoint lie side by side in one 2 x 4 matrix,
    (place, velocity) x (x, y, covariance with place, covariance with velocity), so that one call moves both.
    """

    def __init__(self, fps: float, lookahead: int = 0, cutoff: float = 2.0) -> None:
        if not 0 < cutoff < fps:
            raise ValueError(f"cutoff must be positive and below fps. Received: cutoff={cutoff}")
        self.lookahead, self._fps = lookahead, fps
        self._ratio = (2 * np.pi * cutoff / fps) ** 4
        # Frames mostly come at the same pace.
        self._noises: dict[bytes, np.ndarray] = {}

    def empty(self, num_keypoints: int) -> State:
        shape = (0, num_keypoints)
        return {
            "level": np.empty((0, 2, num_keypoints)),
            "seen": np.empty(shape, np.int64),
            "squares": np.empty(shape),
            "counts": np.empty(shape),
            "past_states": np.empty((self.lookahead + 1, 0, 2, 4, num_keypoints)),
            "past_steps": np.ones(self.lookahead + 1),
        }

    def start(self, state: State, where: np.ndarray) -> None:
        for name in ("seen", "squares", "counts"):
            state[name][where] = 0
        state["level"].transpose(0, 2, 1)[where] = np.nan
        state["past_states"].transpose(0, 1, 4, 2, 3)[:, where] = _UNKNOWN

    def predict(self, state: State, seconds: float) -> np.ndarray:
        last = state["past_states"][-1]
        return (state["level"] + last[:, 0, :2] + seconds * self._fps * last[:, 1, :2]).transpose(0, 2, 1)

    def update(
        self, state: State, positions: np.ndarray, weights: np.ndarray, seconds: float, size: np.ndarray
    ) -> None:
        step = seconds * self._fps
        places = positions.transpose(0, 2, 1)
        seen, begun = weights > 0, state["seen"] > 0
        expected = self._moved(state["past_states"][-1:], np.array([step]))[0]
        if not begun.all():
            state["level"] = np.where((seen & ~begun)[:, None], places, state["level"])
            expected = np.where(begun[:, None, None], expected, _UNKNOWN[..., None])
        # What the measurement takes away: the innovation (negative), and the covariance with the place.
        away = np.array(expected[:, 0])
        away[:, :2] -= places - state["level"]
        if seen.all():
            variance = expected[:, 0, 2] + 1 / weights
            gain = expected[:, :, 2] / variance[:, None]
        else:
            away[:, :2] = np.where(seen[:, None], away[:, :2], 0.0)
            variance = expected[:, 0, 2] + 1 / np.where(seen, weights, 1.0)
            gain = np.where(seen[:, None], expected[:, :, 2] / variance[:, None], 0.0)
        used = seen & (state["seen"] >= 2)
        state["squares"] += used * (away[:, :2] * away[:, :2]).sum(axis=1) / variance
        state["counts"] += 2.0 * used
        state["seen"] += seen
        newest = expected - gain[:, :, None] * away[:, None]
        state["past_states"] = np.concatenate([state["past_states"][1:], newest[None]])
        state["past_steps"] = np.append(state["past_steps"][1:], step)

    def estimate(self, state: State) -> tuple[np.ndarray, np.ndarray]:
        states = state["past_states"]
        last = states[-1]
        if self.lookahead:
            steps = state["past_steps"][1:]
            expected = self._moved(states[:-1], steps)
            gains = self._gains(states[:-1], expected, steps)
            for before, ahead, gain in zip(states[-2::-1], expected[::-1], gains[::-1], strict=True):
                # before + gain (last - ahead), and for the covariance the same once more from the right.
                change = np.add.reduce(gain[:, :, :, None] * (last - ahead)[:, None], axis=2)
                change[:, :, 2:] = np.add.reduce(change[:, :, None, 2:] * gain[:, None], axis=3)
                last = before + change
        variance = state["squares"] / np.maximum(state["counts"], 1)
        enough = np.where(state["counts"] > 0, variance, np.nan)
        return (state["level"] + last[:, 0, :2]).transpose(0, 2, 1), np.sqrt(np.maximum(last[:, 0, 2], 0.0) * enough)

    def _moved(self, states: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """States [L, P, 2, 4, K] some steps [L] (in frames) later: F x, and F P F' + Q."""
        moved, wide = np.array(states), steps[:, None, None, None]
        moved[:, :, 0] += wide * states[:, :, 1]
        moved[:, :, :, 2] += wide * moved[:, :, :, 3]
        moved += self._noise(steps)
        return moved

    def _noise(self, steps: np.ndarray) -> np.ndarray:
        """What is added to states over steps [L]: Q in the places of the covariance, [L, 1, 2, 4, 1]."""
        key = steps.tobytes()
        if key not in self._noises:
            if len(self._noises) >= _MOST_NOISES:
                self._noises.clear()
            noise = np.zeros((len(steps), 1, 2, 4, 1))
            noise[:, 0, 0, 2, 0], noise[:, 0, 1, 3, 0] = steps**3 / 3, steps
            noise[:, 0, 0, 3, 0] = noise[:, 0, 1, 2, 0] = steps**2 / 2
            self._noises[key] = self._ratio * noise
        return self._noises[key]

    def _gains(self, states: np.ndarray, expected: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Of the smoother, [L, P, 2, 2, K]: the covariance of a state and the next, by the inverse of the next's."""
        speed = states[:, :, :, 3]
        place = states[:, :, :, 2] + steps[:, None, None, None] * speed
        a, b, d = expected[:, :, :1, 2], expected[:, :, :1, 3], expected[:, :, 1:, 3]
        result = np.stack([place * d - speed * b, speed * a - place * b], axis=3)
        result /= (a * d - b * b)[:, :, :, None]
        return result


_MOST_NOISES = 64
_UNKNOWN = np.array([[0.0, 0.0, DIFFUSE, 0.0], [0.0, 0.0, 0.0, DIFFUSE]])
"""A state of which nothing is known."""
