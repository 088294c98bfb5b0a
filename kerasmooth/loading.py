"""Trained models, wherever they are kept."""

from pathlib import Path
from typing import Any

from kerasmooth.models import Smoother
from kerasmooth.serving import Client
from kerasmooth.training.config import CONFIG_FILE
from kerasmooth.training.run_folder import load_best_model, load_run


def load_model(path: str | Path) -> "Smoother | Client | Any":
    """Loads a trained model.

    Args:
      path: a run folder, whose best model it is; a .keras file; or a SavedModel that `export` wrote, a version or the
        folder of versions.

    Returns:
      Of a run folder or a .keras file the Keras model, which takes and returns dicts: see `models.Smoother`. Of a
      SavedModel a `serving.Client`, whose `smooth` takes keypoints in image pixels.

    Raises:
      InputError: it is none of these, or damaged.
    """
    folder = Path(path)
    if folder.suffix == ".keras":
        return load_best_model(folder)
    if (folder / CONFIG_FILE).is_file():
        return load_run(folder).model
    return Client(folder)
