"""The rows of a table: the raw detector, simple corrections of it, and trained models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth.evaluation.windows import Frames
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.input_pipeline import Batch, prepare
from kerasmooth.noise import DetectorNoise
from kerasmooth.training.run_folder import Run

IDENTITY = "identity"
PUBLISHED_DECODER = "argmax"


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
      name: unique in its table.
      kind: `identity` (the detector's own keypoints), `bias_only` (these plus a constant for each keypoint, fitted to
        the training split: what a "smoother" gains that only learnt the detector's offset), `model`, or `classical`.
      run: the run's folder, "" where there is none.
      model: the kind of model, "" where there is none.
      decoder: how keypoints are read from heatmaps, "" where there are none to read.
      settings: of a classical filter, as tuned.
    """

    name: str
    kind: str
    run: str = ""
    model: str = ""
    decoder: str = ""
    settings: str = ""


class Predictor:
    """Gives the keypoints of the detector and of every model for a batch of windows.

    Args:
      runs: trained models.
      codec: renders and decodes.
      noise: the simulated detector, always that of epoch 0, where records hold no heatmaps.
      decoders: for models that give heatmaps; a row each.
      detector_decoders: for the detector's heatmaps; a row each.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        codec: HeatmapCodec,
        noise: DetectorNoise,
        decoders: Sequence[str] = (),
        detector_decoders: Sequence[str] = (PUBLISHED_DECODER,),
    ) -> None:
        self._codec, self._noise = codec, noise
        self._detector = [
            Row(_with_decoder(IDENTITY, decoder, detector_decoders), IDENTITY, decoder=decoder)
            for decoder in detector_decoders
        ]
        self._models = []
        for run, name in zip(runs, _names_of(runs), strict=True):
            readings = decoders if run.takes == "heatmaps" else ("",)
            kind = ("model", str(run.folder), run.config.model)
            self._models.append((run, [Row(_with_decoder(name, d, readings), *kind, d) for d in readings]))
        self.rows = (*self._detector, *(row for _, rows in self._models for row in rows))
        self._step = tf.function(self._predicted, reduce_retracing=True, autograph=False)

    def predict(self, batch: Batch) -> dict[str, np.ndarray]:
        """A parsed batch of windows -> for each row float32 [B, T, K, 2], (x, y) in heatmap cells."""
        # Accelerators hold no strings.
        numbers = {name: tensor for name, tensor in batch.items() if tensor.dtype != tf.string}
        return {name: answer.numpy() for name, answer in self._step(numbers).items()}

    def _predicted(self, batch: Batch) -> dict[str, Any]:
        keypoints: dict[str, Any] = {}
        for row in self._detector:
            inputs, _ = prepare(batch, self._codec, self._noise, "keypoints", 0, row.decoder)
            keypoints[row.name] = inputs["keypoints"]
        for run, rows in self._models:
            inputs, _ = prepare(batch, self._codec, self._noise, run.takes, 0, run.config.decoder)
            outputs = run.model(inputs, training=False)
            for row in rows:
                keypoints[row.name] = self._read(outputs, row.decoder)
        return keypoints

    def _read(self, outputs: dict[str, Any], decoder: str) -> Any:
        if not decoder:
            return outputs["keypoints"]
        return self._codec.decode(outputs["heatmaps"], decoder, xp=keras.ops)[0]


def _names_of(runs: Sequence[Run]) -> list[str]:
    """The folders' names, or whole paths where names are not unique."""
    names = [run.name for run in runs]
    several = {name for name in names if names.count(name) > 1}
    return [str(run.folder) if name in several else name for run, name in zip(runs, names, strict=True)]


def _with_decoder(name: str, decoder: str, decoders: Sequence[str]) -> str:
    return f"{name} ({decoder})" if len(decoders) > 1 else name


def mean_error(windows: Frames) -> np.ndarray:
    """float32 [K, 2]: what the detector lacks on average, (x, y) in cells; 0 for a keypoint that was never seen."""
    detected = windows.predicted[IDENTITY]
    # A keypoint that the detector missed stands at (0, 0).
    seen = (windows.visibility & detected.any(axis=-1))[..., None]
    difference = np.where(seen, windows.truth - detected, 0).astype(np.float64)
    return (difference.sum(axis=(0, 1)) / np.maximum(seen.sum(axis=(0, 1)), 1)).astype(np.float32)


def simple_rows(windows: Frames, offsets: np.ndarray | None) -> dict[str, np.ndarray]:
    """Corrections of the detector that need no training: keypoints [N, T, K, 2] by name.

    `bias_only` adds `offsets` [K, 2] (None leaves it out). `window_mean` and `window_median` say the same for every
    frame of a window: the mean, or the median of x and of y, of what was detected in it.
    """
    detected: np.ndarray = next(iter(windows.predicted.values()))
    seen = (detected != 0).any(axis=-1, keepdims=True)
    rows = {} if offsets is None else {"bias_only": detected + offsets * seen}
    measured = np.where(seen, detected, np.nan)
    never = ~seen.any(axis=1, keepdims=True)
    for name, middle in (("window_mean", np.nanmean), ("window_median", np.nanmedian)):
        values = middle(np.where(never, 0, measured), axis=1, keepdims=True)
        rows[name] = np.broadcast_to(values, detected.shape).astype(np.float32)
    return rows
