"""Pictures of an evaluation: PCK by keypoint and over thresholds, jitter, and skeletons of a few windows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kerasmooth import files
from kerasmooth.boxes import Size
from kerasmooth.evaluation.evaluator import Evaluation
from kerasmooth.evaluation.scores import CURVE_THRESHOLDS, Score
from kerasmooth.evaluation.windows import Frames
from kerasmooth.metrics import THRESHOLDS
from kerasmooth.skeletons import BOULDERING_25

PICTURED_WINDOWS = 4
"""Windows of each dataset that are drawn."""
_STYLES = (("0.7", 5.0), ("tab:orange", 1.2), ("tab:blue", 1.8))
"""Colour and line width of truth, detector and model in the overlays."""


def draw_all(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Writes every picture into a folder and returns their paths. The same evaluation is the same bytes."""
    scores = {row.name: evaluation.total(row.name) for row in evaluation.rows}
    setting = evaluation.setting
    split = f"{setting.split} split of {', '.join(setting.datasets)}"
    what = f"{split}, every frame once"
    pictures = {
        "pck_by_keypoint.png": _pck_by_keypoint(scores, what),
        "pck_curve.png": _pck_curve(scores, what),
        "jitter.png": _jitter(scores, what),
        "overlays.png": _overlays(evaluation, f"a few windows of the {split}"),
    }
    for name, figure in pictures.items():
        with files.replacing(folder / name) as partial:
            figure.savefig(partial, format="png", dpi=110, metadata={"Software": None})
    return [folder / name for name in pictures]


def _pck_by_keypoint(scores: dict[str, Score], what: str) -> Figure:
    cells = {label: score.tracks["cells"] for label, score in scores.items()}
    by_name = {label: accuracy.pck_by_name() | {"all": accuracy.pck()} for label, accuracy in cells.items()}
    judged = [
        name for name in next(iter(by_name.values())) if any(np.isfinite(row[name][0]) for row in by_name.values())
    ]
    figure = Figure(figsize=(max(9.0, 1.2 * len(judged)), 9), layout="constrained")
    figure.suptitle(f"PCK in heatmap cells by keypoint (left and right together): {what}")
    for index, axes in enumerate(figure.subplots(len(THRESHOLDS), 1, sharex=True)):
        shares = {label: [100 * row[name][index] for name in judged] for label, row in by_name.items()}
        table: Any = pd.DataFrame(shares, [name.replace("_", " ") for name in judged])
        if judged:
            table.plot.bar(ax=axes, width=0.85, color=_colours(len(scores)), legend=False, rot=0)
        axes.axvline(len(judged) - 1.5, color="0.5", linewidth=0.8)
        axes.set(ylabel=f"PCK@{THRESHOLDS[index]:g} [%]", ylim=(0, 100))
        axes.grid(axis="y", alpha=0.3)
    # A handle and its spaces are some 0.7 inches wide, a letter 0.085.
    columns = int(figure.get_figwidth() / (0.7 + 0.085 * max(map(len, scores))))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(max(columns, 1), 4))
    return figure


def _pck_curve(scores: dict[str, Score], what: str) -> Figure:
    figure = Figure(figsize=(12, 5), layout="constrained")
    figure.suptitle(f"PCK over its threshold: {what}")
    titles = {"cells": "heatmap cells", "pixels": "image pixels"}
    for axes, (space, title) in zip(figure.subplots(1, 2, sharey=True), titles.items(), strict=True):
        for row, ((label, score), colour) in enumerate(zip(scores.items(), _colours(len(scores)), strict=True)):
            shares = 100 * score.tracks[space].curve.total()
            # No smoothing is dashed and on top: the bias-only curve mostly covers it.
            style, height = ("-", 2) if row else ("--", 3)
            axes.plot(CURVE_THRESHOLDS, shares, style, zorder=height, color=colour, label=label)
        for threshold in THRESHOLDS:
            axes.axvline(threshold, color="0.6", linestyle=":", linewidth=1)
        axes.set(title=title, xlabel="share of the torso diameter", xlim=(0, CURVE_THRESHOLDS[-1]), ylim=(0, 100))
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("keypoints within [%]")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _jitter(scores: dict[str, Score], what: str) -> Figure:
    figure = Figure(figsize=(11, 1.8 + 0.45 * len(scores)), layout="constrained")
    figure.suptitle(f"Jitter of merged tracks: {what}")
    labels, colours = list(scores), _colours(len(scores))
    truth = next(iter(scores.values())).jitter["truth"].mean()
    for axes, kind in zip(figure.subplots(1, 2, sharey=True), ("predicted", "error"), strict=True):
        values = [score.jitter[kind].mean() for score in scores.values()]
        bars = axes.barh(labels, np.nan_to_num(values), color=colours)
        axes.bar_label(bars, [f"{value:.2f}" if np.isfinite(value) else "none" for value in values], padding=3)
        axes.margins(x=0.18)
        axes.grid(axis="x", alpha=0.3)
    left, right = figure.axes
    left.invert_yaxis()
    if np.isfinite(truth):
        left.axvline(truth, color="black", linestyle="--", linewidth=1)
    left.set_xlabel("acceleration [px/frame²]" + f"; dashed: truth, {truth:.2f}" * bool(np.isfinite(truth)))
    right.set_xlabel("acceleration error [px/frame²]")
    return figure


def _overlays(evaluation: Evaluation, what: str) -> Figure:
    """A row for each of a few windows, a column for each of its frames."""
    rows = (evaluation.rows[0].name, _best_model(evaluation))
    setting, windows = evaluation.setting, [window for part in evaluation.windows.values() for window in _some(part)]
    figure = Figure(figsize=(2.6 * setting.window + 0.5, 3.0 * len(windows) + 1.0), layout="constrained")
    figure.suptitle(what)
    for line, window in zip(figure.subplots(len(windows), setting.window, squeeze=False), windows, strict=True):
        drawn = _in_pixels(window, rows, setting.size)
        visibility = window.visibility[0]
        (left, top), (right, bottom) = _limits(drawn[0][visibility])
        for frame, axes in enumerate(line):
            for keypoints, style in zip(drawn, _STYLES, strict=True):
                _draw_skeleton(axes, keypoints[frame], visibility[frame], *style)
            axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
            axes.set_title(f"frame {int(window.frame_numbers[0, frame])}", fontsize=8)
            axes.tick_params(labelsize=6, labelleft=frame == 0)
        line[0].set_ylabel(bytes(window.clip_ids[0]).decode().replace("/", "/\n"), fontsize=7)
    labels = ("truth", f"detector ({rows[0]})", rows[1])
    handles = [Line2D([], [], color=colour, linewidth=width) for colour, width in _STYLES]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _some(windows: Frames) -> list[Frames]:
    """A few windows, evenly spaced."""
    chosen = np.linspace(0, len(windows) - 1, min(len(windows), PICTURED_WINDOWS)).round().astype(int)
    return [windows[index : index + 1] for index in chosen.tolist()]


def _best_model(evaluation: Evaluation) -> str:
    """The model's row with the highest PCK@0.2, or no smoothing where there is no model."""
    names = [row.name for row in evaluation.rows if row.kind == "model"] or [evaluation.rows[0].name]
    values = [evaluation.total(name).tracks["cells"].pck()[-1] for name in names]
    return names[int(np.argmax(np.nan_to_num(values)))]


def _in_pixels(window: Frames, rows: Sequence[str], size: Size) -> list[np.ndarray]:
    """Truth and rows of one window, each [T, K, 2]."""
    return [window.in_pixels(keypoints, size)[0] for keypoints in (window.truth, *(window.predicted[r] for r in rows))]


def _limits(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The (x, y) between which points [N, 2] lie, with a margin."""
    points = points if len(points) else np.zeros((1, 2))
    margin = 0.15 * np.ptp(points, axis=0).max() + 1
    return points.min(axis=0) - margin, points.max(axis=0) + margin


def _draw_skeleton(axes: Any, keypoints: np.ndarray, visibility: np.ndarray, colour: str, width: float) -> None:
    limbs = [(a, b) for a, b in BOULDERING_25.limbs if visibility[a] and visibility[b]]
    lines = [keypoints[list(limb)] for limb in limbs]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, capstyle="round"))
    axes.plot(*keypoints[visibility].T, ".", color=colour, markersize=width + 2)


def _colours(count: int) -> list[Any]:
    """Grey for no smoothing, then a colour for each row."""
    others = [colormaps["tab10"](i) for i in range(10) if i != 7]  # 7 is a grey too
    return ["0.6", *(others[i % len(others)] for i in range(count - 1))]
