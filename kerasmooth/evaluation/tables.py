"""What an evaluation found, as tables on the terminal and as JSON; pictures: `pictures`."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kerasmooth import __version__, files
from kerasmooth.evaluation.evaluator import Evaluation
from kerasmooth.evaluation.pictures import draw_all
from kerasmooth.evaluation.results import pck_by_space, scores_of
from kerasmooth.evaluation.scores import CURVE_THRESHOLDS, Accuracies, Accuracy, Score
from kerasmooth.evaluation.windows import concatenated
from kerasmooth.metrics import THRESHOLDS, sides_merged, torso_diameter
from kerasmooth.skeletons import BOULDERING_25

SCHEMA = "kerasmooth.evaluation/3"
SCORES_FILE = "scores.json"
MAX_WIDTH = 400
SPACES = ("cells", "pixels", "published")
DEFINITIONS = {
    "pck": "share of annotated keypoints at most threshold x torso diameter from the truth, `<=`; hits over keypoints, "
    "summed over all frames that show a torso; left and right count together",
    "torso_diameter": "mean distance from shoulder to hip of the truth, over the sides that show both",
    "cells": "heatmap cells; the truth is as annotated, sub-pixel: the metric by which training keeps its best epoch",
    "pixels": "image pixels; the truth is as annotated",
    "published": "heatmap cells; the truth is the arg-max of its heatmap, a whole cell; frames without both shoulders "
    "and hips are skipped",
    "windows": "every frame of every window (published): a frame counts once for each window that shows it; null for "
    "what smooths whole tracks",
    "tracks": "overlapping windows are merged by their mean, every frame counts once; all but windows is of these",
    "error": "mean end-point error over annotated keypoints, in all frames",
    "acceleration": "mean length of the second difference over keypoints annotated in three frames in a row, in image "
    "pixels per frame squared, frame_step video frames apart; acceleration_error: of prediction minus truth",
    "curve": "PCK at curve_thresholds",
    "videos": "keypoints within each threshold, and keypoints judged",
    "identity": "no smoothing: the arg-max of the detector's heatmaps",
    "bias_only": "identity plus one constant offset for each keypoint, the mean error on training windows",
    "bound": "PCK in cells, in windows, of the mean of as many independent detections as a window has, of keypoints "
    "that stand still; null where the detector is not simulated so",
    "window_mean, window_median": "of a keypoint's detections in a window, for all its frames",
}

Json = dict[str, Any]


def as_json(evaluations: Sequence[Evaluation]) -> Json:
    """Plain values; null where there was nothing to score."""
    return {
        "schema": SCHEMA,
        "kerasmooth": __version__,
        "definitions": DEFINITIONS,
        "thresholds": list(THRESHOLDS),
        "curve_thresholds": list(CURVE_THRESHOLDS),
        "evaluations": [_evaluation(evaluation) for evaluation in evaluations],
    }


def write_report(evaluations: Sequence[Evaluation], folder: Path) -> list[Path]:
    """Writes scores.json and the pictures (those of a second evaluation into `2/`, and so on); returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SCORES_FILE
    files.write_text(path, json.dumps(as_json(evaluations), indent=1, sort_keys=True, allow_nan=False) + "\n")
    paths = [path]
    for number, evaluation in enumerate(evaluations, start=1):
        own = folder if number == 1 else folder / str(number)
        own.mkdir(exist_ok=True)
        paths += draw_all(evaluation, own)
    return paths


def print_tables(evaluation: Evaluation, console: Console) -> None:
    """Prints what was judged, PCK, errors and jitter, and PCK by keypoint."""
    console.print(describe(evaluation), soft_wrap=True, markup=False)
    if tuned := [f"{row.name}: {row.settings}" for row in evaluation.rows if row.settings]:
        what = f"Filters as tuned on the validation split: {'; '.join(tuned)}."
        console.print(what, soft_wrap=True, markup=False)
    scores = {row.name: evaluation.total(row.name) for row in evaluation.rows}
    in_windows = {name: score.windows for name, score in scores.items() if score.windows is not None}
    in_tracks = {name: score.tracks for name, score in scores.items()}
    width = console.width
    for table in (
        _pck_table("all frames of all windows", in_windows, evaluation.bound),
        _pck_table("every frame once, windows merged into tracks", in_tracks),
        _error_table(scores),
        _keypoint_table({name: accuracies["cells"] for name, accuracies in in_tracks.items()}),
    ):
        # Where the terminal is narrow its lines wrap, which is better than digits that are cut off.
        console.width = max(width, console.measure(table, options=console.options.update(max_width=MAX_WIDTH)).maximum)
        console.print(table)
    console.width = width


def describe(evaluation: Evaluation) -> str:
    """One line: what was judged, and how much of it."""
    setting, judged = evaluation.setting, concatenated(list(evaluation.windows.values()))
    score = evaluation.total(evaluation.rows[0].name)
    cells, published = ((score.windows or {})[space].curve for space in ("cells", "published"))
    kind = " (a generated person, not real data)" if setting.is_sample else ""
    spaces = {"cells": judged.truth, "px": judged.in_pixels(judged.truth, setting.size)}
    torsos = [f"{_text(_mean(torso_diameter(at, judged.visibility)))} {unit}" for unit, at in spaces.items()]
    return (
        f"{setting.split} split of {', '.join(setting.datasets)}{kind}: "
        f"{len(judged):,} of {sum(evaluation.in_all.values()):,} windows, "
        f"{cells.frames:,} frames in windows, {_percent(cells.judged_share)} of them show a torso and are in PCK "
        f"({_percent(published.judged_share)} by the published rule, all four joints), "
        f"{cells.totals.sum():,} keypoints scored; {score.tracks['cells'].curve.frames:,} different frames. "
        f"Mean torso {', '.join(torsos)}."
    )


def _mean(values: np.ndarray) -> float:
    """Of the values that are no NaN; NaN where there are none."""
    known = values[np.isfinite(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else math.nan


def _evaluation(evaluation: Evaluation) -> Json:
    setting, scores = evaluation.setting, scores_of(evaluation).model_dump(mode="json")
    noise = setting.as_json()["noise"]
    several = len(evaluation.windows) > 1
    rows = []
    for row in evaluation.rows:
        parts = {name: pck_by_space(score.tracks) for name, score in evaluation.scores[row.name].items()}
        rows.append({**dataclasses.asdict(row), **scores["rows"][row.name], "by_dataset": parts if several else {}})
    return {
        **scores,
        "rows": rows,
        "records_dir": setting.records_dir,
        "datasets": list(setting.datasets),
        "window": setting.window,
        "size": list(setting.size),
        "frame_step": setting.frame_step,
        "simulated_detector": {name: noise[name] for name in sorted(noise) if name not in ("pairs", "fresh")},
        "sample_records": setting.is_sample,
        "windows": evaluation.num_windows,
        "windows_in_all": evaluation.in_all,
        "bias_windows": evaluation.bias_windows,
    }


def _text(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _percent(share: float) -> str:
    return f"{_text(100 * share, 1)} %"


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _pck_table(what: str, accuracies: dict[str, Accuracies], bound: np.ndarray | None = None) -> Table:
    first = next(iter(accuracies.values()))
    shares = ", ".join(f"{space} {_percent(first[space].curve.judged_share)}" for space in SPACES)
    columns = [f"@{a:g}\n{space}" for space in SPACES for a in THRESHOLDS]
    table = _table(f"PCK [%] of the torso diameter, {what}; frames judged: {shares}", columns)
    for name, of_row in accuracies.items():
        table.add_row(escape(name), *(_text(100 * value) for space in SPACES for value in of_row[space].pck()))
    if bound is not None:
        table.add_row("bound of the window", *(_text(100 * value) for value in bound), style="dim")
    return table


def _error_table(scores: dict[str, Score]) -> Table:
    table = _table(
        "Mean errors, every frame once; acceleration in px/frame²",
        ["end-point\ncells", "end-point\npx", "acceleration", "acceleration error"],
    )
    for name, score in scores.items():
        errors = [score.tracks[space].error for space in ("cells", "pixels")]
        measures = [*errors, score.jitter["predicted"], score.jitter["error"]]
        table.add_row(escape(name), *(_text(measure.mean()) for measure in measures))
    truth = next(iter(scores.values())).jitter["truth"].mean()
    table.add_row("truth", "", "", _text(truth), "", style="dim")
    return table


def _keypoint_table(cells: dict[str, Accuracy]) -> Table:
    first = next(iter(cells.values())).curve
    table = _table(
        f"PCK@0.1 [%] in cells by keypoint, every frame once; frames judged: {_percent(first.judged_share)}",
        ["keypoints", *(escape(name).replace(" (", "\n(") for name in cells)],
    )
    by_name = [accuracy.pck_by_name() for accuracy in cells.values()]
    for keypoint, indices in sides_merged(BOULDERING_25).items():
        if judged := int(first.totals[indices].sum()):
            table.add_row(keypoint, f"{judged:,}", *(_text(100 * shares[keypoint][1], 1) for shares in by_name))
    totals = (_text(100 * accuracy.pck()[1], 1) for accuracy in cells.values())
    table.add_row("all", f"{int(first.totals.sum()):,}", *totals, style="bold")
    return table
