"""A run's best model as a SavedModel that answers to heatmaps and to keypoints; checked before it gets its name."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasmooth import __version__
from kerasmooth.errors import InputError
from kerasmooth.exporting.check import check_export
from kerasmooth.exporting.signatures import Signatures
from kerasmooth.skeletons import BOULDERING_25
from kerasmooth.training.runs import Run

METADATA_SCHEMA = "kerasmooth.export/1"
INPUTS = {
    "heatmaps": "[B, T, H, W, K], not negative, the cells of each sum to `scale`; all 0 where a keypoint is missing",
    "keypoints": "[B, T, K, 2], (x, y) in heatmap cells; an integer is the centre of a cell, (0, 0) that of the first",
    "confidence": "[B, T, K], above 0 where the keypoint was detected",
    "sigma": "[B, T], the detector's blur in heatmap cells; the nearest of `sigmas` is taken",
}
"""What the inputs of the signatures mean: part of the metadata."""
MAX_VERSION = 2**63 - 1
"""TensorFlow Serving's versions are 64-bit integers."""
_PARTIAL = ".partial-"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Exported:
    """A version that was written and checked.

    Attributes:
      path: `<export_dir>/<name>/<version>`.
      name, version: as TensorFlow Serving calls them.
      signatures: for each signature its inputs and outputs, each {name: "dtype shape"}.
      num_bytes: of all files.
      num_weights: of the model.
      largest_difference: between the reloaded SavedModel and the Keras model, relative to the scale of the values.
      compared: how many answers were compared for that.
    """

    path: Path
    name: str
    version: int
    signatures: dict[str, dict[str, dict[str, str]]]
    num_bytes: int
    num_weights: int
    largest_difference: float
    compared: int


def export_run(
    run: Run, export_dir: Path, *, name: str = "", version: int | None = None, decoder: str = "dark"
) -> Exported:
    """Writes `<export_dir>/<name>/<version>/`, a SavedModel with the signatures of `Signatures` and `metadata`.

    It is written into a hidden folder beside, loaded again and compared with the Keras model, and only then renamed, so
    that a server which watches the folder sees a whole version or none.

    Args:
      run: what to export.
      export_dir: holds one folder for each model name.
      name: what the model is served as; "" is the kind of model, such as `conv3d`.
      version: at least 1; None is one more than the highest that is there.
      decoder: how heatmaps become keypoints in it: "argmax" (published), "dark" or "udp" (sub-pixel).

    Raises:
      InputError: a name or version that cannot be, a version that exists, or a folder that cannot be written.
      RuntimeError: the SavedModel does not say what the Keras model says; nothing is left behind.
    """
    name = name or run.config.model
    if not _NAME.fullmatch(name):
        raise InputError(f"--name={name!r}: use letters, digits, '_', '-' and '.', not starting with '.' or '-'")
    folder = export_dir / name
    _make_folder(folder)
    version = next_version(folder) if version is None else version
    if not 1 <= version <= MAX_VERSION:
        raise InputError(f"--version={version}: a version is a whole number from 1 to {MAX_VERSION}")
    target = folder / str(version)
    _refuse_existing(target)
    partial = folder / f"{_PARTIAL}{version}-{os.getpid()}"
    try:
        exported = _write_and_check(run, partial, name, version, decoder)
        _rename(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Exported(target, name, version, **exported)


def next_version(folder: Path) -> int:
    """One more than the highest version in a model's folder; 1 where there is none."""
    versions = [int(path.name) for path in folder.iterdir() if path.name.isascii() and path.name.isdigit()]
    return max(versions, default=0) + 1


def metadata(run: Run, name: str, version: int, decoder: str) -> dict[str, Any]:
    """What a client must know of the model to ask it, and where it comes from."""
    height, width = run.config.size
    return {
        "schema": METADATA_SCHEMA,
        "kerasmooth": __version__,
        "name": name,
        "version": version,
        "model": run.config.model,
        "run": run.name,
        "takes": run.takes,
        "window": run.config.window,
        "time_is_dynamic": True,
        "height": height,
        "width": width,
        "num_keypoints": BOULDERING_25.num_keypoints,
        "skeleton": {
            "name": BOULDERING_25.name,
            "keypoints": list(BOULDERING_25.keypoints),
            "limbs": [list(limb) for limb in BOULDERING_25.limbs],
        },
        "taught": [name for name, taught in zip(BOULDERING_25.keypoints, run.taught, strict=True) if taught],
        "scale": run.codec.scale,
        "sigmas": list(run.codec.sigmas),
        "decoder": decoder,
        "inputs": {name: text for name, text in INPUTS.items() if name != "sigma" or run.takes == "heatmaps"},
        "config": run.config.to_json(),
    }


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        abandoned = [path for path in folder.glob(f"{_PARTIAL}*") if not _is_alive(path.name.rpartition("-")[2])]
    except OSError as error:
        raise InputError(
            f"--export_dir: cannot make the folder {folder} ({error.strerror}): name another one"
        ) from None
    for path in abandoned:
        shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: str) -> bool:
    """Whether a process of this machine has this number; True where that cannot be known."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OverflowError, PermissionError):
        return True
    return True


def _refuse_existing(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise InputError(
            f"{target} exists and a version is never overwritten: leave out --version to get the next one, "
            "or remove that folder yourself"
        )


def _rename(partial: Path, target: Path) -> None:
    # A rename replaces an empty folder silently, so look once more; a filled one that appears in between makes it fail.
    _refuse_existing(target)
    try:
        partial.rename(target)
    except OSError as error:
        raise InputError(
            f"cannot rename {partial} to {target} ({error.strerror}): another export was faster; run again"
        ) from None


def _write_and_check(run: Run, partial: Path, name: str, version: int, decoder: str) -> dict[str, Any]:
    asked = Signatures(run.model, run.codec, decoder)
    archive = keras.export.ExportArchive()
    # No `archive.track(model)`: it stores every weight a second time, and the endpoints' weights are tracked anyhow.
    # The first endpoint is also `serving_default`.
    for signature, function in asked.functions().items():
        archive.add_endpoint(signature, function, asked.specs(signature))
    text = json.dumps(metadata(run, name, version, decoder), sort_keys=True)
    archive.add_endpoint("metadata", lambda: {"metadata": tf.constant(text)}, input_signature=[])
    try:
        archive.write_out(str(partial), verbose=False)
    except (OSError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"cannot write the SavedModel to {partial.parent} ({reason}): make room or name another --export_dir"
        ) from None
    loaded = tf.saved_model.load(str(partial))
    answer = loaded.signatures["metadata"]()["metadata"].numpy().decode()
    if answer != text:
        raise RuntimeError(f"the exported metadata is not what was written. Received: {answer!r}")
    difference, compared = check_export(run, loaded.signatures, decoder)
    return {
        "signatures": {signature: _described(loaded.signatures[signature]) for signature in sorted(loaded.signatures)},
        "num_bytes": sum(path.stat().st_size for path in partial.rglob("*") if path.is_file()),
        "num_weights": run.model.count_params(),
        "largest_difference": difference,
        "compared": compared,
    }


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
