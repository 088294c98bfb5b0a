"""A model, its optimizer and its compiled steps on a cluster of devices."""

import contextlib
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth import losses, models, storage
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.model_inputs import prepare
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.data import augmentation, simulated_detector
from kerasmooth.training.devices import Cluster, all_reduce_sum
from kerasmooth.training.moving_average import MovingAverage
from kerasmooth.training.run_folder import BEST_MODEL_FILE, load_best_model


class Learner:
    """Trains a model and predicts with it, a global batch at a time.

    A loss is the sum over its terms of total / count, both summed over all replicas, so that neither a step nor a score
    depends on how a batch is split. Dropout is drawn for each replica by itself. Raises InputError where the model or
    its options are unknown, or the settings do not go together.
    """

    def __init__(self, config: TrainingConfig, cluster: Cluster) -> None:
        self.config, self.cluster = config, cluster
        with cluster.strategy.scope():
            self.model = build_model(config)
            self.trained = trained_variables(config, self.model)
            self.optimizer = build_optimizer(config)
            self.optimizer.build(self.trained)
            self.average = MovingAverage(self.trained, config.ema) if config.ema else None
        self.loss = loss_of(config, self.model)
        self.codec, self.noise = HeatmapCodec(size=config.size), simulated_detector(config)
        self.augmentation = augmentation(config)
        self._train = cluster.compiled(self._train_replica, config.xla)
        self._validate = cluster.compiled(self._validate_replica, config.xla)
        self.spread_seeds()

    @property
    def variables(self) -> dict[str, list[Any]]:
        """All that training changes, for a checkpoint: weights, states of random layers, optimizer, average."""
        average = self.average.variables if self.average else []
        return {"model": self.model.variables, "optimizer": self.optimizer.variables, "average": average}

    def spread_seeds(self) -> None:
        """Gives random layers another seed on each replica; again whenever their variables were assigned."""
        states = [variable for variable in self.model.variables if variable.path.endswith("seed_generator_state")]
        if states and self.cluster.num_replicas > 1:

            def add_replica_id() -> None:
                replica = tf.distribute.get_replica_context().replica_id_in_sync_group
                for state in states:
                    state.assign(state.value + tf.cast(tf.stack([replica, 0]), state.value.dtype))

            self.cluster.strategy.run(add_replica_id)

    def train_step(self, batch: Any, epoch: int) -> Any:
        """One step on a distributed batch; returns (weighted total, count) of each loss term, float64 [L, 2], not
        waited for.
        """
        return self.cluster.local(self._train(batch, self.epoch_key(epoch)))[0]

    def validation_step(self, batch: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """(weighted total, count) of each loss term, float64 [L, 2], and the windows of this process: `truth`, what the
        `model` and the `detector` say, [B, T, K, 2] in heatmap cells, and `visibility` [B, T, K].
        """
        sums, windows = self._validate(batch)
        parts = {name: self.cluster.local(value) for name, value in windows.items()}
        joined = {name: np.concatenate([part.numpy() for part in of_replicas]) for name, of_replicas in parts.items()}
        return self.cluster.local(sums)[0].numpy(), joined

    def averaged_weights(self) -> contextlib.AbstractContextManager[None]:
        """Within the block the model has the weights that are judged and kept: their average, where there is one."""
        return self.average.applied() if self.average else contextlib.nullcontext()

    def epoch_key(self, epoch: int) -> Any:
        """What augmentation and fresh noise of an epoch, counted from 1, are keyed by; that of validation is 0."""
        return tf.constant(self.config.seed * 2**16 + epoch, tf.uint32)

    def training_pair(self, batch: Any, epoch_key: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the model takes and should give of a batch of records, augmented and with the noise of an epoch."""
        batch = self.augmentation.apply(batch, self.config.size, epoch_key, xp=keras.ops)
        inputs, targets = self.pair(batch, epoch_key)
        return self.augmentation.withhold(inputs, batch, epoch_key, xp=keras.ops), targets

    def pair(self, batch: Any, epoch_key: Any = 0, takes: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
        """The same as it is, by default with the noise that never changes; `takes` may ask for what the detector says
        as keypoints.
        """
        takes, config = takes or self.model.takes, self.config
        return prepare(batch, self.codec, self.noise, takes, epoch_key, config.decoder, config.sub_pixel_targets)

    def keypoints(self, outputs: dict[str, Any]) -> Any:
        """[B, T, K, 2] in heatmap cells of what the model gave."""
        if "keypoints" in outputs:
            return outputs["keypoints"]
        return self.codec.decode(outputs["heatmaps"], self.config.decoder, xp=keras.ops)[0]

    def _train_replica(self, batch: Any, epoch_key: Any) -> Any:
        inputs, targets = self.training_pair(batch, epoch_key)
        with tf.GradientTape() as tape:
            terms = self.loss(targets, self.model(inputs, training=True))
            counts = all_reduce_sum(tf.stack([term.count for term in terms]))
            totals = tf.stack([term.weight * term.total for term in terms])
            loss = tf.reduce_sum(totals / tf.maximum(counts, 1.0))
        self.optimizer.apply(tape.gradient(loss, [variable.value for variable in self.trained]), self.trained)
        if self.average:
            self.average.update()
        return tf.cast(tf.stack([all_reduce_sum(totals), counts], axis=1), tf.float64)

    def _validate_replica(self, batch: Any) -> Any:
        inputs, targets = self.pair(batch)
        outputs = self.model(inputs, training=False)
        sums = all_reduce_sum(
            tf.stack([(term.weight * term.total, term.count) for term in self.loss(targets, outputs)])
        )
        detected, _ = self.pair(batch, takes="keypoints")
        windows = {"model": self.keypoints(outputs), "detector": detected["keypoints"]}
        return tf.cast(sums, tf.float64), windows | {"truth": batch["keypoints"], "visibility": batch["visibility"]}


def loss_value(sums: np.ndarray) -> float:
    """The loss of summed (weighted total, count) [L, 2]; NaN where nothing was annotated."""
    return float(np.sum(sums[:, 0] / np.maximum(sums[:, 1], 1.0))) if sums[:, 1].any() else math.nan


def uses_xla(config: TrainingConfig, cluster: Cluster, num_steps: int) -> bool:
    """Whether steps are compiled with XLA: what `--jit` says, or where so many steps pay the compilation's time back.

    Raises InputError where `--jit=on` is impossible.
    """
    if config.jit == "on" and cluster.num_replicas > 1:
        raise InputError("--jit=on works on one device only: add --strategy=single or leave --jit=auto")
    if config.jit != "auto" or cluster.num_replicas > 1:
        return config.jit == "on"
    if tf.config.list_logical_devices("GPU"):
        return True
    pays_after = models.MODELS[config.model].xla_pays_after if config.model in models.MODELS else None
    return pays_after is not None and num_steps > pays_after


def build_model(config: TrainingConfig) -> models.Smoother:
    """The model of a run with random weights, or with those that finetuning starts from.

    Raises InputError for unknown models and options, and for weights that do not fit.
    """
    shape: dict[str, Any] = {"window": config.window, "size": config.size, "dtype": config.precision}
    try:
        model = models.build(config.model, **shape, **config.model_options)
    except (ValueError, TypeError) as error:
        raise InputError(f"--model={config.model} with these --model_options: {error}") from None
    if config.finetune_from:
        _start_from(model, config)
    return model


def _start_from(model: models.Smoother, config: TrainingConfig) -> None:
    """Copies the best weights of another run; the head keeps its own where only that is to be trained."""
    path = storage.path(config.finetune_from) / BEST_MODEL_FILE
    try:
        weights = load_best_model(path).get_weights()
    except InputError as error:
        raise InputError(f"--finetune_from: {error}") from None
    if [w.shape for w in weights] != [tuple(w.shape) for w in model.weights]:
        raise InputError(f"--finetune_from: the weights in {path} do not fit this model; give the same --model_options")
    fresh = [(variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in model.head]
    model.set_weights(weights)
    if config.freeze_but_last:
        for variable, value in fresh:
            variable.assign(value)


def trained_variables(config: TrainingConfig, model: models.Smoother) -> list[Any]:
    """The variables that training changes. Raises InputError where `--freeze_but_last` would leave nothing to train, or
    nothing frozen.
    """
    everything = list(model.trainable_variables)
    if not config.freeze_but_last:
        return everything
    if not model.head:
        raise InputError(
            f"--freeze_but_last: {config.model} names no layer as its head: give it `head_layers`, or leave it out"
        )
    if len(model.head) == len(everything):
        raise InputError(
            f"--freeze_but_last: the head of {config.model} is all of it, so that nothing of {config.finetune_from} "
            "would be left: leave it out"
        )
    return model.head


def loss_of(config: TrainingConfig, model: models.Smoother) -> losses.Loss:
    """The loss to train with. Raises InputError where there is none of that name or for this model."""
    name = config.loss or model.default_loss
    if name not in losses.LOSSES:
        raise InputError(f"--loss must be one of {', '.join(losses.LOSSES)}, got {name!r}")
    loss = losses.LOSSES[name]
    if missing := loss.missing(model.output):
        raise InputError(f"--loss={name} needs {', '.join(missing)}, which {config.model} does not give: leave it out")
    return loss


def build_optimizer(config: TrainingConfig) -> keras.optimizers.Optimizer:
    """Adam, or AdamW where there is weight decay: decoupled, and not of biases, norms and learned positions."""
    # A name of its own would be numbered over all optimizers of the process, and so would the paths of its variables.
    rates = {"learning_rate": config.learning_rate, "beta_1": config.beta_1, "beta_2": config.beta_2, "name": "adam"}
    if not config.weight_decay:
        return keras.optimizers.Adam(**rates)
    optimizer = keras.optimizers.AdamW(**rates, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma", "vectors"])
    return optimizer
