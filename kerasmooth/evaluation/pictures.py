"""Pictures of an evaluation: PCK by keypoint and over thresholds, jitter, and skeletons of a few windows."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kerasmooth import files
from kerasmooth.evaluation.evaluator import Evaluation
from kerasmooth.evaluation.plots import Styles, draw_curves, draw_keypoints, draw_skeleton, styles_of
from kerasmooth.evaluation.results import Scores
from kerasmooth.evaluation.scores import curve
from kerasmooth.evaluation.windows import Frames, single_frames
from kerasmooth.metrics import THRESHOLDS

PICTURED_WINDOWS = 4
"""Windows that are drawn."""
_STYLES = (("0.7", 5.0), ("tab:orange", 1.2), ("tab:blue", 1.8))
"""Colour and line width of truth, detector and model in the overlays."""


def draw_all(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Writes every picture into a folder and returns their paths. The same evaluation is the same bytes."""
    setting = evaluation.setting
    split = f"{setting.split} split of {', '.join(setting.datasets)}"
    what = f"{split}, every frame once"
    styles = styles_of({name: row.kind for name, row in evaluation.scores.rows.items()})
    pictures = {
        "pck_by_keypoint.png": _pck_by_keypoint(evaluation.scores, styles, what),
        "pck_curve.png": _pck_curve(evaluation, styles, what),
        "jitter.png": _jitter(evaluation.scores, styles, what),
        "overlays.png": _overlays(evaluation, f"a few windows of the {split}"),
    }
    for name, figure in pictures.items():
        files.save_figure(figure, folder / name, dpi=110)
    return [folder / name for name in pictures]


def _pck_by_keypoint(scores: Scores, styles: Styles, what: str) -> Figure:
    rows = {name: row.by_keypoint | {"all": row.tracks["cells"]} for name, row in scores.rows.items()}
    judged = sum(values[0] is not None for values in next(iter(rows.values())).values())
    figure = Figure(figsize=(max(9.0, 1.2 * judged), 10), layout="constrained")
    figure.suptitle(f"PCK in heatmap cells by keypoint (left and right together): {what}")
    for threshold, axes in zip(THRESHOLDS, figure.subplots(len(THRESHOLDS), 1, sharex=True), strict=True):
        draw_keypoints(axes, rows, styles, threshold)
        axes.axvline(judged - 1.5, color="0.5", linewidth=0.8)
        axes.grid(axis="y", alpha=0.3)
    # A handle and its spaces are some 0.7 inches wide, a letter 0.085.
    columns = int(figure.get_figwidth() / (0.7 + 0.085 * max(map(len, rows))))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=min(max(columns, 1), 4))
    return figure


def _pck_curve(evaluation: Evaluation, styles: Styles, what: str) -> Figure:
    figure, frames = Figure(figsize=(12, 5), layout="constrained"), single_frames(evaluation.tracks)
    figure.suptitle(f"PCK over its threshold: {what}")
    # No smoothing is on top: the bias-only curve mostly covers it.
    styles = {name: style | {"zorder": 3 - (name != next(iter(styles)))} for name, style in styles.items()}
    spaces = {"cells": "heatmap cells", "pixels": "image pixels"}
    for axes, (space, title) in zip(figure.subplots(1, 2, sharey=True), spaces.items(), strict=True):
        size = evaluation.setting.size
        draw_curves(axes, {name: curve(frames, name, size, space) for name in styles}, styles)
        axes.set_title(title)
        axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _jitter(scores: Scores, styles: Styles, what: str) -> Figure:
    rows = scores.rows
    figure = Figure(figsize=(11, 1.8 + 0.45 * len(rows)), layout="constrained")
    figure.suptitle(f"Jitter of merged tracks: {what}")
    for axes, kind in zip(figure.subplots(1, 2, sharey=True), ("acceleration", "acceleration_error"), strict=True):
        values = [getattr(row, kind) for row in rows.values()]
        bars = axes.barh([*rows], [value or 0 for value in values], color=[styles[name]["color"] for name in rows])
        axes.bar_label(bars, ["none" if value is None else f"{value:.2f}" for value in values], padding=3)
        axes.margins(x=0.18)
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlabel(f"{kind.replace('_', ' ')} [px/frame²]")
    left = figure.axes[0]
    left.invert_yaxis()
    if scores.acceleration is not None:
        left.axvline(scores.acceleration, color="black", linestyle="--", linewidth=1)
        left.set_xlabel(f"{left.get_xlabel()}; dashed: truth, {scores.acceleration:.2f}")
    return figure


def _overlays(evaluation: Evaluation, what: str) -> Figure:
    """A row for each of a few windows, a column for each of its frames."""
    rows = ("", evaluation.rows[0].name, _best_model(evaluation.scores))
    setting, windows = evaluation.setting, _some(evaluation.windows)
    figure = Figure(figsize=(2.6 * setting.window + 0.5, 3.0 * len(windows) + 1.0), layout="constrained")
    figure.suptitle(what)
    pixels = [windows.in_pixels(windows.keypoints(row), setting.size) for row in rows]
    for window, line in enumerate(figure.subplots(len(windows), setting.window, squeeze=False)):
        visibility = windows.visibility[window]
        (left, top), (right, bottom) = _limits(pixels[0][window][visibility])
        for frame, axes in enumerate(line):
            for keypoints, (colour, width) in zip(pixels, _STYLES, strict=True):
                draw_skeleton(axes, keypoints[window, frame], visibility[frame], colour, width)
            axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
            axes.set_title(f"frame {int(windows.frame_numbers[window, frame])}", fontsize=8)
            axes.tick_params(labelsize=6, labelleft=frame == 0)
        line[0].set_ylabel(bytes(windows.clip_ids[window]).decode().replace("/", "/\n"), fontsize=7)
    labels = ("truth", f"detector ({rows[1]})", rows[2])
    handles = [Line2D([], [], color=colour, linewidth=width) for colour, width in _STYLES]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _some(windows: Frames) -> Frames:
    """A few windows, evenly spaced."""
    return windows[np.linspace(0, len(windows) - 1, min(len(windows), PICTURED_WINDOWS)).round().astype(int)]


def _best_model(scores: Scores) -> str:
    """The model's row with the highest PCK@0.2, or no smoothing where there is no model."""
    names = [name for name, row in scores.rows.items() if row.kind == "model"] or [next(iter(scores.rows))]
    return max(names, key=lambda name: scores.rows[name].tracks["cells"][-1] or 0)


def _limits(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The (x, y) between which points [N, 2] lie, with a margin."""
    points = points if len(points) else np.zeros((1, 2))
    margin = 0.15 * np.ptp(points, axis=0).max() + 1
    return points.min(axis=0) - margin, points.max(axis=0) + margin
