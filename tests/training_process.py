"""A process that trains, for tests: python training_process.py RUN_DIR NUM_CPU_DEVICES name=value ... (JSON values)."""

import json
import sys
from pathlib import Path

import tensorflow as tf

from kerasmooth.experiment import ExperimentConfig
from kerasmooth.trainer import train_and_evaluate


def main() -> None:
    run_dir, devices, *words = sys.argv[1:]
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * int(devices))
    values = {name: json.loads(text) for name, text in (word.split("=", 1) for word in words)}
    values["datasets"] = tuple(values.get("datasets", ["auto"]))
    train_and_evaluate(ExperimentConfig(**values), Path(run_dir))


if __name__ == "__main__":
    main()
