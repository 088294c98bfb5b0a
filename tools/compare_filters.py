"""Compares every filter with `auto` where the truth is known, and prints a table (Markdown).

    python tools/compare_filters.py --dataset=penn_action --raw_dir=PATH
    python tools/compare_filters.py --dataset=shelf --raw_dir=PATH

penn_action: labels of the test videos (60/20/20 by video, seed 0), to which a detector's errors are added in the cells
of a 56 x 56 grid on the person's box; PCK in image pixels, of the true torso. shelf: shelf_pairs.npz, a real detector
on three cameras; end-point error on detected keypoints, mean acceleration of the output, and gaps filled.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from kerasmooth import boxes, metrics, noise, splits
from kerasmooth.clip import PoseClip
from kerasmooth.command_line import run
from kerasmooth.datasets.penn_action import PennAction
from kerasmooth.errors import InputError
from kerasmooth.smoothing.keypoints import smooth_keypoints

DATASET = flags.DEFINE_enum("dataset", "penn_action", ["penn_action", "shelf"], "What to compare on.")
RAW_DIR = flags.DEFINE_string("raw_dir", None, "Folder of the raw data: holds labels/, or shelf_pairs.npz.")
MAX_CLIPS = flags.DEFINE_integer("max_clips", None, "Compare on so many clips only.", lower_bound=1)
SPLIT = flags.DEFINE_enum("split", "test", ["train", "validation", "test"], "Videos of penn_action.")
ACTIONS = flags.DEFINE_enum("actions", "intended", ["published", "intended", "all"], "Actions of penn_action.")
METHODS = flags.DEFINE_list("methods", None, "Only rows whose name starts so.")

SIZE = (56, 56)
PENN_FPS = 30.0
"""Penn Action does not say; the videos are from the web."""
AR_MEMORY = 0.8
"""Correlation from frame to frame of the AR(1) noise."""

_CUTOFFS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
_WINDOWS = (0.15, 0.25, 0.5, 0.8, 1.2)

Smooth = Callable[..., np.ndarray]
"""(keypoints [T, K, 2], confidence [T, K] or None, fps, skeleton) -> keypoints [T, K, 2]."""


def settings() -> dict[str, tuple[str, dict[str, Any]]]:
    """Row -> method and parameters: `auto`, and every filter over a grid."""
    rows: dict[str, tuple[str, dict[str, Any]]] = {"auto": ("auto", {}), "hampel": ("hampel", {})}
    rows |= {f"median {w} s": ("median", {"window": w}) for w in _WINDOWS}
    rows |= {f"gaussian {c} Hz": ("gaussian", {"cutoff": c}) for c in _CUTOFFS}
    rows |= {f"savgol {w} s": ("savgol", {"window": w}) for w in _WINDOWS}
    rows |= {f"butterworth {c} Hz": ("butterworth", {"cutoff": c}) for c in _CUTOFFS}
    euros = [(c, b) for c in (0.3, 0.6, 1.2) for b in (0.0, 0.3, 1.0)]
    for name in ("one_euro", "one_euro_zero_phase"):
        rows |= {f"{name} {c} Hz, {b}": (name, {"min_cutoff": c, "beta": b}) for c, b in euros}
    rows["gcv_spline"] = ("gcv_spline", {})
    rows |= {f"whittaker {c} Hz": ("whittaker", {"cutoff": c}) for c in _CUTOFFS}
    rows |= {f"kalman, {model}": ("kalman", {"model": model}) for model in ("velocity", "acceleration")}
    return rows


def smoother(method: str, parameters: dict[str, Any]) -> Smooth:
    def smooth(keypoints: np.ndarray, confidence: np.ndarray | None, fps: float, skeleton: str) -> np.ndarray:
        return smooth_keypoints(
            keypoints, confidence, fps=fps, skeleton=skeleton, method=method, **parameters
        ).keypoints

    return smooth


def penn_clips(raw_dir: Path) -> list[PoseClip]:
    """The clips of the chosen split."""
    reader = PennAction(raw_dir, actions=ACTIONS.value)
    clips = [clip for source in reader.list_sources() for clip in reader.read(source).clips]
    known = [
        splits.ClipWindows(clip.clip_id, clip.video_id, clip.official_split, clip.num_frames, np.arange(1))
        for clip in clips
    ]
    plan = splits.by_video(known, seed=0)
    chosen = [clip for clip, split in zip(clips, plan.clips, strict=True) if split == SPLIT.value]
    return chosen[: MAX_CLIPS.value]


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
    cells = boxes.to_heatmap(clip.keypoints, frame_boxes, SIZE) + shifts * noise.DetectorNoise().shift_std * scalar
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


def compare_penn_action(raw_dir: Path) -> None:
    clips = penn_clips(raw_dir)
    kinds = {"independent, s = 1": ("independent", 1.0), "independent, s = 2": ("independent", 2.0)}
    kinds |= {"AR(1), s = 1": ("ar1", 1.0), "AR(1), s = 2": ("ar1", 2.0), "10 % dropped": ("dropped", 1.0)}
    inputs = {name: [corrupted(clip, *kind) for clip in clips] for name, kind in kinds.items()}
    print(f"{len(clips)} clips, PCK@0.05 / 0.1 / 0.2\n\n| method | {' | '.join(kinds)} |\n|---|{'---|' * len(kinds)}")

    def row(title: str, smooth: Smooth) -> None:
        cells = []
        for pairs in inputs.values():
            counts = metrics.PckCounts.zero()
            for clip, (noisy, judged) in zip(clips, pairs, strict=True):
                result = smooth(noisy, None, PENN_FPS, "bouldering_25")
                counts += metrics.pck_counts(clip.keypoints[None], result[None], judged[None])
            cells.append(" / ".join(f"{100 * share:.1f}" for share in counts.total()))
        print(f"| {title} | {' | '.join(cells)} |", flush=True)

    _print_rows(row)


def compare_shelf(raw_dir: Path) -> None:
    path = raw_dir / "shelf_pairs.npz"
    if not path.is_file():
        raise InputError(f"{path} does not exist: --raw_dir must hold shelf_pairs.npz")
    with np.load(path) as data:
        fps = float(data["fps"])
        truth_index, index = data["shelf15_for_body25"]
        tracks = [
            (data[f"det_{camera}"][person].astype(np.float64), data[f"gt_{camera}"][person].astype(np.float64))
            for camera in range(3)
            for person in range(4)
        ]
    tracks = [track for track in tracks if (track[0][..., 2] > 0).any()][: MAX_CLIPS.value]
    print(f"{len(tracks)} tracks\n\n| method | end-point error, px | acceleration, px/frame^2 | frames filled | px |")
    print("|---|---|---|---|---|")

    def row(title: str, smooth: Smooth) -> None:
        error, filled, still = (metrics.KeypointSums.zero() for _ in range(3))
        for detected, truth in tracks:
            known = detected[..., 2] > 0
            result = smooth(np.where(known[..., None], detected[..., :2], np.nan), detected[..., 2], fps, "body_25")
            target = np.zeros_like(result)
            target[:, index] = truth[:, truth_index]
            there = np.zeros_like(known)
            there[:, index] = np.isfinite(truth[:, truth_index]).all(axis=-1)
            shown = np.isfinite(result).all(axis=-1)
            error += metrics.end_point_error(target[None], result[None], (there & known)[None])
            filled += metrics.end_point_error(target[None], result[None], (there & ~known & shown)[None])
            still += metrics.acceleration(result[None], (known & shown)[None])
        print(f"| {title} | {error.mean():.2f} | {still.mean():.3f} | {filled.counts.sum()} | {filled.mean():.2f} |")

    _print_rows(row)


def _print_rows(row: Callable[[str, Smooth], None]) -> None:
    row("input", lambda keypoints, *_: keypoints)
    for title, (method, parameters) in settings().items():
        if METHODS.value is None or title.startswith(tuple(METHODS.value)):
            row(title, smoother(method, parameters))


def main() -> None:
    if RAW_DIR.value is None:
        raise InputError("--raw_dir is missing: name the folder of the raw data")
    {"penn_action": compare_penn_action, "shelf": compare_shelf}[DATASET.value](Path(RAW_DIR.value))


if __name__ == "__main__":
    run(main)
