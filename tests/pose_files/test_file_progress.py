"""What a long file says of itself while it is being smoothed."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from kerasmooth.pose_files import file_progress
from kerasmooth.pose_files.file_progress import FileProgress


def test_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(file_progress.time, "monotonic", lambda: now[0])
    text = io.StringIO()
    with Progress(disable=True) as progress:
        told = FileProgress(progress, Console(file=text, width=160), "long.csv")
        for second, what, done in (
            (1, "reading", 500),
            (2, "smoothing", 0),
            (40, "smoothing", 0),
            (62, "smoothing", 6000),
        ):
            now[0] = float(second)
            told(what, done, 36_000)
        told.end()
    assert text.getvalue() == "  long.csv: smoothing 100 frames/s, 6,000 of 36,000 frames, 5.0 min left\n"


def test_a_bar_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with Progress(console=console) as progress:
        told = FileProgress(progress, console, "long.csv")
        told("smoothing", 500, 1000)
        task = progress.tasks[0]
        assert (task.completed, task.total) == (500, 1000)
        assert "smoothing" in task.description
        assert "frames/s" in task.description
        told("", 1, 2)
        assert task.description == "  long.csv"
        told.end()
        assert not progress.tasks
