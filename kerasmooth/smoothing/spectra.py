"""Spectra of keypoints with gaps: what part of their movement is fast."""

import numpy as np
from scipy import signal

from kerasmooth.windows import segments

MAX_SECONDS = 2.0
"""Length of the windows that are averaged (Welch, 1967): resolves half a hertz."""
MIN_FRAMES = 16


def mean_spectrum(keypoints: np.ndarray, fps: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean amplitude spectral density of a derivative over all keypoints, coordinates and runs without a gap.

    Args:
      keypoints: [T, K, 2]; NaN is missing.
      fps: frames per second.
      order: 1 for velocity, 2 for acceleration.

    Returns:
      (frequencies [F] in Hz, amplitude [F] in unit per second to the power of `order` per root hertz); empty where no
      run is long enough.
    """
    usual = max(MIN_FRAMES, round(MAX_SECONDS * fps))
    parts = [part for keypoint in range(keypoints.shape[1]) for part in _known_parts(keypoints[:, keypoint])]
    window = min(usual, max((len(part) for part in parts), default=0) - order)
    if window < MIN_FRAMES:
        return np.empty(0), np.empty(0)
    total, weight = np.zeros(window // 2 + 1), 0.0
    frequencies = np.fft.rfftfreq(window, 1 / fps)
    for part in parts:
        derivative = np.diff(part, n=order, axis=0) * fps**order
        if len(derivative) >= window:
            _, power = signal.welch(derivative, fps, nperseg=window, axis=0, detrend="constant")
            total += len(derivative) * power.mean(axis=1)
            weight += len(derivative)
    return frequencies, np.sqrt(total / weight)


def _known_parts(positions: np.ndarray) -> list[np.ndarray]:
    """The runs of [T, 2] without NaN that are long enough."""
    known = np.isfinite(positions).all(axis=-1)
    return [positions[first:end] for first, end in segments(known) if end - first >= MIN_FRAMES]
