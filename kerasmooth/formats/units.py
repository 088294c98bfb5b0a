"""What coordinates are in and which way y grows, and how they become pixels or shares of an image."""

from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.formats.safe_files import AS_NPZ, bad
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import Skeleton

_HIGH = ("nose", "head", "head_top", "neck", "left_eye", "right_eye", "left_shoulder", "right_shoulder")
_LOW = ("left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel")
_ASK_SIZE = "give the image size with --image_size=HEIGHTxWIDTH"


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


def guess(keypoints: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
    """Unit and direction of y of a table that says neither."""
    normalised = is_normalised(keypoints)
    up = not normalised and bool(looks_up(keypoints, skeleton))
    return {"unit": "normalised" if normalised else "px", "y_up": up}


def in_pixels(table: PoseTable, path: Path, format_name: str) -> PoseTable:
    """The table in pixels with y growing downwards. Raises InputError where that needs an image size or is no image."""
    if table.unit == "px" and not table.y_up:
        return table
    if table.unit not in ("px", "normalised"):
        raise InputError(f"{path}: {format_name} holds pixels, received coordinates in {table.unit!r}: {AS_NPZ}")
    if table.image_size is None:
        received = f"{table.unit} coordinates{' with y upwards' if table.y_up else ''} of an unknown image"
        raise bad(path, "coordinates", f"be pixels with y downwards in {format_name}", received, _ASK_SIZE)
    height, width = table.image_size
    keypoints, deviation = table.keypoints, table.deviation
    if table.unit == "normalised":
        keypoints = keypoints * np.array([width, height])
        deviation = deviation * np.sqrt(width * height)
    if table.y_up:
        keypoints = keypoints * np.array([1, -1]) + np.array([0, height])
    return table.with_(keypoints=keypoints, deviation=deviation, unit="px", y_up=False)


def in_shares(table: PoseTable, path: Path, format_name: str) -> PoseTable:
    """The table as shares of the image. Raises InputError where the image size is unknown."""
    if table.unit == "normalised" and not table.y_up:
        return table
    table = in_pixels(table, path, format_name)
    if table.image_size is None:
        raise bad(path, "coordinates", "be shares of the image", "pixels of an unknown image", _ASK_SIZE)
    height, width = table.image_size
    return table.with_(keypoints=table.keypoints / np.array([width, height]), unit="normalised")
