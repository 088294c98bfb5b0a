"""The records of a run, their batches, and what a model is given of a batch."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasmooth import input_pipeline
from kerasmooth.augmentation import Augmentation
from kerasmooth.datasets import DATASETS
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.input_pipeline import prepare
from kerasmooth.noise import DetectorNoise
from kerasmooth.noise_profile import NoiseProfile, noise_profile
from kerasmooth.tfrecord.record_sets import RecordSets, make_records_command, resolve_datasets
from kerasmooth.training.checkpoint import CHECKPOINT_FILE
from kerasmooth.training.config import NOISE_SETTINGS, TrainingConfig
from kerasmooth.training.devices import Cluster, is_chief

Inputs = dict[str, Any]
Targets = dict[str, Any]


def open_records(config: TrainingConfig, say: Callable[[str], None]) -> tuple[TrainingConfig, RecordSets]:
    """Opens and verifies the records, and gives the settings what follows from them: datasets, window, size, keypoints.

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
    for split in ("train", "validation"):
        if not records.num_windows(split):
            raise InputError(
                f"the records of {', '.join(names)} in {config.records_dir} have no {split} windows; make more"
            )
    profile = noise_profile(config.noise_model)
    if profile.width_factor > 0 and not config.random_sigma:
        raise InputError(f"--noise_model={config.noise_model} errs by the width of heatmaps: it needs --random_sigma")
    found: dict[str, Any] = {"window": records.window, "size": records.size, "annotated": records.annotated}
    found["noise_profile"] = profile.model_dump(mode="json")
    config = config.replace(datasets=names, **found)
    for split in ("train", "validation"):
        records.shards(split, verify=_verifies(config))
    return config, records


def _verifies(config: TrainingConfig) -> bool:
    """Whether this process reads all records to compare checksums: one of several workers is enough."""
    begun = (config.run_dir / CHECKPOINT_FILE).is_file()
    wanted = {"first": not begun, "always": True, "never": False}[config.verify_records]
    return wanted and is_chief(config.strategy)


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
    made_with: dict[str, Any] = {name: TrainingConfig.model_fields[name].default for name in NOISE_SETTINGS}
    if records.heatmaps == "simulated":
        made_with |= {name: records.manifests[0].flags[name] for name in ("shifting_scalar", "random_sigma")}
    for name, value in made_with.items():
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
        profile=NoiseProfile(**config.noise_profile),
    )


def augmentation(config: TrainingConfig) -> Augmentation:
    """How the training windows of a run are changed."""
    return Augmentation(
        max_rotation_degrees=config.augment_rotation,
        max_translation=config.augment_translation,
        flip=config.augment_flip,
        seed=config.seed,
        max_scale=config.augment_scale,
        reverse=config.augment_reverse,
        max_slowdown=config.augment_slowdown,
        dropout=config.augment_dropout,
    )


class Preprocessor:
    """Batches as records have them -> what a model takes and should give; for inside a compiled step.

    Args:
      config: the run's settings.
      takes: "heatmaps" or "keypoints".
    """

    def __init__(self, config: TrainingConfig, takes: str) -> None:
        self._config, self._takes = config, takes
        self.codec = HeatmapCodec(size=config.size)
        self._noise = simulated_detector(config)
        self._augmentation = augmentation(config)

    def training(self, batch: Any, epoch: Any) -> tuple[Inputs, Targets]:
        """Augmented and with the noise of an epoch, a uint32 scalar that is never 0 (`epoch_key`)."""
        batch = self._augmentation.apply(batch, self._config.size, epoch, xp=keras.ops)
        inputs, targets = self._prepared(batch, epoch, self._takes)
        return self._augmentation.withhold(inputs, batch, epoch, xp=keras.ops), targets

    def validation(self, batch: Any, takes: str = "") -> tuple[Inputs, Targets]:
        """As it is, with the noise that never changes; `takes` may ask for the detector's keypoints."""
        return self._prepared(batch, tf.constant(0, tf.uint32), takes or self._takes)

    def epoch_key(self, epoch: int) -> Any:
        """What augmentation and fresh noise of an epoch, counted from 1, are keyed by."""
        return tf.constant(self._config.seed * 2**16 + epoch, tf.uint32)

    def keypoints(self, outputs: dict[str, Any]) -> Any:
        """[B, T, K, 2] in heatmap cells of what a model gave."""
        if "keypoints" in outputs:
            return outputs["keypoints"]
        return self.codec.decode(outputs["heatmaps"], self._config.decoder, xp=keras.ops)[0]

    def _prepared(self, batch: Any, epoch: Any, takes: str) -> tuple[Inputs, Targets]:
        config = self._config
        return prepare(batch, self.codec, self._noise, takes, epoch, config.decoder, config.sub_pixel_targets)


class Batches:
    """The batches of a run, as `strategy.run` takes them.

    Args:
      config: its settings.
      records: its records.
      cluster: whose replicas share a batch.
    """

    def __init__(self, config: TrainingConfig, records: RecordSets, cluster: Cluster) -> None:
        self._config, self.records, self._cluster = config, records, cluster
        self._shard = input_pipeline.WorkerShard(cluster.worker, cluster.num_workers, cluster.local_replicas)
        self.steps_per_epoch = steps_per_epoch(config, records)
        in_all = records.num_windows("validation")
        self.validation_windows = min(in_all, config.validation_windows or in_all)
        self.validation_steps = input_pipeline.steps_for(self.validation_windows, config.batch_size)

    @property
    def windows_per_epoch(self) -> int:
        """Training windows of an epoch."""
        if self._config.steps_per_epoch:
            return self.steps_per_epoch * self._config.batch_size
        return self.records.num_windows("train")

    def training(self, epoch: int, step: int) -> Iterator[Any]:
        """Those of an epoch, counted from 1, from a step on, counted from 0."""
        batches = input_pipeline.training_batches(
            self.records,
            seed=self._config.seed,
            batch_size=self._config.batch_size,
            first_step=(epoch - 1) * self.steps_per_epoch + step,
            num_steps=self.steps_per_epoch - step,
            shard=self._shard,
        )
        return self._distributed(batches)

    def validation(self) -> Iterator[Any]:
        """Those that an epoch is judged by."""
        batches = input_pipeline.evaluation_batches(
            self.records,
            "validation",
            batch_size=self._config.batch_size,
            max_windows=self.validation_windows,
            shard=self._shard,
        )
        return self._distributed(batches)

    def _distributed(self, batches: tf.data.Dataset) -> Iterator[Any]:
        """Strings, which accelerators do not hold, stay behind."""
        for batch in batches:
            numbers = {name: tensor for name, tensor in batch.items() if tensor.dtype != tf.string}
            replicas = range(self._cluster.local_replicas)
            yield self._cluster.distribute([{name: tensor[i] for name, tensor in numbers.items()} for i in replicas])


def steps_per_epoch(config: TrainingConfig, records: RecordSets) -> int:
    """Batches in an epoch."""
    return config.steps_per_epoch or input_pipeline.steps_for(records.num_windows("train"), config.batch_size)
