"""The rows of a table: the raw detector, simple corrections of it, and trained models."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console

from kerasmooth.evaluation.classical import GRID
from kerasmooth.evaluation.results import IDENTITY, Row
from kerasmooth.evaluation.windows import Frames, concatenated
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.input_pipeline import evaluation_batches, read, steps_for
from kerasmooth.model_inputs import Batch, prepare
from kerasmooth.noise import DetectorNoise
from kerasmooth.progress import Meter
from kerasmooth.tfrecord.record_sets import RecordSets
from kerasmooth.training.run_folder import Run

PUBLISHED_DECODER = "argmax"
BIAS_ONLY = "bias_only"
MIDDLES: dict[str, Callable[..., Any]] = {"window_mean": np.nanmean, "window_median": np.nanmedian}
"""Rows that say the same for every frame of a window."""


class Predictor:
    """Gives the keypoints of the detector and of every model for windows of records.

    Args:
      runs: trained models.
      codec: renders and decodes.
      noise: the simulated detector, always that of epoch 0, where records hold no heatmaps.
      decoders: for models that give heatmaps; a row each.
      detector_decoders: for the detector's heatmaps; a row each.

    Attributes:
      detector_rows, model_rows: what it gives.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        codec: HeatmapCodec,
        noise: DetectorNoise,
        decoders: Sequence[str] = (),
        detector_decoders: Sequence[str] = (PUBLISHED_DECODER,),
    ) -> None:
        self._runs, self._codec, self._noise = runs, codec, noise
        self.detector_rows = [
            Row(_with_decoder(IDENTITY, decoder, detector_decoders), IDENTITY, decoder=decoder)
            for decoder in detector_decoders
        ]
        self._rows_of_run = []
        for run, name in zip(runs, _names_of(runs), strict=True):
            readings = decoders if run.takes == "heatmaps" else ("",)
            kind = ("model", str(run.folder), run.config.model)
            self._rows_of_run.append([Row(_with_decoder(name, d, readings), *kind, d) for d in readings])
        self.model_rows = [row for rows in self._rows_of_run for row in rows]
        self._step = tf.function(self._predicted, reduce_retracing=True, autograph=False)

    def frames(
        self, records: RecordSets, split: str, max_windows: int, title: str, *, batch_size: int, console: Console
    ) -> Frames:
        """Evenly spaced windows of a split, or all (0), with every row's keypoints.

        Raises InputError where the records are damaged.
        """
        parts, total = [], records.num_windows(split)
        batches = evaluation_batches(records, split, batch_size=batch_size, max_windows=max_windows)
        steps = steps_for(min(max_windows or total, total), batch_size)
        with Meter(console, title, steps, unit_per_step=batch_size) as meter:
            for replicas in read(batches, records):
                batch = {name: tensor[0] for name, tensor in replicas.items()}
                part = Frames(
                    clip_ids=batch["clip_id"].numpy(),
                    frame_numbers=batch["frame_numbers"].numpy(),
                    truth=batch["keypoints"].numpy(),
                    visibility=batch["visibility"].numpy(),
                    boxes=batch["boxes"].numpy(),
                    predicted=self.predict(batch),
                )
                # Rows that fill up the last batch are of no clip.
                parts.append(part[part.clip_ids != b""])
                meter.advance()
        return concatenated(parts)

    def predict(self, batch: Batch) -> dict[str, np.ndarray]:
        """A parsed batch of windows -> for each row float32 [B, T, K, 2], (x, y) in heatmap cells."""
        # Accelerators hold no strings.
        numbers = {name: tensor for name, tensor in batch.items() if tensor.dtype != tf.string}
        return {name: answer.numpy() for name, answer in self._step(numbers).items()}

    def _predicted(self, batch: Batch) -> dict[str, Any]:
        keypoints: dict[str, Any] = {}
        for row in self.detector_rows:
            inputs, _ = prepare(batch, self._codec, self._noise, "keypoints", 0, row.decoder)
            keypoints[row.name] = inputs["keypoints"]
        for run, rows in zip(self._runs, self._rows_of_run, strict=True):
            inputs, _ = prepare(batch, self._codec, self._noise, run.takes, 0, run.config.decoder)
            outputs = run.model(inputs, training=False)
            for row in rows:
                keypoints[row.name] = (
                    self._codec.decode(outputs["heatmaps"], row.decoder, xp=keras.ops)[0]
                    if row.decoder
                    else outputs["keypoints"]
                )
        return keypoints


def _names_of(runs: Sequence[Run]) -> list[str]:
    """The folders' names, or whole paths where names are not unique or are those of other rows."""
    names, taken = [run.name for run in runs], {IDENTITY, BIAS_ONLY, *MIDDLES, *GRID}
    return [
        str(run.folder.absolute()) if names.count(name) > 1 or name in taken else name
        for run, name in zip(runs, names, strict=True)
    ]


def _with_decoder(name: str, decoder: str, decoders: Sequence[str]) -> str:
    return f"{name} ({decoder})" if len(decoders) > 1 else name


def detector_offsets(windows: Frames) -> np.ndarray:
    """float32 [K, 2]: what the detector lacks on average, (x, y) in cells; 0 for a keypoint that was never seen."""
    detected = windows.predicted[IDENTITY]
    # A keypoint that the detector missed stands at (0, 0).
    seen = (windows.visibility & detected.any(axis=-1))[..., None]
    difference = np.where(seen, windows.truth - detected, 0).astype(np.float64)
    return (difference.sum(axis=(0, 1)) / np.maximum(seen.sum(axis=(0, 1)), 1)).astype(np.float32)


def simple_rows(detected: np.ndarray, offsets: np.ndarray | None) -> dict[str, np.ndarray]:
    """Corrections of detected keypoints [N, T, K, 2] that need no training: name -> [N, T, K, 2].

    `bias_only` adds `offsets` [K, 2] (None leaves it out). `window_mean` and `window_median` say the same for every
    frame of a window: the mean, or the median of x and of y, of what was detected in it.
    """
    seen = (detected != 0).any(axis=-1, keepdims=True)
    rows = {} if offsets is None else {BIAS_ONLY: detected + offsets * seen}
    measured = np.where(seen | ~seen.any(axis=1, keepdims=True), detected, np.nan)  # one never seen stays at (0, 0)
    for name, middle in MIDDLES.items():
        values = middle(measured, axis=1, keepdims=True)
        rows[name] = np.broadcast_to(values, detected.shape).astype(np.float32)
    return rows
