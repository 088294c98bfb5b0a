"""The report's pictures, from results alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from kerasmooth.evaluation.breakdown import GAP_EDGES, SPEED_EDGES
from kerasmooth.evaluation.results import CURVE_THRESHOLDS, RowResult, Shares
from kerasmooth.metrics import THRESHOLDS
from kerasmooth.reporting.results import Result
from kerasmooth.reporting.tables import COMPARED_AT, own_rows

Named = list[tuple[str, RowResult]]
Styles = dict[str, dict[str, Any]]
"""Row -> how its lines are drawn."""


def draw(results: Sequence[Result]) -> dict[str, Figure]:
    """Name -> picture of one table of the report."""
    styles = _styles(results)
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
    draw_cell: Callable[[Axes, Named, Styles], None],
    few: bool = False,
) -> Figure:
    """One plot for each scalar and experiment, of the first seed; with `few` of the rows that matter most."""
    cells = sorted({result.cell for result in results})
    figure = Figure(figsize=(4.6 * min(len(cells), 3) + 3.8, 4.4 * -(-len(cells) // 3)), layout="constrained")
    figure.suptitle(title)
    plots = np.ravel(figure.subplots(-(-len(cells) // 3), min(len(cells), 3), squeeze=False, sharey="row"))
    handles: dict[str, Any] = {}
    for axes, cell in zip(plots, cells, strict=False):
        rows = _rows_of(results, cell)
        draw_cell(axes, _few(rows) if few else rows, styles)
        axes.set_title(cell)
        axes.grid(alpha=0.3)
        handles |= dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    for axes in plots:
        axes.set_ylim(bottom=0)  # after all are drawn: a limit that is set early cuts off what a neighbour draws
    figure.legend(handles.values(), handles.keys(), loc="outside right center", fontsize=7)
    for axes in plots[len(cells) :]:
        axes.remove()
    return figure


def _rows_of(results: Sequence[Result], cell: str) -> Named:
    """The rows of a cell, of the first seed."""
    rows: dict[str, RowResult] = {}
    for result in results:
        if result.cell == cell:
            rows |= {name: row for name, row in own_rows(result) if name not in rows}
    return list(rows.items())


def _few(rows: Named) -> Named:
    """The detector, the mean of the window, the best filter, and each model by its finest reading."""
    filters = [(name, row) for name, row in rows if row.kind == "classical"]
    best = max(filters, key=lambda one: one[1].tracks["cells"][COMPARED_AT] or 0.0, default=("", None))[0]
    names = {name for name, _ in rows}
    fine = {name.replace("(dark)", "(argmax)") for name in names if name.endswith("(dark)")}
    kinds = ("identity", "window_mean", "model")
    return [(name, row) for name, row in rows if name == best or (row.kind in kinds and name not in fine)]


def _curve(axes: Axes, rows: Named, styles: Styles) -> None:
    for name, row in rows:
        axes.plot(CURVE_THRESHOLDS, _percent(row.curve), label=name, **styles[name])
    for threshold in THRESHOLDS:
        axes.axvline(threshold, color="0.6", linestyle=":", linewidth=1)
    axes.set(xlabel="share of the torso diameter", ylabel="keypoints within [%]", ylim=(0, 100), xlim=(0, 0.5))
    axes.label_outer()


def _keypoints(axes: Axes, rows: Named, styles: Styles) -> None:
    names = [name for name, values in rows[0][1].by_keypoint.items() if values[COMPARED_AT] is not None]
    width = 0.85 / len(rows)
    for index, (label, row) in enumerate(rows):
        heights = _percent(tuple(row.by_keypoint[name][COMPARED_AT] for name in names))
        places = np.arange(len(names)) - 0.425 + (index + 0.5) * width
        axes.bar(places, heights, width, label=label, color=styles[label]["color"])
    axes.set_xticks(range(len(names)), [name.replace("_", " ") for name in names], rotation=60, ha="right")
    axes.set(ylabel="PCK@0.1 [%]", ylim=(0, 100))
    axes.label_outer(remove_inner_ticks=False)


def _speed(axes: Axes, rows: Named, styles: Styles) -> None:
    for name, row in rows:
        axes.plot(range(len(SPEED_EDGES)), _percent(row.by_speed), marker=".", label=name, **styles[name])
    axes.set_xticks(range(len(SPEED_EDGES)), [f"{100 * edge:g} % -" for edge in SPEED_EDGES])
    axes.set(xlabel="speed: torso diameters a frame", ylabel="mean error [% of the torso diameter]")


def _gap(axes: Axes, rows: Named, styles: Styles) -> None:
    for name, row in rows:
        axes.plot(range(len(GAP_EDGES)), _percent(row.by_gap), marker=".", label=name, **styles[name])
    axes.set_xticks(range(len(GAP_EDGES)), [f"{edge} -" for edge in GAP_EDGES])
    axes.set(xlabel="frames without a detection", ylabel="mean error [% of the torso diameter]")


def _examples(results: Sequence[Result], styles: Styles) -> Figure:
    """A keypoint that moves much, before and after, in each cell of the grid; filters and window means left out."""
    cells = {result.cell: result for result in results}
    figure = Figure(figsize=(13, 2.8 * len(cells)), layout="constrained")
    figure.suptitle("Before and after: y of the keypoint that moves most, image pixels")
    plots = np.ravel(figure.subplots(len(cells), 1, squeeze=False))
    for axes, (cell, chosen) in zip(plots, sorted(cells.items()), strict=True):
        axes.plot(np.array(chosen.example.truth, np.float64), color="0.8", linewidth=5, label="truth")
        same = [result for result in results if result.example.video == chosen.example.video]
        for name, row in _few(_rows_of(same, cell)):
            if row.kind in ("identity", "model"):
                axes.plot(np.array(row.example, np.float64), label=name, **styles[name] | {"linewidth": 1.2})
        axes.set(title=f"{cell}: {chosen.example.keypoint}, {chosen.example.video}", xlabel="frame")
        axes.invert_yaxis()
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
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
    for axes in (left, right):
        axes.set_xlabel("training windows")
        axes.grid(alpha=0.3)
    figure.legend(*right.get_legend_handles_labels(), loc="outside right center", fontsize=6)
    return figure


def _percent(values: Shares) -> np.ndarray:
    return 100 * np.array(values, np.float64)


def _styles(results: Sequence[Result]) -> Styles:
    """By name of a row, the same in all pictures: dotted is what needs no training, dashed another reading."""
    rows = {name: row.kind for result in results for name, row in own_rows(result)}
    models = list(dict.fromkeys(_without_decoder(name) for name, kind in rows.items() if kind == "model"))
    others = [name for name, kind in rows.items() if kind != "model"]
    styles: Styles = {}
    for name, kind in rows.items():
        if kind == "identity":
            styles[name] = {"color": "0.3", "linestyle": "--"}
        elif kind == "model":
            index = models.index(_without_decoder(name))
            color = colormaps["tab10" if len(models) <= 10 else "tab20"](index % 20)
            styles[name] = {"color": color, "linestyle": "--" if name.endswith("(argmax)") else "-"}
        else:
            index = others.index(name)
            styles[name] = {"color": colormaps["Dark2"](index % 8), "linestyle": ":" if index < 8 else "-."}
    return styles


def _without_decoder(name: str) -> str:
    return name.removesuffix(" (argmax)").removesuffix(" (dark)")
