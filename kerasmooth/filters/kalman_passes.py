"""Forward and backward passes of a Kalman smoother whose white noise drives the velocity or the acceleration.

All keypoints at once; covariances in variances of a full measurement (weight 1), so that the coordinates of a keypoint
share them. What depends on the frame before is some ten calls of NumPy a frame, written to memory that was made once;
all else is calculated for all frames together.
"""

from dataclasses import dataclass

import numpy as np

DIFFUSE = 1e7
"""Variance of the first state, in variances of a measurement: next to nothing is known before the first."""

PROCESS_NOISE = {
    2: np.array([[1 / 3, 1 / 2], [1 / 2, 1]]),
    3: np.array([[1 / 20, 1 / 8, 1 / 6], [1 / 8, 1 / 3, 1 / 2], [1 / 6, 1 / 2, 1]]),
}
"""Order (2: velocity, 3: acceleration) -> covariance that a frame adds, times the ratio of the noises."""
_BLOCK = 256
"""Frames that are smoothed together, so that little is held beside the forward pass."""
TRANSITION = {2: np.array([[1.0, 1.0], [0.0, 1.0]]), 3: np.array([[1.0, 1.0, 0.5], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])}


@dataclass(frozen=True, eq=False)
class Pass:
    """A forward pass over T frames of D coordinates and states of n numbers: what each frame was predicted to be.

    Attributes:
      states: [T, n, D, K], from the frames before; empty, like the covariances, where only the likelihood matters.
      covariances: [T, n, K], of the position with the state.
      innovations: [T, D, K], measured less predicted.
      variances: [T, K], of the innovations; inf where there is no measurement.
      used: bool [T, K], measured, with something to predict it from.
    """

    states: np.ndarray
    covariances: np.ndarray
    innovations: np.ndarray
    variances: np.ndarray
    used: np.ndarray

    def normalised(self) -> np.ndarray:
        """[T, K]: squared innovations, summed over the coordinates, in predicted variances; NaN where not used."""
        squares = np.einsum("tdk,tdk->tk", self.innovations, self.innovations)
        return np.divide(squares, self.variances, out=np.full_like(squares, np.nan), where=self.used)

    def likelihood(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums [K] over what is used: of `normalised`, of the variances' logs, and the number of coordinates."""
        logs = np.log(self.variances, out=np.zeros_like(self.variances), where=self.used)
        counts = self.used.sum(axis=0) * self.innovations.shape[1]
        return np.nansum(self.normalised(), axis=0), logs.sum(axis=0), counts


def noise_ratio(cutoffs: np.ndarray, fps: float, order: int) -> np.ndarray:
    """Process noise a frame over measurement variance, for cut-offs in Hz."""
    return (2 * np.pi * cutoffs / fps) ** (2 * order)


def spreading(order: int) -> np.ndarray:
    """[n^2, n^2 + 1]: takes a covariance, with the ratio of the noises below it, to the next frame."""
    return np.column_stack([np.kron(TRANSITION[order], TRANSITION[order]), PROCESS_NOISE[order].ravel()])


def forward(
    positions: np.ndarray,
    weights: np.ndarray,
    ratios: np.ndarray,
    order: int,
    *,
    keep: bool = True,
) -> Pass:
    """Filters positions [T, K, D] of weights [T, K]; ratios [K]; without `keep` only the likelihood can be asked."""
    frames, num_keypoints, dimensions = positions.shape
    measured = np.ascontiguousarray(np.swapaxes(positions, 1, 2))
    with np.errstate(divide="ignore"):
        variances = 1 / weights
    innovations = np.empty_like(measured)
    kept = frames if keep else 0
    states, covariances = (np.empty((kept, order, *rest)) for rest in (measured.shape[1:], measured.shape[2:]))
    transition, spreading_matrix = TRANSITION[order], spreading(order)
    predicted, spread = np.zeros((order, dimensions * num_keypoints)), np.zeros((order**2, num_keypoints))
    spread[:: order + 1] = DIFFUSE
    state, covariance = np.empty_like(predicted), np.vstack([spread, ratios])
    gain = np.empty((order, num_keypoints))
    moved, known = np.empty((order, dimensions, num_keypoints)), np.empty((order, order, num_keypoints))
    for frame in range(frames):
        if frame:
            np.dot(transition, state, out=predicted)
            np.dot(spreading_matrix, covariance, out=spread)
        innovation, variance = innovations[frame], variances[frame]
        np.subtract(measured[frame], predicted[0].reshape(innovation.shape), out=innovation)
        np.add(variance, spread[0], out=variance)
        # A column times a row: rounding that makes them differ dies out.
        np.divide(spread[::order], variance, out=gain)
        np.multiply(gain[:, None], innovation, out=moved)
        np.add(predicted, moved.reshape(state.shape), out=state)
        np.multiply(gain[:, None], spread[:order], out=known)
        np.subtract(spread, known.reshape(spread.shape), out=covariance[:-1])
        if keep:
            states[frame], covariances[frame] = predicted.reshape(moved.shape), spread[:order]
    return Pass(states, covariances, innovations, variances, (weights > 0) & _settled(weights > 0, order))


def _settled(measured: np.ndarray, order: int) -> np.ndarray:
    """bool [T, K]: after at least `order` measurements."""
    return np.asarray(np.cumsum(measured, axis=0) - measured >= order)


def smooth(
    positions: np.ndarray,
    weights: np.ndarray,
    ratios: np.ndarray,
    order: int,
    *,
    run: Pass | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed positions [T, K, D] and their variances [T, K]. Arguments: `forward`; run: what it gave, if known.

    Between the first measurements rounding of the diffuse variance drowns the result. Backwards in time the model is
    the same, and these frames come last.
    """
    smoothed, variances = backward(run or forward(positions, weights, ratios, order))
    early = ~_settled(weights > 0, order)
    turned = (early & (weights == 0)).any(axis=0)
    if turned.any():
        shares = weights[::-1, turned]
        late = backward(forward(positions[::-1, turned], shares, ratios[turned], order))
        better = early[:, turned] & _settled(shares > 0, order)[::-1]
        smoothed[:, turned] = np.where(better[..., None], late[0][::-1], smoothed[:, turned])
        variances[:, turned] = np.where(better, late[1][::-1], variances[:, turned])
    return smoothed, variances


def backward(run: Pass) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed positions [T, K, D] and their variances [T, K].

    What the frames after say of a prediction goes back as a score and its information, which needs no inverse (de Jong,
    Smoothing and interpolation with the state-space model, JASA 1989); what a frame and those before say is added last.
    """
    frames, order, dimensions, num_keypoints = run.states.shape
    back = np.ascontiguousarray(TRANSITION[order].T)
    back_twice = np.kron(back, back)
    score, information = np.zeros((order, dimensions * num_keypoints)), np.zeros((order**2, num_keypoints))
    first, corner = score[0].reshape(dimensions, num_keypoints), information.reshape(order, order, num_keypoints)
    positions, variances = np.empty((frames, num_keypoints, dimensions)), np.empty((frames, num_keypoints))
    for end in range(frames, 0, -_BLOCK):
        block = slice(max(end - _BLOCK, 0), end)
        scores = np.empty((end - block.start, *score.shape))
        informations = np.empty((end - block.start, *information.shape))
        innovations, certainties = run.innovations[block], 1 / run.variances[block]
        pulls, gains = innovations * certainties[:, None], run.covariances[block] * certainties[:, None]
        for frame in range(len(scores) - 1, -1, -1):
            later, known, gain = scores[frame], informations[frame], gains[frame]
            np.dot(back, score, out=later)
            np.dot(back_twice, information, out=known)
            score[:], information[:] = later, known
            first += pulls[frame]
            first -= np.add.reduce(gain[:, None] * later.reshape(order, dimensions, num_keypoints), axis=0)
            shared = np.add.reduce(gain[:, None] * known.reshape(corner.shape), axis=0)
            corner[0] -= shared
            corner[0, 0] += certainties[frame] - shared[0] + np.add.reduce(gain * shared, axis=0)
            corner[1:, 0] = corner[0, 1:]
        # The position's covariances with the state, once the frame itself is known.
        left = run.covariances[block] * (1 - gains[:, :1])
        moved = gains[:, :1] * innovations + np.einsum("tnk,tndk->tdk", left, scores.reshape(run.states[block].shape))
        positions[block] = np.swapaxes(run.states[block, 0] + moved, 1, 2)
        later_says = np.einsum("tnk,tnmk,tmk->tk", left, informations.reshape(-1, *corner.shape), left)
        variances[block] = left[:, 0] - later_says
    return positions, variances
