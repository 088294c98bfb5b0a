"""Pictures of a smoothing: trajectories with their gaps, spectra of speed and jitter, and a sheet of frames."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kerasmooth.formats.bounded_files import replacing
from kerasmooth.pose_files.tables import SmoothedTable, frame_step
from kerasmooth.pose_table import INTERPOLATED, PREDICTED, PROVENANCE, REPLACED, PoseTable
from kerasmooth.smoothing.spectra import mean_spectrum

MAX_FRAMES = 600
"""Longest stretch in a trajectory picture: more would not be seen."""
NUM_KEYPOINTS = 5
_WANTED = ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "nose")
_BEFORE, _AFTER = "tab:orange", "tab:blue"
_MARKS = {REPLACED: ("tab:red", "x"), INTERPOLATED: ("tab:green", "."), PREDICTED: ("tab:purple", "+")}


def draw_all(before: PoseTable, after: SmoothedTable, folder: Path) -> list[Path]:
    """Writes every picture into a folder and returns their paths. The same tables give the same bytes.

    The person with the most frames is shown.
    """
    person = _Person(before, after)
    pictures = {
        "trajectories.png": _trajectories(person),
        "spectra.png": _spectra(person),
        "frames.png": _frames(person),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in pictures.items():
        with replacing(folder / name) as partial:
            figure.savefig(partial, format="png", dpi=100, metadata={"Software": None})
    return [folder / name for name in pictures]


class _Person:
    """One person before and after, frame by frame; what is absent is NaN and MISSING.

    Attributes:
      numbers: [T], frame numbers; `seconds` [T] from the first frame of the file.
      before, after: [T, K, 2]; provenance, deviation: [T, K].
    """

    def __init__(self, before: PoseTable, after: SmoothedTable) -> None:
        table = after.table
        self.skeleton, self.unit, self.y_up = table.skeleton, table.unit, table.y_up
        step = frame_step(before.frame_numbers)
        self.fps = float(table.fps or 1.0) / step
        people, counts = np.unique(after.people[: len(before.frames)], return_counts=True)
        self.name = int(people[counts.argmax()]) if len(people) else -1
        rows = np.flatnonzero(after.people == self.name)
        rows = rows[np.argsort(table.frames[rows], kind="stable")]
        rows = rows[_busiest(table.frames[rows] // step)]
        first = int(table.frames[rows[0]]) if len(rows) else 0
        slots = (table.frames[rows] - first) // step
        total = int(slots[-1]) + 1 if len(rows) else 1
        shape = (total, table.skeleton.num_keypoints)
        self.numbers = first + np.arange(total) * step
        self.seconds = (self.numbers - (before.frame_numbers[0] if len(before.frame_numbers) else 0)) / step / self.fps
        self.before, self.after = np.full((*shape, 2), np.nan), np.full((*shape, 2), np.nan)
        self.provenance, self.deviation = np.full(shape, len(PROVENANCE) - 1), np.full(shape, np.nan)
        self.after[slots], self.provenance[slots] = table.keypoints[rows], table.provenance[rows]
        self.deviation[slots] = table.deviation[rows]
        old = rows < len(before.frames)
        self.before[slots[old]] = before.keypoints[rows[old]]

    @property
    def title(self) -> str:
        who = "" if self.name < 0 else f" of person {self.name}"
        return f"{len(self.numbers)} frames at {self.fps:g} fps{who}"

    def chosen(self) -> list[int]:
        """Keypoints to show: hands, feet and head where there are any, otherwise those that move most."""
        known = np.isfinite(self.before).all(axis=-1).sum(axis=0)
        wanted = [self.skeleton.keypoints.index(name) for name in _WANTED if name in self.skeleton.keypoints]
        order = sorted(range(len(known)), key=lambda i: (known[i] == 0, i not in wanted, -known[i]))
        return sorted(order[:NUM_KEYPOINTS])


def _busiest(slots: np.ndarray) -> np.ndarray:
    """Indices of the MAX_FRAMES long stretch of increasing slots with the most entries."""
    if not len(slots):
        return np.empty(0, np.int64)
    ends = np.searchsorted(slots, slots + MAX_FRAMES)
    start = int(np.argmax(ends - np.arange(len(slots))))
    return np.arange(start, ends[start])


def _trajectories(person: _Person) -> Figure:
    chosen = person.chosen()
    figure = Figure(figsize=(16, 2.1 * len(chosen) + 1.2), layout="constrained")
    figure.suptitle(f"Trajectories before and after: {person.title}")
    grid = figure.subplots(len(chosen), 2, sharex=True, squeeze=False)
    for line, keypoint in zip(grid, chosen, strict=True):
        for axis, axes in enumerate(line):
            _draw_trajectory(axes, person, keypoint, axis)
            axes.set_ylabel(f"{'xy'[axis]} [{person.unit}]")
        line[0].set_title(person.skeleton.keypoints[keypoint].replace("_", " "), loc="left", fontsize=10)
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    handles = [
        Line2D([], [], color=_BEFORE, linewidth=1, marker=".", markersize=3, label="before"),
        Line2D([], [], color=_AFTER, linewidth=1.6, label="after"),
    ]
    handles += [
        Line2D([], [], color=colour, marker=mark, linestyle="", label=f"after: {PROVENANCE[kind]}")
        for kind, (colour, mark) in _MARKS.items()
    ]
    handles.append(Line2D([], [], color="0.85", linewidth=8, label="nothing there"))
    if np.isfinite(person.deviation).any():
        handles.append(Line2D([], [], color=_AFTER, alpha=0.2, linewidth=8, label="± 2 standard deviations"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _draw_trajectory(axes: Any, person: _Person, keypoint: int, axis: int) -> None:
    seconds, value = person.seconds, person.after[:, keypoint, axis]
    deviation = person.deviation[:, keypoint]
    half = (seconds[1] - seconds[0]) / 2 if len(seconds) > 1 else 0.5
    open_gap = ~np.isfinite(value)
    for first, end in _runs(open_gap):
        axes.axvspan(seconds[first] - half, seconds[end - 1] + half, color="0.88", linewidth=0)
    axes.fill_between(seconds, value - 2 * deviation, value + 2 * deviation, color=_AFTER, alpha=0.2, linewidth=0)
    axes.plot(seconds, person.before[:, keypoint, axis], ".-", color=_BEFORE, linewidth=0.8, markersize=2.5)
    axes.plot(seconds, value, color=_AFTER, linewidth=1.5)
    for kind, (colour, mark) in _MARKS.items():
        shown = (person.provenance[:, keypoint] == kind) & np.isfinite(value)
        axes.plot(seconds[shown], value[shown], mark, color=colour, markersize=5, zorder=3)
    if axis == 1 and not person.y_up:
        axes.invert_yaxis()
    axes.grid(alpha=0.3)


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _spectra(person: _Person) -> Figure:
    figure = Figure(figsize=(13, 5), layout="constrained")
    figure.suptitle(f"Spectra, mean of all keypoints: {person.title}")
    titles = ("speed: motion is on the left", "acceleration: jitter is on the right")
    units = (f"{person.unit}/s", f"{person.unit}/s²")
    for order, axes in enumerate(figure.subplots(1, 2), start=1):
        for label, values, colour in (("before", person.before, _BEFORE), ("after", person.after, _AFTER)):
            # Both over the same stretches, those that were measured: filled gaps would be compared with nothing.
            measured = np.where(np.isfinite(person.before), values, np.nan)
            frequencies, amplitude = mean_spectrum(measured, person.fps, order)
            axes.semilogy(frequencies[1:], amplitude[1:], color=colour, label=label, linewidth=1.6)
        axes.set(title=titles[order - 1], xlabel="Hz", ylabel=f"amplitude density [({units[order - 1]})/√Hz]")
        axes.grid(alpha=0.3, which="both")
        if axes.lines and len(axes.lines[0].get_xdata()):
            axes.legend()
        else:
            axes.text(0.5, 0.5, "no stretch is long enough", transform=axes.transAxes, ha="center")
    return figure


def _frames(person: _Person) -> Figure:
    """Evenly spaced frames, each before and after over each other, with the path of the last half second."""
    columns, lines = 4, 2
    seen = np.flatnonzero(np.isfinite(person.after).all(axis=-1).any(axis=-1))
    picked = seen[np.unique(np.linspace(0, len(seen) - 1, columns * lines).round().astype(int))] if len(seen) else seen
    figure = Figure(figsize=(4 * columns, 4.4 * lines + 1), layout="constrained")
    figure.suptitle(f"Frames before and after: {person.title}")
    trail = max(1, round(person.fps / 2))
    for place, axes in enumerate(figure.subplots(lines, columns).flat):
        if place >= len(picked):
            axes.axis("off")
            continue
        frame = int(picked[place])
        for values, colour, width in ((person.before, _BEFORE, 1.0), (person.after, _AFTER, 1.8)):
            for keypoint in person.chosen():
                path = values[max(0, frame - trail) : frame + 1, keypoint]
                axes.plot(*path.T, color=colour, linewidth=0.7, alpha=0.7)
            _draw_pose(axes, values[frame], person.skeleton.limbs, colour, width)
        _frame_axes(axes, np.concatenate([person.before[frame], person.after[frame]]), person.y_up)
        axes.set_title(f"frame {person.numbers[frame]}, {person.seconds[frame]:.2f} s", fontsize=9)
    handles = [Line2D([], [], color=_BEFORE, linewidth=1), Line2D([], [], color=_AFTER, linewidth=2)]
    labels = ["before", "after (thin lines: the last half second)"]
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw_pose(axes: Any, pose: np.ndarray, limbs: tuple[tuple[int, int], ...], colour: str, width: float) -> None:
    known = np.isfinite(pose).all(axis=-1)
    lines = [pose[list(limb)] for limb in limbs if known[list(limb)].all()]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, capstyle="round"))
    axes.plot(*pose[known].T, ".", color=colour, markersize=width + 3)


def _frame_axes(axes: Any, points: np.ndarray, y_up: bool) -> None:
    points = points[np.isfinite(points).all(axis=-1)]
    low, high = points.min(axis=0), points.max(axis=0)
    centre, half = (low + high) / 2, 0.6 * max(float((high - low).max()), 1e-9)
    bottom, top = (-half, half) if y_up else (half, -half)
    axes.set(xlim=centre[0] + [-half, half], ylim=centre[1] + [bottom, top], aspect="equal")
    for which in (axes.xaxis, axes.yaxis):
        which.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelsize=7)
