"""The report's pictures, from results alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasmooth.evaluation.breakdown import GAP_EDGES, SPEED_EDGES
from kerasmooth.evaluation.results import RowResult, Shares
from kerasmooth.evaluation.scores import CURVE_THRESHOLDS
from kerasmooth.metrics import THRESHOLDS
from kerasmooth.reporting.results import Result
from kerasmooth.reporting.tables import COMPARED_AT, own_rows

Named = list[tuple[str, RowResult]]


def draw(results: Sequence[Result]) -> dict[str, Figure]:
    """Name -> picture of one table of the report."""
    figures = {
        "pck": _by_cell(results, "PCK over its threshold, every frame once", _curve),
        "keypoints": _by_cell(results, "PCK@0.1 by keypoint, every frame once", _keypoints),
        "speed": _by_cell(results, "Error by speed of the keypoint, every frame once", _speed),
    }
    if any(value is not None for result in results for row in result.rows.values() for value in row.by_gap):
        figures["gaps"] = _by_cell(results, "Error by length of a gap in the detections, every frame once", _gap)
    figures["examples"] = _examples(results)
    if any(result.training for result in results):
        figures["learning"] = _learning(results)
    return figures


def _by_cell(results: Sequence[Result], title: str, draw_cell: Callable[[Axes, Named], None]) -> Figure:
    """One plot for each scalar and experiment, of the first seed."""
    cells = sorted({result.cell for result in results})
    figure = Figure(figsize=(6.5 * min(len(cells), 3), 4.8 * -(-len(cells) // 3)), layout="constrained")
    figure.suptitle(title)
    plots = np.ravel(figure.subplots(-(-len(cells) // 3), min(len(cells), 3), squeeze=False))
    for axes, cell in zip(plots, cells, strict=False):
        first_seed: dict[str, RowResult] = {}
        for result in results:
            if result.cell == cell:
                first_seed |= {name: row for name, row in own_rows(result) if name not in first_seed}
        draw_cell(axes, list(first_seed.items()))
        axes.set_title(cell)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=6)
    for axes in plots[len(cells) :]:
        axes.remove()
    return figure


def _curve(axes: Axes, rows: Named) -> None:
    for index, (name, row) in enumerate(rows):
        axes.plot(CURVE_THRESHOLDS, _percent(row.curve), label=name, **_style(index, row))
    for threshold in THRESHOLDS:
        axes.axvline(threshold, color="0.6", linestyle=":", linewidth=1)
    axes.set(xlabel="share of the torso diameter", ylabel="keypoints within [%]", ylim=(0, 100))


def _keypoints(axes: Axes, rows: Named) -> None:
    names = [name for name, values in rows[0][1].by_keypoint.items() if values[COMPARED_AT] is not None]
    width = 0.85 / len(rows)
    for index, (label, row) in enumerate(rows):
        heights = _percent(tuple(row.by_keypoint[name][COMPARED_AT] for name in names))
        places = np.arange(len(names)) - 0.425 + (index + 0.5) * width
        axes.bar(places, heights, width, label=label, color=_style(index, row)["color"])
    axes.set_xticks(range(len(names)), [name.replace("_", " ") for name in names], rotation=45)
    axes.set(ylabel="PCK@0.1 [%]", ylim=(0, 100))


def _speed(axes: Axes, rows: Named) -> None:
    for index, (name, row) in enumerate(rows):
        axes.plot(range(len(SPEED_EDGES)), _percent(row.by_speed), marker=".", label=name, **_style(index, row))
    axes.set_xticks(range(len(SPEED_EDGES)), [f"from {100 * edge:g} %" for edge in SPEED_EDGES])
    axes.set(xlabel="speed: torso diameters a frame", ylabel="mean error [% of the torso diameter]")


def _gap(axes: Axes, rows: Named) -> None:
    for index, (name, row) in enumerate(rows):
        axes.plot(range(len(GAP_EDGES)), _percent(row.by_gap), marker=".", label=name, **_style(index, row))
    axes.set_xticks(range(len(GAP_EDGES)), [f"from {edge}" for edge in GAP_EDGES])
    axes.set(xlabel="frames without a detection", ylabel="mean error [% of the torso diameter]")


def _examples(results: Sequence[Result]) -> Figure:
    """A keypoint that moves much, before and after, in each cell of the grid; filters and window means left out."""
    cells = {result.cell: result for result in results}
    figure = Figure(figsize=(13, 2.8 * len(cells)), layout="constrained")
    figure.suptitle("Before and after: y of the keypoint that moves most, image pixels")
    for axes, (cell, chosen) in zip(
        np.ravel(figure.subplots(len(cells), 1, squeeze=False)), cells.items(), strict=True
    ):
        axes.plot(np.array(chosen.example.truth, np.float64), color="0.8", linewidth=5, label="truth")
        shown: dict[str, RowResult] = {}
        for result in results:
            if result.cell == cell and result.example.video == chosen.example.video:
                shown |= {name: row for name, row in own_rows(result) if row.kind in ("identity", "model")}
        for index, (name, row) in enumerate(shown.items()):
            axes.plot(np.array(row.example, np.float64), label=name, linewidth=1.2, **_style(index, row))
        axes.set(title=f"{cell}: {chosen.example.keypoint}, {chosen.example.video}", xlabel="frame")
        axes.invert_yaxis()
        axes.grid(alpha=0.3)
        axes.legend(fontsize=6)
    return figure


def _learning(results: Sequence[Result]) -> Figure:
    figure = Figure(figsize=(13, 4.8), layout="constrained")
    figure.suptitle("Validation, epoch by epoch; dots mark the epoch that was kept")
    left, right = figure.subplots(1, 2)
    for result in results:
        if (run := result.training) is None:
            continue
        windows = np.arange(1, run.epochs + 1) * run.windows / run.epochs
        for axes, name, factor in ((left, "val_loss", 1), (right, "val_pck@0.2", 100)):
            values = factor * np.array(run.history[name], np.float64)
            (line,) = axes.plot(windows, values, label=result.name, linewidth=1)
            axes.plot(windows[run.best_epoch - 1], values[run.best_epoch - 1], "o", color=line.get_color())
    left.set(ylabel="validation loss", yscale="log")
    right.set(ylabel="validation PCK@0.2 [%]")
    for axes in (left, right):
        axes.set_xlabel("training windows")
        axes.grid(alpha=0.3)
    right.legend(fontsize=6)
    return figure


def _percent(values: Shares) -> np.ndarray:
    return 100 * np.array(values, np.float64)


def _style(index: int, row: RowResult) -> dict[str, Any]:
    """Grey for no smoothing, dashes for what needs no training."""
    if row.kind == "identity":
        return {"color": "0.4", "linestyle": "--"}
    is_model = row.kind == "model"
    return {"color": colormaps["tab10" if is_model else "Dark2"](index % 8), "linestyle": "-" if is_model else ":"}
