"""A model in this process: a run folder, or a version (or the folder of versions) that `kerasmooth.export` wrote."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasmooth.errors import InputError
from kerasmooth.quiet import import_tensorflow
from kerasmooth.serving.transport import Arrays, RefusedError, plain


class LocalTransport:
    """The signatures of a model, called where the caller is. See `Transport`.

    Raises:
      InputError: the folder is neither a run nor an export, or it is damaged.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise InputError(
                f"{path} is not a folder: name a run folder (runs/NAME) or an export (exports/NAME/VERSION)"
            )
        import_tensorflow()
        versions = [child for child in path.iterdir() if child.name.isdigit() and (child / "saved_model.pb").is_file()]
        if versions:
            path = max(versions, key=lambda child: int(child.name))
        is_export = (path / "saved_model.pb").is_file()
        self._path = path
        self._signatures = _exported(path) if is_export else _of_run(path)

    def ask(self, signature: str, inputs: Arrays, timeout: float) -> Arrays:
        import tensorflow as tf

        if signature not in self._signatures:
            raise RefusedError(f"Serving signature key {signature!r} not found.")
        try:
            answer = self._signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            raise RefusedError(plain(str(error))) from None
        return {name: np.asarray(value) for name, value in answer.items()}

    def status(self, timeout: float) -> str:
        return f"{self._path} AVAILABLE"

    def close(self) -> None: ...


def _exported(path: Path) -> Mapping[str, Callable[..., Any]]:
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
        signatures = loaded.signatures
        facts = json.loads(np.asarray(signatures["metadata"](rows=tf.zeros([1], tf.int32))["metadata"]).item())
        known = facts["schema"] == "kerasmooth.export/2"
    # A damaged SavedModel fails in TensorFlow, protobuf or our own reading, each with errors of its own.
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be read as an export of kerasmooth ({reason}): export the run again") from None
    if not known:
        raise InputError(f"{path} was exported by another version of kerasmooth: export the run again")
    return _Kept(signatures, loaded)


class _Kept(dict[str, Callable[..., Any]]):
    """Signatures together with the object that holds their variables, which they do not keep alive."""

    def __init__(self, signatures: Mapping[str, Callable[..., Any]], loaded: object) -> None:
        super().__init__(signatures)
        self._loaded = loaded


def _of_run(path: Path) -> Mapping[str, Callable[..., Any]]:
    import tensorflow as tf

    from kerasmooth.exporting.metadata import metadata
    from kerasmooth.exporting.saved_model import signatures_of
    from kerasmooth.training.run_folder import load_run

    run = load_run(path)
    signatures = signatures_of(run, "dark", metadata(run, name=run.name, version=0, decoder="dark"))
    return {
        name: tf.function(function, input_signature=signatures.specs(name))
        for name, function in signatures.functions().items()
    }
