"""What a detector's errors are like, and what a fitted profile makes of them, in one picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasmooth.noise.fit import LAGS, STEPS, NoiseFit
from kerasmooth.skeletons import BOULDERING_25


def draw_noise(fit: NoiseFit, title: str) -> Figure:
    """Deviation by keypoint, size of errors, how long they last, and how they grow as confidence falls."""
    figure = Figure(figsize=(11, 7), layout="constrained")
    figure.suptitle(f"{title}: {len(fit.lengths):,} detections, {_events(fit)}", fontsize=10)
    plots = figure.subplots(2, 2)
    _keypoints(plots[0, 0], fit)
    _sizes(plots[0, 1], fit)
    _memory(plots[1, 0], fit)
    _confidence(plots[1, 1], fit)
    for axes in plots.ravel():
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8)
    return figure


def _events(fit: NoiseFit) -> str:
    found = fit.profile
    return ", ".join(
        f"{100 * getattr(found, f'{kind}_probability'):.1f} % {words}"
        for kind, words in (("burst", "in bursts"), ("dropout", "not found"), ("exchange", "exchanged"))
    )


def _keypoints(axes: Axes, fit: NoiseFit) -> None:
    there = np.isfinite(fit.deviation)
    names = [name.replace("_", " ") for name, has in zip(BOULDERING_25.keypoints, there, strict=True) if has]
    axes.bar(range(len(names)), fit.deviation[there], color="tab:blue")
    axes.axhline(fit.profile.deviation, color="tab:red", label=f"all: {fit.profile.deviation:.2f} cells")
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
    axes.set(title="Deviation by keypoint, outside bursts", ylabel="cells, one axis")


def _sizes(axes: Axes, fit: NoiseFit) -> None:
    edges = np.geomspace(0.05, max(20.0, fit.lengths.max()), 60)
    counts, _ = np.histogram(fit.lengths, edges)
    axes.stairs(counts / len(fit.lengths), edges, color="tab:blue", fill=True, alpha=0.5, label="measured")
    share, ratio = fit.profile.burst_probability, 1 + fit.profile.burst_size**2
    within = 1 - (1 - share) * np.exp(-(edges**2) / 2) - share * np.exp(-(edges**2) / (2 * ratio))
    axes.stairs(np.diff(within), edges, color="tab:red", label="fitted")
    axes.set(xscale="log", yscale="log", ylim=(1e-5, 1), title="Length of errors", ylabel="share")
    axes.set_xlabel("deviations of the keypoint")


def _memory(axes: Axes, fit: NoiseFit) -> None:
    lags = np.arange(LAGS + 1)
    axes.plot(lags, fit.correlation, ".-", label="measured")
    axes.plot(lags, fit.profile.correlation**lags, color="tab:red", label=f"{fit.profile.correlation:.2f}^n")
    axes.set(title="Correlation of errors, outside bursts", xlabel="frames apart", ylim=(-0.1, 1.05))


def _confidence(axes: Axes, fit: NoiseFit) -> None:
    steps = np.arange(STEPS)
    if np.isfinite(fit.by_step).all():
        axes.plot(steps, fit.by_step, ".-", label="measured")
    growth = 1 + fit.profile.width_factor * (steps - (STEPS - 1) / 2)
    axes.plot(steps, growth, color="tab:red", label=f"fitted: {100 * fit.profile.width_factor:.0f} % a step")
    axes.set_xticks(steps, ["highest", "", "middle", "", "lowest"])
    axes.set(title="Deviation by confidence", xlabel="confidence, in fifths", ylabel="parts of the middle", ylim=(0, 2))
