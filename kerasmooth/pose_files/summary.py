"""What a smoothing did, as a table for people and as values for a file."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from kerasmooth.pose_files.person_report import PersonReport

MAX_ROWS = 25
Entry = tuple[str, list[PersonReport], str]
"""(input, reports, unit)."""


def print_table(entries: Sequence[Entry], console: Console) -> None:
    """A row a person of one input, or a row an input of several; the last row is all of them."""
    rows = [(name, _sum(reports)) for name, reports, _ in entries]
    title = "input"
    if len(entries) == 1:
        title = "person"
        # The longest first: in a crowd many are seen for a moment only.
        people = sorted(entries[0][1], key=lambda report: -report.frames)
        rows = [("the only one" if report.person < 0 else str(report.person), report) for report in people]
    total = _sum([report for _, reports, _ in entries for report in reports])
    if len({unit for _, _, unit in entries}) > 1:
        total.bends = np.zeros(3)  # lengths of different units have no mean
    shown, left = rows[:MAX_ROWS], len(rows) - MAX_ROWS
    units = " or ".join(sorted({unit for _, _, unit in entries}))
    table = Table(title=f"Before and after (jitter: mean second difference in {units}/frame²)", title_justify="left")
    table.add_column(title, overflow="fold", min_width=min(30, max(len(name) for name, _ in [("", None), *shown])))
    for column in ("frames", "jitter before", "after", "change", "gaps filled", "frames added", "outliers replaced"):
        table.add_column(column, justify="right")
    for column in ("swaps mended", "lag [ms]"):
        table.add_column(column, justify="right")
    table.add_column("keypoints smoothed by")
    for name, report in shown:
        table.add_row(name, *_cells(report))
    if left > 0:
        table.add_row(f"and {left} more")
    if len(rows) != 1:
        table.add_section()
        table.add_row("all", *_cells(total))
    console.print(table, soft_wrap=False)


def _cells(report: PersonReport) -> list[str]:
    before, after = report.jitter
    change = f"{100 * (after / before - 1):+.0f} %" if before > 0 else "-"
    methods = ", ".join(f"{name} {count}" for name, count in report.methods.most_common(4))
    return [
        f"{report.frames:,}",
        _number(before),
        _number(after),
        change,
        f"{report.gaps:,}",
        f"{report.added:,}",
        f"{report.outliers:,}",
        f"{report.swaps:,}",
        f"{report.lag:.0f}",
        methods,
    ]


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.3g}"


def _sum(reports: Sequence[PersonReport]) -> PersonReport:
    total = PersonReport(-1)
    for report in reports:
        total.added += report.added
        total.gaps += report.gaps
        total.outliers += report.outliers
        total.swaps += report.swaps
        total.bends = total.bends + report.bends
        total.methods = total.methods + report.methods
        frames = max(total.frames + report.frames, 1)
        total.lag = (total.lag * total.frames + report.lag * report.frames) / frames
        total.frames += report.frames
    return total


def as_json(name: str, reports: Sequence[PersonReport], unit: str) -> dict[str, Any]:
    """The reports of an input, NaN as null."""
    return {
        "input": name,
        "unit": unit,
        "people": [
            {
                "person": report.person,
                "frames": report.frames,
                "frames_added": report.added,
                "jitter_before": plain(report.jitter[0]),
                "jitter_after": plain(report.jitter[1]),
                "lag_ms": plain(report.lag),
                "parts": [{key: plain(value) for key, value in part.items()} for part in report.keypoints],
            }
            for report in reports
        ],
    }


def plain(value: Any) -> Any:
    """Arrays, numbers and dicts of NumPy as those of Python; what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()] if value.ndim else plain(value.item())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
