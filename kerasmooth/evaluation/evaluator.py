"""Judges trained models beside no smoothing: records in, scores out. Only keypoints are kept of the windows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from kerasmooth.evaluation.bound import information_bound
from kerasmooth.evaluation.classical import TunedFilter, tuned_filters
from kerasmooth.evaluation.half_pixel import half_pixel_pck
from kerasmooth.evaluation.predictor import PUBLISHED_DECODER, Predictor, detector_offsets, simple_rows
from kerasmooth.evaluation.results import Row, Scores
from kerasmooth.evaluation.scores import score
from kerasmooth.evaluation.setting import Setting, setting_of
from kerasmooth.evaluation.windows import Frames, merged
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
      scores: of each row, as plain values.
      windows: the judged windows with every row's keypoints.
      tracks: the tracks that they merge into, with every row.
      in_all: windows there are, by dataset.
      bias_windows: training windows that `bias_only` was fitted to; 0 where there is no such row.
    """

    setting: Setting
    rows: tuple[Row, ...]
    scores: Scores
    windows: Frames
    tracks: list[Frames]
    in_all: dict[str, int]
    bias_windows: int

    def pck(self, protocol: str = "windows", space: str = "cells") -> pd.DataFrame:
        """PCK in per cent, a row for each smoother and a column for each published threshold.

        Args:
          protocol: "windows", every frame of every window as published, or "tracks", every frame once.
          space: "cells", "pixels" or "published", see `scores.SPACES`.
        """
        found = {name: getattr(row, protocol) for name, row in self.scores.rows.items()}
        shares = {name: of_row[space] for name, of_row in found.items() if of_row}
        table = pd.DataFrame.from_dict(shares, "index", columns=[pck_name(a) for a in THRESHOLDS])
        return 100 * table.astype(float)

    @property
    def num_windows(self) -> dict[str, int]:
        """Windows judged, by dataset."""
        return dict(Counter(self.windows.datasets))


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
        if not split and setting.records().num_windows("extra"):
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
    records, codec, size, step = setting.records(), HeatmapCodec(size=setting.size), setting.size, setting.frame_step
    readings = decoders if records.heatmaps == "detector" else (PUBLISHED_DECODER,)
    finest = max(readings, key=DECODING_METHODS.index)
    predictor = Predictor(runs, codec, setting.noise, decoders, readings)
    detector = Predictor((), codec, setting.noise, detector_decoders=(finest,))
    in_training = None
    if records.num_windows("train"):
        in_training = detector.frames(records, "train", BIAS_WINDOWS, "bias of the detector", **read)
    filters: list[TunedFilter] = []
    if classical and records.num_windows("validation"):
        known = detector.frames(records, "validation", 0, "validation, to tune filters", **read)
        filters = tuned_filters(merged(known, step), size, step)
    windows = predictor.frames(records, setting.split, max_windows, setting.split, **read)
    detected = next(row.name for row in predictor.detector_rows if row.decoder == finest)
    offsets = None if in_training is None else detector_offsets(in_training)
    windows = windows.with_rows(simple := simple_rows(windows.predicted[detected], offsets))
    tracks = [
        track.with_rows({one.method: one.smooth(track, size, detected) for one in filters})
        for track in merged(windows, step)
    ]
    rows = (
        *predictor.detector_rows,
        *(Row(name, name, decoder=finest) for name in simple),
        *(Row(one.method, "classical", decoder=finest, settings=one.settings) for one in filters),
        *predictor.model_rows,
    )
    facts = _facts(setting, windows, records.heatmaps == "detector", predictor.detector_rows)
    scores = score(rows, windows, tracks, split=setting.split, size=size, **facts)
    manifests = zip(setting.datasets, records.manifests, strict=True)
    in_all = {name: count for name, manifest in manifests if (count := manifest.windows.get(setting.split, 0))}
    return Evaluation(setting, rows, scores, windows, tracks, in_all, len(in_training or ()))


def _facts(setting: Setting, windows: Frames, has_detector: bool, detector_rows: Sequence[Row]) -> dict[str, Any]:
    """What is known beside the rows: of a detector simulated with independent shifts the bound, of a real one the half
    pixel.
    """
    if has_detector:
        name = next((row.name for row in detector_rows if row.decoder == PUBLISHED_DECODER), "")
        return {"half_pixel": half_pixel_pck(windows, name, setting.size)} if name else {}
    if setting.noise.constant_shift or setting.noise.profile != PUBLISHED:
        return {}
    deviation = setting.noise.deviation
    bound = information_bound(windows.truth, windows.visibility, shift_std=deviation, window=setting.window)
    return {"bound": bound}
