"""Exports a trained model as a SavedModel, for TensorFlow Serving and for use in place: python -m kerasmooth.export.

Without flags: the latest run in runs/, into exports/<model>/<next version>/. A version is written beside, loaded again,
compared with the model and only then renamed; one that exists is never overwritten. --bundle_dir=DIR writes it there,
and beside it all that TensorFlow Serving is started with: DIR/README.md says how.
"""

from typing import TYPE_CHECKING

from absl import flags, logging

from kerasmooth import storage
from kerasmooth.command_line import run
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import DECODING_METHODS
from kerasmooth.quiet import import_tensorflow

if TYPE_CHECKING:
    from kerasmooth.exporting.saved_model import Exported

_RUN = flags.DEFINE_string("run", "", "run folder to export; default: the latest in runs_dir")
_RUNS_DIR = flags.DEFINE_string("runs_dir", "runs", "folder of run folders, where the latest run is looked for")
_EXPORT_DIR = flags.DEFINE_string("export_dir", "exports", "folder for exported models, one folder each")
_BUNDLE_DIR = flags.DEFINE_string(
    "bundle_dir", "", "instead of export_dir: folder for models and the files that TensorFlow Serving is started with"
)
_NAME = flags.DEFINE_string("name", "", "what the model is served as; default: its kind, such as conv3d")
_VERSION = flags.DEFINE_integer("version", None, "version to write, 1 or more; default: the next", lower_bound=1)
_DECODER = flags.DEFINE_string(
    "decoder",
    "dark",
    f"how the export reads keypoints from heatmaps, one of {', '.join(DECODING_METHODS)}; dark is sub-pixel, "
    "argmax is the published way and gives whole cells",
)


def report(exported: "Exported") -> str:
    """What was made, what it can be asked, and how to use it."""
    lines = [
        f"Wrote {exported.path}: {exported.num_weights:,} weights, {exported.num_bytes:,} bytes.",
        f"Reloaded and compared with the Keras model {exported.compared} times: largest relative difference "
        f"{exported.largest_difference:.1e}.",
        "Signatures (B people or recordings, T frames):",
    ]
    for name, sides in exported.signatures.items():
        lines.append(f"  {name}")
        for side, tensors in sides.items():
            texts = [f"{tensor}: {text}" for tensor, text in tensors.items()]
            lines.append(f"    {side:8}" + f"\n{'':12}".join(texts))
    lines.append(f"To smooth a pose file: python -m kerasmooth.smooth poses.json --output=OUT --model={exported.path}")
    if folder := _BUNDLE_DIR.value:
        lines.append(f"To serve it: docker compose -f {folder}/compose.yaml up -d --wait; see {folder}/README.md")
    return "\n".join(lines)


def main() -> None:
    """Exports as the flags say."""
    if _DECODER.value not in DECODING_METHODS:
        raise InputError(f"--decoder={_DECODER.value!r}: it must be one of {', '.join(DECODING_METHODS)}")
    import_tensorflow()
    # TensorFlow tells of every step of saving.
    logging.set_verbosity(logging.WARNING)
    from kerasmooth.exporting import bundle
    from kerasmooth.exporting import saved_model as exporting
    from kerasmooth.training import run_folder as runs

    if _BUNDLE_DIR.value:
        bundle.check_installed()
    folder = storage.path(_RUN.value, "run") if _RUN.value else runs.latest_run(storage.path(_RUNS_DIR.value))
    print(f"Run: {folder}" + ("" if _RUN.value else f", the latest in {_RUNS_DIR.value} (--run names another one)"))  # noqa: T201
    exported = exporting.export_run(
        runs.load_run(folder),
        storage.path(_BUNDLE_DIR.value or _EXPORT_DIR.value),
        name=_NAME.value,
        version=_VERSION.value,
        decoder=_DECODER.value,
        for_serving=bool(_BUNDLE_DIR.value),
    )
    print(report(exported))  # noqa: T201


def cli() -> None:
    """The command `kerasmooth-export`."""
    run(main, remote=("run", "runs_dir", "export_dir", "bundle_dir"))


if __name__ == "__main__":
    cli()
