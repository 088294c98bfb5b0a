"""What unit coordinates are in and which way y grows, where a file does not say."""

from typing import Any

import numpy as np

from kerasmooth.skeletons import Skeleton

_HIGH = ("nose", "head", "head_top", "neck", "left_eye", "right_eye", "left_shoulder", "right_shoulder")
_LOW = ("left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel")


def is_normalised(positions: np.ndarray) -> bool:
    """Whether positions [..., 2] are shares of an image: nine in ten within -0.5 and 1.5."""
    known = positions[~np.isnan(positions)]
    return bool(len(known)) and bool(np.mean((known >= -0.5) & (known <= 1.5)) > 0.9)


def looks_up(positions: np.ndarray, skeleton: Skeleton) -> bool | None:
    """Whether y grows upwards in [T, K, 2]: the head is above the legs in most frames. None without head or legs."""
    high = [skeleton.keypoints.index(name) for name in _HIGH if name in skeleton.keypoints]
    low = [skeleton.keypoints.index(name) for name in _LOW if name in skeleton.keypoints]
    if not high or not low:
        return None
    y = positions[..., 1]
    enough = (~np.isnan(y[:, high])).any(axis=1) & (~np.isnan(y[:, low])).any(axis=1)
    if not enough.any():
        return None
    return bool(np.mean(np.nanmean(y[enough][:, high], axis=1) > np.nanmean(y[enough][:, low], axis=1)) > 0.5)


def unit_and_direction(keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
    """Unit and direction of y of a table that says neither."""
    normalised = is_normalised(keypoints)
    up = not normalised and bool(looks_up(keypoints, skeleton))
    return {"unit": "normalised" if normalised else "px", "y_up": up}
