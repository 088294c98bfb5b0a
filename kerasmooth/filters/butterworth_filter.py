"""Butterworth's low-pass, run forwards and backwards."""

import math

import numpy as np
from scipy.signal import butter, sosfiltfilt

from kerasmooth.filters.base import Filtered, arrange, positive

PASSES = 3
"""Runs when weights differ."""


def butterworth(
    positions: np.ndarray, *, weights: np.ndarray | None = None, fps: float, cutoff: float = 6.0, order: int = 4
) -> Filtered:
    """Zero-phase Butterworth low-pass; `scipy.signal.sosfiltfilt` where the weights are equal.

    The filter knows no weights: what weighs less than 1 is drawn towards the filter's own result, and filtered again.
    Arguments: see `base.Filter`.

    Args:
      cutoff: frequency in Hz at which half of the power passes, both runs together (Winter's correction).
      order: of both runs together, even.
    """
    shape = np.shape(positions)
    positions, weights, fps = arrange(positions, weights, fps)
    positive(cutoff=cutoff)
    if not (isinstance(order, int) and order >= 2 and order % 2 == 0):
        raise ValueError(f"order must be even and positive. Received: order={order}")
    single = order // 2
    # Two runs square the response: each must be down to 2 ** -1/4 only. Corrected where the bilinear map bends it.
    edge = math.tan(math.pi * min(cutoff / fps, 0.49)) / (math.sqrt(2) - 1) ** (1 / (2 * single))
    normalised = 2 / math.pi * math.atan(edge)
    frames = len(positions)
    if frames < 2 or cutoff >= fps / 2:
        return Filtered(np.reshape(np.array(positions), shape))
    sections = butter(single, normalised, output="sos")
    padding = min(frames - 1, max(3 * (2 * len(sections) + 1), math.ceil(fps / cutoff)))
    result = sosfiltfilt(sections, positions, axis=0, padlen=padding)
    if weights is not None:
        for _ in range(PASSES - 1):
            drawn = result + weights[..., None] * (positions - result)
            result = sosfiltfilt(sections, drawn, axis=0, padlen=padding)
    return Filtered(result.reshape(shape))
