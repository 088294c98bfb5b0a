"""What a smoothing did, as a table for people."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kerasmooth.pose_files.person_report import PersonReport, quantiles, total

MAX_ROWS = 25
Entry = tuple[str, list[PersonReport], str]
"""(input, reports, unit)."""
TERMS = (
    "moved: how far from where the file had a keypoint. replaced: outliers, estimated from the frames around. "
    "filled: gaps. left: as they were. exchanged: left with right."
)
"""The words of the table, which count keypoints frame by frame."""


def print_table(entries: Sequence[Entry], console: Console) -> None:
    """A row a person of one input, or a row an input of several; the last row is all of them."""
    if not any(reports for _, reports, _ in entries):
        return
    rows = [(name, total(reports)) for name, reports, _ in entries]
    title = "input"
    if len(entries) == 1:
        title = "person"
        # The longest first: in a crowd many are seen for a moment only.
        rows = [(report.name, report) for report in sorted(entries[0][1], key=lambda report: -report.frames)]
    everything = total(report for _, reports, _ in entries for report in reports)
    units = sorted({unit for _, _, unit in entries})
    if len(units) > 1:  # Lengths of different units have no mean.
        everything.bends, everything.moved = np.zeros(3), np.empty(0)
    columns = _columns(" or ".join(units), everything)
    table = Table(title="Before and after", caption=TERMS, title_justify="left", caption_justify="left")
    shown, left = rows[:MAX_ROWS], len(rows) - MAX_ROWS
    table.add_column(title, overflow="fold", min_width=min(30, max(len(name) for name, _ in [("", None), *shown])))
    for heading in columns:
        table.add_column(escape(heading), justify="right")
    for name, report in shown:
        table.add_row(escape(name), *(cell(report) for cell in columns.values()))
    if left > 0:
        table.add_row(f"and {left} more")
    if len(rows) != 1:
        table.add_section()
        table.add_row("all", *(cell(everything) for cell in columns.values()))
    console.print(table, soft_wrap=False)


def _columns(unit: str, everything: PersonReport) -> dict[str, Callable[[PersonReport], str]]:
    """Heading -> cell of a report; what is seldom is shown where it happened."""
    columns: dict[str, Callable[[PersonReport], str]] = {
        "frames": lambda report: f"{report.frames:,}",
        f"jitter [{unit}/frame²]": _jitter,
        f"moved, median / 99 % [{unit}]": lambda report: _moved(report.moved, 1.0),
        "[% of the torso]": lambda report: _moved(report.moved_of_torso, 100.0),
        "replaced": lambda report: f"{report.replaced:,}",
        "filled": lambda report: f"{report.filled:,}",
        "left": lambda report: f"{report.left:,}",
    }
    if everything.removed:
        columns["removed"] = lambda report: f"{report.removed:,}"
    if everything.exchanged:
        columns["exchanged"] = lambda report: f"{report.exchanged:,}"
    if everything.added:
        columns["frames added"] = lambda report: f"{report.added:,}"
    if everything.lag:
        columns["lag [ms]"] = lambda report: f"{report.lag:.0f}"
    columns["keypoints smoothed by"] = lambda report: ", ".join(f"{n} {k}" for n, k in report.methods.most_common(4))
    return columns


def _jitter(report: PersonReport) -> str:
    before, after = report.jitter
    change = f" ({100 * (after / before - 1):+.0f} %)" if before > 0 else ""
    return f"{_number(before)} -> {_number(after)}{change}"


def _moved(distances: np.ndarray, factor: float) -> str:
    return " / ".join(_number(factor * each) for each in quantiles(distances))


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.2f}" if 0.1 <= value < 10 or value == 0 else f"{value:.3g}"
