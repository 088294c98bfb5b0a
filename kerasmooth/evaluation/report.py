"""What an evaluation found, for machines (JSON) and for people (tables on the terminal; pictures: `report_plots`)."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kerasmooth import __version__, files
from kerasmooth.evaluation.evaluator import Evaluation, uses_sample_records
from kerasmooth.evaluation.report_plots import draw_all
from kerasmooth.evaluation.scores import CURVE_THRESHOLDS, RowScore, Scores, SpaceScore
from kerasmooth.metrics import THRESHOLDS, KeypointSums, sides_merged
from kerasmooth.skeletons import BOULDERING_25

SCHEMA = "kerasmooth.evaluation.evaluator/1"
SCORES_FILE = "scores.json"
MAX_WIDTH = 400
PCK_COLUMNS = ("cells", "pixels", "published")
DEFINITIONS = {
    "pck": "per cent of annotated keypoints at most threshold x torso diameter from the truth, `<=`; hits over "
    "keypoints, summed over all frames that show a torso; left and right count together",
    "torso_diameter": "mean distance from shoulder to hip of the truth, over the sides that show both",
    "cells": "heatmap cells; the truth is as annotated, sub-pixel: the metric by which training keeps its best epoch",
    "pixels": "image pixels; the truth is as annotated",
    "published": "heatmap cells; the truth is the arg-max of its heatmap, a whole cell; frames without both shoulders "
    "and hips are skipped",
    "in_windows": "every frame of every window (published): a frame counts once for each window that shows it",
    "in_tracks": "overlapping windows are merged by their mean, every frame counts once",
    "end_point_error": "mean distance to the truth over annotated keypoints, in all frames",
    "jitter": "of tracks in image pixels per frame squared, over keypoints annotated in three frames in a row: mean "
    "length of the second difference of the truth, of the prediction, and of the difference of the two (acceleration "
    "error); frames are those of a window, frame_step video frames apart",
    "curve": "PCK at curve_thresholds",
    "by_dataset": "the parts of total, where there are several datasets",
    "identity": "no smoothing: the arg-max of the detector's heatmaps",
    "bias_only": "identity plus one constant offset for each keypoint, the mean error on training windows",
}

Json = dict[str, Any]


def as_json(evaluations: Sequence[Evaluation]) -> Json:
    """Plain values; null where there was nothing to score."""
    return {
        "schema": SCHEMA,
        "kerasmooth": __version__,
        "definitions": DEFINITIONS,
        "curve_thresholds": CURVE_THRESHOLDS.tolist(),
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
    scores = {entry.name: evaluation.total(entry.name) for entry in evaluation.entries}
    width = console.width
    for table in (_pck_table(scores), _error_table(scores), _keypoint_table(scores)):
        # Where the terminal is narrow its lines wrap, which is better than digits that are cut off.
        console.width = max(width, console.measure(table, options=console.options.update(max_width=MAX_WIDTH)).maximum)
        console.print(table)
    console.width = width


def describe(evaluation: Evaluation) -> str:
    """One line: what was judged, and how much of it."""
    setting, first = evaluation.setting, evaluation.total(evaluation.entries[0].name)
    in_windows, in_tracks = first.windows["cells"], first.frames["cells"]
    kind = " (a generated person, not real data)" if uses_sample_records(setting) else ""
    return (
        f"{setting.split} split of {', '.join(setting.datasets)}{kind}: "
        f"{sum(evaluation.num_windows.values()):,} of {sum(evaluation.in_all.values()):,} windows, "
        f"{in_windows.pck.frames:,} frames in windows, {_percent(in_windows)} of them show a torso and are in PCK "
        f"({_percent(first.windows['published'])} by the published rule, all four joints), "
        f"{in_windows.pck.totals.sum():,} keypoints scored; {in_tracks.pck.frames:,} different frames. "
        f"Mean torso {_text(in_windows.mean_torso)} cells, {_text(first.windows['pixels'].mean_torso)} px."
    )


def _evaluation(evaluation: Evaluation) -> Json:
    setting = evaluation.setting
    noise = dataclasses.asdict(setting.noise)
    rows = []
    for entry in evaluation.entries:
        parts = evaluation.scores[entry.name] if len(evaluation.num_windows) > 1 else {}
        by_dataset = {name: _row(score) for name, score in parts.items()}
        rows.append(
            {**dataclasses.asdict(entry), "total": _row(evaluation.total(entry.name)), "by_dataset": by_dataset}
        )
    return {
        "records_dir": setting.records_dir,
        "datasets": list(setting.datasets),
        "split": setting.split,
        "window": setting.window,
        "size": list(setting.size),
        "frame_step": setting.frame_step,
        "simulated_detector": {name: noise[name] for name in sorted(noise) if name not in ("pairs", "fresh")},
        "sample_records": uses_sample_records(setting),
        "windows": evaluation.num_windows,
        "windows_in_all": evaluation.in_all,
        "bias_windows": evaluation.bias_windows,
        "rows": rows,
    }


def _row(score: RowScore) -> Json:
    jitter = score.jitter
    return {
        "in_windows": _spaces(score.windows),
        "in_tracks": _spaces(score.frames),
        "jitter": {name: _sums(getattr(jitter, name)) for name in ("truth", "predicted", "error")},
    }


def _spaces(scores: Scores) -> Json:
    return {name: _space(score) for name, score in scores.items()}


def _space(score: SpaceScore) -> Json:
    pck, names = score.pck, score.pck.by_name()
    return {
        "pck": {
            f"{threshold:g}": {
                "total": _number(100 * pck.total()[i]),
                "by_keypoint": {name: _number(100 * values[i]) for name, values in names.items()},
            }
            for i, threshold in enumerate(pck.thresholds)
        },
        "end_point_error": _sums(score.error),
        "curve": [_number(100 * share) for share in score.curve_shares()],
        "mean_torso": _number(score.mean_torso),
        "frames": pck.frames,
        "frames_judged": pck.frames - pck.frames_skipped,
        "keypoints": int(pck.totals.sum()),
    }


def _sums(sums: KeypointSums) -> Json:
    by_keypoint = {name: _number(mean) for name, mean in sums.by_name().items()}
    return {"total": _number(sums.mean()), "by_keypoint": by_keypoint, "count": int(sums.counts.sum())}


def _number(value: float) -> float | None:
    """Rounded to a millionth, None for NaN."""
    return round(float(value), 6) if math.isfinite(value) else None


def _percent(score: SpaceScore) -> str:
    """The share of frames that a score judged."""
    return f"{_text(100 * score.pck.judged_share, 1)} %"


def _text(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _pck_table(scores: dict[str, RowScore]) -> Table:
    first = next(iter(scores.values())).windows
    shares = ", ".join(f"{name} judges {_percent(score)} of the frames" for name, score in first.items())
    columns = [f"@{a:g}\n{space}" for space in PCK_COLUMNS for a in THRESHOLDS]
    table = _table(f"PCK [%] of the torso diameter; of all frames of all windows {shares}", columns)
    for name, score in scores.items():
        values = [value for space in PCK_COLUMNS for value in score.windows[space].pck.total()]
        table.add_row(escape(name), *(_text(100 * value) for value in values))
    return table


def _error_table(scores: dict[str, RowScore]) -> Table:
    columns = ["end-point\ncells", "end-point\npx", "acceleration\npx/frame²", "acceleration error\npx/frame²"]
    table = _table("Mean errors: end-point of all frames of all windows, acceleration of merged tracks", columns)
    for name, score in scores.items():
        errors = [score.windows["cells"].error, score.windows["pixels"].error]
        values = [*errors, score.jitter.predicted, score.jitter.error]
        table.add_row(escape(name), *(_text(value.mean()) for value in values))
    truth = next(iter(scores.values())).jitter.truth.mean()
    table.add_row("truth", "", "", _text(truth), "", style="dim")
    return table


def _keypoint_table(scores: dict[str, RowScore]) -> Table:
    share = _percent(next(iter(scores.values())).windows["cells"])
    table = _table(
        f"PCK@0.1 [%] in cells by keypoint, {share} of the frames",
        ["keypoints", *(escape(name).replace(" (", "\n(") for name in scores)],
    )
    counts = {name: score.windows["cells"].pck for name, score in scores.items()}
    totals = next(iter(counts.values())).totals
    for keypoint, indices in sides_merged(BOULDERING_25).items():
        if judged := int(totals[indices].sum()):
            shares = (100 * pck.hits[1, indices].sum() / judged for pck in counts.values())
            table.add_row(keypoint, f"{judged:,}", *(_text(share, 1) for share in shares))
    shares = (100 * pck.total()[1] for pck in counts.values())
    table.add_row("all", f"{int(totals.sum()):,}", *(_text(share, 1) for share in shares), style="bold")
    return table
