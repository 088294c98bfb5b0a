"""Runs the smoothing command: one job a file, in this process or in several, then the table of what happened."""

import functools
import json
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from kerasmooth import formats
from kerasmooth.errors import InputError
from kerasmooth.formats.bounded_files import write_bytes
from kerasmooth.pose_files.options import Options, check
from kerasmooth.pose_files.person_report import PersonReport
from kerasmooth.pose_files.plan import Job, plan
from kerasmooth.pose_files.summary import as_json, print_table
from kerasmooth.pose_files.tables import check_fps, smooth_table
from kerasmooth.quiet import import_tensorflow
from kerasmooth.smoothing.segments import Smoother, check_model

OnPart = Callable[[int, int], None]
"""People that are done, and of how many."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one input: reports, or what is wrong with it."""

    job: Job
    reports: list[PersonReport]
    unit: str = "px"
    jumps: int = 0
    cuts: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""


def smooth_inputs(words: list[str], options: Options) -> None:
    """Smooths every input that the words name, and prints what happened.

    Raises:
      InputError: wrong options; nothing is written then. Or inputs that could not be read: the others are written.
    """
    if not words:
        raise InputError("no input: name a pose file, a folder or a glob, such as poses.json --output=smoothed.json")
    check(options)
    jobs = plan(words, options)
    _check_video(options)
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
    with _polite():
        outcomes = list(_outcomes(jobs, options, console))
    good = [outcome for outcome in outcomes if not outcome.error]
    if good:
        print_table([(outcome.job.source.name, outcome.reports, outcome.unit) for outcome in good], console)
        for outcome in good if len(good) <= 3 else []:
            _tell_where(outcome, console)
        if len(good) > 3:
            console.print(f"wrote {len(good)} files into {options.output}", markup=False)
    if options.report and good:
        text = json.dumps([_told(outcome) for outcome in good], indent=1, allow_nan=False)
        Path(options.report).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(Path(options.report), text.encode())
    _raise_errors(outcomes)


@contextmanager
def _polite() -> Iterator[None]:
    """Within the block a polite kill is an interruption, so that it leaves no half-written file either."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


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


def _told(outcome: Outcome) -> dict[str, Any]:
    told = as_json(str(outcome.job.source), outcome.reports, outcome.unit)
    return told | {"jumps": outcome.jumps, "cuts": outcome.cuts, "notes": list(outcome.notes)}


def _tell_where(outcome: Outcome, console: Console) -> None:
    for count, one, several in ((outcome.jumps, "jump of an id", "jumps of ids"), (outcome.cuts, "cut", "cuts")):
        if count:
            console.print(f"{count} {one if count == 1 else several}: nothing is smoothed across")
    for note in outcome.notes:
        console.print(note)
    for path in (outcome.job.target, outcome.job.plots, outcome.job.overlay):
        if path:
            console.print(f"wrote {path}", markup=False)


def _check_video(options: Options) -> None:
    if options.overlay and options.video:
        from kerasmooth.pose_files import overlay

        overlay.check_video(Path(options.video))


def _outcomes(jobs: list[Job], options: Options, console: Console) -> Iterator[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("smoothing", total=len(jobs))
        workers = min(options.workers, len(jobs))
        if options.model and workers > 1:
            console.print("A model runs in one process, which uses all cores: --workers is left aside.")
            workers = 1
        if workers > 1:
            for outcome in _in_processes(jobs, options, workers):
                progress.advance(task)
                yield outcome
            return
        # Before TensorFlow is loaded: an input that a model cannot take is told at once.
        model = _load_model(jobs, options) if options.model else None
        for job in jobs:
            people = progress.add_task(f"  {job.source.name}", total=None)
            yield run_job(job, options, model, functools.partial(_show_people, progress, people))
            progress.remove_task(people)
            progress.advance(task)


def _show_people(progress: Progress, task: TaskID, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)


def _load_model(jobs: list[Job], options: Options) -> Smoother:
    if len(jobs) == 1:
        table = formats.read(jobs[0].source, fps=options.fps, format_name=jobs[0].input_format)
        check_fps(table.fps, str(jobs[0].source))
        check_model(table.skeleton, str(jobs[0].source))
    from kerasmooth.pose_files import model_smoother as model_smoothing

    import_tensorflow()
    return model_smoothing.load(options.model)


def _in_processes(jobs: list[Job], options: Options, workers: int) -> Iterator[Outcome]:
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _leave_interrupts_to_the_parent)
    try:
        for future in [pool.submit(run_job, job, options) for job in jobs]:
            yield future.result()
    except BrokenProcessPool:
        raise InputError("a worker process died, for lack of memory perhaps: try again with --workers=1") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run_job(job: Job, options: Options, model: Smoother | None = None, on_part: OnPart | None = None) -> Outcome:
    """Reads, smooths and writes one input, and draws what is asked for. A bad input is an outcome, not an error."""
    try:
        return _run_job(job, options, model, on_part)
    except InputError as error:
        return Outcome(job, [], error=str(error))
    except MemoryError:
        return Outcome(job, [], error=f"{job.source}: it does not fit into memory: split the file")


@contextmanager
def _parameters_told(job: Job, options: Options) -> Iterator[None]:
    """Parameters that suit no file are found before; within the block they do not suit the frame rate of this one."""
    try:
        yield
    except ValueError as error:
        if not options.settings.parameters or isinstance(error, InputError):
            raise
        raise InputError(f"{job.source}: --parameter: {error}") from None


def _run_job(job: Job, options: Options, model: Smoother | None, on_part: OnPart | None) -> Outcome:
    table = formats.read(job.source, fps=options.fps, image_size=options.image_size, format_name=job.input_format)
    with _parameters_told(job, options):
        done = smooth_table(table, options.settings, name=str(job.source), model=model, on_part=on_part)
    formats.write(done.table, job.target, to=job.output_format)
    if job.plots:
        from kerasmooth.pose_files import plots as smooth_plots

        smooth_plots.draw_all(table, done, job.plots)
    if job.overlay:
        from kerasmooth.pose_files import overlay

        video = Path(options.video) if options.video else None
        overlay.draw(table, done, job.overlay, video=video, style=options.overlay_style)
    return Outcome(job, done.reports, table.unit, done.jumps, done.cuts, done.notes)
