"""What is compared: every filter as it comes and over a grid of settings, the streams, and a trained model."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasmooth.filters import FILTERS
from kerasmooth.lengths import all_finite
from kerasmooth.pose_files.model_smoother import ModelSmoother, load
from kerasmooth.skeletons import skeleton_named
from kerasmooth.smoothing.keypoints import smooth_keypoints
from kerasmooth.smoothing.segments import smooth_segment
from kerasmooth.smoothing.settings import SmoothingSettings
from kerasmooth.streaming.stream import KeypointStream

Smooth = Callable[..., np.ndarray]
"""(keypoints [T, K, 2], confidence [T, K] or None, fps, skeleton) -> keypoints [T, K, 2]."""

_CUTOFFS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
_WINDOWS = (0.15, 0.25, 0.5, 0.8, 1.2)
LOOKAHEADS = (0, 2, 4, 8)


def as_they_come() -> dict[str, Smooth]:
    """Row -> smoother: `auto` and every filter with its defaults, and the stream with some frames of delay."""
    rows = {method: smoother(method, {}) for method in ("auto", *FILTERS)}
    return rows | {f"stream, lookahead {frames}": streamer(frames) for frames in LOOKAHEADS}


def over_a_grid() -> dict[str, Smooth]:
    """Row -> smoother: `auto`, and every filter over a grid of its settings."""
    rows: dict[str, tuple[str, dict[str, Any]]] = {"auto": ("auto", {}), "hampel": ("hampel", {})}
    rows |= {f"median {w} s": ("median", {"window": w}) for w in _WINDOWS}
    rows |= {f"gaussian {c} Hz": ("gaussian", {"cutoff": c}) for c in _CUTOFFS}
    rows |= {f"savgol {w} s": ("savgol", {"window": w}) for w in _WINDOWS}
    rows |= {f"butterworth {c} Hz": ("butterworth", {"cutoff": c}) for c in _CUTOFFS}
    euros = [(c, b) for c in (0.3, 0.6, 1.2) for b in (0.0, 0.3, 1.0)]
    for name in ("one_euro", "one_euro_zero_phase"):
        rows |= {f"{name} {c} Hz, {b}": (name, {"min_cutoff": c, "beta": b}) for c, b in euros}
    rows |= {f"{name} (default)": (name, {}) for name in FILTERS if name not in ("hampel", "kalman")}
    rows |= {f"whittaker {c} Hz": ("whittaker", {"cutoff": c}) for c in _CUTOFFS}
    rows |= {f"kalman, {model}": ("kalman", {"model": model}) for model in ("velocity", "acceleration")}
    return {title: smoother(*row) for title, row in rows.items()}


def steadied() -> dict[str, Smooth]:
    """Row -> `auto` with some steadiness."""
    wishes = (0.1, 0.2, 0.5, 1.0)
    return {f"auto, steadiness {wish}": smoother("auto", {"steadiness": wish}) for wish in wishes}


def smoother(method: str, parameters: dict[str, Any]) -> Smooth:
    def smooth(keypoints: np.ndarray, confidence: np.ndarray | None, fps: float, skeleton: str) -> np.ndarray:
        return smooth_keypoints(
            keypoints, confidence, fps=fps, skeleton=skeleton, method=method, **parameters
        ).keypoints

    return smooth


@functools.cache
def loaded(model: str) -> ModelSmoother:
    """What `--model` of kerasmooth-smooth takes."""
    return load(model)


def trained(model: str) -> Smooth:
    """A trained model, as kerasmooth-smooth asks it; `auto` for keypoints that it was not trained on."""

    def smooth(keypoints: np.ndarray, confidence: np.ndarray | None, fps: float, skeleton: str) -> np.ndarray:
        scores = all_finite(keypoints).astype(float) if confidence is None else confidence
        settings = SmoothingSettings()
        return smooth_segment(keypoints, scores, fps, skeleton_named(skeleton), settings, loaded(model)).keypoints

    return smooth


def streamer(lookahead: int) -> Smooth:
    """The stream's output, each frame under the number of the frame it is of."""

    def smooth(keypoints: np.ndarray, confidence: np.ndarray | None, fps: float, skeleton: str) -> np.ndarray:
        stream = KeypointStream(skeleton, fps=fps, lookahead=lookahead)
        frames = []
        for index, points in enumerate(keypoints):
            frames.append(stream.step(points, None if confidence is None else confidence[index]))
        frames += stream.flush()
        return np.stack([frame.keypoints for frame in frames if frame is not None])

    return smooth
