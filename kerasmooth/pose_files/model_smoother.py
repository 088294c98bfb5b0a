"""A trained model as a smoother of one person's keypoints in image pixels."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kerasmooth import boxes, windows
from kerasmooth.errors import InputError
from kerasmooth.skeletons import BOULDERING_25

BATCH_SIZE = 64
SMEAR = 2.0
"""Sigma in cells with which keypoints are drawn for a model that takes heatmaps: the middle of its training."""
BOX_SECONDS = 0.2
"""Boxes follow the person through a Gaussian of this width: a grid that jitters would move what is still."""

Answer = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class ModelSmoother:
    """Smooths the 25 keypoints of `skeletons.BOULDERING_25` window by window and merges the windows by their mean.

    Attributes:
      name: the model's name.
      answer: the `keypoints` signature: (keypoints [B, T, K, 2] in cells, confidence [B, T, K], sigma [B, T] where
        `takes_sigma`) -> {"keypoints", "confidence"}.
      window: T.
      size: (height, width) of its heatmap grid.
      takes_sigma: whether it draws heatmaps.
      taught: bool [25], keypoints that it was trained on.
    """

    name: str
    answer: Answer
    window: int
    size: boxes.Size
    takes_sigma: bool
    taught: np.ndarray

    def smooth(self, keypoints: np.ndarray, confidence: np.ndarray, fps: float) -> np.ndarray:
        """Smooths one person.

        Args:
          keypoints: float [T, 25, 2], (x, y) in image pixels; NaN is missing.
          confidence: [T, 25]; 0 or NaN is missing.
          fps: frames per second.

        Returns:
          float64 [T, 25, 2]; NaN where the input is missing, and in a frame that has no two keypoints apart.
        """
        known = np.isfinite(keypoints).all(axis=-1) & (confidence > 0)
        frame_boxes = steady_boxes(np.where(known[..., None], keypoints, 0.0), known, self.size, fps)
        usable = boxes.has_area(frame_boxes)
        result = np.full(keypoints.shape, np.nan)
        for first, end in windows.stretches(usable):
            part = slice(first, end)
            cells = boxes.to_heatmap(np.where(known[part, :, None], keypoints[part], 0.0), frame_boxes[part], self.size)
            smoothed = self._smooth_stretch(cells, known[part])
            result[part] = boxes.to_image(smoothed, frame_boxes[part], self.size)
        result[~known] = np.nan
        return result

    def _smooth_stretch(self, cells: np.ndarray, known: np.ndarray) -> np.ndarray:
        """[T, K, 2] in cells; a stretch shorter than the window is lengthened by its last frame."""
        num_frames = len(cells)
        padding = max(self.window - num_frames, 0)
        cells = np.pad(cells, ((0, padding), (0, 0), (0, 0)), mode="edge").astype(np.float32)
        shown = np.pad(known, ((0, padding), (0, 0)), mode="edge").astype(np.float32)
        starts = windows.window_starts(np.ones(len(cells), bool), self.window)
        indices = windows.frame_indices(starts, self.window)
        values = np.concatenate(
            [
                self._ask(cells[part], shown[part])
                for part in np.split(indices, range(BATCH_SIZE, len(indices), BATCH_SIZE))
            ]
        )
        return windows.merge_windows(values, indices, len(cells))[:num_frames]

    def _ask(self, cells: np.ndarray, shown: np.ndarray) -> np.ndarray:
        inputs: dict[str, Any] = {"keypoints": cells, "confidence": shown}
        if self.takes_sigma:
            inputs["sigma"] = np.full(cells.shape[:2], SMEAR, np.float32)
        answer = self.answer(**inputs)
        found = np.asarray(answer["confidence"])[..., None] > 0
        return np.where(found, np.asarray(answer["keypoints"]), np.nan)


def steady_boxes(keypoints: np.ndarray, known: np.ndarray, size: boxes.Size, fps: float) -> np.ndarray:
    """The tight boxes of known keypoints, as records have them, smoothed over BOX_SECONDS. [T, 4], NaN where none."""
    tight = boxes.from_cell_centres(boxes.tight_box(keypoints, known), size)
    for first, end in windows.stretches(boxes.has_area(tight)):
        tight[first:end] = gaussian_filter1d(tight[first:end], BOX_SECONDS * fps, axis=0, mode="nearest")
    return tight


def load(path: Path) -> ModelSmoother:
    """Loads a run folder, or a version (or the folder of versions) that `kerasmooth.export` wrote.

    Raises:
      InputError: it is neither, or it is damaged.
    """
    if not path.is_dir():
        raise InputError(
            f"--model={path} is not a folder: name a run folder (runs/NAME) or an export (exports/NAME/VERSION)"
        )
    versions = [child for child in path.iterdir() if child.name.isdigit() and (child / "saved_model.pb").is_file()]
    if (path / "saved_model.pb").is_file() or versions:
        return _load_export(max(versions, key=lambda child: int(child.name)) if versions else path)
    return _load_run(path)


def _load_run(path: Path) -> ModelSmoother:
    from kerasmooth.exporting.signatures import Signatures
    from kerasmooth.training.runs import load_run

    run = load_run(path)
    answer = Signatures(run.model, run.codec, "dark").functions()["keypoints"]
    return ModelSmoother(run.name, answer, run.config.window, run.config.size, run.takes == "heatmaps", run.taught)


def _load_export(path: Path) -> ModelSmoother:
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
        told = json.loads(bytes(np.asarray(loaded.signatures["metadata"]()["metadata"]).item()))

        def answer(**inputs: np.ndarray) -> Mapping[str, Any]:
            tensors = {name: tf.constant(value) for name, value in inputs.items()}
            return dict(loaded.signatures["keypoints"](**tensors))

        size = (int(told["height"]), int(told["width"]))
        taught = np.isin(BOULDERING_25.keypoints, told["taught"])
        draws = told["takes"] == "heatmaps"
        smoother = ModelSmoother(told["name"], answer, int(told["window"]), size, draws, taught)
    # A damaged SavedModel fails in TensorFlow, protobuf or our own reading, each with errors of its own.
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"--model={path} cannot be read as an export of kerasmooth ({reason}): export the run again"
        ) from None
    return smoother
