"""Trains a smoother, and continues where it was stopped: python -m kerasmooth.train --flagfile=flags/exp1.cfg.

Each flag is a field of `kerasmooth.training.config.TrainingConfig`; flagfiles of the study's experiments are in flags/.
"""

from kerasmooth.command_line import define_flag, run
from kerasmooth.quiet import import_tensorflow
from kerasmooth.training.config import TrainingConfig, parse_model_options

_FLAGS = {name: define_flag(name, field) for name, field in TrainingConfig.flags().items()}


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
    run(main, remote=("records_dir", "runs_dir", "finetune_from"))


if __name__ == "__main__":
    cli()
