"""Compares every filter with `auto` where the truth is known, and prints tables (Markdown).

    python tools/compare_filters.py --dataset=penn_action --raw_dir=PATH
    python tools/compare_filters.py --dataset=shelf --raw_dir=PATH

The first table has a row for every setting, the second the best setting of every filter in each column.

penn_action: labels of the test videos (60/20/20 by video, seed 0), to which a detector's errors are added in the cells
of a 56 x 56 grid on the person's box; PCK in image pixels, of the true torso.

shelf: shelf_pairs.npz, a real detector on cameras 0 to 2, and the two people whose truth goes on for more than 100
frames (ids 0 and 2; the others have 33 and 37). Everything is pooled over the 14 keypoints that truth and detector
share: the error is the mean distance where a keypoint was detected and has truth, the acceleration the mean length of
the second difference of the output there, three such frames in a row. The row `gaussian, sigma 2 frames` is
scipy.ndimage.gaussian_filter1d of the detections, gaps bridged by straight lines, and nothing else: the bar that the
end-point error of a smoother should not exceed. The truth is reprojected and 5 to 10 px uncertain.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from scipy.ndimage import gaussian_filter1d

from kerasmooth import boxes, metrics, noise, splits
from kerasmooth.clip import PoseClip
from kerasmooth.command_line import run
from kerasmooth.datasets.penn_action import PennAction
from kerasmooth.errors import InputError
from kerasmooth.smoothing import gaps
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
LEAST_TRUTH = 100
"""Frames with truth that a person of shelf needs to be judged."""
MAX_GAP = 0.5
"""Seconds, as `smooth_keypoints` fills by default."""

_CUTOFFS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
_WINDOWS = (0.15, 0.25, 0.5, 0.8, 1.2)

Smooth = Callable[..., np.ndarray]
"""(keypoints [T, K, 2], confidence [T, K] or None, fps, skeleton) -> keypoints [T, K, 2]."""

Row = tuple[list[str], list[float]]
"""The cells of a row as printed, and what decides which setting is the best: lower is better, one for each column."""


def settings() -> dict[str, tuple[str, dict[str, Any]]]:
    """Row -> method and parameters: `auto`, and every filter as it comes and over a grid."""
    rows: dict[str, tuple[str, dict[str, Any]]] = {"auto": ("auto", {}), "hampel": ("hampel", {})}
    rows |= {f"median {w} s": ("median", {"window": w}) for w in _WINDOWS}
    rows |= {f"gaussian {c} Hz": ("gaussian", {"cutoff": c}) for c in _CUTOFFS}
    rows |= {f"savgol {w} s": ("savgol", {"window": w}) for w in _WINDOWS}
    rows |= {f"butterworth {c} Hz": ("butterworth", {"cutoff": c}) for c in _CUTOFFS}
    euros = [(c, b) for c in (0.3, 0.6, 1.2) for b in (0.0, 0.3, 1.0)]
    for name in ("one_euro", "one_euro_zero_phase"):
        rows |= {f"{name} {c} Hz, {b}": (name, {"min_cutoff": c, "beta": b}) for c, b in euros}
    untuned = ("median", "gaussian", "savgol", "butterworth", "one_euro", "one_euro_zero_phase", "whittaker")
    rows |= {f"{name} (default)": (name, {}) for name in untuned} | {"gcv_spline": ("gcv_spline", {})}
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
    frames = sum(len(clip.keypoints) for clip in clips)
    print(f"{len(clips)} {SPLIT.value} clips, {frames} frames; PCK@0.05 / 0.1 / 0.2 in per cent\n")

    def row(smooth: Smooth) -> Row:
        cells, ranks = [], []
        for pairs in inputs.values():
            counts = metrics.PckCounts.zero()
            for clip, (noisy, judged) in zip(clips, pairs, strict=True):
                result = smooth(noisy, None, PENN_FPS, "bouldering_25")
                counts += metrics.pck_counts(clip.keypoints[None], result[None], judged[None], torso="published")
            cells.append(" / ".join(f"{100 * share:.1f}" for share in counts.total()))
            ranks += [-100 * share for share in counts.total()]
        return cells, ranks

    _print_best(_print_rows(list(kinds), row, {}), list(kinds), 3, "{:.1f}")


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
            for person in range(len(data["ids"]))
        ]
    tracks = [track for track in tracks if np.isfinite(track[1]).all(axis=2).any(axis=1).sum() > LEAST_TRUTH]
    tracks = tracks[: MAX_CLIPS.value]
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
    rows = _print_rows(columns, row, {"gaussian, sigma 2 frames": _two_frames})
    bar = rows["gaussian, sigma 2 frames"][0]
    rows = {title: ranks for title, ranks in rows.items() if ranks[0] <= bar}
    print("\nOnly settings whose end-point error is no larger than that of the Gaussian of sigma 2:")
    _print_best({title: ranks[:2] for title, ranks in rows.items()}, columns[:2], 1, "{:.3f}")


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


def _print_rows(columns: list[str], row: Callable[[Smooth], Row], others: dict[str, Smooth]) -> dict[str, list[float]]:
    """Prints the table of all settings; title -> what ranks it, without the input's."""
    print(f"| method | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    smoothers: dict[str, Smooth] = {"input": lambda keypoints, *_: keypoints, **others}
    for title, (method, parameters) in settings().items():
        if METHODS.value is None or title.startswith(tuple(METHODS.value)):
            smoothers[title] = smoother(method, parameters)
    ranks = {}
    for title, smooth in smoothers.items():
        cells, ranks[title] = row(smooth)
        print(f"| {title} | {' | '.join(cells)} |", flush=True)
    del ranks["input"]
    return ranks


def _print_best(rows: dict[str, list[float]], columns: list[str], width: int, text: str) -> None:
    """Prints the best that any setting of a filter reaches, each number by itself; `width` numbers a column."""
    families: dict[str, list[list[float]]] = {}
    for title, ranks in rows.items():
        families.setdefault(title.split(" ")[0].rstrip(","), []).append(ranks)
    print(f"\n| filter | settings | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    for name, ranked in families.items():
        best = [text.format(abs(value)) for value in np.min(ranked, axis=0)]
        cells = [" / ".join(best[i : i + width]) for i in range(0, len(best), width)]
        print(f"| {name} | {len(ranked)} | {' | '.join(cells)} |")


def main() -> None:
    if RAW_DIR.value is None:
        raise InputError("--raw_dir is missing: name the folder of the raw data")
    {"penn_action": compare_penn_action, "shelf": compare_shelf}[DATASET.value](Path(RAW_DIR.value))


if __name__ == "__main__":
    run(main)
