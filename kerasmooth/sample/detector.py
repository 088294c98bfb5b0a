"""A simulated keypoint detector: the heatmaps that a Mask R-CNN keypoint head gives, and its kinds of error."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kerasmooth import boxes
from kerasmooth.sample.randomness import bursts, correlated
from kerasmooth.skeletons import BOULDERING_25

Size = tuple[int, int]
_QUANTUM = 1 / 64  # scores are multiples of it: rounding hides the last bits, in which machines differ
_NOISE_TERMS = 3
_CHUNK = 64  # frames rendered at a time: bounds the memory

# How much farther than the average keypoint each is missed: hands and feet are harder than the trunk.
_DIFFICULTY = {"shoulder": 0.8, "hip": 0.9, "nose": 0.7, "ear": 0.7, "elbow": 1.0, "knee": 0.9, "wrist": 1.1}


@dataclass(frozen=True)
class KeypointHead:
    """How the simulated head behaves. He et al., Mask R-CNN, ICCV 2017, is what it imitates.

    A peak at the continuous position h = (x - x1) * W / (x2 - x1) - 0.5 has its highest score in the cell
    floor((x - x1) * W / (x2 - x1)), which such a head is trained on and which it decodes at + 0.5.

    Attributes:
      size: (height, width) of the heatmaps.
      drift_std: standard deviation of the localisation error that lasts, cells per axis.
      drift_correlation: of that error, from one frame to the next.
      jitter_std: standard deviation of the error that is new in every frame, cells per axis.
      sigma: range of the standard deviation of a peak, cells.
      score: range of the height of a peak.
      background: range of the score far from a peak; negative.
      secondary_share: share of heatmaps with a second peak, at the opposite side's keypoint (the wrong arm, leg).
      confusion_share: share of heatmaps in which that second peak is the higher one.
      miss_share: share of heatmaps without a peak: all scores negative.
      run_length: mean number of frames for which the last three last.
    """

    size: Size = (56, 56)
    drift_std: float = 0.8
    drift_correlation: float = 0.85
    jitter_std: float = 0.35
    sigma: tuple[float, float] = (1.0, 2.6)
    score: tuple[float, float] = (4.0, 10.0)
    background: tuple[float, float] = (-4.0, -2.0)
    secondary_share: float = 0.06
    confusion_share: float = 0.015
    miss_share: float = 0.02
    run_length: float = 4.0


@dataclass(frozen=True, eq=False)
class Detections:
    """What the head saw.

    Attributes:
      heatmaps: float32 [T, K, H, W], raw scores; all zero in frames whose box has no area.
      peaks: float64 [T, K, 2], (x, y) heatmap coordinates of the main peak, localisation error included.
      secondary: bool [T, K], there is a second peak.
      confused: bool [T, K], and it is the higher one.
      missed: bool [T, K], there is no peak.
    """

    heatmaps: np.ndarray
    peaks: np.ndarray
    secondary: np.ndarray
    confused: np.ndarray
    missed: np.ndarray


def detect(keypoints: np.ndarray, frame_boxes: np.ndarray, head: KeypointHead, rng: np.random.Generator) -> Detections:
    """Heatmaps of the 25 keypoints of BOULDERING_25.

    Args:
      keypoints: [T, 25, 2], (x, y) true positions in pixels; those outside the box peak at its border.
      frame_boxes: [T, 4], x1 y1 x2 y2 in pixels.
      head: the detector.
      rng: the source of randomness.
    """
    valid = boxes.has_area(frame_boxes)
    safe = np.where(valid[:, None], frame_boxes, [0.0, 0.0, 1.0, 1.0])
    positions = boxes.to_heatmap(keypoints, safe, head.size)
    shape = positions.shape[:2]
    difficulty = np.array([_DIFFICULTY.get(name.split("_")[-1], 1.2) for name in BOULDERING_25.keypoints])[:, None]
    error = correlated(rng, positions.shape, head.drift_std, head.drift_correlation)
    error += head.jitter_std * rng.standard_normal(positions.shape)
    peaks = _onto_grid(positions + error * difficulty, head.size)
    confused = bursts(rng, shape, head.confusion_share, head.run_length)
    secondary = confused | bursts(rng, shape, head.secondary_share - head.confusion_share, head.run_length)
    missed = bursts(rng, shape, head.miss_share, head.run_length)
    secondary, confused = secondary & ~missed, confused & ~missed
    height = head.score[0] + np.ptp(head.score) * rng.beta(3, 2, shape)
    relative = np.where(confused, rng.uniform(1.35, 1.7, shape), rng.uniform(0.3, 0.8, shape))
    scores = _Scores(
        main=np.where(missed, 0.0, height),
        second=np.where(secondary, height * relative, 0.0),
        background=rng.uniform(*head.background, shape),
        sigma=_widths(rng, shape, head),
    )
    heatmaps = _render(peaks, _onto_grid(positions[:, _opposite()], head.size), scores, head, rng)
    heatmaps[~valid] = 0.0
    return Detections(heatmaps, peaks, secondary, confused, missed)


@dataclass(frozen=True, eq=False)
class _Scores:
    """Heights above the background [T, K] and peak widths [T, K, 2]."""

    main: np.ndarray
    second: np.ndarray
    background: np.ndarray
    sigma: np.ndarray


def _opposite() -> np.ndarray:
    """[K]: the keypoint that each is mistaken for: its other side; for the nose an ear."""
    opposite = np.arange(BOULDERING_25.num_keypoints)
    opposite[BOULDERING_25.index("nose")] = BOULDERING_25.index("left_ear")
    for left, right in BOULDERING_25.pairs:
        opposite[left], opposite[right] = right, left
    return opposite


def _onto_grid(positions: np.ndarray, size: Size) -> np.ndarray:
    height, width = size
    return np.clip(positions, -0.49, np.array([width, height]) - 0.51)


def _widths(rng: np.random.Generator, shape: tuple[int, ...], head: KeypointHead) -> np.ndarray:
    """[T, K, 2]: widths that change slowly, a little wider along one axis than along the other."""
    low, high = np.log(head.sigma)
    slow = correlated(rng, shape, (high - low) / 4, 0.9)[..., None]
    unequal = rng.normal(0.0, 0.08, (*shape, 2))
    return np.exp(np.clip((low + high) / 2 + slow + unequal, low, high))


def _render(
    peaks: np.ndarray, seconds: np.ndarray, scores: _Scores, head: KeypointHead, rng: np.random.Generator
) -> np.ndarray:
    """float32 [T, K, H, W]: background, peaks and smooth noise, each an outer product of a column and a row."""
    height, width = head.size
    frames, keypoints = peaks.shape[:2]
    heatmaps = np.empty((frames, keypoints, height, width), np.float32)
    for start in range(0, frames, _CHUNK):
        part = slice(start, start + _CHUNK)
        count = len(peaks[part])
        noise_y, noise_x = (
            gaussian_filter1d(rng.standard_normal((count, keypoints, _NOISE_TERMS, n)), 3.0, axis=-1)
            for n in (height, width)
        )
        widths = scores.sigma[part]
        rows = np.concatenate([_bells([peaks[part], seconds[part]], widths, 0, width), noise_x], axis=2)
        columns = np.concatenate([_bells([peaks[part], seconds[part]], widths, 1, height), noise_y], axis=2)
        columns[:, :, 0] *= scores.main[part][..., None]
        columns[:, :, 1] *= scores.second[part][..., None]
        total = columns.swapaxes(2, 3) @ rows + scores.background[part][..., None, None]
        heatmaps[part] = np.rint(total / _QUANTUM) * _QUANTUM
    return heatmaps


def _bells(centres: list[np.ndarray], widths: np.ndarray, axis: int, length: int) -> np.ndarray:
    """[T, K, len(centres), length]: Gaussians of height 1 along one axis (0 is x, 1 is y)."""
    offsets = np.arange(length) - np.stack(centres, axis=2)[..., axis, None]
    return np.exp(-0.5 * (offsets / widths[:, :, None, axis, None]) ** 2)
