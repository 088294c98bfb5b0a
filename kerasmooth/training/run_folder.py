"""The run folder, which tells its own story: flags to replay, settings, environment, checkpoint, best model."""

import json
import os
import platform
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import scipy
import tensorflow as tf

from kerasmooth import __version__, files, models, storage
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.training.config import CONFIG_FILE, TrainingConfig

FLAGS_FILE = "flags.cfg"
ENVIRONMENT_FILE = "environment.json"
BEST_MODEL_FILE = "best.keras"
BEST_FILE = "best.json"
TRAIN_COMMAND = "python -m kerasmooth.train --flagfile=flags/exp1.cfg"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def open_run(config: TrainingConfig, devices: list[str]) -> None:
    """Makes a run folder, or checks that the one that is there was made with the same settings.

    Raises InputError naming the settings that differ, or where the folder cannot be made or is something else's.
    """
    run_dir = config.run_dir
    if (run_dir / CONFIG_FILE).is_file():
        before = TrainingConfig.load(run_dir)
        names = before.differences(config)
        pairs = [f"--{name} was {_text(getattr(before, name))}, is {_text(getattr(config, name))}" for name in names]
        if pairs:
            raise InputError(
                f"{run_dir} holds a run with other settings ({'; '.join(pairs)}): choose another --run_name"
            )
    elif run_dir.is_dir() and any(path for path in run_dir.iterdir() if not path.name.startswith(".partial-")):
        raise InputError(f"{run_dir} is not empty and not a run folder (no {CONFIG_FILE}): choose another --run_name")
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        files.clear_partial(run_dir)
        files.write_text(run_dir / FLAGS_FILE, flags_text(config))
        files.write_text(run_dir / ENVIRONMENT_FILE, json.dumps(environment(devices), indent=2) + "\n")
        # Last: a folder killed before this line has no settings and nothing else that counts.
        config.save(run_dir)
    except OSError as error:
        raise InputError(
            f"cannot write the run folder {run_dir} ({error.strerror}): choose another --runs_dir"
        ) from None


def flags_text(config: TrainingConfig) -> str:
    """A flagfile that repeats the run."""
    values = {name: getattr(config, name) for name in config.flags()} | {"run_name": config.run_dir.name}
    lines = ["# Every setting of this run. To continue it, or to repeat it elsewhere (add --run_name=...):"]
    lines += [f"#   python -m kerasmooth.train --flagfile={config.run_dir / FLAGS_FILE}"]
    return "\n".join(lines + [f"--{name}={_text(value)}" for name, value in values.items()]) + "\n"


def _text(value: Any) -> str:
    """A setting as its flag takes it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def environment(devices: list[str]) -> dict[str, Any]:
    """Versions and machine: what one needs to know to get the same numbers, or to see why they differ."""
    return {
        "kerasmooth": __version__,
        "python": platform.python_version(),
        **{module.__name__: module.__version__ for module in (tf, keras, np, scipy)},
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "devices": devices,
        "byte_order": sys.byteorder,
    }


def save_model(model: keras.Model, path: Path) -> None:
    """Saves a Keras model whole or not at all, without its optimizer and without dates: the same model is the same
    bytes.
    """
    optimizer = getattr(model, "optimizer", None)
    try:
        model.optimizer = None
        with tempfile.TemporaryDirectory(prefix="kerasmooth-") as folder:
            dated = Path(folder) / path.name
            model.save(dated)
            with files.replacing(path) as partial, zipfile.ZipFile(dated) as old, zipfile.ZipFile(partial, "w") as new:
                for name in sorted(old.namelist()):
                    data = old.read(name)
                    if name == "metadata.json":
                        data = json.dumps({k: v for k, v in json.loads(data).items() if k != "date_saved"}).encode()
                    new.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), data)
    finally:
        model.optimizer = optimizer


@dataclass(frozen=True, eq=False)
class Run:
    """A training run of which at least one epoch was judged.

    Attributes:
      folder: the run's folder.
      config: the settings it was trained with.
      model: its best model; takes and returns dicts (see `kerasmooth.models`).
    """

    folder: Path
    config: TrainingConfig
    model: models.Smoother

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def takes(self) -> str:
        """`heatmaps` or `keypoints`: what the model is given."""
        return self.model.takes

    @property
    def codec(self) -> HeatmapCodec:
        return HeatmapCodec(size=self.config.size)

    @property
    def annotated(self) -> np.ndarray:
        """bool [25]: keypoints of BOULDERING_25 that its datasets annotate; of the others it learnt nothing."""
        return np.isin(BOULDERING_25.keypoints, self.config.annotated)


def latest_run(runs_dir: Path) -> Path:
    """The run folder in `runs_dir` whose best model is newest. Raises InputError where there is none."""
    found = [(path.stat().st_mtime_ns, path.parent.name, path.parent) for path in runs_dir.glob(f"*/{BEST_MODEL_FILE}")]
    if not found:
        raise InputError(
            f"--runs_dir={runs_dir} holds no run with a {BEST_MODEL_FILE}, which is written after the first epoch: "
            f"train one with `{TRAIN_COMMAND}`, or name a run by --run"
        )
    return max(found)[2]


def load_run(folder: Path) -> Run:
    """Loads a run folder's settings and best model.

    Raises:
      InputError: the folder, its config.json or its best.keras is absent, damaged, or they do not fit each other.
    """
    config, path = TrainingConfig.load(folder), folder / BEST_MODEL_FILE
    if config.model not in models.MODELS:
        raise InputError(
            f"{folder / CONFIG_FILE}: model {config.model!r} is unknown; there are {', '.join(models.MODELS)}"
        )
    model = load_best_model(path)
    kind, expected = models.MODELS[config.model], (config.window, config.size, BOULDERING_25.num_keypoints)
    received = tuple(getattr(model, name, None) for name in ("window", "size", "num_keypoints"))
    if type(model) is not kind or received != expected:
        raise InputError(
            f"{path} holds a {type(model).__name__} of (window, size, keypoints) {received}, but config.json beside it "
            f"says {kind.__name__} of {expected}: the two are of different runs; train again"
        )
    return Run(folder, config, model)


def load_best_model(path: Path) -> models.Smoother:
    """Reads a Keras model of ours. Raises InputError where it is none or damaged."""
    if not path.is_file():
        raise InputError(
            f"{path} is not there: training writes it after its first epoch; continue that, or name another run"
        )
    try:
        with storage.local_copy(path) as local:
            return keras.saving.load_model(local, compile=False)
    # A damaged archive fails in zip, JSON, HDF5 or Keras code, each with errors of its own.
    except Exception as error:
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise InputError(
            f"{path} cannot be read as a Keras model ({reason[0]}): train again or name another run"
        ) from None
