"""Smoothers on Shelf: a real detector on cameras 0 to 2, and the two people with truth for more than 100 frames.

Everything is pooled over the 14 keypoints that truth and detector share: the error is the mean distance where a
keypoint was detected and has truth, the acceleration the mean length of the second difference of the output there,
three such frames in a row. The row `gaussian, sigma 2 frames` is scipy.ndimage.gaussian_filter1d of the detections,
gaps bridged by straight lines, and nothing else. The truth is reprojected and 5 to 10 px uncertain.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from comparisons.smoothers import Smooth, steadied, trained
from comparisons.tables import Row, print_best, print_rows
from kerasmooth import metrics
from kerasmooth.errors import InputError
from kerasmooth.smoothing import gaps

LEAST_TRUTH = 100
"""Frames with truth that a person needs to be judged."""
MAX_GAP = 0.5
"""Seconds, as `smooth_keypoints` fills by default."""


def compare(raw_dir: Path, most: int | None, names: list[str] | None, model: str | None = None) -> None:
    """Prints error and acceleration of every setting, of `auto` with steadiness and of a trained model if one is named
    too, and the best of every filter.
    """
    path = raw_dir / "shelf_pairs.npz"
    if not path.is_file():
        raise InputError(f"{path} does not exist: --raw_dir must hold shelf_pairs.npz")
    with np.load(path) as data:
        fps = float(data["fps"])
        truth_index, index = data["shelf15_for_body25"]
        tracks = [
            (data[f"det_{camera}"][person].astype(np.float64), data[f"gt_{camera}"][person].astype(np.float64))
            for camera in range(3)
            for person in range(len(data["ids"]))
        ]
    tracks = [track for track in tracks if np.isfinite(track[1]).all(axis=2).any(axis=1).sum() > LEAST_TRUTH]
    tracks = tracks[:most]
    truths = [truth[:, truth_index] for _, truth in tracks]
    there = [np.isfinite(truth).all(axis=-1) for truth in truths]
    jitter = sum((_sums(metrics.acceleration, t, w) for t, w in zip(truths, there, strict=True)), _nothing())
    print(f"{len(tracks)} tracks; the truth's own acceleration is {jitter.mean():.2f} px/frame^2\n")

    def row(smooth: Smooth) -> Row:
        error, still, held = _nothing(), _nothing(), _nothing()
        gap_frames = filled = 0
        for (detected, _), truth, judged in zip(tracks, truths, there, strict=True):
            known = detected[..., 2] > 0
            result = smooth(np.where(known[..., None], detected[..., :2], np.nan), detected[..., 2], fps, "body_25")
            inner = gaps.find_gaps(known, gaps.longest_run(MAX_GAP, fps)).inner[:, index]
            result, known = result[:, index], known[:, index]
            shown = np.isfinite(result).all(axis=-1)
            error += metrics.end_point_error(truth[None], result[None], (judged & known)[None])
            held += metrics.end_point_error(truth[None], result[None], (judged & inner & shown)[None])
            still += _sums(metrics.acceleration, result, judged & known & shown)
            gap_frames, filled = gap_frames + int(inner.sum()), filled + int((inner & shown).sum())
        cells = [
            f"{error.mean():.2f}",
            f"{still.mean():.3f}",
            f"{filled} of {gap_frames}",
            f"{held.mean():.2f}" if filled else "",
        ]
        return cells, [error.mean(), still.mean(), -filled, held.mean()]

    columns = ["end-point error, px", "acceleration, px/frame^2", "gap frames filled", "error there, px"]
    more = {"gaussian, sigma 2 frames": _two_frames} | steadied() | ({"model": trained(model)} if model else {})
    rows = print_rows(columns, row, more, names)
    bar = rows["gaussian, sigma 2 frames"][0]
    rows = {title: ranks for title, ranks in rows.items() if ranks[0] <= bar}
    print("\nOnly settings whose end-point error is no larger than that of the Gaussian of sigma 2:")
    print_best({title: ranks[:2] for title, ranks in rows.items()}, columns[:2], 1, "{:.3f}")


def _two_frames(keypoints: np.ndarray, confidence: np.ndarray | None, fps: float, skeleton: str) -> np.ndarray:
    """A Gaussian of sigma 2 frames over what is measured and the straight lines across gaps."""
    known = np.isfinite(keypoints).all(axis=-1)
    result = gaussian_filter1d(gaps.interpolate(keypoints, known), 2.0, axis=0)
    shown = known | gaps.find_gaps(known, gaps.longest_run(MAX_GAP, fps)).inner
    return np.where(shown[..., None], result, np.nan)


def _sums(measure: Callable[..., metrics.KeypointSums], keypoints: np.ndarray, where: np.ndarray) -> Any:
    return measure(keypoints[None], where[None])


def _nothing() -> metrics.KeypointSums:
    return metrics.KeypointSums.zero(14)
