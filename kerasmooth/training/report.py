"""What training tells: its start, each epoch and its end in words, the history as CSV, the curves as a picture."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from kerasmooth import files, storage
from kerasmooth.metrics import THRESHOLDS, pck_name
from kerasmooth.training.config import TrainingConfig
from kerasmooth.training.data import Batches
from kerasmooth.training.state import Row, RunState

HISTORY_FILE = "history.csv"
CURVES_FILE = "curves.png"
SCORES = [f"val_{pck_name(threshold)}" for threshold in THRESHOLDS]
COLUMNS = ["epoch", "loss", "val_loss", *SCORES, "val_frames_judged", "learning_rate", "seconds", "windows_per_second"]
"""Of the history; named as Keras names the logs that callbacks get."""


def announcement(config: TrainingConfig, num_weights: int, batches: Batches, num_replicas: int) -> str:
    """What is about to be trained, and on what; and what a frozen body may not know."""
    line = (
        f"{config.model} ({num_weights:,} weights) on {', '.join(config.datasets)}: "
        f"{batches.records.num_windows('train'):,} training windows, {batches.steps_per_epoch:,} steps of "
        f"{config.batch_size} an epoch, {num_replicas} device{'s' * (num_replicas > 1)}"
    )
    if not config.freeze_but_last:
        return line
    known = TrainingConfig.load(storage.path(config.finetune_from)).annotated
    unseen = [name for name in config.annotated if name not in known]
    warning = f"{config.finetune_from} was trained without {', '.join(unseen)}: what is frozen may know nothing of them"
    return f"{line}\n{warning}" if unseen else line


def epoch_line(row: Row, improved: bool) -> str:
    """One epoch in one line; a star marks the best so far."""
    scores = " / ".join(f"{100 * row[name]:.2f}" for name in SCORES)
    return (
        f"epoch {row['epoch']}: loss {row['loss']:.5g}, validation loss {row['val_loss']:.5g}, "
        f"PCK {scores} %, {row['seconds']:.0f} s, {row['windows_per_second']:,.0f} windows/s{' *' * improved}"
    )


def summary(config: TrainingConfig, state: RunState, num_windows: int) -> str:
    """The best epoch beside no smoothing, and what to do next."""
    best = state.rows[state.best_epoch(config) - 1]
    lines = [f"Best epoch: {best['epoch']} of {len(state.rows)}, by {config.best_column}."]
    for title, values in (("no smoothing", state.identity), (config.model, best)):
        scores = ", ".join(f"{name.removeprefix('val_')} {100 * values[name]:.2f} %" for name in SCORES)
        lines.append(f"  {title}: {scores}  (validation, {num_windows:,} windows)")
    judged = 100 * best["val_frames_judged"]
    lines.append(f"  of the {judged:.1f} % of frames in which a torso is annotated")
    lines.append(f"All of it is in {config.run_dir}. Next: python -m kerasmooth.evaluate --run={config.run_dir}")
    return "\n".join(lines)


def write_history(run_dir: Path, rows: Sequence[Row]) -> None:
    """Writes all epochs as CSV; numbers keep every digit."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    files.write_text(run_dir / HISTORY_FILE, table.to_csv(index=False, lineterminator="\n", na_rep="nan"))


def draw_curves(run_dir: Path, state: RunState, best_epoch: int) -> None:
    """Writes loss, PCK beside no smoothing (dashed), and learning rate by epoch as PNG; the best epoch is marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout="constrained")
    figure.suptitle(run_dir.name)
    table, plots = pd.DataFrame(state.rows).set_index("epoch"), figure.subplots(1, 3)
    table[["loss", "val_loss"]].plot(ax=plots[0], ylabel="loss", marker=".")
    (100 * table[SCORES]).plot(ax=plots[1], ylabel="PCK [%]", marker=".")
    table["learning_rate"].plot(ax=plots[2], ylabel="learning rate", drawstyle="steps-mid", logy=True)
    for name, line in zip(SCORES, list(plots[1].lines), strict=True):
        plots[1].axhline(100 * state.identity[name], color=line.get_color(), linestyle="--", linewidth=1)
    plots[1].plot([], [], color="grey", linestyle="--", linewidth=1, label="no smoothing")
    for axes in plots:
        axes.axvline(best_epoch, color="grey", linewidth=0.8, label=f"best epoch ({best_epoch})")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    files.save_figure(figure, run_dir / CURVES_FILE, dpi=100)
