"""The rows of a table of scores: the raw detector, a bias-only correction of it, and trained models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.input_pipeline import Batch, prepare
from kerasmooth.noise import DetectorNoise
from kerasmooth.training.runs import Run

IDENTITY, BIAS_ONLY = "identity", "bias_only"
PUBLISHED_DECODER = "argmax"


@dataclass(frozen=True)
class Entry:
    """A row.

    Attributes:
      name: unique in its table.
      kind: `identity` (the detector's own keypoints), `bias_only` (these plus a constant for each keypoint, fitted to
        the training split: what a "smoother" gains that only learnt the detector's offset) or `model`.
      run: the run's folder, "" where there is none.
      model: the kind of model, "" where there is none.
      decoder: how keypoints are read from heatmaps, "" where there are none to read.
    """

    name: str
    kind: str
    run: str = ""
    model: str = ""
    decoder: str = ""


class Contestants:
    """Gives the keypoints of every row for a batch of windows.

    Args:
      runs: trained models.
      codec: renders and decodes.
      noise: the simulated detector, always that of epoch 0, where records hold no heatmaps.
      decoders: for models that give heatmaps; a row each.
      detector_decoders: for the detector's heatmaps; a row each.
      offsets: [K, 2] of `bias_only`; None leaves that row out.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        codec: HeatmapCodec,
        noise: DetectorNoise,
        decoders: Sequence[str],
        detector_decoders: Sequence[str] = (PUBLISHED_DECODER,),
        offsets: np.ndarray | None = None,
    ) -> None:
        self._runs, self._codec, self._noise = runs, codec, noise
        self._decoders, self._detector_decoders, self._offsets = decoders, detector_decoders, offsets
        self.entries = tuple(self._entries())
        self._step = tf.function(self._answers, reduce_retracing=True, autograph=False)

    def predict(self, batch: Batch) -> dict[str, np.ndarray]:
        """A parsed batch of windows -> for each row float32 [B, T, K, 2], (x, y) in heatmap cells."""
        # Accelerators hold no strings.
        numbers = {name: tensor for name, tensor in batch.items() if tensor.dtype != tf.string}
        return {name: answer.numpy() for name, answer in self._step(numbers).items()}

    def _entries(self) -> list[Entry]:
        several = len(self._detector_decoders) > 1
        entries = [
            Entry(_with_decoder(IDENTITY, decoder, several), IDENTITY, decoder=decoder)
            for decoder in self._detector_decoders
        ]
        if self._offsets is not None:
            entries.append(Entry(BIAS_ONLY, BIAS_ONLY, decoder=PUBLISHED_DECODER))
        for run, name in zip(self._runs, names_of(self._runs), strict=True):
            decoders = self._decoders if run.takes == "heatmaps" else ("",)
            several = len(decoders) > 1
            entries += [
                Entry(_with_decoder(name, d, several), "model", str(run.folder), run.config.model, d) for d in decoders
            ]
        return entries

    def _answers(self, batch: Batch) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        detected = {
            decoder: self._detected(batch, decoder) for decoder in {PUBLISHED_DECODER, *self._detector_decoders}
        }
        for entry in self.entries:
            if entry.kind == IDENTITY:
                answers[entry.name] = detected[entry.decoder]["keypoints"]
            elif entry.kind == BIAS_ONLY:
                seen = detected[entry.decoder]["visibility"][..., None]
                answers[entry.name] = detected[entry.decoder]["keypoints"] + self._offsets * seen
        for run in self._runs:
            inputs, _ = prepare(batch, self._codec, self._noise, run.takes, 0, run.config.decoder)
            outputs = run.model(inputs, training=False)
            for entry in self.entries:
                if entry.run == str(run.folder):
                    answers[entry.name] = self._keypoints(outputs, entry.decoder)
        return answers

    def _detected(self, batch: Batch, decoder: str) -> dict[str, Any]:
        inputs, _ = prepare(batch, self._codec, self._noise, "keypoints", 0, decoder)
        return inputs

    def _keypoints(self, outputs: dict[str, Any], decoder: str) -> Any:
        if not decoder:
            return outputs["keypoints"]
        return self._codec.decode(outputs["heatmaps"], decoder, xp=keras.ops)[0]


def names_of(runs: Sequence[Run]) -> list[str]:
    """The folders' names, or whole paths where names are not unique."""
    names = [run.name for run in runs]
    taken = {name for name in names if names.count(name) > 1} | {IDENTITY, BIAS_ONLY}
    return [str(run.folder) if name in taken else name for run, name in zip(runs, names, strict=True)]


def _with_decoder(name: str, decoder: str, several: bool) -> str:
    return f"{name} ({decoder})" if several else name


class BiasFit:
    """The mean of truth minus detection for each keypoint, over windows that are added one batch at a time."""

    def __init__(self, num_keypoints: int) -> None:
        self._sums = np.zeros((num_keypoints, 2))
        self._counts = np.zeros((num_keypoints, 1))

    def add(self, truth: np.ndarray, detected: np.ndarray, visibility: np.ndarray) -> None:
        """Keypoints [B, T, K, 2] in cells; visibility bool [B, T, K], where both are there."""
        difference = np.where(visibility[..., None], truth.astype(np.float64) - detected, 0.0)
        self._sums += difference.sum(axis=(0, 1))
        self._counts += visibility.sum(axis=(0, 1))[:, None]

    def offsets(self) -> np.ndarray:
        """float32 [K, 2], (x, y) in cells; 0 for a keypoint that was never seen."""
        return (self._sums / np.maximum(self._counts, 1)).astype(np.float32)
