"""Trains a smoother, and continues where it was stopped: python -m kerasmooth.train --flagfile=flags/exp1.cfg.

Each flag but --runs_dir and --run_name is a field of `kerasmooth.training.experiment.ExperimentConfig`; flagfiles of
the study's experiments are in flags/.
"""

import dataclasses
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags

from kerasmooth.command_line import run
from kerasmooth.errors import InputError
from kerasmooth.quiet import import_tensorflow
from kerasmooth.training.experiment import ExperimentConfig, parse_model_options, resolve_datasets

_SETTINGS = [setting for setting in dataclasses.fields(ExperimentConfig) if setting.metadata["is_flag"]]


def _define(setting: "dataclasses.Field[Any]") -> "flags.FlagHolder[Any]":
    """The flag of a field, by its type."""
    text = setting.metadata["text"]
    if choices := setting.metadata["choices"]:
        text += f" ({', '.join(map(str, choices))})"
    if typing.get_origin(setting.type) is tuple:
        return flags.DEFINE_list(setting.name, list(setting.default), text)  # type: ignore[arg-type]
    if typing.get_origin(setting.type) is dict:
        return flags.DEFINE_list(setting.name, [], text)
    define: dict[Any, Callable[..., Any]] = {
        bool: flags.DEFINE_bool,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }
    holder: flags.FlagHolder[Any] = define[setting.type](setting.name, setting.default, text)
    return holder


_FLAGS = {setting.name: _define(setting) for setting in _SETTINGS}
_RUNS_DIR = flags.DEFINE_string("runs_dir", "runs", "folder of run folders")
_RUN_NAME = flags.DEFINE_string(
    "run_name", "", "the run's folder there; empty: made from model, options, s and experiment"
)


def config_from_flags() -> ExperimentConfig:
    """The settings of the parsed flags. Raises InputError for bad ones."""
    values = {name: flag.value for name, flag in _FLAGS.items()}
    values["model_options"] = parse_model_options(values["model_options"])
    values["datasets"] = tuple(name.strip() for name in values["datasets"])
    return ExperimentConfig(**values)


def run_folder_of(config: ExperimentConfig) -> Path:
    """The run folder that --runs_dir and --run_name ask for."""
    name = _RUN_NAME.value or config.default_run_name
    if name in (".", "..") or Path(name).name != name:
        raise InputError(f"--run_name must be the name of a folder, without slashes, got {name!r}")
    return Path(_RUNS_DIR.value) / name


def main() -> None:
    """Trains as the flags say."""
    config = config_from_flags()
    names = resolve_datasets(config.records_dir, config.datasets, config.frame_step)
    run_dir = run_folder_of(dataclasses.replace(config, datasets=names))
    import_tensorflow()
    from kerasmooth.training.trainer import train_and_evaluate

    train_and_evaluate(config, run_dir)


if __name__ == "__main__":
    run(main)
