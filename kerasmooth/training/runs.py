"""Run folders of training: finding the latest one, and loading what evaluation, export and smoothing need of one."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kerasmooth import models
from kerasmooth.datasets import DATASETS
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise
from kerasmooth.sample import SAMPLE_VIDEOS
from kerasmooth.skeletons import BOULDERING_25, index_map
from kerasmooth.training.experiment import SAMPLE, ExperimentConfig
from kerasmooth.training.learner import simulated_detector
from kerasmooth.training.run_folder import BEST_MODEL_FILE

TRAIN_COMMAND = "python -m kerasmooth.train --flagfile=flags/exp1.cfg"


@dataclass(frozen=True, eq=False)
class Run:
    """A finished, or at least once judged, training run.

    Attributes:
      folder: the run's folder.
      config: the settings it was trained with.
      model: its best model; takes and returns dicts (see `kerasmooth.models`).
    """

    folder: Path
    config: ExperimentConfig
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
    def taught(self) -> np.ndarray:
        """bool [25]: keypoints of BOULDERING_25 that its datasets annotate; of the others it learnt nothing."""
        names = {part for name in self.config.datasets for part in (SAMPLE_VIDEOS if name == SAMPLE else [name])}
        return np.any([index_map(DATASETS[name].skeleton, BOULDERING_25) >= 0 for name in names], axis=0)

    @property
    def noise(self) -> DetectorNoise:
        """The simulated detector that the run was trained with."""
        return simulated_detector(self.config)


def latest_run(runs_dir: Path) -> Path:
    """The run folder in `runs_dir` whose best model is newest. Raises InputError where there is none."""
    if not runs_dir.is_dir():
        what = "is not a folder" if runs_dir.exists() else "does not exist"
        raise InputError(
            f"--runs_dir={runs_dir} {what}: train a model first with `{TRAIN_COMMAND}`, or name a run by --run"
        )
    found = [(path.stat().st_mtime_ns, path.parent.name, path.parent) for path in runs_dir.glob(f"*/{BEST_MODEL_FILE}")]
    if not found:
        raise InputError(
            f"no run in {runs_dir} has a {BEST_MODEL_FILE}: train one first with `{TRAIN_COMMAND}` "
            "(it is written after the first epoch)"
        )
    return max(found)[2]


def load_run(folder: Path) -> Run:
    """Loads a run folder's settings and best model.

    Raises:
      InputError: the folder, its config.json or its best.keras is absent, damaged, or they do not fit each other.
    """
    if not folder.is_dir():
        what = "is a file, not a run folder" if folder.exists() else "does not exist"
        raise InputError(f"--run={folder} {what}: name a folder that training made, such as runs/NAME")
    config = ExperimentConfig.load(folder)
    if config.model not in models.MODELS:
        raise InputError(
            f"{folder / 'config.json'}: model {config.model!r} is unknown; there are {', '.join(models.MODELS)}"
        )
    path = folder / BEST_MODEL_FILE
    if not path.exists():
        raise InputError(
            f"{path} is absent: the run has not finished its first epoch; continue it with kerasmooth.train"
        )
    run = Run(folder, config, _load_model(path))
    _check_fit(run, path)
    return run


def _load_model(path: Path) -> models.Smoother:
    if not path.is_file():
        raise InputError(
            f"{path} is not a file: a run keeps its best Keras model there; train again or name another --run"
        )
    try:
        return keras.saving.load_model(path, compile=False)
    # A damaged archive fails in zip, JSON, HDF5 or Keras code, each with errors of its own.
    except Exception as error:
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise InputError(
            f"{path} cannot be read as a Keras model ({reason[0]}): train again or name another --run"
        ) from None


def _check_fit(run: Run, path: Path) -> None:
    """The model is what the settings say."""
    config, model = run.config, run.model
    if not isinstance(model, models.MODELS[config.model]):
        raise InputError(
            f"{path} holds a {type(model).__name__}, but config.json beside it says {config.model}: train again"
        )
    expected = (config.window, tuple(config.size), BOULDERING_25.num_keypoints)
    received = (model.window, tuple(model.size), model.num_keypoints)
    if received != expected:
        raise InputError(
            f"{path} is made for (window, size, keypoints) {received}, but config.json beside it says {expected}: "
            "the two are of different runs; train again"
        )
