"""Fast motion before and after: one coordinate of one keypoint of a kick, a cartwheel and a sprint."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from comparisons.motion import Recording, recorded
from comparisons.smoothers import smoother
from kerasmooth.skeletons import BOULDERING_25

SHOWN = (
    (Recording("kick", 30, 1.0, False, 0, "5 % single"), "ankle", 1, 1.2),
    (Recording("cartwheel", 240, 1.0, False, 0), "wrist", 0, 1.0),
    (Recording("sprint", 60, 2.0, True, 0), "ankle", 1, 1.0),
)
"""Recording, part of the body (the faster side is drawn), axis, seconds around the fastest moment."""


def draw(path: Path) -> None:
    """Writes a PNG: left where the keypoint goes, right how far `auto` and a Butterworth of 6 Hz are from the truth."""
    figure, axes = plt.subplots(len(SHOWN), 2, figsize=(12, 3.2 * len(SHOWN)), layout="constrained")
    for (whole, errors), (recording, part, axis, seconds) in zip(axes, SHOWN, strict=True):
        points, measured, _ = recorded(recording)
        sides = [BOULDERING_25.index(f"{side}_{part}") for side in ("left", "right")]
        speed = np.linalg.norm(np.gradient(points[:, sides], axis=0), axis=-1)
        keypoint = sides[int(speed.max(axis=0).argmax())]
        middle = int(speed.max(axis=1).argmax())
        half = int(seconds / 2 * recording.rate)
        near = slice(max(middle - half, 0), middle + half)
        times = np.arange(len(points))[near] / recording.rate
        whole.plot(times, points[near, keypoint, axis], color="black", linewidth=3, alpha=0.3, label="truth")
        whole.plot(times, measured[near, keypoint, axis], ".", color="tab:gray", label="detections")
        for method, colour in (("auto", "tab:blue"), ("butterworth", "tab:orange")):
            result = smoother(method, {})(measured, None, recording.rate, BOULDERING_25.name)
            whole.plot(times, result[near, keypoint, axis], color=colour, label=method)
            off = np.linalg.norm(result - points, axis=-1)[near, keypoint]
            errors.plot(times, off, color=colour, label=method)
        errors.plot(times, np.linalg.norm(measured - points, axis=-1)[near, keypoint], ".", color="tab:gray")
        noise = f"{recording.level:g} % {'lasting' if recording.lasting else 'white'} noise"
        fault = f", outliers: {recording.fault}" if recording.fault else ""
        whole.set_title(f"{recording.kind}, {recording.rate} frames/s, {noise}{fault}: {part}, {'xy'[axis]} in px")
        errors.set_title("distance to the truth, px")
        errors.set_ylim(0, 4 * np.median(np.linalg.norm(measured - points, axis=-1)))
    axes[0, 0].legend()
    for axis_ in axes[-1]:
        axis_.set_xlabel("seconds")
    figure.savefig(path, dpi=80)
    plt.close(figure)
