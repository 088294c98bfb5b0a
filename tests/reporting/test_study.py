"""The grid is run, a second time does nothing, and the report says what the results say."""

import io
import json
import shutil
from pathlib import Path

import in_process
import pytest
from rich.console import Console
from small_runs import write_records

from kerasmooth.errors import InputError
from kerasmooth.evaluation import classical
from kerasmooth.noise import NoiseProfile
from kerasmooth.reporting import study, tables
from kerasmooth.reporting.claims import claim
from kerasmooth.reporting.grid import StudyConfig
from kerasmooth.reporting.page import write_report
from kerasmooth.reporting.results import finished, load_results

SETTINGS = ("max_epochs=2", "steps_per_epoch=2", "batch_size=4", "jit=off")
SMALL = "deciwatch:num_layers=1:hidden_dim=8"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with records and the results of a grid of one run."""
    folder = tmp_path_factory.mktemp("study")
    write_records(folder / "records")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classical, "GRID", {"gaussian": [{"cutoff": 2.0}]})
        study.run_study(grid(folder), Console(quiet=True))
    return folder


def grid(folder: Path, **changes: object) -> StudyConfig:
    values = {
        "table": "small",
        "smoothers": (SMALL,),
        "scalars": (0.3,),
        "experiments": ("2",),
        "settings": SETTINGS,
        "records_dir": str(folder / "records"),
        "runs_dir": str(folder / "runs"),
        "results_dir": str(folder / "results"),
    }
    return StudyConfig(**values | changes)


def test_each_run_and_the_baselines_of_its_cell_have_a_result(made: Path) -> None:
    results = {result.name: result for result in load_results(made / "results")}
    assert len(results) == 2
    baselines = results.pop("baselines-0.3.2")
    assert [row.kind for row in baselines.rows.values()][-1] == "classical"
    assert baselines.rows["gaussian"].windows is None
    (result,) = results.values()
    assert (result.cell, result.num_windows, result.split, result.smoother) == ("0.3.2", 13, "test", SMALL)
    assert result.training is not None
    assert (result.training.epochs, result.training.windows) == (2, 16)
    assert len(result.training.history["val_pck@0.2"]) == 2
    identity, (model,) = result.rows["identity"], [row for row in result.rows.values() if row.kind == "model"]
    assert identity == baselines.rows["identity"]
    hits, total = (sum(numbers[i] for numbers in model.videos.values()) for i in (1, -1))
    assert total > 300
    assert model.tracks["cells"][1] == pytest.approx(hits / total, abs=1e-6)


def test_what_has_a_result_is_not_run_again(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "train", lambda *_, **__: pytest.fail("trained again"))
    monkeypatch.setattr(study, "evaluate_setting", lambda *_, **__: pytest.fail("judged again"))
    assert len(study.run_study(grid(made), Console(quiet=True))) == 2


def test_the_commands_do_the_same(
    made: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(study, "train", lambda *_, **__: pytest.fail("trained again"))
    monkeypatch.chdir(made)
    run = in_process.runner(monkeypatch, capfd)
    words = [f"--smoothers={SMALL}", "--scalars=0.3", "--experiments=2", f"--settings={','.join(SETTINGS)}"]
    places = [f"--{name}={made / name.removesuffix('_dir')}" for name in ("records_dir", "runs_dir", "results_dir")]
    finished = run("kerasmooth.study", "--flagfile=flags/study.cfg", "--table=small", *words, *places)
    assert finished.code == 0, finished.err
    assert finished.out.count(": done, ") == 2
    assert "small: PCK@0.05 / 0.1 / 0.2" in finished.out
    reported = run("kerasmooth.report", "--results_dir=results", "--output=here")
    assert "wrote here/report.html" in reported.out
    assert run("kerasmooth.report", "--results_dir=nowhere").is_bad_input
    assert run("kerasmooth.study", "--scalars=-1").is_bad_input


def test_longer_windows_and_better_detections_than_training_had(made: Path, tmp_path: Path) -> None:
    write_records(made / "records" / "window_9", window=9)
    longer = f"{SMALL}:window=9"
    changes = {"smoothers": (SMALL, longer), "classical": False, "results_dir": str(tmp_path / "results")}
    study.run_study(grid(made, **changes), Console(quiet=True))
    found = {result.name: result for result in load_results(tmp_path / "results")}
    assert set(found) == {
        "deciwatch-hidden_dim_8-num_layers_1-0.3.2-sample",
        "deciwatch-hidden_dim_8-num_layers_1-window_9-0.3.2-sample",
        "baselines-0.3.2",
        "baselines-0.3.2-window_9",
    }
    of_longer = found["baselines-0.3.2-window_9"]
    assert set(of_longer.rows) == {"window_mean", "window_median"}
    assert of_longer.bound[0] > found["baselines-0.3.2"].bound[0], "the mean of more frames is nearer"
    rows = tables.pck_table(list(found.values()), "windows", "cells").index
    assert {longer, "window_mean (9 frames)", "bound of the window (9 frames)", "window_mean"} <= set(rows)
    # Videos of less than nine frames are left out of the comparison.
    assert f"{longer} - identity" in tables.difference_table(list(found.values())).index

    better = {"judged_noise": ("shifting_scalar=0.05", "noise_model=ar1"), "table": "better"}
    study.run_study(grid(made, **changes, **better), Console(quiet=True))
    again = {r.name: r for r in load_results(tmp_path / "results") if r.table == "better"}
    assert again.keys() == found.keys()
    for name in ("baselines-0.3.2", "deciwatch-hidden_dim_8-num_layers_1-0.3.2-sample"):
        assert again[name].rows["identity"].error["cells"] < found[name].rows["identity"].error["cells"]
        assert again[name].bound is None, "errors last from frame to frame"
    with pytest.raises(InputError, match=r"other settings \(judged_shifting_scalar\)"):
        study.run_study(grid(made, **changes | better | {"judged_noise": ("noise_model=ar1",)}), Console(quiet=True))


def test_runs_of_another_process_are_left_to_it(made: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(made / "results", tmp_path / "results"))
    (lost,) = (results / "small").glob("deciwatch*.json")
    lost.unlink()
    console = Console(record=True, quiet=False, file=io.StringIO())
    with claim(made / "runs" / f".small-{lost.stem}.claim") as mine:
        assert mine
        (baselines,) = study.run_study(grid(made, results_dir=str(results)), console)
    assert baselines.stem == "baselines-0.3.2"
    assert f"{lost.stem}: another process is at it" in console.export_text().replace("\n", "")


def test_a_killed_study_goes_on_with_what_is_missing(made: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(made / "results", tmp_path / "results"))
    (lost,) = (results / "small").glob("deciwatch*.json")
    text = lost.read_text()
    lost.unlink()
    study.run_study(grid(made, results_dir=str(results)), Console(quiet=True))
    assert json.loads(lost.read_text())["rows"] == json.loads(text)["rows"], "the run was finished: judged only"


def test_a_run_is_finetuned_on_a_machine_that_has_its_results_alone(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classical, "GRID", {"gaussian": [{"cutoff": 2.0}]})
    results = Path(shutil.copytree(made / "results", tmp_path / "results"))
    (pretrained,) = (results / "small").glob("deciwatch*.json")
    text, lines = pretrained.read_text(), io.StringIO()
    write_records(tmp_path / "climbing", "climbalong")
    places = {
        "results_dir": str(results),
        "runs_dir": str(tmp_path / "runs"),
        "finetune_dir": str(tmp_path / "climbing"),
    }
    other = grid(made, **places, finetunings=("finetuned",))
    study.run_study(other, Console(file=lines, width=200))
    (finetuned,) = (results / "small-finetuned").glob("deciwatch*.json")
    assert json.loads(finetuned.read_text())["training"]["epochs"] == 2
    assert pretrained.read_text() == text, "its results stay as they are"
    finetuned.unlink()
    study.run_study(other, Console(file=lines, width=200))
    assert finetuned.is_file()
    assert lines.getvalue().count("its weights are not here, it is trained again") == 1, "the second time they are"


def test_a_model_that_is_all_head_is_not_trained_to_be_finetuned_by_it(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "train", lambda config, console: pytest.fail(f"{config.run_name} was trained"))
    # Everything else has its results already.
    monkeypatch.setattr(study, "finished", lambda path, *settings: "-regularised" not in path.name)
    write_records(tmp_path / "climbing", "climbalong")
    places = {"runs_dir": str(tmp_path / "runs"), "finetune_dir": str(tmp_path / "climbing")}
    lines = io.StringIO()
    of_conv3d = grid(made, **places, smoothers=("conv3d",), finetunings=("regularised",))
    study.run_study(of_conv3d, Console(file=lines, width=200))
    assert "not regularised, as --freeze_but_last: the head of conv3d is all of it" in lines.getvalue()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"settings": (*SETTINGS, "max_epochs=3")}, r"other settings \(max_epochs\)"),
        ({"max_windows": 5}, r"other settings \(max_windows\)"),
        ({"experiments": ("1", "5")}, "'5' is unknown"),
        ({"smoothers": ("deciwatch:depth=3",)}, "depth"),
        ({"smoothers": ("resnet",)}, "resnet"),
    ],
)
def test_results_of_other_settings_are_refused(made: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        study.run_study(grid(made, **changes), Console(quiet=True))


def test_a_setting_that_came_later_than_a_result_had_its_default_there(made: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(made / "results", tmp_path / "results"))
    (path,) = (results / "small").glob("deciwatch*.json")
    values = json.loads(path.read_text())
    for name in ("augment_flip", "ema", "jit"):
        del values["config"][name]  # as if the result had been made before there were such settings
    del values["config"]["noise_profile"]["width_factor"]
    path.write_text(json.dumps(values))
    without_jit = tuple(word for word in SETTINGS if not word.startswith("jit"))
    assert path in study.run_study(grid(made, results_dir=str(results), settings=without_jit), Console(quiet=True))
    with pytest.raises(InputError, match=r"other settings \(jit\)"):
        study.run_study(grid(made, results_dir=str(results)), Console(quiet=True))
    with pytest.raises(InputError, match=r"other settings \(ema\)"):
        study.run_study(grid(made, results_dir=str(results), settings=(*without_jit, "ema=0.9")), Console(quiet=True))


def test_a_number_of_a_noise_profile_that_came_later_too(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "judged.json"
    (like,) = (made / "results" / "small").glob("deciwatch*.json")
    values = json.loads(like.read_text())
    now = NoiseProfile(correlation=0.8).model_dump(mode="json")
    values["config"]["judged_noise_profile"] = {name: value for name, value in now.items() if name != "spread"}
    path.write_text(json.dumps(values))
    config = values["config"] | {"judged_noise_profile": now}
    assert finished(path, config, values["records"])
    with pytest.raises(InputError, match=r"other settings \(judged_noise_profile\)"):
        finished(path, config | {"judged_noise_profile": now | {"spread": 0.5}}, values["records"])


def test_results_of_other_records_are_refused(made: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "records", frames={"train": (15,), "validation": (9,), "test": (13, 8)})
    with pytest.raises(InputError, match="other records: remove it"):
        study.run_study(grid(made, records_dir=str(tmp_path / "records")), Console(quiet=True))


def test_the_report_is_made_of_results_alone(made: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(made / "results", tmp_path / "results"))
    paths = write_report(results, tmp_path / "report")
    names = {path.name for path in paths}
    assert {"report.md", "report.html", "small-windows.csv", "small-pck.png", "small-learning.png"} <= names
    text = (tmp_path / "report" / "report.md").read_text()
    for words in (
        "bound of the window",
        "| gaussian |",
        "| gaussian | cutoff=2.0 |",
        f"{SMALL} - gaussian",
        "by the published rule",
    ):
        assert words in text
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 5
    assert 'src="small' not in page
    (results / "small" / "baselines-0.3.2.json").write_text("{}")
    with pytest.raises(InputError, match=r"baselines-0\.3\.2\.json.*missing"):
        write_report(results, tmp_path / "again")
    with pytest.raises(InputError, match="no results in"):
        write_report(tmp_path / "nothing", tmp_path / "again")
