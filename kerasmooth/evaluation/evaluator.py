"""Judges trained models beside no smoothing: records in, scores out. Only keypoints are kept of the windows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from kerasmooth.evaluation.bootstrap import VideoCounts, video_counts
from kerasmooth.evaluation.bound import information_bound
from kerasmooth.evaluation.classical import TunedFilter, tuned_filters, with_filters
from kerasmooth.evaluation.half_pixel import half_pixel_pck
from kerasmooth.evaluation.predictor import PUBLISHED_DECODER, Predictor, Row, mean_error, simple_rows
from kerasmooth.evaluation.scores import Score, score
from kerasmooth.evaluation.setting import Setting, setting_of, windows_to_judge
from kerasmooth.evaluation.windows import Frames, concatenated, merged
from kerasmooth.heatmap_codec import DECODING_METHODS, HeatmapCodec
from kerasmooth.metrics import THRESHOLDS, pck_name
from kerasmooth.noise import PUBLISHED
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
      half_pixel: see `half_pixel_pck`; None where no real detector made the heatmaps.
    """

    setting: Setting
    rows: tuple[Row, ...]
    scores: dict[str, dict[str, Score]]
    windows: dict[str, Frames]
    tracks: dict[str, list[Frames]]
    in_all: dict[str, int]
    bias_windows: int
    bound: np.ndarray | None = None
    half_pixel: dict[str, np.ndarray] | None = None

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
    if not decoders or set(decoders) - set(DECODING_METHODS):
        raise ValueError(f"decoders must be of {DECODING_METHODS}. Received: decoders={decoders}")
    groups: dict[Setting, list[Run]] = {}
    for one in [runs] if isinstance(runs, str | Path | Run) else runs:
        run = one if isinstance(one, Run) else load_run(Path(one))
        setting = setting_of(run.config, records_dir=records_dir, datasets=datasets, split=split or "test")
        groups.setdefault(setting, []).append(run)
        if not split and setting.records_with("extra"):
            groups.setdefault(replace(setting, split="extra"), []).append(run)
    how: dict[str, Any] = {"decoders": decoders, "batch_size": batch_size, "max_windows": max_windows}
    how |= {"classical": classical, "console": console}
    return [evaluate_setting(setting, group, **how) for setting, group in groups.items()]


def evaluate_setting(
    setting: Setting,
    runs: Sequence[Run] = (),
    *,
    decoders: Sequence[str] = ("argmax", "dark"),
    batch_size: int = 32,
    max_windows: int = 0,
    classical: bool = False,
    console: Console | None = None,
) -> Evaluation:
    """All rows in one setting, see `evaluate`; without runs those of the detector, its corrections and the filters."""
    read: dict[str, Any] = {"batch_size": batch_size, "console": console or Console(quiet=True)}
    counts, codec = windows_to_judge(setting, max_windows), HeatmapCodec(size=setting.size)
    has_detector = any(manifest.heatmaps == "detector" for manifest in setting.records().manifests)
    readings = decoders if has_detector else (PUBLISHED_DECODER,)
    predictor = Predictor(runs, codec, setting.noise, decoders, readings)
    detector = Predictor((), codec, setting.noise)
    in_training = _detections(detector, setting, "train", "bias of the detector", BIAS_WINDOWS, **read)
    offsets = None if in_training is None else mean_error(in_training)
    filters: list[TunedFilter] = []
    if classical and (known := _detections(detector, setting, "validation", "validation, to tune filters", **read)):
        filters = tuned_filters(merged(known, setting.frame_step), setting.size, setting.frame_step)
    simple, windows, tracks, scores = [], {}, {}, {}
    for dataset, count in counts.items():
        found = predictor.frames(setting.records(dataset), setting.split, count, title=dataset, **read)
        corrected = simple_rows(found, offsets)
        simple = [Row(name, name, decoder=readings[0]) for name in corrected]
        windows[dataset] = found.with_rows(corrected)
        tracks[dataset] = with_filters(merged(windows[dataset], setting.frame_step), filters, setting.size)
        scores[dataset] = score(windows[dataset], tracks[dataset], setting.size)
    smoothers = [Row(one.method, "classical", decoder=readings[0], settings=one.settings) for one in filters]
    rows = (*predictor.detector_rows, *simple, *smoothers, *predictor.model_rows)
    by_row = {row.name: {dataset: scores[dataset][row.name] for dataset in counts} for row in rows}
    independent = not has_detector and not setting.noise.constant_shift and setting.noise.profile == PUBLISHED
    bound = _bound(setting, windows) if independent else None
    in_all, bias_windows = windows_to_judge(setting, 0), len(in_training or ())
    half_pixel = None
    if has_detector and PUBLISHED_DECODER in readings:
        reading = next(row.name for row in predictor.detector_rows if row.decoder == PUBLISHED_DECODER)
        half_pixel = half_pixel_pck(concatenated(list(windows.values())), reading, setting.size)
    return Evaluation(setting, rows, by_row, windows, tracks, in_all, bias_windows, bound, half_pixel)


def _detections(
    detector: Predictor, setting: Setting, split: str, title: str, limit: int = 2**62, **read: Any
) -> Frames | None:
    """Windows of a split, at most `limit`, with the detector's keypoints; None where there is no such split."""
    records = setting.records_with(split)
    if records is None:
        return None
    return detector.frames(records, split, min(limit, records.num_windows(split)), title=title, **read)


def _bound(setting: Setting, windows: dict[str, Frames]) -> np.ndarray:
    judged = concatenated(list(windows.values()))
    return information_bound(judged.truth, judged.visibility, shift_std=setting.noise.deviation, window=setting.window)
