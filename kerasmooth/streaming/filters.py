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
    """

    def __init__(self, fps: float, lookahead: int = 0, cutoff: float = 2.0) -> None:
        if not 0 < cutoff < fps:
            raise ValueError(f"cutoff must be positive and below fps. Received: cutoff={cutoff}")
        self.lookahead, self._fps = lookahead, fps
        self._ratio = (2 * np.pi * cutoff / fps) ** 4

    def empty(self, num_keypoints: int) -> State:
        shape, past = (0, num_keypoints), (self.lookahead + 1, 0, num_keypoints)
        return {
            "level": np.empty((*shape, 2)),
            "seen": np.empty(shape, np.int64),
            "squares": np.empty(shape),
            "counts": np.empty(shape),
            "past_states": np.empty((*past, 2, 2)),
            "past_covariances": np.empty((*past, 2, 2)),
            "past_steps": np.ones(self.lookahead + 1),
        }

    def start(self, state: State, where: np.ndarray) -> None:
        for name in ("seen", "squares", "counts"):
            state[name][where] = 0
        state["level"][where] = np.nan
        state["past_states"][:, where] = 0.0
        state["past_covariances"][:, where] = np.eye(2) * DIFFUSE

    def predict(self, state: State, seconds: float) -> np.ndarray:
        last = state["past_states"][-1]
        return state["level"] + last[..., 0, :] + seconds * self._fps * last[..., 1, :]

    def update(
        self, state: State, positions: np.ndarray, weights: np.ndarray, seconds: float, size: np.ndarray
    ) -> None:
        step = seconds * self._fps
        seen = weights > 0
        fresh = seen & (state["seen"] == 0)
        state["level"][fresh] = positions[fresh]
        transition, noise = self._motion(step)
        states = transition @ state["past_states"][-1]
        covariances = transition @ state["past_covariances"][-1] @ transition.T + noise
        begun = (state["seen"] > 0)[..., None, None]
        states = np.where(begun, states, 0.0)
        covariances = np.where(begun, covariances, np.eye(2) * DIFFUSE)
        innovation = np.where(seen[..., None], positions - state["level"] - states[..., 0, :], 0.0)
        variance = covariances[..., 0, 0] + 1 / np.where(seen, weights, 1.0)
        gain = np.where(seen[..., None], covariances[..., :, 0] / variance[..., None], 0.0)
        used = seen & (state["seen"] >= 2)
        state["squares"] += np.where(used, np.sum(innovation**2, axis=-1) / variance, 0.0)
        state["counts"] += 2.0 * used
        state["seen"] += seen
        states = states + gain[..., :, None] * innovation[..., None, :]
        covariances = covariances - gain[..., :, None] * covariances[..., :1, :]
        for name, newest in (("past_states", states), ("past_covariances", covariances)):
            state[name] = np.concatenate([state[name][1:], newest[None]])
        state["past_steps"] = np.append(state["past_steps"][1:], step)

    def estimate(self, state: State) -> tuple[np.ndarray, np.ndarray]:
        states, covariances = state["past_states"], state["past_covariances"]
        mean, spread = states[-1], covariances[-1]
        for frame in range(len(states) - 2, -1, -1):
            transition, noise = self._motion(float(state["past_steps"][frame + 1]))
            before, known = states[frame], covariances[frame]
            ahead = transition @ known @ transition.T + noise
            gain = known @ transition.T @ _inverse(ahead)
            mean = before + gain @ (mean - transition @ before)
            spread = known + gain @ (spread - ahead) @ np.swapaxes(gain, -1, -2)
        variance = state["squares"] / np.maximum(state["counts"], 1)
        enough = np.where(state["counts"] > 0, variance, np.nan)
        return state["level"] + mean[..., 0, :], np.sqrt(np.maximum(spread[..., 0, 0], 0.0) * enough)

    def _motion(self, step: float) -> tuple[np.ndarray, np.ndarray]:
        """Transition and process noise over `step` frames."""
        noise = self._ratio * np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
        return np.array([[1.0, step], [0.0, 1.0]]), noise


def _inverse(matrices: np.ndarray) -> np.ndarray:
    """Of symmetric [..., 2, 2]; much quicker than numpy.linalg.inv for a few."""
    a, b, d = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    result = np.empty_like(matrices)
    result[..., 0, 0], result[..., 1, 1] = d, a
    result[..., 0, 1] = result[..., 1, 0] = -b
    return result / (a * d - b * b)[..., None, None]
