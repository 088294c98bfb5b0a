"""A model, its optimizer and its compiled steps on a cluster of devices."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth import losses, models, storage
from kerasmooth.errors import InputError
from kerasmooth.training import devices
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.data import Preprocessor
from kerasmooth.training.moving_average import MovingAverage


class Learner:
    """Trains a model and predicts with it, a global batch at a time.

    A loss is weight * total / count with total and count summed over all replicas, so that neither a step nor a score
    depends on how a batch is split. Dropout is drawn for each replica by itself.

    Args:
      config: the run's settings.
      cluster: where it runs.
      num_keypoints: K.

    Raises:
      InputError: the model or its options are unknown, or the settings do not go together.
    """

    def __init__(self, config: TrainingConfig, cluster: devices.Cluster, num_keypoints: int = 25) -> None:
        self.config, self.cluster = config, cluster
        with cluster.strategy.scope():
            self.model = build_model(config, num_keypoints)
            self.trained = trained_variables(config, self.model)
            self.optimizer = build_optimizer(config)
            self.optimizer.build(self.trained)
            self.average = MovingAverage(self.trained, config.ema) if config.ema else None
        self.preprocessor = Preprocessor(config, self.model.takes)
        self.loss = loss_of(config, self.model)
        self._train = devices.compiled(cluster, self._train_replica, config.xla)
        self._validate = devices.compiled(cluster, self._validate_replica, config.xla)
        self._detect = devices.compiled(cluster, self._detect_replica, False)
        self._weights: list[float] = []
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
        """One step on a distributed batch; returns (total, count) of each loss term, float64 [L, 2], not waited for."""
        return self.cluster.local(self._train(batch, self.preprocessor.epoch_key(epoch)))[0]

    def validation_step(self, batch: Any) -> tuple[Any, list[dict[str, Any]]]:
        """(total, count) of each loss term, float64 [L, 2], and predicted and true keypoints of each local replica."""
        terms, predictions = self._validate(batch)
        return self.cluster.local(terms)[0], self._by_replica(predictions)

    def detector_step(self, batch: Any) -> list[dict[str, Any]]:
        """As the predictions of `validation_step`, with the detector's own keypoints for the model's."""
        return self._by_replica(self._detect(batch))

    def loss_value(self, terms: np.ndarray) -> float:
        """The loss of summed (total, count) [L, 2]; NaN where nothing was annotated."""
        if not self._weights:
            raise ValueError(f"no step was run yet, so the weights of the terms are unknown. Received: terms={terms}")
        if not terms[:, 1].any():
            return math.nan
        return float(np.sum(np.array(self._weights) * terms[:, 0] / np.maximum(terms[:, 1], 1.0)))

    @contextlib.contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Within the block the model has the weights that are judged and kept: their average, where there is one."""
        with self.average.applied() if self.average else contextlib.nullcontext():
            yield

    def _by_replica(self, values: dict[str, Any]) -> list[dict[str, Any]]:
        local = {name: self.cluster.local(value) for name, value in values.items()}
        return [{name: value[i] for name, value in local.items()} for i in range(self.cluster.local_replicas)]

    def _train_replica(self, batch: Any, epoch: Any) -> Any:
        inputs, targets = self.preprocessor.training(batch, epoch)
        with tf.GradientTape() as tape:
            terms = self.loss(targets, self.model(inputs, training=True))
            counts = devices.all_reduce_sum(tf.stack([term.count for term in terms]))
            totals = tf.stack([term.total for term in terms])
            self._weights = [float(term.weight) for term in terms]
            loss = tf.reduce_sum(tf.constant(self._weights) * totals / tf.maximum(counts, 1.0))
        self.optimizer.apply(tape.gradient(loss, [variable.value for variable in self.trained]), self.trained)
        if self.average:
            self.average.update()
        return tf.cast(tf.stack([devices.all_reduce_sum(totals), counts], axis=1), tf.float64)

    def _validate_replica(self, batch: Any) -> Any:
        inputs, targets = self.preprocessor.validation(batch)
        outputs = self.model(inputs, training=False)
        terms = self.loss(targets, outputs)
        self._weights = [float(term.weight) for term in terms]
        sums = devices.all_reduce_sum(tf.stack([tf.stack([term.total, term.count]) for term in terms]))
        return tf.cast(sums, tf.float64), _with_truth(batch, self.preprocessor.keypoints(outputs))

    def _detect_replica(self, batch: Any) -> Any:
        inputs, _ = self.preprocessor.validation(batch, takes="keypoints")
        return _with_truth(batch, inputs["keypoints"])


def _with_truth(batch: Any, predicted: Any) -> dict[str, Any]:
    return {"keypoints": batch["keypoints"], "visibility": batch["visibility"], "predicted": predicted}


def uses_xla(config: TrainingConfig, cluster: devices.Cluster, num_steps: int) -> bool:
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


def build_model(config: TrainingConfig, num_keypoints: int = 25) -> models.Smoother:
    """The model of a run with random weights, or with those that finetuning starts from.

    Raises InputError for unknown models and options, and for weights that do not fit.
    """
    try:
        model = models.build(
            config.model,
            window=config.window,
            size=config.size,
            num_keypoints=num_keypoints,
            dtype=config.precision,
            **config.model_options,
        )
    except (ValueError, TypeError) as error:
        raise InputError(f"--model={config.model} with these --model_options: {error}") from None
    if config.finetune_from:
        _start_from(model, config)
    return model


def _start_from(model: models.Smoother, config: TrainingConfig) -> None:
    """Copies the best weights of another run; the head keeps its own where only that is to be trained."""
    path = storage.path(config.finetune_from) / "best.keras"
    if not path.is_file():
        raise InputError(
            f"--finetune_from={config.finetune_from}: {path} is not there; name a run folder with a best model"
        )
    try:
        with storage.local_copy(path) as local:
            weights = keras.saving.load_model(local, compile=False).get_weights()
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise InputError(f"--finetune_from: cannot read {path} ({str(error).splitlines()[0]})") from None
    fresh = [(variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in model.head]
    if [w.shape for w in weights] != [tuple(w.shape) for w in model.weights]:
        raise InputError(f"--finetune_from: the weights in {path} do not fit this model; give the same --model_options")
    model.set_weights(weights)
    if config.freeze_but_last:
        for variable, value in fresh:
            variable.assign(value)


def trained_variables(config: TrainingConfig, model: models.Smoother) -> list[Any]:
    """The variables that training changes. Raises InputError where `--freeze_but_last` would leave nothing frozen."""
    everything = list(model.trainable_variables)
    if not config.freeze_but_last:
        return everything
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


def build_optimizer(config: TrainingConfig) -> Any:
    """Adam, or AdamW (decoupled weight decay, of kernels only) where there is weight decay."""
    # A name of its own would be numbered over all optimizers of the process, and so would the paths of its variables.
    rates = {"learning_rate": config.learning_rate, "beta_1": config.beta_1, "beta_2": config.beta_2, "name": "adam"}
    if config.weight_decay:
        optimizer = keras.optimizers.AdamW(**rates, weight_decay=config.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
        return optimizer
    return keras.optimizers.Adam(**rates)
