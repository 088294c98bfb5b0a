"""A page that shows what records hold: a few windows, true skeletons over target heatmaps beside what a model gets."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kerasmooth import files
from kerasmooth.boxes import Size
from kerasmooth.heatmap_codec import HeatmapCodec
from kerasmooth.noise import DetectorNoise
from kerasmooth.skeletons import BOULDERING_25

MAX_FRAMES = 5
"""Frames drawn of a window; of a longer one they are spread evenly."""
SIDES = {"left_": "#4cc9f0", "right_": "#ffb703", "": "#ffffff"}
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
    shown = [_spread(len(window["keypoints"])) for window in windows]
    columns = max(len(frames) for frames in shown)
    width, row_height, header = 3.0 * columns + 0.6, 1.85, 0.95
    figure = Figure(figsize=(width, row_height * len(windows) + header), facecolor=BACKGROUND, dpi=110)
    FigureCanvasAgg(figure)
    height = figure.get_figheight()
    _header(figure, title, _source("heatmaps" in windows[0]))
    panel = (width - 0.9) / (2 * columns)
    for row, (window, label, frames) in enumerate(zip(windows, labels, shown, strict=True)):
        top = height - header - row * row_height
        figure.text(0.3 / width, (top - 0.06) / height, label, color=FAINT, fontsize=9, va="top")
        targets = codec.encode(window["keypoints"], window["visibility"], 0)
        inputs = input_heatmaps(window, codec, DetectorNoise())
        for column, frame in enumerate(frames):
            place = (0.3 + panel * column, top - row_height + 0.05, panel - 0.06, row_height - 0.33)
            truth = _panel(figure, place, targets[frame], window["boxes"])
            _skeleton(truth, window["keypoints"][frame], window["visibility"][frame])
            seen = _panel(figure, (place[0] + columns * panel + 0.36, *place[1:]), inputs[frame], window["boxes"])
            points = window["keypoints"][frame][window["visibility"][frame]]
            seen.scatter(points[:, 0], points[:, 1], s=3, c=MARK, linewidths=0, zorder=3)
    return figure


def _header(figure: Figure, title: str, source: str) -> None:
    width, height = figure.get_size_inches()
    figure.text(0.3 / width, 1 - 0.18 / height, title, color=INK, fontsize=15, weight="bold", va="top")
    heads = ("true keypoints in their target heatmaps", f"what a model gets: {source}")
    for x, head in zip((0.3 / width, 0.5 + 0.18 / width), heads, strict=True):
        figure.text(x, 1 - 0.6 / height, head, color=INK, fontsize=11, va="top")
    for x, text, colour in (
        (0.5 - 1.25 / width, "left side", SIDES["left_"]),
        (0.5 - 0.2 / width, "right side", SIDES["right_"]),
        (1 - 0.3 / width, "truth", MARK),
    ):
        figure.text(x, 1 - 0.6 / height, f"\N{BLACK CIRCLE} {text}", color=colour, fontsize=10, ha="right", va="top")


def _source(has_input: bool) -> str:
    return "the heatmaps in the records" if has_input else "simulated detections"


def _spread(num_frames: int) -> np.ndarray:
    return np.unique(np.linspace(0, num_frames - 1, min(num_frames, MAX_FRAMES)).round().astype(int))


def _panel(figure: Figure, place: tuple[float, ...], heatmaps: np.ndarray, boxes: np.ndarray) -> Axes:
    """The strongest of the heatmaps [H, W, K] in every cell, each scaled to its maximum.

    Args:
      figure: where to.
      place: (left, bottom, width, height) in inches.
      heatmaps: [H, W, K] of one frame.
      boxes: [T, 4] of the window, x1 y1 x2 y2 in pixels: their proportions are those of the cells.
    """
    height, width = heatmaps.shape[:2]
    size = figure.get_size_inches()
    axes = figure.add_axes((place[0] / size[0], place[1] / size[1], place[2] / size[0], place[3] / size[1]))
    axes.set_facecolor("black")
    peaks = heatmaps.max(axis=(0, 1))
    image = (heatmaps / np.where(peaks > 0, peaks, 1)).max(axis=-1)
    extent = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    proportion = np.clip((extent[1] / height) / (extent[0] / width), 0.2, 5.0)
    axes.imshow(image, cmap="magma", vmin=0, vmax=1, interpolation="nearest")
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor=FAINT, linewidth=0.4, alpha=0.6))
    _fit(axes, (height, width), float(proportion), place[2] / place[3])
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def _fit(axes: Axes, size: Size, proportion: float, panel: float) -> None:
    """Centres the grid (height, width) in a panel of width / height `panel`; cells are `proportion` times as high."""
    height, width = size[0] * proportion, float(size[1])
    half_height = max(height, width / panel) * 0.52
    half_width = half_height * panel
    middle_x, middle_y = (size[1] - 1) / 2, (size[0] - 1) / 2
    axes.set_aspect("auto")
    axes.set_xlim(middle_x - half_width, middle_x + half_width)
    axes.set_ylim(middle_y + half_height / proportion, middle_y - half_height / proportion)


def _side(index: int) -> str:
    name = BOULDERING_25.keypoints[index]
    return next(side for side in SIDES if name.startswith(side))


def _skeleton(axes: Axes, keypoints: np.ndarray, visibility: np.ndarray) -> None:
    """Limbs between visible keypoints [K, 2], and the keypoints, coloured by side."""
    limbs = [limb for limb in BOULDERING_25.limbs if visibility[list(limb)].all()]
    colours = [SIDES[_side(a) if _side(a) == _side(b) else ""] for a, b in limbs]
    axes.add_collection(LineCollection([keypoints[list(limb)] for limb in limbs], colors=colours, linewidths=1.3))
    points = np.flatnonzero(visibility)
    colours = [SIDES[_side(int(i))] for i in points]
    axes.scatter(keypoints[points, 0], keypoints[points, 1], s=7, c=colours, linewidths=0, zorder=3)


def save_page(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG, beside its name first. The same figure gives the same bytes."""
    with files.replacing(path) as partial:
        figure.savefig(partial, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None})
