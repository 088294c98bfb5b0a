"""Results as tables in the study's layout: a row for each smoother, a column for each scalar and experiment."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from kerasmooth.evaluation.bootstrap import paired_bootstrap
from kerasmooth.evaluation.results import RowResult, Shares
from kerasmooth.metrics import THRESHOLDS
from kerasmooth.reporting.results import Result

PROTOCOLS = {
    "windows": "every frame of every window, as published",
    "tracks": "every frame once, overlapping windows merged",
}
COMPARED_AT = THRESHOLDS.index(0.1)


def pck_table(results: Sequence[Result], protocol: str, space: str) -> pd.DataFrame:
    """PCK@0.05 / 0.1 / 0.2 in per cent, mean over seeds, and the spread where there are several.

    Args:
      results: of one table of the report.
      protocol: a key of PROTOCOLS.
      space: "cells", "pixels" or "published".
    """
    cells: dict[tuple[str, str], list[Shares]] = {}
    for result in results:
        for row, found in own_rows(result):
            values = getattr(found, protocol)
            if values is not None:
                cells.setdefault((row, result.cell), []).append(values[space])
        if protocol == "windows" and space == "cells" and result.bound is not None and result.training is None:
            cells[("bound of the window" + _frames(result), result.cell)] = [result.bound]
    return _frame({key: _numbers(values) for key, values in cells.items()})


def keypoint_table(results: Sequence[Result]) -> pd.DataFrame:
    """PCK@0.1 in per cent by keypoint, every frame once in cells, mean over seeds: (cell, smoother) x keypoint."""
    values: dict[tuple[str, str], list[dict[str, Shares]]] = {}
    for result in results:
        for row, found in own_rows(result):
            values.setdefault((result.cell, row), []).append(found.by_keypoint)
    table = {
        key: {name: _mean([found[name][COMPARED_AT] for found in values[key]]) for name in values[key][0]}
        for key in sorted(values, key=lambda key: key[0])
    }
    return pd.DataFrame(table).T.dropna(axis=1, how="all").map(lambda share: f"{100 * share:.1f}")


def difference_table(results: Sequence[Result]) -> pd.DataFrame:
    """PCK@0.1 of each run minus that of no smoothing and of the best filter, with 95 % intervals over videos."""
    baselines = {result.cell: result.rows for result in results if result.training is None and not _frames(result)}
    cells: dict[tuple[str, str], str] = {}
    for result in results:
        if result.training is None or result.cell not in baselines:
            continue
        others = baselines[result.cell]
        identity = next(name for name, row in others.items() if row.kind == "identity")
        best = best_filter(others)
        for row, found in own_rows(result):
            for other in (identity, *([best] if best else [])):
                label = f"{row}{f' (seed {result.seed})' * bool(result.seed)} - {other}"
                cells[(label, result.cell)] = _difference(found, others[other])
    return _frame(cells)


def training_table(results: Sequence[Result]) -> pd.DataFrame:
    """What each run was trained with and how it ended: no number is claimed to be of a converged model unsaid."""
    rows = {
        result.name: {
            "windows": f"{run.windows:,}",
            "to the best epoch": f"{run.windows_to_best:,}",
            "best epoch": f"{run.best_epoch} of {run.epochs}",
            "minutes": f"{run.minutes:.0f}",
            "ended": run.ended,
        }
        for result in results
        if (run := result.training)
    }
    return pd.DataFrame(rows).T


def judged_lines(results: Iterable[Result]) -> list[str]:
    """The share of frames that PCK rests on, by either rule; and on which detections, where not on training's."""
    cells: dict[str, list[str]] = {}
    for result in results:
        shares = (
            f"{100 * (result.judged or 0):.1f} % of the frames show the torso of a side and are judged, "
            f"{100 * (result.published_judged or 0):.1f} % by the published rule ({result.num_windows:,} windows)"
        )
        if result.cell not in cells.setdefault(shares, []):
            cells[shares].append(result.cell)
    lines = [f"{', '.join(of_line)}: {shares}" for shares, of_line in cells.items()]
    noise = {
        name.removeprefix("judged_"): value
        for result in results
        for name, value in result.config.items()
        if name.startswith("judged_") and name not in ("judged_split", "judged_noise_profile")
    }
    settings = ", ".join(f"{name}={value}" for name, value in noise.items())
    return lines + [f"Judged on other detections than trained on: {settings}"] * bool(noise)


def tuned_table(results: Iterable[Result]) -> pd.DataFrame:
    """The settings that validation picked for the filters."""
    return _frame(
        {(name, result.cell): row.settings for result in results for name, row in result.rows.items() if row.settings}
    )


def half_pixel_table(results: Iterable[Result]) -> pd.DataFrame:
    """PCK@0.05 / 0.1 / 0.2 by the published rule, with the truth in its own cell and in that of the published code."""
    return _frame(
        {
            (name, result.cell): _numbers([values])
            for result in results
            if result.half_pixel and result.training is None
            for name, values in result.half_pixel.items()
        }
    )


def own_rows(result: Result) -> list[tuple[str, RowResult]]:
    """(name in the report, row): all of baselines; of a run its model, by decoder where there are several."""
    if result.training is None:
        return [(name + _frames(result), row) for name, row in result.rows.items()]
    models = [(name, row) for name, row in result.rows.items() if row.kind == "model"]
    return [(result.smoother + name.removeprefix(result.name), row) for name, row in models]


def best_filter(rows: Mapping[str, RowResult]) -> str:
    """The name of the row that is best of the classical filters, "" where there is none."""
    filters = [name for name, row in rows.items() if row.kind == "classical"]
    return max(filters, key=lambda name: rows[name].tracks["cells"][COMPARED_AT] or 0.0, default="")


def _frames(result: Result) -> str:
    """What tells baselines on longer windows from the others, "" of these."""
    window = result.config.get("window", 0) if result.training is None else 0
    return f" ({window} frames)" if window else ""


def markdown(table: pd.DataFrame) -> str:
    """A table as GitHub shows it."""
    index = [" ".join(map(str, key)) if isinstance(key, tuple) else str(key) for key in table.index]
    lines = [["", *map(str, table.columns)], ["---"] * (1 + len(table.columns))]
    lines += [[key, *map(str, row)] for key, row in zip(index, table.to_numpy(), strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _frame(cells: dict[tuple[str, str], str]) -> pd.DataFrame:
    rows, columns = dict.fromkeys(row for row, _ in cells), sorted({column for _, column in cells})
    return pd.DataFrame([[cells.get((row, column), "") for column in columns] for row in rows], list(rows), columns)


def _numbers(seeds: list[Shares]) -> str:
    by_threshold = [[share for share in shares if share is not None] for shares in zip(*seeds, strict=True)]
    means = " / ".join(f"{100 * np.mean(known):.1f}" if known else "-" for known in by_threshold)
    if len(seeds) == 1:
        return means
    spread = " / ".join(f"{100 * np.std(known, ddof=1):.1f}" if len(known) > 1 else "-" for known in by_threshold)
    return f"{means} ± {spread} ({len(seeds)} seeds)"


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else np.nan


def _difference(one: RowResult, other: RowResult) -> str:
    found = paired_bootstrap(one.videos, other.videos)[COMPARED_AT]
    return f"{100 * found.mean:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
