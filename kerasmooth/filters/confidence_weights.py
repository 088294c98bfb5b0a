"""From a detector's confidence to the weight of a measurement.

A weight is one over the variance of a detection, as a share of the best. Calibrated on Shelf (OpenPose BODY_25 on
cameras 0 to 2, 19,181 detections with truth, errors less each keypoint's constant offset, clipped at one person size):

| score             | 0.15-0.25 | 0.25-0.35 | 0.35-0.4 | 0.4-0.5 | 0.5-0.6 | 0.6-0.7 | 0.7-0.8 | 0.8-0.9 | above |
|-------------------|-----------|-----------|----------|---------|---------|---------|---------|---------|-------|
| detections        |       218 |       296 |      205 |     595 |   1,352 |   2,745 |   5,473 |   7,093 | 1,204 |
| error, rms        |     0.181 |     0.184 |    0.128 |   0.138 |   0.116 |   0.092 |   0.079 |   0.077 | 0.054 |
| variance, 0.8 = 1 |      5.5  |      5.7  |     2.8  |    3.2  |    2.3  |    1.4  |    1.1  |    1    | 0.5   |
| score^-2, 0.8 = 1 |     18    |      8    |     5.1  |    3.6  |    2.4  |    1.7  |    1.3  |    1    | 0.8   |

The variance falls about with the square of the score; the truth's own 0.03 to 0.05 is in the numbers, and dampens them
at both ends. Below a score of 0.35 a straight line between confident neighbours at most 0.5 s apart was nearer to the
truth than the detection (mean 0.12 to 0.17 against 0.14 to 0.23), up to 0.6 they were alike. With weights of the
square, though, leaving out what lies below 0.2 of the top changed no filter's error by more than 0.002 px, and leaving
out more (0.3, 0.4) made all worse: so little weight is as good as interpolation, and better in a gap too long for it.
"""

import numpy as np

FLOOR = 0.05
"""Share of the usual top confidence below which a keypoint counts as missing: its weight would be 1/400."""
POWER = 2.0
"""Of the confidence, which makes it a weight."""
TOP_PERCENTILE = 95.0


def confidence_weights(confidence: np.ndarray, floor: float = FLOOR) -> np.ndarray:
    """Weights in 0..1, as the square of the confidence; 0 below the floor.

    Confidences of detectors live on different scales (shares of 0..1 that never reach 1, likelihoods, logits, sums over
    a heatmap, flags 0/1/2): they are measured by this person's own 95th percentile, which gets the weight 1. Only
    differences along a recording carry weight: how good a detector is as a whole shows in its noise, which filters
    measure. A flag is a confidence too: of 2 (seen) and 1 (guessed, hidden) the latter weighs a quarter.

    Args:
      confidence: [T, K], not negative; 0 is missing; NaN is unknown, which counts as full.
      floor: share of the scale below which a keypoint counts as missing.
    """
    unknown = np.isnan(confidence)
    used = confidence[(confidence > 0) & np.isfinite(confidence)]
    scale = float(np.percentile(used, TOP_PERCENTILE)) if used.size else 1.0
    shares = np.where(unknown, 1.0, np.clip(confidence / scale, 0.0, 1.0))
    return np.where(shares < floor, 0.0, shares**POWER)
