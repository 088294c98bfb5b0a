"""One frozen description of a training run: what the flags say, what the run folder keeps, what the library reads."""

import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field

from kerasmooth import files, storage
from kerasmooth.datasets import AUTO, DATASETS
from kerasmooth.errors import InputError
from kerasmooth.metrics import THRESHOLDS, pck_name
from kerasmooth.noise import NOISE_MODELS, PUBLISHED, NoiseProfile
from kerasmooth.settings import FlagSettings

CONFIG_FILE = "config.json"
MAY_CHANGE = {"runs_dir", "run_name", "max_epochs", "max_minutes", "verify_records", "worker_timeout"}
MAY_CHANGE |= {"checkpoint_seconds", "checkpoint_steps"}
"""Settings of which a run may be continued with other values."""
FOLLOWS = {"window", "size", "annotated", "xla", "noise_profile"}
"""What follows from the records and the other settings when a run begins: no flags."""
_ALWAYS_THERE = {"model", "records_dir", "datasets", "window", "size", "annotated"}
_USUAL_WINDOW = 5
_PLACE = {"runs_dir", "run_name"}


def _setting(default: Any, text: str, **bounds: Any) -> Any:
    """A field; `text` is the help of its flag."""
    return Field(default, description=text, **bounds)


class TrainingConfig(FlagSettings):
    """Everything that decides a run's weights. Field = flag of `python -m kerasmooth.train`; texts are its help.

    Raises InputError that names the flag where a value is out of its range.
    """

    runs_dir: str = _setting("runs", "folder of run folders")
    run_name: str = _setting("", "the run's folder there; empty: made from model, options, s, experiment and source")
    experiment: str = _setting("", "label of the experiment; part of the run's default name")
    model: str = _setting("conv3d", "conv3d, bi_conv_lstm, deciwatch, deciwatch_vit or gated_splines")
    model_options: dict[str, Any] = _setting({}, "arguments of the model: name=value,... such as merge_mode=concat")
    loss: str = _setting("", "mse, distance or deciwatch; empty: the model's own")
    sub_pixel_targets: bool = _setting(False, "centre target Gaussians on the true position, not on its rounded cell")
    decoder: Literal["argmax", "dark", "udp"] = _setting("argmax", "keypoints from heatmaps")

    records_dir: str = _setting("records", "folder that tools/make_records.py filled")
    datasets: tuple[str, ...] = _setting(
        AUTO, "datasets to train on; auto: all pretraining ones that are there, else sample", strict=False
    )
    frame_step: int = _setting(1, "frame step that the records must have been made with", ge=1)
    window: int = _setting(0, "frames in a window, as the records have it", ge=0)
    size: tuple[int, int] = _setting((0, 0), "(height, width) of heatmaps, as they have it", strict=False)
    annotated: tuple[str, ...] = _setting((), "keypoints that they annotate", strict=False)
    xla: bool = _setting(False, "whether steps are compiled, as --jit decided at the start")
    validation_windows: int = _setting(0, "judge epochs on this many evenly spaced windows; 0: on all", ge=0)

    shifting_scalar: float = _setting(
        1.0, "size s of the simulated detector's error: a factor of --noise_model's, 2.95 cells", ge=0
    )
    random_sigma: bool = _setting(True, "simulated heatmaps have a random width per frame; no: sigma 1 always")
    noise: Literal["fresh", "fixed"] = _setting("fresh", "training noise: new in each epoch, or fixed (published)")
    noise_model: str = _setting(
        "published", f"how the simulated detector errs: {', '.join(NOISE_MODELS)}, or the JSON file of a profile"
    )
    noise_profile: NoiseProfile = _setting(PUBLISHED, "what --noise_model said at the start", strict=False)
    noise_seed: int = _setting(0, "seed of the simulated detector", ge=0, lt=2**31)
    noise_dropout: float = _setting(0.0, "share of keypoints that the simulated detector misses", ge=0, lt=1)
    noise_swap: float = _setting(0.0, "share of left/right pairs that it confuses", ge=0, lt=1)
    constant_shift: bool = _setting(False, "one shift per keypoint for a whole clip of Penn Action (published)")
    augment_rotation: float = _setting(0.0, "rotate training windows by up to this many degrees", ge=0, le=180)
    augment_translation: float = _setting(0.0, "shift training windows by up to this many cells", ge=0)
    augment_flip: bool = _setting(False, "mirror half of the training windows, left and right exchanged")
    augment_scale: float = _setting(0.0, "scale training windows by a factor of up to 1 plus this, or 1 over it", ge=0)
    augment_reverse: bool = _setting(False, "let half of the training windows run backwards")
    augment_slowdown: float = _setting(0.0, "let training windows run slower, by up to this share", ge=0, lt=1)
    augment_dropout: float = _setting(0.0, "share of detections that is withheld in training", ge=0, lt=1)

    batch_size: int = _setting(16, "windows in a global batch, over all devices", ge=1, le=2**20)
    learning_rate: float = _setting(1e-3, "of Adam, at the start", gt=0)
    warmup_steps: int = _setting(0, "the learning rate rises to it over this many first steps", ge=0)
    beta_1: float = _setting(0.9, "of Adam", ge=0, lt=1)
    beta_2: float = _setting(0.999, "of Adam", ge=0, lt=1)
    weight_decay: float = _setting(0.0, "decoupled weight decay; above 0 Adam becomes AdamW", ge=0)
    ema: float = _setting(
        0.0, "decay of the average of weights that is judged and kept; 0: none; 1: plain mean", ge=0, le=1
    )
    lr_factor: float = _setting(0.1, "the learning rate is multiplied by this", gt=0, le=1)
    patience_lr: int = _setting(5, "after this many epochs without a lower validation loss", ge=1)
    patience_stop: int = _setting(10, "training stops after this many epochs without one", ge=1)
    best_by: float = _setting(0.2, f"the best epoch is the one of highest validation PCK at this: {THRESHOLDS}")
    steps_per_epoch: int = _setting(0, "batches in an epoch; 0: all. The next epoch goes on behind them", ge=0)
    max_epochs: int = _setting(50, "stop after this many epochs", ge=1)
    max_minutes: float = _setting(0.0, "stop after the epoch in which this is spent; 0: never", ge=0)
    finetune_from: str = _setting("", "run folder whose best weights to start from")
    freeze_but_last: bool = _setting(False, "train the model's head only, started anew")
    seed: int = _setting(0, "of weights, order, dropout and augmentation", ge=0, lt=2**16)

    strategy: Literal["auto", "single", "mirrored", "multi_worker"] = _setting(
        "auto", "devices; auto: all accelerators"
    )
    verify_records: Literal["first", "always", "never"] = _setting(
        "first",
        "compare the records with their checksums: when a run begins, at every start, or not",
    )
    worker_timeout: float = _setting(120.0, "seconds that workers of --strategy=multi_worker wait for each other", gt=0)
    precision: Literal["float32", "mixed_bfloat16"] = _setting("float32", "of the layers")
    jit: Literal["auto", "on", "off"] = _setting("auto", "compile steps with XLA; auto: where that pays")
    deterministic: bool = _setting(True, "same weights bit for bit from the same command on the same machine")
    checkpoint_seconds: float = _setting(60.0, "write a checkpoint this often; 0: not by time", ge=0)
    checkpoint_steps: int = _setting(0, "and after every so many batches; 0: not by count", ge=0)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        for name in ("runs_dir", "records_dir", "finetune_from"):
            storage.path(getattr(self, name), name)
        if self.best_by not in THRESHOLDS:
            raise InputError(f"--best_by must be one of {', '.join(map(str, THRESHOLDS))}, got {self.best_by}")
        if self.freeze_but_last and not self.finetune_from:
            raise InputError("--freeze_but_last needs --finetune_from=RUN: the frozen layers come from that run")
        for name in ("run_name", "experiment"):
            if (text := getattr(self, name)) in (".", "..") or Path(text).name != text:
                raise InputError(f"--{name} is for the name of a folder and has no slashes, got {text!r}")

    @property
    def run_dir(self) -> Path:
        """The run's folder."""
        return storage.path(self.runs_dir) / (self.run_name or self.default_run_name)

    @property
    def default_run_name(self) -> str:
        """The study's name, model[-options]-s.e, and what tells apart runs it did not have.

        A finetuned run is named after the run it starts from; real detections have no s; datasets are named where they
        are not those that their purpose makes one expect.
        """
        parts = [self.model, *(v if isinstance(v, str) else f"{k}_{v}" for k, v in sorted(self.model_options.items()))]
        parts += [f"window_{self.window}"] * (self.window not in (0, _USUAL_WINDOW))
        readers = [DATASETS[name] for name in self.datasets if name in DATASETS]
        if self.finetune_from:
            parts = [storage.path(self.finetune_from).resolve().name, self.experiment or "finetuned"]
        elif readers and all(reader.has_detector for reader in readers):
            parts += [self.experiment] * bool(self.experiment)
        else:
            parts.append(f"{self.shifting_scalar:g}" + f".{self.experiment}" * bool(self.experiment))
        usual = "finetuning" if self.finetune_from else "pretraining"
        if self.datasets != AUTO and not (readers and all(reader.purpose == usual for reader in readers)):
            parts += self.datasets
        return "-".join(parts) + (f"-seed{self.seed}" if self.seed else "")

    @property
    def best_column(self) -> str:
        """The column of the history that says which epoch is best."""
        return f"val_{pck_name(self.best_by)}"

    @classmethod
    def flags(cls) -> dict[str, Any]:
        """The fields that a user sets, by name."""
        return {name: field for name, field in cls.model_fields.items() if name not in FOLLOWS}

    def save(self, run_dir: Path) -> None:
        """Writes `config.json` into the run folder, all but the folder's own name and place."""
        text = self.model_dump_json(indent=2, exclude=_PLACE) + "\n"
        files.write_text(run_dir / CONFIG_FILE, text)

    @classmethod
    def load(cls, run_dir: Path) -> Self:
        """Reads a run folder's `config.json`. Raises InputError where it is absent or damaged.

        A setting that came later than the file has its default, which is what was done before there was that setting.
        """
        path = storage.path(run_dir) / CONFIG_FILE
        try:
            values = json.loads(path.read_bytes())
            if missing := sorted(_ALWAYS_THERE - set(values)):
                raise InputError(f"the settings {missing} are missing; it was damaged, train again elsewhere")
            return cls(**values | {"runs_dir": str(path.parent.parent), "run_name": path.parent.resolve().name})
        except OSError as error:
            raise InputError(
                f"{run_dir} is not a run folder: cannot read {path} ({error.strerror}); name one that training made"
            ) from None
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        except (ValueError, TypeError) as error:
            raise InputError(f"{path} is not JSON: {error}; it was damaged, train again into another folder") from None

    def differences(self, other: "TrainingConfig") -> list[str]:
        """Names of settings that differ, but for those with which a run may be continued."""
        fixed = [name for name in type(self).model_fields if name not in MAY_CHANGE]
        return [name for name in fixed if getattr(self, name) != getattr(other, name)]


NOISE_SETTINGS = [name for name in TrainingConfig.flags() if name.startswith("noise")]
NOISE_SETTINGS += ["shifting_scalar", "random_sigma", "constant_shift"]
"""Names of the settings of the simulated detector."""


def parse_model_options(words: list[str]) -> dict[str, Any]:
    """["merge_mode=sum", "sample_interval=1"] -> {"merge_mode": "sum", "sample_interval": 1}.

    Values are read as JSON where they are JSON (numbers, true, false, null), else as text.
    """
    options: dict[str, Any] = {}
    for word in words:
        name, _, text = (part.strip() for part in word.partition("="))
        if not (name.isidentifier() and text) or name in options:
            raise InputError(f"--model_options: expected name=value,..., each name once, got {','.join(words)!r}")
        try:
            options[name] = json.loads(text)
        except ValueError:
            options[name] = text
    return options
