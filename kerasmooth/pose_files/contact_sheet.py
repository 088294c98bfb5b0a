"""A sheet of frames: the pose before and after over each other, with the paths of some keypoints."""

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kerasmooth.pose_files.shown_person import ShownPerson
from kerasmooth.pose_table import INTERPOLATED, PREDICTED, REPLACED

BEFORE, AFTER = "tab:orange", "tab:blue"
MARKS = {
    REPLACED: ("replaced", "tab:red", "x"),
    INTERPOLATED: ("filled", "tab:green", "."),
    PREDICTED: ("extended", "tab:purple", "+"),
}
"""Name, colour and marker of what was not measured."""
_COLUMNS, _LINES = 4, 2
_TRAIL_SECONDS = 0.5


def draw_frames(person: ShownPerson) -> Figure:
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
    add_legend(figure, trail, linewidth=4, alpha=0.45)
    return figure


def add_legend(figure: Figure, *further: Line2D, **of_before: Any) -> None:
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
    _set_limits(axes, np.concatenate([before, after]), person)
    axes.set_title(f"frame {person.numbers[frame]}, {person.seconds[frame]:.2f} s", fontsize=9)


def _draw_pose(
    axes: Any, pose: np.ndarray, limbs: tuple[tuple[int, int], ...], colour: str, width: float, alpha: float
) -> None:
    known = np.isfinite(pose).all(axis=-1)
    lines = [pose[list(limb)] for limb in limbs if known[list(limb)].all()]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, alpha=alpha, capstyle="round"))
    axes.plot(*pose[known].T, ".", color=colour, markersize=width + 3, alpha=alpha)


def _set_limits(axes: Any, points: np.ndarray, person: ShownPerson) -> None:
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
