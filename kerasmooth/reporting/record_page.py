"""A page that shows what records hold: a few windows, true skeletons over target heatmaps beside what a model gets."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasmooth.evaluation.plots import draw_skeleton
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.model_inputs import prepare
from kerasmooth.noise import DetectorNoise
from kerasmooth.skeletons import BOULDERING_25

MAX_FRAMES = 5
"""Frames drawn of a window; of a longer one they are spread evenly."""
SIDES = {"left": "#4cc9f0", "right": "#ffb703", "": "#ffffff"}
"""Colour of limbs and keypoints by their side."""
BACKGROUND, INK, FAINT, MARK = "#1b2127", "#f2f4f5", "#a3afbb", "#2ee6a8"

Window = Mapping[str, np.ndarray]
"""One window of `tfrecord.reader.parse_batch`, as NumPy arrays without the batch axis."""


def draw_page(windows: Sequence[Window], labels: Sequence[str], title: str, codec: HeatmapCodec) -> Figure:
    """A figure with one row a window: at the left the truth, at the right the input.

    Args:
      windows: what to draw, one at least, all of as many frames.
      labels: a text for each.
      title: of the page.
      codec: renders the heatmaps.
    """
    batch = {name: np.stack([window[name] for window in windows]) for name in windows[0] if name != "clip_id"}
    shown, wanted = (part["heatmaps"] for part in prepare(batch, codec, DetectorNoise(), "heatmaps"))
    inputs, targets = (keras.ops.convert_to_numpy(heatmaps) for heatmaps in (shown, wanted))
    length = inputs.shape[1]
    frames = np.unique(np.linspace(0, length - 1, min(length, MAX_FRAMES)).round().astype(int))
    figsize = (3.0 * len(frames) + 0.6, 1.7 * len(windows) + 0.8)
    figure = Figure(figsize, 110, facecolor=BACKGROUND, layout="constrained")
    source = "the heatmaps in the records" if "heatmaps" in windows[0] else "simulated detections"
    figure.suptitle(
        f"{title}\nleft: true keypoints in their target heatmaps (blue: left side, orange: right side); "
        f"right: what a model gets, {source} (green: truth)",
        color=INK,
    )
    sides = [next(side for side in SIDES if name.startswith(side)) for name in BOULDERING_25.keypoints]
    colours = [SIDES[side] for side in sides]
    lines = figure.subfigures(len(windows), 1, squeeze=False)[:, 0]
    for number, (line, window) in enumerate(zip(lines, windows, strict=True)):
        line.suptitle(labels[number], x=0.01, ha="left", color=FAINT, fontsize=9)
        halves = line.subfigures(1, 2, wspace=0.02)
        axes_of = [half.subplots(1, len(frames), squeeze=False)[0] for half in halves]
        for frame, truth, seen in zip(frames, *axes_of, strict=True):
            keypoints, visibility = window["keypoints"][frame], window["visibility"][frame]
            _show(truth, targets[number, frame], window["boxes"])
            draw_skeleton(truth, keypoints, visibility, colours, 1.3)
            _show(seen, inputs[number, frame], window["boxes"])
            seen.scatter(*keypoints[visibility].T, s=3, c=MARK, linewidths=0, zorder=3)
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
