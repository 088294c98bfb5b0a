"""How far the smoothing of one file is: a bar on a terminal, lines where the output is a file."""

import time

from rich.console import Console
from rich.progress import Progress

SECONDS_BETWEEN_LINES = 30.0


class FileProgress:
    """Called as `long_files.OnFrames` or, without words, with parts instead of frames."""

    def __init__(self, progress: Progress, console: Console, name: str) -> None:
        self._progress, self._console, self._name = progress, console, name
        self._task = progress.add_task(f"  {name}", total=None)
        self._what = ""
        self._began = self._told = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._what, self._began = what, time.monotonic()
            self._progress.reset(self._task, total=total)
        now = time.monotonic()
        rate = done / max(now - self._began, 1e-3)
        text = f"  {self._name}: {what} {rate:,.0f} frames/s" if what else f"  {self._name}"
        self._progress.update(self._task, completed=done, total=total, description=text)
        if what and done and self._progress.disable and now - self._told > SECONDS_BETWEEN_LINES:
            self._told = now
            left = (total - done) / rate / 60
            self._console.print(f"{text}, {done:,} of {total:,} frames, {left:.1f} min left", markup=False)

    def end(self) -> None:
        """Takes the bar away."""
        self._progress.remove_task(self._task)
