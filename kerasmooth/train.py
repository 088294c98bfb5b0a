"""Trains a smoother, and continues where it was stopped: python -m kerasmooth.train --flagfile=flags/exp1.cfg.

Each flag is a field of `kerasmooth.training.config.TrainingConfig`; flagfiles of the study's experiments are in flags/.
"""

import typing
from typing import Any

from absl import flags

from kerasmooth.command_line import run
from kerasmooth.quiet import import_tensorflow
from kerasmooth.training.config import TrainingConfig, parse_model_options


def _define(name: str, field: Any) -> "flags.FlagHolder[Any]":
    """The flag of a setting, by its type. Values are checked by the config, whose messages are the same everywhere."""
    kind, text, default = field.annotation, field.description, field.default
    if typing.get_origin(kind) is typing.Literal:
        kind, text = str, f"{text} ({', '.join(typing.get_args(kind))})"
    if typing.get_origin(kind) is not None:
        return flags.DEFINE_list(name, list(default), text)
    define: dict[Any, Any] = {
        bool: flags.DEFINE_bool,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }
    holder: flags.FlagHolder[Any] = define[kind](name, default, text)
    return holder


_FLAGS = {name: _define(name, field) for name, field in TrainingConfig.flags().items()}


def config_from_flags() -> TrainingConfig:
    """The settings of the parsed flags. Raises InputError for bad ones."""
    values = {name: flag.value for name, flag in _FLAGS.items()}
    values["model_options"] = parse_model_options(values["model_options"])
    values["datasets"] = tuple(name.strip() for name in values["datasets"])
    return TrainingConfig(**values)


def main() -> None:
    """Trains as the flags say."""
    config = config_from_flags()
    import_tensorflow()
    from kerasmooth.training.loop import train

    train(config)


def cli() -> None:
    """The command `kerasmooth-train`."""
    run(main)


if __name__ == "__main__":
    cli()
