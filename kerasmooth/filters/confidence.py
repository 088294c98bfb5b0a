"""From a detector's confidence to the weight of a measurement."""

import numpy as np

FLOOR = 0.05
"""Share of the usual top confidence below which a keypoint counts as missing."""

TOP_PERCENTILE = 95.0


def confidence_weights(confidence: np.ndarray, floor: float = FLOOR) -> np.ndarray:
    """Weights in 0..1, proportional to the confidence; 0 below the floor.

    Confidences of detectors live on different scales (shares, logits, sums): they are measured by their own 95th
    percentile, which gets the weight 1, unless they already lie below 1.

    Args:
      confidence: [T, K]; 0 is missing; NaN is unknown, which counts as full.
      floor: share of the scale below which a keypoint counts as missing.
    """
    weights = np.where(np.isnan(confidence), 1.0, confidence)
    used = weights[(weights > 0) & np.isfinite(confidence)]
    scale = max(1.0, float(np.percentile(used, TOP_PERCENTILE))) if used.size else 1.0
    weights = np.clip(weights / scale, 0.0, 1.0)
    weights[weights < floor] = 0.0
    return weights
