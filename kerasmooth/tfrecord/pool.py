"""Raw files through worker processes, in order."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from kerasmooth.errors import InputError
from kerasmooth.tfrecord.parts import PartMaker

_maker: PartMaker
"""Of a worker process: sent once, not with every file."""


def _start_worker(maker: PartMaker) -> None:
    global _maker
    _maker = maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then stops its workers.
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A killed parent cannot stop its workers, and they would wait for work forever."""
    parent.join()
    os._exit(1)


def _make(source: str) -> Path | InputError:
    return _made_by(_maker, source)


def _made_by(maker: PartMaker, source: str) -> Path | InputError:
    """The path of a part, or what is wrong with the raw file."""
    try:
        return maker.make(source)
    except InputError as error:
        return error


def make_parts(maker: PartMaker, sources: Sequence[str], workers: int) -> Iterator[Path | InputError]:
    """Reads raw files and yields each one's part or what is wrong with it.

    The order is that of `sources`, whatever the number of workers. With one worker it happens in this process.

    Raises:
      InputError: a worker process died.
    """
    workers = min(workers, len(sources))
    if workers <= 1:
        yield from (_made_by(maker, source) for source in sources)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start_worker, (maker,))
    try:
        for future in [pool.submit(_make, source) for source in sources]:
            yield future.result()
    except BrokenProcessPool:
        raise InputError(
            "a worker process died, for lack of memory perhaps: run the same command again to continue, or with "
            "--workers=1"
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
