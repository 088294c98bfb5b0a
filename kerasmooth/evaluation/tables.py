"""What an evaluation found, as tables on the terminal and as JSON; pictures: `pictures`."""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kerasmooth import __version__, files
from kerasmooth.boxes import Size
from kerasmooth.evaluation.evaluator import Evaluation
from kerasmooth.evaluation.pictures import draw_all
from kerasmooth.evaluation.results import CURVE_THRESHOLDS, Scores, Shares
from kerasmooth.evaluation.scores import SPACES, count, pck
from kerasmooth.evaluation.windows import Frames, single_frames
from kerasmooth.metrics import THRESHOLDS, sides_merged, torso_diameter
from kerasmooth.noise import DetectorNoise
from kerasmooth.skeletons import BOULDERING_25

SCHEMA = "kerasmooth.evaluation/3"
SCORES_FILE = "scores.json"
MAX_WIDTH = 400
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
    scores, frames, size = evaluation.scores, single_frames(evaluation.tracks), evaluation.setting.size
    in_windows = {name: row.windows for name, row in scores.rows.items() if row.windows}
    if scores.bound:
        in_windows["bound of the window"] = {"cells": scores.bound}
    in_tracks = {name: row.tracks for name, row in scores.rows.items()}
    width = console.width
    for table in (
        _pck_table("all frames of all windows", evaluation.windows, size, in_windows),
        _pck_table("every frame once, windows merged into tracks", frames, size, in_tracks),
        _error_table(scores),
        _keypoint_table(scores, frames, size),
    ):
        # Where the terminal is narrow its lines wrap, which is better than digits that are cut off.
        console.width = max(width, console.measure(table, options=console.options.update(max_width=MAX_WIDTH)).maximum)
        console.print(table)
    console.width = width


def describe(evaluation: Evaluation) -> str:
    """What was judged, in a few sentences."""
    setting, scores, windows = evaluation.setting, evaluation.scores, evaluation.windows
    kind = " (a generated person, not real data)" if setting.is_sample else ""
    spaces = {"cells": windows.truth, "px": windows.in_pixels(windows.truth, setting.size)}
    torsos = [f"{_text(_mean(torso_diameter(at, windows.visibility)))} {unit}" for unit, at in spaces.items()]
    return (
        f"{setting.split} split of {', '.join(setting.datasets)}{kind}: "
        f"{len(windows):,} of {sum(evaluation.in_all.values()):,} windows, "
        f"{windows.frame_numbers.size:,} frames in windows, {_percent(scores.judged)} of them show a torso and are in "
        f"PCK ({_percent(scores.published_judged)} by the published rule, all four joints), "
        f"{count(windows, '', setting.size).totals.sum():,} keypoints scored; "
        f"{sum(track.frame_numbers.size for track in evaluation.tracks):,} different frames. "
        f"Mean torso {', '.join(torsos)}."
    )


def _mean(values: np.ndarray) -> float:
    """Of the values that are no NaN; NaN where there are none."""
    known = values[np.isfinite(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else math.nan


def _evaluation(evaluation: Evaluation) -> Json:
    setting, scores = evaluation.setting, evaluation.scores.model_dump(mode="json")
    noise = {name: getattr(setting.noise, name) for name in sorted(DetectorNoise.__dataclass_fields__)}
    noise |= {"profile": setting.noise.profile.model_dump(mode="json")}
    parts = {}
    if len(evaluation.num_windows) > 1:
        frames = single_frames(evaluation.tracks)
        parts = {name: frames[np.array(frames.datasets) == name] for name in evaluation.num_windows}
    rows = []
    for row in evaluation.rows:
        by_dataset = {name: pck(part, row.name, setting.size) for name, part in parts.items()}
        rows.append({**dataclasses.asdict(row), **scores["rows"][row.name], "by_dataset": by_dataset})
    return {
        **scores,
        "rows": rows,
        "records_dir": setting.records_dir,
        "datasets": list(setting.datasets),
        "window": setting.window,
        "size": list(setting.size),
        "frame_step": setting.frame_step,
        "simulated_detector": {name: value for name, value in noise.items() if name not in ("pairs", "fresh")},
        "sample_records": setting.is_sample,
        "windows": evaluation.num_windows,
        "windows_in_all": evaluation.in_all,
        "bias_windows": evaluation.bias_windows,
    }


def _text(value: float | None, digits: int = 2, factor: int = 1) -> str:
    return "-" if value is None or math.isnan(value) else f"{factor * value:.{digits}f}"


def _percent(share: float | None) -> str:
    return f"{_text(share, 1, 100)} %"


def _table(title: str, columns: Sequence[str], rows: Mapping[str, Iterable[str]]) -> Table:
    table = Table("", title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(escape(column), justify="right", no_wrap=True)
    table.columns[0].no_wrap = True
    for name, cells in rows.items():
        table.add_row(escape(name), *cells)
    return table


def _pck_table(what: str, frames: Frames, size: Size, rows: Mapping[str, Mapping[str, Shares]]) -> Table:
    judged = ", ".join(f"{space} {_percent(count(frames, '', size, space).judged_share)}" for space in SPACES)
    columns = [f"@{a:g}\n{space}" for space in SPACES for a in THRESHOLDS]
    texts = {
        name: [_text(share, 2, 100) for shares in by_space.values() for share in shares]
        for name, by_space in rows.items()
    }
    return _table(f"PCK [%] of the torso diameter, {what}; frames judged: {judged}", columns, texts)


def _error_table(scores: Scores) -> Table:
    rows = {
        name: [row.error["cells"], row.error["pixels"], row.acceleration, row.acceleration_error]
        for name, row in scores.rows.items()
    }
    texts = {name: [*map(_text, values)] for name, values in rows.items()}
    title = "Mean errors, every frame once; acceleration in px/frame²"
    columns = ["end-point\ncells", "end-point\npx", "acceleration", "acceleration error"]
    return _table(title, columns, texts | {"truth": ["", "", _text(scores.acceleration)]})


def _keypoint_table(scores: Scores, frames: Frames, size: Size) -> Table:
    judged = count(frames, "", size)
    title = f"PCK@0.1 [%] in cells by keypoint, every frame once; frames judged: {_percent(judged.judged_share)}"
    shares = {name: row.by_keypoint | {"all": row.tracks["cells"]} for name, row in scores.rows.items()}
    rows = {
        keypoint: [f"{number:,}", *(_text(of_row[keypoint][1], 1, 100) for of_row in shares.values())]
        for keypoint, indices in (sides_merged(BOULDERING_25) | {"all": slice(None)}).items()
        if (number := judged.totals[indices].sum())
    }
    return _table(title, ["keypoints", *(name.replace(" (", "\n(") for name in shares)], rows)
