"""Judges trained models beside no smoothing: records in, scores out. Batches stream by; only keypoints are kept."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.evaluation.contestants import IDENTITY, PUBLISHED_DECODER, BiasFit, Contestants, Entry
from kerasmooth.evaluation.scores import RowScore, Scores, added, in_spaces, score_tracks
from kerasmooth.evaluation.tracks import TrackMerger
from kerasmooth.heatmap_codec import DECODING_METHODS, HeatmapCodec
from kerasmooth.input_pipeline import RecordSets, evaluation_batches, steps_for
from kerasmooth.noise import DetectorNoise
from kerasmooth.progress import Meter
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.training.experiment import SAMPLE, resolve_datasets
from kerasmooth.training.runs import Run

BIAS_WINDOWS = 2000
"""Training windows that the bias-only row is fitted to, evenly spaced."""
PICTURED_WINDOWS = 4
"""Windows of each dataset that are kept to be drawn."""
KEPT = ("keypoints", "visibility", "boxes", "frame_numbers", "clip_id")

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
      pictured: a few windows to draw, of each dataset: keypoints [T, K, 2], visibility [T, K], boxes [T, 4], clip_id,
        frame_numbers [T], and by the name of each row its keypoints [T, K, 2].
    """

    setting: Setting
    entries: tuple[Entry, ...]
    scores: dict[str, dict[str, RowScore]]
    num_windows: dict[str, int]
    in_all: dict[str, int]
    bias_windows: int
    pictured: list[Arrays]

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
                f"the records of {', '.join(names)} in {folder} have {what} {received}, but {run.folder} was trained "
                f"with {expected}: name the records it was trained from by --records_dir, or make such"
            )
    if not records.num_windows(split):
        there = sorted({s for manifest in records.manifests for s, count in manifest.windows.items() if count})
        raise InputError(
            f"--split={split}: the records in {folder} have no {split} windows; there are {', '.join(there)}"
        )
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
    if not decoders or set(decoders) - set(DECODING_METHODS):
        raise ValueError(f"decoders must be of {DECODING_METHODS}. Received: decoders={decoders}")
    console = console or Console(quiet=True)
    counts = windows_to_judge(setting, max_windows)
    codec = HeatmapCodec(size=setting.size)
    offsets, bias_windows = _fit_bias(setting, codec, batch_size, console)
    detector_decoders = decoders if _has_detector(setting) else (PUBLISHED_DECODER,)
    rows = Contestants(runs, codec, setting.noise, decoders, detector_decoders, offsets)
    scores: dict[str, dict[str, RowScore]] = {entry.name: {} for entry in rows.entries}
    pictured: list[Arrays] = []
    for dataset, count in counts.items():
        judged, examples = _judge(rows, setting, dataset, count, batch_size, console)
        for name, score in judged.items():
            scores[name][dataset] = score
        pictured += examples
    return Evaluation(setting, rows.entries, scores, counts, windows_to_judge(setting, 0), bias_windows, pictured)


def windows_to_judge(setting: Setting, max_windows: int) -> dict[str, int]:
    """How many windows of each dataset are judged: all, or its proportion of `max_windows`, one at least."""
    manifests = zip(setting.datasets, _records(setting).manifests, strict=True)
    counts = {name: manifest.windows.get(setting.split, 0) for name, manifest in manifests}
    in_all = sum(counts.values())
    share = min(1.0, max_windows / in_all) if max_windows else 1.0
    return {name: min(count, max(1, round(share * count))) for name, count in counts.items() if count}


def _records(setting: Setting, dataset: str = "") -> RecordSets:
    return RecordSets(setting.records_dir, (dataset,) if dataset else setting.datasets)


def _has_detector(setting: Setting) -> bool:
    return any(manifest.heatmaps == "detector" for manifest in _records(setting).manifests)


@contextlib.contextmanager
def _damage_is_bad_input(records: RecordSets) -> Iterator[None]:
    """TensorFlow's errors about damaged or vanished shards, as the user's to mend."""
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError) as error:
        reason = error.message.strip().splitlines()[0]
        where = ", ".join(map(str, records.folders))
        raise InputError(f"the records in {where} cannot be read ({reason}): make them again") from None


def _batches(
    records: RecordSets, split: str, count: int, batch_size: int, console: Console, title: str
) -> Iterator[tuple[Any, Arrays]]:
    """Batches of `count` evenly spaced windows, as tensors and as arrays without the rows that pad the last one."""
    batches = evaluation_batches(records, split, batch_size=batch_size, max_windows=count)
    meter = Meter(console, title, steps_for(count, batch_size), unit_per_step=batch_size)
    with meter, _damage_is_bad_input(records):
        for replicas in batches:
            batch = {name: tensor[0] for name, tensor in replicas.items()}
            arrays = {name: batch[name].numpy() for name in KEPT}
            real = arrays["clip_id"] != b""
            yield batch, {name: array[real] for name, array in arrays.items()}
            meter.advance()


def _fit_bias(
    setting: Setting, codec: HeatmapCodec, batch_size: int, console: Console
) -> tuple[np.ndarray | None, int]:
    """Offsets [K, 2] of the bias-only row, and how many windows they are from; (None, 0) without a training split."""
    manifests = zip(setting.datasets, _records(setting).manifests, strict=True)
    names = tuple(name for name, manifest in manifests if manifest.windows.get("train", 0))
    if not names:
        return None, 0
    records = RecordSets(setting.records_dir, names)
    count = min(BIAS_WINDOWS, records.num_windows("train"))
    detector, fit = Contestants((), codec, setting.noise, ()), BiasFit(BOULDERING_25.num_keypoints)
    for batch, arrays in _batches(records, "train", count, batch_size, console, "bias of the detector"):
        detected = detector.predict(batch)[IDENTITY][: len(arrays["keypoints"])]
        # A keypoint that the detector missed stands at (0, 0).
        fit.add(arrays["keypoints"], detected, arrays["visibility"] & detected.any(axis=-1))
    return fit.offsets(), count


def _judge(
    rows: Contestants, setting: Setting, dataset: str, count: int, batch_size: int, console: Console
) -> tuple[dict[str, RowScore], list[Arrays]]:
    """Scores of every row on one dataset, and a few windows to draw."""
    names = [entry.name for entry in rows.entries]
    merger = TrackMerger(names, BOULDERING_25.num_keypoints)
    windows: dict[str, Scores] = {}
    examples: list[Arrays] = []
    wanted = set(np.linspace(0, count - 1, min(count, PICTURED_WINDOWS)).round().astype(int).tolist())
    first = 0
    for batch, arrays in _batches(_records(setting, dataset), setting.split, count, batch_size, console, dataset):
        size = len(arrays["clip_id"])
        predicted = {name: answer[:size] for name, answer in rows.predict(batch).items()}
        truth = (arrays["keypoints"], arrays["visibility"], arrays["boxes"])
        for name in names:
            score = in_spaces(truth[0], predicted[name], *truth[1:], setting.size)
            windows[name] = added(windows[name], score) if name in windows else score
        merger.add(arrays, predicted)
        for row in sorted(wanted & set(range(first, first + size))):
            examples.append({key: array[row - first] for key, array in (arrays | predicted).items()})
        first += size
    tracks = merger.tracks(setting.frame_step)
    merged = {name: score_tracks(tracks, name, setting.size) for name in names}
    return {name: RowScore(windows[name], *merged[name]) for name in names}, examples
