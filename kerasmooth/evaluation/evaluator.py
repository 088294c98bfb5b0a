"""Judges trained models beside no smoothing: records in, scores out. Only keypoints are kept of the windows."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from rich.console import Console

from kerasmooth.errors import InputError
from kerasmooth.evaluation.bootstrap import VideoCounts, video_counts
from kerasmooth.evaluation.bound import information_bound
from kerasmooth.evaluation.classical import TunedFilter, tuned_filters, with_filters
from kerasmooth.evaluation.predictor import PUBLISHED_DECODER, Predictor, Row, mean_error, simple_rows
from kerasmooth.evaluation.scores import Score, score
from kerasmooth.evaluation.setting import Setting, setting_of, windows_to_judge
from kerasmooth.evaluation.windows import Frames, concatenated, merged
from kerasmooth.heatmap_codec import DECODING_METHODS, HeatmapCodec
from kerasmooth.input_pipeline import evaluation_batches, steps_for
from kerasmooth.metrics import THRESHOLDS, pck_name
from kerasmooth.noise_profile import PUBLISHED
from kerasmooth.progress import Meter
from kerasmooth.tfrecord.record_sets import RecordSets
from kerasmooth.training.run_folder import Run, load_run

BIAS_WINDOWS = 2000
"""Training windows that the bias-only row is fitted to, evenly spaced."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All rows in one setting.

    Attributes:
      setting: what was judged on.
      rows: in order.
      scores: row name -> dataset name -> score.
      windows: dataset name -> the judged windows with every row's keypoints.
      tracks: dataset name -> the tracks that they merge into, with every row.
      in_all: windows there are, by dataset.
      bias_windows: training windows that `bias_only` was fitted to; 0 where there is no such row.
      bound: float64 [3], PCK in cells at the published thresholds, see `information_bound`; None where the detector is
        not simulated with independent shifts.
    """

    setting: Setting
    rows: tuple[Row, ...]
    scores: dict[str, dict[str, Score]]
    windows: dict[str, Frames]
    tracks: dict[str, list[Frames]]
    in_all: dict[str, int]
    bias_windows: int
    bound: np.ndarray | None = None

    def total(self, name: str) -> Score:
        """A row's score over all datasets."""
        first, *rest = self.scores[name].values()
        return sum(rest, first)

    def pck(self, protocol: str = "windows", space: str = "cells") -> pd.DataFrame:
        """PCK in per cent, a row for each smoother and a column for each published threshold.

        Args:
          protocol: "windows", every frame of every window as published, or "tracks", every frame once.
          space: "cells", "pixels" or "published", see `scores.accuracies`.
        """
        found = {row.name: getattr(self.total(row.name), protocol) for row in self.rows}
        values = {name: 100 * of_row[space].pck() for name, of_row in found.items() if of_row}
        return pd.DataFrame.from_dict(values, "index", columns=[pck_name(a) for a in THRESHOLDS])

    def by_video(self, name: str) -> VideoCounts:
        """A row's hits in each video, every frame once, for `bootstrap.paired_bootstrap`."""
        return video_counts([track for tracks in self.tracks.values() for track in tracks], name)

    @property
    def num_windows(self) -> dict[str, int]:
        """Windows judged, by dataset."""
        return {dataset: len(windows) for dataset, windows in self.windows.items()}


def evaluate(
    runs: Sequence[str | Path | Run] | str | Path | Run,
    split: str = "",
    *,
    records_dir: str = "",
    datasets: Sequence[str] = (),
    decoders: Sequence[str] = ("argmax", "dark"),
    batch_size: int = 32,
    max_windows: int = 0,
    classical: bool = False,
    console: Console | None = None,
) -> list[Evaluation]:
    """Judges runs beside the raw detector and simple corrections of it.

    Args:
      runs: run folders, or loaded runs; one or several.
      split: "test", "validation", "train" or "extra"; "" is test, and extra wherever the records have one.
      records_dir, datasets: the records; by default those that each run was trained from.
      decoders: how keypoints are read from the heatmaps that models give; one row each.
      batch_size: windows at a time.
      max_windows: judge this many windows, evenly spaced over each dataset in proportion; 0 is all.
      classical: add rows of classical smoothers on whole tracks, tuned on the validation split: a minute or more.
      console: where progress goes.

    Returns:
      One evaluation for each setting: runs that were trained with other noise, windows or records stand apart.

    Raises:
      InputError: a run or its records are absent or damaged, or do not fit each other.
      ValueError: an unknown decoder.
    """
    groups: dict[Setting, list[Run]] = {}
    for one in [runs] if isinstance(runs, str | Path | Run) else runs:
        run = one if isinstance(one, Run) else load_run(Path(one))
        setting = setting_of(run.config, records_dir=records_dir, datasets=datasets, split=split or "test")
        groups.setdefault(setting, []).append(run)
        if not split and setting.records_with("extra"):
            groups.setdefault(replace(setting, split="extra"), []).append(run)
    judge = Judge(decoders, batch_size, max_windows, classical, console or Console(quiet=True))
    return [judge.evaluate(setting, group) for setting, group in groups.items()]


@dataclass(frozen=True)
class Judge:
    """How `evaluate` judges; see its arguments."""

    decoders: Sequence[str] = ("argmax", "dark")
    batch_size: int = 32
    max_windows: int = 0
    classical: bool = False
    console: Console = field(default_factory=lambda: Console(quiet=True))

    def __post_init__(self) -> None:
        if not self.decoders or set(self.decoders) - set(DECODING_METHODS):
            raise ValueError(f"decoders must be of {DECODING_METHODS}. Received: decoders={self.decoders}")

    def evaluate(self, setting: Setting, runs: Sequence[Run] = ()) -> Evaluation:
        """All rows in one setting; without runs those of the detector and the filters."""
        counts, codec = windows_to_judge(setting, self.max_windows), HeatmapCodec(size=setting.size)
        has_detector = any(manifest.heatmaps == "detector" for manifest in setting.records().manifests)
        readings = self.decoders if has_detector else (PUBLISHED_DECODER,)
        predictor = Predictor(runs, codec, setting.noise, self.decoders, readings)
        detector = Predictor((), codec, setting.noise)
        in_training = self._training_windows(setting, detector)
        offsets = None if in_training is None else mean_error(in_training)
        filters = self._filters(setting, detector) if self.classical else []
        windows, tracks, scores = {}, {}, {}
        for dataset, count in counts.items():
            records = setting.records(dataset)
            of_dataset = self._predicted(predictor, records, setting.split, count, dataset)
            simple = simple_rows(of_dataset, offsets)
            windows[dataset] = of_dataset.with_rows(simple)
            tracks[dataset] = with_filters(merged(windows[dataset], setting.frame_step), filters, setting.size)
            scores[dataset] = score(windows[dataset], tracks[dataset], setting.size)
        of_detector, models = predictor.rows[: len(readings)], predictor.rows[len(readings) :]
        rows = [*of_detector, *(Row(name, name, decoder=readings[0]) for name in simple)]
        rows += [Row(one.method, "classical", decoder=readings[0], settings=one.settings) for one in filters]
        rows += models
        by_row = {row.name: {dataset: scores[dataset][row.name] for dataset in counts} for row in rows}
        independent = not has_detector and not setting.noise.constant_shift and setting.noise.profile == PUBLISHED
        bound = _bound(setting, windows) if independent else None
        in_all, bias_windows = windows_to_judge(setting, 0), len(in_training or ())
        return Evaluation(setting, tuple(rows), by_row, windows, tracks, in_all, bias_windows, bound)

    def _training_windows(self, setting: Setting, detector: Predictor) -> Frames | None:
        """Some windows of the training split with the detector's keypoints; None where there is no such split."""
        records = setting.records_with("train")
        if records is None:
            return None
        count = min(BIAS_WINDOWS, records.num_windows("train"))
        return self._predicted(detector, records, "train", count, "bias of the detector")

    def _filters(self, setting: Setting, detector: Predictor) -> list[TunedFilter]:
        """Classical smoothers, tuned on the validation split; none where there is no such split."""
        records = setting.records_with("validation")
        if records is None:
            return []
        title, count = "validation, to tune filters", records.num_windows("validation")
        windows = self._predicted(detector, records, "validation", count, title)
        return tuned_filters(merged(windows, setting.frame_step), setting.size)

    def _predicted(self, predictor: Predictor, records: RecordSets, split: str, count: int, title: str) -> Frames:
        """`count` evenly spaced windows of a split with every row's keypoints."""
        parts = []
        batches = evaluation_batches(records, split, batch_size=self.batch_size, max_windows=count)
        meter = Meter(self.console, title, steps_for(count, self.batch_size), unit_per_step=self.batch_size)
        with meter, _damage_is_bad_input(records):
            for replicas in batches:
                batch = {name: tensor[0] for name, tensor in replicas.items()}
                frames = Frames(
                    clip_ids=batch["clip_id"].numpy(),
                    frame_numbers=batch["frame_numbers"].numpy(),
                    truth=batch["keypoints"].numpy(),
                    visibility=batch["visibility"].numpy(),
                    boxes=batch["boxes"].numpy(),
                    predicted=predictor.predict(batch),
                )
                # Rows that fill up the last batch are of no clip.
                parts.append(frames[frames.clip_ids != b""])
                meter.advance()
        return concatenated(parts)


def _bound(setting: Setting, windows: dict[str, Frames]) -> np.ndarray:
    truth = np.concatenate([of_dataset.truth for of_dataset in windows.values()])
    visibility = np.concatenate([of_dataset.visibility for of_dataset in windows.values()])
    shift_std = setting.noise.shift_std * setting.noise.shifting_scalar
    return information_bound(truth, visibility, shift_std=shift_std, window=setting.window)


@contextlib.contextmanager
def _damage_is_bad_input(records: RecordSets) -> Iterator[None]:
    """TensorFlow's errors about damaged or vanished shards, as the user's to mend."""
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError) as error:
        reason = error.message.strip().splitlines()[0]
        where = ", ".join(map(str, records.folders))
        raise InputError(f"the records in {where} cannot be read ({reason}): make them again") from None
