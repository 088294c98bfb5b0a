"""Progress of long work: a bar with rate and time left on a terminal, plain lines where the output is a file."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 30.0


class Meter:
    """Counts `total` steps of a stage; use as a context manager and call `advance`.

    Args:
      console: where to write.
      title: of the stage.
      total: steps in the stage.
      done: steps that an earlier process did.
      unit_per_step: how many units a step handles, for the rate.
      unit: what they are.
    """

    def __init__(
        self, console: Console, title: str, total: int, done: int = 0, unit_per_step: int = 1, unit: str = "windows"
    ) -> None:
        self._console, self._title, self._total = console, title, total
        self._units, self._unit = unit_per_step, unit
        self._done = self._first = done
        self._began = self._shown = time.monotonic()
        self._warm = False
        self._bar: Progress | None = None
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            left = (TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
            self._bar = Progress(*columns, *left, console=console, transient=True)
            self._task = self._bar.add_task(title, total=total, completed=done, note="")

    def __enter__(self) -> "Meter":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    @property
    def rate(self) -> float:
        """Units per second, since the end of the first step, which compiles."""
        return (self._done - self._first) * self._units / max(time.monotonic() - self._began, 1e-9)

    def due(self) -> bool:
        """True where `advance` would show something now, so that a costly note is made only then."""
        return time.monotonic() - self._shown >= (0.5 if self._bar else SECONDS_BETWEEN_LINES)

    def advance(self, note: str = "", steps: int = 1) -> None:
        """So many steps more. `note` is shown beside the rate when it is `due`."""
        self._done += steps
        if not self._warm:
            self._began, self._first, self._warm = time.monotonic(), self._done, True
        if not self.due() or self._done == self._first:
            return
        self._shown = time.monotonic()
        note = f"{self.rate:,.0f} {self._unit}/s {note}"
        if self._bar:
            self._bar.update(self._task, completed=self._done, note=note)
        else:
            left = (self._total - self._done) * self._units / max(self.rate, 1e-9)
            self._console.print(f"{self._title}: {self._done}/{self._total}, {note}, {left / 60:.1f} min left")
