"""A model, its optimizer and its compiled steps on a cluster of devices."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth import losses, models
from kerasmooth.augmentation import Augmentation
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.input_pipeline import prepare
from kerasmooth.noise import DetectorNoise
from kerasmooth.training import strategy
from kerasmooth.training.experiment import ExperimentConfig
from kerasmooth.training.moving_average import MovingAverage


def simulated_detector(config: ExperimentConfig) -> DetectorNoise:
    """The noise of a run."""
    return DetectorNoise(
        seed=config.noise_seed,
        shifting_scalar=config.shifting_scalar,
        random_sigma=config.random_sigma,
        constant_shift=config.constant_shift,
        fresh=config.noise == "fresh",
        dropout=config.noise_dropout,
        swap=config.noise_swap,
    )


class Learner:
    """Trains and judges a model, a global batch at a time.

    A loss is weight * total / count with total and count summed over all replicas, so that neither a step nor a score
    depends on how a batch is split. Noise of training is keyed by (seed, epoch), epochs from 1; 0 is evaluation's.

    Args:
      config: the run's settings.
      cluster: where it runs.
      num_keypoints: K.

    Raises:
      InputError: the model or its options are unknown, or the settings do not go together.
    """

    def __init__(self, config: ExperimentConfig, cluster: strategy.Cluster, num_keypoints: int = 25) -> None:
        self.config, self.cluster = config, cluster
        self.codec = HeatmapCodec(size=config.size)
        self.noise = simulated_detector(config)
        self.augmentation = Augmentation(
            config.augment_rotation, config.augment_translation, config.augment_flip, config.seed
        )
        with cluster.strategy.scope():
            self.model = build_model(config, num_keypoints)
            self.trained = last_layer(self.model) if config.freeze_but_last else self.model.trainable_variables
            self.optimizer = build_optimizer(config)
            self.optimizer.build(self.trained)
            self.average = MovingAverage(self.trained, config.ema) if config.ema else None
        self.takes: str = self.model.takes
        self._loss = losses.LOSSES[checked_loss(config, self.model)]
        jit = self._uses_jit()
        self._train = strategy.compiled(cluster, self._train_replica, jit)
        self._judge = strategy.compiled(cluster, self._judge_replica, jit)
        self._identity = strategy.compiled(cluster, self._identity_replica, False)
        self._weights: list[float] = []

    @property
    def variables(self) -> dict[str, list[Any]]:
        """All that training changes, for a checkpoint: weights, states of random layers, optimizer, average."""
        average = self.average.variables if self.average else []
        return {"model": self.model.variables, "optimizer": self.optimizer.variables, "average": average}

    def train_step(self, batch: Any, epoch: int) -> Any:
        """One step on a distributed batch; returns (total, count) of each loss term, float64 [L, 2], not waited for."""
        return self.cluster.local(self._train(batch, self._noise_epoch(epoch)))[0]

    def judge_step(self, batch: Any) -> tuple[Any, list[dict[str, Any]]]:
        """(total, count) of each loss term, float64 [L, 2], and predicted and true keypoints of each local replica."""
        terms, predictions = self._judge(batch, _key(0))
        return self.cluster.local(terms)[0], self._by_replica(predictions)

    def identity_step(self, batch: Any) -> list[dict[str, Any]]:
        """As the predictions of `judge_step`, with the detector's own keypoints for the model's."""
        return self._by_replica(self._identity(batch, _key(0)))

    def loss_value(self, terms: np.ndarray) -> float:
        """The loss of summed (total, count) [L, 2]."""
        if not self._weights:
            raise ValueError(f"no step was run yet, so the weights of the terms are unknown. Received: terms={terms}")
        return float(sum(w * total / max(count, 1.0) for w, (total, count) in zip(self._weights, terms, strict=True)))

    @contextlib.contextmanager
    def judged_weights(self) -> Iterator[None]:
        """Within the block the model has the weights that are judged and kept: their average, where there is one."""
        with self.average.applied() if self.average else contextlib.nullcontext():
            yield

    def _noise_epoch(self, epoch: int) -> Any:
        return _key(self.config.seed * 2**16 + epoch)

    def _by_replica(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        local = {name: self.cluster.local(value) for name, value in values.items()}
        return [{name: value[i] for name, value in local.items()} for i in range(self.cluster.local_replicas)]

    def _uses_jit(self) -> bool:
        if self.config.jit == "on" and self.cluster.num_replicas > 1:
            raise InputError("--jit=on works on one device only: add --strategy=single or leave --jit=auto")
        if self.config.jit != "auto":
            return self.config.jit == "on"
        on_cpu = not tf.config.list_logical_devices("GPU")
        return self.cluster.num_replicas == 1 and (bool(self.model.jit_compile_cpu) if on_cpu else True)

    def _train_replica(self, batch: Any, epoch: Any) -> Any:
        batch = self.augmentation.apply(batch, self.config.size, epoch, xp=keras.ops)
        inputs, targets = self._prepared(batch, epoch)
        with tf.GradientTape() as tape:
            terms = self._loss(targets, self.model(inputs, training=True))
            counts = strategy.all_reduce_sum(tf.stack([term.count for term in terms]))
            totals = tf.stack([term.total for term in terms])
            self._weights = [float(term.weight) for term in terms]
            loss = tf.reduce_sum(tf.constant(self._weights) * totals / tf.maximum(counts, 1.0))
        self.optimizer.apply(tape.gradient(loss, [variable.value for variable in self.trained]), self.trained)
        if self.average:
            self.average.update()
        return tf.cast(tf.stack([strategy.all_reduce_sum(totals), counts], axis=1), tf.float64)

    def _judge_replica(self, batch: Any, epoch: Any) -> Any:
        inputs, targets = self._prepared(batch, epoch)
        outputs = self.model(inputs, training=False)
        terms = self._loss(targets, outputs)
        self._weights = [float(term.weight) for term in terms]
        sums = strategy.all_reduce_sum(tf.stack([tf.stack([term.total, term.count]) for term in terms]))
        predicted = outputs["keypoints"] if "keypoints" in outputs else self._decoded(outputs["heatmaps"])
        return tf.cast(sums, tf.float64), _judged(batch, predicted)

    def _identity_replica(self, batch: Any, epoch: Any) -> Any:
        inputs, _ = prepare(batch, self.codec, self.noise, "keypoints", epoch, self.config.decoder)
        return _judged(batch, inputs["keypoints"])

    def _prepared(self, batch: Any, epoch: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        config = self.config
        return prepare(batch, self.codec, self.noise, self.takes, epoch, config.decoder, config.sub_pixel_targets)

    def _decoded(self, heatmaps: Any) -> Any:
        return self.codec.decode(heatmaps, self.config.decoder, xp=keras.ops)[0]


def _judged(batch: Any, predicted: Any) -> dict[str, Any]:
    truth = {"keypoints": batch["keypoints"], "visibility": batch["visibility"]}
    return truth | {"predicted": predicted}


def _key(number: int) -> Any:
    return tf.constant(number, tf.uint32)


def build_model(config: ExperimentConfig, num_keypoints: int = 25) -> Any:
    """The model of a run with random weights, or with those that finetuning starts from.

    Raises InputError for unknown models and options, and for weights that do not fit.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(config.precision)
    try:
        model = models.build(
            config.model, window=config.window, size=config.size, num_keypoints=num_keypoints, **config.model_options
        )
    except (ValueError, TypeError) as error:
        raise InputError(f"--model={config.model} with these --model_options: {error}") from None
    finally:
        keras.config.set_dtype_policy(before)
    if config.finetune_from:
        start_from(model, config)
    return model


def start_from(model: Any, config: ExperimentConfig) -> None:
    """Copies the best weights of another run; the last layer keeps its own where only that is to be trained."""
    path = Path(config.finetune_from) / "best.keras"
    if not path.is_file():
        raise InputError(
            f"--finetune_from={config.finetune_from}: {path} is not there; name a run folder with a best model"
        )
    try:
        weights = keras.saving.load_model(path, compile=False).get_weights()
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise InputError(f"--finetune_from: cannot read {path} ({str(error).splitlines()[0]})") from None
    fresh = [(variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in last_layer(model)]
    if [w.shape for w in weights] != [tuple(w.shape) for w in model.weights]:
        raise InputError(f"--finetune_from: the weights in {path} do not fit this model; give the same --model_options")
    model.set_weights(weights)
    if config.freeze_but_last:
        for variable, value in fresh:
            variable.assign(value)


def checked_loss(config: ExperimentConfig, model: Any) -> str:
    """The name of the loss to train with. Raises InputError where there is none of that name or for this model."""
    name = config.loss or losses.default_loss(config.model)
    if name not in losses.LOSSES:
        raise InputError(f"--loss must be one of {', '.join(losses.LOSSES)}, got {name!r}")
    if name == "deciwatch" and "denoised" not in model.output:
        raise InputError(f"--loss=deciwatch needs a model that denoises, {config.model} does not: leave --loss out")
    return name


def last_layer(model: Any) -> list[Any]:
    """Trainable variables of the last layer that has any of its own."""
    with_weights = [layer for layer in model._flatten_layers(include_self=False) if _own_variables(layer)]
    return _own_variables(with_weights[-1])


def _own_variables(layer: Any) -> list[Any]:
    return [] if any(layer._flatten_layers(include_self=False)) else list(layer.trainable_variables)


def build_optimizer(config: ExperimentConfig) -> Any:
    """Adam, or AdamW (decoupled weight decay, of kernels only) where there is weight decay."""
    rates = {"learning_rate": config.learning_rate, "beta_1": config.beta_1, "beta_2": config.beta_2}
    if config.weight_decay:
        optimizer = keras.optimizers.AdamW(**rates, weight_decay=config.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
        return optimizer
    return keras.optimizers.Adam(**rates)
