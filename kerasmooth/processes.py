"""The same work on many things, in one process or several."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from kerasmooth.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")

_work: Callable[[Any], Any]
"""Of a worker process: sent once, not with every item."""


def _start_worker(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then stops its workers.
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A killed parent cannot stop its workers, and they would wait for work forever."""
    parent.join()
    os._exit(1)


def _do(item: Any) -> Any:
    return _work(item)


def in_processes(work: Callable[[Item], Result], items: Sequence[Item], workers: int, remedy: str) -> Iterator[Result]:
    """Yields what `work`, which can be pickled, makes of each item, in their order; one worker is this process itself.

    Raises InputError with the remedy where a process died.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        yield from map(work, items)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker, (work,))
    try:
        for future in [pool.submit(_do, item) for item in items]:
            yield future.result()
    except BrokenProcessPool:
        raise InputError(f"a worker process died, for lack of memory perhaps: {remedy}") from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
