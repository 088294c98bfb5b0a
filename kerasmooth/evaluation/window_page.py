"""A page that shows what records hold: a few windows, true skeletons over target heatmaps beside what a model gets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from kerasmooth import files
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise
from kerasmooth.skeletons import BOULDERING_25

MAX_FRAMES = 5
"""Frames drawn of a window; of a longer one they are spread evenly."""
SIDES = {"left": "#4cc9f0", "right": "#ffb703", "": "#ffffff"}
"""Colour of limbs and keypoints by their side."""
BACKGROUND, INK, FAINT, MARK = "#1b2127", "#f2f4f5", "#a3afbb", "#2ee6a8"

Window = Mapping[str, np.ndarray]
"""One window of `tfrecord.reader.parse_batch`, as NumPy arrays without the batch axis."""


def input_heatmaps(window: Window, codec: HeatmapCodec, noise: DetectorNoise) -> np.ndarray:
    """What a model gets of a window: the stored heatmaps, or simulated detections. float32 [T, H, W, K]."""
    if "heatmaps" in window:
        return window["heatmaps"]
    seen = noise.simulate(
        window["keypoints"][None],
        window["visibility"][None],
        np.array([window["clip_key"]], np.uint32),
        window["frame_numbers"][None],
        codec.size,
    )
    heatmaps: np.ndarray = codec.encode(seen["keypoints"], seen["visibility"], seen["sigma_index"])[0]
    return heatmaps


def draw_page(windows: Sequence[Window], labels: Sequence[str], title: str, codec: HeatmapCodec) -> Figure:
    """A figure with one row a window: at the left the truth, at the right the input.

    Args:
      windows: what to draw, one at least.
      labels: a text for each.
      title: of the page.
      codec: renders the heatmaps.
    """
    longest = max(len(window["keypoints"]) for window in windows)
    columns = min(longest, MAX_FRAMES)
    figure = Figure((3.0 * columns + 0.6, 1.7 * len(windows) + 0.8), 110, facecolor=BACKGROUND, layout="constrained")
    source = "the heatmaps in the records" if "heatmaps" in windows[0] else "simulated detections"
    figure.suptitle(
        f"{title}\nleft: true keypoints in their target heatmaps (blue: left side, orange: right side); "
        f"right: what a model gets, {source} (green: truth)",
        color=INK,
    )
    lines = figure.subfigures(len(windows), 1, squeeze=False)[:, 0]
    for line, window, label in zip(lines, windows, labels, strict=True):
        line.suptitle(label, x=0.01, ha="left", color=FAINT, fontsize=9)
        frames = np.unique(np.linspace(0, len(window["keypoints"]) - 1, columns).round().astype(int))
        truths, inputs = (half.subplots(1, columns, squeeze=False)[0] for half in line.subfigures(1, 2, wspace=0.02))
        targets = codec.encode(window["keypoints"], window["visibility"], 0)
        detected = input_heatmaps(window, codec, DetectorNoise())
        for axes in [*truths[len(frames) :], *inputs[len(frames) :]]:
            axes.remove()
        for frame, truth, seen in zip(frames, truths, inputs, strict=False):
            keypoints, visibility = window["keypoints"][frame], window["visibility"][frame]
            _show(truth, targets[frame], window["boxes"])
            _draw_skeleton(truth, keypoints, visibility)
            _show(seen, detected[frame], window["boxes"])
            seen.scatter(keypoints[visibility, 0], keypoints[visibility, 1], s=3, c=MARK, linewidths=0, zorder=3)
    return figure


def _show(axes: Axes, heatmaps: np.ndarray, boxes: np.ndarray) -> None:
    """The strongest of the heatmaps [H, W, K] in every cell, each scaled to its maximum.

    `boxes` [T, 4] of the window, x1 y1 x2 y2 in pixels: their proportions are those of the grid.
    """
    (height, width), extent = heatmaps.shape[:2], np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    peaks = heatmaps.max(axis=(0, 1))
    image = (heatmaps / np.where(peaks > 0, peaks, 1)).max(axis=-1)
    axes.imshow(image, cmap="magma", vmin=0, vmax=1, interpolation="nearest")
    axes.set_aspect(float(np.clip((extent[1] / height) / (extent[0] / width), 0.2, 5.0)))
    axes.set(xticks=[], yticks=[])


def _draw_skeleton(axes: Axes, keypoints: np.ndarray, visibility: np.ndarray) -> None:
    """Limbs between visible keypoints [K, 2], and the keypoints, coloured by side."""
    sides = [next(side for side in SIDES if name.startswith(side)) for name in BOULDERING_25.keypoints]
    limbs = [limb for limb in BOULDERING_25.limbs if visibility[list(limb)].all()]
    colours = [SIDES[sides[a] if sides[a] == sides[b] else ""] for a, b in limbs]
    axes.add_collection(LineCollection([keypoints[list(limb)] for limb in limbs], colors=colours, linewidths=1.3))
    colours = [SIDES[side] for side, shown in zip(sides, visibility, strict=True) if shown]
    axes.scatter(keypoints[visibility, 0], keypoints[visibility, 1], s=7, c=colours, linewidths=0, zorder=3)


def save_page(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG, beside its name first. The same figure gives the same bytes."""
    with files.replacing(path) as partial:
        figure.savefig(partial, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None})
