import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from small_runs import SIZE, WINDOW

from kerasmooth.evaluation.evaluator import Evaluation
from kerasmooth.evaluation.results import Row
from kerasmooth.evaluation.scores import mean_error, score
from kerasmooth.evaluation.setting import Setting
from kerasmooth.evaluation.tables import as_json, describe, print_tables, write_report
from kerasmooth.evaluation.windows import Frames, concatenated, merged, single_frames
from kerasmooth.metrics import acceleration, acceleration_error, pck_counts
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
    parts, whole = [], []
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
        whole += merged(frames, 1)
        del frames.predicted["gaussian"]
        parts.append(frames)
    windows, bound = concatenated(parts), np.array([0.01, 0.02, 0.0345])
    scores = score(ROWS, windows, whole, split="test", size=SIZE, bound=bound)
    setting = Setting("records", datasets, "test", WINDOW, SIZE, 1, DetectorNoise())
    return Evaluation(setting, ROWS, scores, windows, whole, dict.fromkeys(datasets, 6), 100)


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
    row, frames = of_setting["rows"][3], single_frames(evaluation.tracks)
    assert (row["run"], row["model"], row["decoder"], row["by_dataset"]) == ("runs/conv3d-1.1", "conv3d", "argmax", {})
    for protocol in ("windows", "tracks"):
        found_shares = [100 * share for share in row[protocol]["pixels"]]
        np.testing.assert_allclose(found_shares, evaluation.pck(protocol, "pixels").loc[row["name"]])
        assert set(row[protocol]) == {"cells", "pixels", "published"}
    for space, error in row["error"].items():
        assert error == mean_error(frames, row["name"], SIZE, space)
    truth, predicted, shown = frames.truth, frames.predicted[row["name"]], frames.visibility
    counts = pck_counts(truth, predicted, shown)
    np.testing.assert_allclose(row["by_keypoint"]["knee"], counts.by_name()["knee"], atol=1e-6)
    np.testing.assert_allclose(row["tracks"]["cells"], counts.total(), atol=1e-6)
    assert len(row["curve"]) == len(found["curve_thresholds"])
    assert row["curve"][20] == row["tracks"]["cells"][2]
    (track,) = evaluation.tracks
    pixels = [track.in_pixels(track.keypoints(name), SIZE) for name in ("", row["name"])]
    known = acceleration_error(*pixels, track.visibility).mean()
    assert row["acceleration_error"] == pytest.approx(known, abs=1e-6)
    assert of_setting["acceleration"] == pytest.approx(acceleration(pixels[0], track.visibility).mean(), abs=1e-6)


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
    for track, dataset in zip(evaluation.tracks, ("penn_action", "brace"), strict=True):
        counts = pck_counts(track.truth, track.predicted[row["name"]], track.visibility)
        np.testing.assert_allclose(row["by_dataset"][dataset]["cells"], counts.total(), atol=1e-6)


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
        of_row = evaluation.scores.rows[row.name]
        in_windows, in_tracks = ([line for line in lines if line.strip().startswith(row.name)] + [""])[:2]
        if of_row.windows is None:
            in_windows, in_tracks = "", in_windows
        for line, by_space in ((in_windows, of_row.windows or {}), (in_tracks, of_row.tracks)):
            for share in [share for shares in by_space.values() for share in shares]:
                assert f"{100 * share:.2f}" in line
        assert f"{of_row.acceleration_error:.2f}" in text
    assert next(line for line in lines if "bound of the window" in line).split()[-3:] == ["1.00", "2.00", "3.45"]
    assert "gaussian: cutoff=2.0" in text
    assert f"{evaluation.scores.acceleration:.2f}" in text


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
