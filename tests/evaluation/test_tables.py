import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from small_runs import SIZE, WINDOW

from kerasmooth.evaluation.evaluator import Evaluation
from kerasmooth.evaluation.predictor import Row
from kerasmooth.evaluation.scores import Score, score
from kerasmooth.evaluation.setting import Setting
from kerasmooth.evaluation.tables import as_json, describe, print_tables, write_report
from kerasmooth.evaluation.windows import Frames, merged
from kerasmooth.noise import DetectorNoise

ROWS = (
    Row("identity", "identity", decoder="argmax"),
    Row("bias_only", "bias_only", decoder="argmax"),
    Row("gaussian", "classical", settings="cutoff=2.0"),
    Row("conv3d-1.1 (argmax)", "model", "runs/conv3d-1.1", "conv3d", "argmax"),
    Row("odd[red]name", "model", "runs/odd[red]name", "deciwatch", ""),
)
ERRORS = (3.0, 2.5, 2.0, 1.0, 0.5)
"""Of each row, in cells."""


def example(datasets: tuple[str, ...] = ("sample",), visible: bool = True) -> Evaluation:
    """Scores of made-up keypoints: a person of whom the fingers are never annotated; one row is of whole tracks."""
    scores: dict[str, dict[str, Score]] = {row.name: {} for row in ROWS}
    windows: dict[str, Frames] = {}
    tracks: dict[str, list[Frames]] = {}
    for number, dataset in enumerate(datasets):
        random = np.random.default_rng(number)
        truth = random.uniform((4, 3), (12, 9), (6, 1, 25, 2)) + np.arange(WINDOW)[:, None, None] / 5
        shown = np.full(truth.shape[:-1], visible)
        shown[..., 9:15] = False
        frames = Frames(
            clip_ids=np.array([f"{dataset}/clip".encode()] * 6, object),
            frame_numbers=np.arange(6)[:, None] + np.arange(WINDOW),
            truth=truth.astype(np.float32),
            visibility=shown,
            boxes=np.broadcast_to(np.array([5, 5, 85, 125], np.float32), (6, WINDOW, 4)),
            predicted={row.name: truth + random.normal(0, e, truth.shape) for row, e in zip(ROWS, ERRORS, strict=True)},
        )
        tracks[dataset] = merged(frames, 1)
        del frames.predicted["gaussian"]
        for name, of_row in score(frames, tracks[dataset], SIZE).items():
            scores[name][dataset] = of_row
        windows[dataset] = frames
    setting = Setting("records", datasets, "test", WINDOW, SIZE, 1, DetectorNoise())
    return Evaluation(
        setting, ROWS, scores, windows, tracks, dict.fromkeys(datasets, 6), 100, np.array([0.01, 0.02, 0.0345])
    )


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]


def test_json_holds_every_score() -> None:
    evaluation = example()
    found = json.loads(json.dumps(as_json([evaluation])))
    assert found["schema"] == "kerasmooth.evaluation/3"
    (of_setting,) = found["evaluations"]
    assert (of_setting["split"], of_setting["windows"], of_setting["sample_records"]) == ("test", {"sample": 6}, True)
    assert of_setting["simulated_detector"]["profile"]["deviation"] == 2.95
    assert (of_setting["bound"], of_setting["judged"]) == ([0.01, 0.02, 0.0345], 1.0)
    assert [row["name"] for row in of_setting["rows"]] == [row.name for row in ROWS]
    assert of_setting["rows"][2]["windows"] is None, "a filter smooths tracks, not windows"
    row, of_row = of_setting["rows"][3], evaluation.total(ROWS[3].name)
    assert (row["run"], row["model"], row["decoder"], row["by_dataset"]) == ("runs/conv3d-1.1", "conv3d", "argmax", {})
    for protocol, expected in (("windows", of_row.windows), ("tracks", of_row.tracks)):
        assert expected is not None
        assert set(row[protocol]) == {"cells", "pixels", "published"}
        for space, values in row[protocol].items():
            np.testing.assert_allclose(values, expected[space].pck(), atol=1e-6)
    for space, error in row["error"].items():
        np.testing.assert_allclose(error, of_row.tracks[space].error.mean(), atol=1e-6)
    np.testing.assert_allclose(row["by_keypoint"]["knee"], of_row.tracks["cells"].pck_by_name()["knee"], atol=1e-6)
    assert len(row["curve"]) == len(found["curve_thresholds"])
    assert row["curve"][20] == row["tracks"]["cells"][2]
    np.testing.assert_allclose(row["acceleration_error"], of_row.jitter["error"].mean(), atol=1e-6)
    np.testing.assert_allclose(of_setting["acceleration"], of_row.jitter["truth"].mean(), atol=1e-6)


def test_nothing_annotated_is_null_and_can_be_drawn(tmp_path: Path) -> None:
    pictures = write_report([example(visible=False)], tmp_path)[1:]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    text = (tmp_path / "scores.json").read_text()
    found = json.loads(text)
    assert text == json.dumps(found, indent=1, sort_keys=True) + "\n"
    row = found["evaluations"][0]["rows"][0]
    assert (row["windows"]["cells"], row["curve"][3], row["acceleration_error"]) == ([None] * 3, None, None)
    assert "NaN" not in text


def test_keypoints_that_are_never_annotated_have_no_score() -> None:
    by_keypoint = as_json([example()])["evaluations"][0]["rows"][0]["by_keypoint"]
    assert list(by_keypoint["thumb"]) == [None] * 3
    assert None not in by_keypoint["nose"]
    assert len(by_keypoint) == 13


def test_json_of_several_datasets_has_their_parts() -> None:
    evaluation = example(("penn_action", "brace"))
    row = as_json([evaluation])["evaluations"][0]["rows"][4]
    assert list(row["by_dataset"]) == ["penn_action", "brace"]
    parts = [evaluation.scores[ROWS[4].name][name].tracks["cells"] for name in row["by_dataset"]]
    for part, found in zip(parts, row["by_dataset"].values(), strict=True):
        np.testing.assert_allclose(found["cells"], part.pck(), atol=1e-6)


def test_pictures_of_a_second_setting_stand_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasmooth.evaluation.tables.draw_all", lambda _, folder: [folder / "jitter.png"])
    paths = write_report([example(), example(("brace",))], tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in paths] == ["scores.json", "jitter.png", "2/jitter.png"]


def printed(evaluation: Evaluation, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, soft_wrap=True)
    print_tables(evaluation, console)
    assert console.width == width
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_tables_lose_no_digit_however_narrow_the_terminal(width: int) -> None:
    evaluation = example()
    text = printed(evaluation, width)
    assert "…" not in text
    lines = text.splitlines()
    for row in ROWS:
        of_row = evaluation.total(row.name)
        in_windows, in_tracks = ([line for line in lines if line.strip().startswith(row.name)] + [""])[:2]
        if of_row.windows is None:
            in_windows, in_tracks = "", in_windows
        for line, accuracies in ((in_windows, of_row.windows or {}), (in_tracks, of_row.tracks)):
            for accuracy in accuracies.values():
                for share in accuracy.pck():
                    assert f"{100 * share:.2f}" in line
        assert f"{of_row.jitter['error'].mean():.2f}" in text
    assert next(line for line in lines if "bound of the window" in line).split()[-3:] == ["1.00", "2.00", "3.45"]
    assert "gaussian: cutoff=2.0" in text
    assert f"{evaluation.total('identity').jitter['truth'].mean():.2f}" in text


def test_keypoints_without_annotation_are_left_out_of_the_table() -> None:
    text = printed(example(), 120)
    assert "thumb" not in text
    assert "knee" in text


def test_the_description_counts_what_was_judged() -> None:
    text = describe(example())
    for words in (
        "test split of sample",
        "not real data",
        "6 of 6 windows",
        "30 frames",
        "100.0 % of them",
        "570 keypoints",
        "10 diff",
    ):
        assert words in text
    assert "real data" not in describe(example(("brace",)))
