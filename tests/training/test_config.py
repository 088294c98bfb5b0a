import json
from pathlib import Path
from typing import Any

import pytest

from kerasmooth.errors import InputError
from kerasmooth.noise import NoiseProfile
from kerasmooth.tfrecord.record_sets import make_records_command, resolve_datasets
from kerasmooth.training.config import TrainingConfig, parse_model_options
from kerasmooth.training.run_folder import flags_text


def test_the_defaults_are_the_published_recipe() -> None:
    config = TrainingConfig()
    assert (config.batch_size, config.learning_rate, config.beta_1, config.beta_2) == (16, 1e-3, 0.9, 0.999)
    assert (config.lr_factor, config.patience_lr, config.patience_stop, config.max_epochs) == (0.1, 5, 10, 50)
    assert (config.best_by, config.weight_decay, config.ema, config.decoder) == (0.2, 0, 0, "argmax")


def values_of(config: TrainingConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude={"runs_dir", "run_name"})


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"experiment": "1"}, "conv3d-1.1"),
        ({"experiment": "3", "shifting_scalar": 2.0, "seed": 4}, "conv3d-2.3-seed4"),
        ({"experiment": "2", "shifting_scalar": 0.5}, "conv3d-0.5.2"),
        (
            {"model": "bi_conv_lstm", "model_options": {"merge_mode": "concat"}, "experiment": "1"},
            "bi_conv_lstm-concat-1.1",
        ),
        (
            {"model": "deciwatch", "model_options": {"sample_interval": 1}, "experiment": "1"},
            "deciwatch-sample_interval_1-1.1",
        ),
        ({"datasets": ("sample",), "experiment": "1"}, "conv3d-1.1-sample"),
        ({"datasets": ("penn_action", "brace"), "experiment": "1"}, "conv3d-1.1"),
        ({"datasets": ("climbalong",), "shifting_scalar": 2.0}, "conv3d-climbalong"),
        ({"datasets": ("climbalong",), "finetune_from": "runs/conv3d-2.1"}, "conv3d-2.1-finetuned"),
        ({"datasets": ("climbalong",), "finetune_from": "a/x/", "experiment": "regularised"}, "x-regularised"),
        ({"datasets": ("sample",), "finetune_from": "runs/x", "seed": 3}, "x-finetuned-sample-seed3"),
        ({}, "conv3d-1"),
    ],
)
def test_runs_are_named_as_the_study_names_them(changes: dict[str, object], name: str) -> None:
    assert TrainingConfig(**changes).default_run_name == name


@pytest.mark.parametrize("name", ["run_name", "experiment"])
def test_a_run_has_one_folder_in_the_folder_of_runs(name: str) -> None:
    with pytest.raises(InputError, match=f"--{name} .* no slashes, got '../2'"):
        TrainingConfig(**{name: "../2"})


def test_settings_come_back_from_their_file(tmp_path: Path) -> None:
    config = TrainingConfig(
        runs_dir=str(tmp_path.parent),
        run_name=tmp_path.name,
        model_options={"merge_mode": "sum", "depth": 3},
        datasets=("penn_action", "brace"),
        window=5,
        size=(48, 56),
        seed=7,
    )
    config.save(tmp_path)
    assert TrainingConfig.load(tmp_path) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, "there is no setting --colour"),
        ({"batch_size": "16"}, "--batch_size must be a valid integer, got '16'"),
        ({"batch_size": True}, "--batch_size must be a valid integer, got True"),
        ({"batch_size": 0}, "--batch_size must be greater than or equal to 1, got 0"),
        ({"random_sigma": 1}, "--random_sigma must be a valid boolean, got 1"),
        ({"size": [48]}, "--size"),
        ({"size": [48, 5.5]}, "--size.1 must be a valid integer"),
        ({"model_options": [1]}, "--model_options must be a valid dictionary"),
        ({"learning_rate": None}, "--learning_rate must be a valid number, got None"),
        ({"learning_rate": 1e400}, "--learning_rate must be a finite number"),
        ({"noise_profile": {"correlation": 2}}, r"--noise_profile\.correlation must be less than 1, got 2"),
    ],
)
def test_a_bad_settings_file_is_named_with_its_field(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(values_of(TrainingConfig()) | change))
    with pytest.raises(InputError, match=message) as raised:
        TrainingConfig.load(tmp_path)
    assert str(path) in str(raised.value)


def test_a_settings_file_must_be_whole(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        TrainingConfig.load(tmp_path)
    values = values_of(TrainingConfig())
    del values["datasets"]
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"datasets.*missing"):
        TrainingConfig.load(tmp_path)


def test_a_setting_that_came_after_the_file_has_its_default(tmp_path: Path) -> None:
    values = values_of(TrainingConfig(batch_size=3))
    del values["warmup_steps"]
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert TrainingConfig.load(tmp_path).differences(TrainingConfig(batch_size=3)) == []


def test_only_what_leaves_the_weights_alone_may_change_when_a_run_is_continued() -> None:
    one = TrainingConfig()
    assert one.differences(one.replace(max_epochs=9, max_minutes=3.0, checkpoint_seconds=1.0)) == []
    assert one.differences(one.replace(beta_1=0.8, noise="fixed", max_epochs=3)) == ["noise", "beta_1"]


def test_a_profile_that_lacks_a_field_has_the_published_one_there_and_its_own_elsewhere(tmp_path: Path) -> None:
    values = values_of(TrainingConfig()) | {"noise_profile": {"correlation": 0.5, "deviation": 1.25}}
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert TrainingConfig.load(tmp_path).noise_profile == NoiseProfile(correlation=0.5, deviation=1.25)


def test_place_budget_and_care_are_all_that_may_change() -> None:
    """Whatever else is changed, a run goes on to other weights than it would have had."""
    others = {bool: lambda v: not v, int: lambda v: v + 1, float: lambda v: v / 2 + 0.1, str: lambda v: v + "x"}
    kinds = {name: kind for name, field in TrainingConfig.flags().items() if (kind := field.annotation) in others}
    apart = {"best_by": 0.05, "freeze_but_last": False}  # 0.2 / 2 + 0.1 is 0.2; frozen layers need a source
    one, free = TrainingConfig(), set()
    for name, kind in kinds.items():
        changed = one.replace(**{name: apart.get(name, others[kind](getattr(one, name)))})
        free |= {name} if not one.differences(changed) else set()
    assert free - {"freeze_but_last"} == {
        *("runs_dir", "run_name", "max_epochs", "max_minutes", "worker_timeout", "checkpoint_seconds"),
        "checkpoint_steps",
    }


def test_model_options_are_read_as_json_or_text() -> None:
    options = parse_model_options(
        ["merge_mode=sum", "sample_interval=1", "dropout=0.5", "encoder_norm=false", "x=null"]
    )
    assert options == {"merge_mode": "sum", "sample_interval": 1, "dropout": 0.5, "encoder_norm": False, "x": None}


@pytest.mark.parametrize("word", ["sum", "=sum", "merge_mode=", "merge mode=sum", ""])
def test_other_model_options_are_refused(word: str) -> None:
    with pytest.raises(InputError, match="--model_options"):
        parse_model_options([word])


def test_a_flagfile_holds_every_setting(tmp_path: Path) -> None:
    config = TrainingConfig(model_options={"a": 1, "b": "x"}, datasets=("penn_action", "brace"), run_name="mine")
    lines = flags_text(config).splitlines()
    assert {"--model_options=a=1,b=x", "--datasets=penn_action,brace", "--run_name=mine", "--random_sigma=true"} <= set(
        lines
    )
    assert not [line for line in lines if line.startswith(("--window", "--size"))]


def folder_with(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
    return tmp_path


def test_auto_takes_the_real_datasets_else_the_sample_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    folder_with(tmp_path, "sample")
    assert resolve_datasets(tmp_path, say=said.append) == ("sample",)
    assert "sample" in said.pop()
    assert resolve_datasets(tmp_path, "sample") == ("sample",)
    folder_with(tmp_path, "brace", "climbalong")
    assert resolve_datasets(tmp_path, say=said.append) == ("brace",)
    folder_with(tmp_path, "penn_action")
    assert resolve_datasets(tmp_path, ("auto",), say=said.append) == ("penn_action", "brace")
    assert resolve_datasets(tmp_path, ("climbalong",), say=said.append) == ("climbalong",)
    assert not said


def test_absent_records_name_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"make_records\.py --records_dir="):
        resolve_datasets(tmp_path)
    with pytest.raises(InputError, match=r"make_records\.py --dataset=brace --raw_dir=DIR --frame_step=2"):
        resolve_datasets(tmp_path, ("brace",), frame_step=2)
    assert make_records_command("records") == "python tools/make_records.py"


@pytest.mark.parametrize("name", ["base", "exp1", "exp1_s2", "exp2", "exp2_s2", "exp3", "exp3_s2", "finetune"])
def test_flagfiles_name_known_settings_only(repository: Path, name: str) -> None:
    known = {*TrainingConfig.flags(), "flagfile"}
    lines = (repository / "flags" / f"{name}.cfg").read_text().splitlines()
    assert lines[0].startswith("# ")
    for line in lines:
        assert line.startswith(("#", "--"))
        if line.startswith("--"):
            assert line[2:].partition("=")[0] in known
