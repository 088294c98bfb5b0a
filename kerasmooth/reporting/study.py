"""Running the grid: every run that has no result yet is trained, judged, and its scores are kept."""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from kerasmooth.errors import InputError
from kerasmooth.evaluation.evaluator import Evaluation, evaluate_setting
from kerasmooth.evaluation.results import IDENTITY, Scores, shares
from kerasmooth.evaluation.setting import setting_of
from kerasmooth.noise import noise_profile
from kerasmooth.reporting.claims import claim
from kerasmooth.reporting.grid import StudyConfig, records_of, window_of
from kerasmooth.reporting.results import PLACES, Result, Training, finished, load_results
from kerasmooth.reporting.tables import pck_table
from kerasmooth.tfrecord.record_sets import RecordSets
from kerasmooth.training.config import NOISE_SETTINGS, TrainingConfig
from kerasmooth.training.data import open_records, windows_per_epoch
from kerasmooth.training.learner import build_model, trained_variables
from kerasmooth.training.loop import train
from kerasmooth.training.run_folder import Run, load_run
from kerasmooth.training.state import RunState

_NOISE = [name for name in [*NOISE_SETTINGS, "noise_profile"] if name not in ("shifting_scalar", "random_sigma")]
"""What decides baselines, beside the cell of the grid."""
_OF_WINDOWS = ("window_mean", "window_median")
"""Rows that depend on how long windows are."""


def run_study(study: StudyConfig, console: Console, verbose: bool = False) -> list[Path]:
    """Trains and judges what has no result yet, one run after the other, and says a line for each.

    Killed at any moment, the same command goes on: runs continue from their checkpoints, results are whole or absent.
    Where devices allow, start it several times: each process leaves alone the runs that another one is at.

    Args:
      study: the grid.
      console: where a line for each run goes, and the table as it grows.
      verbose: show what each run says too, and the table at the end only.

    Returns:
      The results' files, of runs and of baselines.

    Raises:
      InputError: records or settings are bad, or a result is of other ones.
    """
    paths: list[Path] = []
    is_live = console.is_terminal and not verbose
    with Live(console=console, auto_refresh=False) if is_live else contextlib.nullcontext() as live:
        for scalar, experiment in study.cells():
            cell = _Cell(study, scalar, experiment, console, verbose)
            runs = [(smoother, seed) for smoother in study.smoothers for seed in study.seeds]
            makers: list[Callable[[], list[Path]]] = [functools.partial(cell.runs, *run) for run in runs]
            for make in [*makers, cell.baselines]:
                paths += make()
                if live:
                    live.update(_table(study), refresh=True)
    if not is_live:
        console.print(_table(study))
    return paths


def _table(study: StudyConfig) -> Table:
    """What is done of the study's table, every frame once."""
    scores = pck_table(load_results(Path(study.results_dir), study.table), "tracks", "cells")
    table = Table("", *scores.columns, title=f"{study.table}: PCK@0.05 / 0.1 / 0.2 [%], every frame once, in cells")
    for name, values in zip(scores.index, scores.to_numpy(), strict=True):
        table.add_row(str(name), *values)
    return table


class _Cell:
    """One column of the tables: of the pretrained runs, and of each way of finetuning them."""

    def __init__(self, study: StudyConfig, scalar: float, experiment: str, console: Console, verbose: bool) -> None:
        self._study, self._scalar, self._experiment = study, scalar, experiment
        self._console, self._details = console, console if verbose else Console(quiet=True)

    def runs(self, smoother: str, seed: int) -> list[Path]:
        """A pretrained run, and what was finetuned from it."""
        config = self._study.training_config(smoother, self._scalar, self._experiment, seed)
        pretrained, paths = self._run(config, smoother, seed, self._study.table)
        for variant in self._finetunings if paths else ():
            finetuning = self._study.finetuning_config(pretrained, variant, window_of(smoother))
            source = pretrained if finetuning.finetune_from else None
            try:
                paths += self._run(finetuning, smoother, seed, f"{self._study.table}-{variant}", source)[1]
            except InputError as error:  # a model that has nothing but a head cannot keep the rest
                if "--freeze_but_last" not in str(error):
                    raise
                self._console.print(f"{pretrained.run_name}: not {variant}, as {error}")
        return paths

    def baselines(self) -> list[Path]:
        """What needs no training, on the records of the pretrained runs and of the finetuned ones."""
        paths = []
        for window in self._study.windows:
            config = self._study.training_config(f"conv3d:window={window}", self._scalar, self._experiment, 0)
            paths += self._baselines(config, self._study.table, window)
            for variant in self._finetunings:
                finetuning = config.replace(
                    records_dir=records_of(self._study.finetune_dir, window),
                    datasets=("climbalong",),
                    frame_step=1,
                    **{name: TrainingConfig.model_fields[name].default for name in NOISE_SETTINGS},
                )
                paths += self._baselines(finetuning, f"{self._study.table}-{variant}", window)
        return paths

    @property
    def _finetunings(self) -> tuple[str, ...]:
        return self._study.finetunings if self._study.finetune_dir else ()

    def _run(
        self, config: TrainingConfig, smoother: str, seed: int, table: str, source: TrainingConfig | None = None
    ) -> tuple[TrainingConfig, list[Path]]:
        """Trains and judges a run, or finds its results; with its settings, which name its folder.

        Without paths where another process is at it, or at the run `source` that is finetuned.
        """
        config, records = open_records(config, lambda _: None)
        config = config.replace(run_name=config.default_run_name)
        with self._claim(table, config.run_name) as mine:
            if not mine:
                return config, []
            paths, missing = self._paths(table, config.run_name, _described(config), records)
            if missing and source:
                trained_variables(config, build_model(source))  # raises where a model cannot be finetuned so
                if not self._train(source):
                    return config, []
            if missing:
                self._make(config, records, missing, smoother=smoother, seed=seed)
        return config, paths

    def _train(self, config: TrainingConfig) -> bool:
        """Trains a run to its end where its weights are not here: its results may have come from another machine.

        False where another process is at it.
        """
        with self._claim(self._study.table, config.run_name) as mine:
            if mine:
                if not config.run_dir.exists():
                    self._console.print(f"{config.run_name}: its weights are not here, it is trained again")
                train(config, console=self._details)
            return mine

    @contextlib.contextmanager
    def _claim(self, table: str, name: str) -> Iterator[bool]:
        with claim(Path(self._study.runs_dir) / f".{table}-{name}.claim") as mine:
            if not mine:
                self._console.print(f"{name}: another process is at it")
            yield mine

    def _make(self, config: TrainingConfig, records: RecordSets, missing: dict[str, Path], **of_run: Any) -> None:
        """Trains a run, or continues it, and judges it on each split of which a result is missing."""
        name, began = config.run_name, time.monotonic()
        self._console.print(f"{name}: training")
        state = train(config, console=self._details)
        run, training = load_run(config.run_dir), _training(state, config, records)
        for split, path in missing.items():
            evaluation = self._evaluate(self._judged(run.config)[0], split, [run])
            result = self._result(path, evaluation, records, _described(config))
            rows = {key: row for key, row in result.rows.items() if row.kind in ("model", IDENTITY)}
            result = result.replace(rows=rows, training=training, **of_run)
            result.save(path.parent)
            self._console.print(f"{name}, {split}: {_line(result)}, {(time.monotonic() - began) / 60:.0f} min")

    def _baselines(self, config: TrainingConfig, table: str, window: int) -> list[Path]:
        """All rows; of longer windows what depends on their length alone."""
        config, records = self._judged(config)
        name, classical = f"baselines-{self._scalar:g}.{self._experiment}", self._study.classical and not window
        of_config = config.model_dump(mode="json")
        settings: dict[str, Any] = {"classical": classical} | {key: of_config[key] for key in _NOISE}
        if window:
            name, settings = f"{name}-window_{window}", settings | {"window": window}
        with self._claim(table, name) as mine:
            if not mine:
                return []
            paths, missing = self._paths(table, name, settings, records)
            for split, path in missing.items():
                result = self._result(path, self._evaluate(config, split, classical=classical), records, settings)
                if window:
                    rows = {key: row for key, row in result.rows.items() if row.kind in _OF_WINDOWS}
                    result = result.replace(rows=rows)
                result.save(path.parent)
                self._console.print(f"{name}, {split}: {_line(result)}")
        return paths

    def _judged(self, config: TrainingConfig) -> tuple[TrainingConfig, RecordSets]:
        """The settings that a run is judged with, and its records."""
        return open_records(config.replace(**self._study.noise_to_judge), lambda _: None)

    def _paths(
        self, table: str, name: str, settings: dict[str, Any], records: RecordSets
    ) -> tuple[list[Path], dict[str, Path]]:
        """The files of the results, one for each split, and those by split that are not there yet."""
        folders = {self._study.split: table}
        if records.num_windows("extra"):  # a video that was held out has a table of its own
            folders["extra"] = f"{table}-extra"
        paths = {
            split: Path(self._study.results_dir) / of_split / f"{name}.json" for split, of_split in folders.items()
        }
        missing = {}
        for split, path in paths.items():
            if finished(path, settings | self._choices(split), records.fingerprint):
                self._console.print(f"{name}: done, {path}")
            else:
                missing[split] = path
        return list(paths.values()), missing

    def _choices(self, split: str) -> dict[str, Any]:
        """What is judged, beside the settings of a run: results of other choices are not the same."""
        choices: dict[str, Any] = {"judged_split": split, "max_windows": self._study.max_windows}
        noise = self._study.noise_to_judge
        if "noise_model" in noise:
            noise["noise_profile"] = noise_profile(noise["noise_model"]).model_dump(mode="json")
        return choices | {f"judged_{name}": value for name, value in noise.items()}

    def _evaluate(
        self, config: TrainingConfig, split: str, runs: Sequence[Run] = (), classical: bool = False
    ) -> Evaluation:
        how: dict[str, Any] = {"max_windows": self._study.max_windows, "console": self._details}
        return evaluate_setting(setting_of(config, split=split), runs, classical=classical, **how)

    def _result(self, path: Path, evaluation: Evaluation, records: RecordSets, settings: dict[str, Any]) -> Result:
        scores = evaluation.scores
        return Result(
            name=path.stem,
            table=path.parent.name,
            smoother="",
            scalar=self._scalar,
            experiment=self._experiment,
            seed=0,
            config=settings | self._choices(scores.split),
            records=records.fingerprint,
            training=None,
            **{name: getattr(scores, name) for name in Scores.model_fields},
        )


def _described(config: TrainingConfig) -> dict[str, Any]:
    """The settings that decide what a run is, as JSON has them."""
    values = config.model_dump(mode="json")
    return {name: value for name, value in values.items() if name not in PLACES}


def _training(state: RunState, config: TrainingConfig, records: RecordSets) -> Training:
    per_epoch, best = windows_per_epoch(config, records), state.best_epoch(config)
    columns = [name for name in state.rows[0] if name not in ("epoch", "seconds", "windows_per_second")]
    return Training(
        epochs=len(state.rows),
        best_epoch=best,
        windows=len(state.rows) * per_epoch,
        windows_to_best=best * per_epoch,
        minutes=round(sum(row["seconds"] for row in state.rows) / 60, 2),
        ended=state.why_finished(config),
        history={name: shares([row[name] for row in state.rows]) for name in columns},
    )


def _line(result: Result) -> str:
    """The last row in a few words."""
    name, row = list(result.rows.items())[-1]
    numbers = " / ".join("-" if share is None else f"{100 * share:.1f}" for share in row.tracks["cells"])
    return f"PCK {numbers} % ({name}, every frame once)"
