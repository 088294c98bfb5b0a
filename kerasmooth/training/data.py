"""The records of a run, its simulated detector, and its batches."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasmooth import __version__, input_pipeline
from kerasmooth.augmentation import Augmentation
from kerasmooth.datasets import DATASETS
from kerasmooth.errors import InputError
from kerasmooth.noise import DetectorNoise, noise_profile
from kerasmooth.tfrecord.record_sets import RecordSets, make_records_command, resolve_datasets
from kerasmooth.training.checkpoint import CHECKPOINT_FILE
from kerasmooth.training.config import NOISE_SETTINGS, TrainingConfig
from kerasmooth.training.devices import Cluster


def open_records(
    config: TrainingConfig, say: Callable[[str], None], verify: bool = False
) -> tuple[TrainingConfig, RecordSets]:
    """Opens the records, and gives the settings what follows from them: datasets, window, size, keypoints.

    With `verify` every file is compared with its checksum; its length is always.

    Raises InputError where there are none, or where they and the settings do not go together.
    """
    names = resolve_datasets(config.records_dir, config.datasets, config.frame_step, say)
    records = RecordSets(config.records_dir, names)
    if records.frame_step != config.frame_step:
        raise InputError(
            f"the records in {config.records_dir} have frame_step {records.frame_step}, but --frame_step is "
            f"{config.frame_step}: `{make_records_command('FOLDER', config.frame_step)}` and --records_dir=FOLDER"
        )
    _check_noise(config, records, names)
    profile = noise_profile(config.noise_model)
    if profile.width_factor > 0 and not config.random_sigma:
        raise InputError(f"--noise_model={config.noise_model} errs by the width of heatmaps: it needs --random_sigma")
    for split in ("train", "validation"):
        records.check_split(split)
        records.shards(split, verify=verify)
    follows: dict[str, Any] = {"window": records.window, "size": records.size, "annotated": records.annotated}
    return config.replace(datasets=names, noise_profile=profile, **follows), records


def _check_noise(config: TrainingConfig, records: RecordSets, names: tuple[str, ...]) -> None:
    """Refuses settings of simulated noise that would do nothing."""
    applies = any(DATASETS[name].constant_shift for name in names if name in DATASETS)
    if config.constant_shift and not applies:
        raise InputError(f"--constant_shift is not for {', '.join(names)}, whose published noise is new in every frame")
    if records.heatmaps == "none":
        return
    if config.augment_slowdown:
        raise InputError(
            f"--augment_slowdown: the heatmaps of {', '.join(names)} have nothing between two frames: leave it out"
        )
    made_with = [(name, TrainingConfig.model_fields[name].default) for name in NOISE_SETTINGS]
    if records.heatmaps == "simulated":
        stored = ("shifting_scalar", "random_sigma")
        made_with = [one for one in made_with if one[0] not in stored]
        made_with += [(name, manifest.flags[name]) for manifest in records.manifests for name in stored]
    for name, value in made_with:
        if getattr(config, name) != value:
            what = "real" if records.heatmaps == "detector" else f"in the records, made with {name}={value}"
            raise InputError(
                f"--{name}={getattr(config, name)} would do nothing: the detections of {', '.join(names)} are {what}; "
                f"say --{name}={value}"
            )


def simulated_detector(config: TrainingConfig) -> DetectorNoise:
    """The noise of a run."""
    return DetectorNoise(
        seed=config.noise_seed,
        shifting_scalar=config.shifting_scalar,
        random_sigma=config.random_sigma,
        constant_shift=config.constant_shift,
        fresh=config.noise == "fresh",
        dropout=config.noise_dropout,
        swap=config.noise_swap,
        profile=config.noise_profile,
    )


def augmentation(config: TrainingConfig) -> Augmentation:
    """How the training windows of a run are changed; what it draws is keyed by `Learner.epoch_key`."""
    prefix = "augment_"
    settings = {name: getattr(config, name) for name in config.flags() if name.startswith(prefix)}
    return Augmentation(**{name.removeprefix(prefix): value for name, value in settings.items()})


class Batches:
    """The batches of a run, as `strategy.run` takes them on a cluster whose replicas share each."""

    def __init__(self, config: TrainingConfig, records: RecordSets, cluster: Cluster) -> None:
        self._config, self.records, self._cluster = config, records, cluster
        self._part: dict[str, Any] = {"batch_size": config.batch_size, "shard": cluster}
        self.steps_per_epoch = steps_per_epoch(config, records)
        in_all = records.num_windows("validation")
        self.validation_windows = min(in_all, config.validation_windows or in_all)
        self.validation_steps = input_pipeline.steps_for(self.validation_windows, config.batch_size)

    def training(self, epoch: int, step: int) -> Iterator[Any]:
        """Those of an epoch, counted from 1, from a step on, counted from 0."""
        first, count = (epoch - 1) * self.steps_per_epoch + step, self.steps_per_epoch - step
        steps: dict[str, Any] = {"seed": self._config.seed, "first_step": first, "num_steps": count}
        return self._distributed(input_pipeline.training_batches(self.records, **steps, **self._part))

    def validation(self) -> Iterator[Any]:
        """Those that an epoch is judged by."""
        used = self.validation_windows
        batches = input_pipeline.evaluation_batches(self.records, "validation", max_windows=used, **self._part)
        return self._distributed(batches)

    def _distributed(self, batches: tf.data.Dataset) -> Iterator[Any]:
        """Strings, which accelerators do not hold, stay behind."""
        for batch in input_pipeline.read(batches, self.records):
            numbers = {name: tensor for name, tensor in batch.items() if tensor.dtype != tf.string}
            replicas = range(self._cluster.local_replicas)
            yield self._cluster.distribute([{name: tensor[i] for name, tensor in numbers.items()} for i in replicas])


def steps_per_epoch(config: TrainingConfig, records: RecordSets) -> int:
    """Batches in an epoch."""
    return config.steps_per_epoch or input_pipeline.steps_for(records.num_windows("train"), config.batch_size)


def windows_per_epoch(config: TrainingConfig, records: RecordSets) -> int:
    """Training windows in an epoch."""
    return config.steps_per_epoch * config.batch_size or records.num_windows("train")


def verifies(config: TrainingConfig, cluster: Cluster) -> bool:
    """Whether this process reads all records to compare checksums: one of several workers is enough."""
    begun = (config.run_dir / CHECKPOINT_FILE).is_file()
    return cluster.is_chief and {"first": not begun, "always": True, "never": False}[config.verify_records]


def shared_facts(config: TrainingConfig) -> dict[str, str]:
    """What must be the same for all workers that train together; they may see their folders at different places."""
    settings = config.model_dump(exclude={"runs_dir", "records_dir", "worker_timeout"})
    # From the manifests alone: TensorFlow must not compute before it has joined the workers.
    records = RecordSets(config.records_dir, resolve_datasets(config.records_dir, config.datasets, config.frame_step))
    versions = {"kerasmooth": __version__, "tensorflow": tf.__version__, "keras": keras.__version__}
    flags = {f"--{name}": str(value) for name, value in settings.items()}
    return flags | {"records": records.fingerprint[:16]} | versions
