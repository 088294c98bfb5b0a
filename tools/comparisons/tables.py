"""Tables of many smoothers, and the best setting of every filter."""

from collections.abc import Callable

import numpy as np

from comparisons.smoothers import Smooth, over_a_grid

Row = tuple[list[str], list[float]]
"""The cells of a row as printed, and what decides which setting is the best: lower is better, one for each column."""


def print_rows(
    columns: list[str], row: Callable[[Smooth], Row], others: dict[str, Smooth], names: list[str] | None
) -> dict[str, list[float]]:
    """Prints the table of all settings; title -> what ranks it, without the input's; names: only rows that start so."""
    print(f"| method | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    smoothers: dict[str, Smooth] = {"input": lambda keypoints, *_: keypoints, **others}
    for title, smooth in over_a_grid().items():
        if names is None or title.startswith(tuple(names)):
            smoothers[title] = smooth
    ranks = {}
    for title, smooth in smoothers.items():
        cells, ranks[title] = row(smooth)
        print(f"| {title} | {' | '.join(cells)} |", flush=True)
    del ranks["input"]
    return ranks


def print_best(rows: dict[str, list[float]], columns: list[str], width: int, text: str) -> None:
    """Prints the best that any setting of a filter reaches, each number by itself; `width` numbers a column."""
    families: dict[str, list[list[float]]] = {}
    for title, ranks in rows.items():
        families.setdefault(title.split(" ")[0].rstrip(","), []).append(ranks)
    print(f"\n| filter | settings | {' | '.join(columns)} |\n|---|---|{'---|' * len(columns)}")
    for name, ranked in families.items():
        best = [text.format(abs(value)) for value in np.min(ranked, axis=0)]
        cells = [" / ".join(best[i : i + width]) for i in range(0, len(best), width)]
        print(f"| {name} | {len(ranked)} | {' | '.join(cells)} |")
