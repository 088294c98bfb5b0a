"""The training loop: epochs of steps, each epoch judged, all of it continued exactly where it was killed."""

import dataclasses
import importlib.util
import json
import re
import time
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras.callbacks import Callback, CallbackList, TensorBoard
from rich.console import Console

from kerasmooth import files
from kerasmooth.errors import InputError
from kerasmooth.interrupt import Interrupt
from kerasmooth.metrics import Scorer
from kerasmooth.progress import Meter
from kerasmooth.tfrecord.record_sets import RecordSets
from kerasmooth.training import checkpoint, devices, report, run_folder
from kerasmooth.training.config import CONFIG_FILE, TrainingConfig
from kerasmooth.training.data import Batches, open_records, shared_facts, steps_per_epoch, verifies, windows_per_epoch
from kerasmooth.training.learner import Learner, loss_value, uses_xla
from kerasmooth.training.state import Row, RunState

TENSORBOARD_FOLDER = "tensorboard"
_WORKER_IS_GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
)
"""What TensorFlow raises in the other workers."""


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop; the same command continues it."""


def train(config: TrainingConfig, callbacks: Sequence[Callback] = (), console: Console | None = None) -> RunState:
    """Trains until done, or continues a run that was stopped anywhere.

    Args:
      config: the settings; `datasets` may be ("auto",). The run's folder is made if it is not there.
      callbacks: called at epochs, batches and validation as by `keras.Model.fit`; one may set `model.stop_training`.
        What a callback remembers is its own: it is not in checkpoints. The learning rate is that of the settings in
        every step, whatever a callback sets.
      console: where progress goes; standard output by default.

    Raises:
      InputError: records or settings are bad, or the folder holds a run with other settings.
      Interrupted: SIGINT or SIGTERM came; a checkpoint is written.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    cluster = devices.build(config.strategy, shared_facts(config), config.worker_timeout, console.print)
    console = console if cluster.is_chief else Console(quiet=True)
    if config.batch_size < cluster.num_replicas:
        raise InputError(
            f"--batch_size={config.batch_size} is less than the {cluster.num_replicas} devices that share a batch: "
            "some would only compute padding"
        )
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    config, records = open_records(config, console.print, verifies(config, cluster))
    config = config.replace(xla=_xla_from_the_start(config, records, cluster))
    learner = Learner(config, cluster)
    if cluster.is_chief:
        run_folder.open_run(config, [device.name for device in tf.config.list_logical_devices()])
    try:
        return Trainer(learner, records, callbacks, console).run()
    except _WORKER_IS_GONE as error:
        if cluster.num_workers == 1:
            raise
        # Its first line says that a graph failed, the one that says why comes late.
        reason = re.search(r"(?<=aborted by: ).+", str(error)) or re.search(".+", str(error))
        raise InputError(
            f"a worker went away ({reason[0] if reason else type(error).__name__}): start all of them again, they "
            "continue from the last checkpoint"
        ) from None


def _xla_from_the_start(config: TrainingConfig, records: RecordSets, cluster: devices.Cluster) -> bool:
    """As the run was begun, whatever its --max_epochs is now: compiled steps differ from others in the last bits."""
    wanted = uses_xla(config, cluster, config.max_epochs * steps_per_epoch(config, records))
    begun = (config.run_dir / CONFIG_FILE).is_file() and cluster.num_replicas == 1
    return TrainingConfig.load(config.run_dir).xla if begun else wanted


class Trainer:
    """One run: see `loop.train`, which makes it. Only the chief process writes into the run's folder."""

    def __init__(self, learner: Learner, records: RecordSets, callbacks: Sequence[Callback], console: Console) -> None:
        self.config, self.learner, self.console = learner.config, learner, console
        self.run_dir, self.is_chief = learner.config.run_dir, learner.cluster.is_chief
        self.batches = Batches(self.config, records, learner.cluster)
        self.state = RunState(records.fingerprint)
        self.interrupt = Interrupt()
        self._saved_at = time.monotonic()
        self._tells_batches = bool(callbacks)
        learner.model.optimizer = learner.optimizer
        learner.model.stop_training = False
        own: list[Callback] = []
        if self.is_chief and importlib.util.find_spec("tensorboard"):
            own = [TensorBoard(str(self.run_dir / TENSORBOARD_FOLDER), write_graph=False)]
        params = {"epochs": self.config.max_epochs, "steps": self.batches.steps_per_epoch, "verbose": 0}
        self.callbacks = CallbackList([*callbacks, *own], model=learner.model, **params)

    def run(self) -> RunState:
        """Trains until there is a reason to stop, and says which."""
        self._restore()
        if reason := self.state.why_finished(self.config):
            self.console.print(f"{self.run_dir} is finished: {reason}.")
        else:
            weights, replicas = self.learner.model.count_params(), self.learner.cluster.num_replicas
            self.console.print(report.announcement(self.config, weights, self.batches, replicas))
            if self.state.epoch > 1 or self.state.step:
                self.console.print(f"Continuing in epoch {self.state.epoch} after step {self.state.step}.")
            with self.interrupt:
                reason = self._train()
            self.console.print(f"Finished: {reason}.")
        self.console.print(report.summary(self.config, self.state, self.batches.validation_windows))
        return self.state

    def _train(self) -> str:
        self.callbacks.on_train_begin()
        while not (reason := self.state.why_finished(self.config)):
            self.callbacks.on_epoch_begin(self.state.epoch - 1)
            if self.state.step < self.batches.steps_per_epoch:
                self._train_epoch()
            self._judge_epoch()
        self.callbacks.on_train_end(dict(self.state.rows[-1]))
        return reason

    def _train_epoch(self) -> None:
        state, steps, rate = self.state, self.batches.steps_per_epoch, None
        sums = tf.constant(state.sums or 0.0, tf.float64)
        spent, began = state.epoch_seconds, time.monotonic()
        title = f"epoch {state.epoch}/{self.config.max_epochs}"
        with Meter(self.console, title, steps, state.step, self.config.batch_size) as meter:
            for batch in self.batches.training(state.epoch, state.step):
                if (wanted := state.learning_rate(self.config, steps)) != rate:
                    self.learner.optimizer.learning_rate = rate = wanted
                self.callbacks.on_train_batch_begin(state.step)
                # Nothing here waits for the device, but where something is shown, reported or saved.
                sums = sums + self.learner.train_step(batch, state.epoch)
                state.step += 1
                logs = {"loss": loss_value(sums.numpy())} if self._tells_batches else None
                self.callbacks.on_train_batch_end(state.step - 1, logs)
                if state.step == steps or self.interrupt.requested or self._checkpoint_is_due():
                    state.sums, state.epoch_seconds = sums.numpy().tolist(), spent + time.monotonic() - began
                    self._save()
                    self._stop_if_asked()
                meter.advance(f"loss {loss_value(sums.numpy()):.4g}" if meter.due() else "")

    def _judge_epoch(self) -> None:
        state, began = self.state, time.monotonic()
        with self.learner.averaged_weights():
            validated = self._validate()
            windows, seconds = windows_per_epoch(self.config, self.batches.records), state.epoch_seconds
            row: Row = {
                "epoch": state.epoch,
                "loss": loss_value(np.array(state.sums)),
                **validated,
                "learning_rate": float(self.learner.optimizer.learning_rate.numpy()),
                "seconds": seconds + time.monotonic() - began,
                "windows_per_second": windows / max(seconds, 1e-9),
            }
            state.end_epoch(row)
            improved = state.best_epoch(self.config) == row["epoch"]
            if improved and self.is_chief:
                self._keep_best(row)
        self.callbacks.on_epoch_end(int(row["epoch"]) - 1, {k: v for k, v in row.items() if k != "epoch"})
        state.stopped = bool(self.learner.model.stop_training)
        self._save()
        self._write_history()
        self.console.print(report.epoch_line(row, improved))

    def _validate(self) -> Row:
        """Loss and PCK of the model on the validation windows; those of no smoothing go into the state, once."""
        sums, of_model, of_detector = [], Scorer(), Scorer()
        self.callbacks.on_test_begin()
        steps, size = self.batches.validation_steps, self.config.batch_size
        with Meter(self.console, "validation", steps, unit_per_step=size) as meter:
            for step, batch in enumerate(self.batches.validation()):
                self.callbacks.on_test_batch_begin(step)
                terms, windows = self.learner.validation_step(batch)
                sums.append(terms)
                of_model.add(windows["truth"], windows["model"], windows["visibility"])
                if not self.state.identity:
                    of_detector.add(windows["truth"], windows["detector"], windows["visibility"])
                self.callbacks.on_test_batch_end(step)
                self._stop_if_asked()
                meter.advance()
        add_up = self.learner.cluster.sum_over_workers
        scores = {"loss": loss_value(np.sum(sums, axis=0)), **of_model.result(add_up)}
        self.callbacks.on_test_end(scores)
        if not self.state.identity:
            self.state.identity = {f"val_{name}": score for name, score in of_detector.result(add_up).items()}
        return {f"val_{name}": score for name, score in scores.items()}

    def _keep_best(self, row: Row) -> None:
        run_folder.save_model(self.learner.model, self.run_dir / run_folder.BEST_MODEL_FILE)
        names = ("loss", *(name for name in row if name.startswith("val_")))
        best = {"epoch": row["epoch"], "by": self.config.best_column, "identity": self.state.identity}
        best |= {name: row[name] for name in names} | {"validation_windows": self.batches.validation_windows}
        files.write_text(self.run_dir / run_folder.BEST_FILE, json.dumps(best, indent=2) + "\n")

    def _checkpoint_is_due(self) -> bool:
        steps, seconds = self.config.checkpoint_steps, self.config.checkpoint_seconds
        by_time = 0 < seconds <= time.monotonic() - self._saved_at
        return by_time or (steps > 0 and self.state.step % steps == 0)

    def _save(self) -> None:
        self._refuse_broken_weights()
        if self.is_chief:
            path = self.run_dir / checkpoint.CHECKPOINT_FILE
            checkpoint.save(path, self.learner.variables, dataclasses.asdict(self.state))
        self._saved_at = time.monotonic()

    def _refuse_broken_weights(self) -> None:
        """A loss may stay finite while the weights are not: ReLU makes nothing of what is no number."""
        weights = [weight.numpy() for weight in self.learner.model.trainable_variables]
        if all(np.isfinite(weight).all() for weight in weights):
            return
        remedy = "a lower --learning_rate"
        if self.config.precision != "float32":
            remedy += ", or --precision=float32 (some processors' bfloat16 fails in gradients: oneDNN with Intel's AMX)"
        raise InputError(
            f"weights became infinite or no number by step {self.state.step} of epoch {self.state.epoch}, what "
            f"{self.run_dir} holds is from before: start another --run_name with {remedy}"
        )

    def _restore(self) -> None:
        """Continues from the checkpoint, if there is one; every process reads the same file."""
        path, cluster = self.run_dir / checkpoint.CHECKPOINT_FILE, self.learner.cluster
        if path.is_file():
            state = RunState(**checkpoint.load(path, self.learner.variables))
            self.learner.spread_seeds()
            if state.records != self.state.records:
                raise InputError(
                    f"the records in {self.config.records_dir} are not those that {self.run_dir} was trained on: "
                    "choose another --run_name, or make the records as they were"
                )
            self.state = state
            if state.rows:
                self._write_history()
        mine = np.array([self.state.epoch, self.state.step], np.float64)
        if np.any(cluster.sum_over_workers(mine) != mine * cluster.num_workers):
            raise InputError(f"the workers are not at the same step: all must see the same --runs_dir ({self.run_dir})")

    def _stop_if_asked(self) -> None:
        if self.interrupt.requested:
            where = f"epoch {self.state.epoch} after step {self.state.step} of {self.batches.steps_per_epoch}"
            self.console.print(f"Interrupted in {where}: run the same command again to continue from there.")
            raise Interrupted

    def _write_history(self) -> None:
        if self.is_chief:
            report.write_history(self.run_dir, self.state.rows)
            report.draw_curves(self.run_dir, self.state, self.state.best_epoch(self.config))
