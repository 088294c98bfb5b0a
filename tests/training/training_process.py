"""Trains in several processes at once, for tests: python training_process.py JOBS, a JSON file with a list of jobs.

A job is {"run_dir", "devices": logical processors, "settings", "environment"}; what it says goes to RUN_DIR.log. The
processes are forked after TensorFlow's import and before its first use, which spares most of their start.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import tensorflow as tf
from rich.console import Console

from kerasmooth.training.experiment import ExperimentConfig
from kerasmooth.training.trainer import train_and_evaluate


def train(job: dict[str, Any]) -> None:
    os.environ.update(job["environment"])
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * job["devices"])
    run_dir = Path(job["run_dir"])
    with open(f"{run_dir}.log", "w") as log:
        try:
            config = ExperimentConfig(datasets=("sample",), **job["settings"])
            train_and_evaluate(config, run_dir, Console(file=log, width=200))
        except BaseException:
            traceback.print_exc(file=log)
            raise


def start(job: dict[str, Any]) -> int:
    """Forks a child that trains; returns its process id."""
    if child := os.fork():
        return child
    status = 1
    try:
        train(job)
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
