"""Judges trained models beside no smoothing: python -m kerasmooth.evaluate.

Without flags: the latest run in runs/, on the test split of the records it was trained from, and on the video that
these hold out where they do. Writes scores.json and pictures into <run>/evaluation and prints tables.
Simulated detections are those of epoch 0 always: the same command gives the same bytes.
"""

from pathlib import Path

from absl import flags

from kerasmooth.command_line import run
from kerasmooth.errors import InputError
from kerasmooth.heatmap_codec import DECODING_METHODS
from kerasmooth.quiet import import_tensorflow

_RUN = flags.DEFINE_multi_string(
    "run", [], "run folder to judge; give it again, or several with commas, to compare runs; default: the latest"
)
_RUNS_DIR = flags.DEFINE_string("runs_dir", "runs", "folder of run folders, where the latest run is looked for")
_RECORDS_DIR = flags.DEFINE_string("records_dir", "", "folder of records; default: those the run was trained from")
_DATASETS = flags.DEFINE_list("datasets", [], "datasets in it; default: those the run was trained on")
_SPLIT = flags.DEFINE_string(
    "split", "", "which windows: test, validation, train or extra; default: test, and extra wherever there is one"
)
_DECODER = flags.DEFINE_list(
    "decoder",
    ["argmax", "dark"],
    "how keypoints are read from the heatmaps that models give, a row for each: argmax is the published way and hits "
    f"whole cells only, dark is sub-pixel; of {', '.join(DECODING_METHODS)}, or all",
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "windows at a time", lower_bound=1)
_MAX_WINDOWS = flags.DEFINE_integer(
    "max_windows", 0, "judge this many evenly spaced windows instead of all; 0: all", lower_bound=0
)
_CLASSICAL = flags.DEFINE_bool(
    "classical", False, "add classical filters, on whole tracks and tuned on the validation split: a minute or more"
)
_OUTPUT = flags.DEFINE_string(
    "output",
    "",
    "folder for scores.json and pictures; default: <run>/evaluation, of several runs <runs_dir>/comparison",
)


def _decoders() -> list[str]:
    names = [name.strip() for name in _DECODER.value]
    if names == ["all"]:
        return list(DECODING_METHODS)
    if not names or len(set(names)) < len(names) or not set(names) <= set(DECODING_METHODS):
        choices = ", ".join(DECODING_METHODS)
        raise InputError(f"--decoder={','.join(names)}: name some of {choices}, each once, or all")
    return names


def _folders() -> list[Path]:
    """The run folders that --run names; empty where the latest is meant."""
    names = [name.strip() for text in _RUN.value for name in text.split(",")]
    folders = [Path(name) for name in names]
    if "" in names or len({folder.resolve() for folder in folders}) < len(folders):
        raise InputError(f"--run={','.join(names)!r}: name each run folder once, separated by commas")
    return folders


def _output(folders: list[Path]) -> Path:
    default = folders[0] / "evaluation" if len(folders) == 1 else Path(_RUNS_DIR.value) / "comparison"
    output = Path(_OUTPUT.value or default)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output={output}: cannot make this folder ({error.strerror}); name another one") from None
    return output


def main() -> None:
    """Judges as the flags say."""
    decoders, folders = _decoders(), _folders()
    import_tensorflow()
    import tensorflow as tf
    from rich.console import Console

    from kerasmooth.evaluation import tables
    from kerasmooth.evaluation.evaluator import evaluate
    from kerasmooth.training import run_folder as runs

    console = Console(highlight=False, soft_wrap=True)
    if not folders:
        folders = [runs.latest_run(Path(_RUNS_DIR.value))]
        console.print(f"Run: {folders[0]}, the latest in {_RUNS_DIR.value} (--run names another one)", markup=False)
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
    loaded = [runs.load_run(folder) for folder in folders]
    output = _output(folders)
    evaluations = evaluate(
        loaded,
        _SPLIT.value,
        records_dir=_RECORDS_DIR.value,
        datasets=tuple(name.strip() for name in _DATASETS.value),
        decoders=decoders,
        batch_size=_BATCH_SIZE.value,
        max_windows=_MAX_WINDOWS.value,
        classical=_CLASSICAL.value,
        console=console,
    )
    for evaluation in evaluations:
        tables.print_tables(evaluation, console)
    for path in tables.write_report(evaluations, output):
        console.print(f"wrote {path}", markup=False)


def cli() -> None:
    """The command `kerasmooth-evaluate`."""
    run(main)


if __name__ == "__main__":
    cli()
