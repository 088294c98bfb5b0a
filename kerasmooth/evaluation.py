"""Judges trained models beside no smoothing: records in, scores out. Batches stream through; only keypoints are kept."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.experiment import SAMPLE, resolve_datasets
from kerasmooth.heatmap_codec import DECODING_METHODS, HeatmapCodec
from kerasmooth.input_pipeline import RecordSets, evaluation_batches, prepare, steps_for
from kerasmooth.noise import DetectorNoise
from kerasmooth.progress import Meter
from kerasmooth.runs import Run
from kerasmooth.scores import RowScore, Scores, added, in_spaces, score_tracks
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.tracks import TrackMerger

IDENTITY, BIAS_ONLY = "identity", "bias_only"
BIAS_WINDOWS = 2000
PICTURED_WINDOWS = 6

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Setting:
    """What must be equal for models to stand in one table.

    Attributes:
      records_dir, datasets, split: the windows.
      window, size, frame_step: what they are like.
      noise: the simulated detector, where no real one made heatmaps.
    """

    records_dir: str
    datasets: tuple[str, ...]
    split: str
    window: int
    size: Size
    frame_step: int
    noise: DetectorNoise


@dataclass(frozen=True)
class Entry:
    """A row's name, what it is, and where it comes from: kind is `identity`, `bias_only` or `model`; run and decoder
    are "" where there is none.
    """

    name: str
    kind: str
    run: str = ""
    decoder: str = ""
    model: str = ""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of all rows in one setting.

    Attributes:
      setting: what was judged on.
      entries: the rows in order.
      scores: row name -> dataset name -> score.
      num_windows: windows judged, by dataset.
      in_all: windows there are, by dataset.
      bias_windows: training windows that `bias_only` was fitted to; 0 where there is no such row.
      pictured: a few windows to draw: keypoints, visibility, clip_id, frame_numbers, and each row's keypoints by name.
    """

    setting: Setting
    entries: tuple[Entry, ...]
    scores: dict[str, dict[str, RowScore]]
    num_windows: dict[str, int]
    in_all: dict[str, int]
    bias_windows: int
    pictured: Arrays

    def total(self, name: str) -> RowScore:
        """A row's score over all datasets."""
        first, *rest = self.scores[name].values()
        for score in rest:
            first += score
        return first


def settings_of(run: Run, *, records_dir: str = "", datasets: Sequence[str] = (), split: str = "test") -> Setting:
    """What a run is judged on: the records it was trained from, unless others are named.

    Raises:
      InputError: there are no such records, they have no such split, or they do not fit the model.
    """
    folder, config = records_dir or run.config.records_dir, run.config
    names = resolve_datasets(folder, tuple(datasets) or config.datasets, config.frame_step)
    records = RecordSets(folder, names)
    for what in ("window", "size", "frame_step"):
        received, expected = getattr(records, what), getattr(config, what)
        if received != expected:
            raise InputError(
                f"the records of {', '.join(names)} in {folder} have {what} {received}, but {run.folder} was trained with "
                f"{expected}: name the records it was trained from by --records_dir, or make such"
            )
    if not records.num_windows(split):
        there = sorted({s for manifest in records.manifests for s, count in manifest.windows.items() if count})
        raise InputError(f"--split={split}: the records in {folder} have no {split} windows; there are {', '.join(there)}")
    # Evaluation's noise is that of epoch 0 whether training's is fresh or not.
    noise = replace(run.noise, fresh=True)
    return Setting(str(folder), names, split, records.window, records.size, records.frame_step, noise)


def uses_sample_records(setting: Setting) -> bool:
    """Whether any of the windows are of the generated person."""
    return SAMPLE in setting.datasets


def evaluate(
    runs: Sequence[Run],
    setting: Setting,
    *,
    decoders: Sequence[str] = ("argmax", "dark"),
    batch_size: int = 32,
    max_windows: int = 0,
    console: Console | None = None,
) -> Evaluation:
    """Judges runs that share a setting, the raw detector and a bias-only correction of it.

    Args:
      runs: the models.
      setting: what to judge them on.
      decoders: how keypoints are read from the heatmaps that models give; one row each.
      batch_size: windows at a time.
      max_windows: judge this many windows, evenly spaced over each dataset in proportion; 0 is all.
      console: where progress goes.

    Raises:
      InputError: the records are damaged.
      ValueError: an unknown decoder.
    """
    if unknown := set(decoders) - set(DECODING_METHODS):
        raise ValueError(f"decoders must be of {DECODING_METHODS}. Received: decoders={sorted(unknown)}")
    console = console or Console(quiet=True)
    with _reading(setting):
        offsets, bias_windows = _fit_bias(setting, batch_size, console)
        predictor = _Predictor(runs, setting, decoders, offsets if bias_windows else None)
        names = [entry.name for entry in predictor.entries]
        scores: dict[str, dict[str, RowScore]] = {name: {} for name in names}
        pictured: list[Arrays] = []
        num_windows, in_all = {}, {}
        for dataset in setting.datasets:
            judge = _Judge(predictor, setting, dataset)
            in_all[dataset] = judge.records.num_windows(setting.split)
            num_windows[dataset] = _share(max_windows, dataset, setting)
            for name, score in judge.scores(batch_size, num_windows[dataset], console).items():
                scores[name][dataset] = score
            pictured += judge.pictured
    sample = _evenly(pictured, PICTURED_WINDOWS)
    stacked = {key: np.stack([window[key] for window in sample]) for key in sample[0]}
    return Evaluation(setting, predictor.entries, scores, num_windows, in_all, bias_windows, stacked)


def _share(max_windows: int, dataset: str, setting: Setting) -> int:
    """How many windows of a dataset are judged: its proportion of `max_windows`, one at least."""
    counts = {name: RecordSets(setting.records_dir, (name,)).num_windows(setting.split) for name in setting.datasets}
    if not max_windows or max_windows >= sum(counts.values()):
        return counts[dataset]
    return min(counts[dataset], max(1, round(max_windows * counts[dataset] / sum(counts.values()))))
