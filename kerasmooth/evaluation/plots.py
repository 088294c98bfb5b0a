"""What the pictures of an evaluation and those of the report draw alike; no TensorFlow."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from kerasmooth.evaluation.results import CURVE_THRESHOLDS, IDENTITY, Shares
from kerasmooth.metrics import THRESHOLDS
from kerasmooth.skeletons import BOULDERING_25

Styles = dict[str, dict[str, Any]]
"""Row -> how its lines are drawn."""
_COARSE = " (argmax)"
"""Ends the name of a row of which there is a finer reading too."""


def styles_of(kinds: Mapping[str, str]) -> Styles:
    """By name of a row, of its kind: dotted is what needs no training, dashed no smoothing and a coarser reading."""
    models = list(dict.fromkeys(_without_decoder(name) for name, kind in kinds.items() if kind == "model"))
    others = [name for name, kind in kinds.items() if kind != "model"]
    styles: Styles = {}
    for name, kind in kinds.items():
        if kind == IDENTITY:
            styles[name] = {"color": "0.3", "linestyle": "--"}
        elif kind == "model":
            index = models.index(_without_decoder(name))
            color = colormaps["tab10" if len(models) <= 10 else "tab20"](index % 20)
            styles[name] = {"color": color, "linestyle": "--" if name.endswith(_COARSE) else "-"}
        else:
            index = others.index(name)
            styles[name] = {"color": colormaps["Dark2"](index % 8), "linestyle": ":" if index < 8 else "-."}
    return styles


def _without_decoder(name: str) -> str:
    return name.removesuffix(_COARSE).removesuffix(" (dark)")


def percent(values: Shares) -> np.ndarray:
    """Shares in per cent, NaN for None."""
    return 100 * np.array(values, np.float64)


def draw_curves(axes: Axes, curves: Mapping[str, Shares], styles: Styles) -> None:
    """PCK at CURVE_THRESHOLDS of rows; the published thresholds are marked."""
    for name, shares in curves.items():
        axes.plot(CURVE_THRESHOLDS, percent(shares), label=name, **styles[name])
    for threshold in THRESHOLDS:
        axes.axvline(threshold, color="0.6", linestyle=":", linewidth=1)
    axes.set(xlabel="share of the torso diameter", ylabel="keypoints within [%]", ylim=(0, 100), xlim=(0, 0.5))
    axes.label_outer()


def draw_keypoints(axes: Axes, rows: Mapping[str, Mapping[str, Shares]], styles: Styles, at: float) -> None:
    """PCK of rows by keypoint at one of THRESHOLDS, as bars; what was not judged is left out."""
    index, width = THRESHOLDS.index(at), 0.85 / len(rows)
    names = [name for name, values in next(iter(rows.values())).items() if values[index] is not None]
    for number, (label, shares) in enumerate(rows.items()):
        places = np.arange(len(names)) - 0.425 + (number + 0.5) * width
        heights = percent(tuple(shares[name][index] for name in names))
        hatch = "///" if label.endswith(_COARSE) and styles[label]["linestyle"] == "--" else ""
        axes.bar(places, heights, width, label=label, color=styles[label]["color"], hatch=hatch)
    axes.set_xticks(range(len(names)), [name.replace("_", " ") for name in names], rotation=60, ha="right")
    axes.set(ylabel=f"PCK@{at:g} [%]", ylim=(0, 100))
    axes.label_outer(remove_inner_ticks=False)


def draw_skeleton(
    axes: Axes, keypoints: np.ndarray, visibility: np.ndarray, colours: str | Sequence[str], width: float
) -> None:
    """Limbs between visible keypoints [K, 2], and the keypoints, in one colour or one for each; white between two."""
    of_keypoint = np.broadcast_to(colours, len(keypoints))
    limbs = [limb for limb in BOULDERING_25.limbs if visibility[list(limb)].all()]
    of_limb = [of_keypoint[a] if of_keypoint[a] == of_keypoint[b] else "white" for a, b in limbs]
    lines = [keypoints[list(limb)] for limb in limbs]
    axes.add_collection(LineCollection(lines, colors=of_limb, linewidths=width, capstyle="round"))
    x, y = keypoints[visibility].T
    axes.scatter(x, y, s=(width + 2) ** 2 / 2, c=of_keypoint[visibility].tolist(), linewidths=0, zorder=3)
