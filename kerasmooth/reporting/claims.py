"""Several processes at one study: each run is made by one of them."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Whether nobody else on this machine claims the file `path`, which is then this process's until the block ends.

    The system gives it back where a process is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
