"""The grid of the study: smoothers x scalars x experiments x seeds, each a training run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from kerasmooth.datasets import AUTO
from kerasmooth.errors import InputError
from kerasmooth.settings import FlagSettings
from kerasmooth.training.config import NOISE_SETTINGS, TrainingConfig, parse_model_options

Texts = tuple[str, ...]
Numbers = tuple[Annotated[float, Field(strict=False, ge=0)], ...]
Counts = tuple[Annotated[int, Field(strict=False, ge=0)], ...]
EXPERIMENTS: dict[str, dict[str, Any]] = {
    "1": {"random_sigma": True},
    "2": {"random_sigma": False},
    "3": {"random_sigma": True, "frame_step": 2},
}
"""The study's: sigma drawn per frame, sigma 1, and sigma drawn at half the frame rate."""
_PLAIN: dict[str, Any] = {"learning_rate": 1e-4, "best_by": 0.05}
FINETUNING: dict[str, dict[str, Any]] = {
    "finetuned": _PLAIN,
    "regularised": _PLAIN | {"freeze_but_last": True, "augment_rotation": 45.0, "weight_decay": 1e-3},
    "augmented": _PLAIN
    | {"augment_rotation": 45.0, "augment_flip": True, "augment_scale": 0.2, "augment_reverse": True}
    | {"augment_dropout": 0.1, "weight_decay": 1e-3},
    "from_scratch": {"finetune_from": "", "best_by": 0.05, "warmup_steps": 20},
}
"""Ways to go on with ClimbAlong's real detections: the study's two, one that regularises without freezing, and training
on them alone, which tells what pretraining is worth."""


class StudyConfig(FlagSettings):
    """What `python -m kerasmooth.study` runs; field = flag, texts are its help.

    Raises InputError that names the flag where a value is bad.
    """

    table: str = Field("study", description="label of the results: their folder, and a part of the report")
    smoothers: Texts = Field(
        ("conv3d", "deciwatch:warmup_steps=500"),
        description="rows: model or model:name=value:..., where names are options of the model or settings of "
        "training; window=N reads records of N frames, in the folder window_N of the folder of records",
        strict=False,
    )
    scalars: Numbers = Field((1.0, 2.0), description="sizes of the simulated detector's error", strict=False)
    experiments: Texts = Field(("1", "2", "3"), description="of the study", strict=False)
    seeds: Counts = Field((0,), description="a run each", strict=False)
    settings: Texts = Field((), description="name=value,...: settings of training for all runs", strict=False)
    records_dir: str = Field("records", description="folder of records")
    half_rate_dir: str = Field("records/half_rate", description="records with frame_step 2, for experiment 3")
    datasets: Texts = Field(AUTO, description="folders of these", strict=False)
    runs_dir: str = Field("runs", description="folder of run folders, which continue where they were stopped")
    results_dir: str = Field("flags/results", description="folder of results, which say what is done")
    split: str = Field("test", description="what results are of; best epochs are chosen on validation")
    judged_noise: Texts = Field(
        (), description="name=value,...: the simulated detector to judge with, if not training's", strict=False
    )
    finetune_dir: str = Field("", description="records of climbalong, to finetune every run on; empty: do not")
    finetunings: Texts = Field(
        ("finetuned", "regularised"), description=f"ways to finetune: {', '.join(FINETUNING)}", strict=False
    )
    classical: bool = Field(True, description="judge classical filters too, tuned on validation")
    max_windows: int = Field(0, description="judge this many evenly spaced windows; 0: all", ge=0)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if unknown := sorted({*self.finetunings} - {*FINETUNING}):
            raise InputError(f"--finetunings: {unknown[0]!r} is unknown; there are {', '.join(FINETUNING)}")
        if self.judged_noise and self.finetune_dir:
            raise InputError("--judged_noise is of simulated detectors: leave it out, or --finetune_dir")

    @property
    def noise_to_judge(self) -> dict[str, Any]:
        """`judged_noise` by name. Raises InputError where a name is none of a setting of the simulated detector."""
        settings, others = _settings_and_options([*self.judged_noise])
        if unknown := sorted({*others, *settings} - set(NOISE_SETTINGS)):
            raise InputError(f"--judged_noise: {unknown[0]} is unknown; there are {', '.join(NOISE_SETTINGS)}")
        return settings

    @property
    def windows(self) -> list[int]:
        """Frames in the windows of the smoothers, 0 where these are of the folders of records themselves."""
        return sorted({0, *map(window_of, self.smoothers)})

    def cells(self) -> Iterator[tuple[float, str]]:
        """(scalar, experiment) in the order of the study's tables. Raises InputError for an unknown experiment."""
        for experiment in self.experiments:
            if experiment not in EXPERIMENTS:
                raise InputError(f"--experiments: {experiment!r} is unknown; there are {', '.join(EXPERIMENTS)}")
        return ((scalar, experiment) for scalar in self.scalars for experiment in self.experiments)

    def training_config(self, smoother: str, scalar: float, experiment: str, seed: int) -> TrainingConfig:
        """The settings of one run. Raises InputError where a smoother cannot be read or a setting is bad."""
        model, *words = smoother.split(":")
        settings, options = _settings_and_options([*self.settings, *words])
        cell = EXPERIMENTS[experiment]
        records_dir = self.half_rate_dir if "frame_step" in cell else self.records_dir
        options.pop("window", 0)
        records_dir = records_of(records_dir, window_of(smoother))
        values: dict[str, Any] = {"model": model, "model_options": options, "records_dir": records_dir, **cell}
        values |= {"datasets": self.datasets, "shifting_scalar": scalar, "experiment": experiment, "seed": seed}
        return TrainingConfig(**values | settings, runs_dir=self.runs_dir)

    def finetuning_config(self, source: TrainingConfig, variant: str, window: int = 0) -> TrainingConfig:
        """The settings of finetuning a finished run, in one of the ways of FINETUNING, on windows of `window_of`.

        Its folder is in one of the table's own, as a run may be finetuned on several records.
        """
        records_dir = records_of(self.finetune_dir, window)
        values = {"finetune_from": str(source.run_dir), "records_dir": records_dir, "datasets": ("climbalong",)}
        kept = {name: getattr(source, name) for name in ("model", "model_options", "precision", "strategy", "seed")}
        budget = {name: getattr(source, name) for name in ("steps_per_epoch", "max_epochs", "max_minutes", "jit")}
        settings = {"experiment": variant, "validation_windows": source.validation_windows}
        settings["runs_dir"] = str(Path(self.runs_dir) / f"{self.table}-{variant}")
        return TrainingConfig(**kept | budget | settings | values | FINETUNING[variant])


def window_of(smoother: str) -> int:
    """Frames in the windows that a smoother wants records of; 0: those of the folder of records itself."""
    window = _settings_and_options(smoother.split(":")[1:])[1].get("window", 0)
    if not isinstance(window, int) or window < 0:
        raise InputError(f"--smoothers: window must be a number of frames, got {smoother!r}")
    return window


def records_of(folder: str, window: int) -> str:
    """The folder of records of so many frames, see `window_of`."""
    return str(Path(folder) / f"window_{window}") if window else folder


def _settings_and_options(words: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`name=value` words as settings of training and options of the model; a later word wins."""
    settings: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for word in words:
        ((name, value),) = parse_model_options([word]).items()
        field = TrainingConfig.flags().get(name)
        if field is None:
            options[name] = value
        else:
            settings[name] = float(value) if field.annotation is float and isinstance(value, int) else value
    return settings, options
