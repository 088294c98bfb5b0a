"""One frozen description of a training run: what the flags say, what the run folder keeps, what the library reads."""

import dataclasses
import json
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerasmooth import files
from kerasmooth.errors import InputError
from kerasmooth.settings import about, check, setting

CONFIG_FILE = "config.json"
PCK_THRESHOLDS = (0.05, 0.1, 0.2)
REAL_DATASETS = ("penn_action", "brace", "climbalong")
PRETRAINING_DATASETS = ("penn_action", "brace")
SAMPLE = "sample"
_ALWAYS_THERE = {"model", "records_dir", "datasets", "window", "size"}


@dataclass(frozen=True)
class ExperimentConfig:
    """Everything that decides a run's weights. Field = flag of `python -m kerasmooth.train`; texts are its help.

    Raises InputError that names the flag where a value is out of its range.
    """

    experiment: str = setting("", "label of the experiment; part of the run's default name")
    model: str = setting("conv3d", "conv3d, bi_conv_lstm or deciwatch")
    model_options: dict[str, Any] = field(
        default_factory=dict, metadata=about("arguments of the model: name=value,... such as merge_mode=concat")
    )
    loss: str = setting("", "mse or deciwatch; empty: the model's own")
    sub_pixel_targets: bool = setting(False, "centre target Gaussians on the true position, not on its rounded cell")
    decoder: str = setting("argmax", "keypoints from heatmaps", choices=("argmax", "dark", "udp"))

    records_dir: str = setting("records", "folder that tools/make_records.py filled")
    datasets: tuple[str, ...] = setting(("auto",), "datasets to train on; auto: penn_action and brace, else sample")
    frame_step: int = setting(1, "frame step that the records must have been made with", at_least=1)
    window: int = setting(0, "frames in a window, as the records have it", at_least=0, is_flag=False)
    size: tuple[int, int] = setting((0, 0), "(height, width) of heatmaps, as the records have it", is_flag=False)
    validation_windows: int = setting(0, "judge epochs on this many evenly spaced windows; 0: on all", at_least=0)

    shifting_scalar: float = setting(1.0, "size s of the simulated detector's error, 2.95 s cells", at_least=0)
    random_sigma: bool = setting(True, "simulated heatmaps have a random width per frame; no: sigma 1 always")
    noise: str = setting("fresh", "training noise: new in each epoch, or fixed (published)", choices=("fresh", "fixed"))
    noise_seed: int = setting(0, "seed of the simulated detector", at_least=0, at_most=2**31 - 1)
    noise_dropout: float = setting(0.0, "share of keypoints that the simulated detector misses", at_least=0, below=1)
    noise_swap: float = setting(0.0, "share of left/right pairs that it confuses", at_least=0, below=1)
    constant_shift: bool = setting(False, "one shift per keypoint for a whole clip (published for Penn Action)")
    augment_rotation: float = setting(
        0.0, "rotate training windows by up to this many degrees", at_least=0, at_most=180
    )
    augment_translation: float = setting(0.0, "shift training windows by up to this many cells", at_least=0)
    augment_flip: bool = setting(False, "mirror half of the training windows, left and right exchanged")

    batch_size: int = setting(16, "windows in a global batch, over all devices", at_least=1, at_most=2**20)
    learning_rate: float = setting(1e-3, "of Adam, at the start", above=0)
    warmup_steps: int = setting(0, "the learning rate rises to it over this many first steps", at_least=0)
    beta_1: float = setting(0.9, "of Adam", at_least=0, below=1)
    beta_2: float = setting(0.999, "of Adam", at_least=0, below=1)
    weight_decay: float = setting(0.0, "decoupled weight decay; above 0 Adam becomes AdamW", at_least=0)
    ema: float = setting(
        0.0, "decay of the average of weights that is judged and kept; 0: none; 1: plain mean", at_least=0, at_most=1
    )
    lr_factor: float = setting(0.1, "the learning rate is multiplied by this", above=0, at_most=1)
    patience_lr: int = setting(5, "after this many epochs without a lower validation loss", at_least=1)
    patience_stop: int = setting(10, "training stops after this many epochs without one", at_least=1)
    best_by: float = setting(0.2, "the best epoch is the one of highest validation PCK at this", choices=PCK_THRESHOLDS)
    steps_per_epoch: int = setting(0, "batches in an epoch; 0: all. The next epoch goes on behind them", at_least=0)
    max_epochs: int = setting(50, "stop after this many epochs", at_least=1, may_change=True)
    max_minutes: float = setting(
        0.0, "stop after the epoch in which this is spent; 0: never", at_least=0, may_change=True
    )
    finetune_from: str = setting("", "run folder whose best weights to start from")
    freeze_but_last: bool = setting(False, "train the last layer only, started anew")
    seed: int = setting(0, "of weights, order, dropout and augmentation", at_least=0, at_most=2**16 - 1)

    strategy: str = setting(
        "auto", "devices; auto: all accelerators", choices=("auto", "single", "mirrored", "multi_worker")
    )
    precision: str = setting("float32", "of the layers", choices=("float32", "mixed_bfloat16"))
    jit: str = setting("auto", "compile steps with XLA; auto: where the model gains", choices=("auto", "on", "off"))
    deterministic: bool = setting(True, "same weights bit for bit from the same command on the same machine")
    checkpoint_seconds: float = setting(
        60.0, "write a checkpoint this often; 0: not by time", at_least=0, may_change=True
    )
    checkpoint_steps: int = setting(0, "and after every so many batches; 0: not by count", at_least=0, may_change=True)

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            check(each, getattr(self, each.name))
        if self.freeze_but_last and not self.finetune_from:
            raise InputError("--freeze_but_last needs --finetune_from=RUN: the frozen layers come from that run")

    @property
    def default_run_name(self) -> str:
        """model[-options]-s.e[-seed], as the study names its runs, with what tells apart runs it did not have."""
        options = [v if isinstance(v, str) else f"{k}_{v}" for k, v in sorted(self.model_options.items())]
        name = "-".join(
            [self.model, *options, f"{self.shifting_scalar:g}" + f".{self.experiment}" * bool(self.experiment)]
        )
        name += "-sample" * (self.datasets == (SAMPLE,)) + "-finetuned" * bool(self.finetune_from)
        return name + (f"-seed{self.seed}" if self.seed else "")

    def to_json(self) -> dict[str, Any]:
        """Plain values, lists for tuples."""
        return typing.cast(dict[str, Any], json.loads(json.dumps(dataclasses.asdict(self))))

    @classmethod
    def from_json(cls, values: Mapping[str, Any], source: str) -> "ExperimentConfig":
        """From plain values as `to_json` gives them. `source` names their file in the InputError of bad ones.

        A setting that came later than the file has its default, which is what was done before there was that setting.
        """
        known = {each.name for each in dataclasses.fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InputError(f"{source}: unknown settings {unknown}; was it written by another version of kerasmooth?")
        if missing := sorted(_ALWAYS_THERE - set(values)):
            raise InputError(f"{source}: the settings {missing} are missing; it was damaged, train again elsewhere")
        try:
            plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
            return cls(**plain)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None

    def save(self, run_dir: Path) -> None:
        """Writes `config.json` into the run folder."""
        files.write_text(Path(run_dir) / CONFIG_FILE, json.dumps(self.to_json(), indent=2) + "\n")

    @classmethod
    def load(cls, run_dir: Path) -> "ExperimentConfig":
        """Reads a run folder's `config.json`. Raises InputError where it is absent or damaged."""
        path = Path(run_dir) / CONFIG_FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{run_dir} is not a run folder: cannot read {path} ({error.strerror})") from None
        except ValueError as error:
            raise InputError(f"{path} is not JSON: {error}; it was damaged, train again into another folder") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}: expected an object of settings, got {type(values).__name__}")
        return cls.from_json(values, str(path))

    def differences(self, other: "ExperimentConfig") -> list[str]:
        """Names of settings that differ, but for those with which a run may be continued."""
        fixed = [each.name for each in dataclasses.fields(self) if not each.metadata["may_change"]]
        return [name for name in fixed if getattr(self, name) != getattr(other, name)]


def parse_model_options(words: list[str]) -> dict[str, Any]:
    """["merge_mode=sum", "sample_interval=1"] -> {"merge_mode": "sum", "sample_interval": 1}.

    Values are read as JSON where they are JSON (numbers, true, false, null), else as text.
    """
    options: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not (equals and name.strip().isidentifier() and text.strip()):
            raise InputError(f"--model_options: expected name=value,..., got {word!r}")
        if name.strip() in options:
            raise InputError(f"--model_options: {name.strip()} is given twice")
        try:
            options[name.strip()] = json.loads(text)
        except ValueError:
            options[name.strip()] = text.strip()
    return options


def resolve_datasets(
    records_dir: str | Path,
    datasets: str | tuple[str, ...] = "auto",
    frame_step: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[str, ...]:
    """Names of the record sets to use.

    `auto` is every one of penn_action and brace that is there, else the sample records, which `say` is told about.
    Raises InputError with the command that makes records where there are none.
    """
    folder = Path(records_dir)
    names = (datasets,) if isinstance(datasets, str) else tuple(datasets)
    if names == ("auto",):
        names = tuple(name for name in PRETRAINING_DATASETS if _has_records(folder, name))
        if not names and _has_records(folder, SAMPLE):
            say(f"No real dataset in {folder}: using the generated sample records ({folder / SAMPLE}).")
            names = (SAMPLE,)
        if not names:
            raise InputError(
                f"no records in {folder}: make them first with `{make_records_command(folder, frame_step)}`"
            )
    if not names or len(set(names)) < len(names):
        raise InputError(f"--datasets must name each dataset once, got {','.join(names) or 'nothing'!r}")
    for name in names:
        if name not in (*REAL_DATASETS, SAMPLE):
            raise InputError(f"--datasets: {name!r} is unknown; there are auto, {', '.join((*REAL_DATASETS, SAMPLE))}")
        if not _has_records(folder, name):
            command = make_records_command(folder, frame_step, name)
            raise InputError(f"no records of {name} in {folder}: make them first with `{command}`")
    return names


def make_records_command(folder: str | Path, frame_step: int = 1, dataset: str = "") -> str:
    """The command that makes the records that are missing."""
    words = ["python tools/make_records.py"]
    words += [f"--dataset={dataset} --raw_dir=DIR"] if dataset in REAL_DATASETS else []
    words += [f"--frame_step={frame_step}"] if frame_step != 1 else []
    words += [f"--records_dir={folder}"] if str(folder) != "records" else []
    return " ".join(words)


def _has_records(folder: Path, name: str) -> bool:
    return (folder / name / "manifest.json").is_file()
