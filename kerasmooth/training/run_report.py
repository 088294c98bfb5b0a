"""What training says: at its start, after each epoch, and at its end."""

from pathlib import Path

from kerasmooth.input_pipeline import RecordSets
from kerasmooth.training.experiment import PCK_THRESHOLDS, ExperimentConfig
from kerasmooth.training.history import Row, pck_column
from kerasmooth.training.learner import Learner
from kerasmooth.training.run_state import RunState


def announcement(learner: Learner, state: RunState, records: RecordSets, steps_per_epoch: int) -> str:
    """What is about to be trained, on what, and from where."""
    config, replicas = learner.config, learner.cluster.num_replicas
    text = (
        f"{config.model} ({learner.model.count_params():,} weights) on {', '.join(config.datasets)}: "
        f"{records.num_windows('train'):,} training windows, {steps_per_epoch:,} steps of {config.batch_size} "
        f"an epoch, {replicas} device{'s' * (replicas > 1)}"
    )
    if state.epoch > 1 or state.step:
        text += f"\nContinuing in epoch {state.epoch} after step {state.step}."
    return text


def epoch_line(row: Row, improved: bool) -> str:
    """One epoch in one line; a star marks the best so far."""
    scores = " / ".join(f"{100 * row[pck_column(threshold)]:.2f}" for threshold in PCK_THRESHOLDS)
    return (
        f"epoch {row['epoch']}: loss {row['train_loss']:.5g}, validation loss {row['validation_loss']:.5g}, "
        f"PCK {scores} %, {row['seconds']:.0f} s, {row['windows_per_second']:,.0f} windows/s{' *' * improved}"
    )


def summary(config: ExperimentConfig, state: RunState, num_windows: int, run_dir: Path) -> str:
    """The best epoch beside no smoothing, and what to do next."""
    best, names = state.best_row, [pck_column(threshold) for threshold in PCK_THRESHOLDS]
    lines = [f"Best epoch: {best['epoch']} of {len(state.rows)}, by {pck_column(config.best_by)}."]
    for title, values in (("no smoothing", state.identity), (config.model, best)):
        scores = ", ".join(f"{name} {100 * values[name]:.2f} %" for name in names)
        lines.append(f"  {title}: {scores}  (validation, {num_windows:,} windows)")
    lines.append(f"All of it is in {run_dir}. Next: python -m kerasmooth.evaluate --run={run_dir}")
    return "\n".join(lines)
