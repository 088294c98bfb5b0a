"""The report's pictures, from results alone."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, ScalarFormatter

from kerasmooth.evaluation import plots
from kerasmooth.evaluation.breakdown import GAP_EDGES, SPEED_EDGES
from kerasmooth.evaluation.plots import Styles, percent, styles_of
from kerasmooth.evaluation.results import RowResult, Shares
from kerasmooth.metrics import THRESHOLDS
from kerasmooth.reporting.results import Result
from kerasmooth.reporting.tables import COMPARED_AT, best_filter, own_rows

Rows = dict[str, RowResult]
_RUNS_IN_A_COLUMN = 30
"""Of a legend, at most."""
_LABEL_WIDTH, _LINE_INCHES = 48, 0.18


def draw(results: Sequence[Result]) -> dict[str, Figure]:
    """Name -> picture of one table of the report."""
    styles = styles_of({name: row.kind for result in results for name, row in own_rows(result)})
    figures = {
        "pck": _by_cell(results, styles, "PCK over its threshold, every frame once", _curve),
        "keypoints": _by_cell(results, styles, "PCK@0.1 by keypoint, every frame once", _keypoints, few=True),
        "speed": _by_cell(results, styles, "Error by speed of the keypoint, every frame once", _speed, few=True),
    }
    # A detection in the corner cell (0, 0) counts as none, so that short gaps are everywhere.
    if any(value is not None for result in results for row in result.rows.values() for value in row.by_gap[2:]):
        title = "Error by length of a gap in the detections, every frame once"
        figures["gaps"] = _by_cell(results, styles, title, _gap, few=True)
    figures["examples"] = _examples(results, styles)
    if any(result.training for result in results):
        figures["learning"] = _learning(results)
    return figures


def _by_cell(
    results: Sequence[Result],
    styles: Styles,
    title: str,
    draw_cell: Callable[[Axes, Rows, Styles], None],
    few: bool = False,
) -> Figure:
    """One plot for each scalar and experiment, of the first seed; with `few` of the rows that matter most."""
    cells = sorted({result.cell for result in results})
    rows_of_plots = -(-len(cells) // 3)
    columns = -(-len(cells) // rows_of_plots)
    figure = Figure(figsize=(4.6 * columns + 3.8, 4.4 * rows_of_plots), layout="constrained")
    figure.suptitle(title)
    plots = np.ravel(figure.subplots(rows_of_plots, columns, squeeze=False, sharey="row"))
    handles: dict[str, Any] = {}
    for axes, cell in zip(plots, cells, strict=False):
        rows = _rows_of(results, cell)
        draw_cell(axes, _few(rows) if few else rows, styles)
        axes.set_title(cell)
        axes.grid(alpha=0.3)
        handles |= dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    for axes in plots:
        axes.set_ylim(bottom=0)  # after all are drawn: a limit that is set early cuts off what a neighbour draws
    labels = [_label(row) for row in handles]
    lines = 1 + sum(label.count("\n") + 1 for label in labels)
    figure.set_figheight(max(figure.get_figheight(), _LINE_INCHES * lines))
    figure.legend(handles.values(), labels, loc="outside right center", fontsize=7)
    for axes in plots[len(cells) :]:
        axes.remove()
    return figure


def _label(row: str) -> str:
    """A row's name in lines that leave room for the plots beside the legend, broken behind colons."""
    return textwrap.fill(row.replace(":", ": "), _LABEL_WIDTH, subsequent_indent="  ").replace(": ", ":")


def _rows_of(results: Sequence[Result], cell: str) -> Rows:
    """The rows of a cell, of the first seed."""
    rows: Rows = {}
    for result in results:
        if result.cell == cell:
            rows |= {name: row for name, row in own_rows(result) if name not in rows}
    return rows


def _few(rows: Rows) -> Rows:
    """The detector, the mean of the window, the best filter, and each model by its finest reading."""
    best, kinds = best_filter(rows), ("identity", "window_mean", "model")
    coarse = {name.replace("(dark)", "(argmax)") for name in rows if name.endswith("(dark)")}
    return {name: row for name, row in rows.items() if name == best or (row.kind in kinds and name not in coarse)}


def _curve(axes: Axes, rows: Rows, styles: Styles) -> None:
    plots.draw_curves(axes, {name: row.curve for name, row in rows.items()}, styles)


def _keypoints(axes: Axes, rows: Rows, styles: Styles) -> None:
    plots.draw_keypoints(axes, {name: row.by_keypoint for name, row in rows.items()}, styles, THRESHOLDS[COMPARED_AT])


def _speed(axes: Axes, rows: Rows, styles: Styles) -> None:
    ticks = [f"{100 * edge:g} % -" for edge in SPEED_EDGES]
    _errors(axes, {name: row.by_speed for name, row in rows.items()}, styles, ticks, "speed: torso diameters a frame")


def _gap(axes: Axes, rows: Rows, styles: Styles) -> None:
    ticks = [f"{edge} -" for edge in GAP_EDGES]
    _errors(axes, {name: row.by_gap for name, row in rows.items()}, styles, ticks, "frames without a detection")


def _errors(axes: Axes, errors: dict[str, Shares], styles: Styles, ticks: list[str], what: str) -> None:
    for name, values in errors.items():
        axes.plot(range(len(ticks)), percent(values), marker=".", label=name, **styles[name])
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set(xlabel=what, ylabel="mean error [% of the torso diameter]")


def _examples(results: Sequence[Result], styles: Styles) -> Figure:
    """A keypoint that moves much, before and after, in each cell of the grid; filters and window means left out."""
    cells = {result.cell: result for result in results}
    figure = Figure(figsize=(13, 2.8 * len(cells)), layout="constrained")
    figure.suptitle("Before and after: y of the keypoint that moves most, image pixels")
    plots = np.ravel(figure.subplots(len(cells), 1, squeeze=False))
    for axes, (cell, chosen) in zip(plots, sorted(cells.items()), strict=True):
        axes.plot(np.array(chosen.example.truth, np.float64), color="0.8", linewidth=5, label="truth")
        same = [result for result in results if result.example.video == chosen.example.video]
        for name, row in _few(_rows_of(same, cell)).items():
            if row.kind in ("identity", "model"):
                axes.plot(np.array(row.example, np.float64), label=name, **styles[name] | {"linewidth": 1.2})
        axes.set(title=f"{cell}: {chosen.example.keypoint}, {chosen.example.video}", xlabel="frame")
        axes.invert_yaxis()
        axes.grid(alpha=0.3)
        handles, names = axes.get_legend_handles_labels()
        axes.legend(handles, map(_label, names), fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _learning(results: Sequence[Result]) -> Figure:
    figure = Figure(figsize=(15, 4.8), layout="constrained")
    figure.suptitle("Validation by epoch; dots mark the one that was kept. Coordinates and heatmaps have unlike losses")
    left, right = figure.subplots(1, 2)
    runs = [(result.name, result.training) for result in results if result.training]
    for index, (label, run) in enumerate(runs):
        windows = np.arange(1, run.epochs + 1) * run.windows / run.epochs
        color = colormaps["turbo"]((index + 0.5) / len(runs))
        for axes, name, factor in ((left, "val_loss", 1), (right, "val_pck@0.2", 100)):
            values = factor * np.array(run.history[name], np.float64)
            axes.plot(windows, values, label=label, linewidth=1, color=color)
            axes.plot(windows[run.best_epoch - 1], values[run.best_epoch - 1], "o", color=color)
    left.set(ylabel="validation loss", yscale="log")
    left.yaxis.set_major_formatter(ScalarFormatter())
    left.yaxis.set_minor_formatter(ScalarFormatter())
    right.set(ylabel="validation PCK@0.2 [%]")
    fewest, most = min(run.windows / run.epochs for _, run in runs), max(run.windows for _, run in runs)
    for axes in (left, right):
        axes.set_xlabel("training windows")
        if most > 10 * fewest:  # or short runs would be dots beside long ones
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    columns = -(-len(runs) // _RUNS_IN_A_COLUMN)
    figure.legend(*right.get_legend_handles_labels(), loc="outside right center", fontsize=6, ncols=columns)
    return figure
