"""A run's best model as a SavedModel with the signatures of `Signatures`; checked before it gets its name."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth import storage
from kerasmooth.errors import InputError
from kerasmooth.exporting.check import check_export
from kerasmooth.exporting.metadata import metadata
from kerasmooth.exporting.signatures import Signatures
from kerasmooth.exporting.versions import new_version
from kerasmooth.exporting.window_model import WindowModel, drawing_sigma
from kerasmooth.training.run_folder import Run, load_run

EXTRA_ASSETS = "assets.extra"
METADATA_FILE = "metadata.json"

Described = dict[str, dict[str, dict[str, str]]]
"""For each signature its inputs and outputs, each {name: "dtype [shape]"}."""


@dataclass(frozen=True)
class Exported:
    """A version that was written and checked.

    Attributes:
      path: `<export_dir>/<name>/<version>`.
      signatures: what it can be asked.
      num_bytes: of all files.
      num_weights: of the model.
      largest_difference: between the reloaded SavedModel and the Keras model, relative to the scale of the values.
      compared: how many answers were compared for that.
    """

    path: Path
    signatures: Described
    num_bytes: int
    num_weights: int
    largest_difference: float
    compared: int

    @property
    def name(self) -> str:
        """What the model is served as."""
        return self.path.parent.name

    @property
    def version(self) -> int:
        return int(self.path.name)


def export_run(
    run: Run | str | Path,
    export_dir: str | Path = "exports",
    *,
    name: str = "",
    version: int | None = None,
    decoder: str = "dark",
    for_serving: bool = False,
) -> Exported:
    """Writes `<export_dir>/<name>/<version>/`, a SavedModel with the signatures of `Signatures`.

    It is written into a hidden folder beside, loaded again and compared with the Keras model, and only then renamed.

    Args:
      run: what to export: a run folder, or a loaded run.
      export_dir: holds one folder for each model name.
      name: what the model is served as; "" is the kind of model, such as `conv3d`.
      version: at least 1; None is one more than the highest that is there.
      decoder: how heatmaps become keypoints in it: "argmax" (published), "dark" or "udp" (sub-pixel).
      for_serving: adds what TensorFlow Serving is started with: see `bundle`.

    Raises:
      InputError: a name or version that cannot be, a version that exists, or a folder that cannot be written.
      RuntimeError: the SavedModel does not say what the Keras model says; nothing is left behind.
    """
    run, export_dir = (
        run if isinstance(run, Run) else load_run(storage.path(run)),
        storage.path(export_dir, "export_dir"),
    )
    with new_version(export_dir, name or run.config.model, version) as (partial, target):
        facts = metadata(run, name=target.parent.name, version=int(target.name), decoder=decoder)
        signatures = signatures_of(run, decoder, facts)
        _write(signatures, partial)
        loaded = tf.saved_model.load(str(partial))
        difference, compared = check_export(run, signatures, loaded.signatures)
        described = {name: _described(loaded.signatures[name]) for name in sorted(loaded.signatures)}
        extra = partial / EXTRA_ASSETS
        extra.mkdir()
        (extra / METADATA_FILE).write_text(json.dumps(facts | {"tensors": described}, indent=1) + "\n")
        if for_serving:
            from kerasmooth.exporting import bundle

            bundle.add_to_version(partial, run, loaded.signatures, name=target.parent.name)
        num_bytes = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file())
    exported = Exported(target, described, num_bytes, run.model.count_params(), difference, compared)
    if for_serving:
        bundle.write_beside(export_dir, exported)
    return exported


def signatures_of(run: Run, decoder: str, facts: dict[str, Any]) -> Signatures:
    """The signatures of a run's best model."""
    sigma = drawing_sigma(run.codec, run.config.random_sigma)
    return Signatures(WindowModel(run.model, run.annotated, run.codec, decoder, sigma), json.dumps(facts))


def _write(signatures: Signatures, folder: Path) -> None:
    archive = keras.export.ExportArchive()
    # No `archive.track(model)`: it stores every weight a second time, and the endpoints' weights are tracked anyhow.
    # The first endpoint is also `serving_default`.
    for name, function in signatures.functions().items():
        archive.add_endpoint(name, function, signatures.specs(name))
    try:
        archive.write_out(str(folder), verbose=False)
    except (OSError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"cannot write the SavedModel to {folder.parent} ({reason}): make room or name another folder"
        ) from None


def _described(signature: Callable[..., Any]) -> dict[str, dict[str, str]]:
    """{"inputs": {name: "float32 [B, T, 25, 2]"}, "outputs": ...} of a loaded signature."""
    _, inputs = signature.structured_input_signature  # type: ignore[attr-defined]
    outputs = signature.structured_outputs  # type: ignore[attr-defined]
    return {
        "inputs": {name: _shape_text(spec) for name, spec in sorted(inputs.items())},
        "outputs": {name: _shape_text(spec) for name, spec in sorted(outputs.items())},
    }


def _shape_text(spec: Any) -> str:
    letters = ["B", "T"] + ["?"] * 8
    dimensions = [letters[i] if size is None else str(size) for i, size in enumerate(spec.shape)]
    return f"{np.dtype(spec.dtype.as_numpy_dtype).name.replace('object', 'string')} [{', '.join(dimensions)}]"
