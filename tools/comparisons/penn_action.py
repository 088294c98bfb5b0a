"""Smoothers on Penn Action: labels of the test videos (60/20/20 by video, seed 0) with simulated errors of a detector.

The errors are in the cells of a 56 x 56 grid on the person's box, about 14 % of a torso; PCK in image pixels, of the
true torso. The labels jitter by about 1 % of a torso themselves: smaller errors than 5 % would judge the labels.
"""

from pathlib import Path

import numpy as np

from comparisons.smoothers import Smooth
from comparisons.tables import Row, print_best, print_rows
from kerasmooth import boxes, metrics, noise, splits
from kerasmooth.clip import PoseClip
from kerasmooth.datasets.penn_action import PennAction

SIZE = (56, 56)
FPS = 30.0
"""Penn Action does not say; the videos are from the web."""
AR_MEMORY = 0.8
"""Correlation from frame to frame of the AR(1) noise."""


def clips_of(raw_dir: Path, actions: str, split: str, most: int | None) -> list[PoseClip]:
    """The clips of the chosen split."""
    reader = PennAction(raw_dir, actions=actions)
    clips = [clip for source in reader.list_sources() for clip in reader.read(source).clips]
    known = [
        splits.ClipWindows(clip.clip_id, clip.video_id, clip.official_split, clip.num_frames, np.arange(1))
        for clip in clips
    ]
    plan = splits.by_video(known, seed=0)
    chosen = [clip for clip, own in zip(clips, plan.clips, strict=True) if own == split]
    return chosen[:most]


def corrupted(clip: PoseClip, kind: str, scalar: float) -> tuple[np.ndarray, np.ndarray]:
    """Noisy keypoints [T, K, 2] in image pixels, NaN where not detected, and which to judge, bool [T, K]."""
    usable = boxes.has_area(clip.boxes)
    frame_boxes = np.where(usable[:, None], clip.boxes, (0.0, 0.0, 56.0, 56.0))
    judged = clip.visibility & usable[:, None]
    generator = np.random.default_rng([noise.clip_key(clip.clip_id), int(10 * scalar)])
    frames, num_keypoints = judged.shape
    shifts = generator.normal(size=(frames, num_keypoints, 2))
    if kind == "ar1":
        for frame in range(1, frames):
            shifts[frame] = AR_MEMORY * shifts[frame - 1] + np.sqrt(1 - AR_MEMORY**2) * shifts[frame]
    shifts *= noise.DetectorNoise(shifting_scalar=scalar).deviation
    cells = boxes.to_heatmap(clip.keypoints, frame_boxes, SIZE) + shifts
    noisy = boxes.to_image(np.clip(np.round(cells), 0, 55), frame_boxes, SIZE)
    shown = judged.copy()
    if kind == "dropped":
        for keypoint in range(num_keypoints):
            shown[_dropped(frames, generator), keypoint] = False
    return np.where(shown[..., None], noisy, np.nan), judged


def _dropped(frames: int, generator: np.random.Generator) -> np.ndarray:
    """bool [T]: about a tenth of the frames, in runs of 1 to 15."""
    dropped = np.zeros(frames, bool)
    while dropped.sum() < 0.1 * frames - 4:
        start, length = generator.integers(0, frames), generator.integers(1, 16)
        dropped[start : start + length] = True
    return dropped


def compare(raw_dir: Path, actions: str, split: str, most: int | None, names: list[str] | None) -> None:
    """Prints PCK of every setting, and the best of every filter."""
    clips = clips_of(raw_dir, actions, split, most)
    kinds = {"independent, s = 1": ("independent", 1.0), "independent, s = 2": ("independent", 2.0)}
    kinds |= {"AR(1), s = 1": ("ar1", 1.0), "AR(1), s = 2": ("ar1", 2.0), "10 % dropped": ("dropped", 1.0)}
    inputs = {name: [corrupted(clip, *kind) for clip in clips] for name, kind in kinds.items()}
    frames = sum(len(clip.keypoints) for clip in clips)
    print(f"{len(clips)} {split} clips, {frames} frames; PCK@0.05 / 0.1 / 0.2 in per cent\n")

    def row(smooth: Smooth) -> Row:
        cells, ranks = [], []
        for pairs in inputs.values():
            counts = metrics.PckCounts.zero()
            for clip, (noisy, judged) in zip(clips, pairs, strict=True):
                result = smooth(noisy, None, FPS, "bouldering_25")
                counts += metrics.pck_counts(clip.keypoints[None], result[None], judged[None], torso="published")
            cells.append(" / ".join(f"{100 * share:.1f}" for share in counts.total()))
            ranks += [-100 * share for share in counts.total()]
        return cells, ranks

    print_best(print_rows(list(kinds), row, {}, names), list(kinds), 3, "{:.1f}")
