"""Each setting of the study reaches the runs that it is about."""

from pathlib import Path

import pytest

from kerasmooth.command_line import with_flagfiles
from kerasmooth.errors import InputError
from kerasmooth.reporting.grid import FINETUNING, StudyConfig, window_of

STUDY = StudyConfig(
    scalars=(1.0, 2.0),
    experiments=("1", "3"),
    records_dir="full",
    half_rate_dir="half",
    datasets=("penn_action",),
    runs_dir="elsewhere",
    finetune_dir="climbing",
    settings=("steps_per_epoch=7", "learning_rate=1", "validation_windows=30", "jit=off"),
)


def test_cells_come_in_the_order_of_the_study() -> None:
    assert list(STUDY.cells()) == [(1.0, "1"), (1.0, "3"), (2.0, "1"), (2.0, "3")]


def test_a_cell_decides_noise_and_records() -> None:
    first, second, third = (STUDY.training_config("conv3d", 2.0, experiment, 5) for experiment in ("1", "2", "3"))
    assert [config.random_sigma for config in (first, second, third)] == [True, False, True]
    assert [config.records_dir for config in (first, second, third)] == ["full", "full", "half"]
    assert [config.frame_step for config in (first, second, third)] == [1, 1, 2]
    assert (first.shifting_scalar, first.experiment, first.seed) == (2.0, "1", 5)
    assert (first.datasets, first.runs_dir) == (("penn_action",), "elsewhere")
    assert third.default_run_name == "conv3d-2.3-seed5"


def test_names_of_a_smoother_are_options_of_the_model_or_settings_of_training() -> None:
    config = STUDY.training_config("deciwatch:sample_interval=1:warmup_steps=500:learning_rate=1e-4", 1.0, "1", 0)
    assert (config.model, config.model_options, config.warmup_steps) == ("deciwatch", {"sample_interval": 1}, 500)
    assert (config.steps_per_epoch, config.learning_rate, config.jit) == (7, 1e-4, "off"), "the smoother's own wins"


def test_finetuning_goes_on_from_a_run_in_the_study_s_ways_and_another() -> None:
    source = STUDY.training_config("deciwatch:num_layers=2", 1.0, "1", 3).replace(run_name="source")
    plain, regularised, augmented, alone = (STUDY.finetuning_config(source, variant) for variant in FINETUNING)
    for config in (plain, regularised, augmented):
        assert Path(config.finetune_from) == Path("elsewhere/source")
        assert (config.records_dir, config.datasets) == ("climbing", ("climbalong",))
        assert (config.model_options, config.seed, config.steps_per_epoch) == ({"num_layers": 2}, 3, 7)
        assert (config.learning_rate, config.best_by, config.validation_windows) == (1e-4, 0.05, 30)
    assert (plain.freeze_but_last, plain.weight_decay, plain.augment_rotation) == (False, 0, 0)
    assert (regularised.freeze_but_last, regularised.weight_decay, regularised.augment_rotation) == (True, 1e-3, 45)
    assert (augmented.freeze_but_last, augmented.weight_decay, augmented.augment_flip) == (False, 1e-3, True)
    assert Path(plain.runs_dir) == Path("elsewhere/study-finetuned")
    assert (alone.finetune_from, alone.learning_rate, alone.datasets) == ("", 1e-3, ("climbalong",))
    assert alone.default_run_name == "deciwatch-num_layers_2-from_scratch-climbalong-seed3"
    assert [c.default_run_name for c in (plain, regularised)] == ["source-finetuned-seed3", "source-regularised-seed3"]


def test_a_smoother_of_longer_windows_reads_records_of_its_own() -> None:
    smoother = "deciwatch:window=25:dropout=0.3:weight_decay=0.001"
    for experiment, folder in (("1", "full/window_25"), ("3", "half/window_25")):
        config = STUDY.training_config(smoother, 1.0, experiment, 0)
        assert (config.records_dir, config.model_options, config.weight_decay) == (folder, {"dropout": 0.3}, 0.001)
    assert STUDY.finetuning_config(config, "finetuned", 25).records_dir == "climbing/window_25"
    assert config.replace(window=25).default_run_name == "deciwatch-dropout_0.3-window_25-1.3"
    assert STUDY.replace(smoothers=("conv3d", smoother)).windows == [0, 25]
    with pytest.raises(InputError, match="window must be a number of frames, got 'conv3d:window=long'"):
        STUDY.training_config("conv3d:window=long", 1.0, "1", 0)


def of_flagfile(path: Path) -> StudyConfig:
    words = [word.removeprefix("--").split("=", 1) for word in with_flagfiles([f"--flagfile={path}"])]
    values = {name: value.split(",") if name in LISTS else value for name, value in words if value}
    return StudyConfig(**values | {"max_windows": int(values.get("max_windows", 0))})


MODELS = {
    "conv3d": {"kernel"},
    "deciwatch": {"sample_interval"},
    "deciwatch_vit": {"sample_interval"},
    "bi_conv_lstm": {"merge_mode"},
    "gated_splines": set(),
}
LISTS = ("smoothers", "scalars", "experiments", "seeds", "settings", "datasets", "judged_noise", "finetunings")


def test_the_tables_of_the_study_are_flagfiles(repository: Path) -> None:
    found = {path.stem: of_flagfile(path) for path in sorted((repository / "flags").glob("study*.cfg"))}
    assert {study.table for study in found.values()} == {"study", *(f"table{n}" for n in "1234"), "table5_shelf"}
    for study in found.values():
        names = []
        for scalar, experiment in study.cells():
            for smoother in study.smoothers:
                config = study.training_config(smoother, scalar, experiment, 0)
                names.append(config.replace(window=window_of(smoother) or 5).default_run_name)
                assert config.model_options.keys() <= MODELS[config.model]
        assert len(set(names)) == len(names), "each run has a folder of its own"
    assert found["study_table5"].noise_to_judge["noise_model"] == "flags/noise/shelf.json"
    assert found["study_table3"].runs_dir == found["study_table1"].runs_dir, "the runs that it goes on with"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"scalars": ("wide",)}, "--scalars"),
        ({"scalars": ("-1",)}, "--scalars"),
        ({"seeds": ("1.5",)}, "--seeds"),
        ({"max_windows": -1}, "--max_windows"),
        ({"colour": "red"}, "colour"),
        ({"finetunings": ("frozen",)}, "--finetunings: 'frozen' is unknown"),
        ({"finetune_dir": "records", "judged_noise": ("shifting_scalar=1",)}, "leave it out, or --finetune_dir"),
    ],
)
def test_bad_values_are_named_as_flags(values: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        StudyConfig(**values)
    with pytest.raises(InputError, match="name=value"):
        STUDY.training_config("conv3d:filters", 1.0, "1", 0)
