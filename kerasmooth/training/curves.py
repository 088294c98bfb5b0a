"""The picture of a training run: loss, PCK beside no smoothing, and learning rate by epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasmooth import files
from kerasmooth.training.experiment import PCK_THRESHOLDS
from kerasmooth.training.history import Row, pck_column

CURVES_FILE = "curves.png"


def draw(path: Path, rows: Sequence[Row], identity: Mapping[str, float], best_epoch: int, title: str) -> None:
    """Writes the curves as PNG.

    Args:
      path: the .png file.
      rows: one for each epoch (see `history`).
      identity: PCK of no smoothing on the same validation windows, by the names of the PCK columns; drawn dashed.
      best_epoch: marked by a vertical line.
      title: what the picture is of.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4))
    losses, scores, rates = figure.subplots(
        1, 3, gridspec_kw={"left": 0.06, "right": 0.98, "top": 0.88, "bottom": 0.14}
    )
    figure.suptitle(title)
    epochs = [row["epoch"] for row in rows]
    for name in ("train_loss", "validation_loss"):
        losses.plot(epochs, [row[name] for row in rows], marker=".", label=name.replace("_", " "))
    for index, threshold in enumerate(PCK_THRESHOLDS):
        name, colour = pck_column(threshold), f"C{index}"
        scores.plot(epochs, [100 * row[name] for row in rows], marker=".", color=colour, label=name)
        scores.axhline(100 * identity[name], color=colour, linestyle="--", linewidth=1)
    scores.plot([], [], color="grey", linestyle="--", linewidth=1, label="no smoothing")
    rates.step(epochs, [row["learning_rate"] for row in rows], where="mid", label="learning rate")
    _label(losses, "loss", best_epoch)
    _label(scores, "validation PCK [%]", best_epoch)
    _label(rates, "learning rate", best_epoch, log=True)
    with files.replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=100, metadata={"Software": None})


def _label(axes: Any, name: str, best_epoch: int, log: bool = False) -> None:
    axes.axvline(best_epoch, color="grey", linewidth=0.8, label=f"best epoch ({best_epoch})")
    axes.set(xlabel="epoch", ylabel=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if log:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
