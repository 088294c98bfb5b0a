"""Pictures of a smoothing: trajectories with their gaps, spectra of speed and jitter, and a sheet of frames."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kerasmooth import files
from kerasmooth.pose_files.shown_person import ShownPerson
from kerasmooth.pose_files.table_smoothing import SmoothedTable
from kerasmooth.pose_table import INTERPOLATED, PREDICTED, REPLACED, PoseTable
from kerasmooth.smoothing.spectra import mean_spectrum
from kerasmooth.windows import segments

BEFORE, AFTER = "tab:orange", "tab:blue"
MARKS = {
    REPLACED: ("replaced", "tab:red", "x"),
    INTERPOLATED: ("filled", "tab:green", "."),
    PREDICTED: ("extended", "tab:purple", "+"),
}
"""Name, colour and marker of what was not measured."""
_COLUMNS, _LINES = 4, 2
_TRAIL_SECONDS = 0.5


def draw_all(before: PoseTable, after: SmoothedTable, folder: Path) -> list[Path]:
    """Writes every picture into a folder and returns their paths. The same tables give the same bytes.

    The person with the most frames is shown.
    """
    person = ShownPerson(before, after)
    pictures = {
        "trajectories.png": _trajectories(person),
        "spectra.png": _spectra(person),
        "frames.png": _frames(person),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in pictures.items():
        files.save_figure(figure, folder / name, dpi=100)
    return [folder / name for name in pictures]


def _trajectories(person: ShownPerson) -> Figure:
    chosen = person.chosen() if person.of else []
    figure = Figure(figsize=(16, 2.1 * len(chosen) + 1.2), layout="constrained")
    figure.suptitle(f"Trajectories before and after: {person.title}")
    if not chosen:
        return figure
    grid = figure.subplots(len(chosen), 2, sharex=True, squeeze=False)
    for line, keypoint in zip(grid, chosen, strict=True):
        for axis, axes in enumerate(line):
            _draw_trajectory(axes, person, keypoint, axis)
            axes.set_ylabel(f"{'xy'[axis]} [{person.unit}]")
        line[0].set_title(person.skeleton.keypoints[keypoint].replace("_", " "), loc="left", fontsize=10)
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    further = [Line2D([], [], color="0.85", linewidth=8, label="nothing there")]
    if np.isfinite(person.deviation).any():
        further.append(Line2D([], [], color=AFTER, alpha=0.2, linewidth=8, label="± 2 standard deviations"))
    _add_legend(figure, *further, linewidth=1, marker=".", markersize=3)
    return figure


def _draw_trajectory(axes: Any, person: ShownPerson, keypoint: int, axis: int) -> None:
    seconds, value = person.seconds, person.after[:, keypoint, axis]
    deviation = person.deviation[:, keypoint]
    half = (seconds[1] - seconds[0]) / 2 if len(seconds) > 1 else 0.5
    for first, end in segments(~np.isfinite(value)).tolist():
        axes.axvspan(seconds[first] - half, seconds[end - 1] + half, color="0.88", linewidth=0)
    axes.fill_between(seconds, value - 2 * deviation, value + 2 * deviation, color=AFTER, alpha=0.2, linewidth=0)
    old = person.before[:, keypoint, axis]
    axes.plot(seconds, old, ".-", color=BEFORE, linewidth=0.8, markersize=2.5)
    axes.plot(seconds, value, color=AFTER, linewidth=1.5)
    # A line would not show a frame that has none before and behind it.
    alone = [first for first, end in segments(np.isfinite(value)).tolist() if end - first == 1]
    axes.plot(seconds[alone], value[alone], "_", color=AFTER, markersize=7)
    for kind, (_, colour, mark) in MARKS.items():
        shown = (person.provenance[:, keypoint] == kind) & np.isfinite(value)
        axes.plot(seconds[shown], value[shown], mark, color=colour, markersize=5, zorder=3)
    # The positions fill the picture: a wide uncertainty is cut off rather than that they become a flat line.
    low, high = _limits(np.concatenate([old, value]))
    axes.set_ylim((high, low) if axis == 1 and not person.y_up else (low, high))
    axes.grid(alpha=0.3)


def _limits(values: np.ndarray) -> tuple[float, float]:
    """The range of the values with a margin; a range around 0 where there are none."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (-1.0, 1.0)
    margin = max(0.08 * (high - low), 1e-6 * abs(low), 1e-9)
    return low - margin, high + margin


def _spectra(person: ShownPerson) -> Figure:
    figure = Figure(figsize=(13, 5), layout="constrained")
    figure.suptitle(f"Spectra, mean of all keypoints: {person.title}")
    titles = ("speed: motion is on the left", "acceleration: jitter is on the right")
    units = (f"{person.unit}/s", f"{person.unit}/s²")
    for order, axes in enumerate(figure.subplots(1, 2), start=1):
        for label, values, colour in (("before", person.before, BEFORE), ("after", person.after, AFTER)):
            # Both over the same frames, those that were measured: filled gaps would be compared with nothing.
            measured = np.where(np.isfinite(person.before), values, np.nan)
            frequencies, amplitude = mean_spectrum(measured, person.fps, order)
            moving = amplitude > 0  # What stands still has no place on a logarithmic scale.
            moving[:1] = False
            if moving.any():
                axes.semilogy(frequencies[moving], amplitude[moving], color=colour, label=label, linewidth=1.6)
        axes.set(title=titles[order - 1], xlabel="Hz", ylabel=f"amplitude density [({units[order - 1]})/√Hz]")
        axes.grid(alpha=0.3, which="both")
        if axes.lines:
            axes.legend()
        else:
            axes.text(
                0.5, 0.5, "nobody is seen for long enough, or nobody moves", transform=axes.transAxes, ha="center"
            )
    return figure


def _frames(person: ShownPerson) -> Figure:
    """Evenly spaced frames, each before (broad, below) and after (thin, above), with the paths that led there."""
    seen = np.flatnonzero(np.isfinite(person.after).all(axis=-1).any(axis=-1))
    picked = seen
    if len(seen) > _COLUMNS * _LINES:
        picked = seen[np.linspace(0, len(seen) - 1, _COLUMNS * _LINES).round().astype(int)]
    lines = max(1, -(-len(picked) // _COLUMNS))
    columns = min(_COLUMNS, max(1, len(picked)))
    figure = Figure(figsize=(max(10, 4 * columns), 4.4 * lines + 1), layout="constrained")
    figure.suptitle(f"Frames before and after: {person.title}")
    if not len(picked):
        return figure
    for place, axes in enumerate(figure.subplots(lines, columns, squeeze=False).flat):
        if place < len(picked):
            _draw_frame(axes, person, int(picked[place]))
        else:
            axes.axis("off")
    trail = Line2D([], [], color="0.4", linewidth=0.7, label=f"thin: the last {_TRAIL_SECONDS:g} seconds")
    _add_legend(figure, trail, linewidth=4, alpha=0.45)
    return figure


def _add_legend(figure: Figure, *further: Line2D, **of_before: Any) -> None:
    """What the lines and marks are, and further ones; the line before looks as `of_before` says."""
    handles = [
        Line2D([], [], color=BEFORE, label="before", **of_before),
        Line2D([], [], color=AFTER, linewidth=1.6, label="after"),
    ]
    for name, colour, mark in MARKS.values():
        handles.append(Line2D([], [], color=colour, marker=mark, linestyle="", label=f"after: {name}"))
    figure.legend(handles=[*handles, *further], loc="outside lower center", ncols=len(handles) + len(further))


def _draw_frame(axes: Any, person: ShownPerson, frame: int) -> None:
    trail = slice(max(0, frame - max(1, round(_TRAIL_SECONDS * person.fps))), frame + 1)
    before, after = person.before[frame], person.after[frame]
    for keypoint in person.chosen():
        axes.plot(*person.before[trail, keypoint].T, color=BEFORE, linewidth=0.7, alpha=0.8)
        axes.plot(*person.after[trail, keypoint].T, color=AFTER, linewidth=0.7, alpha=0.8)
    _draw_pose(axes, before, person.skeleton.limbs, BEFORE, 4.0, 0.45)
    _draw_pose(axes, after, person.skeleton.limbs, AFTER, 1.4, 1.0)
    if not person.skeleton.limbs:  # Which dot belongs to which is all that can be shown.
        axes.add_collection(LineCollection(list(np.stack([before, after], axis=1)), colors="0.6", linewidths=0.8))
    for kind, (_, colour, mark) in MARKS.items():
        shown = (person.provenance[frame] == kind) & np.isfinite(after).all(axis=-1)
        axes.plot(*after[shown].T, mark, color=colour, markersize=6, zorder=4)
    _set_square_limits(axes, np.concatenate([before, after]), person)
    axes.set_title(f"frame {person.numbers[frame]}, {person.seconds[frame]:.2f} s", fontsize=9)


def _draw_pose(
    axes: Any, pose: np.ndarray, limbs: tuple[tuple[int, int], ...], colour: str, width: float, alpha: float
) -> None:
    known = np.isfinite(pose).all(axis=-1)
    lines = [pose[list(limb)] for limb in limbs if known[list(limb)].all()]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, alpha=alpha, capstyle="round"))
    axes.plot(*pose[known].T, ".", color=colour, markersize=width + 3, alpha=alpha)


def _set_square_limits(axes: Any, points: np.ndarray, person: ShownPerson) -> None:
    """A square in the image around the points [N, 2]."""
    points = points[np.isfinite(points).all(axis=-1)]
    low, high = points.min(axis=0), points.max(axis=0)
    shape = np.array([1.0, person.aspect])
    half = 0.6 * max(float(((high - low) * shape).max()), 1e-6 * float(np.abs(high).max()), 1e-9) / shape
    (left, bottom), (right, top) = (low + high) / 2 - half, (low + high) / 2 + half
    axes.set(xlim=(left, right), ylim=(bottom, top) if person.y_up else (top, bottom), aspect=person.aspect)
    for which in (axes.xaxis, axes.yaxis):
        which.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelsize=7)
