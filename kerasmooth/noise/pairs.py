"""A detector's keypoints beside the truth, as `fit_noise` takes them."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from kerasmooth import boxes
from kerasmooth.boxes import Size
from kerasmooth.clip import PoseClip
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.lengths import all_finite, lengths
from kerasmooth.pose_table import PoseTable
from kerasmooth.skeletons import BOULDERING_25, convert

GRID = (56, 56)
"""The study's."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """What a detector said of one person, beside the truth, in consecutive frames; K = 25, heatmap cells.

    Attributes:
      detected: float64 [T, K, 2], NaN where the detector found nothing.
      truth: float64 [T, K, 2], NaN where nobody knows.
      confidence: float64 [T, K], of any scale; None or NaN where the detector does not say.
    """

    detected: np.ndarray
    truth: np.ndarray
    confidence: np.ndarray | None = None


def pairs_of_clip(clip: PoseClip) -> Pairs:
    """Of a clip with a detector's heatmaps, each read at its maximum; a frame without a box says nothing."""
    if clip.heatmaps is None:
        raise ValueError(f"a clip with a detector's heatmaps is wanted. Received: {clip.clip_id}")
    usable = boxes.has_area(clip.boxes)[:, None]
    size: Size = clip.heatmaps.shape[1:3]
    cells, peak = HeatmapCodec(size=size).decode(clip.heatmaps)
    found = (peak > 0) & usable
    truth = boxes.to_heatmap(clip.keypoints, clip.boxes, size)
    return Pairs(
        detected=np.where(found[..., None], cells, np.nan).astype(np.float64),
        truth=np.where((clip.visibility & usable)[..., None], truth, np.nan),
        confidence=np.where(found, peak, np.nan).astype(np.float64),
    )


def pairs_of_pixels(detected: np.ndarray, truth: np.ndarray, confidence: np.ndarray | None = None) -> Pairs:
    """Of one person in image pixels, in the grid of the tight box of the truth, as the study's pretraining has it.

    A frame in which the detector missed the whole person says nothing.

    Args:
      detected, truth: float64 [T, K, 2] of BOULDERING_25; NaN is missing.
      confidence: float64 [T, K].
    """
    known = all_finite(truth)
    frame_boxes = boxes.from_cell_centres(boxes.tight_box(np.nan_to_num(truth), known), GRID)
    usable = boxes.has_area(frame_boxes) & all_finite(detected).any(axis=1)
    frame_boxes = np.where(usable[:, None], frame_boxes, np.nan)
    detected, truth = (boxes.to_heatmap(keypoints, frame_boxes, GRID) for keypoints in (detected, truth))
    return Pairs(detected, truth, confidence)


def pairs_of_tables(detections: PoseTable, truth: PoseTable) -> list[Pairs]:
    """Of two pose files of the same frames, in pixels: each person of the truth beside who was detected nearest to it.

    In each frame all people are assigned at once, by the mean distance of the keypoints that both have.
    """
    seen = [convert(one.keypoints, one.skeleton, BOULDERING_25, np.nan) for one in (detections, truth)]
    confidence = convert(detections.confidence, detections.skeleton, BOULDERING_25, np.nan)
    partner = np.full(len(truth.frames), -1)
    for frame in np.intersect1d(detections.frames, truth.frames):
        rows, candidates = (np.flatnonzero(one.frames == frame) for one in (truth, detections))
        apart = lengths(seen[1][rows][:, None] - seen[0][candidates][None])
        there = np.isfinite(apart)
        costs = np.where(there, apart, 0).sum(axis=-1) / np.maximum(there.sum(axis=-1), 1)
        costs[~there.any(axis=-1)] = costs.max(initial=0.0) + 1e6
        mine, theirs = linear_sum_assignment(costs)
        partner[rows[mine]] = np.where(costs[mine, theirs] < 1e6, candidates[theirs], -1)
    pairs = []
    for person in np.unique(truth.people):
        rows = np.flatnonzero(truth.people == person)
        found, numbers = partner[rows], truth.frames[rows] - truth.frames[rows].min()
        track = np.full((3, numbers.max() + 1, BOULDERING_25.num_keypoints, 2), np.nan)
        track[1, numbers] = seen[1][rows]
        track[0, numbers[found >= 0]] = seen[0][found[found >= 0]]
        track[2, numbers[found >= 0], :, 0] = confidence[found[found >= 0]]
        pairs.append(pairs_of_pixels(track[0], track[1], track[2, ..., 0]))
    return pairs
