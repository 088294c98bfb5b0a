"""The run folder, which tells its own story: flags to replay, settings, environment, checkpoint, best model."""

import json
import os
import platform
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from importlib import metadata
from pathlib import Path
from typing import Any

from kerasmooth import __version__, files
from kerasmooth.errors import InputError
from kerasmooth.training.experiment import CONFIG_FILE, ExperimentConfig

FLAGS_FILE = "flags.cfg"
ENVIRONMENT_FILE = "environment.json"
BEST_MODEL_FILE = "best.keras"
BEST_FILE = "best.json"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def open_run(run_dir: Path, config: ExperimentConfig, devices: list[str]) -> None:
    """Makes a run folder, or checks that the one that is there was made with the same settings.

    Raises InputError naming the settings that differ, or where the folder cannot be made or is something else's.
    """
    if (run_dir / CONFIG_FILE).is_file():
        before = ExperimentConfig.load(run_dir)
        if names := before.differences(config):
            pairs = [
                f"--{name} was {_text(getattr(before, name))}, is {_text(getattr(config, name))}" for name in names
            ]
            raise InputError(
                f"{run_dir} holds a run with other settings ({'; '.join(pairs)}): choose another --run_name"
            )
    elif run_dir.is_dir() and any(path for path in run_dir.iterdir() if not path.name.startswith(".partial-")):
        raise InputError(f"{run_dir} is not empty and not a run folder (no {CONFIG_FILE}): choose another --run_name")
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        files.clear_partial(run_dir)
        files.write_text(run_dir / FLAGS_FILE, flags_text(config, run_dir))
        write_json(run_dir / ENVIRONMENT_FILE, environment(devices))
        # Last: a folder killed before this line has no settings and nothing else that counts.
        config.save(run_dir)
    except OSError as error:
        raise InputError(
            f"cannot write the run folder {run_dir} ({error.strerror}): choose another --runs_dir"
        ) from None


def flags_text(config: ExperimentConfig, run_dir: Path) -> str:
    """A flagfile that repeats the run."""
    lines = ["# Every setting of this run. To continue it, or to repeat it elsewhere (add --run_name=...):"]
    lines += [f"#   python -m kerasmooth.train --flagfile={run_dir / FLAGS_FILE}"]
    lines += [f"--runs_dir={run_dir.parent}", f"--run_name={run_dir.name}"]
    settings = [setting for setting in fields(config) if setting.metadata["is_flag"]]
    lines += [f"--{setting.name}={_text(getattr(config, setting.name))}" for setting in settings]
    return "\n".join(lines) + "\n"


def _text(value: Any) -> str:
    """A setting as its flag takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in value.items())
    return str(value)


def environment(devices: list[str]) -> dict[str, Any]:
    """Versions and machine: what one needs to know to get the same numbers, or to see why they differ."""
    packages = ("tensorflow", "keras", "numpy", "scipy")
    return {
        "kerasmooth": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in packages},
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "devices": devices,
        "byte_order": sys.byteorder,
    }


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes a JSON file whole or not at all."""
    files.write_text(path, json.dumps(values, indent=2) + "\n")


def save_model(model: Any, path: Path) -> None:
    """Saves a Keras model whole or not at all, without dates in it: the same model is the same bytes."""
    dated = path.with_name(f".partial-{os.getpid()}-dated.keras")
    try:
        model.save(dated)
        with files.replacing(path) as partial:
            _copy_without_dates(dated, partial)
    finally:
        dated.unlink(missing_ok=True)


def _copy_without_dates(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist()):
            data = old.read(name)
            if name == "metadata.json":
                data = json.dumps({k: v for k, v in json.loads(data).items() if k != "date_saved"}).encode()
            new.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), data)
