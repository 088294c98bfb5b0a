"""The report: Markdown, CSV and PNG beside the results, and one HTML page that opens from disk."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from kerasmooth import files
from kerasmooth.errors import InputError
from kerasmooth.reporting import pictures, tables
from kerasmooth.reporting.results import Result, load_results

STYLE = (
    "body{font:15px/1.5 sans-serif;margin:2em auto;max-width:100em;padding:0 1em}"
    "table{border-collapse:collapse;font-size:12px;display:block;overflow-x:auto}"
    "td,th{border-bottom:1px solid #ccc;padding:.2em .5em;text-align:right;white-space:nowrap}"
    "th:first-child,tbody th{text-align:left}img{max-width:100%}"
)
Section = tuple[str, str, pd.DataFrame]
"""(file name, title, table)."""


def write_report(results_dir: Path, output: Path) -> list[Path]:
    """Writes the report of all results into a folder and returns its files.

    Raises:
      InputError: there are no results, or one is damaged.
    """
    by_table: dict[str, list[Result]] = {}
    for result in load_results(results_dir):
        by_table.setdefault(result.table, []).append(result)
    if not by_table:
        raise InputError(f"no results in {results_dir}: make them first with `python -m kerasmooth.study`")
    output.mkdir(parents=True, exist_ok=True)
    paths, text, page = [], ["# Results\n"], [f"<h1>Results</h1><style>{STYLE}</style>"]
    for name, results in by_table.items():
        text.append(f"## {name}\n")
        page.append(f"<h2>{html.escape(name)}</h2>")
        for line in tables.judged_lines(results):
            text.append(f"{line}.\n")
            page.append(f"<p>{html.escape(line)}.</p>")
        for key, title, table in sections(results):
            path = output / f"{name}-{key}.csv"
            files.write_text(path, table.to_csv(lineterminator="\n"))
            paths.append(path)
            text.append(f"### {title}\n\n{tables.markdown(table)}")
            page.append(f"<h3>{html.escape(title)}</h3>{table.to_html(border=0)}")
        for key, figure in pictures.draw(results).items():
            path = output / f"{name}-{key}.png"
            files.save_figure(figure, path, dpi=100)
            paths.append(path)
            text.append(f"![{key}]({path.name})\n")
            page.append(
                f'<p><img alt="{key}" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"></p>'
            )
    for path, lines in ((output / "report.md", text), (output / "report.html", _whole(page))):
        files.write_text(path, "\n".join(lines))
        paths.append(path)
    return paths


def sections(results: Sequence[Result]) -> list[Section]:
    """The tables of one part of the report, without empty ones."""
    pck, whole_cells = "PCK@0.05 / 0.1 / 0.2 [%]", "whole-cell truth, frames with all four torso joints"
    found = [
        ("windows", f"{pck}: every frame of every window, in cells", tables.pck_table(results, "windows", "cells")),
        ("published", f"{pck}, published: {whole_cells}", tables.pck_table(results, "windows", "published")),
        ("tracks", f"{pck}: every frame once, in cells", tables.pck_table(results, "tracks", "cells")),
        ("pixels", f"{pck}: every frame once, in image pixels", tables.pck_table(results, "tracks", "pixels")),
        ("differences", "PCK@0.1 of two rows [points, 95 % over videos], cells", tables.difference_table(results)),
        ("keypoints", "PCK@0.1 [%] by keypoint, every frame once, in cells", tables.keypoint_table(results)),
        ("tuned", "Filters as tuned on validation", tables.tuned_table(results)),
        ("half_pixel", f"{pck}, published rule: what the half pixel costs", tables.half_pixel_table(results)),
        ("training", "Training", tables.training_table(results)),
    ]
    return [section for section in found if not section[2].empty]


def _whole(body: list[str]) -> list[str]:
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Results</title>'
    return [f"{head}<body>", *body, "</body></html>"]
