"""Trains in several processes at once, for tests: python training_process.py JOBS, a JSON file with a list of jobs.

A job is {"folder", "devices": logical processors, "settings", "environment", "models": {name: [model, options]}}. It
writes a run to FOLDER/run, what that says to FOLDER.log, and for each of the models FOLDER/NAME.npz: the summed loss
terms and the gradients of one step, and whether random layers drew alike on its replicas. The processes are forked
after TensorFlow's import and before its first use, which spares most of their start.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console

from kerasmooth.training import devices, learner, loop
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.data import Batches, open_records


def one_step(config: TrainingConfig, cluster: devices.Cluster) -> dict[str, np.ndarray]:
    """Loss terms and gradients: with plain gradient descent at a rate of 1 the weights move by the gradient."""
    config, records = open_records(config, print)
    keras.utils.set_random_seed(config.seed)
    learner.build_optimizer = lambda _: keras.optimizers.SGD(1.0, name="sgd")
    one = learner.Learner(config, cluster)
    before = {variable.path: np.array(variable.numpy()) for variable in one.trained}
    terms = one.train_step(next(iter(Batches(config, records, cluster).training(1, 0))), 1)
    moved = {variable.path: before[variable.path] - variable.numpy() for variable in one.trained}
    return moved | {"terms": terms.numpy()}


def draws(config: TrainingConfig, cluster: devices.Cluster) -> dict[str, np.ndarray]:
    """What each replica of this process gets from a model with dropout for the same input, twice."""
    one = learner.Learner(open_records(config, print)[0], cluster)
    shape = (2, config.window or 5, 25, 2)
    inputs = {"keypoints": tf.ones(shape) * 5.0, "visibility": tf.ones(shape[:3])}

    @tf.function
    def step() -> Any:
        return cluster.strategy.run(lambda: one.model(inputs, training=True)["keypoints"])

    calls = [cluster.local(step()) for _ in range(2)]
    return {"draws": np.array([[replica.numpy() for replica in call] for call in calls])}


class Once:
    """Builds the cluster at the first call: several workers can be joined only once in a process."""

    def __init__(self, build: Any) -> None:
        self._build, self.cluster = build, None

    def __call__(self, *arguments: Any) -> Any:
        self.cluster = self.cluster or self._build(*arguments)
        return self.cluster


def work(job: dict[str, Any]) -> None:
    os.environ.update(job["environment"])
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * job["devices"])
    folder = Path(job["folder"])
    with open(f"{folder}.log", "w") as log:
        try:
            config = TrainingConfig(runs_dir=str(folder), run_name="run", datasets=("sample",), **job["settings"])
            steps: dict[str, dict[str, np.ndarray]] = {}
            devices.build = Once(devices.build)
            loop.train(config, console=Console(file=log, width=200))
            cluster = devices.build.cluster
            for name, (model, options) in job["models"].items():
                steps[name] = one_step(config.replace(model=model, model_options=options), cluster)
            random = config.replace(model="deciwatch", model_options={"hidden_dim": 8, "num_layers": 1, "dropout": 0.5})
            steps["random"] = draws(random, cluster)
            for name, arrays in steps.items():
                np.savez(f"{folder}-{name}.npz", **arrays)
        except BaseException:
            traceback.print_exc(file=log)
            raise


def start(job: dict[str, Any]) -> int:
    """Forks a child that works; returns its process id."""
    if child := os.fork():
        return child
    status = 1
    try:
        work(job)
        status = 0
    finally:
        os._exit(status)


def main() -> None:
    children = [start(job) for job in json.loads(Path(sys.argv[1]).read_text())]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        sys.exit(f"processes ended with {codes}")


if __name__ == "__main__":
    main()
