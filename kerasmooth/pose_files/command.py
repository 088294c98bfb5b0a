"""Runs the smoothing command: one job a file, in this process or in several, then the table of what happened."""

import functools
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kerasmooth.errors import InputError
from kerasmooth.interrupt import on_kill
from kerasmooth.pose_files.job import Outcome, read_table, run_job
from kerasmooth.pose_files.options import Options, check
from kerasmooth.pose_files.plan import Job, plan
from kerasmooth.pose_files.report_file import write_report
from kerasmooth.pose_files.summary import print_table
from kerasmooth.pose_files.table_smoothing import check_fps
from kerasmooth.processes import in_processes
from kerasmooth.quiet import import_tensorflow
from kerasmooth.smoothing.segments import Smoother, check_model

MAX_NAMED = 3
"""Of so many inputs each output is named."""


def smooth_inputs(words: list[str], options: Options) -> None:
    """Smooths every input that the words name, and prints what happened.

    Raises:
      InputError: wrong options; nothing is written then. Or inputs that could not be read: the others are written.
    """
    if not words:
        raise InputError("no input: name a pose file, a folder or a glob, such as poses.json --output=smoothed.json")
    check(options)
    jobs = plan(words, options)
    if options.video:
        from kerasmooth.pose_files import video

        video.properties(Path(options.video))
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
    # A kill is an interruption, so that it leaves no half-written file either.
    with on_kill(signal.default_int_handler):
        outcomes = list(_outcomes(jobs, options, console))
    good = [outcome for outcome in outcomes if not outcome.error]
    if good:
        print_table([(outcome.job.source.name, outcome.reports, outcome.unit) for outcome in good], console)
        _print_notes(good, console)
        written = [path for each in good for path in (each.job.target, each.job.plots, each.job.overlay) if path]
        lines = [f"wrote {len(good)} files into {options.output}"]
        for line in lines if len(good) > MAX_NAMED else [f"wrote {path}" for path in written]:
            console.print(line, markup=False)
    if options.report and good:
        write_report(Path(options.report), good)
    _raise_errors(outcomes)


def _raise_errors(outcomes: list[Outcome]) -> None:
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if errors and len(outcomes) == 1:
        raise InputError(errors[0])
    if errors:
        shown = "; ".join(errors[:3]) + ("; ..." if len(errors) > 3 else "")
        reasons = {o.error.removeprefix(str(o.job.source)) for o in outcomes if o.error}
        if len(errors) > 1 and len(reasons) == 1:
            shown = f"each{reasons.pop()}"
        rest = "nothing is written" if len(errors) == len(outcomes) else "the others are written"
        raise InputError(f"{len(errors)} of {len(outcomes)} inputs could not be smoothed, {rest}: {shown}")


def _print_notes(outcomes: list[Outcome], console: Console) -> None:
    """Each note once, with the inputs that it is of where there are several."""
    inputs: dict[str, list[str]] = {}
    for outcome in outcomes:
        for note in outcome.notes:
            inputs.setdefault(note, []).append(outcome.job.source.name)
    for note, names in inputs.items():
        whose = "" if len(outcomes) == 1 else f"{names[0]}: " if len(names) == 1 else f"{len(names)} inputs: "
        console.print(f"{whose}{note}", markup=False)


def _outcomes(jobs: list[Job], options: Options, console: Console) -> Iterator[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("smoothing", total=len(jobs))
        workers = min(options.workers, len(jobs))
        if options.model and workers > 1:
            console.print("A model runs in one process, which uses all cores: --workers is left aside.")
            workers = 1
        if workers > 1:
            run = functools.partial(run_job, options=options)
            for outcome in in_processes(run, jobs, workers, "try again with --workers=1"):
                progress.advance(task)
                yield outcome
            return
        # Before TensorFlow is loaded: an input that a model cannot take is refused at once.
        model = _load_model(jobs, options) if options.model else None
        for job in jobs:
            segments = progress.add_task(f"  {job.source.name}", total=None)
            yield run_job(job, options, model, functools.partial(progress.update, segments))
            progress.remove_task(segments)
            progress.advance(task)


def _load_model(jobs: list[Job], options: Options) -> Smoother:
    if len(jobs) == 1:
        table = read_table(jobs[0], options)
        check_fps(table.fps, str(jobs[0].source))
        check_model(table.skeleton, str(jobs[0].source))
    from kerasmooth.pose_files import model_smoother as model_smoothing

    import_tensorflow()
    return model_smoothing.load(options.model)
