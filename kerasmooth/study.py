"""Runs the study's grid and keeps its scores: python -m kerasmooth.study --flagfile=flags/study.cfg.

Every run of the grid that has no result in results_dir/table is trained, judged on the test split, and its scores are
written there as a small file; the same command goes on where it was stopped. kerasmooth.report makes tables of them.
"""

from absl import flags

from kerasmooth.command_line import define_flag, run
from kerasmooth.quiet import import_tensorflow
from kerasmooth.reporting.grid import StudyConfig

_FLAGS = {name: define_flag(name, field) for name, field in StudyConfig.model_fields.items()}
_VERBOSE = flags.DEFINE_bool("verbose", False, "show every epoch of every run")


def main() -> None:
    """Runs as the flags say."""
    study = StudyConfig(**{name: flag.value for name, flag in _FLAGS.items()})
    import_tensorflow()
    from rich.console import Console

    from kerasmooth.reporting.study import run_study

    run_study(study, Console(highlight=False, soft_wrap=True), verbose=_VERBOSE.value)


def cli() -> None:
    """The command `kerasmooth-study`."""
    run(main)


if __name__ == "__main__":
    cli()
