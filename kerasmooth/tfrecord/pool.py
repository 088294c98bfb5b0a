"""Raw files through worker processes, in order, with a progress bar."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from kerasmooth.errors import InputError
from kerasmooth.tfrecord.parts import PartMaker

_makers: Sequence[PartMaker] = ()
"""Of a worker process: sent once, not with every file."""


def _start_worker(makers: Sequence[PartMaker]) -> None:
    global _makers
    _makers = makers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then stops its workers.
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A killed parent cannot stop its workers, and they would wait for work forever."""
    parent.join()
    os._exit(1)


def _make(maker: int, source: str) -> Path | InputError:
    """The path of a part, or what is wrong with the raw file."""
    try:
        return _makers[maker].make(source)
    except InputError as error:
        return error


def make_parts(
    makers: Sequence[PartMaker], sources: Sequence[tuple[int, str]], workers: int
) -> Iterator[Path | InputError]:
    """Reads raw files, `sources` of (index of the maker, path), and yields each one's part or what is wrong with it.

    The order is that of `sources`, whatever the number of workers. With one worker it happens in this process.

    Raises:
      InputError: a worker process died.
    """
    workers = min(workers, len(sources))
    if workers <= 1:
        for maker, source in sources:
            try:
                yield makers[maker].make(source)
            except InputError as error:
                yield error
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start_worker, (makers,))
    try:
        for future in [pool.submit(_make, maker, source) for maker, source in sources]:
            yield future.result()
    except BrokenProcessPool:
        raise InputError(
            "a worker process died, for lack of memory perhaps: run the same command again to continue, or with "
            "--workers=1"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Rate(ProgressColumn):
    """Steps per second since the start."""

    def render(self, task: Task) -> Text:
        rate = task.completed / task.elapsed if task.elapsed else 0.0
        return Text(f"{rate:,.0f} {task.fields['unit']}/s")


class Bar:
    """One task of a progress display; steps may be many and small."""

    _SECONDS = 0.1

    def __init__(self, progress: Progress, title: str, total: int, unit: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=total, unit=unit)
        self._pending, self._shown = 0, 0.0

    def advance(self, steps: int = 1) -> None:
        self._pending += steps
        if time.monotonic() - self._shown >= self._SECONDS:
            self.flush()

    def flush(self) -> None:
        """Shows all steps so far."""
        self._progress.advance(self._task, self._pending)
        self._pending, self._shown = 0, time.monotonic()


@contextmanager
def progress_bar(console: Console, title: str, total: int, unit: str) -> Iterator[Bar]:
    """A bar with rate and time left; where the console is no terminal, its last state only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = Bar(progress, title, total, unit)
        try:
            yield bar
        finally:
            bar.flush()
