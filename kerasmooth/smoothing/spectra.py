"""Spectra of keypoints with gaps: what part of their movement is fast."""

import numpy as np
from scipy import signal

MAX_SECONDS = 2.0
"""Length of the windows that are averaged (Welch, 1967): resolves half a hertz."""
MIN_FRAMES = 16


def mean_spectrum(keypoints: np.ndarray, fps: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean amplitude spectral density of a derivative over all keypoints, coordinates and stretches without a gap.

    Args:
      keypoints: [T, K, 2]; NaN is missing.
      fps: frames per second.
      order: 1 for velocity, 2 for acceleration.

    Returns:
      (frequencies [F] in Hz, amplitude [F] in unit per second to the power of `order` per root hertz); empty where no
      stretch is long enough.
    """
    usual = max(MIN_FRAMES, round(MAX_SECONDS * fps))
    stretches = [part for keypoint in range(keypoints.shape[1]) for part in _stretches(keypoints[:, keypoint])]
    window = min(usual, max((len(part) for part in stretches), default=0) - order)
    if window < MIN_FRAMES:
        return np.empty(0), np.empty(0)
    total, weight = np.zeros(window // 2 + 1), 0.0
    frequencies = np.fft.rfftfreq(window, 1 / fps)
    for part in stretches:
        derivative = np.diff(part, n=order, axis=0) * fps**order
        if len(derivative) >= window:
            _, power = signal.welch(derivative, fps, nperseg=window, axis=0, detrend="constant")
            total += len(derivative) * power.mean(axis=1)
            weight += len(derivative)
    return frequencies, np.sqrt(total / weight)


def _stretches(positions: np.ndarray) -> list[np.ndarray]:
    """The runs of [T, 2] without NaN."""
    known = np.isfinite(positions).all(axis=-1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8))).reshape(-1, 2)
    return [positions[first:end] for first, end in edges if end - first >= MIN_FRAMES]
