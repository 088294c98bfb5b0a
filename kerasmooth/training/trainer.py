"""The training loop: epochs of steps, each epoch judged, all of it continued exactly where it was killed."""

import dataclasses
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console

from kerasmooth import input_pipeline
from kerasmooth.errors import InputError
from kerasmooth.input_pipeline import RecordSets
from kerasmooth.interrupt import Interrupt
from kerasmooth.progress import Meter
from kerasmooth.training import checkpoint, curves, history, run_folder, run_report, strategy
from kerasmooth.training.experiment import ExperimentConfig, make_records_command, resolve_datasets
from kerasmooth.training.history import Row, pck_column
from kerasmooth.training.judging import Judge, distributed
from kerasmooth.training.learner import Learner
from kerasmooth.training.run_state import RunState
from kerasmooth.training.schedule import Schedule


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop; the same command continues it."""


def train_and_evaluate(config: ExperimentConfig, run_dir: Path, console: Console | None = None) -> RunState:
    """Trains until done, or continues a run that was stopped anywhere.

    Args:
      config: the settings; `datasets` may be ("auto",).
      run_dir: the run's folder, made if it is not there.
      console: where progress goes; standard output by default.

    Raises:
      InputError: records or settings are bad, or the folder holds a run with other settings.
      Interrupted: SIGINT or SIGTERM came; a checkpoint is written.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    cluster = strategy.build(config.strategy)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    console = console if cluster.is_chief else Console(quiet=True)
    config, records = with_records(config, console)
    learner = Learner(config, cluster)
    if cluster.is_chief:
        run_folder.open_run(run_dir, config, [device.name for device in tf.config.list_logical_devices()])
    return Trainer(learner, records, run_dir, console).run()


def with_records(config: ExperimentConfig, console: Console) -> tuple[ExperimentConfig, RecordSets]:
    """Resolves `datasets`, opens the records and takes over their window and heatmap size."""
    names = resolve_datasets(config.records_dir, config.datasets, config.frame_step, console.print)
    records = RecordSets(config.records_dir, names)
    if records.frame_step != config.frame_step:
        raise InputError(
            f"the records in {config.records_dir} have frame_step {records.frame_step}, but --frame_step is "
            f"{config.frame_step}: `{make_records_command('FOLDER', config.frame_step)}` and --records_dir=FOLDER"
        )
    for split in ("train", "validation"):
        if not records.num_windows(split):
            raise InputError(
                f"the records of {', '.join(names)} in {config.records_dir} have no {split} windows; make more"
            )
        records.shards(split, verify=True)
    return dataclasses.replace(config, datasets=names, window=records.window, size=records.size), records


class Trainer:
    """One run: see `train_and_evaluate`, which makes it.

    Args:
      learner: model, optimizer and steps.
      records: what to train on.
      run_dir: the run's folder; only the chief process writes there.
      console: where progress goes.
    """

    def __init__(self, learner: Learner, records: RecordSets, run_dir: Path, console: Console) -> None:
        self.config, self.learner, self.records, self.run_dir = learner.config, learner, records, run_dir
        self.console, self.is_chief = console, learner.cluster.is_chief
        self.state = RunState(Schedule.start(self.config), records.fingerprint)
        cluster = learner.cluster
        self.share = input_pipeline.Share(cluster.worker, cluster.num_workers, cluster.local_replicas)
        self.judge = Judge(learner, records, self.share, console)
        in_all = input_pipeline.steps_for(records.num_windows("train"), self.config.batch_size)
        self.steps_per_epoch = self.config.steps_per_epoch or in_all
        self.interrupt = Interrupt()
        self._saved_at = time.monotonic()
        self._rate = 0.0

    def run(self) -> RunState:
        """Trains until there is a reason to stop, and says which."""
        self._restore()
        if reason := self.state.why_finished(self.config):
            self.console.print(f"{self.run_dir} is finished: {reason}.")
        else:
            self.console.print(run_report.announcement(self.learner, self.state, self.records, self.steps_per_epoch))
            with self.interrupt:
                reason = self._train()
            self.console.print(f"Finished: {reason}.")
        self.console.print(run_report.summary(self.config, self.state, self.judge.num_windows, self.run_dir))
        return self.state

    def _train(self) -> str:
        board = history.TensorBoardLog(self.run_dir, self.state.rows) if self.is_chief else None
        if not self.state.identity:
            self.state.identity = self.judge.identity(self._stop_if_asked)
        while not (reason := self.state.why_finished(self.config)):
            if self.state.step < self.steps_per_epoch:
                self._train_epoch()
            row = self._judge_epoch()
            if board:
                board.add(row)
        return reason

    def _train_epoch(self) -> None:
        state, config = self.state, self.config
        batches = input_pipeline.training_batches(
            self.records,
            seed=config.seed,
            batch_size=config.batch_size,
            first_step=(state.epoch - 1) * self.steps_per_epoch + state.step,
            num_steps=self.steps_per_epoch - state.step,
            share=self.share,
        )
        sums = tf.constant(state.sums or 0.0, tf.float64)
        spent, began = state.epoch_seconds, time.monotonic()
        title = f"epoch {state.epoch}/{config.max_epochs}"
        with Meter(self.console, title, self.steps_per_epoch, state.step, config.batch_size) as meter:
            for batch in distributed(self.learner, batches):
                self._set_learning_rate()
                # Nothing here waits for the device, but where something is shown or saved.
                sums = sums + self.learner.train_step(batch, state.epoch)
                state.step += 1
                if state.step == self.steps_per_epoch or self.interrupt.requested or self._checkpoint_is_due():
                    state.sums, state.epoch_seconds = sums.numpy().tolist(), spent + time.monotonic() - began
                    self._save()
                    self._stop_if_asked()
                meter.advance(f"loss {self.learner.loss_value(sums.numpy()):.4g}" if meter.due() else "")

    def _set_learning_rate(self) -> None:
        """The schedule's, rising to it over the first --warmup_steps of the run."""
        done = (self.state.epoch - 1) * self.steps_per_epoch + self.state.step
        share = min(1.0, (done + 1) / max(self.config.warmup_steps, 1))
        rate = share * self.state.schedule.learning_rate
        if rate != self._rate:
            self.learner.optimizer.learning_rate = self._rate = rate

    def _judge_epoch(self) -> Row:
        state, began = self.state, time.monotonic()
        with self.learner.judged_weights():
            loss, scores = self.judge.model(self._stop_if_asked)
            row = self._row(loss, scores, time.monotonic() - began)
            improved = state.schedule.update(state.epoch, loss, scores[pck_column(self.config.best_by)])
            if improved and self.is_chief:
                self._keep_best(row)
        state.end_epoch(row)
        self._save()
        self._write_history()
        self.console.print(run_report.epoch_line(row, improved))
        return row

    def _row(self, loss: float, scores: dict[str, float], judging_seconds: float) -> dict[str, float]:
        state, in_all = self.state, self.records.num_windows("train")
        windows = self.steps_per_epoch * self.config.batch_size if self.config.steps_per_epoch else in_all
        return {
            "epoch": state.epoch,
            "train_loss": self.learner.loss_value(np.array(state.sums)),
            "validation_loss": loss,
            **scores,
            "learning_rate": state.schedule.learning_rate,
            "seconds": state.epoch_seconds + judging_seconds,
            "windows_per_second": windows / max(state.epoch_seconds, 1e-9),
        }

    def _keep_best(self, row: Row) -> None:
        run_folder.save_model(self.learner.model, self.run_dir / run_folder.BEST_MODEL_FILE)
        best = {"epoch": row["epoch"], "by": pck_column(self.config.best_by), "identity": self.state.identity}
        best |= {name: row[name] for name in history.COLUMNS[1:6]}
        best["validation_windows"] = self.judge.num_windows
        run_folder.write_json(self.run_dir / run_folder.BEST_FILE, best)

    def _checkpoint_is_due(self) -> bool:
        steps, seconds = self.config.checkpoint_steps, self.config.checkpoint_seconds
        by_time = 0 < seconds <= time.monotonic() - self._saved_at
        return by_time or (steps > 0 and self.state.step % steps == 0)

    def _save(self) -> None:
        if self.is_chief:
            path = self.run_dir / checkpoint.CHECKPOINT_FILE
            checkpoint.save(path, self.learner.variables, self.state.to_json())
        self._saved_at = time.monotonic()

    def _restore(self) -> None:
        """Takes over the checkpoint, if there is one; every process reads the same file."""
        path = self.run_dir / checkpoint.CHECKPOINT_FILE
        if path.is_file():
            state = RunState.from_json(checkpoint.load(path, self.learner.variables))
            if state.records != self.state.records:
                raise InputError(
                    f"the records in {self.config.records_dir} are not those that {self.run_dir} was trained on: "
                    "choose another --run_name, or make the records as they were"
                )
            self.state = state
            if self.is_chief and state.rows:
                self._write_history()
        self._check_that_all_agree()

    def _check_that_all_agree(self) -> None:
        cluster, mine = self.learner.cluster, np.array([self.state.epoch, self.state.step], np.float64)
        if np.any(cluster.sum_over_workers(mine) != mine * cluster.num_workers):
            raise InputError(f"the workers are not at the same step: all must see the same --runs_dir ({self.run_dir})")

    def _stop_if_asked(self) -> None:
        if not self.interrupt.requested:
            return
        state = self.state
        where = f"in epoch {state.epoch} after step {state.step} of {self.steps_per_epoch}"
        if not state.step and state.epoch == 1:
            where = "before the first step"
        self.console.print(f"Interrupted {where}: run the same command again to continue from there.")
        raise Interrupted

    def _write_history(self) -> None:
        if not self.is_chief:
            return
        state = self.state
        history.write_csv(self.run_dir / history.HISTORY_FILE, state.rows)
        curves.draw(
            self.run_dir / curves.CURVES_FILE, state.rows, state.identity, state.schedule.best_epoch, self.run_dir.name
        )
