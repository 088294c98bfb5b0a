"""kerasmooth: steadier 2D pose keypoints.

Importing the package loads neither TensorFlow nor Keras; each public name is loaded when it is first asked for.
"""

__version__ = "0.1.0"

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasmooth import datasets, losses, metrics, models, serving
    from kerasmooth.evaluation.evaluator import evaluate
    from kerasmooth.exporting.saved_model import export_run as export
    from kerasmooth.fit_data import load_dataset
    from kerasmooth.formats import read_poses, write_poses
    from kerasmooth.loading import load_model
    from kerasmooth.noise import DetectorNoise
    from kerasmooth.smoothing.keypoints import smooth_keypoints
    from kerasmooth.streaming.stream import KeypointStream
    from kerasmooth.tfrecord.make import make_records
    from kerasmooth.training.config import TrainingConfig
    from kerasmooth.training.loop import train

__all__ = [
    "DetectorNoise",
    "KeypointStream",
    "TrainingConfig",
    "datasets",
    "evaluate",
    "export",
    "load_dataset",
    "load_model",
    "losses",
    "make_records",
    "metrics",
    "models",
    "read_poses",
    "serving",
    "smooth_keypoints",
    "train",
    "write_poses",
]

_PLACES = {
    "DetectorNoise": "kerasmooth.noise",
    "KeypointStream": "kerasmooth.streaming.stream",
    "TrainingConfig": "kerasmooth.training.config",
    "evaluate": "kerasmooth.evaluation.evaluator",
    "export": "kerasmooth.exporting.saved_model:export_run",
    "load_dataset": "kerasmooth.fit_data",
    "load_model": "kerasmooth.loading",
    "make_records": "kerasmooth.tfrecord.make",
    "read_poses": "kerasmooth.formats",
    "smooth_keypoints": "kerasmooth.smoothing.keypoints",
    "train": "kerasmooth.training.loop",
    "write_poses": "kerasmooth.formats",
}
"""Public name -> its module, and its name there where that is another one; the other public names are modules."""


def __getattr__(name: str) -> Any:
    """A public name, loaded when first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'kerasmooth' has no attribute {name!r}")
    import importlib

    if name not in _PLACES:
        return importlib.import_module(f"kerasmooth.{name}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(importlib.import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
