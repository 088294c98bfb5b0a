"""Exports a trained model as a SavedModel for TensorFlow Serving and for use in place: python -m kerasmooth.export.

Without flags: the latest run in runs/, into exports/<model>/<next version>/. A version is written beside, loaded again,
compared with the model and only then renamed; one that exists is never overwritten.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags, logging

from kerasmooth.command_line import run
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import DECODING_METHODS
from kerasmooth.quiet import import_tensorflow

if TYPE_CHECKING:
    from kerasmooth.exporting.saved_model import Exported

_RUN = flags.DEFINE_string("run", "", "run folder to export; default: the latest in runs_dir")
_RUNS_DIR = flags.DEFINE_string("runs_dir", "runs", "folder of run folders, where the latest run is looked for")
_EXPORT_DIR = flags.DEFINE_string("export_dir", "exports", "folder for exported models, one folder each")
_NAME = flags.DEFINE_string("name", "", "what the model is served as; default: its kind, such as conv3d")
_VERSION = flags.DEFINE_integer("version", None, "version to write, 1 or more; default: the next", lower_bound=1)
_DECODER = flags.DEFINE_string(
    "decoder",
    "dark",
    f"how the export reads keypoints from heatmaps, one of {', '.join(DECODING_METHODS)}; dark is sub-pixel, "
    "argmax is the published way and gives whole cells",
)


def report(exported: "Exported") -> str:
    """What was made, what it can be asked, and how to serve it."""
    lines = [
        f"Wrote {exported.path}: {exported.num_weights:,} weights, {exported.num_bytes:,} bytes.",
        f"Reloaded and compared with the Keras model {exported.compared} times: largest relative difference "
        f"{exported.largest_difference:.1e}.",
        "Signatures (B windows of T frames, both free):",
    ]
    for name, sides in exported.signatures.items():
        lines.append(f"  {name}")
        for side, tensors in sides.items():
            texts = [f"{tensor}: {text}" for tensor, text in tensors.items()]
            lines += [f"    {side:8}" + (f"\n{'':12}".join(texts) if texts else "none")]
    folder = exported.path.parent
    lines += [
        "To serve it:",
        f"  docker run -p 8500:8500 -p 8501:8501 -v {folder.resolve()}:/models/{exported.name} "
        f"-e MODEL_NAME={exported.name} tensorflow/serving",
        f"  curl localhost:8501/v1/models/{exported.name}",
        "Or in Python:",
        f"  answer = tf.saved_model.load({str(exported.path)!r}).signatures['keypoints']",
    ]
    return "\n".join(lines)


def main() -> None:
    """Exports as the flags say."""
    if _DECODER.value not in DECODING_METHODS:
        raise InputError(f"--decoder={_DECODER.value!r}: it must be one of {', '.join(DECODING_METHODS)}")
    import_tensorflow()
    # TensorFlow tells of every step of saving.
    logging.set_verbosity(logging.WARNING)
    from kerasmooth.exporting import saved_model as exporting
    from kerasmooth.training import runs

    folder = Path(_RUN.value) if _RUN.value else runs.latest_run(Path(_RUNS_DIR.value))
    print(f"Run: {folder}" + ("" if _RUN.value else f", the latest in {_RUNS_DIR.value} (--run names another one)"))  # noqa: T201
    exported = exporting.export_run(
        runs.load_run(folder),
        Path(_EXPORT_DIR.value),
        name=_NAME.value,
        version=_VERSION.value,
        decoder=_DECODER.value,
    )
    print(report(exported))  # noqa: T201


if __name__ == "__main__":
    run(main)
