"""The report's numbers, worked out by hand from made-up results."""

import json

import numpy as np
import pytest

from kerasmooth.errors import InputError
from kerasmooth.evaluation.results import Example, RowResult
from kerasmooth.reporting import pictures, tables
from kerasmooth.reporting.results import Result, Training


def row(kind: str, hits: int, windows: bool = True) -> RowResult:
    """A row that has so many of 100 keypoints at 0.1 in each of ten videos."""
    shares = (hits / 200, hits / 100, None)
    return RowResult(
        kind=kind,
        windows={"cells": shares, "published": shares} if windows else None,
        tracks={"cells": shares, "pixels": shares},
        error={"cells": 1.0},
        by_keypoint={"nose": shares, "thumb": (None, None, None)},
        curve=(0.0, 1.0),
        acceleration=1.0,
        acceleration_error=None,
        by_speed=(0.1, 0.1, 0.2, 0.3, None),
        by_gap=(None,) * 5,
        example=(1.0, None, 2.0),
        videos={f"video {i}": (hits // 2, hits, 100, 100) for i in range(10)},
    )


def result(name: str, rows: dict[str, RowResult], experiment: str = "1", seed: int = 0, trained: bool = True) -> Result:
    return Result(
        name=name,
        table="table",
        smoother="conv3d" if trained else "",
        scalar=1.0,
        experiment=experiment,
        seed=seed,
        config={},
        records="fingerprint",
        split="test",
        num_windows=1000,
        judged=0.873,
        published_judged=0.201,
        acceleration=1.7,
        bound=None if trained else (0.2, 0.3, 0.4),
        example=Example(video="video 1", keypoint="nose", truth=(1.0, None, 2.5)),
        rows=rows,
        training=Training(
            epochs=4,
            best_epoch=2,
            windows=3200,
            windows_to_best=1600,
            minutes=12.4,
            ended="4 epochs are done",
            history={"val_pck@0.2": (0.1, None, 0.3, 0.2)},
        )
        if trained
        else None,
    )


BASELINES = {"identity": row("identity", 20), "gaussian": row("classical", 50, windows=False)}
RESULTS = [
    result("baselines", BASELINES, trained=False),
    result("conv3d-1.1", {"identity": row("identity", 20), "conv3d-1.1": row("model", 40)}),
    result("conv3d-1.1-seed1", {"conv3d-1.1-seed1": row("model", 44)}, seed=1),
    result("conv3d-1.2", {"conv3d-1.2 (dark)": row("model", 60)}, experiment="2"),
]


def test_a_cell_is_the_mean_over_seeds_and_their_spread() -> None:
    table = tables.pck_table(RESULTS, "windows", "cells")
    assert list(table.columns) == ["1.1", "1.2"]
    assert table.loc["identity", "1.1"] == "10.0 / 20.0 / -"
    deviation = np.std([40, 44], ddof=1)
    assert table.loc["conv3d", "1.1"] == f"21.0 / 42.0 / - ± {deviation / 2:.1f} / {deviation:.1f} / - (2 seeds)"
    assert table.loc["conv3d (dark)", "1.2"] == "30.0 / 60.0 / -"
    assert table.loc["bound of the window", "1.1"] == "20.0 / 30.0 / 40.0"
    assert "gaussian" not in table.index, "filters smooth whole tracks"
    assert tables.pck_table(RESULTS, "tracks", "pixels").loc["gaussian", "1.1"] == "25.0 / 50.0 / -"


def test_each_run_is_compared_with_no_smoothing_and_the_best_filter() -> None:
    table = tables.difference_table(RESULTS)
    assert table.loc["conv3d - identity", "1.1"] == "+20.0 [+20.0, +20.0]"
    assert table.loc["conv3d (seed 1) - gaussian", "1.1"] == "-6.0 [-6.0, -6.0]"
    assert list(table.columns) == ["1.1"], "experiment 2 has no baselines yet"


def test_keypoints_without_annotation_are_left_out_and_shares_are_stated() -> None:
    table = tables.keypoint_table(RESULTS)
    assert list(table.columns) == ["nose"]
    assert table.loc[("1.1", "conv3d"), "nose"] == "42.0"
    (line,) = tables.judged_lines(RESULTS)
    assert line.startswith("1.1, 1.2: 87.3 % of the frames")
    assert "20.1 % by the published rule" in line
    assert tables.training_table(RESULTS).loc["conv3d-1.2", "to the best epoch"] == "1,600"


def test_long_names_leave_room_for_the_plots() -> None:
    words = ":window=25:augment_flip=true:augment_rotation=30:augment_reverse=true:noise_model=varied"
    drawn = row("model", 50).replace(curve=tuple(np.linspace(0, 1, 51).tolist()))
    figure = pictures.draw([result("rows", {"gated_splines" + words: drawn}, trained=False)])["pck"]
    figure.draw_without_rendering()
    (legend,), (axes,) = figure.legends, figure.axes
    assert [text.get_text().replace("\n  ", "") for text in legend.get_texts()] == ["gated_splines" + words]
    assert axes.get_position().width > 0.5


def test_a_short_run_is_a_line_beside_a_long_one() -> None:
    drawn = row("model", 50).replace(curve=tuple(np.linspace(0, 1, 51).tolist()))
    short = result("short", {"short": drawn})
    assert short.training
    training = short.training.replace(history={"val_loss": (4.0, 3.0, 2.0, 1.0), "val_pck@0.2": (0.1, 0.2, 0.3, 0.4)})
    long = short.replace(name="long", training=training.replace(windows=800_000))
    for axes in pictures.draw([short.replace(training=training), long])["learning"].axes:
        ends = axes.transData.transform([(windows, 1.0) for windows in (800, 3200)])
        left, right = axes.transAxes.inverted().transform(ends)[:, 0]
        assert right - left > 0.1, "of the width of the plot"


def test_markdown_is_a_table() -> None:
    text = tables.markdown(tables.pck_table(RESULTS, "tracks", "cells")).splitlines()
    assert text[:2] == ["|  | 1.1 | 1.2 |", "| --- | --- | --- |"]
    assert len({line.count("|") for line in text}) == 1


@pytest.mark.parametrize("damage", [{"schema_version": 2}, {"judged": "most"}, {"colour": "red"}])
def test_damaged_results_are_named(damage: dict[str, object]) -> None:
    text = json.dumps(json.loads(RESULTS[0].to_json()) | damage)
    with pytest.raises(InputError, match=f"file.json.*{next(iter(damage))}"):
        Result.from_json(text, "file.json")
