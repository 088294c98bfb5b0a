"""Judges trained models beside no smoothing: records in, scores out. Only keypoints are kept of the windows."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import tensorflow as tf
from rich.console import Console

from kerasmooth.boxes import Size
from kerasmooth.errors import InputError
from kerasmooth.evaluation.predictor import PUBLISHED_DECODER, Predictor, Row, mean_error, simple_rows
from kerasmooth.evaluation.scores import Score, score
from kerasmooth.evaluation.windows import Frames, concatenated, merged
from kerasmooth.heatmap_codec import DECODING_METHODS, HeatmapCodec
from kerasmooth.input_pipeline import RecordSets, evaluation_batches, steps_for
from kerasmooth.noise import DetectorNoise
from kerasmooth.progress import Meter
from kerasmooth.training.experiment import SAMPLE, resolve_datasets
from kerasmooth.training.runs import Run, load_run

BIAS_WINDOWS = 2000
"""Training windows that the bias-only row is fitted to, evenly spaced."""


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

    def records(self, *datasets: str) -> RecordSets:
        """Those of some datasets, or of all."""
        return RecordSets(self.records_dir, datasets or self.datasets)

    @property
    def is_sample(self) -> bool:
        """Whether any of the windows are of the generated person."""
        return SAMPLE in self.datasets


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All rows in one setting.

    Attributes:
      setting: what was judged on.
      rows: in order.
      scores: row name -> dataset name -> score.
      windows: dataset name -> the judged windows with every row's keypoints.
      in_all: windows there are, by dataset.
      bias_windows: training windows that `bias_only` was fitted to; 0 where there is no such row.
    """

    setting: Setting
    rows: tuple[Row, ...]
    scores: dict[str, dict[str, Score]]
    windows: dict[str, Frames]
    in_all: dict[str, int]
    bias_windows: int

    def total(self, name: str) -> Score:
        """A row's score over all datasets."""
        first, *rest = self.scores[name].values()
        return sum(rest, first)

    @property
    def num_windows(self) -> dict[str, int]:
        """Windows judged, by dataset."""
        return {dataset: len(windows) for dataset, windows in self.windows.items()}


def setting_of(run: Run, *, records_dir: str = "", datasets: Sequence[str] = (), split: str = "test") -> Setting:
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


def evaluate(
    runs: Sequence[str | Path | Run] | str | Path | Run,
    split: str = "test",
    *,
    records_dir: str = "",
    datasets: Sequence[str] = (),
    decoders: Sequence[str] = ("argmax", "dark"),
    batch_size: int = 32,
    max_windows: int = 0,
    console: Console | None = None,
) -> list[Evaluation]:
    """Judges runs beside the raw detector and simple corrections of it.

    Args:
      runs: run folders, or loaded runs; one or several.
      split: "test", "validation", "train", or "extra" where there is one.
      records_dir, datasets: the records; by default those that each run was trained from.
      decoders: how keypoints are read from the heatmaps that models give; one row each.
      batch_size: windows at a time.
      max_windows: judge this many windows, evenly spaced over each dataset in proportion; 0 is all.
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
        setting = setting_of(run, records_dir=records_dir, datasets=datasets, split=split)
        groups.setdefault(setting, []).append(run)
    console = console or Console(quiet=True)
    return [_evaluated(setting, group, decoders, batch_size, max_windows, console) for setting, group in groups.items()]


def _evaluated(
    setting: Setting, runs: list[Run], decoders: Sequence[str], batch_size: int, max_windows: int, console: Console
) -> Evaluation:
    counts, codec = windows_to_judge(setting, max_windows), HeatmapCodec(size=setting.size)
    has_detector = any(manifest.heatmaps == "detector" for manifest in setting.records().manifests)
    detector_decoders = decoders if has_detector else (PUBLISHED_DECODER,)
    predictor = Predictor(runs, codec, setting.noise, decoders, detector_decoders)
    in_training = _training_windows(setting, Predictor((), codec, setting.noise), batch_size, console)
    offsets = mean_error(in_training) if in_training else None
    windows, scores = {}, {}
    for dataset, count in counts.items():
        batches = _predicted(predictor, setting.records(dataset), setting.split, count, batch_size, console, dataset)
        of_dataset = concatenated(list(batches))
        simple = simple_rows(of_dataset, offsets)
        windows[dataset] = of_dataset.with_rows(simple)
        scores[dataset] = score(windows[dataset], merged(windows[dataset], setting.frame_step), setting.size)
    detector, models = predictor.rows[: len(detector_decoders)], predictor.rows[len(detector_decoders) :]
    rows = (*detector, *(Row(name, name, decoder=detector[0].decoder) for name in simple), *models)
    by_row = {row.name: {dataset: scores[dataset][row.name] for dataset in counts} for row in rows}
    return Evaluation(setting, rows, by_row, windows, windows_to_judge(setting, 0), len(in_training or ()))


def windows_to_judge(setting: Setting, max_windows: int) -> dict[str, int]:
    """How many windows of each dataset are judged: all, or its proportion of `max_windows`, one at least."""
    manifests = zip(setting.datasets, setting.records().manifests, strict=True)
    counts = {name: manifest.windows.get(setting.split, 0) for name, manifest in manifests}
    in_all = sum(counts.values())
    share = min(1.0, max_windows / in_all) if max_windows else 1.0
    return {name: min(count, max(1, round(share * count))) for name, count in counts.items() if count}


def _training_windows(setting: Setting, detector: Predictor, batch_size: int, console: Console) -> Frames | None:
    """Some windows of the training split with the detector's keypoints; None where there is no such split."""
    manifests = zip(setting.datasets, setting.records().manifests, strict=True)
    names = [name for name, manifest in manifests if manifest.windows.get("train", 0)]
    if not names:
        return None
    records = setting.records(*names)
    count = min(BIAS_WINDOWS, records.num_windows("train"))
    title = "bias of the detector"
    return concatenated(list(_predicted(detector, records, "train", count, batch_size, console, title)))


def _predicted(
    predictor: Predictor, records: RecordSets, split: str, count: int, batch_size: int, console: Console, title: str
) -> Iterator[Frames]:
    """`count` evenly spaced windows of a split with every row's keypoints, batch by batch."""
    meter = Meter(console, title, steps_for(count, batch_size), unit_per_step=batch_size)
    with meter, _damage_is_bad_input(records):
        for replicas in evaluation_batches(records, split, batch_size=batch_size, max_windows=count):
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
            yield frames[frames.clip_ids != b""]
            meter.advance()


@contextlib.contextmanager
def _damage_is_bad_input(records: RecordSets) -> Iterator[None]:
    """TensorFlow's errors about damaged or vanished shards, as the user's to mend."""
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError) as error:
        reason = error.message.strip().splitlines()[0]
        where = ", ".join(map(str, records.folders))
        raise InputError(f"the records in {where} cannot be read ({reason}): make them again") from None
